"""Which parts of a piece make a bed of exactly an ad's length: on bars, with its turns on beats and a real ending.

One or two parts of the piece follow each other, the second often its own ending; where they meet, a bar ends and
another begins. How long the last chord rings, and how early the music sets in, leave room to lay the ad's turns on
beats. Only numbers here; `music_splice` makes the sound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ad_pipeline.errors import MediaError
from ad_pipeline.media.music_piece import Piece

BEFORE_BEAT_S = 0.02
"""A part begins so much before its beat, as hands are early too."""

_LEADS_S = tuple(0.03 * step for step in range(13))
"""The music may set in so much after the picture."""
_SHORTEST_END_S, _AIR_S = 0.7, 0.5
"""How long a last chord rings at least, where it does; and how much silence may follow it."""
_VARIANTS = 3
_MOST_BARS = 48

# What a cut is judged by: a call to action that lies a sixth of a beat beside one costs 1.
_TURN_ON_BEAT, _TURN_ON_BAR, _SOLUTION_COUNTS, _SCENES_COUNT = 6.0, 1.0, 0.35, 0.5
_NO_BAR, _NO_BEAT, _PER_LEAD_S = 0.25, 0.2, 0.4
_LATE_START, _SEAM, _UNLIKE_NOTES, _UNLIKE_PER_DB = 0.6, 0.15, 2.0, 0.08
_FIRST_BARS, _HASTY_PER_BAR = 4, 0.2
_FALL_PER_DB, _QUIET_PER_DB, _PER_RING_S = 0.05, 0.05, 0.2

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the ad asks of its music, in seconds of the ad."""

    length_s: float
    ending_at_s: float
    rise_at_s: float
    scene_starts_s: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Part:
    """So much of the piece, from `from_s` to `to_s` of it, at `at_s` of the ad."""

    from_s: float
    to_s: float
    at_s: float


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A bed: its parts in order (the second one begins on a bar), and how it begins and ends.

    It sounds from `parts[0].at_s`; the last part is followed by silence where it is too short. It fades in over
    `fade_in_s` and out from `fade_from_s` to `length_s`.
    """

    length_s: float
    parts: tuple[Part, ...]
    fade_in_s: float
    fade_from_s: float
    has_own_ending: bool
    beats_s: tuple[float, ...] = ()
    bars_s: tuple[float, ...] = ()
    """The ad's seconds on which beats and bars fall; none where the piece has none that we trust."""

    @property
    def seams_s(self) -> tuple[float, ...]:
        return tuple(part.at_s for part in self.parts[1:])

    def missed(self, wish: Wish) -> dict[str, Any]:
        """How far each turn of the ad lies from the nearest beat and bar, in seconds: below 0 it comes before."""
        turns = {"call_to_action": wish.ending_at_s, "solution": wish.rise_at_s}
        turns |= {f"scene_{at:03}": start_s for at, start_s in enumerate(wish.scene_starts_s, 1) if start_s > 0}
        return {
            name: {"at_s": round(at, 3), "to_beat_s": _miss(self.beats_s, at), "to_bar_s": _miss(self.bars_s, at)}
            for name, at in turns.items()
        }


def cut_for(piece: Piece, wish: Wish, *, variant: int = 0) -> Cut:
    """The best cut, or for another `variant` one that begins elsewhere, where the piece has one as good.

    Raises:
        MediaError: the piece is shorter than the ad.
    """
    if piece.sounds_until_s < wish.length_s:
        raise MediaError(
            "the music lasts {music_s:.1f} s and the ad {length_s:.1f} s; take a piece that is as long as the ad",
            music_s=piece.sounds_until_s,
            length_s=wish.length_s,
        )
    if not piece.beats.are_sure:
        return _without_beats(piece, wish)
    found = _ways(piece, wish)
    if not len(found.start_s):
        return _without_beats(piece, wish)
    best = _distinct(found, variant, apart_s=2 * 60 * piece.beats.beats_per_bar / piece.beats.beats_per_minute)
    return _cut(piece, wish, found, best)


@dataclass(frozen=True, kw_only=True)
class _Ways:
    """Ways to cut, one per row: start in the piece, lead, the bars at the seam (from -> to), the cost."""

    start_s: Floats
    lead_s: Floats
    leave_s: Floats
    enter_s: Floats
    cost: Floats


