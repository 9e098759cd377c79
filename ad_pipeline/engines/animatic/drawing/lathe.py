"""Turned things: glass, plastic and metal parts with a round cross-section, lit by a studio.

A part's outline is a radius over its height. The studio is a row of soft boxes around the thing;
what a point reflects depends on how far round the side it lies, so one column of light serves a
whole part. The camera looks slightly down: level circles show as ellipses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from ad_pipeline.engines.animatic.drawing.canvas import Linear, Plane, mix, over, smoothstep

Material = Literal["glass", "gloss", "matte", "metal", "rubber", "frosted"]


@dataclass(frozen=True, kw_only=True)
class Part:
    """One turned part; `outline` is (height from its foot, radius) from foot to top, in the product's units.

    `round_foot` and `round_top` are the edges' radii. `fill` is how much of it holds liquid.
    """

    foot: float
    top: float
    outline: tuple[tuple[float, float], ...]
    material: Material
    colour: Linear
    round_foot: float = 0.02
    round_top: float = 0.02
    fill: float = 0.0
    liquid: Linear | None = None
    slant: float = 0.0
    """How far the top is cut off obliquely, as a share of the radius."""

    def radius(self, height: Plane) -> Plane:
        """The radius at each height; beyond the part that of its nearest end."""
        height = np.clip(height, self.foot, self.top)
        ys, rs = zip(*self.outline, strict=True)
        found = np.interp(height, ys, rs).astype(np.float32)
        for edge, inward in ((self.round_foot, height - self.foot), (self.round_top, self.top - height)):
            if edge > 0:
                t = np.clip(1 - inward / edge, 0, 1)
                found = found - edge * (1 - np.sqrt(np.maximum(1 - t * t, 0)))
        return np.maximum(found, 0).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class View:
    """Where a product is drawn: pixels per unit, its axis and foot, how far the camera looks down."""

    scale: float
    axis_x: float
    foot_y: float
    tilt: float
    light_x: float


def studio(turn: Plane, *, light_x: float, soft: float, dark: bool = False) -> Plane:
    """What a point reflects; `turn` is -1 (left edge) to 1 (right edge), `soft` blurs the soft boxes."""
    t = turn * light_x
    key = smoothstep(0.30 - soft, 0.36 + soft, t) * (1 - smoothstep(0.66 - soft, 0.74 + soft, t))
    fill = smoothstep(-0.86 - soft, -0.80 + soft, t) * (1 - smoothstep(-0.66 - soft, -0.58 + soft, t))
    base = 0.10 if dark else 0.34
    return (base * (1 - 0.55 * turn * turn) + 0.95 * key + 0.42 * fill).astype(np.float32)


def turned(picture: Linear, alpha: Plane, part: Part, view: View, behind: Linear) -> tuple[Plane, Plane]:
    """Draw `part` over `picture` and `alpha`; answers its (turn, height) planes for labels.

    `behind` is what lies behind the product, which glass lets through.
    """
    rows, columns = alpha.shape
    x = (np.arange(columns, dtype=np.float32)[None, :] - view.axis_x) / view.scale
    y = (view.foot_y - np.arange(rows, dtype=np.float32)[:, None]) / view.scale
    heights = np.linspace(part.foot, part.top, 512, dtype=np.float32)
    widest = float(part.radius(heights).max())
    # A point at the front of the body shows lower than its height says, by the camera's tilt.
    bulge = view.tilt * np.sqrt(np.maximum(widest * widest - x * x, 0))
    height = (y + bulge).astype(np.float32)
    radius = part.radius(height)
    edge = (radius - np.abs(x)) * view.scale
    cover = np.clip(edge + 0.5, 0, 1) * (radius > 0.002)
    for inside in (height - part.foot, part.top - height):
        cover = cover * np.clip(inside * view.scale + 0.5, 0, 1)
    if part.slant:
        cut = part.top - widest * part.slant * (1 - x / max(widest, 1e-3)) * 0.9
        cover = cover * np.clip((cut - height) * view.scale + 0.5, 0, 1)
    turn = np.clip(x / np.maximum(radius, 1e-3), -1, 1).astype(np.float32)
    steep = np.asarray(cv2.Sobel(radius, cv2.CV_32F, 0, 1, scale=1 / 8), np.float32) * view.scale
    lean = np.clip(-steep / np.sqrt(1 + steep * steep), -1, 1)
    colour = _shaded(part, view, turn, lean, height, behind)
    over(picture, colour, cover.astype(np.float32))
    np.maximum(alpha, cover, out=alpha)
    _lid(picture, alpha, part, view, x, y)
    return turn, height


def _shaded(part: Part, view: View, turn: Plane, lean: Plane, height: Plane, behind: Linear) -> Linear:
    away = 1 - np.sqrt(np.maximum(1 - turn * turn, 0))
    upper = np.clip(lean, 0, 1)
    white = np.ones(3, np.float32)
    if part.material == "metal":
        light = studio(turn, light_x=view.light_x, soft=0.02, dark=True)
        light = light + 0.30 * np.exp(-((turn * view.light_x + 0.12) ** 2) / 0.012) + 0.55 * upper
        shade = (light * 1.05 + 0.10).astype(np.float32)
        tinted = part.colour * np.minimum(shade, 1.15)[..., None]
        over(tinted, white, np.clip((shade - 0.80) * 0.9, 0, 1))
        tinted *= (1 - 0.55 * away**3)[..., None]
        return tinted
    if part.material in ("glass", "frosted"):
        return _glass(part, view, turn, lean, height, behind)
    soft = {"gloss": 0.05, "matte": 0.30, "rubber": 0.22}.get(part.material, 0.1)
    light = studio(turn, light_x=view.light_x, soft=soft)
    lambert = np.clip(0.62 + 0.34 * turn * view.light_x - 0.34 * turn * turn, 0.05, 1)
    body = part.colour * (lambert + 0.22 * upper)[..., None]
    strength = {"gloss": 0.42, "matte": 0.16, "rubber": 0.22}.get(part.material, 0.3)
    over(body, white, np.clip((light - 0.25) * strength, 0, 1))
    rim = np.exp(-((np.abs(turn) - 0.97) ** 2) / 0.0010) * (turn * view.light_x < 0) * 0.22
    over(body, white, rim.astype(np.float32))
    return body


def _glass(part: Part, view: View, turn: Plane, lean: Plane, height: Plane, behind: Linear) -> Linear:
    white = np.ones(3, np.float32)
    away = turn * turn
    through = behind * part.colour
    body = through * (0.96 - 0.42 * away**3)[..., None]
    if part.liquid is not None and part.fill > 0:
        level = part.foot + (part.top - part.foot) * part.fill
        # The surface of the liquid is an ellipse too, seen against the far wall.
        wet = smoothstep(0.006, -0.006, height - level - 0.5 * view.tilt * np.sqrt(np.maximum(1 - away, 0)) * 0.2)
        wet = wet * smoothstep(0.0, 0.035, height - part.foot) * smoothstep(1.0, 0.90, np.abs(turn))
        inner = (
            0.50
            + 0.40 * np.clip(turn * -view.light_x, -1, 1) * 0.6
            + 0.46 * np.exp(-((turn * view.light_x + 0.5) ** 2) / 0.10)
        )
        depth = smoothstep(part.foot, level, height)
        glow = part.liquid * (inner * (0.82 + 0.34 * (1 - depth)))[..., None]
        glow = glow * 0.80 + through * part.liquid * 0.45
        over(body, glow.astype(np.float32), wet)
        over(body, mix(part.liquid, white, 0.7), np.exp(-((height - level) ** 2) / 0.00002).astype(np.float32) * 0.5)
    if part.material == "frosted":
        over(
            body,
            mix(part.colour, white, 0.45) * (0.66 + 0.22 * turn * view.light_x)[..., None],
            np.full(turn.shape, 0.62, np.float32),
        )
    light = studio(turn, light_x=view.light_x, soft=0.025, dark=True)
    over(body, white, np.clip((light - 0.12) * (0.50 if part.material == "glass" else 0.30), 0, 0.9))
    edge = np.exp(-((np.abs(turn) - 0.955) ** 2) / 0.0012)
    over(body, white, (edge * 0.42).astype(np.float32))
    dark = smoothstep(0.965, 1.0, np.abs(turn))
    body *= (1 - 0.45 * dark)[..., None]
    thick = smoothstep(0.05, 0.0, height - part.foot)
    over(body, white, thick * 0.28 * (1 - away))
    over(body, white, np.clip(lean, 0, 1) * 0.30 * smoothstep(0.2, -0.4, turn * -view.light_x))
    return body.astype(np.float32)


def _lid(picture: Linear, alpha: Plane, part: Part, view: View, x: Plane, y: Plane) -> None:
    """The part's flat top, seen from above."""
    radius = float(part.radius(np.array([part.top - part.round_top * 0.35], np.float32))[0])
    if radius * view.tilt * view.scale < 0.7 or part.slant or part.material in ("glass", "frosted"):
        return
    centre = part.top - part.round_top * 0.35
    ry = radius * view.tilt
    far = np.sqrt((x / radius) ** 2 + ((y - centre) / ry) ** 2)
    cover = np.clip((1 - far) * ry * view.scale + 0.5, 0, 1).astype(np.float32)
    shine = 0.78 + 0.20 * x / radius * view.light_x + 0.0 * y
    top = part.colour * shine[..., None].astype(np.float32)
    if part.material == "metal":
        over(
            top,
            np.ones(3, np.float32),
            (0.45 * smoothstep(0.5, 0.0, np.abs(x / radius * view.light_x - 0.35) + 0 * y)).astype(np.float32),
        )
    else:
        over(top, np.ones(3, np.float32), np.full(far.shape, 0.16, np.float32))
    over(picture, top.astype(np.float32), cover)
    np.maximum(alpha, cover, out=alpha)
