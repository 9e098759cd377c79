"""Soft-edged shapes on a stage, in its units; each answers an alpha plane 0..1."""

from __future__ import annotations

from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from ad_pipeline.engines.animatic.drawing.canvas import Linear, Plane, blurred, mix, over, smoothstep
from ad_pipeline.engines.animatic.drawing.stage import Stage

Points: TypeAlias = npt.NDArray[Any]


def ellipse(stage: Stage, cx: float, cy: float, rx: float, ry: float, *, soft: float = 1.5) -> Plane:
    """A filled ellipse whose edge is `soft` units wide to each side."""
    grown = 1 + soft / min(rx, ry)
    alpha, window = _empty(stage, cx - rx * grown, cy - ry * grown, cx + rx * grown, cy + ry * grown)
    across, down = (stage.x[0, window[1]] - cx) / rx, (stage.y[window[0], 0] - cy) / ry
    far = np.sqrt(np.add.outer(down**2, across**2))
    alpha[window] = 1 - smoothstep(-soft, soft, (far - 1) * min(rx, ry))
    return alpha


def glow(stage: Stage, cx: float, cy: float, rx: float, ry: float) -> Plane:
    """A bell of light, 1 in its middle."""
    across, down = (stage.x[0] - cx) / rx, (stage.y[:, 0] - cy) / ry
    return np.asarray(np.multiply.outer(np.exp(-(down**2)), np.exp(-(across**2))), np.float32)


def rounded(stage: Stage, box: tuple[float, float, float, float], radius: float, *, soft: float = 1.5) -> Plane:
    """A box (left, top, right, bottom) with round corners."""
    left, top, right, bottom = box
    alpha, window = _empty(stage, left - soft, top - soft, right + soft, bottom + soft)
    dx = np.abs(stage.x[window] - (left + right) / 2) - (right - left) / 2 + radius
    dy = np.abs(stage.y[window] - (top + bottom) / 2) - (bottom - top) / 2 + radius
    outside = np.sqrt(np.maximum(dx, 0) ** 2 + np.maximum(dy, 0) ** 2) + np.minimum(np.maximum(dx, dy), 0)
    alpha[window] = 1 - smoothstep(-soft, soft, outside - radius)
    return alpha


def _empty(stage: Stage, left: float, top: float, right: float, bottom: float) -> tuple[Plane, tuple[slice, slice]]:
    """A plane of nothing, and its window that holds what lies between these units."""
    columns = np.searchsorted(stage.x[0], [left, right])
    rows = np.searchsorted(stage.y[:, 0], [top, bottom])
    plane = np.zeros((stage.height, stage.width), np.float32)
    return plane, (slice(int(rows[0]), int(rows[1])), slice(int(columns[0]), int(columns[1])))


def polygon(stage: Stage, *outlines: Points) -> Plane:
    """Filled outlines given in the stage's units."""
    mask = np.zeros((stage.height, stage.width), np.uint8)
    middle = np.array([stage.frame_left + stage.frame_width / 2, stage.frame_top + stage.frame_height / 2])
    for outline in outlines:
        points = np.round((outline * stage.unit + middle) * 16).astype(np.int32)
        cv2.fillPoly(mask, [points], 255, cv2.LINE_AA, 4)
    return mask.astype(np.float32) / 255


def spline(points: Points, *, steps: int = 14, closed: bool = False) -> Points:
    """A smooth curve through `points` (Catmull-Rom)."""
    p = np.asarray(points, np.float32)
    ends = (p[-1:], p[:2]) if closed else (2 * p[:1] - p[1:2], 2 * p[-1:] - p[-2:-1])
    padded = np.concatenate([ends[0], p, ends[1]])
    t = np.linspace(0, 1, steps, endpoint=False, dtype=np.float32)[:, None]
    parts: list[Points] = []
    for a, b, c, d in zip(padded[:-3], padded[1:-2], padded[2:-1], padded[3:], strict=True):
        curve = 2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
        parts.append(0.5 * curve)
    return np.concatenate(parts if closed else [*parts, p[-1:]])


def room(stage: Stage, *, wall: Linear, floor: Linear, horizon: float, blend: float = 60) -> Linear:
    """A backdrop that sweeps into a floor at `horizon` (units), lit from the stage's side."""
    reach = stage.frame_height / stage.unit
    pool = glow(stage, stage.light_x * 260, stage.foot[1] - stage.stature * 0.75, 760, reach * 0.55)
    picture = np.empty((stage.height, stage.width, 3), np.float32)
    picture[:] = wall
    dim = (0.58 + 0.52 * pool)[..., None]
    picture *= dim * (1 - np.clip(1 - dim, 0, 1) * (0.5 * (1 - stage.tones.hue)))
    below = smoothstep(horizon - blend, horizon + blend, stage.y)
    near = glow(stage, stage.foot[0] + stage.light_x * 120, stage.foot[1], 780, 420)
    dim = (0.52 + 0.55 * near)[..., None]
    lit_floor = floor * dim * (1 - np.clip(1 - dim, 0, 1) * (0.5 * (1 - stage.tones.hue)))
    over(picture, lit_floor, below)
    return picture


def drum(stage: Stage, picture: Linear, *, colour: Linear, rx: float, height: float, drop: float = 0.0) -> None:
    """A round podium whose top carries the subject; `drop` lowers it for a step beneath another."""
    cx, cy = stage.foot[0], stage.foot[1] + drop
    ry = rx * stage.tilt
    body = np.maximum(
        ellipse(stage, cx, cy + height, rx, ry),
        rounded(stage, (cx - rx, cy, cx + rx, cy + height), 0.5),
    )
    cast = ellipse(stage, cx - stage.light_x * rx * 0.35, cy + height + ry * 0.5, rx * 1.25, ry * 1.2, soft=ry * 0.8)
    picture *= (1 - 0.42 * blurred(cast, 22 * stage.unit))[..., None]
    round_x = np.clip((stage.x - cx) / rx, -1, 1)
    turn = 0.50 + 0.38 * round_x * stage.light_x - 0.20 * round_x**2
    fade = 1 - 0.25 * smoothstep(cy, cy + height + ry, stage.y)
    dim = np.maximum(turn, 0.12) * fade
    leaning = 1 - (1 - dim)[..., None] * (0.42 * (1 - stage.tones.hue))
    over(picture, colour * dim[..., None] * leaning, body)
    top = ellipse(stage, cx, cy, rx, ry)
    shine = 0.80 + 0.16 * (stage.x - cx) / rx * stage.light_x + 0.06 * (stage.y - cy) / ry
    over(picture, colour * shine[..., None], top)
    lip = np.clip(top - ellipse(stage, cx, cy - 2.2, rx * 0.998, ry), 0, 1) * smoothstep(cy - ry, cy + ry, stage.y)
    over(picture, mix(colour, np.ones(3, np.float32), 0.65), lip * 0.7)
