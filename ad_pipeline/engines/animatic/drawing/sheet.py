"""A square to draw figures on, with a brush and a pair of scissors; and the inks of a brand."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ad_pipeline.engines.animatic.drawing.canvas import Bytes, Linear, mix, over, to_srgb, toward_luminance
from ad_pipeline.engines.animatic.drawing.shapes import Points, spline
from ad_pipeline.engines.animatic.drawing.stage import Tones

WHITE = np.ones(3, np.float32)


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


def blob(rng: np.random.Generator, cx: float, cy: float, radius: float, *, wobble: float = 0.14) -> Points:
    angles = np.linspace(0, 2 * np.pi, 9, endpoint=False)
    reach = radius * (1 + rng.uniform(-wobble, wobble, 9))
    return spline(
        np.stack([cx + reach * np.cos(angles), cy + reach * np.sin(angles)], 1).astype(np.float32), closed=True
    )


def inks(tones: Tones) -> tuple[Linear, Linear, Linear]:
    """(line, large shape, small shape)."""
    if tones.dark:
        return mix(tones.accent, WHITE, 0.35), mix(tones.primary, tones.background, 0.45), tones.primary
    line = toward_luminance(mix(tones.text, tones.primary, 0.35), 0.025)
    return line, mix(tones.accent, WHITE, 0.35), mix(tones.primary, tones.accent, 0.45)


def ellipse(cx: float, cy: float, rx: float, ry: float) -> Points:
    a = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    return np.stack([cx + rx * np.cos(a), cy + ry * np.sin(a)], 1).astype(np.float32)
