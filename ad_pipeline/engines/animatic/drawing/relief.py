"""Surfaces from height maps: folds, swirls and stone get their light from their slope."""

from __future__ import annotations

import cv2
import numpy as np

from ad_pipeline.engines.animatic.drawing.canvas import Linear, Plane, strips
from ad_pipeline.engines.animatic.drawing.stage import Stage


def ramp(t: Plane, *colours: Linear) -> Linear:
    """`t` (0..1) as a colour between `colours`, evenly spaced, the first at 0."""
    places = np.linspace(0, 1, len(colours))
    steps = np.linspace(0, 1, 1024)
    table = np.stack([np.interp(steps, places, [c[i] for c in colours]) for i in range(3)], axis=1).astype(np.float32)
    picture = np.empty((*t.shape, 3), np.float32)
    for strip in strips(t):
        steps = (np.clip(t[strip], 0, 1) * 1023).astype(np.uint16)
        table.take(steps, axis=0, out=picture[strip], mode="clip")
    return picture


def slopes(height: Plane) -> tuple[Plane, Plane]:
    """How `height` rises to the right and downwards, per pixel."""
    return (
        np.asarray(cv2.Scharr(height, cv2.CV_32F, 1, 0, scale=1 / 32), np.float32),
        np.asarray(cv2.Scharr(height, cv2.CV_32F, 0, 1, scale=1 / 32), np.float32),
    )


def lit(height: Plane, stage: Stage, *, gloss: float) -> tuple[Plane, Plane]:
    """(diffuse 0..1, specular 0..1) of a surface; `height` in drawing pixels, `gloss` the highlight's sharpness."""
    dx, dy = slopes(height)
    light = np.array([0.62 * stage.light_x, -0.55, 0.56], np.float32)
    light /= np.float32(np.linalg.norm(light))
    half = light + np.array([0, 0, 1], np.float32)
    half /= np.float32(np.linalg.norm(half))
    for strip in strips(height):
        rise_x, rise_y = dx[strip], dy[strip]
        norm = 1 / cv2.sqrt(rise_x * rise_x + rise_y * rise_y + 1)
        diffuse = np.clip((-rise_x * light[0] - rise_y * light[1] + light[2]) * norm, 0, 1)
        towards = np.clip((-rise_x * half[0] - rise_y * half[1] + half[2]) * norm, 0, 1)
        dx[strip], dy[strip] = diffuse, cv2.pow(towards, gloss)
    return dx, dy
