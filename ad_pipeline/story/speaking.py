"""How long a line takes to say, and whether it fits its scene."""

from __future__ import annotations

import functools
import re
from typing import Literal

from ad_pipeline.story.hangul import final_of, is_hangul
from ad_pipeline.story.spoken_form import clauses_of, spoken_form

CLAUSE_PAUSE_S = 0.14
SENTENCE_PAUSE_S = 0.28
LINE_PAUSE_S = 0.34

AIR_S = 0.25
"""Silence that a scene needs before its voice, and again behind it."""

_READ_PER_S = {"ko": 12.0, "en": 20.0}
"""Letters that one reads in a second, as subtitles are made for adults."""

_VOWELS = re.compile(r"[aeiouy]+")
_SILENT_E = re.compile(r"(?<=[^aeiouyl])e$|(?<=[^td])ed$")

# Fitted to the guide voice at its own pace over 45 clauses, then 6 % up, so that it errs to the long side:
# seconds per syllable, per closing consonant (ko) or consonant letter (en), per clause.
_PER_SYLLABLE_S = {"ko": 0.120, "en": 0.071}
_PER_CONSONANT_S = {"ko": 0.069, "en": 0.066}
_PER_CLAUSE_S = {"ko": 0.19, "en": 0.24}
_TAIL_S = 0.09


def spoken_seconds(text: str, language: Literal["ko", "en"], speed: float = 1.0) -> float:
    """How long `text` takes to say, its inner pauses included; 0 when nothing in it is spoken."""
    clauses = [c for c in clauses_of(text) if _clause_seconds(c, language)]
    if not clauses:
        return 0.0
    said_s = sum(_clause_seconds(clause, language) for clause in clauses)
    pauses_s = sum(SENTENCE_PAUSE_S if c.rstrip()[-1:] in ".!?…。！？" else CLAUSE_PAUSE_S for c in clauses[:-1])
    return (said_s + pauses_s) / speed + _TAIL_S


def needed_seconds(text: str, language: Literal["ko", "en"], speed: float = 1.0) -> float:
    """How long a scene must be to say `text`, with air before and behind; 0 when nothing is spoken."""
    spoken_s = spoken_seconds(text, language, speed)
    return spoken_s + 2 * AIR_S if spoken_s else 0.0


def fits(text: str, duration_s: float, language: Literal["ko", "en"], speed: float = 1.0) -> bool:
    """Whether a scene of `duration_s` has room for `text` and its air."""
    return needed_seconds(text, language, speed) <= duration_s


def reading_seconds(text: str, language: Literal["ko", "en"]) -> float:
    """How long it takes to read `text`."""
    return len("".join(text.split())) / _READ_PER_S[language]


def syllables(spoken: str, language: Literal["ko", "en"]) -> int:
    """Syllables of a spoken form."""
    if language == "ko":
        return sum(is_hangul(letter) for letter in spoken)
    return sum(_english_syllables(word) for word in _words(spoken))


@functools.lru_cache(4096)
def _clause_seconds(clause: str, language: Literal["ko", "en"]) -> float:
    spoken = spoken_form(clause, language)
    if not any(letter.isalnum() for letter in spoken):
        return 0.0
    if language == "ko":
        consonants = sum(1 for letter in spoken if is_hangul(letter) and final_of(letter))
    else:
        consonants = sum(1 for word in _words(spoken) for letter in word if letter not in "aeiouy'")
    return (
        _PER_CLAUSE_S[language]
        + _PER_SYLLABLE_S[language] * syllables(spoken, language)
        + _PER_CONSONANT_S[language] * consonants
    )


def _words(spoken: str) -> list[str]:
    return re.findall(r"[a-z']+", spoken.lower())


def _english_syllables(word: str) -> int:
    return 1 if len(word) == 1 else max(1, len(_VOWELS.findall(_SILENT_E.sub("", word))))
