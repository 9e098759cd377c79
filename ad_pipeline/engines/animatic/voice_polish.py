"""From a synthesizer's dry clauses to a guide voice: joined, resampled, warmed, levelled, in a small room."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ad_pipeline.engines.animatic.wav import Samples
from ad_pipeline.media.time import AUDIO_RATE_HZ
from ad_pipeline.media.voice_chain import compressed, smooth_above, softened

_SILENCE = 0.006
_KEPT_S = 0.02
_EDGE_FADE_S = 0.008
_PEAK = 10 ** (-3 / 20)
_ROOM_S = 0.09
_ROOM_MIX = 0.10

# Hz -> dB: rumble out, less of the boxy middle and of the buzz that formant synthesis has above 5 kHz.
_EQ_HZ = (20, 70, 110, 180, 350, 700, 1200, 2500, 4000, 5500, 8000, 11000, 24000)
_EQ_DB = (-60, -24, -3, 1.5, 0.5, -1.5, -1.0, 1.0, 0.5, -3.0, -6.0, -18.0, -60)


def trimmed(samples: Samples, rate_hz: int) -> Samples:
    """`samples` without the silence at both ends, but for 20 ms."""
    loud = np.flatnonzero(np.abs(samples) > _SILENCE)
    if not len(loud):
        return samples[:0]
    kept = int(_KEPT_S * rate_hz)
    return samples[max(0, loud[0] - kept) : loud[-1] + kept]


def joined(clauses: Sequence[Samples], pauses_s: Sequence[float], rate_hz: int) -> tuple[Samples, list[float]]:
    """All clauses with their pauses behind them, and when each begins, in seconds."""
    parts: list[Samples] = []
    starts_s: list[float] = []
    at = 0
    for samples, pause_s in zip(clauses, pauses_s, strict=True):
        starts_s.append(at / rate_hz)
        gap = np.zeros(int(pause_s * rate_hz), np.float32)
        parts += [samples, gap]
        at += len(samples) + len(gap)
    return np.concatenate(parts) if parts else np.zeros(0, np.float32), starts_s


def polished(dry: Samples, rate_hz: int) -> Samples:
    """`dry` at 48 kHz: equalized, its s-sounds softened, gently compressed, with a breath of room; peak -3 dBFS."""
    tail = np.zeros(int(_ROOM_S * rate_hz), np.float32)
    warm = _equalized_at_film_rate(np.concatenate([dry, tail]), rate_hz)
    wet = _with_room(compressed(softened(warm)))
    fade = int(_EDGE_FADE_S * AUDIO_RATE_HZ)
    ramp = np.linspace(0, 1, fade, dtype=np.float32) ** 2
    wet[:fade] *= ramp
    wet[-fade:] *= ramp[::-1]
    return (wet * (_PEAK / max(1e-6, float(np.abs(wet).max())))).astype(np.float32)


def _equalized_at_film_rate(samples: Samples, rate_hz: int) -> Samples:
    """Resampling and equalizing are one multiplication in the frequency domain; the phase stays."""
    shared = math.gcd(rate_hz, AUDIO_RATE_HZ)
    # A length of small factors on both sides: one that holds a large prime takes 20 times as long.
    parts = smooth_above(-(-len(samples) * shared // rate_hz))
    source, count = parts * (rate_hz // shared), parts * (AUDIO_RATE_HZ // shared)
    spectrum = np.fft.rfft(samples, source)
    hertz = np.arange(len(spectrum)) * rate_hz / source
    gain = 10 ** (np.interp(np.log2(hertz + 1), np.log2(np.add(_EQ_HZ, 1)), _EQ_DB) / 20)
    wide = np.zeros(count // 2 + 1, complex)
    kept = min(len(spectrum), len(wide))
    wide[:kept] = (spectrum * gain)[:kept]
    length = round(len(samples) * AUDIO_RATE_HZ / rate_hz)
    return (np.fft.irfft(wide, count)[:length] * (count / source)).astype(np.float32)


def _with_room(samples: Samples) -> Samples:
    count = int(_ROOM_S * AUDIO_RATE_HZ)
    noise = np.random.default_rng(1).standard_normal(count) * np.exp(-np.linspace(0, 7, count))
    noise[: int(0.004 * AUDIO_RATE_HZ)] = 0
    noise /= np.sqrt((noise**2).sum())
    size = 1 << (len(samples) + count - 1).bit_length()
    room = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(noise, size), size)[: len(samples)]
    return (samples + _ROOM_MIX * room).astype(np.float32)
