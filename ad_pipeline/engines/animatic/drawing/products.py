"""Drawn products: what stands in for the product when the person gave no picture of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from ad_pipeline.engines.animatic.drawing.canvas import (
    Bytes,
    Linear,
    Plane,
    mix,
    over,
    to_srgb,
    toward_luminance,
)
from ad_pipeline.engines.animatic.drawing.label import label, wrapped
from ad_pipeline.engines.animatic.drawing.lathe import Part, View, turned
from ad_pipeline.engines.animatic.drawing.stage import Tones

_WHITE = np.ones(3, np.float32)
_MARGIN = 0.04


@dataclass(frozen=True, kw_only=True)
class Spot:
    """Where a label goes: its top and radius in the product's units, its width as a share of the diameter."""

    top: float
    radius: float
    width: float = 0.66
    tallest: float = 0.30
    aside: float = 0.0
    """How far from the axis towards the light: a box in three-quarter view shows its front there."""


@dataclass(frozen=True, kw_only=True)
class Product:
    """A drawn product, one unit tall; `half_width` is its widest radius."""

    name: str
    parts: tuple[Part, ...]
    half_width: float
    spot: Spot
    tilt: float = 0.13
    behind: Callable[[Linear, Plane, View, Tones], None] | None = None
    """Drawn first: what stands behind the turned parts."""
    front: Callable[[Linear, Plane, View, Tones], None] | None = None


@dataclass(frozen=True, kw_only=True)
class Cutout:
    """A picture with alpha (RGBA, straight) and where it lies; `foot` and `body` are in its own pixels."""

    rgba: Bytes
    foot_x: float
    foot_y: float
    half_width: float


def draw_product(
    product: Product,
    *,
    height_px: int,
    tones: Tones,
    mark: str,
    name: str,
    fonts: tuple[str, str],
    light_x: float,
    backdrop: Linear | None,
) -> Cutout:
    """`product` at `height_px` tall; `backdrop` (any size) is what its glass lets through."""
    scale = height_px / 1.0
    depth = product.half_width * product.tilt if product.parts else 0.0
    columns = int(2 * (product.half_width + _MARGIN) * scale) + 4
    rows = int((1.0 + _MARGIN + depth * 2.2) * scale) + 4
    view = View(
        scale=scale, axis_x=columns / 2, foot_y=rows - 2 - depth * 1.1 * scale, tilt=product.tilt, light_x=light_x
    )
    behind = _refracted(backdrop, rows, columns, tones)
    picture, alpha = behind.copy(), np.zeros((rows, columns), np.float32)
    if product.behind:
        product.behind(picture, alpha, view, tones)
    for part in product.parts:
        turned(picture, alpha, part, view, behind)
    if product.front:
        product.front(picture, alpha, view, tones)
    _print_label(picture, alpha, product, view, tones, mark=mark, name=name, fonts=fonts)
    rgba = np.dstack([np.clip(to_srgb(picture) + 0.5, 0, 255), alpha * 255 + 0.5]).astype(np.uint8)
    return Cutout(rgba=rgba, foot_x=view.axis_x, foot_y=view.foot_y, half_width=product.half_width * scale)


def _refracted(backdrop: Linear | None, rows: int, columns: int, tones: Tones) -> Linear:
    """The backdrop as a round glass turns it: mirrored and soft."""
    if backdrop is None:
        return np.broadcast_to(tones.wall, (rows, columns, 3)).astype(np.float32)
    small = cv2.GaussianBlur(cv2.resize(backdrop, (24, 48), interpolation=cv2.INTER_AREA), (0, 0), 1.2)[:, ::-1]
    return np.maximum(cv2.resize(small, (columns, rows), interpolation=cv2.INTER_CUBIC), 0).astype(np.float32)


def _print_label(
    picture: Linear,
    alpha: Plane,
    product: Product,
    view: View,
    tones: Tones,
    *,
    mark: str,
    name: str,
    fonts: tuple[str, str],
) -> None:
    spot = product.spot
    width = int(2 * spot.radius * view.scale * spot.width)
    if width < 24:
        return
    sheet = label(mark=mark, name=name, width_px=width, mark_font=fonts[0], name_font=fonts[1])
    tallest = int(spot.tallest * view.scale)
    if sheet.shape[0] > tallest:
        shrink = tallest / sheet.shape[0]
        sheet = cv2.resize(sheet, (max(1, int(sheet.shape[1] * shrink)), tallest), interpolation=cv2.INTER_AREA)
    axis_x = view.axis_x + view.light_x * spot.aside * view.scale
    bulge = product.tilt * spot.radius * view.scale if product.parts else 0.0
    ink = wrapped(
        sheet,
        shape=alpha.shape,
        axis_x=axis_x,
        top_y=view.foot_y - spot.top * view.scale + bulge,
        radius_px=spot.radius * view.scale,
        tilt=product.tilt if product.parts else 0.0,
    )
    ink = np.clip(ink * 1.15, 0, 1) * alpha
    under = float(np.average(picture @ np.array([0.2126, 0.7152, 0.0722], np.float32), weights=ink + 1e-6))
    dark = toward_luminance(mix(tones.text if not tones.dark else tones.primary, tones.primary, 0.4), 0.03)
    # White reads well on a mid tone even where the formula still prefers dark: hence the 0.7.
    white_wins = 1.05 / (under + 0.05) > 0.7 * (under + 0.05) / 0.08
    colour = mix(_WHITE, tones.highlight, 0.5) if white_wins else dark
    over(picture, colour, (ink * 0.94).astype(np.float32))
