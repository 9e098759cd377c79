"""Packs of make-up: lipstick and tint, compacts, a palette."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ad_pipeline.engines.animatic.drawing.canvas import (
    Linear,
    Plane,
    mix,
    over,
    smoothstep,
    toward_luminance,
)
from ad_pipeline.engines.animatic.drawing.lathe import Part, View, studio
from ad_pipeline.engines.animatic.drawing.packs.finish import WHITE, body, metal
from ad_pipeline.engines.animatic.drawing.products import Product, Spot
from ad_pipeline.engines.animatic.drawing.stage import Tones

_SKIN = np.array([0.80, 0.60, 0.47], np.float32)


def lipstick(tones: Tones) -> Product:
    case = toward_luminance(mix(tones.primary, tones.text if not tones.dark else tones.background, 0.5), 0.03)
    bullet = toward_luminance(mix(tones.primary, np.array([0.70, 0.05, 0.09], np.float32), 0.80), 0.13)
    return Product(
        name="lipstick",
        half_width=0.135,
        spot=Spot(top=0.34, radius=0.133, width=0.74, tallest=0.22),
        parts=(
            Part(
                foot=0.0,
                top=0.44,
                outline=((0.0, 0.133), (0.44, 0.133)),
                material="gloss",
                colour=case,
                round_foot=0.008,
                round_top=0.012,
            ),
            Part(
                foot=0.435,
                top=0.58,
                outline=((0.4, 0.116), (0.6, 0.116)),
                material="metal",
                colour=metal(tones),
                round_foot=0.002,
                round_top=0.010,
            ),
            Part(
                foot=0.575,
                top=0.69,
                outline=((0.5, 0.098), (0.7, 0.098)),
                material="metal",
                colour=metal(tones),
                round_foot=0.0,
                round_top=0.006,
            ),
            Part(
                foot=0.675,
                top=1.0,
                outline=((0.6, 0.086), (0.86, 0.086), (1.0, 0.078)),
                material="rubber",
                colour=bullet,
                round_foot=0.0,
                round_top=0.04,
                slant=0.75,
            ),
        ),
    )


def compact(tones: Tones) -> Product:
    """An open cushion: its mirror stands behind the pad."""
    return _compact(mix(_SKIN, tones.accent, 0.10), tones)


def blusher(tones: Tones) -> Product:
    """The same case with a blusher's rose in its pan."""
    rose = mix(np.array([0.88, 0.30, 0.28], np.float32), tones.primary, 0.22)
    return replace(_compact(mix(rose, WHITE, 0.25), tones), name="blusher")


def _compact(powder: Linear, tones: Tones) -> Product:
    def lid(picture: Linear, alpha: Plane, view: View, found: Tones) -> None:
        x = (np.arange(alpha.shape[1], dtype=np.float32)[None, :] - view.axis_x) / view.scale
        y = (view.foot_y - np.arange(alpha.shape[0], dtype=np.float32)[:, None]) / view.scale - 0.55
        far = np.sqrt((x / 0.47) ** 2 + (y / 0.445) ** 2).astype(np.float32)
        case = np.clip((1 - far) * 0.445 * view.scale + 0.5, 0, 1)
        light = studio(np.clip(x / 0.47, -1, 1) + 0 * y, light_x=view.light_x, soft=0.1)
        over(picture, body(found) * (0.5 + 0.6 * light)[..., None], case)
        ring = np.clip((0.955 - far) * 0.445 * view.scale + 0.5, 0, 1)
        over(picture, metal(found) * (0.5 + 0.8 * light)[..., None], ring)
        glass = np.clip((0.925 - far) * 0.445 * view.scale + 0.5, 0, 1)
        sheen = smoothstep(-0.05, 0.06, np.sin((x * 0.8 + y) * 5.2 + 0.6).astype(np.float32)) * 0.16
        tone = mix(found.wall, WHITE, 0.35) if not found.dark else mix(found.accent, found.primary, 0.25)
        over(picture, tone * (0.58 + 0.30 * (y + 0.45) + sheen)[..., None].astype(np.float32), glass)
        np.maximum(alpha, case, out=alpha)

    def pad(picture: Linear, alpha: Plane, view: View, found: Tones) -> None:
        x = (np.arange(alpha.shape[1], dtype=np.float32)[None, :] - view.axis_x) / view.scale
        y = (view.foot_y - np.arange(alpha.shape[0], dtype=np.float32)[:, None]) / view.scale - 0.158
        well = np.sqrt((x / 0.395) ** 2 + (y / (0.395 * view.tilt)) ** 2)
        over(
            picture,
            powder * np.float32(0.42),
            np.clip((1.04 - well) * 0.395 * view.tilt * view.scale + 0.5, 0, 1).astype(np.float32),
        )
        tone = 0.86 + 0.14 * x / 0.4 * view.light_x - 0.4 * y
        fill = np.clip((0.985 - well) * 0.395 * view.tilt * view.scale + 0.5, 0, 1)
        over(picture, powder * tone[..., None].astype(np.float32), fill.astype(np.float32))

    return Product(
        name="compact",
        half_width=0.505,
        spot=Spot(top=0.085, radius=0.50, width=0.42, tallest=0.08),
        tilt=0.30,
        parts=(
            Part(
                foot=0.0,
                top=0.135,
                outline=((0.0, 0.475), (0.05, 0.50), (0.135, 0.50)),
                material="gloss",
                colour=body(tones),
                round_foot=0.035,
                round_top=0.010,
            ),
            Part(
                foot=0.128,
                top=0.160,
                outline=((0.1, 0.47), (0.17, 0.47)),
                material="metal",
                colour=metal(tones),
                round_foot=0.0,
                round_top=0.004,
            ),
        ),
        behind=lid,
        front=pad,
    )


