"""WAV files as the animatic writes them: 48 kHz, whole files, the same bytes for the same samples."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ad_pipeline.media.time import AUDIO_RATE_HZ

Samples = npt.NDArray[np.float32]

_FLOAT_FORMAT = 3


def write_mono_16_bit(samples: Samples, target: Path) -> None:
    """`samples` (-1..1) as 16-bit mono."""
    whole = np.round(np.clip(samples, -1.0, 1.0) * 32767).astype("<i2")
    with wave.open(str(target), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(AUDIO_RATE_HZ)
        out.writeframes(whole.tobytes())


def write_stereo_float(samples: Samples, target: Path) -> None:
    """`samples` (frames x 2, -1..1) as 32-bit float; the standard library writes whole numbers only."""
    raw = np.ascontiguousarray(samples, dtype="<f4").tobytes()
    layout = struct.pack("<HHIIHH", _FLOAT_FORMAT, 2, AUDIO_RATE_HZ, AUDIO_RATE_HZ * 8, 8, 32)
    fact = struct.pack("<I", len(samples))
    chunks = b"fmt " + struct.pack("<I", len(layout)) + layout + b"fact" + struct.pack("<I", 4) + fact
    body = b"WAVE" + chunks + b"data" + struct.pack("<I", len(raw))
    with target.open("wb") as out:
        out.write(b"RIFF" + struct.pack("<I", len(body) + len(raw)) + body)
        out.write(raw)
