"""The figures of scenes about a person, with the words that call for each; a drop of serum, a hand, and a seal."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from ad_pipeline.engines.animatic.drawing import faces
from ad_pipeline.engines.animatic.drawing.canvas import Bytes, luminance, mix, over, smoothstep, toward_luminance
from ad_pipeline.engines.animatic.drawing.shapes import spline
from ad_pipeline.engines.animatic.drawing.sheet import WHITE, Sheet, blob, ellipse, inks
from ad_pipeline.engines.animatic.drawing.stage import Tones


def drop(sheet: Sheet, tones: Tones, rng: np.random.Generator) -> None:
    """One large drop of serum, clear and full, about to fall."""
    _, large, _ = inks(tones)
    sheet.fill(blob(rng, 0.0, 0.16, 0.74), large, strength=0.55, soft=0.10)
    v, u = np.mgrid[0 : sheet.size, 0 : sheet.size].astype(np.float32) / sheet.size * 2 - 1
    top, bottom, radius = -0.82, 0.78, 0.52
    t = np.clip((v - top) / (bottom - top), 0, 1)
    half = radius * np.sin(np.pi * t**1.55) ** 1.0 * (0.52 + 0.48 * t) * 1.17
    half = np.maximum(half, 1e-4)
    cover = np.clip((half - np.abs(u)) * sheet.size / 2 * 0.8 + 0.5, 0, 1) * (half > 2e-3)
    turn = np.clip(u / half, -1, 1) * sheet.flip
    depth = np.sqrt(np.maximum(1 - turn * turn, 0))
    body = mix(tones.accent, tones.primary, 0.25)
    if luminance(body) < 0.2:
        body = toward_luminance(mix(tones.accent, tones.primary, 0.35), 0.22)
    light = 0.42 + 0.80 * smoothstep(-0.2, 1.0, turn * 0.7 + t * 0.8 - 0.1) - 0.34 * (1 - depth) * (1 - t)
    picture = body * light[..., None].astype(np.float32)
    over(picture, WHITE, (smoothstep(0.45, 1.0, turn * 0.55 + t * 0.75) * depth * 0.45).astype(np.float32))
    edge = np.exp(-((np.abs(turn) - 0.94) ** 2) / 0.003) * 0.42
    over(picture, WHITE, edge.astype(np.float32))
    picture *= (1 - 0.30 * smoothstep(0.96, 1.0, np.abs(turn)))[..., None]
    spark = np.exp(-((((turn + 0.48) / 0.13) ** 2) + ((t - 0.62) / 0.12) ** 2)) + 0.5 * np.exp(
        -(((turn + 0.40) / 0.07) ** 2 + ((t - 0.80) / 0.03) ** 2)
    )
    over(picture, WHITE, np.clip(spark, 0, 1).astype(np.float32))
    sheet.lay(picture, cover.astype(np.float32))


def hand(sheet: Sheet, tones: Tones, rng: np.random.Generator) -> None:
    """A hand held open below a falling drop."""
    line, large, small = inks(tones)
    sheet.fill(blob(rng, 0.02, -0.02, 0.80), large, strength=0.7)
    skin = (
        mix(np.array([0.86, 0.66, 0.55], np.float32), small, 0.30)
        if not tones.dark
        else mix(small, tones.highlight, 0.35)
    )
    behind = np.array([(0.20, 0.30), (0.42, 0.16), (0.54, -0.06), (0.59, -0.21), (0.66, -0.23), (0.71, -0.13),
                       (0.64, 0.14), (0.44, 0.40)], np.float32)  # fmt: skip
    palm = np.array([(-1.0, 0.32), (-0.72, 0.27), (-0.54, 0.16), (-0.40, -0.01), (-0.23, -0.13), (-0.13, -0.12),
                     (-0.13, -0.03), (-0.24, 0.12), (-0.18, 0.25), (0.06, 0.35), (0.30, 0.31), (0.51, 0.17),
                     (0.66, -0.03), (0.745, -0.15), (0.82, -0.15), (0.845, -0.05), (0.76, 0.18), (0.57, 0.41),
                     (0.28, 0.57), (-0.10, 0.62), (-0.50, 0.58), (-0.78, 0.61), (-1.0, 0.70)], np.float32)  # fmt: skip
    sheet.fill(spline(behind, closed=True), mix(skin, line, 0.16))
    sheet.stroke(behind[1:7], line, width=0.020, taper=0.3)
    sheet.fill(spline(palm, closed=True), skin)
    sheet.fill(ellipse(0.06, 0.44, 0.34, 0.06), mix(skin, line, 0.5), strength=0.25, soft=0.05)
    sheet.stroke(palm, line, width=0.026, taper=0.2)
    sheet.stroke(np.array([(-0.24, 0.12), (-0.34, 0.27), (-0.30, 0.42), (-0.16, 0.50)]), line, width=0.016)
    sheet.stroke(np.array([(0.47, 0.22), (0.52, 0.27), (0.53, 0.33)]), line, width=0.012)
    sheet.stroke(np.array([(0.66, 0.0), (0.70, 0.04), (0.71, 0.09)]), line, width=0.012)
    _falling(sheet, tones, cx=0.12, top=-0.56, size=0.30)


def _falling(sheet: Sheet, tones: Tones, *, cx: float, top: float, size: float) -> None:
    """A small drop with its glint."""
    body = mix(tones.accent, tones.primary, 0.45)
    outline = np.array([(0.0, 0.0), (0.20, 0.42), (0.34, 0.86), (0.26, 1.20), (0.0, 1.36), (-0.26, 1.20), (-0.34, 0.86),
                        (-0.20, 0.42)], np.float32) * size + np.array([cx, top], np.float32)  # fmt: skip
    sheet.fill(spline(outline, closed=True), body)
    sheet.fill(ellipse(cx + 0.02, top + size * 1.06, size * 0.20, size * 0.16), WHITE, strength=0.55, soft=0.03)
    sheet.fill(ellipse(cx - size * 0.14, top + size * 0.72, size * 0.05, size * 0.16), WHITE, strength=0.9, soft=0.006)


FIGURES: dict[str, Callable[[Sheet, Tones, np.random.Generator], None]] = {
    "closed eye": faces.eye, "painted eye": faces.painted_eye, "profile": faces.profile, "cheek": faces.cheek,
    "flowing hair": faces.flowing_hair, "lips": faces.lips, "dry lips": faces.dry_lips, "hand": hand, "drop": drop,
}  # fmt: skip

WORDS: dict[str, tuple[str, ...]] = {
    "closed eye": ("eye", "eyes", "closed eye", "lash", "gaze", "sleep", "눈가", "눈매", "눈을", "속눈썹",
        "잠", "수면"),
    "painted eye": ("painted eye", "coloured eyelid", "colored eyelid", "eyeshadow look", "eye make-up", "eye makeup",
        "눈화장", "아이 메이크업"),
    "profile": ("woman", "man", "face", "person", "people", "model", "girl", "portrait", "profile", "cheek", "여성",
        "여자", "남성", "얼굴", "사람", "모델", "인물", "뺨", "볼", "표정"),
    "cheek": ("flushed cheek", "blushing cheek", "rosy cheek", "blush on a cheek", "홍조", "혈색", "발그레"),
    "flowing hair": ("hair in the wind", "long hair", "hair in profile", "긴 머리", "머리를 날리"),
    "lips": ("lip", "lips", "glossy lip", "smile", "mouth", "입술", "미소", "입가", "립"),
    "dry lips": ("dry lip", "cracked lip", "chapped lip", "faded lip", "bare lip", "튼 입술", "갈라진 입술",
        "마른 입술", "건조한 입술"),
    "hand": ("hand", "palm", "fingertip", "손", "손바닥", "손끝"),
    "drop": ("serum drop", "single drop", "ampoule drop", "droplet falling", "한 방울", "앰플 방울"),
}  # fmt: skip


def draw_figure(name: str, *, size_px: int, tones: Tones, seed: int, flip: float) -> Bytes:
    """The figure on a transparent square (RGBA, straight alpha), drawn larger and reduced for clean edges."""
    drawn = min(size_px, 1100)
    sheet = Sheet.blank(drawn, colour=tones.wall, flip=flip)
    FIGURES[name](sheet, tones, np.random.default_rng((seed, 900)))
    rgba = sheet.bytes()
    if drawn == size_px:
        return rgba
    return np.asarray(cv2.resize(rgba, (size_px, size_px), interpolation=cv2.INTER_AREA), np.uint8)


def draw_badge(*, size_px: int, tones: Tones) -> Bytes:
    """A seal with a tick, without any words: the claim itself is set by the cut."""
    metal = (
        np.array([0.80, 0.58, 0.28], np.float32)
        if float(tones.accent[0]) > float(tones.accent[2])
        else mix(tones.primary, tones.accent, 0.3)
    )
    sheet = Sheet.blank(size_px, colour=metal, flip=1)
    a = np.linspace(0, 2 * np.pi, 360, endpoint=False)
    reach = 0.90 + 0.035 * np.cos(a * 24)
    edge = np.stack([reach * np.cos(a), reach * np.sin(a)], 1).astype(np.float32)
    sheet.fill(edge * 0.96 + np.array([0, 0.05], np.float32), tones.shade, strength=0.45, soft=0.03)
    sheet.fill(edge, metal)
    v, u = np.mgrid[0:size_px, 0:size_px].astype(np.float32) / size_px * 2 - 1
    sheen = 0.72 + 0.5 * np.abs(np.sin((u + v) * 1.9 + 0.5))
    sheet.picture *= sheen[..., None].astype(np.float32)
    sheet.fill(ellipse(0, 0, 0.76, 0.76), mix(metal, WHITE, 0.7))
    sheet.fill(ellipse(0, 0, 0.725, 0.725), toward_luminance(mix(tones.primary, metal, 0.15), 0.10))
    tick = np.array(
        [(-0.34, 0.02), (-0.10, 0.27), (0.36, -0.27), (0.26, -0.36), (-0.11, 0.08), (-0.25, -0.07)], np.float32
    )
    sheet.fill(tick, WHITE)
    return sheet.bytes()
