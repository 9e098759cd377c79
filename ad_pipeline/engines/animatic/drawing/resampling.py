"""Pictures under a moving camera, sub-pixel: the costliest part of a frame, since every pixel of it moves."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ad_pipeline.engines.animatic.drawing.canvas import Bytes
from ad_pipeline.engines.animatic.drawing.moves import Matrix, sampling
from ad_pipeline.media.encode import Planes, planes_from_rgb

RIM = 64
"""Samples around a luma plane that make room for whole-pixel starts; half as many around a chroma plane."""

_MOST_SHIFTS = 96
_NEAR_ENOUGH_PX = 0.02
_SMALL = 30_000


@dataclass(frozen=True)
class Plate:
    """The farthest layer's planes, each with a rim."""

    planes: Planes

    @classmethod
    def of(cls, rgb: Bytes) -> Plate:
        """The plate of a picture with even sides."""
        return cls(rimmed_planes(rgb))

    def filmed(self, matrix: Matrix, *, width: int, height: int) -> Planes:
        """The plate as the film sees it through `matrix` (canvas place -> film place)."""
        full = sampling(matrix, pitch_from=1, pitch_to=1)
        half = sampling(matrix, pitch_from=2, pitch_to=2)
        y, u, v = self.planes
        size, small = (width, height), (width // 2, height // 2)
        return sampled(y, full, size), sampled(u, half, small, rim=RIM // 2), sampled(v, half, small, rim=RIM // 2)


def rimmed_planes(rgb: Bytes) -> Planes:
    """The planes of `rgb` (even sides), each with a rim that repeats its edge."""
    y, u, v = planes_from_rgb(rgb)
    half = RIM // 2
    return (
        _rimmed(y, RIM, cv2.BORDER_REPLICATE),
        _rimmed(u, half, cv2.BORDER_REPLICATE),
        _rimmed(v, half, cv2.BORDER_REPLICATE),
    )


def rimmed_alpha(alpha: Bytes, *, rim: int = RIM) -> Bytes:
    """`alpha` with a rim where nothing is."""
    return _rimmed(alpha, rim, cv2.BORDER_CONSTANT)


def sampled(plane: Bytes, matrix: Matrix, size: tuple[int, int], *, rim: int = RIM) -> Bytes:
    """`plane`, given with its rim, through cv2's inverse map `matrix` (of the plane without it), bilinear.

    Without a turn, rows and columns are scaled apart: 0.8 ms for a full frame where the warp takes 3.
    """
    shifted = matrix + np.array([[0, 0, rim], [0, 0, rim]])
    turned = abs(matrix[0, 1]) > 1e-9 or abs(matrix[1, 0]) > 1e-9
    scaled = None if turned or size[0] * size[1] < _SMALL else _scaled(plane, shifted, size)
    if scaled is not None:
        return scaled
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(plane, shifted, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8)


@dataclass(frozen=True)
class _Axis:
    """How a resize meets a wanted scale and offset: from sample `start` on, its first `skipped` results left out."""

    start: int
    skipped: int
    factor: float

    def read(self, length: int) -> int:
        """How many source samples give `length` results after the skipped ones, with some to interpolate into."""
        return int(np.ceil((self.skipped + length + 1) / self.factor)) + 2


def _scaled(plane: Bytes, matrix: Matrix, size: tuple[int, int]) -> Bytes | None:
    """The same by `cv2.resize`, where a whole-pixel start comes near enough to the wanted offset; else None."""
    across = _fitted(float(matrix[0, 0]), float(matrix[0, 2]), size[0])
    down = _fitted(float(matrix[1, 1]), float(matrix[1, 2]), size[1])
    if across is None or down is None:
        return None
    part = plane[down.start : down.start + down.read(size[1]), across.start : across.start + across.read(size[0])]
    found = cv2.resize(part, None, fx=across.factor, fy=down.factor, interpolation=cv2.INTER_LINEAR)
    right, bottom = across.skipped + size[0], down.skipped + size[1]
    if found.shape[1] <= right or found.shape[0] <= bottom:
        return None  # the plane ends before: only the warp repeats its edge
    return np.asarray(found[down.skipped : bottom, across.skipped : right], np.uint8)


def _fitted(scale: float, offset: float, length: int) -> _Axis | None:
    """Wanted: result i is source `scale * i + offset`; a resize gives `start + (i + skipped + 0.5) * scale - 0.5`.

    The start is a whole number, so of many pairs the nearest is taken, and the factor is bent until the middle of
    the picture is exact; what is left grows to 0.02 px towards the rim.
    """
    skipped = np.arange(1, _MOST_SHIFTS)
    wanted = offset + 0.5 - (skipped + 0.5) * scale
    start = np.rint(wanted)
    off = np.where(start >= 0, np.abs(wanted - start), np.inf)
    best = int(np.argmin(off))
    if off[best] > _NEAR_ENOUGH_PX:
        return None
    middle = float(skipped[best]) + length / 2
    bent = scale + float(wanted[best] - start[best]) / middle
    return _Axis(int(start[best]), int(skipped[best]), 1 / bent)


def _rimmed(plane: Bytes, rim: int, border: int) -> Bytes:
    return np.asarray(cv2.copyMakeBorder(plane, rim, rim, rim, rim, border), np.uint8)
