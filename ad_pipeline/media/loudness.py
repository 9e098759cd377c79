"""Mastering: the mix brought to a loudness and a true peak, measured on the encoded file.

The encoder changes both a little, so what counts is its output: encode, measure, correct.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import ffmpeg
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from ad_pipeline.errors import MediaError
from ad_pipeline.media.encode import explained
from ad_pipeline.media.ffmpeg import run_ffmpeg
from ad_pipeline.media.sound import Samples
from ad_pipeline.media.time import AUDIO_RATE_HZ
from ad_pipeline.media.weighting import OFFSET_LUFS, k_weighted

TOLERANCE_LU = 0.5
_AIMED_LU = 0.3
"""The loop goes on outside of this, so that another meter still finds `TOLERANCE_LU`."""

SILENT_LUFS = -60.0
MOST_ENCODES = 4
_ENCODER_PEAK_DB = 0.7
"""Room for the peaks that AAC adds: 0.2 dB as a rule, more on transients."""

_BLOCK = AUDIO_RATE_HZ // 1000
_RELEASE_BLOCKS = 80
_LOOK_AHEAD_BLOCKS = 3

Peaks = NDArray[np.float64]
"""The true peak of each millisecond."""


@dataclass(frozen=True, kw_only=True)
class Loudness:
    """EBU R 128 integrated loudness and true peak; -inf for silence."""

    integrated_lufs: float
    true_peak_dbtp: float


@dataclass(frozen=True, kw_only=True)
class Mastered:
    """An encoded sound and each measurement on the way; the last one is the file's.

    `within_limits` is False when the loop ran out, and for silence, which has no loudness.
    """

    path: Path
    measurements: tuple[Loudness, ...]
    within_limits: bool
    is_silent: bool

    @property
    def integrated_lufs(self) -> float:
        return self.measurements[-1].integrated_lufs

    @property
    def true_peak_dbtp(self) -> float:
        return self.measurements[-1].true_peak_dbtp

    @property
    def encodes(self) -> int:
        return len(self.measurements)


def master(samples: Samples, *, target_lufs: float, peak_dbtp: float, target: Path) -> Mastered:
    """Encode `samples` (n, 2) to AAC in an m4a at `target_lufs` +-0.5 LU and at most `peak_dbtp`.

    Raises:
        MediaError: the encoder or the measurement failed.
        MachineLacks: the disk is full.
    """
    loudness = integrated_lufs(samples)
    if loudness < SILENT_LUFS:
        encode_aac(samples, target)
        return Mastered(path=target, measurements=(measured(target),), within_limits=False, is_silent=True)
    ceiling_db, peaks = peak_dbtp - _ENCODER_PEAK_DB, _block_peaks(samples)
    gain_db = _gain_for(samples, peaks, target_lufs, ceiling_db, start_db=target_lufs - loudness)
    found: list[Loudness] = []
    while True:
        encode_aac(_limited(samples, peaks, gain_db, ceiling_db), target)
        now = measured(target)
        found.append(now)
        missed = target_lufs - now.integrated_lufs
        over = now.true_peak_dbtp - peak_dbtp
        is_good = abs(missed) <= _AIMED_LU and over <= 0
        if is_good or len(found) == MOST_ENCODES:
            within = abs(missed) <= TOLERANCE_LU and over <= 0
            return Mastered(path=target, measurements=tuple(found), within_limits=within, is_silent=False)
        if over > 0:
            ceiling_db -= over + 0.1
        gain_db += missed


def _gain_for(samples: Samples, peaks: Peaks, target_lufs: float, ceiling_db: float, *, start_db: float) -> float:
    """The gain whose limited result has the loudness; what the limiter takes is given back, twice."""
    gain_db = start_db
    if float(np.abs(samples).max()) * 10 ** (gain_db / 20) < 10 ** ((ceiling_db - 1) / 20):
        return gain_db
    for _ in range(2):
        missed = target_lufs - integrated_lufs(_limited(samples, peaks, gain_db, ceiling_db))
        gain_db += missed
        if abs(missed) < 0.1:
            break
    return gain_db


def limited(samples: Samples, *, gain_db: float, ceiling_db: float) -> Samples:
    """`samples` louder by `gain_db`, with true peaks held under `ceiling_db`; looks ahead, so no click."""
    return _limited(samples, _block_peaks(samples), gain_db, ceiling_db)


def _limited(samples: Samples, peaks: Peaks, gain_db: float, ceiling_db: float) -> Samples:
    """The same, the peaks of `samples` being known: they grow with the gain."""
    gain, ceiling = 10 ** (gain_db / 20), 10 ** (ceiling_db / 20)
    louder = np.asarray(samples * np.float32(gain), np.float32)
    needed = np.minimum(1.0, ceiling / np.maximum(peaks * gain, 1e-9))
    if needed.min() >= 1:
        return louder
    ahead = np.pad(needed, _LOOK_AHEAD_BLOCKS, mode="edge")
    lowest = np.lib.stride_tricks.sliding_window_view(ahead, 2 * _LOOK_AHEAD_BLOCKS + 1).min(axis=1)
    gains = _released(lowest)
    window = np.hanning(2 * _LOOK_AHEAD_BLOCKS + 1)
    smooth = np.convolve(np.pad(gains, _LOOK_AHEAD_BLOCKS, mode="edge"), window / window.sum(), mode="valid")
    places = (np.arange(len(smooth)) + 0.5) * _BLOCK
    curve = np.interp(np.arange(len(louder)), places, smooth).astype(np.float32)
    return louder * curve[:, None]


def _released(lowest: NDArray[np.float64]) -> NDArray[np.float64]:
    """Down at once, up slowly: a step per millisecond, so a plain loop is quick."""
    gains, now, back = np.empty_like(lowest), 1.0, 1 / _RELEASE_BLOCKS
    for i, wanted in enumerate(lowest.tolist()):
        now = min(wanted, now + (1 - now) * back)
        gains[i] = now
    return gains


def _block_peaks(samples: Samples) -> Peaks:
    """The true peak of each millisecond (4 x oversampled, as BS.1770 asks)."""
    blocks = -(-len(samples) // _BLOCK)
    padded = np.zeros((1, blocks * _BLOCK, samples.shape[1]), np.float32)
    padded[0, : len(samples)] = samples
    peaks = np.abs(padded)
    for phase in (1, 2, 3):
        # As a picture of one row: both channels at once take half as long as `np.convolve`, which meets them apart.
        taps = _phase_taps(phase / 4)[None, ::-1].copy()
        between = np.asarray(cv2.filter2D(padded, -1, taps, borderType=cv2.BORDER_CONSTANT), np.float32).reshape(
            peaks.shape
        )
        np.maximum(peaks, np.abs(between, out=between), out=peaks)
    return peaks.reshape(blocks, -1).max(axis=1).astype(np.float64)


def _phase_taps(delay: float) -> Samples:
    """A windowed sinc that gives the samples `delay` of a sample later."""
    at = np.arange(-8, 9) + delay
    return (np.sinc(at) * np.cos(np.pi * at / 19) ** 2).astype(np.float32)


def integrated_lufs(samples: Samples) -> float:
    """BS.1770-4 integrated loudness of 48 kHz stereo, in process; -inf for silence or under 0.4 s."""
    block, step = int(0.4 * AUDIO_RATE_HZ), int(0.1 * AUDIO_RATE_HZ)
    if len(samples) < block:
        return -math.inf
    power = np.concatenate([[0.0], np.cumsum(np.square(k_weighted(samples), dtype=np.float64).sum(axis=1))])
    starts = np.arange(0, len(samples) - block + 1, step)
    blocks = (power[starts + block] - power[starts]) / block
    blocks = blocks[blocks > 10 ** ((-70 - OFFSET_LUFS) / 10)]
    if not blocks.size:
        return -math.inf
    loud = blocks[blocks > blocks.mean() / 10]
    return float(OFFSET_LUFS + 10 * np.log10(loud.mean()))


def encode_aac(samples: Samples, target: Path, *, bitrate_bps: int = 192_000) -> None:
    """`samples` (n, 2) as AAC-LC 48 kHz stereo in an m4a.

    Raises:
        MediaError: the encoder failed; no half file stays.
        MachineLacks: the disk is full.
    """
    try:
        with av.open(str(target), "w", format="ipod") as container:
            # The encoder's fast search: at this rate 33 dB SNR in 0.12 s, where its default gives 31 dB in 0.4 s.
            stream: Any = container.add_stream(
                "aac", rate=AUDIO_RATE_HZ, layout="stereo", options={"aac_coder": "fast"}
            )
            stream.codec_context.bit_rate = bitrate_bps
            planar = np.ascontiguousarray(samples.T, np.float32)
            step = 1024
            for start in range(0, planar.shape[1], step):
                piece = np.ascontiguousarray(planar[:, start : start + step])
                frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="stereo")
                frame.sample_rate, frame.pts = AUDIO_RATE_HZ, start
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    except (FFmpegError, OSError) as error:
        target.unlink(missing_ok=True)
        raise explained(error, "writing", target) from error


def measured(path: Path) -> Loudness:
    """The loudness and true peak of a file, by ffmpeg's meter.

    Raises:
        MediaError: no sound in it, or the meter said nothing.
    """
    meter = ffmpeg.input(str(path)).audio.filter("ebur128", peak="true", framelog="quiet")
    said = run_ffmpeg(meter.output("-", format="null").get_args())
    summary = said[said.rfind("Summary:") :]
    loudness = re.search(r"I:\s+(-?inf|-?[\d.]+) LUFS", summary)
    peak = re.search(r"Peak:\s+(-?inf|-?[\d.]+) dBFS", summary)
    if not loudness or not peak:
        raise MediaError("the loudness of {path} could not be measured", path=path.name)
    integrated = float(loudness.group(1))
    # The meter's floor: -70 LUFS is its word for silence.
    return Loudness(integrated_lufs=-math.inf if integrated <= -70 else integrated, true_peak_dbtp=float(peak.group(1)))
