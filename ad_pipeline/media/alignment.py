"""When each word of a line is heard, found in the sound and the text where an engine gives no times.

One search over the whole line: words last about as long as expected, pauses come where clauses end, and
words part where the sound is low.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ad_pipeline.media.sound import Samples
from ad_pipeline.media.time import AUDIO_RATE_HZ

Break = Literal["", "clause", "sentence"]
Curve = NDArray[np.float64]

_HOP = AUDIO_RATE_HZ // 100
_HOP_S = 0.01
_QUIET_DB = -30.0
"""Under the speech's own level by this much is silence."""
_LEAST_RUN, _CONSONANT, _PAUSE = 3, 6, 12
"""Frames: the shortest silence that can part words, and one that is surely no consonant."""

# Costs, tuned on half of the bench's voices.
_SPREAD = 0.20
_LEAST_SPREAD = 6.0
_NO_PAUSE: dict[Break, float] = {"": 0.0, "clause": 1.2, "sentence": 3.0}
_A_PAUSE: dict[Break, float] = {"": 2.5, "clause": 0.2, "sentence": 0.0}
_LOUD_BORDER = 0.5
_SILENT_WORD = 0.3


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A word with how long it is expected to last, and what ends behind it.

    `apart_s` is the length where a voice speaks each word apart; 0: no other than `expected_s`.
    """

    text: str
    expected_s: float
    apart_s: float = 0.0
    ends: Break = ""


@dataclass(frozen=True, kw_only=True)
class PlacedPiece:
    """When a word is heard; seconds from the start of the sound."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True, kw_only=True)
class HeardClause:
    """A clause whose times an engine told, and its words."""

    start_s: float
    end_s: float
    pieces: tuple[Piece, ...]


def aligned(samples: Samples, pieces: Sequence[Piece]) -> tuple[PlacedPiece, ...]:
    """Times for the words of one spoken line, from its sound (mono, 48 kHz) alone.

    A word that nobody says (`expected_s` 0) takes no time. Silence gives words that share its whole length.
    """
    said = [piece for piece in pieces if piece.expected_s > 0]
    levels = _levels(samples)
    silent = _silence(levels)
    heard = np.flatnonzero(~silent)
    if not said or not len(heard):
        return _shared(pieces, 0.0, len(samples) / AUDIO_RATE_HZ)
    first, last = int(heard[0]), int(heard[-1]) + 1
    ends: list[Break] = [piece.ends for piece in said]
    fluent = np.array([piece.expected_s for piece in said])
    apart = np.array([piece.apart_s or piece.expected_s for piece in said])
    # Which way the voice speaks is heard: it is the one that fits with less force.
    found = [_searched(lengths, ends, levels[first:last], silent[first:last]) for lengths in (fluent, apart)]
    cost, times = min(found, key=lambda way: way[0])
    if not np.isfinite(cost):
        return _shared(pieces, first * _HOP_S, last * _HOP_S)
    return _with_unsaid(pieces, [((a + first) * _HOP_S, (b + first) * _HOP_S) for a, b in times])


def aligned_clauses(clauses: Sequence[HeardClause], samples: Samples | None = None) -> tuple[PlacedPiece, ...]:
    """Times for words inside clauses whose times are known: by expected length, and by the sound where there is one."""
    found: list[PlacedPiece] = []
    for clause in clauses:
        shared = _shared(clause.pieces, clause.start_s, clause.end_s)
        if samples is not None and len(clause.pieces) > 1:
            first, last = (round(at * AUDIO_RATE_HZ) for at in (clause.start_s, clause.end_s))
            inner = aligned(samples[first:last], [_inside(piece) for piece in clause.pieces])
            placed = [
                PlacedPiece(text=p.text, start_s=p.start_s + clause.start_s, end_s=p.end_s + clause.start_s)
                for p in inner
            ]
            # Where the clause begins is told, not guessed.
            shared = (replace(placed[0], start_s=clause.start_s), *placed[1:])
        found += shared
    return tuple(found)


def _inside(piece: Piece) -> Piece:
    return replace(piece, ends="")


def _shared(pieces: Sequence[Piece], start_s: float, end_s: float) -> tuple[PlacedPiece, ...]:
    """The time from start to end, shared by expected lengths."""
    whole = sum(piece.expected_s for piece in pieces) or 1.0
    found: list[PlacedPiece] = []
    at = start_s
    for piece in pieces:
        until = at + (end_s - start_s) * piece.expected_s / whole
        found.append(PlacedPiece(text=piece.text, start_s=at, end_s=until))
        at = until
    return tuple(found)


def _with_unsaid(pieces: Sequence[Piece], times: Sequence[tuple[float, float]]) -> tuple[PlacedPiece, ...]:
    found: list[PlacedPiece] = []
    waiting = iter(times)
    before = times[0][0]
    for piece in pieces:
        start, end = next(waiting) if piece.expected_s > 0 else (before, before)
        found.append(PlacedPiece(text=piece.text, start_s=start, end_s=end))
        before = end
    return tuple(found)


