"""Plates of nature and stone: rock, marble, sky, snow, skin."""

from __future__ import annotations

import cv2
import numpy as np

from ad_pipeline.engines.animatic.drawing.canvas import (
    Linear,
    blurred,
    luminance,
    mix,
    over,
    smoothstep,
    toward_luminance,
)
from ad_pipeline.engines.animatic.drawing.relief import lit, ramp
from ad_pipeline.engines.animatic.drawing.shapes import glow, polygon, room
from ad_pipeline.engines.animatic.drawing.stage import Stage, warped


def stone(stage: Stage) -> Linear:
    """A rough wall and a hewn block that carries the product."""
    tones = stage.tones
    horizon = stage.foot[1] + stage.stature * 0.10
    rock = toward_luminance(mix(tones.wall, tones.text, 0.35), 0.30 if not tones.dark else 0.05)
    picture = room(stage, wall=mix(rock, tones.wall, 0.45), floor=mix(rock, tones.wall, 0.3), horizon=horizon, blend=14)
    grain = stage.noise(1, size=230, octaves=6) * np.float32(5.0 * stage.unit)
    diffuse, _ = lit(grain.astype(np.float32), stage, gloss=4)
    picture *= (0.62 + 0.64 * diffuse)[..., None]
    if stage.bare:
        return picture
    rng = stage.rng(2)
    half = min(430.0, max(stage.stature * 0.52, stage.subject_width / stage.unit * 0.8))
    top, front = _block(stage, half, rng)
    both = np.maximum(top, front)
    picture *= (
        1
        - 0.45
        * blurred(np.roll(both, (int(30 * stage.unit), int(-stage.light_x * 50 * stage.unit)), (0, 1)), 30 * stage.unit)
    )[..., None]
    over(picture, rock * (0.42 + 0.55 * diffuse)[..., None], front)
    over(picture, mix(rock, np.ones(3, np.float32), 0.30) * (0.60 + 0.50 * diffuse)[..., None], top)
    return picture


def _block(stage: Stage, half: float, rng: np.random.Generator) -> tuple[Linear, Linear]:
    """The top and front of a block under the subject's foot, as alphas."""
    fx, fy = stage.foot
    depth = max(half * stage.tilt, 40.0)
    jag = rng.uniform(-1, 1, (2, 9))
    xs = np.linspace(-1, 1, 9)
    back = [(fx + x * half * 0.92, fy - depth + jag[0, i] * 5) for i, x in enumerate(xs)]
    edge = [(fx + x * half * 1.08, fy + depth * 0.9 + jag[1, i] * 11) for i, x in enumerate(xs)]
    low = [(fx + x * half * 1.04, fy + depth + 190 + jag[0, i] * 9) for i, x in enumerate(xs)]
    top = polygon(stage, np.array([*back, *reversed(edge)], np.float32))
    front = polygon(stage, np.array([*edge, *reversed(low)], np.float32))
    return top, np.asarray(np.clip(front - top, 0, 1), np.float32)


def marble(stage: Stage) -> Linear:
    """A bathroom in veined marble: polished counter below, the wall out of focus."""
    tones = stage.tones
    horizon = stage.foot[1] - stage.stature * 0.10
    white = mix(np.array([0.80, 0.80, 0.79], np.float32), tones.wall, 0.45)
    if tones.dark:
        white = mix(tones.wall, tones.surface, 0.6)
    picture = room(stage, wall=white, floor=white, horizon=horizon, blend=4)
    bend_x, bend_y = stage.noise(1, size=420) * 90 * stage.unit, stage.noise(2, size=420) * 90 * stage.unit
    field = stage.noise(3, size=520, octaves=3) + (stage.x * 0.0016 + stage.y * 0.0011)
    field = warped(field.astype(np.float32), bend_x.astype(np.float32), bend_y.astype(np.float32))
    vein = cv2.exp(-np.abs(np.sin(field * 2.2)) / 0.045) * (0.5 + 0.5 * smoothstep(-0.6, 1.0, stage.noise(4, size=300)))
    fine = cv2.exp(-np.abs(np.sin(field * 5.7 + 1)) / 0.03) * 0.35
    below = smoothstep(horizon - 3, horizon + 3, stage.y)
    veins = np.clip(vein + fine, 0, 1)
    veins = blurred(veins.astype(np.float32), 7 * stage.unit) * (1 - below) + veins * below
    vein_tone = mix(toward_luminance(tones.text, 0.16), tones.primary, 0.25) if not tones.dark else tones.accent
    over(picture, vein_tone.astype(np.float32), (veins * 0.42).astype(np.float32))
    joint = np.minimum(np.abs((stage.x + 40) % 520 - 260), np.abs((stage.y - horizon) % 520 - 1))
    picture *= (1 - 0.13 * smoothstep(5, 1, joint) * (1 - below))[..., None]
    over(
        picture,
        tones.highlight,
        glow(stage, stage.foot[0] + stage.light_x * 300, horizon + 60, 300, 110) * below * 0.45,
    )
    picture *= (1 - 0.20 * cv2.exp(-np.abs(stage.y - horizon) / 26))[..., None]
    return picture


