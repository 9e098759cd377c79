"""Plates to lie on: silk and petals, seen from above."""

from __future__ import annotations

import cv2
import numpy as np

from ad_pipeline.engines.animatic.drawing.canvas import Linear, Plane, blurred, mix, over, smoothstep, toward_luminance
from ad_pipeline.engines.animatic.drawing.relief import lit, ramp
from ad_pipeline.engines.animatic.drawing.stage import Stage


def silk(stage: Stage) -> Linear:
    """Satin in long folds that gather towards one corner."""
    tones = stage.tones
    rng = stage.rng(1)
    angle = float(rng.uniform(0.45, 0.95)) * -stage.light_x
    across = (stage.x * np.cos(angle) + stage.y * np.sin(angle)).astype(np.float32)
    along = (-stage.x * np.sin(angle) + stage.y * np.cos(angle)).astype(np.float32)
    drift = stage.noise(2, size=760, octaves=2) * 120 + stage.noise(3, size=300, octaves=1) * 26
    p = across + drift + 0.10 * along
    folds = np.sin(p / 118) * 52 + np.sin(p / 61 + 1.3 + along / 900) * 17 + np.sin(p / 233 + along / 700) * 60
    height = (folds * stage.unit).astype(np.float32) + stage.noise(4, size=160, octaves=2) * np.float32(
        2.2 * stage.unit
    )
    height = blurred(height, 5 * stage.unit)
    diffuse, spec = lit(height, stage, gloss=14)
    cloth = mix(tones.accent, tones.background, 0.45) if not tones.dark else mix(tones.primary, tones.surface, 0.25)
    deep = mix(toward_luminance(mix(cloth, tones.primary, 0.5), 0.17), tones.shade, 0.12 if not tones.dark else 0.7)
    light = mix(cloth, tones.highlight, 0.55 if not tones.dark else 0.2)
    picture = ramp(diffuse * 0.95 + 0.02, deep, mix(deep, cloth, 0.7), cloth, light)
    over(picture, tones.highlight, np.clip(spec * (0.62 if not tones.dark else 0.4), 0, 1))
    return picture


def petal_sprite(length: int, colour: Linear, deep: Linear, rng: np.random.Generator) -> tuple[Linear, Plane]:
    """One petal, tip upwards: its picture and alpha, `length` px square."""
    v, u = np.mgrid[0:length, 0:length].astype(np.float32) / length
    u = u * 2 - 1
    bend = float(rng.uniform(-0.18, 0.18))
    u = u - bend * np.sin(v * np.pi)
    half = 0.66 * np.maximum(np.sin(np.pi * np.clip(1 - v, 0, 1) ** 0.72), 0) ** 0.75 + 1e-3
    notch = 0.07 * np.exp(-((u / 0.2) ** 2))
    alpha = (1 - smoothstep(-0.02, 0.02, np.abs(u) - half)) * smoothstep(0.02 + notch, 0.05 + notch, v)
    curl = np.clip(u / half, -1, 1)
    shade = 0.55 + 0.5 * smoothstep(0, 0.9, 1 - v) - 0.20 * curl**2 + 0.18 * curl * float(rng.choice([-1, 1]))
    vein = 0.05 * np.sin(curl * 16 + v * 2) * (1 - np.abs(curl))
    picture = ramp((shade + vein).astype(np.float32), deep, colour, mix(colour, np.ones(3, np.float32), 0.55))
    return picture, alpha.astype(np.float32)


def lay(picture: Linear, sprite: Linear, alpha: Plane, *, cx: float, cy: float, turn: float, shadow: float = 0) -> None:
    """Lay a sprite with its middle at (cx, cy) px, turned by `turn` degrees, with a soft shadow below."""
    size = alpha.shape[0]
    reach = int(size * 0.75) + int(shadow * 3)
    left, top = int(cx) - reach, int(cy) - reach
    x0, y0, x1, y1 = (
        max(left, 0),
        max(top, 0),
        min(left + 2 * reach, picture.shape[1]),
        min(top + 2 * reach, picture.shape[0]),
    )
    if x1 <= x0 or y1 <= y0:
        return
    spin = cv2.getRotationMatrix2D((size / 2, size / 2), turn, 1.0)
    spin[:, 2] += reach - size / 2
    a = cv2.warpAffine(alpha, spin, (2 * reach, 2 * reach))
    c = cv2.warpAffine(sprite, spin, (2 * reach, 2 * reach), borderMode=cv2.BORDER_REPLICATE)
    window = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    target = picture[y0:y1, x0:x1]
    if shadow:
        dark = cv2.GaussianBlur(np.roll(a, (int(shadow), int(shadow * 0.5)), axis=(0, 1)), (0, 0), shadow)
        target *= (1 - 0.42 * dark[window])[..., None]
    over(target, c[window], a[window])


def petals(stage: Stage) -> Linear:
    """A soft ground with petals strewn around the subject, none in its place."""
    tones = stage.tones
    ground = mix(tones.wall, tones.accent, 0.16)
    picture = np.empty((stage.height, stage.width, 3), np.float32)
    picture[:] = ground
    fall = smoothstep(-700, 700, stage.x * stage.light_x - stage.y * 0.6)
    picture *= (0.74 + 0.34 * fall + stage.noise(1, size=500, octaves=2) * 0.025)[..., None]
    rng = stage.rng(2)
    colour = mix(tones.accent, np.ones(3, np.float32), 0.25) if not tones.dark else tones.primary
    deep = mix(tones.accent, tones.primary, 0.65) if not tones.dark else mix(tones.primary, tones.shade, 0.6)
    clear_x, clear_y = stage.subject_width * 0.62, stage.subject_height * 0.58
    middle_y = stage.foot_y - stage.subject_height / 2
    for _ in range(46):
        length = int(rng.uniform(95, 230) * stage.unit)
        cx, cy = float(rng.uniform(0, stage.width)), float(rng.uniform(0, stage.height))
        turn = float(rng.uniform(0, 360))
        away = max(abs(cx - stage.foot_x) / clear_x, abs(cy - middle_y) / clear_y)
        sprite, alpha = petal_sprite(length, colour, deep, rng)
        if away > 1 and rng.uniform() < 0.35 + 0.4 * min(away - 1, 1):
            lay(picture, sprite, alpha, cx=cx, cy=cy, turn=turn, shadow=11 * stage.unit)
    return picture
