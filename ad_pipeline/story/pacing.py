"""How long each word of a line is expected to last, and where the line's clauses end: what an alignment needs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from ad_pipeline.media.alignment import Break, Piece
from ad_pipeline.story.hangul import is_hangul, parts_of
from ad_pipeline.story.lexicon import Lexicon
from ad_pipeline.story.said import SaidWord, said_words
from ad_pipeline.story.speaking import syllables
from ad_pipeline.story.spoken_form import clauses_of

# Fitted to the words of 15 lines by two voices of the guide voice in connected speech, in lengths of its average
# word: the standard error is 11 % of it (ko) and 16 % (en). Weights fitted to single words erred by 14 % and 29 %
# there, for a speaker slurs "of the" and draws out what ends a clause. Only the shares matter: an alignment finds
# the pace in the sound.
_WORD_S = 0.36
_KOREAN = {
    "word": 0.12,
    "syllable": 0.201,
    "closed": 0.125,
    "strong": 0.055,
    "open": -0.092,
    "gliding": 0.133,
    "stopped": 0.035,
    "space": 0.088,
    "last": 0.216,
}
_ENGLISH = {
    "word": 0.287,
    "syllable": 0.047,
    "consonant": 0.09,
    "stop": -0.019,
    "hiss": -0.05,
    "long": 0.011,
    "liquid": -0.071,
    "hyphen": 0.176,
    "double": -0.084,
    "short": 0.028,
    "last_hiss": 0.07,
    "last_open": 0.044,
    "silent": -0.066,
    "spelled": -0.066,
    "space": 0.435,
    "function": -0.233,
    "letters": 0.097,
    "last": 0.281,
}
# The same for a voice that speaks each word apart, as careful ones do: nothing is slurred.
_KOREAN_APART = {
    "word": 0.195,
    "syllable": 0.192,
    "closed": 0.124,
    "strong": 0.052,
    "open": -0.104,
    "gliding": 0.135,
    "stopped": 0.025,
    "space": 0.092,
}
_ENGLISH_APART = {
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
    "letters": re.compile(r"[^ ]"),
    "function": re.compile(
        r"\b(?:a|an|the|to|of|in|is|it|and|or|but|your|you|that|for|with|at|be|are|on|by|will|we|our|from|as|its|his|"
        r"her|my|there|should|than|when|because)\b"
    ),
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
                    expected_s=expected_seconds(word, language, last=bool(spoken) and at == spoken[-1]),
                    apart_s=apart_seconds(word, language),
                    ends=end if spoken and at == spoken[-1] else "",
                )
                for at, word in enumerate(words)
            )
        )
    return tuple(found)


def expected_seconds(word: SaidWord, language: Literal["ko", "en"], *, last: bool) -> float:
    """About how long the word lasts inside a clause or as its `last` one; 0 when nothing of it is said."""
    return _length(word.said, _KOREAN if language == "ko" else _ENGLISH, last=last)


def apart_seconds(word: SaidWord, language: Literal["ko", "en"]) -> float:
    """About how long the word lasts where a voice speaks every word apart."""
    return _length(word.said, _KOREAN_APART if language == "ko" else _ENGLISH_APART, last=False)


def _length(said: str, weights: Mapping[str, float], *, last: bool) -> float:
    if not said:
        return 0.0
    counts = _korean_sounds(said) if weights in (_KOREAN, _KOREAN_APART) else _english_sounds(said)
    length = weights["word"] + weights["space"] * (len(said.split()) - 1) + weights.get("last", 0.0) * last
    return max(0.15, length + sum(weights.get(name, 0.0) * count for name, count in counts.items())) * _WORD_S


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
