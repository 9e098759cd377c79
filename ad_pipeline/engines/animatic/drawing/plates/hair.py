"""Plates of hair: strands that flow, and strands that do not."""

from __future__ import annotations

import cv2
import numpy as np

from ad_pipeline.engines.animatic.drawing.canvas import Linear, Plane, mix, over, smoothstep
from ad_pipeline.engines.animatic.drawing.relief import ramp
from ad_pipeline.engines.animatic.drawing.stage import Stage

_BROWN = np.array([0.105, 0.048, 0.026], np.float32)


def hair(stage: Stage) -> Linear:
    """Combed hair in long waves, a band of light across it."""
    return _hair(stage, tangled=False)


def tangled_hair(stage: Stage) -> Linear:
    """Dull hair: crossing strands, loose ends, no band of light."""
    return _hair(stage, tangled=True)


def _hair(stage: Stage, *, tangled: bool) -> Linear:
    lean = 0.30 * stage.light_x
    across = stage.x * np.float32(np.cos(lean)) + stage.y * np.float32(np.sin(lean))
    along = stage.y * np.float32(np.cos(lean)) - stage.x * np.float32(np.sin(lean))
    # The waves run along the hair and hardly across it, or its lines would close into the grain of wood.
    wave = (
        84 * np.sin(along / 290 + stage.light_x) + 30 * np.sin(along / 131 + 2.0) + across * 0.06 * np.sin(along / 420)
    )
    swing = wave.astype(np.float32) + stage.noise(1, size=1500, octaves=1) * 26
    if tangled:
        swing = swing + 24 * np.sin(along / 61 + stage.noise(2, size=420, octaves=1) * 2.2).astype(np.float32)
    flow = across + swing
    strand = _strands(stage, flow, along, salt=3, width=3.2)
    lock = np.sin(flow / 58 + np.sin(flow / 23) * 0.6 + along / 900).astype(np.float32)
    depth = 0.5 + 0.24 * lock + 0.20 * strand
    deep, mid = _BROWN * np.float32(0.28), mix(_BROWN, stage.tones.primary, 0.03)
    light = mix(_BROWN * np.float32(3.4), stage.tones.accent, 0.08)
    picture = ramp(depth * (0.86 if tangled else 1.0), deep, mid, mix(mid, light, 0.45), light)
    if tangled:
        ash = mix(light, np.full(3, 0.35, np.float32), 0.5)
        for i, turn in enumerate((0.34, -0.42, 0.75)):
            crossing = flow * np.float32(np.cos(turn)) + along * np.float32(np.sin(turn))
            loose = _strands(stage, crossing, along, salt=20 + i, width=8.0)
            over(picture, ash, smoothstep(1.5, 2.2, loose) * 0.55)
        return picture
    reach = stage.frame_height / stage.unit
    for place, width, strength in ((-0.20, 90.0, 0.85), (0.24, 60.0, 0.45)):
        far = (along + lock * 38 + strand * 16 - np.float32(place * reach)) / np.float32(width)
        band = cv2.exp(-far * far) * (0.35 + 0.65 * smoothstep(-0.4, 1.4, strand))
        over(picture, mix(light, stage.tones.highlight, 0.55), np.clip(band * strength, 0, 1).astype(np.float32))
    return picture


def _strands(stage: Stage, flow: Plane, along: Plane, *, salt: int, width: float) -> Plane:
    """Fine lines that follow `flow`, spread about 1; they drift slowly, so no strand runs dead straight."""
    row = stage.rng(salt).standard_normal(1024).astype(np.float32)
    place = flow / np.float32(max(width, 1.7 / stage.unit)) + np.sin(along / 310).astype(np.float32) * 2
    whole = np.floor(place)
    part = (place - whole).astype(np.float32)
    first = whole.astype(np.int32) & 1023
    return row[first] * (1 - part) + row[(first + 1) & 1023] * part
