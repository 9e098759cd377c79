"""Mastering: the mix brought to a loudness and a true peak, measured on the encoded file.

The encoder changes both a little, so what counts is its output: encode, measure, correct.
"""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av
import ffmpeg
import numpy as np
from av.error import FFmpegError

from ad_pipeline.errors import MediaError
from ad_pipeline.media import metering
from ad_pipeline.media.encode import explained
from ad_pipeline.media.ffmpeg import run_ffmpeg
from ad_pipeline.media.levelling import Wish, applied, gain_curve
from ad_pipeline.media.loudness_target import LoudnessTarget
from ad_pipeline.media.metering import WALK, PerMs, Samples, levels_of, power_of, summed
from ad_pipeline.media.time import AUDIO_RATE_HZ

AIMED_LU = 0.3
"""The loop goes on outside of this, so that another meter still finds the narrowest tolerance kept."""

SILENT_LUFS = -60.0
MOST_ENCODES = 3
_ENCODER_PEAK_DB = 0.7
"""Room for the peaks that AAC adds: 0.2 dB as a rule, more on transients."""

_ROOM_LU = 0.15
"""How far a window stays under its limit before it is encoded."""

METER_STEP_LU = 0.05
"""Half a step of ffmpeg's meter: what is at a limit must not fail by rounding."""

_FRAME = 1024
_WALK = WALK // _FRAME * _FRAME
"""A whole number of the encoder's frames: only its last one may be short."""

_LEVEL = r"(nan|-?inf|-?[\d.]+)"


@dataclass(frozen=True, kw_only=True)
class Loudness:
    """What the meter found: EBU R 128 loudness and true peak; -inf for silence.

    The maxima are -inf too where the sound is shorter than their window (3 s, 0.4 s).
    """

    integrated_lufs: float
    true_peak_dbtp: float
    max_short_term_lufs: float = -math.inf
    max_momentary_lufs: float = -math.inf
    range_lu: float = 0.0

    def keeps(self, target: LoudnessTarget) -> bool:
        """Whether all of it is as `target` asks."""
        return self.keeps_loudness(target) and self.true_peak_dbtp <= target.true_peak_dbtp

    def keeps_loudness(self, target: LoudnessTarget) -> bool:
        """The same without the peak: as a whole, and in every short stretch."""
        most = (
            (self.max_short_term_lufs, target.max_short_term_lufs),
            (self.max_momentary_lufs, target.max_momentary_lufs),
        )
        off_lu = abs(self.integrated_lufs - target.integrated_lufs)
        return off_lu <= target.tolerance_lu + METER_STEP_LU and all(
            limit is None or found <= limit + METER_STEP_LU for found, limit in most
        )


@dataclass(frozen=True, kw_only=True)
class Mastered:
    """An encoded sound and each measurement on the way; `measurements[kept]` is the file's.

    `within_limits` is False when the loop ran out, and for silence, which has no loudness. `curve` is
    the gain of each millisecond: applied to the parts of a mix it makes parts of the mastered sound.
    """

    path: Path
    measurements: tuple[Loudness, ...]
    kept: int
    within_limits: bool
    is_silent: bool
    curve: PerMs

    @property
    def found(self) -> Loudness:
        return self.measurements[self.kept]

    @property
    def integrated_lufs(self) -> float:
        return self.found.integrated_lufs

    @property
    def true_peak_dbtp(self) -> float:
        return self.found.true_peak_dbtp

    @property
    def encodes(self) -> int:
        return len(self.measurements)


def master(*parts: Samples, aim: LoudnessTarget, target: Path) -> Mastered:
    """Encode the sum of `parts` (n, 2) to AAC in an m4a that is as loud as `aim` says.

    Raises:
        MediaError: the encoder or the measurement failed.
        MachineLacks: the disk is full.
    """
    levels = levels_of(parts)
    if metering.integrated_lufs(levels.power) < SILENT_LUFS:
        curve = np.ones(len(levels.power))
        encode_aac(*parts, target=target)
        return Mastered(
            path=target, measurements=(measured(target),), kept=0, within_limits=False, is_silent=True, curve=curve
        )
    wish = _first_wish(aim)
    found: list[Loudness] = []
    best, best_curve = 0, np.ones(0)
    draft = target.with_name(f"{target.stem}.{uuid.uuid4().hex[:8]}{target.suffix}")
    try:
        while len(found) < MOST_ENCODES:
            curve = gain_curve(levels, wish)
            encode_aac(*parts, target=draft, curve=curve)
            now = measured(draft)
            found.append(now)
            if len(found) == 1 or _fault(now, aim) < _fault(found[best], aim):
                best, best_curve = len(found) - 1, curve
                draft.replace(target)
            if now.keeps(aim) and abs(aim.integrated_lufs - now.integrated_lufs) <= AIMED_LU:
                break
            wish = _corrected(wish, now, aim)
    finally:
        draft.unlink(missing_ok=True)
    return Mastered(
        path=target, measurements=tuple(found), kept=best, within_limits=found[best].keeps(aim), is_silent=False,
        curve=best_curve,
    )  # fmt: skip


