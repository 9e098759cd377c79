"""How exactly captions begin with their words, on speech whose word times are known."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from ad_pipeline.media.alignment import HeardClause, PlacedPiece, aligned, aligned_clauses
from ad_pipeline.media.captions import Cue, SpokenMark, cues_from_marks
from ad_pipeline.story.pacing import clause_pieces
from ad_pipeline.story.said import marks_from_characters
from ad_pipeline_tests.bench.caption_texts import ENGLISH, KOREAN
from ad_pipeline_tests.bench.fluent_lines import fluent_lines
from ad_pipeline_tests.bench.laid_words import LaidLine, laid_lines
from ad_pipeline_tests.bench.rows import Row

NEAR_S = 0.100
LEAST_NEAR = 0.95

_SCENE_START_S, _AIR_S = 3.0, 0.25

Marker = Callable[[LaidLine], Sequence[SpokenMark]]


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What became of the cues of many lines."""

    cues: int
    near: int
    overlaps: int
    outside: int
    worst_s: float

    @property
    def share(self) -> float:
        return self.near / max(1, self.cues)


def caption_rows(*, quick: bool) -> list[Row]:
    """The share of cues that begin within 100 ms of their first word, by what is known of the times."""
    rows: list[Row] = []
    ways: dict[str, Marker] = {
        "engine character times": by_characters,
        # Whoever tells clause times also gave the sound that they are of; the text alone is for information.
        "clause times and their sound": by_clauses_and_sound,
        "clause times and the text alone": by_clauses,
        "nothing but the sound": by_sound,
    }
    for manner, laid in (("words apart", laid_lines), ("connected speech", fluent_lines)):
        lines = measured_lines(laid, quick=quick)
        for name, marker in ways.items():
            tally = tallied(lines, marker)
            limit = 100 * (1 - LEAST_NEAR) if marker in (by_characters, by_clauses_and_sound) else None
            rows += [
                Row(name=f"captions, {manner}, by {name}: cues over 100 ms off", value=100 * (1 - tally.share),
                    unit=f"% of {tally.cues} cues", limit=limit),
                Row(name=f"captions, {manner}, by {name}: overlaps, or outside the scene",
                    value=tally.overlaps + tally.outside, unit="cues", limit=0),
            ]  # fmt: skip
    return rows


def measured_lines(
    laid: Callable[..., list[LaidLine]],
    *,
    quick: bool = False,
    half: Literal["tuned on", "measured on"] = "measured on",
) -> list[LaidLine]:
    """Thirty texts by two voices each (six texts when quick)."""
    few = 3 if quick else None
    return laid(KOREAN[:few], "ko", half) + laid(ENGLISH[:few], "en", half)


def by_characters(line: LaidLine) -> Sequence[SpokenMark]:
    """As an engine with timestamps tells it: each character of what was sent, rounded to 10 ms."""
    said = [laid for laid in line.words if laid.word.said]
    characters, starts, ends = "", list[float](), list[float]()
    for at, laid in enumerate(said):
        if at:
            characters += " "
            starts.append(round(said[at - 1].end_s, 2))
            ends.append(round(max(said[at - 1].end_s, laid.start_s), 2))
        step_s = (laid.end_s - laid.start_s) / len(laid.word.said)
        characters += laid.word.said
        starts += [round(laid.start_s + n * step_s, 2) for n in range(len(laid.word.said))]
        ends += [round(laid.start_s + (n + 1) * step_s, 2) for n in range(len(laid.word.said))]
    marks = marks_from_characters([laid.word for laid in line.words], list(characters), starts, ends)
    assert marks is not None
    return [SpokenMark(text=text, start_s=start, end_s=end) for text, start, end in marks]


def by_clauses(line: LaidLine) -> Sequence[SpokenMark]:
    return _marks(aligned_clauses(_clauses(line)))


def by_clauses_and_sound(line: LaidLine) -> Sequence[SpokenMark]:
    return _marks(aligned_clauses(_clauses(line), line.samples))


def by_sound(line: LaidLine) -> Sequence[SpokenMark]:
    pieces = [piece for clause in clause_pieces(line.text, line.language) for piece in clause]
    return _marks(aligned(line.samples, pieces))


def tallied(lines: Sequence[LaidLine], marker: Marker) -> Tally:
    """All cues of `lines` against the truth."""
    offs: list[float] = []
    overlaps = outside = 0
    for line in lines:
        end_s = _SCENE_START_S + 2 * _AIR_S + line.words[-1].end_s
        cues = cues_from_marks(
            marker(line),
            language=line.language,
            scene_start_s=_SCENE_START_S,
            scene_end_s=end_s,
            voice_start_s=_SCENE_START_S + _AIR_S,
        )
        offs += offsets(line, cues)
        overlaps += sum(b.start_s < a.end_s for a, b in itertools.pairwise(cues))
        outside += sum(cue.start_s < _SCENE_START_S or cue.end_s > end_s for cue in cues)
    near = sum(abs(off) <= NEAR_S for off in offs)
    return Tally(cues=len(offs), near=near, overlaps=overlaps, outside=outside, worst_s=max(map(abs, offs)))


def offsets(line: LaidLine, cues: Sequence[Cue]) -> list[float]:
    """How much later than its first word each cue begins, in seconds."""
    starts = [laid.start_s for laid in line.words for _ in laid.word.written.split()]
    found: list[float] = []
    at = 0
    for cue in cues:
        found.append(cue.start_s - (starts[at] + _SCENE_START_S + _AIR_S))
        at += len(" ".join(cue.lines).split())
    assert at == len(starts), "every word is in one cue"
    return found


def _clauses(line: LaidLine) -> list[HeardClause]:
    found: list[HeardClause] = []
    for number, pieces in enumerate(clause_pieces(line.text, line.language)):
        words = [laid for laid in line.words if laid.clause == number]
        found.append(
            HeardClause(start_s=round(words[0].start_s, 2), end_s=round(max(w.end_s for w in words), 2), pieces=pieces)
        )
    return found


def _marks(placed: Sequence[PlacedPiece]) -> list[SpokenMark]:
    return [SpokenMark(text=piece.text, start_s=piece.start_s, end_s=piece.end_s) for piece in placed]
