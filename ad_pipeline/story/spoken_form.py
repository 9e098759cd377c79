"""What a written line sounds like: numbers, prices, units and foreign words as plain words.

The estimate of a line's length and every voice engine read this, so that they agree.
"""

from __future__ import annotations

import re
from typing import Literal

from ad_pipeline.story.lexicon import Lexicon
from ad_pipeline.story.said import said_words

_POINT, _COLON = "\u2024", "\u2236"
_CLAUSE = re.compile(
    r"[^.,!?…;:~\n。、！？，·—]*(?:(?<=\d)[.,:](?=\d)[^.,!?…;:~\n。、！？，·—]*)*[.,!?…;:~\n。、！？，·—]*\s*"
)


def clauses_of(text: str) -> tuple[str, ...]:
    """`text` cut where a speaker breathes; the pieces keep their punctuation."""
    pieces = [piece.strip() for piece in _CLAUSE.findall(_guarded(text))]
    kept: list[str] = []
    for piece in pieces:
        if re.search(r"\w", piece):
            kept.append(piece.replace("\u223c", "~").replace(_POINT, ".").replace(_COLON, ":"))
        elif piece and kept:
            kept[-1] += piece
    return tuple(kept)


def spoken_form(text: str, language: Literal["ko", "en"], lexicon: Lexicon | None = None) -> str:
    """`text` as words of `language` and plain punctuation; emoji and marks that nobody reads are gone."""
    return " ".join(word.said for word in said_words(text, language, lexicon) if word.said)


def _guarded(text: str) -> str:
    """Marks that belong to a number, a title or an address get stand-ins, so that no clause ends there."""
    text = re.sub(r"(?<=\d)~(?=\d)", "\u223c", text)
    text = re.sub(r"(?<=\d)\s?:\s?(?=\d)", lambda m: m[0].replace(":", _COLON), text)
    text = re.sub(r"(?i)(?<=://)|(?<=https):(?=//)|(?<=http):(?=//)", lambda m: _COLON if m[0] else "", text)
    text = re.sub(r"(?i)\b(?:no|ver|vol|dr|mr|mrs|ms|st|fl)\.(?=\s?[\dA-Z])", lambda m: m[0][:-1] + _POINT, text)
    text = re.sub(r"(?i)\b[ap]\.m\.(?!\s*$)", lambda m: m[0].replace(".", _POINT), text)
    return re.sub(r"(?<=[A-Za-z0-9])[.](?=[A-Za-z])", _POINT, text)
