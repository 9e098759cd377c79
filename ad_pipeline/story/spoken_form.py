"""What a written line sounds like: numbers, prices, units and foreign words as plain words.

The estimate of a line's length and the guide voice both read this, so that they agree.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from ad_pipeline.story.hangul import from_latin, to_latin
from ad_pipeline.story.numerals import english, native_korean, sino_korean

_NUMBER = r"\d+(?:\.\d+)?"
_NATIVE_COUNTERS = "시간|시|개|번|병|명|살|가지|방울|장|겹|잔|달|통|송이|단계"
_KOREAN_UNITS = {
    "%": "퍼센트", "％": "퍼센트", "ml": "밀리리터", "l": "리터", "mg": "밀리그램", "kg": "킬로그램", "g": "그램",
    "cm": "센티미터", "mm": "밀리미터", "m": "미터", "km": "킬로미터", "℃": "도", "°c": "도", "kcal": "킬로칼로리",
}  # fmt: skip
_ENGLISH_UNITS = {
    "%": "percent", "％": "percent", "ml": "milliliters", "l": "liters", "mg": "milligrams", "kg": "kilograms",
    "g": "grams", "cm": "centimeters", "mm": "millimeters", "m": "meters", "km": "kilometers", "℃": "degrees",
    "°c": "degrees", "kcal": "kilocalories",
}  # fmt: skip
_UNIT = r"(%|％|℃|°[cC]|(?:[mM][lL]|[mk]?g|[cmk]?m|kcal|[lL])(?![A-Za-z]))"
_CURRENCIES = {"₩": ("원", "won"), "$": ("달러", "dollars"), "€": ("유로", "euros"), "¥": ("엔", "yen")}
_CLAUSE = re.compile(
    r"[^.,!?…;:~\n。、！？，·—]*(?:(?<=\d)[.,:](?=\d)[^.,!?…;:~\n。、！？，·—]*)*[.,!?…;:~\n。、！？，·—]*\s*"
)


def clauses_of(text: str) -> tuple[str, ...]:
    """`text` cut where a speaker breathes; the pieces keep their punctuation."""
    pieces = [piece.strip() for piece in _CLAUSE.findall(_guarded(text))]
    kept: list[str] = []
    for piece in pieces:
        if re.search(r"\w", piece):
            kept.append(piece.replace("\u223c", "~").replace("\u2024", "."))
        elif piece and kept:
            kept[-1] += piece
    return tuple(kept)


def _guarded(text: str) -> str:
    """Marks that belong to a number or a title get stand-ins, so that no clause ends there."""
    text = re.sub(r"(?<=\d)~(?=\d)", "\u223c", text)
    return re.sub(r"(?i)(?<=\bno)\.(?=\s?\d)", "\u2024", text)


def spoken_form(text: str, language: Literal["ko", "en"]) -> str:
    """`text` as words of `language` and plain punctuation; emoji and marks that nobody reads are gone."""
    plain = unicodedata.normalize("NFC", text)
    plain = re.sub(r"(?<=\d),(?=\d{3})", "", plain)
    said = _korean(plain) if language == "ko" else _english(plain)
    said = re.sub(r"[^\w\s.,!?'-]", " ", said).replace("_", " ")
    return re.sub(r"\s+", " ", said).strip()


def _korean(text: str) -> str:
    text = re.sub(r"(?i)\bno\.?\s?1\b", "넘버원", text)
    text = re.sub(r"(?<!\d)1\+1(?!\d)", "원 플러스 원", text)
    text = re.sub(r"(?<!\d)2\+1(?!\d)", "투 플러스 원", text)
    text = re.sub(
        r"(?i)\bPA(\++)", lambda m: f"피에이 {['', '원', '투', '쓰리', '포'][min(4, len(m[1]))]} 플러스", text
    )
    text = re.sub(rf"([₩$€¥])\s?({_NUMBER})", lambda m: f"{m[2]}{_CURRENCIES[m[1]][0]}", text)
    text = re.sub(rf"({_NUMBER})\s?{_UNIT}", lambda m: f"{sino_korean(m[1])} {_KOREAN_UNITS[m[2].lower()]}", text)
    text = re.sub(r"\b0\d+(-\d+)+\b", lambda m: " ".join(map(sino_korean, re.sub(r"-", "", m[0]))), text)
    text = re.sub(r"(?<=\d)\s?[~∼-]\s?(?=\d)", "에서 ", text)
    text = re.sub(r"(?<=\d):(?=\d)", " 대 ", text)
    text = re.sub(r"(?<!\d)1(?=[만천백])", "", text)
    text = re.sub(
        rf"(?<![\d.])(\d{{1,2}})\s?({_NATIVE_COUNTERS})(?!럼)", lambda m: f"{native_korean(int(m[1]))} {m[2]}", text
    )
    text = re.sub(rf"({_NUMBER})(?=원)", lambda m: f"{sino_korean(m[1])} ", text)
    text = re.sub(_NUMBER, lambda m: f" {sino_korean(m[0])}", text)
    text = text.replace("+", " 플러스 ").replace("&", " 앤드 ")
    return re.sub(r"[A-Za-z]+", lambda m: from_latin(m[0]), text)


def _english(text: str) -> str:
    text = re.sub(r"(?i)\bno\.\s?(?=\d)", "number ", text)
    text = re.sub(rf"([₩$€¥])\s?({_NUMBER})", lambda m: f"{m[2]} {_CURRENCIES[m[1]][1]}", text)
    text = re.sub(rf"({_NUMBER})\s?{_UNIT}", lambda m: f"{m[1]} {_ENGLISH_UNITS[m[2].lower()]}", text)
    text = re.sub(r"(?<=\d)\s?[~∼-]\s?(?=\d)", " to ", text)
    text = re.sub(r"\b(SPF|PA|UV)(?=[\d+ABab]|\b)", lambda m: f" {' '.join(m[1])} ", text)
    text = re.sub(_NUMBER, lambda m: f" {english(m[0])} ", text)
    text = re.sub(r"\s+(?=[-'’.,!?])", "", text)
    text = text.replace("+", " plus ").replace("&", " and ").replace("\u2019", "'")
    return to_latin(text)
