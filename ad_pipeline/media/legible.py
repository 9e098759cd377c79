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

_MIDDLE_GREY = 0.2
"""The luminance that looks half as bright as white."""

_SPREAD = (2.0, 98.0)
"""Percentiles of the luminance beneath that must be readable on: a few stray pixels do not count."""

_PLATE_STEPS = (0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.94)
_MOST_OF_ONES_OWN = 0.85


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
    """`block` in the first of `colours` that reads at 4.5:1 on `under`, else on a ground that makes it so.

    `under` is the RGB picture beneath `block.box`, or all that will pass beneath it. With a
    `plate_colour` the ground is a plate of it; without, a soft scrim in the picture's own tone that
    follows the letters. The ground reaches out of the box.
    """
    if not under.size or not colours:
        raise MediaError("there is no picture beneath the text, or no colour to choose from")
    ends = np.percentile(luminance(under[::2, ::2]), _SPREAD)
    for colour in colours:
        if _worst(luminance_of(colour), ends) >= LEGIBLE:
            return recoloured(block, colour)
    grounds = [plate_colour] if plate_colour else _own_tones(under)
    ground, colour, opacity = _ground_for(under, grounds, colours)
    laid = with_plate if plate_colour else with_scrim
    return laid(recoloured(block, colour), ground, opacity=opacity)


def _ground_for(under: NDArray[np.uint8], grounds: Sequence[str], colours: Sequence[str]) -> tuple[str, str, float]:
    """(ground, ink, opacity): the first ground and ink of one's own that read, with as little ground as will do.

    The ground's place in the order counts more than its opacity: a light shade around dark letters
    is thin on a dark picture, and still looks like a glow from another film.
    """
    own = [(ground, colour) for ground in grounds for colour in colours]
    steps = [step for step in _PLATE_STEPS if step <= _MOST_OF_ONES_OWN]
    found = _first_legible(under, own, steps)
    plain = [(ground, colour) for ground in (*grounds, "#000000", "#FFFFFF") for colour in ("#FFFFFF", "#111111")]
    found = found or _first_legible(under, [*own, *plain], _PLATE_STEPS)
    if found is None:
        raise AssertionError("white on 94 % black always reads")
    return found


def _first_legible(
    under: NDArray[np.uint8], pairs: Sequence[tuple[str, str]], steps: Sequence[float]
) -> tuple[str, str, float] | None:
    for ground, colour in pairs:
        # Quick to leave out: what does not read on the bare ground reads on no mixture that nears it.
        if contrast_of_luminances(luminance_of(colour), luminance_of(ground)) < LEGIBLE:
            continue
        for step in steps:
            if _worst(luminance_of(colour), _over(under, ground, step)) >= LEGIBLE * 1.05:
                return ground, colour, step
    return None


def _own_tones(under: NDArray[np.uint8]) -> list[str]:
    """The picture's own colour, very dark and very light; the nearer one first."""
    mean = under.reshape(-1, 3).mean(axis=0)
    dark, light = mean * 0.28, 255 - (255 - mean) * 0.12
    tones = [f"#{r:02X}{g:02X}{b:02X}" for r, g, b in (np.rint(tone).astype(int).tolist() for tone in (dark, light))]
    return tones if float(np.median(luminance(under[::2, ::2]))) < _MIDDLE_GREY else tones[::-1]


def recoloured(block: TextBlock, colour: str) -> TextBlock:
    """The same letters in another colour."""
    if colour == block.colour:
        return block
    ink = np.array([*rgb_of(colour), 255], np.float32) / 255
    rgba = np.rint(block.rgba[..., 3:4].astype(np.float32) * ink).astype(np.uint8)
    return replace(block, rgba=rgba, colour=colour)


def with_scrim(block: TextBlock, colour: str, *, opacity: float) -> TextBlock:
    """`block` on a soft shade that follows its letters and has `opacity` next to all of their ink."""
    reach = max(3, round(block.size_px * 0.24))
    pad = 4 * reach
    pad += pad % 2
    height, width = block.rgba.shape[:2]
    ink = np.pad(block.rgba[..., 3], pad)
    spread = cv2.dilate(ink, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1)))
    soft = np.asarray(cv2.GaussianBlur(spread, (0, 0), reach * 0.7), np.float32) / 255
    shade = np.clip(soft * 1.25, 0, 1)[..., None] * opacity * np.array([*rgb_of(colour), 255], np.float32)
    return _over_ground(block, shade, pad, height, width)


def with_plate(block: TextBlock, colour: str, *, opacity: float, padding_px: int | None = None) -> TextBlock:
    """`block` on a soft-edged plate; the letters keep `opacity` of it under all of their ink."""
    pad = padding_px if padding_px is not None else max(8, block.size_px // 3)
    height, width = block.rgba.shape[:2]
    # Even sides keep the block on the chroma grid as it was.
    pad += pad % 2
    mask = _soft_plate(width + 2 * pad, height + 2 * pad, pad) * opacity
    plate = mask[..., None] * np.array([*rgb_of(colour), 255], np.float32)
    return _over_ground(block, plate, pad, height, width)


def _over_ground(block: TextBlock, ground: NDArray[np.floating], pad: int, height: int, width: int) -> TextBlock:
    """The letters on `ground`, which is `pad` larger on each side; premultiplied, 0 to 255."""
    rgba = ground.copy()
    under = rgba[pad : pad + height, pad : pad + width]
    under[:] = under * (1 - block.rgba[..., 3:4] / 255) + block.rgba
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
