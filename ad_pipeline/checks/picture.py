"""Is a key image as promised: a readable picture of the right size, with something on it?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from ad_pipeline.checks.verdict import Verdict
from ad_pipeline.errors import MediaError
from ad_pipeline.values import Size

LOWEST_CONTRAST = 6.0
"""Standard deviation of luma; a flat colour has 0, the calmest studio shot about 12."""


def check_image(path: Path, *, size: Size) -> tuple[Verdict, ...]:
    """Size, 8-bit RGB, not empty.

    Raises:
        MediaError: no image that can be read to its end.
    """
    try:
        with Image.open(path) as image:
            mode, form = image.mode, image.format or "?"
            got = Size(width_px=image.width, height_px=image.height)
            luma = np.asarray(image.convert("L").resize((64, 64), Image.Resampling.BOX), np.float32)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, SyntaxError) as error:
        raise MediaError("cannot read {path}: {reason}", path=path.name, reason=str(error)) from error
    contrast = float(luma.std())
    return (
        Verdict(name="size", passed=got == size, measured=str(got), limit=str(size)),
        Verdict(name="format", passed=(form, mode) == ("PNG", "RGB"), measured=f"{form} {mode}", limit="PNG RGB"),
        Verdict(
            name="not_empty",
            passed=contrast >= LOWEST_CONTRAST,
            measured=f"contrast {contrast:.1f}",
            limit=f"at least {LOWEST_CONTRAST:g}",
        ),
    )
