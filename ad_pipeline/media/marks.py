"""A logo or brand element from an image file, as a block that the cut can lay over the film."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from ad_pipeline.errors import MediaError
from ad_pipeline.media.typography import TextBlock
from ad_pipeline.values import Box


def image_block(path: Path, box: Box, *, corner: bool = False) -> TextBlock:
    """The picture as large as fits `box`, undistorted; in its bottom right corner or its middle.

    Raises:
        MediaError: no readable picture.
    """
    found = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED) if path.is_file() else None
    if found is None:
        raise MediaError("{path} is no readable picture", path=path.name)
    rgba = _premultiplied(found)
    scale = min(box.width_px / rgba.shape[1], box.height_px / rgba.shape[0])
    width, height = max(2, round(rgba.shape[1] * scale)), max(2, round(rgba.shape[0] * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    drawn = np.clip(cv2.resize(rgba, (width, height), interpolation=method), 0, 255)
    left = box.right_px - width if corner else box.left_px + (box.width_px - width) // 2
    top = box.bottom_px - height if corner else box.top_px + (box.height_px - height) // 2
    place = Box(left_px=left, top_px=top, right_px=left + width, bottom_px=top + height)
    return TextBlock(
        rgba=np.rint(drawn).astype(np.uint8), box=place, ink=place, lines=(), size_px=height // 2, colour=""
    )


def _premultiplied(picture: np.ndarray) -> np.ndarray:
    """RGBA float, colour times alpha, so that resizing leaves no fringe."""
    if picture.dtype == np.uint16:
        picture = (picture / 257).astype(np.uint8)
    if picture.ndim == 2:
        picture = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
    alpha = picture[..., 3:4] if picture.shape[2] == 4 else np.full((*picture.shape[:2], 1), 255, np.uint8)
    share = alpha.astype(np.float32) / 255
    return np.concatenate([picture[..., 2::-1].astype(np.float32) * share, alpha.astype(np.float32)], axis=2)
