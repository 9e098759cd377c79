"""Who speaks when, and how far all else steps back meanwhile; followed in hops of 10 ms."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ad_pipeline.media.time import AUDIO_RATE_HZ

HOP = AUDIO_RATE_HZ // 100
"""Samples of one hop."""

PerHop = NDArray[np.float64]
"""A value for each 10 ms."""

SPEAKING = 0.9
"""From here on in the speech curve somebody speaks."""

_PER_S = 100
_PAUSE_DB = -32.0
"""Under the voice's own level by this much is a pause."""

_LEAST_DB = -70.0
_BLOCK_HOPS = 40
_LEAD_S, _HOLD_S, _GLIDE_S = 0.12, 0.30, 0.28


def hops_of(power_ms: PerHop) -> PerHop:
    """Power per hop from power per millisecond."""
    return np.pad(power_ms, (0, -len(power_ms) % 10)).reshape(-1, 10).mean(axis=1)


def speech_curve(voice: PerHop) -> PerHop:
    """0 where nobody speaks to 1 where somebody does: early, held over short pauses, no steps."""
    levels = decibels(voice)
    active = (levels > max(active_db(voice) + _PAUSE_DB, _LEAST_DB)).astype(np.float64)
    lead, hold, glide = (max(1, round(s * _PER_S)) for s in (_LEAD_S, _HOLD_S, _GLIDE_S))
    held = np.lib.stride_tricks.sliding_window_view(np.pad(active, (hold, lead)), lead + hold + 1).max(axis=1)
    window = np.hanning(glide + 2)[1:-1]
    return np.convolve(np.pad(held, glide, mode="edge"), window / window.sum(), mode="same")[glide:-glide]


def ducking_db(voice: PerHop, other: PerHop, speech: PerHop, *, over_lu: float, window_s: float) -> PerHop:
    """The gain (dB, at most 0) under which `other` lies `over_lu` below the voice while it speaks.

    Each stretch of speech asks for as much as its own loudest `window_s` of `other` needs: music that is
    soft already stays.
    """
    gain_db = np.zeros(len(speech))
    for start, end in _stretches(speech):
        margin = _margin_lu(voice[start:end], other[start:end], speech[start:end], window_s)
        if math.isfinite(margin) and margin < over_lu:
            gain_db[start:end] = (margin - over_lu) * speech[start:end]
    return gain_db


def least_margin_lu(voice: PerHop, other: PerHop, speech: PerHop, *, window_s: float) -> float:
    """How far `other` lies under the voice where it comes nearest: its loudest `window_s` in any stretch of speech.

    inf where nobody speaks, or nothing else is heard meanwhile.
    """
    return min(
        (_margin_lu(voice[a:b], other[a:b], speech[a:b], window_s) for a, b in _stretches(speech)), default=math.inf
    )


def active_db(power: PerHop) -> float:
    """The mean power of what is no pause, in dB."""
    levels = decibels(power)
    loud = power[levels > levels.max(initial=-120.0) - 26]
    return float(10 * np.log10(np.maximum(loud.mean(), 1e-12))) if loud.size else -120.0


def decibels(power: PerHop) -> PerHop:
    return 10 * np.log10(np.maximum(power, 1e-12))


def _margin_lu(voice: PerHop, other: PerHop, speech: PerHop, window_s: float) -> float:
    spoken = speech > SPEAKING
    under = other[spoken]
    if not under.size or under.max() <= 1e-12 or voice.max() <= 1e-12:
        return math.inf
    window = min(len(under), max(1, round(window_s * _PER_S)))
    loudest = np.convolve(under, np.ones(window) / window, mode="valid").max()
    return _said_db(voice[spoken]) - float(10 * np.log10(max(loudest, 1e-12)))


def _said_db(voice: PerHop) -> float:
    """How loud a stretch of speech is, its short pauses included: measured as BS.1770 measures a programme."""
    window = min(len(voice), _BLOCK_HOPS)
    blocks = np.convolve(voice, np.ones(window) / window, mode="valid")
    return float(10 * np.log10(max(blocks[blocks >= blocks.mean() / 10].mean(), 1e-12)))


def _stretches(speech: PerHop) -> list[tuple[int, int]]:
    """From where to where the curve is over 0: between two of them it is 0, so their depths may differ."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], (speech > 1e-6).astype(np.int8), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
