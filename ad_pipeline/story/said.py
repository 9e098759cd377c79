"""The words of a text beside what is said for each, so that times of said letters go back to written words."""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ad_pipeline.story.lexicon import GENERAL, Lexicon
from ad_pipeline.story.saying import ATTACHED, Span, spans

_KEPT = ".,!?'-"
_INSTEAD = {
    "\u2018": "'", "\u2019": "'", "\u2010": "-", "\u2011": "-", "…": "...", "。": ".", "！": "!", "？": "?", "、": ",",
    "，": ",", ";": ",", ":": ",", "·": ", ", "—": ", ",
}  # fmt: skip
_DASHES = frozenset("-–—~")
_TAG = re.compile(r"\[[^\[\]]*\]")
_LEAST_ALIKE = 0.75
"""Below this share of common letters, the times are of another text."""


@dataclass(frozen=True, kw_only=True)
class SaidWord:
    """One word as it is written (several where one spoken thing needs them) and as it is said; nothing for an emoji."""

    written: str
    said: str


def said_words(text: str, language: Literal["ko", "en"], lexicon: Lexicon | None = None) -> tuple[SaidWord, ...]:
    """All words of `text` (NFC), in order; what is said, joined by spaces, is the text's spoken form."""
    plain = unicodedata.normalize("NFC", text)
    found = tuple(spans(plain, language, lexicon or GENERAL))
    words: list[SaidWord] = []
    for start, end in _groups(plain, found):
        inner = [span for span in found if start <= span.start < end]
        written = " ".join(plain[start:end].split())
        if written in _DASHES and words and words[-1].said[-1:].isalnum():
            words[-1] = SaidWord(written=words[-1].written, said=words[-1].said + ",")
        said = _said(plain, start, end, inner)
        # What a hyphen joins in Latin letters stands apart in Korean ones.
        words.append(SaidWord(written=written, said=said.replace("-", " ") if language == "ko" else said))
    return tuple(words)


def marks_from_characters(
    words: Sequence[SaidWord],
    characters: Sequence[str],
    starts_s: Sequence[float],
    ends_s: Sequence[float],
) -> tuple[tuple[str, float, float], ...] | None:
    """(written, start, end) for each word, from the times of the characters that were sent; None: of another text.

    Audio tags ([excited]) among the characters are passed over; a word of which nothing is said takes no time.
    """
    if not (len(characters) == len(starts_s) == len(ends_s)):
        return None
    if not all(math.isfinite(at) and at >= 0 for at in (*starts_s, *ends_s)):
        return None
    wanted = [(letter, place) for place, word in enumerate(words) for letter in _letters(word.said)]
    heard = _heard(characters)
    if not wanted or not heard:
        return None
    pairs = _paired([letter for letter, _ in wanted], [letter for letter, _ in heard])
    if len(pairs) < _LEAST_ALIKE * len(wanted):
        return None
    times: dict[int, tuple[float, float]] = {}
    for at, other in pairs:
        place, source = wanted[at][1], heard[other][1]
        start, end = starts_s[source], max(starts_s[source], ends_s[source])
        first, last = times.get(place, (start, end))
        times[place] = (min(first, start), max(last, end))
    return _placed(words, times)


def marks_from_words(
    words: Sequence[SaidWord], heard: Sequence[tuple[str, float, float]]
) -> tuple[tuple[str, float, float], ...] | None:
    """The same, from the times of whole words: an engine may cut them otherwise than they are written."""
    letters = [(letter, start, end, at / len(word), (at + 1) / len(word))
               for word, start, end in heard if word for at, letter in enumerate(word)]  # fmt: skip
    return marks_from_characters(
        words,
        [letter for letter, *_ in letters],
        [start + (end - start) * first for _, start, end, first, _ in letters],
        [start + (end - start) * last for _, start, end, _, last in letters],
    )


def _groups(text: str, found: Sequence[Span]) -> list[tuple[int, int]]:
    """The places of written words; those that one spoken thing covers are one."""
    groups: list[tuple[int, int]] = []
    covers = [(span.start, span.end) for span in found if re.search(r"\s", text[span.start : span.end])]
    for piece in re.finditer(r"\S+", text):
        start, end = piece.span()
        bridged = any(a < groups[-1][1] and start < b for a, b in covers) if groups else False
        if bridged:
            groups[-1] = (groups[-1][0], end)
        else:
            groups.append((start, end))
    return groups


def _said(text: str, start: int, end: int, inner: Sequence[Span]) -> str:
    out, at = "", start
    for span in inner:
        out += _raw(text[at : span.start])
        said = span.said
        if said.startswith(ATTACHED):
            said = said[1:]
        elif out and said and _is_word(out[-1]):
            out += " "
        # A Hangul word of one's own goes on behind a number (3일은); a Latin one stands apart.
        out += said + ("\x00" if said else "")
        at = span.end
    out += _raw(text[at:end])
    out = re.sub(r"\x00(?=[A-Za-z])", " ", out).replace("\x00", "")
    out = re.sub(r"(?<![^\W_])['-]|['-](?![^\W_])", " ", out)
    out = re.sub(r"(?:,\s*)+(?=[.,!?])", "", re.sub(r"\s+(?=[.,!?])", "", " ".join(out.split())))
    out = re.sub(r"^[.,!?\s]+", "", out)
    return out.strip() if any(_is_word(letter) for letter in out) else ""


def _raw(text: str) -> str:
    return "".join(_plain(letter) for letter in text)


def _plain(letter: str) -> str:
    if letter in _INSTEAD:
        return _INSTEAD[letter]
    return letter if letter in _KEPT or letter.isalnum() else " "


def _is_word(letter: str) -> bool:
    return letter.isalnum() or letter == "\x00"


def _letters(said: str) -> list[str]:
    return [c for c in unicodedata.normalize("NFD", said).casefold() if c.isalnum()]


def _heard(characters: Sequence[str]) -> list[tuple[str, int]]:
    """The letters among `characters`, decomposed, each with the place of its character; audio tags are left out."""
    text = "".join(characters)
    tagged = {at for tag in _TAG.finditer(text) for at in range(*tag.span())}
    found: list[tuple[str, int]] = []
    position = 0
    for place, character in enumerate(characters):
        if position not in tagged:
            found += [(letter, place) for letter in _letters(character)]
        position += len(character)
    return found


def _paired(wanted: list[str], heard: list[str]) -> list[tuple[int, int]]:
    if wanted[: len(heard)] == heard:
        return [(at, at) for at in range(len(heard))]
    blocks = difflib.SequenceMatcher(None, wanted, heard, autojunk=False).get_matching_blocks()
    return [(block.a + step, block.b + step) for block in blocks for step in range(block.size)]


def _placed(words: Sequence[SaidWord], times: dict[int, tuple[float, float]]) -> tuple[tuple[str, float, float], ...]:
    """Times in order; what was not heard lies between its neighbours, shared by letters."""
    known = sorted(times)
    marks: list[tuple[str, float, float]] = []
    before = 0.0
    for place, word in enumerate(words):
        if place in times:
            start, end = times[place]
            start = max(start, before)
        else:
            until = next((times[later][0] for later in known if later > place), None)
            start = end = before if marks else (until or 0.0)
            if until is not None and word.said and until > before:
                missing = [w for w in range(place, next(k for k in known if k > place)) if words[w].said]
                whole = sum(len(words[w].said) for w in missing)
                start, end = before, before + (until - before) * len(word.said) / whole
        end = max(start, end)
        marks.append((word.written, start, end))
        before = end
    return tuple(marks)
