"""What a model changed of a clip, laid into the clip itself: the rest of the picture stays as it was.

A model gives back the whole picture, encoded again and read by others' nodes; only a mouth in it is new.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ad_pipeline.errors import MediaError
from ad_pipeline.media.conform import Rgb, covering, frames_at
from ad_pipeline.media.encode import MEZZANINE, VideoWriter, planes_from_rgb
from ad_pipeline.media.time import FILM
from ad_pipeline.values import Size

_BLOCK = 16
_CHANGED, _SURELY_CHANGED = 6.0, 16.0
"""Steps of 255, the mean of a block, above twice what encoding does to a calm block; never more than the second."""
_MOST = 0.5
"""Where more of the picture changed, nothing says what of it was meant: it is taken whole."""
_SPREAD = 5
"""Blocks: what surrounds a change by two of them comes along, and fades out."""


def inlaid(
    changed: Path, clip: Path, target: Path, *, size: Size, frames: int, report: Callable[[float], None]
) -> float:
    """Write `clip` with the part of `changed` that differs; how much of the picture that is, 1 where all is taken.

    Both are looked at at 24 fps; `report` hears the share that is done and may raise to stop.

    Raises:
        MediaError: one of them cannot be read or is too short.
    """
    apart = [_apart(new, old) for new, old in _pairs(changed, clip, size, frames)]
    if len(apart) < frames:
        raise MediaError(
            "{path} has {given} frames from frame {start} on; {frames} are needed",
            path=changed.name, given=len(apart), start=0, frames=frames,
        )  # fmt: skip
    mask = _mask(np.stack(apart), size)
    with VideoWriter(target, size=size, settings=MEZZANINE) as film:
        for number, (new, old) in enumerate(_pairs(changed, clip, size, frames), 1):
            film.write(planes_from_rgb(_laid(new, old, mask)))
            report(number / frames)
    return float((mask > 0).mean())


def _pairs(changed: Path, clip: Path, size: Size, frames: int) -> Iterator[tuple[Rgb, Rgb]]:
    """Frame by frame, as long as both last."""
    both = zip(frames_at(changed, FILM), frames_at(clip, FILM), strict=False)
    return ((covering(new, size), covering(old, size)) for new, old in islice(both, frames))


def _apart(new: Rgb, old: Rgb) -> NDArray[np.float32]:
    rows, columns = new.shape[:2]
    grid = (max(1, columns // _BLOCK), max(1, rows // _BLOCK))
    difference = cv2.cvtColor(cv2.absdiff(new, old), cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(difference.astype(np.float32), grid, interpolation=cv2.INTER_AREA), np.float32)


def changed_blocks(apart: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which blocks were changed by more than an encoder, by their mean distance, of whatever shape."""
    return apart > min(_CHANGED + 2 * float(np.percentile(apart, 25)), _SURELY_CHANGED)


def _mask(apart: NDArray[np.float32], size: Size) -> NDArray[np.float32]:
    """Rows x columns, 0 where the clip stays, 1 where the change is taken, between them at its edge."""
    differs = changed_blocks(apart).sum(axis=0) >= 2
    wide = np.asarray(cv2.dilate(differs.astype(np.uint8), np.ones((_SPREAD, _SPREAD), np.uint8)), np.float32)
    whole = (size.width_px, size.height_px)
    if wide.mean() > _MOST:
        return np.ones((size.height_px, size.width_px), np.float32)
    large = cv2.resize(wide, whole, interpolation=cv2.INTER_NEAREST)
    inner = cv2.erode(large, np.ones((_BLOCK, _BLOCK), np.uint8))
    return np.asarray(cv2.blur(inner, (_BLOCK + 1, _BLOCK + 1)), np.float32)


def _laid(new: Rgb, old: Rgb, mask: NDArray[np.float32]) -> Rgb:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return old
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    share = mask[box][..., None]
    mixed = old.copy()
    mixed[box] = np.rint(old[box] * (1 - share) + new[box] * share).astype(np.uint8)
    return mixed
