"""Text that can be read on the picture it lies on: the right colour, or a plate under it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ad_pipeline.errors import MediaError
from ad_pipeline.media.colours import LEGIBLE, contrast_of_luminances, luminance, luminance_of, rgb_of
from ad_pipeline.media.typography import TextBlock
from ad_pipeline.values import Box

_SPREAD = (2.0, 98.0)
"""Percentiles of the luminance beneath that must be readable on: a few stray pixels do not count."""

_PLATE_STEPS = (0.45, 0.55, 0.65, 0.75, 0.85, 0.94)


def region_under(picture: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """The part of `picture` (H x W x 3) that `box` covers."""
    return picture[box.top_px : box.bottom_px, box.left_px : box.right_px]


def worst_contrast(colour: str, under: NDArray[np.uint8]) -> float:
    """The contrast of `colour` with the least favourable part of the pixels `under` (RGB)."""
    ends = np.percentile(luminance(under[::2, ::2]), _SPREAD)
    return _worst(luminance_of(colour), ends)


def legible_block(
    block: TextBlock, *, under: NDArray[np.uint8], colours: Sequence[str], plate_colour: str | None = None
) -> TextBlock:
    """`block` in the first of `colours` that reads at 4.5:1 on `under`, else on a soft plate that makes it so.

    `under` is the RGB picture beneath `block.box`, or all that will pass beneath it. The plate
    reaches out of the box by a third of the letter size; without `plate_colour` it is the darkest
    or lightest of `colours` that is far enough, else black or white.
    """
    if not under.size or not colours:
        raise MediaError("there is no picture beneath the text, or no colour to choose from")
    ends = np.percentile(luminance(under[::2, ::2]), _SPREAD)
    for colour in colours:
        if _worst(luminance_of(colour), ends) >= LEGIBLE:
            return recoloured(block, colour)
    means = under.reshape(-1, 3).mean(axis=0)
    plates = [plate_colour] if plate_colour else []
    plates += [*colours, "#000000", "#FFFFFF"]
    for opacity in _PLATE_STEPS:
        for plate in plates:
            for colour in colours:
                if _worst(luminance_of(colour), _over(under, plate, opacity)) >= LEGIBLE * 1.05:
                    return with_plate(recoloured(block, colour), plate, opacity=opacity)
    # Only colours from the middle of the scale come here: black or white always reads on its opposite.
    light = float(means.mean()) > 127
    return with_plate(
        recoloured(block, "#111111" if light else "#FFFFFF"),
        "#FFFFFF" if light else "#000000",
        opacity=_PLATE_STEPS[-1],
    )


def recoloured(block: TextBlock, colour: str) -> TextBlock:
    """The same letters in another colour."""
    if colour == block.colour:
        return block
    ink = np.array([*rgb_of(colour), 255], np.float32) / 255
    rgba = np.rint(block.rgba[..., 3:4].astype(np.float32) * ink).astype(np.uint8)
    return replace(block, rgba=rgba, colour=colour)


def with_plate(block: TextBlock, colour: str, *, opacity: float, padding_px: int | None = None) -> TextBlock:
    """`block` on a soft-edged plate; the letters keep `opacity` of it under all of their ink."""
    pad = padding_px if padding_px is not None else max(8, block.size_px // 3)
    height, width = block.rgba.shape[:2]
    # Even sides keep the block on the chroma grid as it was.
    pad += pad % 2
    mask = _soft_plate(width + 2 * pad, height + 2 * pad, pad) * opacity
    plate = mask[..., None] * np.array([*rgb_of(colour), 255], np.float32)
    letters = np.zeros_like(plate)
    letters[pad : pad + height, pad : pad + width] = block.rgba
    rgba = letters + plate * (1 - letters[..., 3:4] / 255)
    box = Box(
        left_px=block.box.left_px - pad,
        top_px=block.box.top_px - pad,
        right_px=block.box.right_px + pad,
        bottom_px=block.box.bottom_px + pad,
    )
    return replace(block, rgba=np.rint(rgba).astype(np.uint8), box=box, has_plate=True)


def as_button(block: TextBlock, colour: str) -> TextBlock:
    """`block` on a pill with a clean edge, in proportion to its letters; `ink` becomes the whole pill."""
    # The same optical middle whatever the letters: a pill of one height for one size.
    height = 2 * round(block.size_px * 1.0)
    ends = height // 2
    width = block.rgba.shape[1] + 2 * round(block.size_px * 0.95)
    width += width % 2
    middle_x = (block.box.left_px + block.box.right_px) // 2
    middle_y = (block.box.top_px + block.box.bottom_px) // 2
    box = Box(
        left_px=middle_x - width // 2,
        top_px=middle_y - height // 2,
        right_px=middle_x - width // 2 + width,
        bottom_px=middle_y - height // 2 + height,
    )
    across = np.maximum(0, np.abs(np.arange(width) - (width - 1) / 2) - (width / 2 - ends))
    down = np.abs(np.arange(height) - (height - 1) / 2)[:, None]
    # Half a pixel either side of the rim carries the edge's smoothness.
    cover = np.clip(ends - np.hypot(across[None], down) + 0.5, 0, 1).astype(np.float32)
    rgba = cover[..., None] * np.array([*rgb_of(colour), 255], np.float32)
    top, left = block.box.top_px - box.top_px, block.box.left_px - box.left_px
    under = rgba[top : top + block.rgba.shape[0], left : left + block.rgba.shape[1]]
    under[:] = under * (1 - block.rgba[..., 3:4] / 255) + block.rgba
    return replace(block, rgba=np.rint(rgba).astype(np.uint8), box=box, ink=box, has_plate=True)


def _soft_plate(width: int, height: int, pad: int) -> NDArray[np.float32]:
    """1 over the letters, falling to 0 at the rim, with round corners."""
    across = np.maximum(0, np.abs(np.arange(width) - (width - 1) / 2) - (width / 2 - pad))[None] / pad
    down = np.maximum(0, np.abs(np.arange(height) - (height - 1) / 2) - (height / 2 - pad))[:, None] / pad
    rim = np.clip(np.hypot(across, down), 0, 1).astype(np.float32)
    # Full for the first half of the rim, so that letters at its edge have their ground too.
    falling = np.clip((1 - rim) * 2, 0, 1)
    return np.asarray(falling * falling * (3 - 2 * falling), np.float32)


def _over(under: NDArray[np.uint8], plate: str, opacity: float) -> NDArray[np.floating]:
    small = cv2.resize(under, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) if min(under.shape[:2]) > 8 else under
    mixed = small.astype(np.float32) * (1 - opacity) + np.array(rgb_of(plate), np.float32) * opacity
    return np.percentile(luminance(np.rint(mixed).astype(np.uint8)), _SPREAD)


def _worst(ink: float, ends: NDArray[np.floating]) -> float:
    low, high = float(ends[0]), float(ends[1])
    if low <= ink <= high:
        return 1.0
    return min(contrast_of_luminances(ink, low), contrast_of_luminances(ink, high))
