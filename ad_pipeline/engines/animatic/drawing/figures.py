"""Drawn figures for scenes about a person: line and cut paper, in brand colours; and a drop of serum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from ad_pipeline.engines.animatic.drawing.canvas import (
    Bytes,
    Linear,
    luminance,
    mix,
    over,
    smoothstep,
    to_srgb,
    toward_luminance,
)
from ad_pipeline.engines.animatic.drawing.shapes import Points, spline
from ad_pipeline.engines.animatic.drawing.stage import Tones

_WHITE = np.ones(3, np.float32)


@dataclass
class Sheet:
    """A square to draw on, -1..1 both ways; `flip` mirrors it."""

    picture: Linear
    alpha: Linear
    flip: float

    @classmethod
    def blank(cls, size_px: int, *, colour: Linear, flip: float) -> Sheet:
        picture = np.empty((size_px, size_px, 3), np.float32)
        picture[:] = colour
        return cls(picture=picture, alpha=np.zeros((size_px, size_px), np.float32), flip=flip)

    @property
    def size(self) -> int:
        return self.alpha.shape[0]

    def fill(self, outline: Points, colour: Linear, *, strength: float = 1.0, soft: float = 0.0) -> None:
        """Fill a closed outline; `soft` blurs its edge, in sheet units."""
        points = (outline * np.array([self.flip, 1], np.float32) * 0.5 + 0.5) * self.size
        mask = np.zeros(self.alpha.shape, np.uint8)
        cv2.fillPoly(mask, [np.round(points * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
        cover = mask.astype(np.float32) * np.float32(strength / 255)
        if soft:
            cover = np.asarray(cv2.GaussianBlur(cover, (0, 0), soft * self.size / 2), np.float32)
        self.lay(colour, cover)

    def lay(self, colour: Linear, cover: Linear) -> None:
        """Paint over what is there; where nothing is, the colour stands alone."""
        total = cover + self.alpha * (1 - cover)
        over(self.picture, colour, cover / np.maximum(total, 1e-4))
        self.alpha = total

    def stroke(self, points: Points, colour: Linear, *, width: float, taper: float = 0.5, closed: bool = False) -> None:
        """A brush line through `points`, thin at its ends."""
        line = spline(np.asarray(points, np.float32), steps=18, closed=closed)
        along = np.gradient(line, axis=0)
        normal = (
            np.stack([-along[:, 1], along[:, 0]], axis=1) / np.maximum(np.linalg.norm(along, axis=1), 1e-5)[:, None]
        )
        t = np.linspace(0, 1, len(line))
        half = (width / 2 * np.maximum(np.sin(np.pi * t), 0.02) ** taper)[:, None]
        self.fill(np.concatenate([line + normal * half, (line - normal * half)[::-1]]).astype(np.float32), colour)

    def bytes(self) -> Bytes:
        colours = np.clip(to_srgb(self.picture) + 0.5, 0, 255)
        return np.dstack([colours, np.clip(self.alpha, 0, 1) * 255 + 0.5]).astype(np.uint8)


def _blob(rng: np.random.Generator, cx: float, cy: float, radius: float, *, wobble: float = 0.14) -> Points:
    angles = np.linspace(0, 2 * np.pi, 9, endpoint=False)
    reach = radius * (1 + rng.uniform(-wobble, wobble, 9))
    return spline(
        np.stack([cx + reach * np.cos(angles), cy + reach * np.sin(angles)], 1).astype(np.float32), closed=True
    )


def _inks(tones: Tones) -> tuple[Linear, Linear, Linear]:
    """(line, large shape, small shape)."""
    if tones.dark:
        return mix(tones.accent, _WHITE, 0.35), mix(tones.primary, tones.background, 0.45), tones.primary
    line = toward_luminance(mix(tones.text, tones.primary, 0.35), 0.025)
    return line, mix(tones.accent, _WHITE, 0.35), mix(tones.primary, tones.accent, 0.45)


def eye(sheet: Sheet, tones: Tones, rng: np.random.Generator) -> None:
    """A closed eye with lashes and brow over a soft disc."""
    line, large, small = _inks(tones)
    sheet.fill(_blob(rng, -0.02, 0.06, 0.80), large, strength=0.85)
    sheet.fill(_blob(rng, 0.42, 0.46, 0.26), small, strength=0.45, soft=0.09)
    sheet.stroke(
        np.array([(-0.66, -0.36), (-0.34, -0.56), (0.06, -0.56), (0.44, -0.42), (0.64, -0.26)]),
        line,
        width=0.085,
        taper=0.8,
    )
    sheet.stroke(
        np.array([(-0.60, -0.06), (-0.34, -0.19), (0.0, -0.22), (0.34, -0.12), (0.54, 0.02)]), line, width=0.022
    )
    lid = np.array([(-0.66, 0.02), (-0.38, 0.17), (0.0, 0.23), (0.38, 0.15), (0.62, -0.02)], np.float32)
    sheet.stroke(lid, line, width=0.042, taper=0.4)
    curve = spline(lid, steps=18)
    for i in range(15):
        at = curve[int((i + 0.6) / 15.4 * (len(curve) - 1))]
        lean = (i / 14 - 0.42) * 0.95
        length = 0.15 + 0.07 * float(np.sin(np.pi * i / 14)) + 0.03 * i / 14
        tip = at + np.array([np.sin(lean) * length * 1.15, np.cos(lean) * length])
        middle = (at + tip) / 2 + np.array([lean * -0.02, 0.025])
        sheet.stroke(np.stack([at + np.array([0, -0.012]), middle, tip]), line, width=0.026, taper=0.75)


def profile(sheet: Sheet, tones: Tones, rng: np.random.Generator) -> None:
    """A woman's profile in one line, eye closed, over two paper shapes."""
    line, large, small = _inks(tones)
    sheet.fill(_blob(rng, 0.10, -0.06, 0.78), large, strength=0.9)
    sheet.fill(_blob(rng, 0.36, -0.52, 0.36), small, strength=0.55)
    face = np.array([
        (0.02, -0.92), (-0.20, -0.84), (-0.335, -0.66), (-0.365, -0.47), (-0.355, -0.33), (-0.40, -0.23), (-0.505,
        -0.065),
        (-0.515, -0.02), (-0.46, 0.012), (-0.405, 0.025), (-0.412, 0.075), (-0.465, 0.125), (-0.462, 0.162), (-0.418,
        0.185),
        (-0.455, 0.222), (-0.448, 0.268), (-0.395, 0.300), (-0.398, 0.345), (-0.418, 0.405), (-0.385, 0.475), (-0.29,
        0.505),
        (-0.14, 0.470), (0.02, 0.40), (0.06, 0.50), (0.07, 0.68), (0.00, 0.86), (-0.12, 0.97),
    ], np.float32)  # fmt: skip
    sheet.stroke(face, line, width=0.026, taper=0.22)
    sheet.stroke(np.array([(-0.465, 0.162), (-0.40, 0.178), (-0.335, 0.168)]), line, width=0.018)
    sheet.stroke(np.array([(-0.325, -0.245), (-0.255, -0.195), (-0.165, -0.195), (-0.095, -0.235)]), line, width=0.028)
    for x, y, dx in (
        (-0.305, -0.228, -0.075),
        (-0.262, -0.200, -0.062),
        (-0.212, -0.188, -0.040),
        (-0.160, -0.192, -0.012),
    ):
        sheet.stroke(np.array([(x, y), (x + dx * 0.5, y + 0.032), (x + dx, y + 0.072)]), line, width=0.016, taper=0.8)
    sheet.stroke(
        np.array([(-0.335, -0.385), (-0.24, -0.445), (-0.12, -0.435), (-0.03, -0.375)]), line, width=0.034, taper=0.8
    )
    sheet.stroke(
        np.array([(0.02, -0.92), (0.30, -0.86), (0.52, -0.62), (0.58, -0.30), (0.46, 0.02), (0.30, 0.22)]),
        line,
        width=0.026,
    )
    sheet.stroke(
        np.array([(-0.16, -0.80), (0.08, -0.62), (0.20, -0.36), (0.22, -0.10), (0.16, 0.10)]), line, width=0.020
    )
    sheet.stroke(
        np.array([(0.00, -0.86), (0.26, -0.64), (0.36, -0.34), (0.34, -0.02), (0.24, 0.16)]), line, width=0.014
    )
    sheet.stroke(
        np.array([(0.52, -0.58), (0.72, -0.62), (0.80, -0.44), (0.72, -0.26), (0.57, -0.28)]), line, width=0.022
    )
    sheet.stroke(
        np.array([(0.14, -0.10), (0.215, -0.14), (0.245, -0.06), (0.20, 0.05), (0.145, 0.085)]), line, width=0.018
    )
    sheet.stroke(np.array([(0.28, 0.20), (0.31, 0.46), (0.44, 0.66), (0.72, 0.80), (0.94, 0.86)]), line, width=0.024)


