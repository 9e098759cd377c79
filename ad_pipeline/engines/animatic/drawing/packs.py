"""The packs that can be drawn, each turned from a few parts, and the words that call for them."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from ad_pipeline.engines.animatic.drawing.canvas import (
    Linear,
    Plane,
    luminance,
    mix,
    over,
    smoothstep,
    toward_luminance,
)
from ad_pipeline.engines.animatic.drawing.lathe import Part, View, studio
from ad_pipeline.engines.animatic.drawing.products import Product, Spot
from ad_pipeline.engines.animatic.drawing.stage import Tones

_GOLD = np.array([0.86, 0.62, 0.33], np.float32)
_SILVER = np.array([0.74, 0.75, 0.78], np.float32)
_WHITE = np.ones(3, np.float32)


def _metal(tones: Tones) -> Linear:
    warm = float(tones.accent[0]) > float(tones.accent[2]) * 1.05
    return _GOLD if warm else _SILVER


def _body(tones: Tones) -> Linear:
    """The pack's colour: light and near the brand, dark where the brand is dark."""
    if tones.dark:
        return mix(toward_luminance(tones.primary, 0.045), tones.surface, 0.35)
    return toward_luminance(mix(tones.accent, tones.primary, 0.12), max(0.30, luminance(tones.accent) * 0.8))


def dropper(tones: Tones) -> Product:
    liquid = toward_luminance(mix(tones.accent, tones.primary, 0.35), 0.28)
    glass = mix(_WHITE, tones.accent, 0.22)
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
                colour=_metal(tones),
                round_foot=0.006,
                round_top=0.010,
            ),
            Part(
                foot=0.735,
                top=1.0,
                outline=((0.735, 0.094), (0.78, 0.092), (0.93, 0.080), (1.0, 0.074)),
                material="rubber",
                colour=mix(_WHITE, tones.background, 0.4)
                if not tones.dark
                else toward_luminance(tones.background, 0.02),
                round_foot=0.004,
                round_top=0.072,
            ),
        ),
    )


def pump(tones: Tones) -> Product:
    def nozzle(picture: Linear, alpha: Plane, view: View, found: Tones) -> None:
        _nozzle(picture, alpha, view, mix(_WHITE, found.background, 0.3), y=0.945, length=0.20)

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
                colour=_body(tones),
                round_foot=0.030,
                round_top=0.01,
            ),
            Part(
                foot=0.715,
                top=0.80,
                outline=((0.7, 0.086), (0.8, 0.086)),
                material="metal",
                colour=_metal(tones),
                round_foot=0.004,
                round_top=0.008,
            ),
            Part(
                foot=0.80,
                top=0.90,
                outline=((0.8, 0.026), (0.9, 0.026)),
                material="gloss",
                colour=mix(_WHITE, tones.background, 0.3),
            ),
            Part(
                foot=0.89,
                top=0.99,
                outline=((0.89, 0.070), (0.99, 0.064)),
                material="gloss",
                colour=mix(_WHITE, tones.background, 0.3),
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


def jar(tones: Tones) -> Product:
    cream = mix(_WHITE, tones.accent, 0.30)
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
                colour=mix(_WHITE, tones.accent, 0.45),
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
                colour=_metal(tones),
                round_foot=0.004,
                round_top=0.004,
            ),
            Part(
                foot=0.64,
                top=1.0,
                outline=((0.64, 0.648), (1.0, 0.645)),
                material="gloss" if not tones.dark else "metal",
                colour=_body(tones) if not tones.dark else _metal(tones),
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

    body = ((0.15, 0.150), (0.22, 0.168), (0.60, 0.183), (1.0, 0.196))
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
                colour=mix(_WHITE, tones.background, 0.2) if not tones.dark else _metal(tones),
                round_foot=0.012,
                round_top=0.004,
            ),
            Part(
                foot=0.157, top=1.0, outline=body, material="matte", colour=_body(tones), round_foot=0.01, round_top=0.0
            ),
        ),
        front=crimp,
    )


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
                colour=_metal(tones),
                round_foot=0.002,
                round_top=0.010,
            ),
            Part(
                foot=0.575,
                top=0.69,
                outline=((0.5, 0.098), (0.7, 0.098)),
                material="metal",
                colour=_metal(tones),
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
    def lid(picture: Linear, alpha: Plane, view: View, found: Tones) -> None:
        x = (np.arange(alpha.shape[1], dtype=np.float32)[None, :] - view.axis_x) / view.scale
        y = (view.foot_y - np.arange(alpha.shape[0], dtype=np.float32)[:, None]) / view.scale - 0.55
        far = np.sqrt((x / 0.47) ** 2 + (y / 0.445) ** 2).astype(np.float32)
        case = np.clip((1 - far) * 0.445 * view.scale + 0.5, 0, 1)
        light = studio(np.clip(x / 0.47, -1, 1) + 0 * y, light_x=view.light_x, soft=0.1)
        over(picture, _body(found) * (0.5 + 0.6 * light)[..., None], case)
        ring = np.clip((0.955 - far) * 0.445 * view.scale + 0.5, 0, 1)
        over(picture, _metal(found) * (0.5 + 0.8 * light)[..., None], ring)
        glass = np.clip((0.925 - far) * 0.445 * view.scale + 0.5, 0, 1)
        sheen = smoothstep(-0.05, 0.06, np.sin((x * 0.8 + y) * 5.2 + 0.6).astype(np.float32)) * 0.16
        tone = mix(found.wall, _WHITE, 0.35) if not found.dark else mix(found.accent, found.primary, 0.25)
        over(picture, tone * (0.58 + 0.30 * (y + 0.45) + sheen)[..., None].astype(np.float32), glass)
        np.maximum(alpha, case, out=alpha)

    def pad(picture: Linear, alpha: Plane, view: View, found: Tones) -> None:
        x = (np.arange(alpha.shape[1], dtype=np.float32)[None, :] - view.axis_x) / view.scale
        y = (view.foot_y - np.arange(alpha.shape[0], dtype=np.float32)[:, None]) / view.scale - 0.158
        powder = mix(np.array([0.80, 0.60, 0.47], np.float32), found.accent, 0.10)
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
                colour=_body(tones),
                round_foot=0.035,
                round_top=0.010,
            ),
            Part(
                foot=0.128,
                top=0.160,
                outline=((0.1, 0.47), (0.17, 0.47)),
                material="metal",
                colour=_metal(tones),
                round_foot=0.0,
                round_top=0.004,
            ),
        ),
        behind=lid,
        front=pad,
    )


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
                colour=mix(_WHITE, tones.accent, 0.12),
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
                colour=_metal(tones),
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
                colour=mix(_WHITE, tones.accent, 0.5),
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
                colour=mix(_WHITE, tones.background, 0.25) if not tones.dark else _metal(tones),
                round_foot=0.004,
                round_top=0.016,
            ),
        ),
    )


