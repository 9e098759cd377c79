"""What a speech service sent, as samples: whatever it calls itself, it has to be whole and to be heard."""

from __future__ import annotations

import io
import re
import struct
from typing import Any

import av
import numpy as np
from av.error import FFmpegError

from ad_pipeline.errors import MediaError
from ad_pipeline.media.sound import Samples
from ad_pipeline.media.time import AUDIO_RATE_HZ

QUIETEST_PEAK = 10 ** (-50 / 20)
_TEXT = re.compile(rb"\s*[{<][\t\n\r -~]{7}")
_RAW = re.compile(r"pcm_(\d+)")
_UNKNOWN_SIZES = (0, 0x7FFFFFFF, 0xFFFFFFFF)
"""What a server writes into a WAV's head when it streams and does not know its length yet."""
_UNKNOWN_FROM = 0x7FFFFF00


def speech_from(raw: bytes, *, form: str) -> Samples:
    """Mono samples at 48 kHz of a service's answer; `form` is the format that was asked for, e.g. `pcm_24000`, `wav`.

    Raises:
        MediaError: no sound, cut off in the middle, or silence.
    """
    if not raw:
        raise MediaError("the answer is empty; speech was expected")
    rate = _RAW.fullmatch(form)
    samples = _from_raw(raw, int(rate[1])) if rate and not _has_head(raw) else _decoded(raw)
    if not len(samples):
        raise MediaError("the answer holds no sound")
    if float(np.abs(samples).max()) < QUIETEST_PEAK:
        raise MediaError("the answer is {seconds:.1f} s of silence", seconds=len(samples) / AUDIO_RATE_HZ)
    return samples


def _has_head(raw: bytes) -> bool:
    """Whether it is a file of its own rather than bare samples: a gateway may send another format than asked."""
    return raw[:4] in (b"RIFF", b"OggS", b"fLaC") or raw[:3] == b"ID3" or bool(_TEXT.match(raw))


def _from_raw(raw: bytes, rate_hz: int) -> Samples:
    if len(raw) % 2:
        raise MediaError("the sound is cut off in the middle of a sample")
    whole = np.frombuffer(raw, "<i2").astype(np.float32) / np.float32(32768)
    return _resampled(whole, rate_hz)


def _resampled(samples: Samples, rate_hz: int) -> Samples:
    if rate_hz == AUDIO_RATE_HZ:
        return samples
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), format="flt", layout="mono")
    frame.sample_rate = rate_hz
    resampler = av.AudioResampler(format="flt", layout="mono", rate=AUDIO_RATE_HZ)
    parts: list[Any] = [out.to_ndarray() for given in (frame, None) for out in resampler.resample(given)]
    return np.concatenate(parts, axis=1)[0].astype(np.float32)


def _decoded(raw: bytes) -> Samples:
    _check_wav_is_whole(raw)
    try:
        with av.open(io.BytesIO(raw), "r") as container:
            if not container.streams.audio:
                raise MediaError("the answer holds no sound")
            resampler = av.AudioResampler(format="flt", layout="mono", rate=AUDIO_RATE_HZ)
            parts: list[Any] = []
            for frame in container.decode(container.streams.audio[0]):
                parts += [out.to_ndarray() for out in resampler.resample(frame)]
            parts += [out.to_ndarray() for out in resampler.resample(None)]
    except FFmpegError as error:
        raise MediaError(
            "the answer is no sound ({begins!r}...)", begins=raw[:40].decode("ascii", "replace")
        ) from error
    return np.concatenate(parts, axis=1)[0].astype(np.float32) if parts else np.zeros(0, np.float32)


def _check_wav_is_whole(raw: bytes) -> None:
    """A WAV says how long it is; decoders take what there is of one that broke off, without a word."""
    if raw[:4] != b"RIFF" or raw[8:12] != b"WAVE":
        return
    at = 12
    while at + 8 <= len(raw):
        name, size = struct.unpack_from("<4sI", raw, at)
        if name == b"data":
            there = len(raw) - at - 8
            if size not in _UNKNOWN_SIZES and size < _UNKNOWN_FROM and there < size:
                raise MediaError("the sound is cut off: {there} of {told} bytes came", there=there, told=size)
            return
        at += 8 + size + size % 2
