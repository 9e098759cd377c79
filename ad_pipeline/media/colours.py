"""Colours as people see them: hex to numbers, luminance, contrast."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEGIBLE = 4.5
"""WCAG 2 contrast of text that everyone can read."""


def rgb_of(colour: str) -> tuple[int, int, int]:
    """`#7C4D3A` as (124, 77, 58)."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def luminance(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Relative luminance 0..1 of sRGB samples (... x 3)."""
    linear = _LINEAR[rgb]
    return np.asarray(0.2126 * linear[..., 0] + 0.7152 * linear[..., 1] + 0.0722 * linear[..., 2], np.float32)


def luminance_of(colour: str) -> float:
    """Relative luminance of a hex colour."""
    return float(luminance(np.array(rgb_of(colour), np.uint8)))


def contrast_ratio(a: str, b: str) -> float:
    """WCAG contrast of two hex colours: 1 to 21."""
    return contrast_of_luminances(luminance_of(a), luminance_of(b))


def contrast_of_luminances(a: float, b: float) -> float:
    """WCAG contrast of two relative luminances."""
    return (max(a, b) + 0.05) / (min(a, b) + 0.05)


def _linear_table() -> NDArray[np.float32]:
    steps = np.arange(256) / 255
    return np.where(steps <= 0.04045, steps / 12.92, ((steps + 0.055) / 1.055) ** 2.4).astype(np.float32)


_LINEAR = _linear_table()
