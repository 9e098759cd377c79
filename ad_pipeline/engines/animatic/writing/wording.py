"""Putting words of the brief into sentences: names shortened sensibly, lines broken, risky words kept out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from ad_pipeline.story.brief import StoryLanguage
from ad_pipeline.story.claims import flags_of
from ad_pipeline.story.hangul import Particle, is_hangul, particle
from ad_pipeline.story.words import says

LONGEST_NAME = {"ko": 16, "en": 30}
LINE_LETTERS = {"ko": 16, "en": 24}

# Words that make a cosmetic sound like a medicine, and words that only a measured claim may use.
_MEDICAL = {
    "치료", "완치", "재생", "회춘", "항염", "살균", "처방", "임상", "효과", "효능", "개선", "제거", "보장",
    "부작용", "의학",
    "cure", "cures", "heal", "heals", "healing", "medical", "treat", "treats", "treatment", "clinical", "clinically",
    "proven", "guarantee", "guaranteed", "eliminate", "eliminates", "anti-inflammatory",
}  # fmt: skip
# A concept may talk about the film instead of telling it.
_ABOUT_THE_FILM = re.compile(
    r"광고|영상|장면|컷|보여|강조|타깃|타겟|캠페인|소비자|고객에게|표현|(?i:\b(?:ad|video|film|scene|shot|show|shows|camera|campaign|viewer|audience|target)\b)"
)
_ARTICLE = re.compile(r"(?i)^(?:an?|the) ")
_SLOT = re.compile(r"<([a-z]+)(?::([가-힣]+))?>")
_SIZE = re.compile(r"\s*[\[(]?\b\d+(?:\.\d+)?\s?(?:ml|mL|g|oz|매|ea|EA|개입|호)(?![A-Za-z])[\])]?")


def filled(frame: str, values: Mapping[str, str], language: StoryLanguage) -> str:
    """`frame` with its <slots> filled in one pass, so that a value with marks of its own stays as it is."""

    def fill(slot: re.Match[str]) -> str:
        value = values[slot[1]]
        return value + (particle(value, cast(Particle, slot[2])) if slot[2] else "")

    text = _SLOT.sub(fill, frame)
    text = re.sub(r"([!?.…])[.!]+", r"\1", " ".join(text.split()))
    return _raised(text) if language == "en" else text


def short_name(product: str, language: StoryLanguage, noun: str) -> str:
    """The product's name as one says it: no sizes, no brackets, whole words only; else the kind of thing."""
    bare = " ".join(re.sub(r"\([^)]*\)|\[[^\]]*\]", " ", _SIZE.sub(" ", product)).split()) or product.strip()
    if len(bare) <= LONGEST_NAME[language]:
        return bare
    kept = ""
    for word in bare.split():
        longer = f"{kept} {word}".strip()
        if len(longer) > LONGEST_NAME[language]:
            break
        kept = longer
    return kept or (f"이 {noun}" if language == "ko" else f"this {noun}")


def is_clean(text: str, avoided: Iterable[str]) -> bool:
    """Whether none of the words to avoid stands in `text`."""
    return not any(says(text, word) for word in avoided)


def sayable(concept: str, language: StoryLanguage, *, names: Sequence[str] = ()) -> tuple[str, ...]:
    """The concept's sentences that an ad may say as they are: no notes about the film, no unproven effects.

    `names` are the product's and brand's own; see `story/claims.py`.
    """
    kept: list[str] = []
    for sentence in re.split(r"(?<=[.!?。])\s+|\n+", concept):
        bare = sentence.strip().rstrip(".。 ")
        if not 4 <= len(bare) <= 120 or _ABOUT_THE_FILM.search(bare) or not is_clean(bare, _MEDICAL):
            continue
        if not re.search(r"\w", bare) or flags_of(bare, language, names=names):
            continue
        in_hangul = any(is_hangul(letter) for letter in bare)
        if in_hangul == (language == "ko"):
            kept.append(_polite(bare) if language == "ko" else bare)
    return tuple(kept)


def shorter_parts(sentence: str, language: StoryLanguage) -> tuple[str, ...]:
    """Parts of a sentence that stand alone: before its comma; in Korean also what follows a word of place or time."""
    before, comma, _ = sentence.partition(",")
    parts = [before.strip()] if comma else []
    if language == "ko":
        parts += [part for part in re.split(r"(?<=에서도|부터는) |(?<=에서|에도|에는|지만) ", sentence, maxsplit=1)[1:]]
    # A single word, "A bee", says nothing beside a product's name.
    return tuple(part for part in parts if len(part) >= 4 and " " in _ARTICLE.sub("", part))


def on_screen(text: str, language: StoryLanguage, *, lines: int = 2) -> str:
    """`text` broken at spaces into balanced lines; empty when it does not fit."""
    limit = LINE_LETTERS[language]
    words = text.strip().rstrip(".").split()
    if not words:
        return ""
    for count in range(1, lines + 1):
        width = max(len(" ".join(words)) / count, 1)
        for slack in range(0, limit):
            broken = _broken(words, min(limit, int(width) + slack))
            if len(broken) <= count and all(len(line) <= limit for line in broken):
                return "\n".join(broken)
    return ""


def _broken(words: list[str], width: int) -> list[str]:
    broken = [words[0]]
    for word in words[1:]:
        if len(broken[-1]) + 1 + len(word) <= width:
            broken[-1] += f" {word}"
        else:
            broken.append(word)
    return broken


def _raised(text: str) -> str:
    """English sentences begin with a capital letter."""
    return re.sub(r"(^|[.!?…]\s+)([a-z])", lambda m: m[1] + m[2].upper(), text)


def _polite(sentence: str) -> str:
    """A plain ending in the polite form: 시작한다 is 시작합니다, 먹는다 먹습니다, 끝났다 끝났습니다, 켠다 켭니다."""
    if not re.search(r"[가-힣]다$", sentence):
        return sentence
    stem, last = sentence[:-2], sentence[-2]
    apart = unicodedata.normalize("NFD", last)
    if last == "는" and len(unicodedata.normalize("NFD", stem[-1:])) == 3:
        return f"{stem}습니다"
    if len(apart) == 3 and apart[2] == "\u11ab":
        return stem + unicodedata.normalize("NFC", f"{apart[:2]}\u11b8") + "니다"
    if apart[2:] in ("\u11bb", "\u11b9"):
        return f"{sentence[:-1]}습니다"
    return sentence
