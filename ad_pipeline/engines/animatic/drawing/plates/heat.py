"""The plate of a hot day: a sun that one cannot look at."""

from __future__ import annotations

import cv2
import numpy as np

from ad_pipeline.engines.animatic.drawing.canvas import Linear, mix, over, smoothstep
from ad_pipeline.engines.animatic.drawing.relief import ramp
from ad_pipeline.engines.animatic.drawing.shapes import ellipse, glow
from ad_pipeline.engines.animatic.drawing.stage import Stage

_AMBER = np.array([0.98, 0.56, 0.22], np.float32)


def glare(stage: Stage) -> Linear:
    """A bleached noon sky, its sun too large, the road below shimmering."""
    tones = stage.tones
    reach = stage.frame_height / stage.unit
    sun_x, sun_y = stage.light_x * 205, -reach * 0.16
    far = cv2.sqrt((stage.x - sun_x) ** 2 + (stage.y - sun_y) ** 2)
    sky = mix(np.array([0.93, 0.80, 0.60], np.float32), tones.accent, 0.22)
    hot = mix(_AMBER, tones.accent, 0.12)
    picture = ramp(1 - cv2.exp(-far / 620), np.array([1.0, 0.95, 0.80], np.float32), sky, mix(hot, sky, 0.45), hot)
    horizon = reach * 0.30
    shimmer = stage.noise(1, size=90, octaves=3, stretch=(1.0, 0.12))
    edge = smoothstep(-7, 7, stage.y - horizon + shimmer * 13)
    depth = np.clip((stage.y - horizon) / (reach * 0.3), 0, 1)
    road = ramp(depth, mix(hot, sky, 0.6), mix(hot, tones.primary, 0.18) * 0.62, mix(hot, tones.primary, 0.30) * 0.34)
    mirage = cv2.exp(-(((stage.y - horizon - 46) / 30) ** 2)) * smoothstep(0.1, 1.0, shimmer)
    over(road, np.array([1.0, 0.93, 0.78], np.float32), mirage.astype(np.float32) * 0.7)
    over(picture, road, edge)
    turn = np.arctan2(stage.y - sun_y, stage.x - sun_x).astype(np.float32)
    spikes = np.abs(np.cos(turn * 8)) ** 60 + 0.6 * np.abs(np.cos(turn * 5 + 0.6)) ** 90
    over(picture, np.ones(3, np.float32), np.clip(spikes * cv2.exp(-far / 260) * 0.5, 0, 1).astype(np.float32))
    over(picture, np.array([1.0, 0.97, 0.88], np.float32), glow(stage, sun_x, sun_y, 330, 330) * 0.75)
    over(picture, np.ones(3, np.float32), ellipse(stage, sun_x, sun_y, 118, 118, soft=16))
    for i, share in enumerate((0.55, 0.95, 1.45)):
        ring = ellipse(stage, sun_x * (1 - share * 1.5), sun_y + share * 330, 30 + 26 * i, 30 + 26 * i, soft=3)
        over(picture, mix(hot, np.ones(3, np.float32), 0.6), ring * 0.26)
    return picture
