"""The instruments' workshop: tones, noise, filters and a room, all as whole arrays at 48 kHz."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from ad_pipeline.engines.animatic.wav import Samples
from ad_pipeline.media.time import AUDIO_RATE_HZ

_TABLE = 4096
_ROOM_BLOCK = 1 << 18


def count_of(seconds: float) -> int:
    """Samples in `seconds`."""
    return max(0, round(seconds * AUDIO_RATE_HZ))


def hertz(midi: float) -> float:
    """The pitch of a MIDI note number."""
    return 440.0 * 2 ** ((midi - 69) / 12)


def faded(samples: Samples, *, attack_s: float, release_s: float) -> Samples:
    """`samples` with a raised-cosine start and end."""
    shaped = samples.copy()
    for seconds, reverse in ((attack_s, False), (release_s, True)):
        count = min(count_of(seconds), len(shaped))
        if count:
            ramp = (0.5 - 0.5 * np.cos(np.linspace(0, np.pi, count, dtype=np.float32))).reshape(
                (-1,) + (1,) * (shaped.ndim - 1)
            )
            if reverse:
                shaped[-count:] *= ramp[::-1]
            else:
                shaped[:count] *= ramp
    return shaped


def struck(
    midi: float, seconds: float, *, partials: tuple[tuple[float, float, float], ...], attack_s: float
) -> Samples:
    """A plucked or struck note: partials of (multiple of the pitch, loudness, decay per second)."""
    time = np.arange(count_of(seconds), dtype=np.float32) / AUDIO_RATE_HZ
    pitch = hertz(midi)
    note = np.zeros(len(time), np.float32)
    for multiple, loudness, decay in partials:
        if pitch * multiple < 14_000:
            note += np.float32(loudness) * np.exp(-time * decay) * np.sin(2 * np.pi * pitch * multiple * time)
    return faded(note, attack_s=attack_s, release_s=min(0.2, seconds / 3))


@functools.lru_cache(16)
def _wave(brightness: float, harmonics: int) -> Samples:
    """One period of a soft saw whose overtones fall faster the darker it is."""
    turn = np.arange(_TABLE, dtype=np.float32) * np.float32(2 * np.pi / _TABLE)
    wave = np.zeros(_TABLE, np.float32)
    for n in range(1, harmonics + 1):
        wave += np.sin(n * turn + n * 0.7) * np.float32(n ** -(2.0 - brightness))
    return wave / np.abs(wave).max()


def held(midi: float, seconds: float, *, brightness: float, cents: float, start_turn: float) -> Samples:
    """A held tone with a slow vibrato, detuned by `cents`."""
    count = count_of(seconds)
    pitch = hertz(midi + cents / 100)
    harmonics = int(max(1, min(14, 7000 // pitch)))
    time = np.arange(count, dtype=np.float32) / AUDIO_RATE_HZ
    turns = np.float64(pitch) * np.arange(count) / AUDIO_RATE_HZ + start_turn + 0.012 * np.sin(2 * np.pi * 4.6 * time)
    return _wave(round(brightness, 1), harmonics)[(turns * _TABLE).astype(np.int64) & (_TABLE - 1)]


def noise(seconds: float, chance: np.random.Generator, *, low_hz: float, high_hz: float) -> Samples:
    """Noise between two edges, with soft slopes; RMS 0.3."""
    count = count_of(seconds)
    if count == 0:
        return np.zeros(0, np.float32)
    size = 1 << max(4, (count - 1).bit_length())
    hz = np.fft.rfftfreq(size, 1 / AUDIO_RATE_HZ)
    gain = 1 / (1 + (low_hz / np.maximum(hz, 1)) ** 4) / (1 + (hz / high_hz) ** 4)
    spectrum = np.fft.rfft(chance.standard_normal(size).astype(np.float32)) * gain
    made = np.fft.irfft(spectrum, size)[:count]
    return (made * (0.3 / max(1e-6, float(np.sqrt((made**2).mean()))))).astype(np.float32)


def place(bed: Samples, samples: Samples, at_s: float, *, gain: float = 1.0, pan: float = 0.0) -> None:
    """Add mono or stereo `samples` to the stereo `bed`; what reaches over an end is left out."""
    start = round(at_s * AUDIO_RATE_HZ)
    skipped = max(0, -start)
    kept = samples[skipped : skipped + len(bed) - max(0, start)]
    if not len(kept):
        return
    where = slice(max(0, start), max(0, start) + len(kept))
    if kept.ndim == 2:
        bed[where] += np.float32(gain) * kept
        return
    angle = (pan + 1) * np.pi / 4
    bed[where, 0] += np.float32(gain * np.cos(angle) * 1.414) * kept
    bed[where, 1] += np.float32(gain * np.sin(angle) * 1.414) * kept


def in_a_room(send: Samples, *, seconds: float, damping_hz: float) -> Samples:
    """The stereo answer of a room to the mono `send`, as long as `send`."""
    length = count_of(seconds)
    spectra = [np.fft.rfft(ear, _ROOM_BLOCK) for ear in _room(seconds, damping_hz)]
    step = _ROOM_BLOCK - length
    wet = np.zeros((len(send) + _ROOM_BLOCK, 2), np.float32)
    for start in range(0, len(send), step):
        block = np.fft.rfft(send[start : start + step], _ROOM_BLOCK)
        for ear, spectrum in enumerate(spectra):
            wet[start : start + _ROOM_BLOCK, ear] += np.fft.irfft(block * spectrum, _ROOM_BLOCK)
    return wet[: len(send)]


@functools.lru_cache(4)
def _room(seconds: float, damping_hz: float) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    ears: list[npt.NDArray[np.float32]] = []
    for seed in (11, 23):
        raw = noise(seconds, np.random.default_rng(seed), low_hz=180, high_hz=damping_hz)
        time = np.arange(len(raw), dtype=np.float32) / AUDIO_RATE_HZ
        tail = raw * np.exp(-time * np.float32(6.0 / seconds)) * np.minimum(1, time / np.float32(0.012))
        ears.append((tail / np.sqrt((tail**2).sum())).astype(np.float32))
    return ears[0], ears[1]