def tint(tones: Tones) -> Product:
    """A clear tube of lip colour under a long cap."""
    red = mix(toward_luminance(tones.primary, 0.14), np.array([0.66, 0.05, 0.10], np.float32), 0.55)
    cap = body(tones) if not tones.dark else toward_luminance(tones.primary, 0.02)
    return Product(
        name="lip tint",
        half_width=0.112,
        spot=Spot(top=0.40, radius=0.110, width=0.62, tallest=0.24),
        parts=(
            Part(
                foot=0.0, top=0.50, outline=((0.0, 0.110), (0.44, 0.110), (0.47, 0.100), (0.50, 0.070)),
                material="glass", colour=mix(WHITE, red, 0.25), round_foot=0.024, fill=0.93, liquid=red,
            ),
            Part(
                foot=0.485, top=0.535, outline=((0.48, 0.094), (0.54, 0.094)), material="metal", colour=metal(tones),
                round_foot=0.004, round_top=0.004,
            ),
            Part(
                foot=0.53, top=1.0, outline=((0.53, 0.100), (1.0, 0.092)), material="gloss", colour=cap,
                round_foot=0.006, round_top=0.030,
            ),
        ),
    )  # fmt: skip


def palette(tones: Tones) -> Product:
    """An open palette, seen from above: a mirror, and eight shades of the brand below it."""

    def case(picture: Linear, alpha: Plane, view: View, found: Tones) -> None:
        shell = toward_luminance(mix(found.primary, found.accent, 0.35), 0.22 if not found.dark else 0.03)
        for top, bottom in ((1.0, 0.515), (0.495, 0.0)):
            _tile(picture, alpha, view, (-0.66, bottom, 0.66, top), shell, radius=0.055, rise=0.5)
        rim = metal(found)
        _tile(picture, alpha, view, (-0.06, 0.488, 0.06, 0.522), rim, radius=0.012, rise=0.3)
        glass = mix(found.wall, WHITE, 0.35) if not found.dark else mix(found.accent, found.primary, 0.25)
        _tile(picture, alpha, view, (-0.60, 0.565, 0.60, 0.95), glass, radius=0.03, rise=0.35, sheen=0.22)
        for place, shade in enumerate(_shades(found)):
            left, top = -0.60 + 0.305 * (place % 4), 0.455 - 0.222 * (place // 4)
            well = (left, top - 0.195, left + 0.285, top)
            _tile(picture, alpha, view, well, shade * np.float32(0.45), radius=0.022, rise=0.0)
            inner = (left + 0.010, top - 0.190, left + 0.278, top - 0.012)
            _tile(picture, alpha, view, inner, shade, radius=0.018, rise=0.24, grain=0.05 if place % 3 else 0.14)

    return Product(
        name="palette",
        half_width=0.68,
        spot=Spot(top=0.86, radius=11.0, width=0.030, tallest=0.20),
        parts=(),
        behind=case,
    )


def _shades(tones: Tones) -> list[Linear]:
    """From pale to deep through the brand's colours, with a warm neighbour and a cool one of each."""
    strong = toward_luminance(tones.primary, 0.22)
    peach, lilac = np.array([0.90, 0.46, 0.30], np.float32), np.array([0.52, 0.36, 0.74], np.float32)
    sky = np.array([0.34, 0.58, 0.86], np.float32)
    pale = mix(tones.accent, WHITE, 0.45)
    return [
        pale, mix(tones.accent, peach, 0.45), mix(strong, peach, 0.35), strong,
        mix(sky, WHITE, 0.35), mix(lilac, WHITE, 0.25), mix(strong, lilac, 0.5), strong * np.float32(0.40),
    ]  # fmt: skip


def _tile(
    picture: Linear, alpha: Plane, view: View, box: tuple[float, float, float, float], colour: Linear,
    *, radius: float, rise: float, sheen: float = 0.0, grain: float = 0.0,
) -> None:  # fmt: skip
    """A flat box (left, bottom, right, top) with round corners; `rise` is how much its tone climbs to the light."""
    left, bottom, right, top = box
    x = (np.arange(alpha.shape[1], dtype=np.float32)[None, :] - view.axis_x) / view.scale
    y = (view.foot_y - np.arange(alpha.shape[0], dtype=np.float32)[:, None]) / view.scale
    dx = np.abs(x - (left + right) / 2) - (right - left) / 2 + radius
    dy = np.abs(y - (bottom + top) / 2) - (top - bottom) / 2 + radius
    away = np.sqrt(np.maximum(dx, 0) ** 2 + np.maximum(dy, 0) ** 2) + np.minimum(np.maximum(dx, dy), 0)
    cover = np.clip((radius - away) * view.scale + 0.5, 0, 1).astype(np.float32)
    slope = (x - (left + right) / 2) / (right - left) * view.light_x + (y - (bottom + top) / 2) / (top - bottom)
    tone = 0.88 + rise * 0.5 * slope
    if sheen:
        tone = tone + sheen * smoothstep(-0.04, 0.05, np.sin(((x * 0.8 + y) * 5.0 + 0.4).astype(np.float32)))
    if grain:
        tone = tone + grain * np.random.default_rng(3).standard_normal(tone.shape).astype(np.float32)
    edge = np.clip(1 - np.abs(radius - away) * view.scale / 2.0, 0, 1) * 0.35 * smoothstep(-0.2, 0.6, slope)
    over(picture, colour * np.maximum(tone, 0.05)[..., None].astype(np.float32), cover)
    over(picture, WHITE, (edge * cover).astype(np.float32))
    np.maximum(alpha, cover, out=alpha)
