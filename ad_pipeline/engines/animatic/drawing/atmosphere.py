"""What lies between the lens and the plate: shadows, rays, quiet places for text, the grade, things in front."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ad_pipeline.engines.animatic.drawing.canvas import (
    Bytes,
    Linear,
    Plane,
    blurred,
    luminance,
    mix,
    over,
    smoothstep,
    strips,
    to_srgb,
)
from ad_pipeline.engines.animatic.drawing.plates.fabric import lay, petal_sprite
from ad_pipeline.engines.animatic.drawing.plates.plate import Ground
from ad_pipeline.engines.animatic.drawing.shapes import ellipse
from ad_pipeline.engines.animatic.drawing.stage import Stage


def placed(alpha: Plane, stage: Stage, *, left: float, top: float, scale: float) -> Plane:
    """A cut-out's alpha as it lies on the stage; `left`, `top` in stage pixels, `scale` stage px per its px."""
    matrix = np.array([[scale, 0, left], [0, scale, top]], np.float32)
    small = cv2.GaussianBlur(alpha, (0, 0), 0.5 / scale) if scale < 1 else alpha
    return np.asarray(cv2.warpAffine(small, matrix, (stage.width, stage.height)), np.float32)


def shadow(picture: Linear, stage: Stage, outline: Plane, *, ground: Ground, half_width: float) -> None:
    """The subject's shadow on what carries it; `half_width` (stage pixels) is that of its foot."""
    unit = stage.unit
    # Shadows keep a breath of the brand's hue; plain black looks cut out.
    tint = 1 - 0.12 * stage.tones.shade / max(float(stage.tones.shade.max()), 1e-4)
    if ground == "flat":
        near = blurred(_moved(outline, -stage.light_x * 10 * unit, 16 * unit), 9 * unit)
        far = blurred(_moved(outline, -stage.light_x * 34 * unit, 46 * unit), 30 * unit)
        dark = np.clip(0.34 * near + 0.34 * far, 0, 0.8)
    elif ground == "float":
        fx, fy = stage.foot
        soft = ellipse(
            stage, fx, fy + 8, half_width / unit * 1.15, half_width / unit * 0.24, soft=half_width / unit * 0.22
        )
        dark = 0.42 * blurred(soft, 12 * unit)
    else:
        fx, fy = stage.foot
        wide = half_width / unit
        ry = wide * stage.tilt
        contact = blurred(ellipse(stage, fx, fy + ry * 0.12, wide * 1.0, ry * 0.85, soft=4), 7 * unit)
        spread = blurred(
            ellipse(stage, fx - stage.light_x * wide * 0.25, fy + ry * 0.3, wide * 1.5, ry * 1.6, soft=20), 26 * unit
        )
        dark = np.clip(0.50 * contact + 0.30 * spread, 0, 0.85)
        if ground == "floor":
            dark = np.clip(dark + 0.30 * _cast(stage, outline), 0, 0.9)
    picture *= 1 - dark[..., None] * tint


def _moved(plane: Plane, dx: float, dy: float) -> Plane:
    matrix = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    return np.asarray(cv2.warpAffine(plane, matrix, (plane.shape[1], plane.shape[0])), np.float32)


def _cast(stage: Stage, outline: Plane) -> Plane:
    """The outline laid down on the floor, away from the light; softer the farther from the foot."""
    lean, flat = -stage.light_x * 0.85, 0.26
    fy = stage.foot_y
    # A point h above the foot falls at (lean*h, -flat*h): the light stands in front of the subject.
    matrix = np.array([[1, -lean, lean * fy], [0, flat, fy - flat * fy]], np.float32)
    flat_outline = cv2.warpAffine(outline, matrix, (stage.width, stage.height))
    soft = 7 if stage.light == "hard" else 16
    near, far = blurred(flat_outline, soft * stage.unit), blurred(flat_outline, soft * 2.6 * stage.unit)
    away = smoothstep(0, 0.8, np.abs(stage.x - stage.foot[0]) / max(stage.stature, 1))
    return ((near + (far - near) * away) * (1 - 0.75 * away)).astype(np.float32)


