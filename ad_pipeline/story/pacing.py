"""How long each word of a line is expected to last, and where the line's clauses end: what an alignment needs."""

from __future__ import annotations

import re
from typing import Literal

from ad_pipeline.media.alignment import Break, Piece
from ad_pipeline.story.hangul import is_hangul, parts_of
from ad_pipeline.story.lexicon import Lexicon
from ad_pipeline.story.said import SaidWord, said_words
from ad_pipeline.story.speaking import syllables
from ad_pipeline.story.spoken_form import clauses_of

# Fitted to 600 single words of two voices of the guide voice, in lengths of its average word: the standard error is
# 10 % of a word (ko) and 12 % (en), against 19 % and 24 % by syllables alone. Only the shares matter: an alignment
# finds the pace in the sound.
_WORD_S = 0.42
_KOREAN = {
    "word": 0.195, "syllable": 0.192, "closed": 0.124, "strong": 0.052, "open": -0.104, "gliding": 0.135,
    "stopped": 0.025, "space": 0.092,
}  # fmt: skip
_ENGLISH = {
    "word": 0.412,
    "syllable": 0.073,
    "consonant": 0.082,
    "stop": 0.021,
    "hiss": 0.038,
    "long": 0.148,
    "liquid": 0.034,
    "space": 0.307,
    "hyphen": 0.155,
    "double": -0.18,
    "short": 0.068,
    "last_hiss": 0.051,
    "last_open": 0.061,
    "silent": -0.061,
    "spelled": -0.042,
}
_ENGLISH_SOUNDS = {
    "consonant": re.compile(r"[b-df-hj-np-tv-xz]"),
    "stop": re.compile(r"[pbtdkgc]"),
    "hiss": re.compile(r"sh|th|ch|[szfvxh]"),
    "long": re.compile(r"[aeiouy]{2}|[aeiou][^aeiouyr\W]e\b"),
    "liquid": re.compile(r"[lrmnwy]"),
    "hyphen": re.compile(r"-"),
    "double": re.compile(r"([b-df-hj-np-tv-z])\1"),
    "short": re.compile(r"(?<![aeiouy])[aeiou](?=[^aeiouyr\W](?:[^aeiouy\W]|\b))"),
    "last_hiss": re.compile(r"(?:[szxf]|th|sh|ch|ce|se)\b"),
    "last_open": re.compile(r"[aeiouywr]\b"),
    "silent": re.compile(r"[gk]h|kn|wr|ght|wh|e\b"),
    "spelled": re.compile(r"\b[a-z]\b"),
}
_SENTENCE_ENDS = ".!?…。！？"


def clause_pieces(
    text: str, language: Literal["ko", "en"], lexicon: Lexicon | None = None
) -> tuple[tuple[Piece, ...], ...]:
    """The written words of `text` in its clauses, each with its expected length; 0 for an emoji."""
    found: list[tuple[Piece, ...]] = []
    for clause in clauses_of(text):
        words = said_words(clause, language, lexicon)
        spoken = [at for at, word in enumerate(words) if word.said]
        end: Break = "sentence" if clause.rstrip()[-1:] in _SENTENCE_ENDS else "clause"
        found.append(
            tuple(
                Piece(
                    text=word.written,
                    expected_s=expected_seconds(word, language),
                    ends=end if spoken and at == spoken[-1] else "",
                )
                for at, word in enumerate(words)
            )
        )
    return tuple(found)


def expected_seconds(word: SaidWord, language: Literal["ko", "en"]) -> float:
    """About how long the word lasts inside a line; 0 when nothing of it is said."""
    if not word.said:
        return 0.0
    counts = _korean_sounds(word.said) if language == "ko" else _english_sounds(word.said)
    weights = _KOREAN if language == "ko" else _ENGLISH
    spaces = len(word.said.split()) - 1
    length = weights["word"] + weights["space"] * spaces + sum(weights[name] * n for name, n in counts.items())
    return max(0.1, length) * _WORD_S


def _korean_sounds(said: str) -> dict[str, int]:
    parts = [parts_of(letter) for letter in said if is_hangul(letter)]
    return {
        "syllable": len(parts),
        "closed": sum(bool(final) for _, _, final in parts),
        "strong": sum(initial in "ㅊㅋㅌㅍㄲㄸㅃㅆㅉㅅㅎㅈ" for initial, _, _ in parts),
        "open": sum(initial == "ㅇ" for initial, _, _ in parts),
        "gliding": sum(vowel in "ㅑㅒㅕㅖㅛㅠㅘㅙㅝㅞㅢ" for _, vowel, _ in parts),
        "stopped": sum(final != "" and final in "ㄱㄲㅋㄷㅅㅆㅈㅊㅌㅎㅂㅍ" for _, _, final in parts),
    }


def _english_sounds(said: str) -> dict[str, int]:
    low = said.lower()
    counts = {name: len(pattern.findall(low)) for name, pattern in _ENGLISH_SOUNDS.items()}
    return {"syllable": syllables(said, "en"), **counts}
