"""Sound as samples: reading, writing, and the mix of voice, effects and music.

Samples are float32, 48 kHz, -1..1; stereo is (n, 2).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
from av.error import FFmpegError

from ad_pipeline.errors import MediaError
from ad_pipeline.media.ducking import PerHop, active_db, ducking_db, hops_of, least_margin_lu, speech_curve
from ad_pipeline.media.encode import explained
from ad_pipeline.media.levelling import applied
from ad_pipeline.media.metering import WALK, PerMs, Samples, power_of
from ad_pipeline.media.time import AUDIO_RATE_HZ
from ad_pipeline.media.voice_chain import through_voice_chain
from ad_pipeline.media.weighting import OFFSET_LUFS

SPEECH_LUFS = -17.0
"""The voice while it speaks, before mastering."""

MUSIC_BELOW_SPEECH_LU = 3.5
"""How far music lies under the voice's level where nobody speaks."""

MUSIC_WINDOW_S, SFX_WINDOW_S = 1.0, 0.4
"""Of music the loudest second counts, of effects the loudest moment."""

SFX_PEAK_DB = -12.0

_CLICK_FREE_S, _CUT_S = 0.002, 0.015
"""How a placed sound begins, so that its attack stays, and how it ends where it may have been cut off."""

_FILM_IN_S, _FILM_OUT_S = 0.005, 0.02


@dataclass(frozen=True, kw_only=True)
class Balance:
    """How far what is no voice lies under it while somebody speaks, in LU."""

    music_lu: float
    sfx_lu: float


BALANCE = Balance(music_lu=12.5, sfx_lu=7.0)
"""12 and 6 LU are promised."""

