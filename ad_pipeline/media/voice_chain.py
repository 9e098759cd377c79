"""What a voice goes through before the mix: rumble out, a gentle equalizer, s-sounds softened, its dynamics narrowed.

For recorded and generated voices. All of it works on one line at a time (float32, 48 kHz, mono), with
filters that shift no phase, so what is taken away can be subtracted.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ad_pipeline.media.time import AUDIO_RATE_HZ

Samples = NDArray[np.float32]

_EQ_HZ = (0, 30, 60, 90, 130, 250, 400, 800, 2200, 4000, 7000, 12000, 17000, 24000)
_EQ_DB = (-90, -40, -14, -3, 0, -0.5, -1.5, 0, 0.5, 1.5, 0.5, 0, -1, -6)

_SIBILANT_HZ = (0, 4000, 5500, 10500, 13000, 24000)
_SIBILANT_DB = (-90, -60, 0, 0, -60, -90)
_SIBILANT_SHARE = 0.45
"""Of the line's level: an s that has more than this in its band is turned down."""
_SIBILANT_LEAST = 0.5
_SIBILANT_S = 0.006

_RATIO, _KNEE_DB, _MOST_DB = 2.0, -4.0, 8.0
"""Compression begins `_KNEE_DB` under the line's own level while it is spoken."""
_COMPRESS_S = 0.03

_QUIET_SHARE = 0.05
_EDGE_S = 0.004


def through_voice_chain(samples: Samples) -> Samples:
    """One line, made even and clear; of the same length, silence stays silence."""
    if not samples.any():
        return samples
    even = softened(equalized(samples, _EQ_HZ, _EQ_DB))
    return edged(compressed(even), _EDGE_S, _EDGE_S)


def equalized(samples: Samples, hertz: Sequence[float], decibels: Sequence[float]) -> Samples:
    """`samples` with the gain that `decibels` draw over `hertz` (straight lines over log frequency)."""
    size = 2 * smooth_above((len(samples) + AUDIO_RATE_HZ // 10 + 1) // 2)
    spectrum = np.fft.rfft(samples, size)
    at = np.fft.rfftfreq(size, 1 / AUDIO_RATE_HZ)
    gain = 10 ** (np.interp(np.log2(at + 1), np.log2(np.add(hertz, 1)), decibels) / 20)
    return np.asarray(np.fft.irfft(spectrum * gain, size)[: len(samples)], np.float32)


def smooth_above(least: int) -> int:
    """The smallest number of factors 2, 3 and 5 from `least` on: a transform of such a length is quick."""
    best = 1 << max(0, least - 1).bit_length()
    five = 1
    while five < best:
        three = five
        while three < best:
            wanted = -(-least // three)
            best = min(best, three << max(0, wanted - 1).bit_length())
            three *= 3
        five *= 5
    return best


def softened(samples: Samples) -> Samples:
    """S-sounds that stand out are taken back by up to 6 dB; all else stays as it is."""
    sharp = equalized(samples, _SIBILANT_HZ, _SIBILANT_DB)
    level = spoken_level(samples)
    loudness = np.sqrt(averaged(np.square(sharp, dtype=np.float64), round(_SIBILANT_S * AUDIO_RATE_HZ)))
    wanted = np.clip(_SIBILANT_SHARE * level / np.maximum(loudness, 1e-9), _SIBILANT_LEAST, 1.0)
    gain = averaged(wanted, round(_SIBILANT_S * AUDIO_RATE_HZ))
    return (samples - sharp * (1 - gain)).astype(np.float32)


def compressed(samples: Samples) -> Samples:
    """Loud syllables lowered, by half of what they are over; the gain looks as far ahead as back."""
    window = round(_COMPRESS_S * AUDIO_RATE_HZ)
    power = averaged(averaged(np.square(samples, dtype=np.float64), window), window)
    over_db = 10 * np.log10(np.maximum(power, 1e-12)) - 20 * np.log10(spoken_level(samples)) - _KNEE_DB
    lower_db = np.clip(over_db * (1 - 1 / _RATIO), 0, _MOST_DB)
    return (samples * 10 ** (-lower_db / 20)).astype(np.float32)


def edged(samples: Samples, in_s: float, out_s: float) -> Samples:
    """A copy that begins and ends at zero without a click; mono or (n, 2)."""
    out = np.array(samples, np.float32)
    rising = min(len(out) // 2, round(in_s * AUDIO_RATE_HZ))
    falling = min(len(out) // 2, round(out_s * AUDIO_RATE_HZ))
    shape = (-1, *[1] * (out.ndim - 1))
    if rising:
        out[:rising] *= (np.sin(np.linspace(0, np.pi / 2, rising, dtype=np.float32)) ** 2).reshape(shape)
    if falling:
        out[-falling:] *= (np.cos(np.linspace(0, np.pi / 2, falling, dtype=np.float32)) ** 2).reshape(shape)
    return out


def spoken_level(samples: Samples) -> float:
    """The RMS of what is no pause; never 0."""
    window = AUDIO_RATE_HZ // 50
    power = averaged(np.square(samples, dtype=np.float64), window)
    loud = power[power > _QUIET_SHARE * power.max(initial=0.0)]
    return max(1e-6, float(np.sqrt(loud.mean()))) if loud.size else 1e-6


def averaged(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """The running mean over `window` values around each; as long as `values`."""
    sums = np.concatenate([[0.0], np.cumsum(np.pad(values, (window // 2, window - window // 2)))])
    return np.maximum(0.0, (sums[window : window + len(values)] - sums[: len(values)]) / window)
