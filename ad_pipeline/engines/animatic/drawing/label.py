"""Type on a product: the brand's mark and the product's name, wrapped round its body."""

from __future__ import annotations

import functools
from importlib import resources
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ad_pipeline.engines.animatic.drawing.canvas import Plane
from ad_pipeline.errors import MediaError


def font_file(name: str) -> Path:
    """The file of a packaged font's name, or the path that a kit gave."""
    if "." in name:
        return Path(name)
    fonts = Path(str(resources.files("ad_pipeline") / "fonts"))
    return next((f for f in (fonts / f"{name}.otf", fonts / f"{name}.ttf") if f.is_file()), fonts / f"{name}.otf")


@functools.lru_cache(maxsize=32)
def _font(name: str, size_px: int) -> ImageFont.FreeTypeFont:
    try:
        return ImageFont.truetype(str(font_file(name)), size_px, layout_engine=ImageFont.Layout.RAQM)
    except OSError as error:
        raise MediaError(
            "the font {font!r} cannot be read; name a packaged font or a .ttf/.otf file", font=name
        ) from error


def _line(text: str, font: ImageFont.FreeTypeFont, tracking_px: float) -> Image.Image:
    """One line as a mask, cut to its ink; Latin capitals are tracked wider."""
    if tracking_px < 0.5:
        left, top, right, bottom = font.getbbox(text)
        mask = Image.new("L", (max(1, int(right - left) + 2), max(1, int(bottom - top) + 2)))
        ImageDraw.Draw(mask).text((1 - left, 1 - top), text, font=font, fill=255)
        return mask
    advance = sum(font.getlength(letter) + tracking_px for letter in text)
    mask = Image.new("L", (int(advance) + 4, int(font.size * 1.5)))
    pen, x = ImageDraw.Draw(mask), 1.0
    for letter in text:
        pen.text((x, 0), letter, font=font, fill=255)
        x += font.getlength(letter) + tracking_px
    return mask.crop(mask.getbbox() or (0, 0, 1, 1))


def label(*, mark: str, name: str, width_px: int, mark_font: str, name_font: str) -> Plane:
    """The label's type as an alpha `width_px` wide; the name breaks at spaces over at most three lines."""
    probe = _line(mark, _font(mark_font, 64), 64 * 0.16)
    mark_px = int(min(64 * width_px / probe.width, width_px * 0.30))
    lines = [_line(mark, _font(mark_font, max(8, mark_px)), mark_px * 0.16)]
    name_px = max(8, int(min(mark_px * 0.52, width_px * 0.115)))
    rows = _rows(name, _font(name_font, name_px), width_px)
    lines += [_line(row, _font(name_font, name_px), 0.0) for row in rows]
    gaps = [int(mark_px * 0.62)] + [int(name_px * 0.5)] * (len(lines) - 2) if len(lines) > 1 else []
    height = sum(line.height for line in lines) + sum(gaps)
    sheet = Image.new("L", (width_px, max(1, height)))
    y = 0
    for line, gap in zip(lines, [*gaps, 0], strict=True):
        sheet.paste(line, ((width_px - line.width) // 2, y))
        y += line.height + gap
    return np.asarray(sheet, np.float32) / 255


def _rows(name: str, font: ImageFont.FreeTypeFont, width_px: int) -> list[str]:
    rows: list[str] = []
    for word in name.split():
        joined = f"{rows[-1]} {word}" if rows else word
        if rows and font.getlength(joined) <= width_px:
            rows[-1] = joined
        else:
            rows.append(word)
    # A word wider than the label would be cut off: such a name stays off the bottle.
    return rows[:3] if all(font.getlength(row) <= width_px for row in rows[:3]) else []


def wrapped(
    sheet: Plane, *, shape: tuple[int, int], axis_x: float, top_y: float, radius_px: float, tilt: float
) -> Plane:
    """`sheet` laid round a cylinder: narrower towards the sides, its lines curved by the camera's tilt."""
    rows, columns = shape
    x = (np.arange(columns, dtype=np.float32)[None, :] - axis_x) / radius_px
    inside = np.abs(x) < 0.999
    around = np.arcsin(np.clip(x, -0.999, 0.999)) * radius_px
    sag = tilt * radius_px * (np.sqrt(np.maximum(1 - x * x, 0)) - 1)
    y = np.arange(rows, dtype=np.float32)[:, None] - top_y - sag
    read_x = np.broadcast_to(around + sheet.shape[1] / 2, (rows, columns)).astype(np.float32)
    found = cv2.remap(sheet, read_x, y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return (found * inside).astype(np.float32)
