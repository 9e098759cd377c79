"""Tiny films for tests: flat greys with a moving mark, so that frames can be told apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ad_pipeline.media.encode import MEZZANINE, EncodeSettings, Planes, VideoWriter
from ad_pipeline.values import Size

SMALL = Size(width_px=96, height_px=160)


def flat(luma: int, size: Size = SMALL, *, u: int = 128, v: int = 128) -> Planes:
    """One grey frame."""
    half = (size.height_px // 2, size.width_px // 2)
    return (
        np.full((size.height_px, size.width_px), luma, np.uint8),
        np.full(half, u, np.uint8),
        np.full(half, v, np.uint8),
    )


def write_film(
    target: Path, lumas: Callable[[int], int], *, frames: int, size: Size = SMALL, settings: EncodeSettings = MEZZANINE
) -> Path:
    """A film whose frame i is as bright as `lumas(i)`."""
    with VideoWriter(target, size=size, settings=settings) as film:
        for i in range(frames):
            film.write(flat(lumas(i), size))
    return target
