"""Real speech whose times are known: each word spoken apart by espeak and laid at a known place; and its formats."""

from __future__ import annotations

import functools
import io
import os
import re
import struct
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import av
import numpy as np
from numpy.typing import NDArray

from ad_pipeline.engines.animatic.voice import _asked  # pyright: ignore[reportPrivateUsage]

Samples = NDArray[np.float32]

LEAD_S, GAP_S, PAUSE_S, TAIL_S = 0.06, 0.03, 0.22, 0.12
_HANGUL = re.compile(r"[\uac00-\ud7a3]")
_known: dict[tuple[str, str, int], tuple[int, Samples]] = {}
_guard = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class TrueSpeech:
    """A text as it was spoken (mono, -1..1), with the times of its words and of each of its characters."""

    rate_hz: int
    samples: Samples
    words: tuple[tuple[str, float, float], ...]
    characters: tuple[str, ...]
    starts_s: tuple[float, ...]
    ends_s: tuple[float, ...]


@functools.lru_cache(maxsize=256)
def true_speech(text: str, *, variant: str = "+f2", speed: float = 1.0) -> TrueSpeech:
    """`text`, of which what stands in brackets is not spoken."""
    korean = bool(_HANGUL.search(text))
    voice = ("ko" if korean else "en-us") + variant
    rate = round((215 if korean else 175) * speed)
    pieces = re.findall(r"\[[^\]]*\]\s*|\S+\s*", text)
    said = [piece.strip() for piece in pieces if _is_said(piece)]
    rate_hz, sounds = _words(said, voice, rate)
    parts: list[Samples] = [np.zeros(round(LEAD_S * rate_hz), np.float32)]
    words: list[tuple[str, float, float]] = []
    times: list[tuple[float, float]] = []
    at = len(parts[0])
    for piece in pieces:
        if not _is_said(piece):
            times += [(at / rate_hz, at / rate_hz)] * len(piece)
            continue
        sound, word = sounds[piece.strip()], piece.strip()
        start, end = at / rate_hz, (at + len(sound)) / rate_hz
        step = (end - start) / len(word)
        times += [(start + step * n, start + step * (n + 1)) for n in range(len(word))]
        gap = round((PAUSE_S if word[-1] in ".,!?" else GAP_S) * rate_hz)
        parts += [sound, np.zeros(gap, np.float32)]
        at += len(sound) + gap
        times += [(end, at / rate_hz)] * (len(piece) - len(word))
        words.append((word, start, end))
    parts.append(np.zeros(round(TAIL_S * rate_hz), np.float32))
    return TrueSpeech(
        rate_hz=rate_hz,
        samples=np.concatenate(parts),
        words=tuple(words),
        characters=tuple(text),
        starts_s=tuple(round(start, 4) for start, _ in times),
        ends_s=tuple(round(end, 4) for _, end in times),
    )


def _is_said(piece: str) -> bool:
    return not piece.startswith("[") and any(letter.isalnum() for letter in piece)


def _words(said: Sequence[str], voice: str, rate: int) -> tuple[int, dict[str, Samples]]:
    with _guard:
        new = [word for word in dict.fromkeys(said) if (word, voice, rate) not in _known]
        if new:
            rate_hz, sounds = _asked(
                {
                    "parent_pid": os.getpid(), "voice": voice, "rate": rate, "pitch": 50, "range": 50, "word_gap": 0,
                    "texts": new,
                }
            )  # fmt: skip
            for word, sound in zip(new, sounds, strict=True):
                _known[word, voice, rate] = rate_hz, _tight(sound)
        return next(_known[w, voice, rate][0] for w in said), {w: _known[w, voice, rate][1] for w in said}


def _tight(sound: Samples) -> Samples:
    loud = np.flatnonzero(np.abs(sound) > 0.02 * np.abs(sound).max())
    return np.asarray(sound[loud[0] : loud[-1] + 1], np.float32)


def resampled(samples: Samples, rate_hz: int, wanted_hz: int) -> Samples:
    """The same at another rate."""
    if rate_hz == wanted_hz:
        return samples
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), format="flt", layout="mono")
    frame.sample_rate = rate_hz
    resampler = av.AudioResampler(format="flt", layout="mono", rate=wanted_hz)
    parts = [out.to_ndarray() for given in (frame, None) for out in resampler.resample(given)]
    return np.asarray(np.concatenate(parts, axis=1)[0], np.float32)


_CODECS = {
    "mp3": ("mp3", "mp3", 44100),
    "opus": ("ogg", "libopus", 48000),
    "aac": ("adts", "aac", 44100),
    "flac": ("flac", "flac", 24000),
}


def encoded(samples: Samples, rate_hz: int, form: str, *, streams: bool = False) -> bytes:
    """The samples as `pcm_24000`, `wav_44100`, `mp3_44100_128`, `mp3`, `opus`, `aac`, `flac`...

    `streams`: a WAV's head says 0xFFFFFFFF for its lengths, as servers write it that do not know them yet.
    """
    kind, _, rest = form.partition("_")
    if kind in ("pcm", "wav"):
        wanted = int(rest or 24000)
        raw = np.clip(resampled(samples, rate_hz, wanted) * 32767, -32768, 32767).astype("<i2").tobytes()
        return raw if kind == "pcm" else _wav_head(len(raw), wanted, streams=streams) + raw
    container, codec, wanted = _CODECS[kind]
    if kind == "mp3" and rest:
        wanted = int(rest.split("_")[0])
    target = io.BytesIO()
    with av.open(target, "w", format=container) as file:
        stream = file.add_stream(codec, rate=wanted, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), format="flt", layout="mono")
        frame.sample_rate = rate_hz
        resampler = av.AudioResampler(
            format=stream.codec_context.format, layout="mono", rate=wanted, frame_size=stream.codec_context.frame_size
        )
        for given in (frame, None):
            for piece in resampler.resample(given):
                file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
    return target.getvalue()


def _wav_head(size: int, rate_hz: int, *, streams: bool) -> bytes:
    told = 0xFFFFFFFF if streams else size
    whole = 0xFFFFFFFF if streams else size + 36
    form = struct.pack("<HHIIHH", 1, 1, rate_hz, rate_hz * 2, 2, 16)
    return (
        b"RIFF"
        + struct.pack("<I", whole)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + form
        + b"data"
        + struct.pack("<I", told)
    )
