"""The gain that brings a sound to a loudness: level first, then slow levelling, then a peak limiter.

All of it is found on levels per millisecond (`metering`), so trying a gain costs no pass over the sound.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ad_pipeline.media.metering import (
    BLOCK,
    HOP_MS,
    MOMENTARY_MS,
    SHORT_TERM_MS,
    Levels,
    PerMs,
    Samples,
    integrated_lufs,
    loudest_lufs,
    lufs,
    windows,
)

MOST_PUSH_DB = 24.0
"""So much more than its level asks for may a sound be driven into the limiter: it is then left under its loudness."""

_RELEASE_MS = 80
_LOOK_AHEAD_MS = 3
_GLIDE_MS = 1000
_NEAR_LU = 0.03
_GAIN_STEPS, _LEVEL_STEPS = 10, 24


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the sound shall be: the loudness, the ceiling of its true peaks, and the loudest windows allowed."""

    lufs: float
    ceiling_db: float
    short_term_lufs: float | None = None
    momentary_lufs: float | None = None


def gain_curve(levels: Levels, wish: Wish) -> PerMs:
    """The linear gain of each millisecond that makes a sound of these levels as wished.

    Where a window would be too loud for its limit, the loud stretches are lowered slowly and all is
    raised again: the dynamics shrink, the loudness stays.
    """
    lowered_db = np.zeros(len(levels.power))
    curve = np.ones(len(levels.power))
    limits = [(SHORT_TERM_MS, wish.short_term_lufs), (MOMENTARY_MS, wish.momentary_lufs)]
    for _ in range(_LEVEL_STEPS):
        curve = _at_loudness(levels, lowered_db, wish)
        power = levels.power * curve**2
        over = [(window, limit) for window, limit in limits if limit and loudest_lufs(power, window) > limit + _NEAR_LU]
        if not over:
            break
        for window_ms, limit in over:
            lowered_db -= _excess_db(power, window_ms, limit)
    return curve


def applied(samples: Samples, curve: PerMs, start: int = 0) -> Samples:
    """`samples` (n, 2), the film's from sample `start` on, under the gain `curve`; no steps between milliseconds."""
    places = (np.arange(len(curve)) + 0.5) * BLOCK
    first = max(0, start // BLOCK - 1)
    last = (start + len(samples)) // BLOCK + 2
    at = np.arange(start, start + len(samples))
    gain = np.interp(at, places[first:last], curve[first:last]).astype(np.float32)
    return samples * gain[:, None]


def _at_loudness(levels: Levels, lowered_db: PerMs, wish: Wish) -> PerMs:
    """The gain curve whose limited result has the loudness; what the limiter takes is given back."""
    shape = 10 ** (lowered_db / 20)

    def tried(gain_db: float) -> tuple[float, PerMs]:
        curve = held_under(shape * 10 ** (gain_db / 20), levels.peaks, wish.ceiling_db)
        return wish.lufs - integrated_lufs(levels.power * curve**2), curve

    start_db = wish.lufs - integrated_lufs(levels.power * shape**2)
    gain_db, slope, before = start_db, 1.0, (0.0, 0.0)
    for step in range(_GAIN_STEPS):
        missed, curve = tried(gain_db)
        if abs(missed) <= _NEAR_LU:
            return curve
        if step and gain_db != before[0]:
            # Where the limiter takes most of a rise, the next one has to be larger.
            slope = float(np.clip((before[1] - missed) / (gain_db - before[0]), 0.15, 1.0))
        before = (gain_db, missed)
        gain_db = min(start_db + MOST_PUSH_DB, gain_db + missed / slope)
    # Loudness may fall while the gain rises: what was soft then passes the meter's gate. So look everywhere.
    rough = min(np.arange(start_db - 1, start_db + MOST_PUSH_DB, 0.5).tolist(), key=lambda db: abs(tried(db)[0]))
    return tried(min(np.arange(rough - 0.5, rough + 0.5, 0.05).tolist(), key=lambda db: abs(tried(db)[0])))[1]


def held_under(gain: PerMs, peaks: PerMs, ceiling_db: float) -> PerMs:
    """`gain`, lower around each peak that would pass the ceiling; down ahead of it, up again slowly."""
    needed = np.minimum(1.0, 10 ** (ceiling_db / 20) / np.maximum(peaks * gain, 1e-9))
    if needed.min() >= 1:
        return gain
    ahead = np.pad(needed, _LOOK_AHEAD_MS, mode="edge")
    lowest = np.lib.stride_tricks.sliding_window_view(ahead, 2 * _LOOK_AHEAD_MS + 1).min(axis=1)
    window = np.hanning(2 * _LOOK_AHEAD_MS + 1)
    held = np.pad(_released(lowest), _LOOK_AHEAD_MS, mode="edge")
    return np.asarray(gain * np.convolve(held, window / window.sum(), mode="valid"), np.float64)


def _released(lowest: NDArray[np.float64]) -> NDArray[np.float64]:
    """Down at once, up slowly: a step per millisecond, so a plain loop is quick."""
    gains, now, back = np.empty_like(lowest), 1.0, 1 / _RELEASE_MS
    for i, wanted in enumerate(lowest.tolist()):
        now = min(wanted, now + (1 - now) * back)
        gains[i] = now
    return gains


def _excess_db(power: PerMs, window_ms: int, limit_lufs: float) -> PerMs:
    """How far each moment has to come down, after the loudest window that holds it; it glides."""
    loud = np.maximum(0.0, [lufs(float(value)) - limit_lufs for value in windows(power, window_ms)])
    hops = -(-len(power) // HOP_MS)
    covering = window_ms // HOP_MS
    # Hop h lies in the windows h-covering+1 ... h.
    padded = np.pad(loud, (covering - 1, max(0, hops - len(loud))))
    worst = np.lib.stride_tricks.sliding_window_view(padded, covering).max(axis=1)[:hops]
    glide = _GLIDE_MS // HOP_MS
    window = np.hanning(glide + 2)[1:-1]
    smooth = np.convolve(np.pad(worst, glide, mode="edge"), window / window.sum(), mode="same")[glide:-glide]
    places = (np.arange(hops) + 0.5) * HOP_MS
    return 1.1 * np.interp(np.arange(len(power)), places, smooth)
