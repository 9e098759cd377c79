"""Wet plates: water, dew, foam, cream."""

from __future__ import annotations

import cv2
import numpy as np

from ad_pipeline.engines.animatic.drawing.canvas import (
    Linear,
    Plane,
    blurred,
    luminance,
    mix,
    over,
    smoothstep,
    toward_luminance,
)
from ad_pipeline.engines.animatic.drawing.relief import lit, ramp
from ad_pipeline.engines.animatic.drawing.shapes import glow
from ad_pipeline.engines.animatic.drawing.stage import Stage, warped


def water(stage: Stage) -> Linear:
    """Still water with rings around the subject; it mirrors the backdrop above it."""
    tones = stage.tones
    reach = stage.frame_height / stage.unit
    horizon = stage.foot[1] - max(60.0, stage.stature * 0.16)
    sky_low = mix(tones.wall, tones.highlight, 0.45 if not tones.dark else 0.12)
    sky_high = mix(tones.accent, tones.primary, 0.25 if not tones.dark else 0.75)
    up = np.clip((horizon - stage.y) / (reach * 0.75), 0, 1)
    sky = ramp(up + stage.noise(1, size=900, octaves=2) * 0.04, sky_low, mix(sky_low, sky_high, 0.45), sky_high)
    over(sky, tones.highlight, glow(stage, stage.foot[0] + stage.light_x * 240, horizon - 120, 420, 300) * 0.5)
    depth = np.maximum(stage.y - horizon, 0)
    near = depth / max(reach / 2 - horizon, 1)
    dx, dy = stage.x - stage.foot[0], (stage.y - stage.foot[1]) / 0.26
    ring = cv2.sqrt(dx * dx + dy * dy + 1)
    spread = stage.noise(3, size=340, octaves=2, stretch=(1, 0.3)) * 14
    waves = np.sin((ring + spread) / 21) * cv2.exp(-ring / 330) * smoothstep(30, 130, ring) * 1.1
    swell = stage.noise(4, size=210, octaves=3, stretch=(1.0, 0.16)) * (0.10 + 0.26 * near)
    slope = (waves + swell).astype(np.float32)
    picture_y = (2 * horizon - stage.y) - slope * (90 + 60 * near)
    rows = (picture_y - stage.y) * stage.unit
    mirrored = warped(sky, slope * 10 * stage.unit, rows.astype(np.float32))
    body = mix(tones.primary, tones.accent, 0.35)
    body = toward_luminance(body, 0.20 if not tones.dark else 0.03)
    clear = np.clip(0.30 + 0.40 * smoothstep(0, 1, near) - slope * 0.22, 0, 1)
    surface = mirrored + (body - mirrored) * clear[..., None]
    sparkle = stage.noise(5, size=40, octaves=2, stretch=(1, 0.3)) * 0.12
    glint = (1 - 0.75 * near.clip(0, 1)) * smoothstep(0.66, 1.25, slope + sparkle)
    over(surface, tones.highlight, glint * 0.75)
    over(sky, surface, smoothstep(horizon - 2, horizon + 3, stage.y))
    return sky


def droplet(radius: int) -> tuple[Linear, Linear, Linear]:
    """One drop of water of `radius` px, lit from the upper left: (brighten, darken, refract) planes 0..1."""
    size = radius * 2 + 5
    v, u = (np.mgrid[0:size, 0:size].astype(np.float32) - size / 2 + 0.5) / radius
    r2 = u * u + v * v
    inside = 1 - smoothstep(0.92, 1.02, np.sqrt(r2))
    toward = (u + v) / 1.414
    lens = inside * smoothstep(-0.3, 1.0, toward) * 0.55
    spot = np.exp(-(((u + 0.38) / 0.20) ** 2 + ((v + 0.42) / 0.15) ** 2))
    bounce = np.exp(-((toward - 0.78) ** 2) / 0.03) * inside * smoothstep(0.30, 0.95, r2) * 0.65
    rim = smoothstep(0.62, 1.0, np.sqrt(r2)) * inside * smoothstep(0.4, -1.0, toward) * 0.55
    bright = np.clip(lens * 0.5 + spot + bounce, 0, 1) * inside
    return bright.astype(np.float32), rim.astype(np.float32), inside.astype(np.float32)


def sprinkle(stage: Stage, picture: Linear, *, count: int, largest: float, clear: bool = True) -> None:
    """Drops of many sizes on the picture, small ones more often; none where the subject is."""
    rng = stage.rng(77)
    sky = np.ones(3, np.float32)
    middle_y = stage.foot_y - stage.subject_height / 2
    for _ in range(count):
        radius = max(2, int(largest * stage.unit * float(rng.uniform(0.18, 1.0)) ** 2.6))
        cx, cy = int(rng.uniform(0, stage.width)), int(rng.uniform(0, stage.height))
        over_subject = (
            abs(cx - stage.foot_x) < stage.subject_width * 0.55 and abs(cy - middle_y) < stage.subject_height / 2
        )
        size = radius * 2 + 5
        left, top = cx - size // 2, cy - size // 2
        lower = radius // 2 + 2
        if (
            (clear and over_subject)
            or left < 0
            or top < 0
            or left + size > stage.width
            or top + size + lower > stage.height
        ):
            continue
        bright, rim, inside = droplet(radius)
        if stage.light_x > 0:
            bright, rim = bright[:, ::-1], rim[:, ::-1]
        _shade(picture, inside, left=left, top=top + lower, sigma=max(radius * 0.22, 1))
        target = picture[top : top + size, left : left + size]
        target *= (1 + 0.30 * inside)[..., None]
        target *= (1 - 0.6 * rim)[..., None]
        over(target, sky, bright * 0.85)