def lips(sheet: Sheet, tones: Tones, rng: np.random.Generator) -> None:
    """Lips, full and slightly open, in the brand's reddest tone."""
    _, large, _ = _inks(tones)
    sheet.fill(_blob(rng, 0.0, 0.0, 0.82), large, strength=0.8)
    red = np.array([0.62, 0.07, 0.10], np.float32)
    tint = mix(toward_luminance(tones.primary, 0.14), red, 0.55)
    upper = spline(np.array([(-0.70, 0.02), (-0.42, -0.17), (-0.15, -0.285), (0.0, -0.225), (0.15, -0.285), (0.42,
        -0.17),
                             (0.70, 0.02), (0.36, 0.035), (0.12, 0.03), (0.0, 0.05), (-0.12, 0.03), (-0.36, 0.035)],
        np.float32), closed=True)  # fmt: skip
    lower = spline(np.array([(-0.68, 0.03), (-0.36, 0.065), (0.0, 0.095), (0.36, 0.065), (0.68, 0.03), (0.44, 0.24),
                             (0.0, 0.385), (-0.44, 0.24)], np.float32), closed=True)  # fmt: skip
    sheet.fill(np.concatenate([upper * 0.97, lower * 0.97]), tint * 0.18)
    sheet.fill(upper, mix(tint, np.zeros(3, np.float32), 0.30))
    sheet.fill(lower, tint)
    sheet.fill(_ellipse(0.0, 0.325, 0.40, 0.06), tint * 0.45, strength=0.7, soft=0.045)
    sheet.fill(_ellipse(-0.16, 0.165, 0.20, 0.042), mix(tint, _WHITE, 0.75), strength=0.9, soft=0.022)
    sheet.fill(_ellipse(-0.20, 0.160, 0.10, 0.020), _WHITE, strength=0.95, soft=0.010)
    sheet.fill(_ellipse(0.20, 0.175, 0.07, 0.018), _WHITE, strength=0.6, soft=0.012)
    sheet.fill(_ellipse(-0.13, -0.195, 0.09, 0.016), mix(tint, _WHITE, 0.8), strength=0.7, soft=0.012)
    sheet.fill(_ellipse(0.13, -0.195, 0.07, 0.014), mix(tint, _WHITE, 0.7), strength=0.5, soft=0.012)