ACCESSIBLE = Balance(music_lu=21.5, sfx_lu=27.5)
"""For those who hear speech badly in noise: music and effects together stay 20 LU under the voice (WCAG 1.4.7)."""


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A sound and when it begins in the film; mono (n,) or stereo (n, 2).

    `raw`: a voice as its engine gave it, which goes through the voice chain first.
    """

    samples: Samples
    start_s: float
    gain_db: float = 0.0
    raw: bool = False


@dataclass(frozen=True, kw_only=True)
class Mix:
    """The parts of the film's sound, (n, 2) of one length, that add up to it; and how they lie to each other.

    The margins are inf where nobody speaks, or nothing else is heard meanwhile.
    """

    voice: Samples
    music: Samples
    sfx: Samples
    duck_db: float
    """The most that music is lowered."""
    speech_over_music_lu: float
    speech_over_sfx_lu: float

    @property
    def parts(self) -> tuple[Samples, Samples, Samples]:
        return self.voice, self.music, self.sfx

    @property
    def master(self) -> Samples:
        """The whole."""
        return self.voice + self.music + self.sfx


def mix(
    length: int,
    *,
    voices: Iterable[Placed] = (),
    sfx: Iterable[Placed] = (),
    music: Samples | None = None,
    fade_in_s: float = 0.03,
    fade_out_s: float = 0.6,
    balance: Balance = BALANCE,
) -> Mix:
    """Exactly `length` samples: the voice in front, music ducked under it, effects beside it."""
    bed = _bus(length, [Placed(samples=music, start_s=0.0)] if music is not None else [])
    del music  # a minute of it is 23 MB
    _level(bed, SPEECH_LUFS - MUSIC_BELOW_SPEECH_LU)
    _fade_ends(bed, fade_in_s, fade_out_s)
    effects = _bus(length, sfx)
    _lower_to_peak(effects, SFX_PEAK_DB)
    voice = _bus(length, map(_evened, voices))
    _level(voice, SPEECH_LUFS)

    said = hops_of(power_of([voice]))
    speech = speech_curve(said)
    duck_db, music_lu = _ducked(bed, said, speech, over_lu=balance.music_lu, window_s=MUSIC_WINDOW_S)
    _, sfx_lu = _ducked(effects, said, speech, over_lu=balance.sfx_lu, window_s=SFX_WINDOW_S)
    for part in (voice, bed, effects):
        _fade_ends(part, _FILM_IN_S, _FILM_OUT_S)
    return Mix(
        voice=voice, music=bed, sfx=effects, duck_db=duck_db, speech_over_music_lu=music_lu, speech_over_sfx_lu=sfx_lu
    )


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
    wanted = 1 if channels == 1 else 2
    sound = np.empty((sum(part.shape[1] for part in parts), wanted), np.float32)
    at = 0
    for part in parts:
        sound[at : at + part.shape[1]] = part[:wanted].T  # mono goes to both sides
        at += part.shape[1]
    return sound[:, 0] if channels == 1 else sound


def write_wav(
    target: Path,
    samples: Samples,
    *,
    form: Literal["float32", "pcm16"] = "float32",
    curve: PerMs | None = None,
) -> None:
    """A 48 kHz WAV, mono for (n,) and stereo for (n, 2); gone when the disk is full.

    `curve`: a gain for each millisecond of a stereo sound.
    """
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    code, width = (3, 4) if form == "float32" else (1, 2)
    byte_rate, size = AUDIO_RATE_HZ * channels * width, samples.size * width
    head = struct.pack("<HHIIHH", code, channels, AUDIO_RATE_HZ, byte_rate, channels * width, width * 8)
    fact = struct.pack("<4sII", b"fact", 4, len(samples)) if code == 3 else b""
    whole = 4 + 8 + len(head) + len(fact) + 8 + size
    riff = struct.pack("<4sI4s4sI", b"RIFF", whole, b"WAVE", b"fmt ", len(head)) + head + fact
    try:
        with target.open("wb") as file:
            file.write(riff + struct.pack("<4sI", b"data", size))
            for start in range(0, len(samples), WALK):
                block = samples[start : start + WALK]
                file.write(_packed(block if curve is None else applied(block, curve, start), form))
    except OSError as error:
        target.unlink(missing_ok=True)
        raise explained(error, "writing", target) from error


def _packed(block: Samples, form: Literal["float32", "pcm16"]) -> bytes:
    if form == "float32":
        return np.ascontiguousarray(block, "<f4").tobytes()
    return np.rint(np.clip(block, -1, 1) * 32767).astype("<i2").tobytes()


def level_db(samples: Samples) -> float:
    """RMS in dB full scale; -120 for silence."""
    power = float(np.mean(np.square(samples, dtype=np.float64))) if samples.size else 0.0
    return 10 * np.log10(max(power, 1e-12))


def _bus(length: int, sounds: Iterable[Placed]) -> Samples:
    """All sounds at their places, each begun and ended without a click, also where the film cuts it."""
    bus = np.zeros((length, 2), np.float32)
    for sound in sounds:
        start = round(sound.start_s * AUDIO_RATE_HZ)
        inside = sound.samples[max(0, -start) : max(0, length - start)]
        stereo = inside if inside.ndim == 2 else np.broadcast_to(inside[:, None], (len(inside), 2))
        place = bus[max(0, start) : max(0, start) + len(stereo)]
        gain = np.float32(10 ** (sound.gain_db / 20))
        for at in range(0, len(stereo), WALK):
            place[at : at + WALK] += stereo[at : at + WALK] * gain
        rising, falling = (min(len(stereo) // 2, round(s * AUDIO_RATE_HZ)) for s in (_CLICK_FREE_S, _CUT_S))
        if rising:
            place[:rising] -= stereo[:rising] * gain * (1 - _ramp(rising))
        if falling:
            place[-falling:] -= stereo[-falling:] * gain * _ramp(falling)
    return bus


def _evened(sound: Placed) -> Placed:
    """A voice through its chain where it is raw, at the level of all voices: speakers and engines differ in it."""
    samples = sound.samples
    if sound.raw:
        mono = samples if samples.ndim == 1 else np.asarray(samples.mean(axis=1), np.float32)
        samples = through_voice_chain(mono)
    stereo = samples if samples.ndim == 2 else np.repeat(samples[:, None], 2, axis=1)
    if not stereo.any():
        return replace(sound, samples=stereo)
    gain_db = SPEECH_LUFS - OFFSET_LUFS - active_db(hops_of(power_of([stereo])))
    return replace(sound, samples=stereo, gain_db=sound.gain_db + gain_db)


def _level(bus: Samples, level_lufs: float) -> None:
    if bus.any():
        now = OFFSET_LUFS + active_db(hops_of(power_of([bus])))
        bus *= np.float32(10 ** ((level_lufs - now) / 20))


def _lower_to_peak(bus: Samples, peak_db: float) -> None:
    peak = max(float(bus.max(initial=0.0)), -float(bus.min(initial=0.0)))
    most = 10 ** (peak_db / 20)
    if peak > most:
        bus *= np.float32(most / peak)


def _ducked(bus: Samples, said: PerHop, speech: PerHop, *, over_lu: float, window_s: float) -> tuple[float, float]:
    """Lower `bus` under the voice; by how much at most (dB), and how far it then lies under it (LU)."""
    if not bus.any() or not speech.any():
        return 0.0, math.inf
    power = hops_of(power_of([bus]))
    gain_db = ducking_db(said, power, speech, over_lu=over_lu, window_s=window_s)
    # The gain of each millisecond, drawn through the middles of the hops.
    curve = np.interp(np.arange(0.5, len(gain_db) * 10), np.arange(len(gain_db)) * 10 + 5, 10 ** (gain_db / 20))
    for start in range(0, len(bus), WALK):
        bus[start : start + WALK] = applied(bus[start : start + WALK], curve, start)
    margin_lu = least_margin_lu(said, power * 10 ** (gain_db / 10), speech, window_s=window_s)
    return max(0.0, -float(gain_db.min())), margin_lu


def _fade_ends(bus: Samples, in_s: float, out_s: float) -> None:
    rising, falling = (min(len(bus) // 2, round(s * AUDIO_RATE_HZ)) for s in (in_s, out_s))
    if rising:
        bus[:rising] *= _ramp(rising)
    if falling:
        bus[-falling:] *= 1 - _ramp(falling)


def _ramp(count: int) -> Samples:
    """From 0 to 1, gently at both ends; for stereo."""
    return (np.sin(np.linspace(0, np.pi / 2, count, dtype=np.float32)) ** 2)[:, None]
