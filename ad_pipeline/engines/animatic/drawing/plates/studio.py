"""Plates built in a studio: gradient, podium, paper, mirror."""

from __future__ import annotations

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
from ad_pipeline.engines.animatic.drawing.shapes import drum, ellipse, glow, room, rounded
from ad_pipeline.engines.animatic.drawing.stage import Stage


def gradient(stage: Stage) -> Linear:
    """Two brand tones melting into each other, with one pool of light behind the subject."""
    tones = stage.tones
    deep = mix(tones.wall, tones.primary, 0.30 if not tones.dark else 0.55)
    soft = stage.noise(1, size=900, octaves=2) * 0.16
    along = (stage.y * 0.75 + stage.x * 0.45 * -stage.light_x) / (stage.frame_height / stage.unit) + 0.5 + soft
    picture = tones.wall + (deep - tones.wall) * smoothstep(0.05, 1.05, along)[..., None]
    pool = glow(stage, stage.foot[0], stage.foot[1] - stage.stature * 0.5, 420, max(300, stage.stature * 0.75))
    over(picture, mix(tones.wall, tones.highlight, 0.75 if not tones.dark else 0.30), pool * 0.6)
    second = glow(stage, stage.light_x * 420, -stage.frame_height / stage.unit * 0.30, 360, 420)
    over(picture, mix(tones.wall, tones.accent, 0.7), second * 0.35)
    return picture.astype(np.float32)


def podium(stage: Stage) -> Linear:
    """A photographer's set: a sweep, an arch behind, a stepped drum below the product."""
    tones = stage.tones
    wall = mix(tones.wall, tones.primary, 0.06)
    floor = mix(tones.wall, tones.primary, 0.14)
    horizon = stage.foot[1] + stage.stature * 0.12
    picture = room(stage, wall=wall, floor=floor, horizon=horizon, blend=90)
    rx = max(stage.stature * 0.46, stage.subject_width / stage.unit * 0.85)
    rx = min(rx, 430)
    arch_x = stage.foot[0] - stage.light_x * rx * 0.22
    rise = max(stage.stature * 1.16, rx * 1.55)
    half = min(rx * 1.02, rise * 0.62)
    arch = rounded(stage, (arch_x - half, stage.foot[1] - rise, arch_x + half, horizon + half), half)
    arch *= 1 - smoothstep(horizon - 6, horizon + 6, stage.y)
    behind = blurred(np.roll(arch, int(-stage.light_x * 26 * stage.unit), axis=1), 26 * stage.unit)
    picture *= (1 - 0.30 * behind * (1 - arch))[..., None]
    face = mix(tones.wall, tones.accent, 0.42) if not tones.dark else mix(tones.surface, tones.primary, 0.45)
    lean = 0.72 + 0.34 * smoothstep(-500, 500, stage.x * stage.light_x) + 0.10 * smoothstep(500, -500, stage.y)
    over(picture, face * lean[..., None], arch)
    stone = toward_luminance(mix(tones.wall, tones.surface, 0.25), 0.66 if not tones.dark else 0.10)
    drum(stage, picture, colour=mix(stone, tones.primary, 0.08), rx=rx * 1.42, height=70, drop=64)
    drum(stage, picture, colour=stone, rx=rx * 1.02, height=62)
    return picture


def paper(stage: Stage) -> Linear:
    """Cut paper in layers: brand tones stepping from far to near, each with its own shadow."""
    tones = stage.tones
    reach = stage.frame_height / stage.unit
    steps = 6
    far, near = mix(tones.wall, tones.highlight, 0.5), mix(tones.accent, tones.primary, 0.35)
    picture = np.empty((stage.height, stage.width, 3), np.float32)
    picture[:] = far
    sun_y = stage.foot[1] - stage.stature * 0.62
    sun = ellipse(
        stage, stage.foot[0] + stage.light_x * 30, sun_y, max(240, stage.stature * 0.44), max(240, stage.stature * 0.44)
    )
    picture *= (1 - 0.22 * blurred(np.roll(sun, int(14 * stage.unit), axis=0), 14 * stage.unit))[..., None]
    over(picture, mix(far, tones.accent, 0.45), sun)
    fibre = stage.noise(7, size=7, octaves=2, stretch=(2.2, 1)) * 0.014
    for i in range(steps):
        share = i / (steps - 1)
        base = stage.foot[1] - stage.stature * 0.30 + (reach * 0.5 - stage.foot[1] + stage.stature * 0.3) * share**1.15
        wave = stage.noise(20 + i, size=620 - 60 * i, octaves=1, stretch=(1, 40)) * (58 + 14 * i)
        cut = smoothstep(-1.6, 1.6, stage.y - base - wave)
        shadow = blurred(
            np.roll(cut, (int(-16 * stage.unit), int(-stage.light_x * 8 * stage.unit)), axis=(0, 1)), 15 * stage.unit
        )
        picture *= (1 - 0.34 * shadow * (1 - cut))[..., None]
        tone = mix(far, near, 0.12 + 0.88 * share) if not tones.dark else mix(tones.surface, tones.primary, share * 0.8)
        over(picture, tone * (1 - 0.10 * smoothstep(base, base + 420, stage.y))[..., None], cut)
    picture *= (1 + fibre)[..., None]
    return picture


def mirror(stage: Stage) -> Linear:
    """A vanity: an arched mirror in brand metal, its glass holding the room's light."""
    tones = stage.tones
    horizon = stage.foot[1] - stage.stature * 0.06
    picture = room(stage, wall=tones.wall, floor=mix(tones.surface, tones.accent, 0.30), horizon=horizon, blend=3)
    half = min(400.0, max(250.0, stage.stature * 0.46))
    box = (stage.foot[0] - half, stage.foot[1] - stage.stature * 1.30, stage.foot[0] + half, horizon + 200)
    frame = rounded(stage, box, half) * (1 - smoothstep(horizon - 2, horizon + 2, stage.y))
    inner_box = (box[0] + 16, box[1] + 16, box[2] - 16, box[3])
    glass = rounded(stage, inner_box, half - 16) * (1 - smoothstep(horizon - 2, horizon + 2, stage.y))
    shadow = blurred(np.roll(frame, int(-stage.light_x * 30 * stage.unit), axis=1), 30 * stage.unit)
    picture *= (1 - 0.34 * shadow * (1 - smoothstep(horizon - 2, horizon + 2, stage.y)))[..., None]
    metal = mix(tones.accent, np.array([0.75, 0.55, 0.30], np.float32), 0.5)
    stripe = 0.55 + 0.75 * np.abs(np.sin(stage.x / 130 + stage.y / 400))
    over(picture, metal * stripe[..., None].astype(np.float32), frame)
    diagonal = (stage.x * 0.8 - stage.y * 0.6 * stage.light_x) / 300 + stage.noise(3, size=800, octaves=2) * 0.25
    sheen = smoothstep(0.1, 0.9, np.abs(np.sin(diagonal.astype(np.float32))))
    inside = mix(tones.wall, tones.accent, 0.30)
    over(picture, inside * (0.62 + 0.42 * sheen)[..., None], glass)
    if luminance(tones.wall) < 0.18:
        picture *= np.float32(1.2)
    return picture
