"""Setting text: where lines break, which size fits, and how it is drawn.

Lines break only between words. A block is premultiplied RGBA with the box it lies in, so that
whoever draws it needs no font.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ad_pipeline.errors import MediaError
from ad_pipeline.media.colours import rgb_of
from ad_pipeline.media.fonts import font_that_draws, load_font
from ad_pipeline.values import Box

Align = Literal["left", "center", "right"]
Anchor = Literal["top", "middle", "bottom"]

_SCALE_STEP = 0.94
"""From one size of the type scale to the next smaller one."""

_ORPHAN_SHARE = 0.3
"""A last line shorter than this share of the longest is an orphan."""


@dataclass(frozen=True, kw_only=True)
class TextBlock:
    """Drawn text: `rgba` (H x W x 4 uint8, premultiplied) covers `box` exactly.

    `ink` is where the letters themselves lie; `box` is larger when there is a plate.
    """

    rgba: NDArray[np.uint8]
    box: Box
    ink: Box
    lines: tuple[str, ...]
    size_px: int
    colour: str
    has_plate: bool = False


def broken_lines(
    text: str, *, font_name: str, size_px: int, width_px: int, most_lines: int, tracking: float = 0.0
) -> tuple[str, ...] | None:
    """`text` in as few lines as fit `width_px`, as even as possible; None when it does not fit.

    `tracking` is the space between letters in em. Newlines in `text` stay.
    """

    def width_of(line: str) -> float:
        return _line_width(line, font_name=font_name, size_px=size_px, tracking=tracking)

    space = width_of("a b") - width_of("a") - width_of("b")
    lines: list[str] = []
    for paragraph in text.splitlines():
        words = paragraph.split()
        if not words:
            continue
        broken = _balanced(words, [width_of(word) for word in words], space, width_px, most_lines - len(lines))
        if broken is None or any(width_of(line) > width_px for line in broken):
            return None
        lines += broken
    return tuple(lines)


def _balanced(
    words: Sequence[str], widths: Sequence[float], space: float, width_px: float, most: int
) -> list[str] | None:
    fewest = _greedy_count(widths, space, width_px)
    if fewest is None or fewest > most:
        return None
    starts = [0.0]
    for width in widths:
        starts.append(starts[-1] + width + space)

    def span(first: int, last: int) -> float:
        return starts[last] - starts[first] - space

    ideal = (starts[-1] - space) / fewest
    breaks = _best_breaks(len(words), fewest, span, width_px, ideal)
    if breaks is None:
        return None
    return [" ".join(words[a:b]) for a, b in zip(breaks, breaks[1:], strict=False)]


def _greedy_count(widths: Sequence[float], space: float, width_px: float) -> int | None:
    lines, used = 1, -space
    for width in widths:
        if width > width_px:
            return None
        if used + space + width > width_px:
            lines, used = lines + 1, width
        else:
            used += space + width
    return lines


def _best_breaks(
    words: int, lines: int, span: Callable[[int, int], float], width_px: float, ideal: float
) -> list[int] | None:
    """Word indices where lines start, and the end: the smallest sum of squared misses of `ideal`."""
    best: dict[tuple[int, int], tuple[float, list[int]]] = {(0, 0): (0.0, [0])}
    for line in range(1, lines + 1):
        for end in range(line, words + 1):
            found: tuple[float, list[int]] | None = None
            for start in range(end - 1, line - 2, -1):
                width = span(start, end)
                if width > width_px:
                    break
                before = best.get((line - 1, start))
                if before is None:
                    continue
                cost = before[0] + (width - ideal) ** 2
                if line == lines > 1 and end == words and width < _ORPHAN_SHARE * ideal:
                    cost += 4 * ideal**2
                if found is None or cost < found[0]:
                    found = (cost, [*before[1], end])
            if found:
                best[line, end] = found
    reached = best.get((lines, words))
    return reached[1] if reached else None


def set_text(
    text: str,
    *,
    font_name: str,
    box: Box,
    largest_px: int,
    smallest_px: int,
    most_lines: int,
    align: Align = "center",
    anchor: Anchor = "middle",
    colour: str = "#FFFFFF",
    tracking: float = 0.0,
    line_height: float = 1.25,
) -> TextBlock:
    """`text` drawn inside `box` at the largest size of the scale that fits.

    A font of ours stands in where `font_name` lacks a glyph. `tracking` is in em.

    Raises:
        MediaError: not even `smallest_px` fits, nothing to draw, or no font has the glyphs.
    """
    said = unicodedata.normalize("NFC", text).strip()
    if not said:
        raise MediaError("there is no text to set")
    face = font_that_draws(said, font_name)

    def fitting(size_px: int) -> tuple[str, ...] | None:
        lines = broken_lines(
            said, font_name=face, size_px=size_px, width_px=box.width_px, most_lines=most_lines, tracking=tracking
        )
        return lines if lines and len(lines) * size_px * line_height <= box.height_px else None

    # The smallest first: a text that never fits is measured once and not at each size.
    sizes = type_scale(largest_px, smallest_px) if fitting(smallest_px) else ()
    for size_px in sizes:
        lines = fitting(size_px)
        if lines is None:
            continue
        block = _drawn(lines, face, size_px, box, align, anchor, colour, tracking, line_height)
        if block is not None:
            return block
    raise MediaError(
        "{text!r} ({characters} characters) does not fit {width}x{height} px in {lines} lines at {size} px; shorten it",
        text=said if len(said) <= 60 else said[:59] + "…",
        characters=len(said),
        width=box.width_px,
        height=box.height_px,
        lines=most_lines,
        size=smallest_px,
    )


def type_scale(largest_px: int, smallest_px: int) -> tuple[int, ...]:
    """The sizes tried, from the largest down to the smallest."""
    sizes: list[int] = []
    size = float(largest_px)
    while round(size) > smallest_px:
        sizes.append(round(size))
        size *= _SCALE_STEP
    return (*sizes, smallest_px)


def _drawn(
    lines: Sequence[str],
    face: str,
    size_px: int,
    box: Box,
    align: Align,
    anchor: Anchor,
    colour: str,
    tracking: float,
    line_height: float,
) -> TextBlock | None:
    """The block, or None when the ink leaves the box."""
    pad = size_px
    font = load_font(face, size_px)
    ascent, descent = font.getmetrics()
    step = size_px * line_height
    free = box.height_px - step * len(lines)
    top = {"top": 0.0, "middle": free / 2, "bottom": free}[anchor]
    mask = Image.new("L", (box.width_px + 2 * pad, box.height_px + 2 * pad))
    draw = ImageDraw.Draw(mask)
    for i, line in enumerate(lines):
        width = _line_width(line, font_name=face, size_px=size_px, tracking=tracking)
        left = {"left": 0.0, "center": (box.width_px - width) / 2, "right": box.width_px - width}[align]
        baseline = top + step * (i + 0.5) + (ascent - descent) / 2
        for piece, offset in _pieces(line, font_name=face, size_px=size_px, tracking=tracking):
            draw.text((pad + left + offset, pad + round(baseline)), piece, fill=255, font=font, anchor="ls")
    ink = mask.getbbox()
    if ink is None:
        raise MediaError("there is no text to set")
    lies = Box(
        left_px=box.left_px + ink[0] - pad,
        top_px=box.top_px + ink[1] - pad,
        right_px=box.left_px + ink[2] - pad,
        bottom_px=box.top_px + ink[3] - pad,
    )
    if not box.contains(lies):
        return None
    rgba = painted(np.asarray(mask.crop(ink)), colour)
    return TextBlock(rgba=rgba, box=lies, ink=lies, lines=tuple(lines), size_px=size_px, colour=colour)


def painted(mask: NDArray[np.uint8], colour: str) -> NDArray[np.uint8]:
    """A coverage mask in one colour, premultiplied RGBA."""
    ink = np.array([*rgb_of(colour), 255], np.float32) / 255
    return cv2.convertScaleAbs(mask[..., None].astype(np.float32) * ink).reshape(*mask.shape, 4)  # type: ignore[return-value]  # cv2's stubs


def _line_width(line: str, *, font_name: str, size_px: int, tracking: float) -> float:
    width = load_font(font_name, size_px).getlength(line)
    return width + tracking * size_px * (len(line) - 1) if tracking and _is_simple(line) else width


def _pieces(line: str, *, font_name: str, size_px: int, tracking: float) -> list[tuple[str, float]]:
    """What is drawn in one go and how far from the line's start: letter by letter when tracked."""
    if not tracking or not _is_simple(line):
        return [(line, 0.0)]
    font = load_font(font_name, size_px)
    # A letter's place is the width up to and with it, less its own: so kerning stays.
    return [
        (letter, font.getlength(line[: i + 1]) - font.getlength(letter) + i * tracking * size_px)
        for i, letter in enumerate(line)
        if letter != " "
    ]


def _is_simple(line: str) -> bool:
    """Whether each character is a letter of its own, left to right (no joined or right-to-left script)."""
    return all(
        unicodedata.bidirectional(c) not in ("R", "AL", "AN", "RLE", "RLO", "RLI")
        and not unicodedata.combining(c)
        and unicodedata.category(c) not in ("Cf", "Mc", "Mn", "Lm")
        for c in line
    )
