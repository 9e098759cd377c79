"""Pictures under a moving camera, sub-pixel: the costliest part of a frame, since every pixel of it moves."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ad_pipeline.engines.animatic.drawing.canvas import Bytes
from ad_pipeline.engines.animatic.drawing.moves import Matrix, sampling
from ad_pipeline.media.encode import Planes, planes_from_rgb

_RIM = 128
_MOST_SHIFTS = 256
_EXACT_PX, _NEAR_ENOUGH_PX = 0.004, 0.02
_SMALL = 30_000


@dataclass(frozen=True)
class Source:
    """A plane that will be sampled; large ones with a rim, so that there are many whole-pixel starts to choose from."""

    samples: Bytes
    rim: int

    @classmethod
    def of(cls, plane: Bytes, *, empty_beyond: bool = False) -> Source:
        """Beyond its edge lies more of the same, or nothing."""
        rim = _RIM if plane.size >= _SMALL else 1
        border = cv2.BORDER_CONSTANT if empty_beyond else cv2.BORDER_REPLICATE
        return cls(np.asarray(cv2.copyMakeBorder(plane, rim, rim, rim, rim, border), np.uint8), rim)

    def sampled(self, matrix: Matrix, size: tuple[int, int], *, into: Bytes | None = None) -> Bytes:
        """The plane through cv2's inverse map `matrix`, bilinear; written to `into`, or to an array of its own.

        Without a turn, rows and columns are scaled apart: 0.8 ms for a full frame where the warp takes 3.
        """
        shifted = matrix + np.array([[0, 0, self.rim], [0, 0, self.rim]])
        turned = abs(matrix[0, 1]) > 1e-9 or abs(matrix[1, 0]) > 1e-9
        scaled = None if turned or size[0] * size[1] < _SMALL else _scaled(self.samples, shifted, size)
        if scaled is not None:
            if into is None:
                return scaled
            into[:] = scaled
            return into
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        warped = cv2.warpAffine(self.samples, shifted, size, dst=into, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(warped, np.uint8)


@dataclass(frozen=True)
class Sources:
    """A picture's planes as sources."""

    y: Source
    u: Source
    v: Source

    @classmethod
    def of(cls, rgb: Bytes) -> Sources:
        """Of a picture with even sides."""
        y, u, v = planes_from_rgb(rgb)
        return cls(Source.of(y), Source.of(u), Source.of(v))

    def filmed(self, matrix: Matrix, *, width: int, height: int, into: Planes | None = None) -> Planes:
        """The picture as the film sees it through `matrix` (canvas place -> film place), drawn on `into` if given."""
        full = sampling(matrix, pitch_from=1, pitch_to=1)
        half = sampling(matrix, pitch_from=2, pitch_to=2)
        size, small = (width, height), (width // 2, height // 2)
        y, u, v = into or (None, None, None)
        found = (
            self.y.sampled(full, size, into=y),
            self.u.sampled(half, small, into=u),
            self.v.sampled(half, small, into=v),
        )
        return into or found


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

    The start is a whole number, so of many pairs the first good one is taken, else the nearest, and the factor is
    bent until the middle of the picture is exact; what is left grows to 0.02 px at most towards the rim.
    """
    skipped = np.arange(1, _MOST_SHIFTS)
    wanted = offset + 0.5 - (skipped + 0.5) * scale
    start = np.rint(wanted)
    off = np.where(start >= 0, np.abs(wanted - start), np.inf)
    good = np.flatnonzero(off <= _EXACT_PX)
    best = int(good[0]) if good.size else int(np.argmin(off))
    if off[best] > _NEAR_ENOUGH_PX:
        return None
    middle = float(skipped[best]) + length / 2
    bent = scale + float(wanted[best] - start[best]) / middle
    return _Axis(int(start[best]), int(skipped[best]), 1 / bent)