def _ways(piece: Piece, wish: Wish) -> _Ways:
    rows = _with_ending(piece, wish) if piece.last_hit_s is not None else _onward(piece, wish)
    start_s, lead_s, leave_s, enter_s = (np.asarray(column, np.float64) for column in rows)
    cost = _cost(piece, wish, start_s, lead_s, leave_s, enter_s) if len(start_s) else start_s
    return _Ways(start_s=start_s, lead_s=lead_s, leave_s=leave_s, enter_s=enter_s, cost=cost)


def _grid(piece: Piece) -> tuple[Floats, Floats]:
    """Beats, and those of them that begin bars."""
    times_s = np.asarray(piece.beats.times_s)
    return times_s, times_s[np.asarray(piece.beats.downbeats, int)]


def _starts(piece: Piece, wish: Wish) -> Floats:
    """Where the music may set in: on a beat or halfway between two, in a few dozen bars of a long piece.

    Among them the first bars, and those from which the piece runs on to its end without a seam.
    """
    times_s, bars_s = _grid(piece)
    halves_s = np.sort(np.concatenate([times_s, (times_s[:-1] + times_s[1:]) / 2]))
    even = np.linspace(0, len(bars_s), _MOST_BARS, endpoint=False, dtype=int)
    among = np.isin(np.searchsorted(bars_s, halves_s, side="right") - 1, np.unique([*even, *range(_MOST_BARS // 3)]))
    if piece.last_hit_s is not None:
        among |= np.abs(halves_s - (piece.last_hit_s - wish.length_s)) < 4.0
    return halves_s[among]


def _with_ending(piece: Piece, wish: Wish) -> tuple[Floats, Floats, Floats, Floats]:
    """All ways that end with the piece's own last chord, and let it ring long enough."""
    _, bars_s = _grid(piece)
    starts_s, hit_s = _starts(piece, wish), piece.last_hit_s or 0.0
    least_s, most_s = min(_SHORTEST_END_S, piece.ring_s), piece.ring_s + _AIR_S
    rows: list[NDArray[np.float64]] = []
    near = bars_s[(bars_s < hit_s - 0.5) & (bars_s > hit_s - wish.length_s)]
    for enter_s in near[:: max(1, len(near) // _MOST_BARS + 1)]:
        for lead_s in _LEADS_S:
            # What is left for the first part, when the last chord rings longest and shortest.
            left_s = wish.length_s - lead_s - BEFORE_BEAT_S - (hit_s - enter_s)
            first = np.searchsorted(bars_s, starts_s + max(0.5, left_s - most_s))
            for which in (first, first + 1):
                fits = which < len(bars_s)
                leave_s = bars_s[np.minimum(which, len(bars_s) - 1)]
                fits &= (leave_s <= starts_s + left_s - least_s) & (leave_s <= piece.loud_until_s)
                starts = starts_s[fits]
                rows.append(
                    np.stack([starts, np.full_like(starts, lead_s), leave_s[fits], np.full_like(starts, enter_s)])
                )
    whole = np.concatenate(rows, axis=1) if rows else np.zeros((4, 0))
    return whole[0], whole[1], whole[2], whole[3]


def _onward(piece: Piece, wish: Wish) -> tuple[Floats, Floats, Floats, Floats]:
    """All ways to let a piece without an ending run on, and to fade it over its last bar."""
    table = np.meshgrid(_starts(piece, wish) - BEFORE_BEAT_S, np.asarray(_LEADS_S), indexing="ij")
    starts, leads = (np.ravel(column) for column in table)
    fits = starts + wish.length_s - leads <= piece.sounds_until_s
    loud = fits & (starts + wish.length_s - leads <= piece.loud_until_s + 1.0)
    fits = loud if loud.any() else fits
    starts, leads = starts[fits] + BEFORE_BEAT_S, leads[fits]
    return starts, leads, np.full_like(starts, np.inf), np.full_like(starts, np.inf)


def _cost(piece: Piece, wish: Wish, start_s: Floats, lead_s: Floats, leave_s: Floats, enter_s: Floats) -> Floats:
    times_s, bars_s = _grid(piece)
    beat_s = 60 / piece.beats.beats_per_minute

    def source(at_s: float) -> Floats:
        """Where in the piece the ad's second comes from."""
        first = at_s - lead_s - BEFORE_BEAT_S + start_s
        return np.where(first < leave_s, first, first - leave_s + enter_s) if np.isfinite(leave_s).all() else first

    bar_s = beat_s * piece.beats.beats_per_bar
    cost = _PER_LEAD_S * lead_s + _LATE_START * (start_s > bars_s[0] + bar_s)
    cost += _NO_BAR * (_away(start_s, bars_s, beat_s) > 0.2) + _NO_BEAT * (_away(start_s, times_s, beat_s) > 0.2)
    for turn_s, counts in ((wish.ending_at_s, 1.0), (wish.rise_at_s, _SOLUTION_COUNTS)):
        heard_s = source(turn_s)
        off = _TURN_ON_BEAT * _away(heard_s, times_s, beat_s) + _TURN_ON_BAR * _away(heard_s, bars_s, beat_s)
        cost += counts * off
    inner = [at for at in wish.scene_starts_s if at > 0]
    for at in inner:
        cost += _SCENES_COUNT / len(inner) * _away(source(at), times_s, beat_s)
    early, late = (_level(piece, source(at)) for at in (0.6 * wish.rise_at_s, (wish.rise_at_s + wish.ending_at_s) / 2))
    cost += _FALL_PER_DB * np.maximum(0, early - late)
    cost += _QUIET_PER_DB * np.maximum(0, float(np.median(piece.levels_db)) - 3 - late)
    if np.isfinite(leave_s).all():
        bars_before = (leave_s - start_s) / bar_s
        hasty = _HASTY_PER_BAR * np.maximum(0, _FIRST_BARS - bars_before)
        cost += _seam_cost(piece, leave_s, enter_s) + np.where(leave_s == enter_s, 0.0, hasty)
        rings_s = source(wish.length_s) - (piece.last_hit_s or 0.0)
        cost += _PER_RING_S * np.abs(rings_s - min(piece.ring_s, 2.0))
    return cost


def _seam_cost(piece: Piece, leave_s: Floats, enter_s: Floats) -> Floats:
    """How unlike what would have come and what comes are, over a bar."""
    per_bar = piece.beats.beats_per_bar
    notes, levels = np.asarray(piece.notes), np.asarray(piece.levels_db)
    left, entered = (np.searchsorted(np.asarray(piece.beats.times_s), at - 1e-6) for at in (leave_s, enter_s))
    unlike = np.zeros(len(leave_s))
    for beat in range(per_bar):
        a, b = (np.minimum(at + beat, len(notes) - 1) for at in (left, entered))
        sizes = np.linalg.norm(notes[a], axis=1) * np.linalg.norm(notes[b], axis=1)
        unlike += (1 - (notes[a] * notes[b]).sum(axis=1) / np.maximum(sizes, 1e-6)) / per_bar
        unlike += _UNLIKE_PER_DB / _UNLIKE_NOTES * np.abs(levels[a] - levels[b]) / per_bar
    return np.where(left == entered, 0.0, _SEAM + _UNLIKE_NOTES * unlike)


def _away(at_s: Floats, grid_s: Floats, beat_s: float) -> Floats:
    """How far from the grid, in beats; two at most, as farther is no worse."""
    after = np.clip(np.searchsorted(grid_s, at_s), 1, len(grid_s) - 1)
    nearest = np.minimum(np.abs(at_s - grid_s[after - 1]), np.abs(at_s - grid_s[after]))
    return np.minimum(nearest / beat_s, 2.0)


def _level(piece: Piece, at_s: Floats) -> Floats:
    """How loud the bar around is."""
    levels = np.asarray(piece.levels_db)
    bar = np.convolve(np.pad(levels, 2, mode="edge"), np.ones(5) / 5, mode="valid")
    return np.interp(at_s, np.asarray(piece.beats.times_s), bar)


def _distinct(found: _Ways, variant: int, *, apart_s: float) -> int:
    """The row of the best way, or of another good one that begins elsewhere."""
    order = np.argsort(found.cost, kind="stable")
    best = float(found.cost[order[0]])
    chosen: list[int] = []
    for row in order:
        if len(chosen) == _VARIANTS or found.cost[row] > best + 1.0:
            break
        if all(abs(found.start_s[row] - found.start_s[other]) >= apart_s for other in chosen):
            chosen.append(int(row))
    return chosen[variant % len(chosen)]


def _cut(piece: Piece, wish: Wish, found: _Ways, row: int) -> Cut:
    start_s, lead_s, leave_s, enter_s = (
        float(column[row]) for column in (found.start_s, found.lead_s, found.leave_s, found.enter_s)
    )
    from_s = max(0.0, start_s - BEFORE_BEAT_S)
    at_s = lead_s + BEFORE_BEAT_S - (start_s - from_s)
    if abs(leave_s - enter_s) < 1e-6 or not np.isfinite(leave_s):
        parts: tuple[Part, ...] = (Part(from_s=from_s, to_s=from_s + wish.length_s - at_s, at_s=at_s),)
    else:
        seam_s = at_s + leave_s - from_s
        parts = (
            Part(from_s=from_s, to_s=leave_s, at_s=at_s),
            Part(from_s=enter_s, to_s=enter_s + wish.length_s - seam_s, at_s=seam_s),
        )
    times_s, bars_s = _grid(piece)
    beats, bars = _heard_at(parts, times_s), _heard_at(parts, bars_s)
    own = piece.last_hit_s is not None
    return Cut(
        length_s=wish.length_s,
        parts=parts,
        fade_in_s=BEFORE_BEAT_S if from_s > 0.05 else 0.005,
        fade_from_s=_ring_fade_from_s(piece, wish, parts) if own else _bar_fade_from_s(wish, bars, piece),
        has_own_ending=own,
        beats_s=beats,
        bars_s=bars,
    )


def _heard_at(parts: Sequence[Part], grid_s: Floats) -> tuple[float, ...]:
    """When the ad hears the piece's beats."""
    found = list[float]()
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        inside = grid_s[(grid_s >= part.from_s - 1e-6) & (grid_s < part.to_s - (0 if last else 1e-6))]
        found += [round(float(at - part.from_s + part.at_s), 4) for at in inside]
    return tuple(found)


def _ring_fade_from_s(piece: Piece, wish: Wish, parts: Sequence[Part]) -> float:
    """Where a last chord that is cut off begins to fade; one that rings out in time needs none."""
    missing_s = piece.sounds_until_s - parts[-1].to_s
    rings_s = parts[-1].to_s - (piece.last_hit_s or 0.0)
    return wish.length_s - (min(0.9, 0.6 * rings_s) if missing_s > 0.05 else 0.02)


def _bar_fade_from_s(wish: Wish, bars_s: Sequence[float], piece: Piece) -> float:
    """A last bar that fades: the one that begins about a bar before the end."""
    bar_s = 60 / piece.beats.beats_per_minute * piece.beats.beats_per_bar
    wanted_s = wish.length_s - bar_s
    near = [at for at in bars_s if wish.length_s - 1.5 * bar_s <= at <= wish.length_s - 0.5 * bar_s]
    return max(0.5 * wish.length_s, min(near, key=lambda at: abs(at - wanted_s), default=wanted_s))


def _without_beats(piece: Piece, wish: Wish) -> Cut:
    """The last seconds of a piece that ends; else its first ones, faded out."""
    own = piece.last_hit_s is not None
    end_s = piece.sounds_until_s if own else wish.length_s
    part = Part(from_s=max(0.0, end_s - wish.length_s), to_s=end_s, at_s=0.0)
    return Cut(
        length_s=wish.length_s,
        parts=(part,),
        fade_in_s=0.4 if part.from_s > 0.05 else 0.005,
        fade_from_s=wish.length_s - (0.02 if own else min(2.0, 0.2 * wish.length_s)),
        has_own_ending=own,
    )


def _miss(grid_s: Sequence[float], at_s: float) -> float | None:
    if not grid_s:
        return None
    return round(at_s - min(grid_s, key=lambda beat: abs(beat - at_s)), 3)
