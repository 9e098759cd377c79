"""Small pictures that show a clip, a sound or a frame at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ad_pipeline.errors import MediaError
from ad_pipeline.media.encode import explained, read_planes, rgb_from_planes
from ad_pipeline.media.probe import probe
from ad_pipeline.media.sound import read_sound
from ad_pipeline.media.typography import TextBlock

_JPEG_QUALITY = 86
_INK, _GROUND, _MIDDLE = (38, 70, 83), (250, 248, 245), (220, 214, 206)


def contact_sheet(clip: Path, target: Path, *, columns: int = 5, width_px: int = 900) -> None:
    """`columns` frames of a film side by side, evenly spread from the first to the last.

    Raises:
        MediaError: no film that can be read.
    """
    picture = probe(clip).picture
    if picture is None:
        raise MediaError("{path} holds no picture", path=clip.name)
    cell_width = width_px // columns
    cell = (cell_width, max(1, round(cell_width * picture.size.height_px / picture.size.width_px)))
    last = picture.frames - 1
    at = [round(i * last / max(1, columns - 1)) for i in range(columns)]
    cells = [_resized(frame_at(clip, frame), cell) for frame in at]
    _saved(np.concatenate(cells, axis=1), target)


def thumbnail(video: Path, target: Path, *, at_frame: int, width_px: int | None = None) -> None:
    """One frame of a film as a JPEG, in its own size or `width_px` wide.

    Raises:
        MediaError: no film that can be read, or it has no such frame.
    """
    rgb = frame_at(video, at_frame)
    _saved(_resized(rgb, _fitted(rgb, width_px)) if width_px else rgb, target)


def frame_at(video: Path, frame: int) -> NDArray[np.uint8]:
    """Frame number `frame` as RGB."""
    return rgb_from_planes(next(read_planes(video, start_frame=frame, frames=1)))


def waveform(sound: Path, target: Path, *, width_px: int = 900, height_px: int = 140) -> None:
    """The loudest and lowest sample of each column, left to right, as a PNG.

    Raises:
        MediaError: no sound that can be read.
    """
    samples = read_sound(sound, channels=1)
    edges = np.linspace(0, len(samples), width_px + 1).astype(int)
    canvas = np.empty((height_px, width_px, 3), np.uint8)
    canvas[:] = _GROUND
    middle, reach = height_px // 2, height_px // 2 - 4
    canvas[middle] = _MIDDLE
    # A quiet voice still fills the picture: what matters here is where it speaks.
    scale = reach / max(0.05, float(np.abs(samples).max(initial=0.0)))
    for x in range(width_px):
        piece = samples[edges[x] : max(edges[x] + 1, edges[x + 1])]
        if piece.size:
            top, bottom = middle - round(float(piece.max()) * scale), middle - round(float(piece.min()) * scale)
            canvas[max(0, top) : bottom + 1, x] = _INK
    _saved(canvas, target)


def flat_view(image: Path, blocks: Sequence[TextBlock], target: Path, *, width_px: int = 540) -> None:
    """A key image with its text on it, as people will see the scene; the image itself stays without.

    Raises:
        MediaError: no image that can be read.
    """
    try:
        with Image.open(image) as opened:
            rgb = np.array(opened.convert("RGB"))
    except OSError as error:
        raise explained(error, "reading", image) from error
    for block in blocks:
        lay_block(rgb, block)
    _saved(_resized(rgb, _fitted(rgb, width_px)), target)


def lay_block(rgb: NDArray[np.uint8], block: TextBlock) -> None:
    """Draw `block` onto `rgb`, in place; what lies outside the picture is left out."""
    box = block.box
    top, left = max(0, box.top_px), max(0, box.left_px)
    under = rgb[top : max(top, box.bottom_px), left : max(left, box.right_px)]
    seen = block.rgba[top - box.top_px :, left - box.left_px :][: under.shape[0], : under.shape[1]].astype(np.float32)
    under[:] = np.clip(np.rint(under * (1 - seen[..., 3:] / 255) + seen[..., :3]), 0, 255).astype(np.uint8)


def _fitted(rgb: NDArray[np.uint8], width_px: int) -> tuple[int, int]:
    height, width = rgb.shape[:2]
    return width_px, max(1, round(height * width_px / width))


def _resized(rgb: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    resized: Any = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    return resized


def _saved(rgb: NDArray[np.uint8], target: Path) -> None:
    # The name may be a draft's: the kind of file follows from what is drawn, told by the final suffix.
    form = "PNG" if ".png" in target.suffixes else "JPEG"
    try:
        Image.fromarray(rgb).save(target, format=form, quality=_JPEG_QUALITY)
    except OSError as error:
        target.unlink(missing_ok=True)
        raise explained(error, "writing", target) from error
