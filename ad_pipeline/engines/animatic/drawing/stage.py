"""Where a picture happens: its size, where things stand, the light and the brand's colours."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from ad_pipeline.engines.animatic.drawing.canvas import Linear, Plane, linear_of, luminance, mix, toward_luminance
from ad_pipeline.story.brand_kit import Palette

Light = Literal["soft", "hard", "rim", "rays"]
Camera = Literal["wide", "close", "top", "macro"]


@dataclass(frozen=True, kw_only=True)
class Tones:
    """The brand's palette in linear light, and what scenes derive from it."""

    background: Linear
    surface: Linear
    primary: Linear
    accent: Linear
    text: Linear
    dark: bool

    @classmethod
    def of(cls, palette: Palette, *, night: bool = False) -> Tones:
        """The palette's tones; `night` turns to the deep end of the same hues."""
        found = {
            name: linear_of(getattr(palette, name)) for name in ("background", "surface", "primary", "accent", "text")
        }
        if night:
            primary = found["primary"]
            found["background"] = toward_luminance(primary, min(0.05, luminance(primary)))
            found["surface"] = toward_luminance(primary, 0.10)
        return cls(**found, dark=luminance(found["background"]) < 0.18)

    @property
    def wall(self) -> Linear:
        """The backdrop: the background with more of the brand in it, and room for light above it."""
        mixed = mix(self.background, self.primary, 0.10) if self.dark else mix(self.background, self.accent, 0.36)
        return toward_luminance(mixed, min(luminance(mixed), 0.60))

    @property
    def hue(self) -> Linear:
        """The brand's hue at full strength: what shadows lean to, so that they do not turn grey."""
        return self.primary / max(float(self.primary.max()), 1e-4)

    @property
    def shade(self) -> Linear:
        """A deep tone of the brand for shadows: never plain black."""
        return toward_luminance(mix(self.primary, self.text, 0.5), 0.02)

    @property
    def highlight(self) -> Linear:
        """Nearly white, a little warm or cool as the brand is."""
        return (
            mix(np.ones(3, np.float32), self.accent, 0.75)
            if self.dark
            else mix(np.ones(3, np.float32), self.background, 0.15)
        )


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One plate's geometry, in the drawing's own pixels (which may be fewer than the film's).

    `frame` is what the film shows; around it lies the overscan that motion uses. `foot` is where
    the subject stands, `subject_height` how tall it is, `tilt` how far the camera looks down
    (0 eye level, 1 from above). `light_x` is -1 for light from the left, 1 from the right.
    """

    width: int
    height: int
    frame_left: float
    frame_top: float
    frame_width: float
    frame_height: float
    foot_x: float
    foot_y: float
    subject_height: float
    subject_width: float
    tones: Tones
    light: Light = "soft"
    camera: Camera = "close"
    light_x: float = -1.0
    seed: int = 0
    tilt: float = 0.2
    bare: bool = False
    """Nothing to stand on is drawn: the subject is no product."""

    @property
    def unit(self) -> float:
        """A thousandth of the frame's shorter side: sizes of drawn things are given in it."""
        return min(self.frame_width, self.frame_height) / 1000

    @functools.cached_property
    def x(self) -> Plane:
        """Per pixel: units from the frame's middle, to the right."""
        row = (np.arange(self.width, dtype=np.float32) - self.frame_left - self.frame_width / 2) / self.unit
        return np.broadcast_to(row[None, :], (self.height, self.width))

    @functools.cached_property
    def y(self) -> Plane:
        """Per pixel: units from the frame's middle, downwards."""
        column = (np.arange(self.height, dtype=np.float32) - self.frame_top - self.frame_height / 2) / self.unit
        return np.broadcast_to(column[:, None], (self.height, self.width))

    @property
    def foot(self) -> tuple[float, float]:
        """Where the subject stands, in the units of `x` and `y`."""
        return (
            (self.foot_x - self.frame_left - self.frame_width / 2) / self.unit,
            (self.foot_y - self.frame_top - self.frame_height / 2) / self.unit,
        )

    @property
    def stature(self) -> float:
        """How tall the subject is, in units."""
        return self.subject_height / self.unit

    def rng(self, salt: int) -> np.random.Generator:
        """A stream of its own for each thing drawn, so that one more thing moves no other."""
        return np.random.default_rng((self.seed, salt))

    def noise(self, salt: int, *, size: float, octaves: int = 4, stretch: tuple[float, float] = (1, 1)) -> Plane:
        """Smooth noise, mean about 0, spread about 1; `size` is its largest feature in units."""
        rng = self.rng(salt)
        total = np.zeros((self.height, self.width), np.float32)
        weight, norm = 1.0, 0.0
        for _ in range(octaves):
            cell = max(size * self.unit, 1.5)
            columns = max(4, int(self.width / cell / stretch[0]) + 3)
            rows = max(4, int(self.height / cell / stretch[1]) + 3)
            seeds = rng.standard_normal((rows, columns)).astype(np.float32)
            if weight > 0.02:
                total += cv2.resize(seeds, (self.width, self.height), interpolation=cv2.INTER_CUBIC) * np.float32(
                    weight
                )
            norm += weight * weight
            weight, size = weight * 0.5, size / 2
        return total * np.float32(1.35 / norm**0.5)


def warped(picture: npt.NDArray[np.float32], dx: Plane, dy: Plane) -> npt.NDArray[np.float32]:
    """`picture` read at places moved by `dx`, `dy` pixels."""
    height, width = picture.shape[:2]
    xs = np.arange(width, dtype=np.float32)[None, :] + dx
    ys = np.arange(height, dtype=np.float32)[:, None] + dy
    return np.asarray(cv2.remap(picture, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101), np.float32)
