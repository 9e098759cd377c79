"""Did the lipsync move the mouth, in time with the voice, and leave the rest of the picture alone?

The clip before and after are laid over each other frame by frame, block by block: nobody here has to know what a
face looks like to see which part of the picture was changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from ad_pipeline.checks.verdict import Verdict
from ad_pipeline.errors import MediaError
from ad_pipeline.media.encode import explained
from ad_pipeline.media.inlay import changed_blocks
from ad_pipeline.media.sound import read_sound
from ad_pipeline.media.time import AUDIO_RATE_HZ, FILM

WORST_OUTSIDE_DB = 37.0
"""Laid into its clip and encoded once, the worst frame has 46 dB, 43 to 48 with some grain, 40 with much."""
FURTHEST_TONE = 0.8
"""Steps of 255 by which blocks of 16 pixels, where noise evens out, may differ: 0.2 to 0.4 where all is well."""
LARGEST_SHARE = 0.5
"""A face from ear to ear in an upright picture fills a third of it; more is no face, but another picture."""
FEWEST_MOVED = 1 / 3
EARLY_S, LATE_S = 0.045, 0.125
"""A sound that comes so much before its picture, or after it, is noticed (ITU-R BT.1359-1)."""
SUREST_LAG_R = 0.5
"""Where motion and voice are less alike than this at any lag, the lag means nothing."""

_BLOCK = 16
_QUIET = 0.1
_STEP_S = 0.005
_FURTHEST_S = 0.4

Blocks = NDArray[np.float32]
"""frames x rows x columns, one number for each block of 16 x 16 pixels."""


@dataclass(frozen=True, kw_only=True)
class LipsSeen:
    """What the comparison found; `lag_s` is None where it cannot be told, positive where lips come after the sound."""

    share: float
    worst_outside_db: float
    tone_off: float
    """How far the tones outside what changed are off, the mean of the worst frame and plane."""
    spoken_frames: int
    moved_frames: int
    lag_s: float | None
    likeness: float
    box: tuple[int, int, int, int]
    """Left, top, right, bottom of what changed, in pixels; zeros where nothing did."""


def check_lips(path: Path, *, source: Path, voice: Path, voice_start_s: float) -> tuple[Verdict, ...]:
    """The verdicts on `path`, made from `source` for `voice`, which begins in it after `voice_start_s`.

    Raises:
        MediaError: one of them cannot be read.
    """
    seen = seen_lips(path, source=source, voice=voice, voice_start_s=voice_start_s)
    left, top, right, bottom = seen.box
    return (
        Verdict(
            name="changed_region",
            passed=seen.share <= LARGEST_SHARE,
            measured=f"{seen.share:.1%} of the picture, {left},{top} to {right},{bottom}",
            limit=f"at most {LARGEST_SHARE:.0%}",
        ),
        Verdict(
            name="outside_region",
            passed=seen.worst_outside_db >= WORST_OUTSIDE_DB and seen.tone_off <= FURTHEST_TONE,
            measured=f"{seen.worst_outside_db:.1f} dB, tones off by {seen.tone_off:.2f} of 255 in the worst frame",
            limit=f"at least {WORST_OUTSIDE_DB:g} dB, off by at most {FURTHEST_TONE:g}",
        ),
        Verdict(
            name="mouth_moves",
            passed=seen.moved_frames >= seen.spoken_frames * FEWEST_MOVED,
            measured=f"changed in {seen.moved_frames} of {seen.spoken_frames} frames with voice",
            limit="at least a third of them",
            note="" if seen.moved_frames else "the mouth did not move: the job changed nothing",
        ),
        _in_time(seen),
    )


def _in_time(seen: LipsSeen) -> Verdict:
    limit = f"from {-EARLY_S * 1000:.0f} to {LATE_S * 1000:.0f} ms of sound after the picture"
    if seen.lag_s is None:
        return Verdict(
            name="lips_in_time",
            passed=False,
            measured=f"cannot be told: motion and voice are alike by {seen.likeness:.2f}",
            limit=limit,
            severity="warning",
            note="look at it",
        )
    sound_late_s = -seen.lag_s
    return Verdict(
        name="lips_in_time",
        passed=-EARLY_S <= sound_late_s <= LATE_S,
        measured=f"{sound_late_s * 1000:+.0f} ms, alike by {seen.likeness:.2f}",
        limit=limit,
    )


def seen_lips(path: Path, *, source: Path, voice: Path, voice_start_s: float) -> LipsSeen:
    """Lay `path` over `source`.

    Raises:
        MediaError: one of them cannot be read, or they differ in size.
    """
    apart, squares, tones, size = _compared(path, source)
    changed = changed_blocks(apart)
    region = changed.sum(axis=0) >= 2  # a block that differs once is a fault, no mouth
    wide = cv2.dilate(region.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    loud = _envelope(voice, voice_start_s, frames=len(apart))
    speaks = loud(0.0) > _QUIET
    lag_s, likeness = _lag(apart[:, region].mean(axis=1), loud) if region.any() else (None, 0.0)
    outside = squares[:, ~wide].mean(axis=1) if not wide.all() else np.full(len(squares), 255.0**2)
    off = tones[:, :, ~wide].mean(axis=2) if not wide.all() else np.full((1, 1), 255.0)
    return LipsSeen(
        tone_off=float(off.max()),
        share=float(wide.mean()) if region.any() else 0.0,
        worst_outside_db=float(10 * np.log10(255**2 / max(float(outside.max()), 1e-3))),
        spoken_frames=int(speaks.sum()),
        moved_frames=int((changed[:, region].any(axis=1) & speaks).sum()),
        lag_s=lag_s,
        likeness=likeness,
        box=_box(region, size),
    )


def _compared(path: Path, source: Path) -> tuple[Blocks, Blocks, Blocks, tuple[int, int]]:
    """Block by block: mean distance in luma, mean square error of all planes, how far each plane's mean is off.

    The last has an axis of its own for the planes; with them the picture's width and height.
    """
    apart: list[NDArray[np.float32]] = []
    squares: list[NDArray[np.float32]] = []
    tones: list[NDArray[np.float32]] = []
    size = (0, 0)
    for new, old in zip(_planes(path), _planes(source), strict=False):
        size = (new.shape[2] * 2, new.shape[1] * 2)
        if new.shape != old.shape:
            raise MediaError(
                "{path} is {width}x{height}, the clip it was made from is not", path=path.name, width=size[0],
                height=size[1],
            )  # fmt: skip
        difference = new.astype(np.float32) - old
        apart.append(_by_block(np.abs(difference[0])))
        squares.append(_by_block(np.square(difference).mean(axis=0)))
        tones.append(np.stack([np.abs(_by_block(plane)) for plane in difference]))
    if not apart:
        raise MediaError("{path} holds no picture", path=path.name)
    return np.stack(apart), np.stack(squares), np.stack(tones), size


def _planes(path: Path) -> Iterator[NDArray[np.uint8]]:
    """3 x height/2 x width/2: each second pixel of the luma, and the chroma as it is."""
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise MediaError("{path} holds no picture", path=path.name)
            for frame in container.decode(container.streams.video[0]):
                luma, *chroma = (_plane(plane) for plane in frame.reformat(format="yuv420p").planes)
                yield np.stack([luma[::2, ::2], *chroma])
    except (FFmpegError, OSError) as error:
        raise explained(error, "reading", path) from error


def _plane(plane: Any) -> NDArray[np.uint8]:
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]


def _by_block(values: NDArray[np.float32]) -> NDArray[np.float32]:
    half = _BLOCK // 2
    rows, columns = values.shape
    grid = (max(1, columns // half), max(1, rows // half))
    return np.asarray(cv2.resize(values, grid, interpolation=cv2.INTER_AREA), np.float32)


def _box(region: NDArray[np.bool_], size: tuple[int, int]) -> tuple[int, int, int, int]:
    if not region.any():
        return 0, 0, 0, 0
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    width, height = size[0] / region.shape[1], size[1] / region.shape[0]
    return (
        round(columns[0] * width), round(rows[0] * height), round((columns[-1] + 1) * width),
        round((rows[-1] + 1) * height),
    )  # fmt: skip


class _envelope:
    """How loud the voice is at each frame of the film, 0 to 1; with an offset in seconds, somewhat later."""

    def __init__(self, voice: Path, start_s: float, *, frames: int) -> None:
        samples = read_sound(voice, channels=1)
        hop = round(_STEP_S * AUDIO_RATE_HZ)
        lead = round(start_s / _STEP_S)
        steps = len(samples) // hop
        power = np.square(samples[: steps * hop], dtype=np.float64).reshape(steps, hop).mean(axis=1)
        power = np.convolve(power, np.ones(9) / 9, mode="same") if steps >= 9 else power
        level = np.sqrt(np.maximum(power, 0.0))
        top = float(np.percentile(level, 98)) if steps else 0.0
        self._level = np.minimum(level / top, 1.0) if top > 1e-4 else np.zeros(steps)
        self._times = np.arange(steps) * _STEP_S + lead * _STEP_S + _STEP_S / 2
        self._at = np.arange(frames) / float(FILM.per_second)

    def __call__(self, offset_s: float) -> NDArray[np.float64]:
        if not len(self._times):
            return np.zeros(len(self._at))
        return np.interp(self._at + offset_s, self._times, self._level, left=0.0, right=0.0)


def _lag(motion: NDArray[np.float32], loud: _envelope) -> tuple[float | None, float]:
    """By how much the motion comes after the voice, and how alike they are then."""
    lags = np.arange(-_FURTHEST_S, _FURTHEST_S + _STEP_S / 2, _STEP_S)
    likeness = [_alike(motion, loud(-float(lag))) for lag in lags]
    best = int(np.argmax(likeness))
    if likeness[best] < SUREST_LAG_R:
        return None, likeness[best]
    return round(float(lags[best]), 4), likeness[best]


def _alike(one: NDArray[Any], other: NDArray[Any]) -> float:
    if len(one) < 3:
        return 0.0
    a, b = one - one.mean(), other - other.mean()
    norm = float(np.sqrt(np.square(a).sum() * np.square(b).sum()))
    return float((a * b).sum() / norm) if norm > 1e-9 else 0.0
