"""Korean letters: final consonants, the particles that follow from them, and reading across scripts."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from ad_pipeline.story.lexicon import GENERAL
from ad_pipeline.story.numerals import sino_korean

Particle = Literal["은", "이", "을", "와", "으로", "이에요", "이라면", "아"]

_FIRST, _LAST = 0xAC00, 0xD7A3
_INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_FINALS = " ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"
_ROMAN_INITIALS = ["g", "kk", "n", "d", "tt", "r", "m", "b", "pp", "s", "ss", "", "j", "jj", "ch", "k", "t", "p", "h"]
_ROMAN_VOWELS = [
    "a", "ae", "ya", "yae", "eo", "e", "yeo", "ye", "o", "wa", "wae", "oe", "yo", "u", "wo", "we", "wi", "yu",
    "eu", "ui", "i",
]  # fmt: skip
_ROMAN_FINALS = [
    "", "k", "k", "k", "n", "n", "n", "t", "l", "k", "m", "l", "l", "l", "p", "l", "m", "p", "p", "t", "t", "ng",
    "t", "t", "k", "t", "p", "t",
]  # fmt: skip

# with a final consonant, without one
_FORMS: dict[str, tuple[str, str]] = {
    "은": ("은", "는"), "이": ("이", "가"), "을": ("을", "를"), "와": ("과", "와"), "으로": ("으로", "로"),
    "이에요": ("이에요", "예요"), "이라면": ("이라면", "라면"), "아": ("아", "야"),
}  # fmt: skip

_LETTERS = dict(
    zip(
        "abcdefghijklmnopqrstuvwxyz",
        (
            "에이 비 씨 디 이 에프 지 에이치 아이 제이 케이 엘 엠 엔 오 피 큐 알 에스 티 유 브이 더블유 엑스 와이 제트"
        ).split(),
        strict=True,
    )
)

_SOUNDS = re.compile(r"tion|sh|ch|th|ph|ck|ng(?![aeiou])|qu|oo|ee|ea|ai|ay|oa|ow|ou|oi|oy|au|eu|ie|[a-z]")
_VOWEL_OF = {
    "a": "ㅏ", "e": "ㅔ", "i": "ㅣ", "o": "ㅗ", "u": "ㅜ", "y": "ㅣ", "oo": "ㅜ", "ee": "ㅣ", "ea": "ㅣ", "ai": "ㅔㅣ",
    "ay": "ㅔㅣ", "oa": "ㅗ", "ow": "ㅗㅜ", "ou": "ㅏㅜ", "oi": "ㅗㅣ", "oy": "ㅗㅣ", "au": "ㅗ", "eu": "ㅠ",
    "ie": "ㅣ",
}  # fmt: skip
_INITIAL_OF = {
    "b": "ㅂ", "c": "ㅋ", "d": "ㄷ", "f": "ㅍ", "g": "ㄱ", "h": "ㅎ", "j": "ㅈ", "k": "ㅋ", "l": "ㄹ", "m": "ㅁ",
    "n": "ㄴ", "p": "ㅍ", "r": "ㄹ", "s": "ㅅ", "t": "ㅌ", "v": "ㅂ", "w": "ㅇ", "x": "ㅈ", "z": "ㅈ", "sh": "ㅅ",
    "ch": "ㅊ", "th": "ㅅ", "ph": "ㅍ", "ck": "ㅋ", "q": "ㅋ", "ng": "ㅇ",
}  # fmt: skip
_FINAL_OF = {"l": "ㄹ", "m": "ㅁ", "n": "ㄴ", "ng": "ㅇ", "k": "ㄱ", "ck": "ㄱ", "p": "ㅂ", "t": "ㅅ", "b": "ㅂ"}


def is_hangul(letter: str) -> bool:
    """Whether it is one whole Hangul syllable."""
    return len(letter) == 1 and _FIRST <= ord(letter) <= _LAST


def parts_of(letter: str) -> tuple[str, str, str]:
    """The initial, vowel and final of one Hangul syllable; the final may be empty."""
    rest, final = divmod(ord(letter) - _FIRST, 28)
    initial, vowel = divmod(rest, 21)
    return _INITIALS[initial], _VOWELS[vowel], _FINALS[final].strip()


def final_of(word: str) -> str:
    """The final consonant heard at the end of `word`, in any script; empty for a vowel or no sound."""
    if word.rstrip().endswith("+"):
        return ""
    bare = re.sub(r"[^0-9A-Za-z\uac00-\ud7a3]+$", "", word)
    tail = re.search(r"[0-9]+$|[A-Za-z]+$|[\uac00-\ud7a3]$", bare)
    if not tail:
        return ""
    heard = tail[0]
    if heard[0].isdigit():
        heard = sino_korean(heard)
    elif not is_hangul(heard[0]):
        heard = from_latin(heard)
    return _FINALS[(ord(heard[-1]) - _FIRST) % 28].strip() if is_hangul(heard[-1]) else ""


def particle(word: str, kind: Particle) -> str:
    """The form of the particle that follows `word`: `particle("크림", "은")` is 은, after 팩트 it is 는."""
    final = final_of(word)
    closed, opened = _FORMS[kind]
    if kind == "으로" and final == "ㄹ":
        return opened
    return closed if final else opened


def with_particle(word: str, kind: Particle) -> str:
    """`word` with its particle attached."""
    return word + particle(word, kind)


def from_latin(word: str) -> str:
    """A Latin word as a Korean would roughly say it: known words, spelled-out capitals, else by sound."""
    if known := GENERAL.said(word, "ko"):
        return known
    plain = unicodedata.normalize("NFD", word)
    word = "".join(letter for letter in plain if letter.isascii() and letter.isalpha()) or "e"
    low = word.lower()
    spelled = len(word) == 1 or (word.isupper() and len(word) <= 4) or not re.search(r"[aeiouy]", low)
    return "".join(_LETTERS[c] for c in low) if spelled else _by_sound(low)


def to_latin(text: str) -> str:
    """Hangul in `text` as letters, for a voice that reads English."""
    return "".join(_roman(letter) if is_hangul(letter) else letter for letter in text)


def _roman(letter: str) -> str:
    rest, final = divmod(ord(letter) - _FIRST, 28)
    initial, vowel = divmod(rest, 21)
    return _ROMAN_INITIALS[initial] + _ROMAN_VOWELS[vowel] + _ROMAN_FINALS[final]


def _syllable(initial: str, vowel: str, final: str = " ") -> str:
    at = (_INITIALS.index(initial) * 21 + _VOWELS.index(vowel)) * 28 + _FINALS.index(final)
    return chr(_FIRST + at)


def _by_sound(word: str) -> str:
    word = re.sub(r"(?<=m)b$", "", word)
    if re.search(r"[^aeiouylr]le$", word):
        return _closed_by_l(word)
    if re.search(r"[aeiouy].*[^aeiouy]e$", word):
        word = word[:-1]
    sounds = _SOUNDS.findall(re.sub(r"([a-z])\1", lambda m: m[0] if m[0] in ("oo", "ee") else m[1], word))
    said: list[str] = []
    initial = ""
    for at, sound in enumerate(sounds):
        following = sounds[at + 1] if at + 1 < len(sounds) else ""
        if sound in ("tion", "qu"):
            said.append("션" if sound == "tion" else "쿠")
        elif sound in _VOWEL_OF:
            first, *others = _VOWEL_OF[sound]
            said.append(_syllable(initial or "ㅇ", first))
            said.extend(_syllable("ㅇ", other) for other in others)
            initial = ""
        elif following in _VOWEL_OF:
            if sound == "l" and said:
                said[-1] = _closed(said[-1], "ㄹ")
            initial = _INITIAL_OF.get(sound, "ㅇ")
        elif sound in _FINAL_OF and said and _is_open(said[-1]):
            said[-1] = _closed(said[-1], _FINAL_OF[sound])
        elif sound == "r" and said:
            continue
        else:
            said.append(_syllable(_INITIAL_OF.get(sound, "ㅇ"), "ㅡ"))
    return "".join(said)


def _closed_by_l(word: str) -> str:
    """`bottle`, `bubble`: the last sound is a consonant with 을."""
    stem, consonant = word[:-3].rstrip(word[-3]), word[-3]
    return (_by_sound(stem) if stem else "") + _syllable(_INITIAL_OF.get(consonant, "ㅇ"), "ㅡ", "ㄹ")


def _is_open(letter: str) -> bool:
    return (ord(letter) - _FIRST) % 28 == 0


def _closed(letter: str, final: str) -> str:
    return chr(ord(letter) + _FINALS.index(final)) if _is_open(letter) else letter