def _shade(picture: Linear, shape: Plane, *, left: int, top: int, sigma: float) -> None:
    """The soft shadow of a drop; it runs out before its window ends, or its edge would show."""
    reach = int(3.2 * sigma) + 1
    soft = cv2.GaussianBlur(np.pad(shape, reach), (0, 0), sigma)
    x, y = max(0, left - reach), max(0, top - reach)
    window = picture[y : top + shape.shape[0] + reach, x : left + shape.shape[1] + reach]
    dx, dy = x - (left - reach), y - (top - reach)
    window *= (1 - 0.30 * soft[dy : dy + window.shape[0], dx : dx + window.shape[1]])[..., None]


def dew(stage: Stage) -> Linear:
    """Drops of serum and water on a clean surface, very near."""
    tones = stage.tones
    deep = mix(tones.accent, tones.primary, 0.45)
    along = (stage.y * 0.8 - stage.x * 0.6 * stage.light_x) / (stage.frame_height / stage.unit) + 0.5
    along = along + stage.noise(1, size=800, octaves=2) * 0.08
    picture = ramp(along, mix(tones.wall, tones.highlight, 0.3), mix(tones.wall, tones.accent, 0.55), deep)
    sprinkle(stage, picture, count=240, largest=92)
    return picture


def foam(stage: Stage) -> Linear:
    """Soap foam, near: bubbles packed by size over soft white hills."""
    tones = stage.tones
    hills = blurred(stage.noise(1, size=420, octaves=3) * np.float32(36 * stage.unit), 9 * stage.unit)
    diffuse, _ = lit(hills, stage, gloss=6)
    white = mix(np.ones(3, np.float32), tones.accent, 0.16)
    picture = ramp(diffuse * 0.8 + 0.08, mix(tones.accent, tones.primary, 0.35), mix(white, tones.accent, 0.35), white)
    rng = stage.rng(2)
    count = 850
    for radius_unit in np.sort(8 + 62 * rng.uniform(0, 1, count) ** 4.5):
        radius = max(2, int(float(radius_unit) * stage.unit))
        size = radius * 2 + 5
        left, top = int(rng.uniform(0, stage.width - size)), int(rng.uniform(0, stage.height - size))
        bright, rim, inside = droplet(radius)
        target = picture[top : top + size, left : left + size]
        edge = smoothstep(0.2, 0.95, 1 - np.abs(2 * inside - 1)) * 0.35
        target *= (1 - 0.34 * rim)[..., None]
        over(target, np.ones(3, np.float32), np.clip(bright * 0.7 + edge + inside * 0.08, 0, 1))
    return picture


def cream(stage: Stage) -> Linear:
    """A swirl drawn in cream with a spatula, filling the picture."""
    tones = stage.tones
    cx, cy = stage.foot[0] + stage.light_x * 90, stage.foot[1] - stage.stature * 0.5
    wx = stage.x - cx + stage.noise(1, size=620, octaves=2) * 70
    wy = stage.y - cy + stage.noise(2, size=620, octaves=2) * 70
    far = cv2.sqrt(wx * wx + wy * wy + 400)
    turn = np.arctan2(wy, wx).astype(np.float32)
    phase = turn * 2 + cv2.log(far / 40) * 4.6
    ridge = 1 - np.abs(np.sin(phase / 2).astype(np.float32)) ** 1.35
    strokes = np.sin(phase * 7 + stage.noise(3, size=300, octaves=2) * 1.4) * 0.05
    height = (ridge + strokes) * np.minimum(far / 250, 1.4) * (70 * stage.unit)
    height = blurred(
        (height + stage.noise(4, size=260, octaves=2) * (9 * stage.unit)).astype(np.float32), 3.4 * stage.unit
    )
    diffuse, spec = lit(height, stage, gloss=42)
    body = mix(tones.surface, tones.accent, 0.20) if not tones.dark else mix(tones.accent, np.ones(3, np.float32), 0.25)
    body = toward_luminance(body, min(luminance(body), 0.66))
    deep = mix(body, mix(tones.accent, tones.primary, 0.5), 0.62)
    picture = ramp(diffuse * 1.02, deep, mix(deep, body, 0.65), body, mix(body, np.ones(3, np.float32), 0.45))
    over(picture, np.ones(3, np.float32), np.clip(spec * 0.5, 0, 1))
    return picture
