"""What is said, as text to read along: cues of at most two lines, in time with the voice."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ad_pipeline.media.phrases import break_cost, ends_clause, ends_sentence

MOST_LINES = 2
LINE_CHARACTERS = {"ko": 16, "en": 42}
SHORTEST_CUE_S = 0.9
MOST_OFF_S = 0.09
"""How far a cue may begin before its first word; 100 ms are allowed, and files round."""
DASH = "- "
"""Before the words of each speaker where several speak in one scene."""

_PAUSE_S = 0.45
"""A longer silence between two words begins a new cue."""
_LEAST_S = 0.1

# What a segmentation costs: each cue; a sentence's end inside one; a cue that is seen too shortly.
_PER_CUE, _INNER_SENTENCE, _TOO_SHORT = 1.0, 2.2, 3.0


@dataclass(frozen=True, kw_only=True)
class SpokenMark:
    """A word or a clause, when it is heard, and who says it; seconds from the start of the voice."""

    text: str
    start_s: float
    end_s: float
    speaker: str = ""


@dataclass(frozen=True, kw_only=True)
class Cue:
    """Lines that are shown together; seconds from the start of the film.

    In a `dialogue` (a scene with several speakers) the first line begins with a dash.
    """

    start_s: float
    end_s: float
    lines: tuple[str, ...]
    speaker: str = ""
    dialogue: bool = False

    @property
    def bare_lines(self) -> tuple[str, ...]:
        """The lines without the dash, for files that name the speaker."""
        return (self.lines[0].removeprefix(DASH), *self.lines[1:]) if self.dialogue and self.lines else self.lines


@dataclass(frozen=True, kw_only=True)
class _Word:
    text: str
    start_s: float
    end_s: float
    speaker: str


def cues_from_marks(
    marks: Sequence[SpokenMark],
    *,
    language: Literal["ko", "en"],
    scene_start_s: float,
    scene_end_s: float,
    voice_start_s: float | None = None,
) -> tuple[Cue, ...]:
    """Cues for one scene, from marks of words or of whole clauses (shared out by syllables).

    The voice begins at `voice_start_s` of the film (with the scene, by default). A cue begins at its first
    word, at most `MOST_OFF_S` before it; one speaker each; none overlaps another or leaves the scene; they break
    where a phrase ends, and one is longer than the shortest display time wherever there is room.
    """
    offset = scene_start_s if voice_start_s is None else voice_start_s
    dialogue = len({mark.speaker for mark in marks if mark.text.strip()}) > 1
    limit = LINE_CHARACTERS[language]
    words = _words(marks, limit - (len(DASH) if dialogue else 0))
    placed = [
        replace(word, start_s=_within(word.start_s + offset, scene_start_s, scene_end_s),
                end_s=_within(word.end_s + offset, scene_start_s, scene_end_s))
        for word in words
    ]  # fmt: skip
    cues: list[Cue] = []
    for group in _groups(placed, language, limit, scene_end_s, dialogue=dialogue):
        lines = _lines([word.text for word in group], language, limit, dash=dialogue)
        cues.append(
            Cue(
                start_s=group[0].start_s,
                end_s=max(word.end_s for word in group),
                lines=lines or (" ".join(word.text for word in group),),
                speaker=group[0].speaker,
                dialogue=dialogue,
            )
        )
    return _given_time(cues, scene_start_s, scene_end_s)


def syllables(text: str) -> int:
    """About how many syllables `text` has: Hangul by letter, Latin by groups of vowels, digits as two each."""
    count = 0
    for word in unicodedata.normalize("NFC", text).split():
        hangul = sum("가" <= c <= "힣" for c in word)
        digits = sum(c.isdigit() for c in word)
        latin = len(re.findall(r"[aeiouyAEIOUY]+", word))
        count += max(1, hangul + 2 * digits + latin)
    return max(1, count)


def _words(marks: Sequence[SpokenMark], limit: int) -> list[_Word]:
    """Single words in time; one that nobody says (an emoji) belongs to the word before it."""
    found: list[_Word] = []
    waiting = ""
    for mark in sorted(marks, key=lambda mark: mark.start_s):
        pieces = unicodedata.normalize("NFC", mark.text).split()
        if not pieces:
            continue
        weights = [syllables(piece) if any(c.isalnum() for c in piece) else 0 for piece in pieces]
        whole = sum(weights) or 1
        length_s = max(0.0, mark.end_s - mark.start_s)
        at = mark.start_s
        for piece, weight in zip(pieces, weights, strict=True):
            until = at + length_s * weight / whole
            if weight:
                text = f"{waiting} {piece}".strip()
                found.append(_Word(text=text, start_s=at, end_s=until, speaker=mark.speaker))
                waiting = ""
            elif found and found[-1].speaker == mark.speaker:
                found[-1] = replace(found[-1], text=f"{found[-1].text} {piece}")
            else:
                waiting = f"{waiting} {piece}".strip()
            at = until
    return [piece for word in found for piece in _cut(word, limit)]


def _cut(word: _Word, limit: int) -> list[_Word]:
    """A word longer than a line (an address, say) in pieces; any other as it is."""
    if len(word.text) <= limit:
        return [word]
    parts = [word.text[i : i + limit].strip() for i in range(0, len(word.text), limit)]
    step_s = (word.end_s - word.start_s) / len(parts)
    return [
        replace(word, text=part, start_s=word.start_s + at * step_s, end_s=word.start_s + (at + 1) * step_s)
        for at, part in enumerate(parts)
        if part
    ]


def _groups(
    words: Sequence[_Word], language: Literal["ko", "en"], limit: int, scene_end_s: float, *, dialogue: bool
) -> list[Sequence[_Word]]:
    """The cheapest way to share the words among cues."""
    best: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, len(words) + 1):
        until = words[end].start_s if end < len(words) else scene_end_s
        behind = _cost_behind(words, end, language)
        found = (math.inf, end - 1)
        for start in range(end - 1, -1, -1):
            if start < end - 1 and _must_break(words[start], words[start + 1]):
                break
            texts = [word.text for word in words[start:end]]
            fits = _lines(texts, language, limit, dash=dialogue) is not None
            if not fits and start < end - 1:
                break
            cost = best[start][0] + _cue_cost(words[start:end], until) + behind
            found = min(found, (cost, start))
        best.append(found)
    groups: list[Sequence[_Word]] = []
    end = len(words)
    while end:
        start = best[end][1]
        groups.append(words[start:end])
        end = start
    return groups[::-1]


def _must_break(word: _Word, following: _Word) -> bool:
    return word.speaker != following.speaker or following.start_s - word.end_s >= _PAUSE_S


def _cost_behind(words: Sequence[_Word], end: int, language: Literal["ko", "en"]) -> float:
    if end >= len(words) or _must_break(words[end - 1], words[end]):
        return 0.0
    return break_cost(words[end - 1].text, words[end].text, language)


def _cue_cost(words: Sequence[_Word], until_s: float) -> float:
    shown_s = max(0.0, until_s - words[0].start_s)
    missing = max(0.0, 1 - shown_s / SHORTEST_CUE_S)
    inner = sum(ends_sentence(word.text) for word in words[:-1])
    # Longer cues are read with more ease when they are even.
    return _PER_CUE + _TOO_SHORT * missing + _INNER_SENTENCE * inner + 0.002 * len(words) ** 2


def _lines(words: Sequence[str], language: Literal["ko", "en"], limit: int, *, dash: bool) -> tuple[str, ...] | None:
    """One line when it fits, else two that break at a phrase and are even; None when two do not hold them."""
    whole = (DASH if dash else "") + " ".join(words)
    if len(whole) <= limit:
        return (whole,)
    best: tuple[float, tuple[str, str]] | None = None
    for at in range(1, len(words)):
        pair = ((DASH if dash else "") + " ".join(words[:at]), " ".join(words[at:]))
        if max(map(len, pair)) > limit:
            continue
        clause = -0.6 if ends_clause(words[at - 1]) else 0.0
        cost = break_cost(words[at - 1], words[at], language) + clause + 2 * abs(len(pair[0]) - len(pair[1])) / limit
        if best is None or cost < best[0]:
            best = cost, pair
    return best[1] if best else None


def _given_time(cues: Sequence[Cue], scene_start_s: float, scene_end_s: float) -> tuple[Cue, ...]:
    """Short cues take room after them, then a little before them; none overlaps the next."""
    starts = [cue.start_s for cue in cues]
    # Words past the scene's end have no time of their own: theirs are taken from the end of it.
    latest = scene_end_s - _LEAST_S
    for at in range(len(starts) - 1, -1, -1):
        starts[at] = max(scene_start_s, min(starts[at], latest))
        latest = starts[at] - _LEAST_S
    done: list[Cue] = []
    for at, cue in enumerate(cues):
        earliest = done[-1].end_s if done else scene_start_s
        start = max(starts[at], earliest)
        latest = starts[at + 1] if at + 1 < len(cues) else scene_end_s
        end = max(min(max(cue.end_s, start + SHORTEST_CUE_S), latest), start)
        start = max(earliest, min(start, max(end - SHORTEST_CUE_S, start - MOST_OFF_S)))
        done.append(replace(cue, start_s=start, end_s=end))
    return tuple(cue for cue in done if cue.end_s > cue.start_s)


def _within(at_s: float, low_s: float, high_s: float) -> float:
    return min(max(at_s, low_s), high_s)
