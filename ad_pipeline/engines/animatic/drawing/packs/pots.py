"""Jars, tubes and pouches."""

from __future__ import annotations

import numpy as np

from ad_pipeline.engines.animatic.drawing.canvas import (
    Linear,
    Plane,
    mix,
    over,
    smoothstep,
)
from ad_pipeline.engines.animatic.drawing.lathe import Part, View
from ad_pipeline.engines.animatic.drawing.packs.finish import WHITE, body, metal
from ad_pipeline.engines.animatic.drawing.products import Product, Spot
from ad_pipeline.engines.animatic.drawing.stage import Tones


def jar(tones: Tones) -> Product:
    cream = mix(WHITE, tones.accent, 0.30)
    return Product(
        name="jar",
        half_width=0.655,
        spot=Spot(top=0.46, radius=0.62, width=0.70, tallest=0.34),
        tilt=0.16,
        parts=(
            Part(
                foot=0.0,
                top=0.60,
                outline=((0.0, 0.60), (0.3, 0.635), (0.60, 0.635)),
                material="frosted",
                colour=mix(WHITE, tones.accent, 0.45),
                round_foot=0.12,
                round_top=0.04,
                fill=0.9,
                liquid=cream,
            ),
            Part(
                foot=0.600,
                top=0.645,
                outline=((0.6, 0.655), (0.645, 0.655)),
                material="metal",
                colour=metal(tones),
                round_foot=0.004,
                round_top=0.004,
            ),
            Part(
                foot=0.64,
                top=1.0,
                outline=((0.64, 0.648), (1.0, 0.645)),
                material="gloss" if not tones.dark else "metal",
                colour=body(tones) if not tones.dark else metal(tones),
                round_foot=0.015,
                round_top=0.045,
            ),
        ),
    )


def tube(tones: Tones) -> Product:
    def crimp(picture: Linear, alpha: Plane, view: View, found: Tones) -> None:
        rows = (view.foot_y - np.arange(alpha.shape[0], dtype=np.float32)[:, None]) / view.scale
        columns = np.arange(alpha.shape[1], dtype=np.float32)[None, :]
        band = smoothstep(0.945, 0.950, rows) * np.ones_like(columns) * alpha
        ribs = 0.84 + 0.12 * np.sin(columns / view.scale * 420)
        picture *= (1 - band + band * ribs)[..., None].astype(np.float32)
        line = smoothstep(0.006, 0.001, np.abs(rows - 0.945)) * np.ones_like(columns) * alpha
        picture *= (1 - 0.22 * line)[..., None].astype(np.float32)

    sides = ((0.15, 0.150), (0.22, 0.168), (0.60, 0.183), (1.0, 0.196))
    return Product(
        name="tube",
        half_width=0.20,
        spot=Spot(top=0.74, radius=0.19, width=0.72),
        tilt=0.03,
        parts=(
            Part(
                foot=0.0,
                top=0.155,
                outline=((0.0, 0.150), (0.155, 0.152)),
                material="gloss" if not tones.dark else "metal",
                colour=mix(WHITE, tones.background, 0.2) if not tones.dark else metal(tones),
                round_foot=0.012,
                round_top=0.004,
            ),
            Part(
                foot=0.157, top=1.0, outline=sides, material="matte", colour=body(tones), round_foot=0.01, round_top=0.0
            ),
        ),
        front=crimp,
    )


def sachet(tones: Tones) -> Product:
    """A flat pouch, crimped above and below, as sheet masks come in."""

    foil = body(tones)

    def pouch(picture: Linear, alpha: Plane, view: View, found: Tones) -> None:
        x = (np.arange(alpha.shape[1], dtype=np.float32)[None, :] - view.axis_x) / view.scale
        y = (view.foot_y - np.arange(alpha.shape[0], dtype=np.float32)[:, None]) / view.scale
        # The sides draw in a little where the pouch is full.
        half = 0.365 - 0.010 * np.sin(np.pi * np.clip(y, 0, 1)) + 0 * x
        inside = np.minimum(half - np.abs(x), np.minimum(y, 1.0 - y))
        cover = np.clip(inside * view.scale + 0.5, 0, 1).astype(np.float32)
        across, up = x / 0.365, y * 2 - 1
        swell = np.sqrt(np.clip(1 - across**2 * 0.9, 0, 1)) * np.sqrt(np.clip(1 - up**4, 0, 1))
        fold = 0.05 * np.sin(across * 5 + up * 3) * np.abs(up) ** 3 + 0.04 * np.sin(up * 9 + across * 2) * across**2
        light = 0.50 + 0.34 * swell + 0.26 * across * view.light_x + 0.12 * up + fold
        band = np.exp(-(((across * view.light_x - 0.52 + 0.06 * up) / 0.10) ** 2)) * 0.30 * swell
        colour = foil
        over(picture, colour * np.clip(light, 0.1, 1.3)[..., None].astype(np.float32), cover)
        over(picture, WHITE, (band * cover).astype(np.float32))
        seam = smoothstep(0.072, 0.066, np.minimum(y, 1.0 - y) + 0 * x)
        ridges = 0.5 + 0.5 * np.sin(y * 520) + 0 * x
        over(picture, colour * (0.62 + 0.42 * ridges)[..., None].astype(np.float32), (seam * cover).astype(np.float32))
        np.maximum(alpha, cover, out=alpha)

    return Product(
        name="sachet",
        half_width=0.375,
        spot=Spot(top=0.70, radius=9.0, width=0.028, tallest=0.34),
        parts=(),
        behind=pouch,
    )