def carton(tones: Tones) -> Product:
    """A folding box, for whatever has no drawn shape of its own."""

    def box(picture: Linear, alpha: Plane, view: View, found: Tones) -> None:
        side = -view.light_x
        front = np.array([(-0.30, 0), (0.22, 0), (0.22, 0.93), (-0.30, 0.93)], np.float32)
        flank = np.array([(0.22, 0), (0.36, 0.035), (0.36, 0.955), (0.22, 0.93)], np.float32)
        lid = np.array([(-0.30, 0.93), (0.22, 0.93), (0.36, 0.955), (-0.14, 0.955)], np.float32)
        colour = _body(found)
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
        name="carton", half_width=0.37, spot=Spot(top=0.66, radius=9.0, width=0.0242, tallest=0.4), parts=(), behind=box
    )


BUILDERS: dict[str, Callable[[Tones], Product]] = {
    "dropper bottle": dropper,
    "pump bottle": pump,
    "jar": jar,
    "tube": tube,
    "lipstick": lipstick,
    "compact": compact,
    "spray bottle": spray,
    "bottle": bottle,
    "carton": carton,
}

WORDS: dict[str, tuple[str, ...]] = {
    "lipstick": ("lipstick", "lip tint", "rouge", "lip", "tint", "립스틱", "틴트", "루즈", "립"),
    "compact": (
        "cushion",
        "compact",
        "powder",
        "foundation",
        "pact",
        "blush",
        "blusher",
        "cheek",
        "highlighter",
        "eyeshadow",
        "palette",
        "쿠션",
        "팩트",
        "파우더",
        "파운데이션",
        "블러셔",
        "블러쉬",
        "치크",
        "하이라이터",
        "섀도",
        "팔레트",
        "비비",
    ),
    "tube": (
        "tube",
        "cleanser",
        "cleansing foam",
        "sunscreen",
        "sun cream",
        "sunblock",
        "hand cream",
        "bb cream",
        "toothpaste",
        "mascara primer",
        "튜브",
        "클렌저",
        "클렌징",
        "선크림",
        "선블록",
        "핸드크림",
        "치약",
    ),
    "spray bottle": (
        "perfume",
        "fragrance",
        "eau de",
        "spray",
        "mist",
        "cologne",
        "향수",
        "스프레이",
        "미스트",
        "퍼퓸",
    ),
    "dropper bottle": (
        "dropper",
        "ampoule",
        "serum",
        "essence",
        "oil",
        "앰플",
        "세럼",
        "에센스",
        "오일",
        "스포이드",
        "스포이트",
    ),
    "jar": (
        "jar",
        "sleeping mask",
        "mask",
        "cream",
        "balm",
        "butter",
        "pack",
        "마스크",
        "크림",
        "밤",
        "수면팩",
        "자음생",
    ),
    "pump bottle": (
        "pump",
        "lotion",
        "emulsion",
        "shampoo",
        "body wash",
        "conditioner",
        "로션",
        "에멀전",
        "샴푸",
        "바디워시",
        "린스",
        "펌프",
    ),
    "bottle": (
        "bottle",
        "toner",
        "skin",
        "water",
        "drink",
        "juice",
        "coffee",
        "beer",
        "토너",
        "스킨",
        "병",
        "음료",
        "주스",
        "커피",
        "워터",
    ),
}