def _first_wish(aim: LoudnessTarget) -> Wish:
    return Wish(
        lufs=aim.integrated_lufs,
        ceiling_db=aim.true_peak_dbtp - _ENCODER_PEAK_DB,
        short_term_lufs=None if aim.max_short_term_lufs is None else aim.max_short_term_lufs - _ROOM_LU,
        momentary_lufs=None if aim.max_momentary_lufs is None else aim.max_momentary_lufs - _ROOM_LU,
    )


def _corrected(wish: Wish, now: Loudness, aim: LoudnessTarget) -> Wish:
    """What to wish for instead, after the encoder's own part in what was found."""
    over_db = now.true_peak_dbtp - aim.true_peak_dbtp
    wish = replace(wish, lufs=wish.lufs + aim.integrated_lufs - now.integrated_lufs)
    if over_db > 0:
        wish = replace(wish, ceiling_db=wish.ceiling_db - over_db - 0.1)
    if wish.short_term_lufs and aim.max_short_term_lufs and now.max_short_term_lufs > aim.max_short_term_lufs:
        over_lu = now.max_short_term_lufs - aim.max_short_term_lufs
        wish = replace(wish, short_term_lufs=wish.short_term_lufs - over_lu - 0.1)
    if wish.momentary_lufs and aim.max_momentary_lufs and now.max_momentary_lufs > aim.max_momentary_lufs:
        over_lu = now.max_momentary_lufs - aim.max_momentary_lufs
        wish = replace(wish, momentary_lufs=wish.momentary_lufs - over_lu - 0.1)
    return wish


def _fault(now: Loudness, aim: LoudnessTarget) -> tuple[bool, float]:
    """How bad a result is, to choose among results: first whether it keeps what is asked, then how far off it is."""
    over = max(0.0, now.true_peak_dbtp - aim.true_peak_dbtp)
    return not now.keeps(aim), abs(now.integrated_lufs - aim.integrated_lufs) + over


def integrated_lufs(samples: Samples) -> float:
    """BS.1770-4 integrated loudness of 48 kHz stereo, in process; -inf for silence or under 0.4 s."""
    return metering.integrated_lufs(power_of([samples]))


def encode_aac(*parts: Samples, target: Path, curve: PerMs | None = None, bitrate_bps: int = 192_000) -> None:
    """The sum of `parts` (n, 2), under the gain `curve`, as AAC-LC 48 kHz stereo in an m4a.

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
            for start in range(0, len(parts[0]), _WALK):
                block = summed(parts, start, start + _WALK)
                planar = np.ascontiguousarray((block if curve is None else applied(block, curve, start)).T, np.float32)
                for at in range(0, planar.shape[1], _FRAME):
                    piece = np.ascontiguousarray(planar[:, at : at + _FRAME])
                    frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="stereo")
                    frame.sample_rate, frame.pts = AUDIO_RATE_HZ, start + at
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
    meter = ffmpeg.input(str(path)).audio.filter("ebur128", peak="true", framelog="info")
    said = run_ffmpeg(meter.output("-", format="null").get_args())
    log, _, summary = said.rpartition("Summary:")
    loudness = re.search(rf"I:\s+{_LEVEL} LUFS", summary)
    peak = re.search(rf"Peak:\s+{_LEVEL} dBFS", summary)
    reach = re.search(rf"LRA:\s+{_LEVEL} LU", summary)
    if not loudness or not peak:
        raise MediaError("the loudness of {path} could not be measured", path=path.name)
    # The meter's floor: -70 LUFS is its word for silence.
    integrated = float(loudness.group(1))
    moments = re.findall(rf"M:\s*{_LEVEL}\s+S:\s*{_LEVEL}", log)
    return Loudness(
        integrated_lufs=integrated if integrated > -70 else -math.inf,
        true_peak_dbtp=float(peak.group(1)),
        max_short_term_lufs=_loudest(short for _, short in moments),
        max_momentary_lufs=_loudest(momentary for momentary, _ in moments),
        range_lu=float(reach.group(1)) if reach else 0.0,
    )


def _loudest(levels: Iterable[str]) -> float:
    """The largest of the meter's words; under -70 it has not heard a whole window, or silence."""
    return max((level for level in map(float, levels) if level > -70), default=-math.inf)
