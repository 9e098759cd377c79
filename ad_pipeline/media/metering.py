"""Our own meter: loudness over time and true peaks of a sound, followed millisecond by millisecond.

It walks through the sound in blocks, so a minute costs no more memory than a few seconds. Where a gain
changes slowly, the loudness of the result follows from these levels alone, without the sound.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ad_pipeline.media.time import AUDIO_RATE_HZ
from ad_pipeline.media.weighting import OFFSET_LUFS, k_weighted_blocks

Samples = NDArray[np.float32]
PerMs = NDArray[np.float64]
"""A value for each millisecond."""

BLOCK = AUDIO_RATE_HZ // 1000
WALK = 4 * AUDIO_RATE_HZ
"""So many samples are held at once: a whole number of milliseconds."""

HOP_MS = 100
MOMENTARY_MS, SHORT_TERM_MS = 400, 3000

_REACH = 8
_SILENT_POWER = 1e-12


@dataclass(frozen=True, kw_only=True)
class Levels:
    """`power`: mean square as the ear weighs it, both channels summed; `peaks`: true peaks."""

    power: PerMs
    peaks: PerMs


def walk(parts: Sequence[Samples]) -> Iterator[Samples]:
    """The sum of sounds (n, 2) of one length, in blocks."""
    for start in range(0, len(parts[0]), WALK):
        yield summed(parts, start, start + WALK)


def summed(parts: Sequence[Samples], start: int, end: int) -> Samples:
    """The sum of `parts` from sample `start` to `end`."""
    total = parts[0][start:end].copy()
    for part in parts[1:]:
        total += part[start:end]
    return total


def power_of(parts: Sequence[Samples]) -> PerMs:
    """The weighted power of the sum of `parts`."""
    return np.concatenate([_power(block) for block in k_weighted_blocks(walk(parts))])


def levels_of(parts: Sequence[Samples]) -> Levels:
    """Weighted power and true peaks of the sum of `parts`."""
    length = len(parts[0])
    peaks: list[PerMs] = []
    for start in range(0, length, WALK):
        before = min(start, _REACH)
        around = summed(parts, start - before, min(length, start + WALK + _REACH))
        peaks.append(_true_peaks(around, before, min(WALK, length - start)))
    return Levels(power=power_of(parts), peaks=np.concatenate(peaks))


def integrated_lufs(power: PerMs) -> float:
    """BS.1770-4 integrated loudness; -inf for silence or under 0.4 s."""
    blocks = windows(power, MOMENTARY_MS)
    blocks = blocks[blocks > 10 ** ((-70 - OFFSET_LUFS) / 10)]
    if not blocks.size:
        return -math.inf
    loud = blocks[blocks > blocks.mean() / 10]
    return lufs(float(loud.mean()))


def loudest_lufs(power: PerMs, window_ms: int) -> float:
    """The loudest `window_ms` (the maximum momentary or short-term loudness); -inf where none is whole."""
    return lufs(float(windows(power, window_ms).max(initial=0.0)))


def windows(power: PerMs, window_ms: int) -> PerMs:
    """The mean power of each whole window, one every 100 ms."""
    if len(power) < window_ms:
        return np.zeros(0)
    sums = np.concatenate([[0.0], np.cumsum(power)])
    starts = np.arange(0, len(power) - window_ms + 1, HOP_MS)
    return (sums[starts + window_ms] - sums[starts]) / window_ms


def lufs(power: float) -> float:
    return OFFSET_LUFS + 10 * math.log10(power) if power > _SILENT_POWER else -math.inf


def _power(block: Samples) -> PerMs:
    squares = np.square(block, dtype=np.float32).sum(axis=1, dtype=np.float64)
    missing = -len(squares) % BLOCK
    return np.pad(squares, (0, missing)).reshape(-1, BLOCK).mean(axis=1)


def _true_peaks(around: Samples, before: int, count: int) -> PerMs:
    """The true peak of each millisecond (4 x oversampled, as BS.1770 asks) of `count` samples after `before`."""
    blocks = -(-count // BLOCK)
    padded = np.zeros((1, len(around) + BLOCK, around.shape[1]), np.float32)
    padded[0, : len(around)] = around
    peaks = np.abs(padded)
    for phase in (1, 2, 3):
        # As a picture of one row: both channels at once take half as long as `np.convolve`, which meets them apart.
        taps = _phase_taps(phase / 4)[None, ::-1].copy()
        between = np.asarray(cv2.filter2D(padded, -1, taps, borderType=cv2.BORDER_CONSTANT), np.float32)
        between = between.reshape(peaks.shape)
        np.maximum(peaks, np.abs(between, out=between), out=peaks)
    own = peaks[0, before : before + blocks * BLOCK].max(axis=1)
    own = np.pad(own, (0, blocks * BLOCK - len(own)))
    return own.reshape(blocks, BLOCK).max(axis=1).astype(np.float64)


def _phase_taps(delay: float) -> Samples:
    """A windowed sinc that gives the samples `delay` of a sample later."""
    at = np.arange(-_REACH, _REACH + 1) + delay
    return (np.sinc(at) * np.cos(np.pi * at / (2 * _REACH + 3)) ** 2).astype(np.float32)
