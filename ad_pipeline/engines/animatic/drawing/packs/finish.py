"""What packs are made of: the brand's metal and the colour of its bodies."""

from __future__ import annotations

import numpy as np

from ad_pipeline.engines.animatic.drawing.canvas import Linear, luminance, mix, toward_luminance
from ad_pipeline.engines.animatic.drawing.stage import Tones

GOLD = np.array([0.86, 0.62, 0.33], np.float32)
SILVER = np.array([0.74, 0.75, 0.78], np.float32)
WHITE = np.ones(3, np.float32)


def metal(tones: Tones) -> Linear:
    warm = float(tones.accent[0]) > float(tones.accent[2]) * 1.05
    return GOLD if warm else SILVER


def body(tones: Tones) -> Linear:
    """The pack's colour: light and near the brand, dark where the brand is dark."""
    if tones.dark:
        return mix(toward_luminance(tones.primary, 0.045), tones.surface, 0.35)
    return toward_luminance(mix(tones.accent, tones.primary, 0.12), max(0.30, luminance(tones.accent) * 0.8))