def sky(stage: Stage) -> Linear:
    """Open air: a high sky and sunlit cloud that the subject rests on."""
    tones = stage.tones
    reach = stage.frame_height / stage.unit
    high = mix(tones.accent, tones.primary, 0.45)
    low = mix(tones.background, tones.highlight, 0.6) if not tones.dark else mix(tones.primary, tones.accent, 0.3)
    low = toward_luminance(low, min(luminance(low), 0.70))
    up = np.clip(0.5 - stage.y / reach, 0, 1)
    picture = ramp(up, low, mix(low, high, 0.45), high)
    over(picture, tones.highlight, glow(stage, stage.light_x * 330, -reach * 0.28, 420, 420) * 0.55)
    bulk = stage.noise(1, size=420, octaves=6, stretch=(1.5, 1))
    bank = smoothstep(-40, 330, stage.y - stage.foot[1] + 60)
    density = smoothstep(0.10, 1.15, bulk * 0.62 + bank * 2.3 - 0.05 - 0.25 * smoothstep(0, -reach / 2, stage.y))
    diffuse, _ = lit(blurred(bulk * np.float32(60 * stage.unit), 4 * stage.unit), stage, gloss=4)
    white = mix(np.ones(3, np.float32), tones.background, 0.25) * np.float32(0.88)
    cloud = ramp(diffuse * 0.8 + 0.22 - bank * 0.12, mix(white, high, 0.55), mix(white, high, 0.14), white)
    over(picture, cloud, density * 0.95)
    return picture


def snow(stage: Stage) -> Linear:
    """Fresh snow in soft drifts under a pale winter light."""
    tones = stage.tones
    horizon = stage.foot[1] - stage.stature * 0.34
    reach = stage.frame_height / stage.unit
    high, low = mix(tones.accent, tones.primary, 0.3), mix(tones.background, np.ones(3, np.float32), 0.3)
    picture = ramp(np.clip((horizon - stage.y) / reach * 1.4, 0, 1), low, mix(low, high, 0.6), high)
    white = np.array([0.86, 0.88, 0.90], np.float32)
    cool = mix(white, mix(tones.accent, tones.primary, 0.3), 0.5)
    for i in range(4):
        base = horizon + (stage.foot[1] - 30 - horizon) * i / 2.6
        wave = stage.noise(10 + i, size=560 + 60 * i, octaves=2, stretch=(1, 30)) * (34 - 5 * i)
        cut = smoothstep(-5 + i, 5 - i, stage.y - base - wave)
        depth = (stage.y - base - wave) / 320
        tone = ramp(np.clip(depth + (3 - i) * 0.12, 0, 1), white, mix(white, cool, 0.5), cool)
        over(picture, tone, cut)
    sparkle = stage.noise(5, size=5, octaves=1)
    over(
        picture,
        np.ones(3, np.float32),
        smoothstep(3.0, 3.8, sparkle) * smoothstep(horizon, horizon + 200, stage.y) * 0.8,
    )
    mound = glow(stage, stage.foot[0], stage.foot[1] + 60, stage.stature * 0.6, 70)
    over(picture, white, mound * 0.5)
    return picture


def skin(stage: Stage) -> Linear:
    """Skin seen through a loupe: fine furrows that cross, lit from the side."""
    return _skin(stage, dry=False)


