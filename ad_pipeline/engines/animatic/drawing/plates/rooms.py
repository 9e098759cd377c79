"""Plates of places: a window's light, the city at night, a laboratory, a desk."""

from __future__ import annotations

import cv2
import numpy as np

from ad_pipeline.engines.animatic.drawing.canvas import Linear, Plane, blurred, mix, over, smoothstep, toward_luminance
from ad_pipeline.engines.animatic.drawing.relief import ramp
from ad_pipeline.engines.animatic.drawing.shapes import ellipse, glow, polygon, room, rounded
from ad_pipeline.engines.animatic.drawing.stage import Stage, warped


def leaf_shade(stage: Stage) -> Plane:
    """Fronds between the light and the wall, as an alpha; the farther ones softer."""
    rng = stage.rng(50)
    reach = stage.frame_height / stage.unit / 2
    near: list[np.ndarray] = []
    far: list[np.ndarray] = []
    for i in range(3):
        stem_x = -stage.light_x * float(rng.uniform(230, 560))
        stem_y = -reach * float(rng.uniform(0.55, 1.0)) + i * 260
        lean = float(rng.uniform(0.9, 1.7)) * stage.light_x
        for j in range(15):
            along = 110 + 46 * j
            bx = stem_x + np.sin(lean) * along * 0.9
            by = stem_y + np.cos(lean) * along * 0.9 + 0.0006 * along**2
            for side in (-1, 1):
                turn = lean + side * (0.75 - 0.02 * j)
                length = 270 - 9 * j
                tip = np.array([bx + np.sin(turn) * length, by + np.cos(turn) * length + 40])
                root = np.array([bx, by])
                out = np.array([np.cos(turn), -np.sin(turn)]) * (20 - 0.7 * j)
                blade = [root, root * 0.6 + tip * 0.4 + out, tip, root * 0.6 + tip * 0.4 - out]
                (near if i else far).append(np.array(blade, np.float32))
    return np.maximum(
        blurred(polygon(stage, *near), 13 * stage.unit), 0.8 * blurred(polygon(stage, *far), 26 * stage.unit)
    )


def window(stage: Stage) -> Linear:
    """Morning light through a window and a plant, on a plain wall and table."""
    tones = stage.tones
    horizon = stage.foot[1] - stage.stature * 0.04
    wall = tones.wall
    table = mix(tones.surface, wall, 0.5) if not tones.dark else mix(tones.surface, tones.primary, 0.2)
    picture = room(stage, wall=wall, floor=table, horizon=horizon, blend=2.5)
    skew = 0.42 * stage.light_x
    panes: list[np.ndarray] = []
    reach = stage.frame_height / stage.unit
    top = min(-reach * 0.30, stage.foot[1] - stage.stature * 1.1)
    for column in range(2):
        for row in range(3):
            x, y = -330 + column * 320 + stage.light_x * 60, top + row * 330
            box = np.array([(x, y), (x + 290, y), (x + 290, y + 300), (x, y + 300)], np.float32)
            box[:, 0] -= skew * (box[:, 1] - top) * 0.55
            box[:, 1] += skew * box[:, 0] * 0.5
            panes.append(box)
    light = blurred(polygon(stage, *panes), 11 * stage.unit)
    shade = leaf_shade(stage)
    below = smoothstep(horizon - 2, horizon + 2, stage.y)
    sun = light * (1 - 0.80 * shade) * (1 - 0.35 * below)
    warm = np.array([1.0, 0.90, 0.74], np.float32)
    ambient = mix(np.ones(3, np.float32), mix(tones.primary, np.ones(3, np.float32), 0.6), 0.35) * 0.74
    picture *= ambient + sun[..., None] * warm * (0.78 if not tones.dark else 1.6)
    picture *= (1 - 0.14 * cv2.exp(-np.abs(stage.y - horizon) / 18))[..., None]
    return picture


