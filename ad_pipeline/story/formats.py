"""The shapes an ad comes in: aspect ratio, pixels, and the name used in paths."""

from __future__ import annotations

from typing import Literal, get_args

from ad_pipeline.values import Size

Format = Literal["9:16", "1:1", "4:5", "16:9"]
FORMATS: tuple[Format, ...] = get_args(Format)

_SIZES: dict[Format, Size] = {
    "9:16": Size(width_px=1080, height_px=1920),
    "1:1": Size(width_px=1080, height_px=1080),
    "4:5": Size(width_px=1080, height_px=1350),
    "16:9": Size(width_px=1920, height_px=1080),
}


def size_of(format_: Format) -> Size:
    """The pixels of the final film in this format."""
    return _SIZES[format_]


def folder_of(format_: Format) -> str:
    """`9:16` as a folder name: `9x16` (a colon is no part of a path on every system)."""
    return format_.replace(":", "x")


def format_of(folder: str) -> Format:
    """The format whose folder name this is."""
    return next(f for f in FORMATS if folder_of(f) == folder)