def _levels(samples: Samples) -> Curve:
    """dB of each 10 ms, over 20 ms around it."""
    whole = len(samples) // _HOP
    if not whole:
        return np.full(1, -120.0)
    power = np.square(samples[: whole * _HOP], dtype=np.float64).reshape(whole, _HOP).mean(axis=1)
    wide = np.convolve(np.pad(power, 1, mode="edge"), [0.25, 0.5, 0.25], mode="valid")
    return 10 * np.log10(np.maximum(wide, 1e-12))


def _silence(levels: Curve) -> NDArray[np.bool_]:
    loud = levels[levels > levels.max() - 25]
    level = 10 * np.log10(np.mean(10 ** (loud / 10)))
    # In a noisy recording silence is what lies little above its floor.
    floor = float(np.percentile(levels, 5))
    limit = max(level + _QUIET_DB, min(floor + 4, level - 12))
    return (levels < limit) | (levels < -75.0)


def _runs(silent: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], silent.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= _LEAST_RUN]


def _searched(
    expected_s: Curve, ends: Sequence[Break], levels: Curve, silent: NDArray[np.bool_]
) -> tuple[float, list[tuple[int, int]]]:
    """(cost, (start, end) in frames for each word); a second search knows the pace that the first one found.

    The cost is infinite when so many words have no room in so little sound.
    """
    runs = _runs(silent)
    paused = sum(b - a for a, b in runs if b - a >= _PAUSE)
    pace = max(1.0, len(levels) - paused) / expected_s.sum()
    best: tuple[float, list[tuple[int, int]]] = (np.inf, [])
    for _ in range(2):
        found = _best(expected_s * pace, ends, levels, runs)
        if not np.isfinite(found[0]):
            break
        best = found
        pace *= sum(b - a for a, b in best[1]) / float((expected_s * pace).sum())
    return best


def _best(
    lengths: Curve, ends: Sequence[Break], levels: Curve, runs: Sequence[tuple[int, int]]
) -> tuple[float, list[tuple[int, int]]]:
    """(cost, places): the cheapest places of all words, by dynamic programming over their borders."""
    frames = len(levels)
    quiet = _silence_inside(frames, runs)
    peak = float(np.percentile(levels, 95))
    rising = np.clip((np.append(levels, levels[-1]) - (peak - 30)) / 30, 0, 1) * _LOUD_BORDER
    ended = starts = np.full(frames + 1, np.inf)
    starts[0] = 0.0
    history: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    for at, length in enumerate(lengths):
        ended, lasted = _ended(starts, float(length), quiet)
        if at == len(lengths) - 1:
            history.append((lasted, np.arange(frames + 1)))
            break
        starts = ended + rising + _NO_PAUSE[ends[at]]
        came = np.arange(frames + 1)
        for a, b in runs:
            place = a + int(np.argmin(ended[a:b]))
            cost = ended[place] + _A_PAUSE[ends[at]] * min(1.0, (b - a) / _PAUSE)
            # A short silence is a weak pause: a clause's end still misses its own.
            cost += _NO_PAUSE[ends[at]] * max(0.0, 1 - (b - a) / _PAUSE)
            if cost < starts[b]:
                starts[b], came[b] = cost, place
        history.append((lasted, came))
    cost = float(ended[frames])
    return cost, (_traced(history, frames) if np.isfinite(cost) else [])


def _silence_inside(frames: int, runs: Sequence[tuple[int, int]]) -> Curve:
    """What silence up to each frame costs a word that holds it; a consonant's own is free."""
    cost = np.zeros(frames + 1)
    for a, b in runs:
        cost[a + _CONSONANT + 1 : b + 1] += _SILENT_WORD
    return np.cumsum(cost)


def _ended(starts: Curve, length: float, quiet: Curve) -> tuple[Curve, NDArray[np.int64]]:
    """For each frame the cheapest way for a word to end there, and how long the word lasts then."""
    frames = len(starts)
    best = np.full(frames, np.inf)
    lasted = np.zeros(frames, np.int64)
    spread = max(_LEAST_SPREAD, _SPREAD * length)
    entered = starts - quiet
    for frames_long in range(max(2, int(length * 0.35)), int(length * 2.2) + 14):
        if frames_long >= frames:
            break
        cost = entered[:-frames_long] + 0.5 * ((frames_long - length) / spread) ** 2
        better = cost < best[frames_long:]
        best[frames_long:][better] = cost[better]
        lasted[frames_long:][better] = frames_long
    return best + quiet, lasted


def _traced(history: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]], frames: int) -> list[tuple[int, int]]:
    times: list[tuple[int, int]] = []
    end = frames
    for lasted, came in reversed(history):
        if times:
            end = int(came[end])
        start = end - int(lasted[end])
        times.append((start, end))
        end = start
    return times[::-1]