def reflection(picture: Linear, stage: Stage, cutout: Linear, outline: Plane, *, rippled: bool) -> None:
    """The subject upside down below its foot, as water or a polished sill shows it."""
    rows = 2 * stage.foot_y - np.arange(stage.height, dtype=np.float32)[:, None]
    columns = np.arange(stage.width, dtype=np.float32)[None, :]
    depth = np.maximum(np.arange(stage.height, dtype=np.float32)[:, None] - stage.foot_y, 0)
    wave = (
        stage.noise(31, size=120, octaves=3, stretch=(1.0, 0.22))
        if rippled
        else np.zeros((stage.height, stage.width), np.float32)
    )
    reach = np.minimum(depth / (60 * stage.unit), 1.0) * (7 if rippled else 0) * stage.unit
    xs, ys = (columns + wave * reach).astype(np.float32), (rows + wave * reach * 1.6).astype(np.float32)
    seen = cv2.remap(cutout, xs, ys, cv2.INTER_LINEAR)
    cover = cv2.remap(outline, xs, ys, cv2.INTER_LINEAR)
    soft = 2.2 * stage.unit
    fade = (depth > 0) * 0.55 * np.exp(-depth / max(stage.subject_height * 0.42, 1))
    over(
        picture,
        np.asarray(cv2.GaussianBlur(seen, (0, 0), soft), np.float32),
        (cv2.GaussianBlur(cover, (0, 0), soft) * fade).astype(np.float32),
    )


def rays(picture: Linear, stage: Stage) -> None:
    """Beams from the upper corner on the light's side."""
    reach = stage.frame_height / stage.unit
    ox, oy = stage.light_x * 640, -reach * 0.72
    dx, dy = stage.x - ox, stage.y - oy
    turn = np.arctan2(dx, dy).astype(np.float32)
    rng = stage.rng(60)
    beams = np.zeros_like(turn)
    aim = float(np.arctan2(stage.foot[0] - ox, stage.foot[1] - stage.stature * 0.5 - oy))
    for i in range(7):
        centre = aim + (i - 3) * 0.13 + float(rng.uniform(-0.04, 0.04))
        width = float(rng.uniform(0.016, 0.045))
        beams += cv2.exp(-(((turn - centre) / width) ** 2)) * float(rng.uniform(0.35, 1.0))
    far: Plane = np.asarray(cv2.sqrt(dx * dx + dy * dy))
    strength = (0.24 if not stage.tones.dark else 0.13) * cv2.exp(-far / (reach * 0.85))
    over(picture, stage.tones.highlight, np.clip(beams * strength, 0, 0.6).astype(np.float32))


def quieted(picture: Linear, stage: Stage, boxes: Sequence[tuple[float, float, float, float]]) -> None:
    """Smooth the picture where text will lie, and move its tone off the middle so that type reads."""
    for left, top, right, bottom in boxes:
        grow = 46 * stage.unit
        mask = np.zeros((stage.height, stage.width), np.float32)
        cv2.rectangle(
            mask,
            (int(left - grow * 0.3), int(top - grow * 0.3)),
            (int(right + grow * 0.3), int(bottom + grow * 0.3)),
            1.0,
            -1,
        )
        mask = blurred(mask, grow)
        smooth = blurred(picture, 34 * stage.unit)
        inside = smooth[int(max(top, 0)) : int(max(bottom, top + 1)), int(max(left, 0)) : int(max(right, left + 1))]
        level = luminance(inside.reshape(-1, 3).mean(axis=0)) if inside.size else 0.3
        smooth = mix(smooth, stage.tones.highlight, 0.22) if level > 0.30 else smooth * np.float32(0.80)
        over(picture, smooth, np.clip(mask * 0.82, 0, 1))


def graded(picture: Linear, stage: Stage, *, subdued: bool) -> Linear:
    """Vignette and bloom; a subdued scene loses colour and light, as a problem should."""
    reach_x, reach_y = stage.frame_width / stage.unit * 0.62, stage.frame_height / stage.unit * 0.62
    fall = {"soft": 0.16, "rays": 0.24, "hard": 0.28, "rim": 0.48}[stage.light]
    graded, bright = np.empty(picture.shape, np.float32), np.empty(picture.shape, np.float32)
    for strip in strips(picture):
        far = (stage.x[strip] / reach_x) ** 2 + (stage.y[strip] / reach_y) ** 2
        part = picture[strip] * (1 - fall * smoothstep(0.25, 2.0, far))[..., None]
        if stage.light == "hard":
            # A little more contrast around middle grey, in linear light.
            part = part * (0.86 + 0.22 * np.clip(part / 0.6, 0, 1.4))
        if subdued:
            grey = (part @ np.array([0.2126, 0.7152, 0.0722], np.float32))[..., None]
            part = (grey * np.array([0.96, 1.0, 1.05], np.float32) * 0.36 + part * 0.64) * 0.86
        graded[strip], bright[strip] = part, np.maximum(part - 0.70, 0)
    bloom = blurred(bright, 28 * stage.unit)
    for strip in strips(picture):
        # Above 0.8 the film shoulders: highlights roll off instead of clipping to flat white.
        part = graded[strip] + bloom[strip] * 0.35
        over_part = np.maximum(part - 0.80, 0)
        graded[strip] = np.minimum(part, 0.80) + 0.20 * (1 - cv2.exp(-over_part / 0.20))
    return graded