def _ellipse(cx: float, cy: float, rx: float, ry: float) -> Points:
    a = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    return np.stack([cx + rx * np.cos(a), cy + ry * np.sin(a)], 1).astype(np.float32)


def drop(sheet: Sheet, tones: Tones, rng: np.random.Generator) -> None:
    """One large drop of serum, clear and full, about to fall."""
    _, large, _ = _inks(tones)
    sheet.fill(_blob(rng, 0.0, 0.16, 0.74), large, strength=0.55, soft=0.10)
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
    over(picture, _WHITE, (smoothstep(0.45, 1.0, turn * 0.55 + t * 0.75) * depth * 0.45).astype(np.float32))
    edge = np.exp(-((np.abs(turn) - 0.94) ** 2) / 0.003) * 0.42
    over(picture, _WHITE, edge.astype(np.float32))
    picture *= (1 - 0.30 * smoothstep(0.96, 1.0, np.abs(turn)))[..., None]
    spark = np.exp(-((((turn + 0.48) / 0.13) ** 2) + ((t - 0.62) / 0.12) ** 2)) + 0.5 * np.exp(
        -(((turn + 0.40) / 0.07) ** 2 + ((t - 0.80) / 0.03) ** 2)
    )
    over(picture, _WHITE, np.clip(spark, 0, 1).astype(np.float32))
    sheet.lay(picture, cover.astype(np.float32))


FIGURES: dict[str, Callable[[Sheet, Tones, np.random.Generator], None]] = {
    "closed eye": eye, "profile": profile, "lips": lips, "drop": drop,
}  # fmt: skip

WORDS: dict[str, tuple[str, ...]] = {
    "closed eye": ("eye", "eyes", "lash", "gaze", "sleep", "눈가", "눈매", "눈을", "속눈썹", "잠", "수면"),
    "profile": ("woman", "man", "face", "person", "people", "model", "girl", "portrait", "profile", "cheek", "여성",
        "여자", "남성", "얼굴", "사람", "모델", "인물", "뺨", "볼", "표정"),
    "lips": ("lip", "lips", "smile", "mouth", "입술", "미소", "입가", "립"),
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
    sheet.fill(_ellipse(0, 0, 0.76, 0.76), mix(metal, _WHITE, 0.7))
    sheet.fill(_ellipse(0, 0, 0.725, 0.725), toward_luminance(mix(tones.primary, metal, 0.15), 0.10))
    tick = np.array(
        [(-0.34, 0.02), (-0.10, 0.27), (0.36, -0.27), (0.26, -0.36), (-0.11, 0.08), (-0.25, -0.07)], np.float32
    )
    sheet.fill(tick, _WHITE)
    return sheet.bytes()
