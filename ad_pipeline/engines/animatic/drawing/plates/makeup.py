"""Plates of make-up itself: colour drawn out with a finger or a brush, very near."""

from __future__ import annotations

from collections.abc import Sequence

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
from ad_pipeline.engines.animatic.drawing.stage import Stage

_WHITE = np.ones(3, np.float32)
_RED = np.array([0.60, 0.05, 0.08], np.float32)
_SKIN = np.array([0.66, 0.42, 0.29], np.float32)


def lip_swatch(stage: Stage) -> Linear:
    """Lip colour drawn out in wet strokes."""
    lip = mix(toward_luminance(stage.tones.primary, 0.13), _RED, 0.6)
    return _smeared(stage, (lip, mix(lip, stage.tones.accent, 0.35), lip * np.float32(0.62)), gloss=0.75)


def base_swatch(stage: Stage) -> Linear:
    """Foundation drawn out in three shades of skin."""
    base = mix(_SKIN, stage.tones.accent, 0.10)
    return _smeared(stage, (base, mix(base, _WHITE, 0.32), base * np.float32(0.62)), gloss=0.32)


def swatch(stage: Stage) -> Linear:
    """The brand's own colours drawn out side by side."""
    tones = stage.tones
    first = toward_luminance(tones.primary, max(0.16, luminance(tones.primary)))
    second = mix(tones.accent, tones.primary, 0.25)
    return _smeared(stage, (first, second, mix(first, _WHITE, 0.45)), gloss=0.4)


def powder(stage: Stage) -> Linear:
    """Pressed powder swept with a brush: soft edges, crumbs, no shine."""
    tones = stage.tones
    first = toward_luminance(tones.primary, max(0.18, luminance(tones.primary)))
    rose = mix(first, np.array([0.85, 0.30, 0.26], np.float32), 0.35)
    return _smeared(stage, (rose, mix(tones.accent, rose, 0.35), mix(rose, _WHITE, 0.5)), gloss=0.0)


def _smeared(stage: Stage, hues: Sequence[Linear], *, gloss: float) -> Linear:
    """Strokes of `hues` across a clean ground; without `gloss` they are powder and crumble at their edges."""
    tones = stage.tones
    ground = mix(tones.wall, tones.highlight, 0.45) if not tones.dark else mix(tones.surface, tones.wall, 0.5)
    picture = np.empty((stage.height, stage.width, 3), np.float32)
    picture[:] = ground
    picture *= (0.70 + 0.36 * smoothstep(-800, 800, stage.x * stage.light_x - stage.y * 0.8))[..., None]
    cx, cy = stage.foot[0], stage.foot[1] - stage.stature * 0.5
    lean = 0.52 * -stage.light_x
    across = (stage.x - cx) * np.float32(np.sin(lean)) + (stage.y - cy) * np.float32(np.cos(lean))
    along = (stage.x - cx) * np.float32(np.cos(lean)) - (stage.y - cy) * np.float32(np.sin(lean))
    bend = stage.noise(1, size=700, octaves=2) * 26
    bristle = _bristles(stage, across + bend, along)
    crumb = stage.noise(4, size=13, octaves=2) if gloss == 0 else np.zeros_like(bristle)
    rng = stage.rng(2)
    for place, hue in zip((-320.0, 330.0, 0.0), (hues[1], hues[2], hues[0]), strict=True):
        half, reach = 138 + float(rng.uniform(-16, 26)), 560 + float(rng.uniform(-60, 120))
        shift = float(rng.uniform(-110, 110))
        _stroke(
            stage, picture, across + bend - np.float32(place), along - np.float32(shift), bristle, crumb,
            hue=hue, half=half, reach=reach, gloss=gloss,
        )  # fmt: skip
    over(
        picture, tones.highlight, glow(stage, stage.light_x * 420, -stage.frame_height / stage.unit / 2, 500, 420) * 0.2
    )
    return picture


def _bristles(stage: Stage, across: Plane, along: Plane) -> Plane:
    """Fine furrows along the strokes, as a finger or a brush leaves them."""
    rng = stage.rng(3)
    row = rng.standard_normal(512).astype(np.float32)
    row = np.convolve(np.concatenate([row, row[:8]]), np.hanning(7) / 2.2, mode="same")[:512].astype(np.float32)
    place = across / 7.0 + stage.noise(5, size=420, octaves=2) * 1.1 + along * 0.0012
    whole = np.floor(place)
    part = (place - whole).astype(np.float32)
    first = whole.astype(np.int32) & 511
    return row[first] * (1 - part) + row[(first + 1) & 511] * part


def _stroke(
    stage: Stage, picture: Linear, across: Plane, along: Plane, bristle: Plane, crumb: Plane,
    *, hue: Linear, half: float, reach: float, gloss: float,
) -> None:  # fmt: skip
    ragged = bristle * (34 if gloss else 60) + crumb * 16
    side = np.abs(across) - half + bristle * 4 + crumb * 16
    end = np.abs(along) - reach + ragged * smoothstep(0.2, 1, np.abs(along) / reach)
    soft = 2.0 if gloss else 26.0
    cover = (1 - smoothstep(-soft, soft, side)) * (1 - smoothstep(-soft, soft, end))
    if not gloss:
        cover = cover * (0.74 + 0.26 * smoothstep(-0.7, 0.5, crumb + bristle * 0.5))
    # Colour gathers in a rim where the stroke was pressed aside, and thins out in its middle.
    rim = np.exp(-((np.minimum(-side, 90) / 30 - 0.7) ** 2)) * (7.0 if gloss else 0.0)
    height = (rim + bristle * (2.0 if gloss else 1.0) + crumb * 1.0) * np.float32(stage.unit)
    diffuse, spec = lit(blurred(height.astype(np.float32), 1.3 * stage.unit), stage, gloss=30)
    shadow = blurred(cover.astype(np.float32), 7 * stage.unit)
    picture *= (1 - 0.22 * shadow * (1 - cover))[..., None]
    tone = ramp(diffuse * 1.05 - 0.04, hue * np.float32(0.35), hue * np.float32(0.8), hue, mix(hue, _WHITE, 0.35))
    over(picture, tone, cover.astype(np.float32))
    if gloss:
        over(picture, _WHITE, np.clip(spec * gloss * cover, 0, 1).astype(np.float32))
