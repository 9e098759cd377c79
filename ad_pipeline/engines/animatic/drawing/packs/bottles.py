"""Bottles: with a dropper, a pump, a spray, a cap."""

from __future__ import annotations

import cv2
import numpy as np

from ad_pipeline.engines.animatic.drawing.canvas import (
    Linear,
    Plane,
    mix,
    over,
    smoothstep,
    toward_luminance,
)
from ad_pipeline.engines.animatic.drawing.lathe import Part, View
from ad_pipeline.engines.animatic.drawing.packs.finish import WHITE, body, metal
from ad_pipeline.engines.animatic.drawing.products import Product, Spot
from ad_pipeline.engines.animatic.drawing.stage import Tones


def dropper(tones: Tones) -> Product:
    liquid = toward_luminance(mix(tones.accent, tones.primary, 0.35), 0.28)
    glass = mix(WHITE, tones.accent, 0.22)
    outline = ((0.0, 0.195), (0.44, 0.195), (0.50, 0.188), (0.56, 0.150), (0.60, 0.092), (0.625, 0.086))
    return Product(
        name="dropper bottle",
        half_width=0.196,
        spot=Spot(top=0.400, radius=0.195),
        parts=(
            Part(
                foot=0.0,
                top=0.625,
                outline=outline,
                material="glass",
                colour=glass,
                round_foot=0.05,
                fill=0.72,
                liquid=liquid,
            ),
            Part(
                foot=0.600,
                top=0.745,
                outline=((0.6, 0.122), (0.745, 0.120)),
                material="metal",
                colour=metal(tones),
                round_foot=0.006,
                round_top=0.010,
            ),
            Part(
                foot=0.735,
                top=1.0,
                outline=((0.735, 0.094), (0.78, 0.092), (0.93, 0.080), (1.0, 0.074)),
                material="rubber",
                colour=mix(WHITE, tones.background, 0.4)
                if not tones.dark
                else toward_luminance(tones.background, 0.02),
                round_foot=0.004,
                round_top=0.072,
            ),
        ),
    )


def pump(tones: Tones) -> Product:
    def nozzle(picture: Linear, alpha: Plane, view: View, found: Tones) -> None:
        _nozzle(picture, alpha, view, mix(WHITE, found.background, 0.3), y=0.945, length=0.20)

    outline = ((0.0, 0.170), (0.62, 0.170), (0.68, 0.158), (0.715, 0.115), (0.725, 0.09))
    return Product(
        name="pump bottle",
        half_width=0.19,
        spot=Spot(top=0.52, radius=0.170),
        parts=(
            Part(
                foot=0.0,
                top=0.725,
                outline=outline,
                material="gloss",
                colour=body(tones),
                round_foot=0.030,
                round_top=0.01,
            ),
            Part(
                foot=0.715,
                top=0.80,
                outline=((0.7, 0.086), (0.8, 0.086)),
                material="metal",
                colour=metal(tones),
                round_foot=0.004,
                round_top=0.008,
            ),
            Part(
                foot=0.80,
                top=0.90,
                outline=((0.8, 0.026), (0.9, 0.026)),
                material="gloss",
                colour=mix(WHITE, tones.background, 0.3),
            ),
            Part(
                foot=0.89,
                top=0.99,
                outline=((0.89, 0.070), (0.99, 0.064)),
                material="gloss",
                colour=mix(WHITE, tones.background, 0.3),
                round_foot=0.008,
                round_top=0.022,
            ),
        ),
        front=nozzle,
    )


def _nozzle(picture: Linear, alpha: Plane, view: View, colour: Linear, *, y: float, length: float) -> None:
    """The pump's beak, towards the light's far side."""
    side = -view.light_x
    outline = np.array(
        [
            (0.03, 0.030),
            (length * 0.9, 0.022),
            (length, 0.004),
            (length, -0.030),
            (length * 0.88, -0.030),
            (length * 0.84, -0.010),
            (0.03, -0.026),
        ],
        np.float32,
    )
    points = np.stack(
        [view.axis_x + side * outline[:, 0] * view.scale, view.foot_y - (y + outline[:, 1]) * view.scale], axis=1
    )
    mask = np.zeros(alpha.shape, np.uint8)
    cv2.fillPoly(mask, [np.round(points * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    cover = mask.astype(np.float32) / 255
    rows = (view.foot_y - np.arange(alpha.shape[0], dtype=np.float32)[:, None]) / view.scale - y
    shade = (0.62 + 0.36 * smoothstep(-0.03, 0.03, rows)) * np.ones_like(alpha)
    over(picture, colour * shade[..., None], cover)
    np.maximum(alpha, cover, out=alpha)


def spray(tones: Tones) -> Product:
    liquid = toward_luminance(mix(tones.accent, np.array([0.9, 0.62, 0.45], np.float32), 0.25), 0.42)
    return Product(
        name="spray bottle",
        half_width=0.245,
        spot=Spot(top=0.43, radius=0.24, width=0.7),
        parts=(
            Part(
                foot=0.0,
                top=0.64,
                outline=((0.0, 0.225), (0.3, 0.24), (0.58, 0.24), (0.64, 0.21)),
                material="glass",
                colour=mix(WHITE, tones.accent, 0.12),
                round_foot=0.035,
                round_top=0.05,
                fill=0.82,
                liquid=liquid,
            ),
            Part(
                foot=0.63,
                top=0.70,
                outline=((0.6, 0.092), (0.7, 0.092)),
                material="metal",
                colour=metal(tones),
                round_top=0.006,
                round_foot=0.002,
            ),
            Part(
                foot=0.70,
                top=1.0,
                outline=((0.7, 0.128), (1.0, 0.128)),
                material="gloss",
                colour=toward_luminance(
                    mix(tones.primary, tones.text if not tones.dark else tones.background, 0.3), 0.06
                ),
                round_foot=0.006,
                round_top=0.014,
            ),
        ),
    )


def bottle(tones: Tones) -> Product:
    body = ((0.0, 0.172), (0.64, 0.172), (0.70, 0.160), (0.76, 0.105), (0.79, 0.078))
    return Product(
        name="bottle",
        half_width=0.174,
        spot=Spot(top=0.54, radius=0.172),
        parts=(
            Part(
                foot=0.0,
                top=0.79,
                outline=body,
                material="frosted",
                colour=mix(WHITE, tones.accent, 0.5),
                round_foot=0.035,
                round_top=0.004,
                fill=0.86,
                liquid=toward_luminance(mix(tones.accent, tones.primary, 0.15), 0.42),
            ),
            Part(
                foot=0.785,
                top=1.0,
                outline=((0.78, 0.098), (1.0, 0.095)),
                material="gloss" if not tones.dark else "metal",
                colour=mix(WHITE, tones.background, 0.25) if not tones.dark else metal(tones),
                round_foot=0.004,
                round_top=0.016,
            ),
        ),
    )
