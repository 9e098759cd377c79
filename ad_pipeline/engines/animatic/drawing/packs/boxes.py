"""The folding box, for whatever has no drawn shape of its own."""

from __future__ import annotations

import cv2
import numpy as np

from ad_pipeline.engines.animatic.drawing.canvas import (
    Linear,
    Plane,
    over,
)
from ad_pipeline.engines.animatic.drawing.lathe import View
from ad_pipeline.engines.animatic.drawing.packs.finish import body
from ad_pipeline.engines.animatic.drawing.products import Product, Spot
from ad_pipeline.engines.animatic.drawing.stage import Tones


def carton(tones: Tones) -> Product:
    """A folding box, for whatever has no drawn shape of its own."""

    def box(picture: Linear, alpha: Plane, view: View, found: Tones) -> None:
        side = -view.light_x
        front = np.array([(-0.30, 0), (0.22, 0), (0.22, 0.93), (-0.30, 0.93)], np.float32)
        flank = np.array([(0.22, 0), (0.36, 0.035), (0.36, 0.955), (0.22, 0.93)], np.float32)
        lid = np.array([(-0.30, 0.93), (0.22, 0.93), (0.36, 0.955), (-0.14, 0.955)], np.float32)
        colour = body(found)
        for outline, light in ((front, 0.95), (flank, 0.46), (lid, 1.22)):
            points = np.stack(
                [view.axis_x + side * outline[:, 0] * view.scale, view.foot_y - outline[:, 1] * view.scale], axis=1
            )
            mask = np.zeros(alpha.shape, np.uint8)
            cv2.fillPoly(mask, [np.round(points * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
            cover = mask.astype(np.float32) / 255
            x = (np.arange(alpha.shape[1], dtype=np.float32)[None, :] - view.axis_x) / view.scale
            rows = (view.foot_y - np.arange(alpha.shape[0], dtype=np.float32)[:, None]) / view.scale
            fall = light * (0.84 + 0.22 * rows - 0.12 * x * side)
            over(picture, colour * fall[..., None].astype(np.float32), cover)
            np.maximum(alpha, cover, out=alpha)

    return Product(
        name="carton",
        half_width=0.37,
        spot=Spot(top=0.66, radius=9.0, width=0.0242, tallest=0.4, aside=0.04),
        parts=(),
        behind=box,
    )