def discs(stage: Stage, picture: Linear, *, count: int, largest: float, band: tuple[float, float], salt: int) -> None:
    """Lights out of focus, added to the picture; `band` is where, in units from the middle."""
    rng = stage.rng(salt)
    tones = stage.tones
    warm = np.array([1.0, 0.72, 0.40], np.float32)
    hues = (
        warm,
        mix(tones.accent, np.ones(3, np.float32), 0.2),
        mix(tones.primary, tones.accent, 0.4),
        mix(warm, tones.accent, 0.5),
    )
    for _ in range(count):
        radius = largest * float(rng.uniform(0.3, 1.0)) * stage.unit
        cx, cy = float(rng.uniform(0, stage.width)), float(rng.uniform(*band))
        cy = cy * stage.unit + stage.frame_top + stage.frame_height / 2
        hue, strength = hues[int(rng.integers(len(hues)))], float(rng.uniform(0.05, 0.34))
        reach = int(radius * 1.15) + 2
        x0, y0 = max(int(cx) - reach, 0), max(int(cy) - reach, 0)
        x1, y1 = min(int(cx) + reach, stage.width), min(int(cy) + reach, stage.height)
        if x1 <= x0 or y1 <= y0:
            continue
        v, u = np.mgrid[y0:y1, x0:x1].astype(np.float32)
        far = np.sqrt((u - cx) ** 2 + (v - cy) ** 2) / radius
        disc = (1 - smoothstep(0.93, 1.05, far)) * (0.72 + 0.45 * smoothstep(0.6, 1.0, far))
        picture[y0:y1, x0:x1] += hue * (disc * np.float32(strength))[..., None]


def bokeh(stage: Stage) -> Linear:
    """A city at night behind glass, all lights out of focus, a dark polished sill in front."""
    tones = stage.tones
    horizon = stage.foot[1] - stage.stature * 0.05
    reach = stage.frame_height / stage.unit
    low = toward_luminance(mix(tones.primary, tones.accent, 0.15), 0.055)
    high = toward_luminance(mix(tones.primary, tones.text if not tones.dark else tones.background, 0.55), 0.010)
    up = np.clip((horizon - stage.y) / (reach * 0.8), 0, 1)
    picture = ramp(up, mix(low, tones.accent, 0.10), low, high)
    discs(stage, picture, count=60, largest=34, band=(horizon - reach * 0.30, horizon + 10), salt=4)
    discs(stage, picture, count=52, largest=78, band=(horizon - reach * 0.62, horizon - 20), salt=5)
    picture = blurred(picture, 1.6 * stage.unit)
    below = smoothstep(horizon - 1.5, horizon + 1.5, stage.y)
    rows = (2 * (horizon - stage.y) * stage.unit).astype(np.float32)
    wobble = stage.noise(6, size=60, octaves=2, stretch=(1, 0.3)) * 3 * stage.unit
    mirrored = blurred(warped(picture, wobble.astype(np.float32), rows), 14 * stage.unit)
    fade = 0.60 * cv2.exp(-np.maximum(stage.y - horizon, 0) / 420)
    over(picture, mirrored * fade[..., None] + high * 0.4, below)
    over(
        picture,
        mix(low, tones.accent, 0.35),
        glow(stage, stage.foot[0], stage.foot[1] - stage.stature * 0.5, 380, stage.stature * 0.6) * 0.28,
    )
    return picture


def laboratory(stage: Stage) -> Linear:
    """A bright laboratory: glassware out of focus behind a gleaming bench."""
    tones = stage.tones
    horizon = stage.foot[1] - stage.stature * 0.08
    white = mix(np.array([0.80, 0.84, 0.87], np.float32), tones.wall, 0.5)
    if tones.dark:
        white = mix(tones.wall, tones.accent, 0.10)
    picture = room(stage, wall=white, floor=mix(white, tones.accent, 0.10), horizon=horizon, blend=3)
    shelf = mix(tones.accent, tones.primary, 0.4)
    rng = stage.rng(3)
    glass = picture.copy()
    for i in range(7):
        x = -560 + i * 185 + float(rng.uniform(-36, 36))
        _vessel(
            stage,
            glass,
            x,
            horizon + 14,
            float(rng.uniform(0.75, 1.25)),
            i % 3,
            mix(shelf, tones.accent, float(rng.uniform(0, 0.9))),
        )
    soft = blurred(glass, 11 * stage.unit)
    below = smoothstep(horizon - 2, horizon + 2, stage.y)
    over(picture, soft, 1 - below)
    rows = (2 * (horizon - stage.y) * stage.unit).astype(np.float32)
    mirrored = blurred(warped(picture, np.zeros_like(rows), rows), 9 * stage.unit)
    over(picture, mirrored, below * 0.40 * cv2.exp(-np.maximum(stage.y - horizon, 0) / 260))
    over(
        picture,
        tones.highlight,
        smoothstep(40, 0, np.abs(stage.y + stage.x * 0.25 + stage.frame_height / stage.unit * 0.36)) * 0.25,
    )
    return picture