def dry_skin(stage: Stage) -> Linear:
    """The same skin in want of water: deeper furrows, flaking edges, no shine."""
    return _skin(stage, dry=True)


def _skin(stage: Stage, *, dry: bool) -> Linear:
    tones = stage.tones
    base = np.array([0.72, 0.47, 0.36], np.float32) if not tones.dark else np.array([0.50, 0.28, 0.20], np.float32)
    base = mix(base, tones.accent, 0.16)
    cell = 44.0 if dry else 34.0
    rng = stage.rng(3)
    bend_x, bend_y = stage.noise(1, size=260, octaves=3) * 22, stage.noise(2, size=260, octaves=3) * 22
    far1, far2 = _nearest_two((stage.x + bend_x) / cell, (stage.y + bend_y) / cell, rng)
    line = 1 - smoothstep(0.02, 0.26 if dry else 0.20, far2 - far1)
    line = line * (0.55 + 0.45 * smoothstep(-0.8, 0.8, stage.noise(8, size=150, octaves=2)))
    height = -line * (1.5 if dry else 1.0) + stage.noise(4, size=22, octaves=2) * (0.45 if dry else 0.25)
    height = height + stage.noise(5, size=760, octaves=2) * 13
    diffuse, spec = lit(blurred((height * stage.unit).astype(np.float32), 1.2 * stage.unit), stage, gloss=22)
    across = smoothstep(-700, 700, stage.x * stage.light_x - stage.y * 0.7)
    deep = base * np.array([0.40, 0.24, 0.20], np.float32)
    light = mix(base, np.ones(3, np.float32), 0.35)
    picture = ramp(diffuse * 0.72 + across * 0.30 - 0.06, deep, mix(deep, base, 0.7), base, light)
    flush = smoothstep(-0.4, 1.6, stage.noise(9, size=420, octaves=3))
    picture *= 1 - flush[..., None] * np.array([0.02, 0.13, 0.13], np.float32)
    if dry:
        ash = np.array([0.88, 0.80, 0.74], np.float32)
        scaly = smoothstep(0.2, 1.5, stage.noise(6, size=230, octaves=4))
        over(picture, ash, line * scaly * 0.50)
        over(picture, base * 0.30, line * (1 - scaly) * 0.26)
    else:
        over(picture, base * 0.45, line * 0.22)
        over(picture, np.ones(3, np.float32), np.clip(spec * 0.42 * across, 0, 1))
    return picture


_STRIP_ROWS = 32


def _nearest_two(x: Linear, y: Linear, rng: np.random.Generator) -> tuple[Linear, Linear]:
    """Distances to the nearest and second nearest of points strewn one to a cell."""
    table = rng.uniform(0.08, 0.92, (64, 64, 2)).astype(np.float32)
    across, down = np.ascontiguousarray(table[..., 0]).ravel(), np.ascontiguousarray(table[..., 1]).ravel()
    first, second = np.empty(x.shape, np.float32), np.empty(x.shape, np.float32)
    # Strip by strip: what nine rounds read and write again stays near the processor, three times as fast.
    for top in range(0, x.shape[0], _STRIP_ROWS):
        strip = np.s_[top : top + _STRIP_ROWS]
        first[strip], second[strip] = _nearest_two_of(x[strip], y[strip], across, down)
    return np.asarray(cv2.sqrt(first), np.float32), np.asarray(cv2.sqrt(second), np.float32)


def _nearest_two_of(x: Linear, y: Linear, across: Linear, down: Linear) -> tuple[Linear, Linear]:
    """Squared distances; `across` and `down` say where in its cell each of 64 x 64 points lies."""
    column, row = np.floor(x).astype(np.int32), np.floor(y).astype(np.int32)
    first, second = np.full(x.shape, 9.0, np.float32), np.full(x.shape, 9.0, np.float32)
    for dr in (-1, 0, 1):
        line, rest_y = ((row + dr) & 63) << 6, (row + dr - y).astype(np.float32)
        for dc in (-1, 0, 1):
            place = line | ((column + dc) & 63)
            dx, dy = (column + dc - x).astype(np.float32) + across.take(place), rest_y + down.take(place)
            far = dx * dx + dy * dy
            second = np.minimum(second, np.maximum(first, far))
            first = np.minimum(first, far)
    return first, second