def in_front(stage: Stage, kind: str) -> Bytes | None:
    """Things close to the lens, out of focus (RGBA, straight), for the layer that moves most."""
    colour = np.empty((stage.height, stage.width, 3), np.float32)
    alpha = np.zeros((stage.height, stage.width), np.float32)
    tones, rng = stage.tones, stage.rng(70)
    reach = stage.frame_height / stage.unit
    if kind == "petals":
        tint = mix(tones.accent, np.ones(3, np.float32), 0.25) if not tones.dark else tones.primary
        colour[:] = tint
        flat = np.zeros((stage.height, stage.width, 3), np.float32)
        for _ in range(7):
            length = int(rng.uniform(150, 300) * stage.unit)
            _, shape = petal_sprite(length, tint, tint, rng)
            cx, cy = _at_edge(stage, rng)
            lay(flat, np.ones((length, length, 3), np.float32), shape, cx=cx, cy=cy, turn=float(rng.uniform(0, 360)))
        alpha = blurred(flat[..., 0].copy(), 15 * stage.unit) * 0.85
    elif kind in ("bokeh", "snow", "bubbles", "dust"):
        colour[:] = np.ones(3, np.float32) if kind == "snow" else mix(tones.highlight, tones.accent, 0.2)
        count, largest, strength = {
            "bokeh": (16, 74, 0.28),
            "snow": (70, 22, 0.75),
            "bubbles": (18, 60, 0.25),
            "dust": (26, 13, 0.30),
        }[kind]
        for _ in range(count):
            radius = largest * float(rng.uniform(0.25, 1.0))
            cx, cy = float(rng.uniform(-560, 560)), float(rng.uniform(-reach * 0.55, reach * 0.55))
            _disc(stage, alpha, cx, cy, radius, strength * float(rng.uniform(0.3, 1.0)))
        alpha = blurred(alpha, 2.5 * stage.unit)
    else:
        return None
    clear = ellipse(
        stage,
        stage.foot[0],
        stage.foot[1] - stage.stature * 0.5,
        stage.subject_width / stage.unit * 0.75,
        stage.stature * 0.62,
        soft=60,
    )
    alpha = np.clip(alpha * (1 - 0.85 * clear), 0, 1)
    return np.dstack([np.clip(to_srgb(colour) + 0.5, 0, 255), alpha * 255 + 0.5]).astype(np.uint8)


def _at_edge(stage: Stage, rng: np.random.Generator) -> tuple[float, float]:
    side = int(rng.integers(4))
    along = float(rng.uniform(0, 1))
    inset = float(rng.uniform(-0.02, 0.07))
    x = (inset, 1 - inset, along, along)[side] * stage.width
    y = (along, along, inset, 1 - inset)[side] * stage.height
    return x, y


def _disc(stage: Stage, alpha: Plane, cx: float, cy: float, radius: float, strength: float) -> None:
    px = cx * stage.unit + stage.frame_left + stage.frame_width / 2
    py = cy * stage.unit + stage.frame_top + stage.frame_height / 2
    r = max(radius * stage.unit, 1.2)
    reach = int(r) + 3
    x0, y0, x1, y1 = (
        max(int(px) - reach, 0),
        max(int(py) - reach, 0),
        min(int(px) + reach, stage.width),
        min(int(py) + reach, stage.height),
    )
    if x1 <= x0 or y1 <= y0:
        return
    v, u = np.mgrid[y0:y1, x0:x1].astype(np.float32)
    far = np.sqrt((u - px) ** 2 + (v - py) ** 2) - r
    alpha[y0:y1, x0:x1] += (1 - smoothstep(-1, 1, far)) * np.float32(strength)
