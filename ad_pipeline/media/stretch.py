"""Speech made shorter or longer at its own pitch: pieces are laid closer or wider where their waves agree (WSOLA)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ad_pipeline.media.time import AUDIO_RATE_HZ

Samples = NDArray[np.float32]

SLOWEST, FASTEST = 0.8, 1.25

_HOP = AUDIO_RATE_HZ // 100
"""Pieces of 20 ms, half over each other: two periods of the lowest voice."""

_REACH = AUDIO_RATE_HZ * 7 // 1000
"""A piece may be taken 7 ms earlier or later: half a period of a voice at 70 Hz."""

_COARSE = 6
"""Waves are compared at 8 kHz first, then to the sample."""


def stretched(samples: Samples, speed: float) -> Samples:
    """`samples` (mono, 48 kHz) said `speed` times as fast: `round(len / speed)` samples, the pitch kept.

    Raises:
        ValueError: a speed outside of `SLOWEST` to `FASTEST`.
    """
    if not SLOWEST <= speed <= FASTEST:
        raise ValueError(f"speed {speed} is outside of {SLOWEST} to {FASTEST}")
    length = round(len(samples) / speed)
    if speed == 1.0 or length < 2 * _HOP:
        return _cut(np.array(samples, np.float32), length)
    window = np.hanning(2 * _HOP + 1)[:-1].astype(np.float32)
    room = _HOP + _REACH
    source = np.pad(np.asarray(samples, np.float32), (room, room + 4 * _HOP))
    coarse = source[: len(source) // _COARSE * _COARSE].reshape(-1, _COARSE).mean(axis=1)
    out = np.zeros(length + 4 * _HOP, np.float32)
    # `at`: where in the source the last piece was taken; what follows it there is what the ear expects next.
    at = room - _HOP
    out[: 2 * _HOP] += source[at : at + 2 * _HOP] * window
    for start in range(_HOP, length + _HOP, _HOP):
        nominal = room + round((start - _HOP) * speed)
        expected = at + _HOP
        if nominal + room + 2 * _HOP > len(source):
            break
        at = _nearest(source, coarse, expected, nominal)
        out[start : start + 2 * _HOP] += source[at : at + 2 * _HOP] * window
    return _cut(out[_HOP:], length)


def _nearest(source: Samples, coarse: Samples, expected: int, nominal: int) -> int:
    """Where near `nominal` the wave goes on most like the piece at `expected`."""
    if abs(nominal - expected) <= 1:
        return expected
    rough = _best(coarse, expected // _COARSE, nominal // _COARSE, _REACH // _COARSE, 2 * _HOP // _COARSE) * _COARSE
    near = min(max(rough, nominal - _REACH), nominal + _REACH)
    return _best(source, expected, near, _COARSE, 2 * _HOP)


def _best(wave: Samples, expected: int, nominal: int, reach: int, length: int) -> int:
    """The start within `reach` of `nominal` whose `length` samples correlate best with those at `expected`."""
    first = max(0, nominal - reach)
    wanted = wave[expected : expected + length]
    candidates = np.lib.stride_tricks.sliding_window_view(wave[first : nominal + reach + length], len(wanted))
    likeness = candidates @ wanted
    energy = np.einsum("ij,ij->i", candidates, candidates)
    return first + int(np.argmax(likeness / np.sqrt(energy + 1e-9)))


def _cut(samples: Samples, length: int) -> Samples:
    return np.pad(samples[:length], (0, max(0, length - len(samples))))
