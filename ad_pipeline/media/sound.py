"""Sound as samples: reading, writing, and the mix of voice, effects and music.

Samples are float32, 48 kHz, -1..1; stereo is (n, 2).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from ad_pipeline.errors import MediaError
from ad_pipeline.media.encode import explained
from ad_pipeline.media.time import AUDIO_RATE_HZ
from ad_pipeline.media.weighting import OFFSET_LUFS, k_weighted

Samples = NDArray[np.float32]

_HOP = AUDIO_RATE_HZ // 100
"""10 ms: the step at which levels are followed."""

SPEECH_LUFS = -17.0
"""The voice while it speaks, before mastering."""

MUSIC_BELOW_SPEECH_LU = 3.5
"""How far music lies under the voice's level where nobody speaks."""

SPEECH_OVER_MUSIC_LU = 12.5
"""How far music lies under the voice while it speaks: 12 LU are promised."""

SFX_PEAK_DB = -12.0
_SPEAKING_DB = -32.0
"""Under the voice's own level by this much is a pause."""

_LEAD_S, _HOLD_S, _GLIDE_S = 0.12, 0.30, 0.28


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A sound and when it begins in the film; mono (n,) or stereo (n, 2)."""

    samples: Samples
    start_s: float
    gain_db: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Mix:
    """The whole and its parts, all of the same length; the parts add up to `master`."""

    master: Samples
    voice: Samples
    music: Samples
    sfx: Samples
    duck_db: float


def mix(
    length: int,
    *,
    voices: Sequence[Placed] = (),
    sfx: Sequence[Placed] = (),
    music: Samples | None = None,
    fade_in_s: float = 0.03,
    fade_out_s: float = 0.6,
) -> Mix:
    """Exactly `length` samples: the voice in front, music ducked under it, effects beside it."""
    voice = _levelled(_bus(length, voices), SPEECH_LUFS)
    effects = _peaked(_bus(length, sfx), SFX_PEAK_DB)
    bed = _bus(length, [Placed(samples=music, start_s=0.0)] if music is not None else [])
    bed = _levelled(bed, SPEECH_LUFS - MUSIC_BELOW_SPEECH_LU) * _ends_faded(length, fade_in_s, fade_out_s)
    speaking = speech_curve(voice)
    duck_db = _needed_duck_db(bed, speaking)
    bed = bed * _gain(-duck_db * speaking)[:, None]
    edges = _ends_faded(length, 0.005, 0.02)
    voice, bed, effects = (np.asarray(part * edges, np.float32) for part in (voice, bed, effects))
    return Mix(master=voice + bed + effects, voice=voice, music=bed, sfx=effects, duck_db=duck_db)


def speech_curve(voice: Samples) -> Samples:
    """0 where nobody speaks to 1 where somebody does, per sample: early, held over short pauses, no steps."""
    levels = _hop_levels_db(voice)
    active = (levels > max(_active_level_db(levels) + _SPEAKING_DB, -70.0)).astype(np.float64)
    lead, hold, glide = (max(1, round(s * AUDIO_RATE_HZ / _HOP)) for s in (_LEAD_S, _HOLD_S, _GLIDE_S))
    around = np.pad(active, (hold, lead))
    held = np.lib.stride_tricks.sliding_window_view(around, lead + hold + 1).max(axis=1)
    window = np.hanning(glide + 2)[1:-1]
    smooth = np.convolve(np.pad(held, glide, mode="edge"), window / window.sum(), mode="same")[glide:-glide]
    places = (np.arange(len(smooth)) + 0.5) * _HOP
    return np.interp(np.arange(len(voice)), places, smooth).astype(np.float32)


def read_sound(path: Path, *, channels: Literal[1, 2] = 2) -> Samples:
    """Any sound file at 48 kHz: (n, 2), or (n,) for one channel.

    Raises:
        MediaError: no readable sound.
    """
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise MediaError("{path} holds no sound", path=path.name)
            stream = container.streams.audio[0]
            # Mono stays mono here: FFmpeg would lower it by 3 dB on the way to stereo.
            layout = "mono" if stream.codec_context.channels == 1 or channels == 1 else "stereo"
            resampler = av.AudioResampler(format="fltp", layout=layout, rate=AUDIO_RATE_HZ)
            parts: list[Any] = []
            for frame in container.decode(stream):
                parts += [out.to_ndarray() for out in resampler.resample(frame)]
            parts += [out.to_ndarray() for out in resampler.resample(None)]
    except (FFmpegError, OSError) as error:
        raise explained(error, "reading", path) from error
    if not parts:
        raise MediaError("{path} holds no sound", path=path.name)
    sound = np.concatenate(parts, axis=1).astype(np.float32).T
    if channels == 1:
        return np.ascontiguousarray(sound[:, 0])
    return np.ascontiguousarray(sound if sound.shape[1] == 2 else np.repeat(sound, 2, axis=1))


def write_wav(target: Path, samples: Samples, *, form: Literal["float32", "pcm16"] = "float32") -> None:
    """A 48 kHz WAV, mono for (n,) and stereo for (n, 2); gone when the disk is full."""
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    if form == "float32":
        code, width, body = 3, 4, np.ascontiguousarray(samples, "<f4").tobytes()
    else:
        code, width = 1, 2
        body = np.rint(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
    byte_rate = AUDIO_RATE_HZ * channels * width
    head = struct.pack("<HHIIHH", code, channels, AUDIO_RATE_HZ, byte_rate, channels * width, width * 8)
    fact = struct.pack("<4sII", b"fact", 4, len(samples)) if code == 3 else b""
    size = 4 + 8 + len(head) + len(fact) + 8 + len(body)
    riff = struct.pack("<4sI4s4sI", b"RIFF", size, b"WAVE", b"fmt ", len(head)) + head + fact
    try:
        target.write_bytes(riff + struct.pack("<4sI", b"data", len(body)) + body)
    except OSError as error:
        target.unlink(missing_ok=True)
        raise explained(error, "writing", target) from error


def level_db(samples: Samples) -> float:
    """RMS in dB full scale; -120 for silence."""
    power = float(np.mean(np.square(samples, dtype=np.float64))) if samples.size else 0.0
    return 10 * np.log10(max(power, 1e-12))


def _bus(length: int, sounds: Sequence[Placed]) -> Samples:
    bus = np.zeros((length, 2), np.float32)
    for sound in sounds:
        start = round(sound.start_s * AUDIO_RATE_HZ)
        stereo = sound.samples if sound.samples.ndim == 2 else np.repeat(sound.samples[:, None], 2, axis=1)
        stereo = stereo[max(0, -start) : max(0, length - start)]
        start = max(0, start)
        bus[start : start + len(stereo)] += stereo * np.float32(10 ** (sound.gain_db / 20))
    return bus


def _levelled(bus: Samples, level_lufs: float) -> Samples:
    if not bus.any():
        return bus
    now = OFFSET_LUFS + _active_level_db(_hop_levels_db(k_weighted(bus)))
    return bus * np.float32(10 ** ((level_lufs - now) / 20))


def _peaked(bus: Samples, peak_db: float) -> Samples:
    peak = float(np.abs(bus).max(initial=0.0))
    most = 10 ** (peak_db / 20)
    return bus * np.float32(most / peak) if peak > most else bus


def _hop_levels_db(bus: Samples) -> NDArray[np.float64]:
    whole = len(bus) // _HOP * _HOP
    if not whole:
        return np.full(1, -120.0)
    power = np.square(bus[:whole], dtype=np.float64).reshape(whole // _HOP, -1).sum(axis=1) / _HOP
    return 10 * np.log10(np.maximum(power, 1e-12))


def _active_level_db(levels: NDArray[np.float64]) -> float:
    """The mean power of what is no pause."""
    loud = levels[levels > levels.max() - 26]
    return float(10 * np.log10(np.mean(10 ** (loud / 10))))


def _needed_duck_db(bed: Samples, speaking: Samples) -> float:
    """So much that even the loudest second of the bed under speech is far enough below the voice."""
    if not speaking.any() or not bed.any():
        return 0.0
    said = _hop_levels_db(k_weighted(bed) * (speaking > 0.9)[:, None])
    second = np.ones(100) / 100
    power = np.convolve(10 ** (said / 10), second, mode="same") if len(said) > 100 else 10 ** (said / 10)
    wanted = SPEECH_LUFS - OFFSET_LUFS - SPEECH_OVER_MUSIC_LU
    return max(0.0, float(10 * np.log10(power.max())) - wanted)


def _gain(gain_db: NDArray[np.floating]) -> Samples:
    return np.asarray(10 ** (gain_db / 20), np.float32)


def _ends_faded(length: int, in_s: float, out_s: float) -> Samples:
    curve = np.ones(length, np.float32)
    rising = min(length // 2, round(in_s * AUDIO_RATE_HZ))
    falling = min(length // 2, round(out_s * AUDIO_RATE_HZ))
    if rising:
        curve[:rising] = np.sin(np.linspace(0, np.pi / 2, rising)) ** 2
    if falling:
        curve[-falling:] *= np.cos(np.linspace(0, np.pi / 2, falling)) ** 2
    return curve[:, None]