def _vessel(stage: Stage, picture: Linear, x: float, base: float, scale: float, kind: int, liquid: Linear) -> None:
    """A flask, beaker or tube behind the bench, to be thrown out of focus."""
    s = 230 * scale
    if kind == 0:
        outline = [
            (-0.10, -1.5),
            (0.10, -1.5),
            (0.10, -0.9),
            (0.52, -0.06),
            (0.46, 0),
            (-0.46, 0),
            (-0.52, -0.06),
            (-0.10, -0.9),
        ]
        level = -0.42
    elif kind == 1:
        outline = [(-0.34, -1.1), (0.34, -1.1), (0.34, -0.05), (0.30, 0), (-0.30, 0), (-0.34, -0.05)]
        level = -0.55
    else:
        outline = [(-0.11, -1.75), (0.11, -1.75), (0.11, -0.1), (0.0, 0), (-0.11, -0.1)]
        level = -0.85
    body = polygon(stage, np.array(outline, np.float32) * s + np.array([x, base], np.float32))
    edge = np.clip(blurred(body, 9 * stage.unit), 0, 1) * body
    over(picture, np.ones(3, np.float32), body * 0.16)
    over(picture, liquid, body * smoothstep(-3, 3, stage.y - base - level * s) * 0.72)
    over(picture, liquid * 0.5, np.clip(body - edge, 0, 1) * 0.8)
    over(
        picture,
        np.ones(3, np.float32),
        body * rounded(stage, (x - 0.07 * s, base - 1.5 * s, x - 0.02 * s, base), 4) * 0.5,
    )


def desk(stage: Stage) -> Linear:
    """A late desk: striped light through blinds, the glow of a screen, nobody there."""
    tones = stage.tones
    horizon = stage.foot[1] + 10
    wall = toward_luminance(mix(tones.primary, tones.text, 0.4), 0.075)
    picture = room(stage, wall=wall, floor=wall * 0.55, horizon=horizon, blend=3)
    slant = stage.y + stage.x * 0.22 * stage.light_x
    slats = smoothstep(-0.25, 0.45, np.sin(slant / 21).astype(np.float32))
    patch = np.array([(-380, -760), (330, -690), (250, 60), (-300, 20)], np.float32)
    patch[:, 0] *= -stage.light_x
    blinds = blurred(slats * polygon(stage, patch), 6 * stage.unit)
    warm = mix(np.array([1.0, 0.70, 0.42], np.float32), tones.accent, 0.35)
    picture += warm * (blinds * 0.24)[..., None]
    screen_box = (stage.light_x * 330 - 330, horizon - 330, stage.light_x * 330 + 330, horizon - 46)
    screen = blurred(rounded(stage, screen_box, 16), 8 * stage.unit)
    cold = mix(np.array([0.55, 0.72, 1.0], np.float32), tones.accent, 0.4)
    over(picture, cold * (0.55 + 0.25 * smoothstep(horizon - 330, horizon - 46, stage.y))[..., None], screen * 0.85)
    picture += cold * (glow(stage, stage.light_x * 330, horizon - 60, 520, 380) * 0.12)[..., None]
    cup = np.maximum(
        rounded(stage, (-stage.light_x * 300 - 70, horizon - 130, -stage.light_x * 300 + 70, horizon + 16), 18),
        ellipse(stage, -stage.light_x * 300, horizon + 8, 68, 16),
    )
    over(picture, wall * 0.30, blurred(cup, 6 * stage.unit))
    return blurred(picture, 2.5 * stage.unit)
