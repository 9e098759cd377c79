"""Where text and brand marks lie on a picture, and when they are seen."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from ad_pipeline.media.typography import TextBlock
from ad_pipeline.values import Box, Size


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The places of one picture; none overlaps another, all lie in the safe box."""

    headline: Box
    caption: Box
    logo: Box
    button: Box
    footnote: Box


def layout_for(size: Size, safe: Box) -> Layout:
    """Where text lies, so that the subject keeps a room of its own.

    A wide picture has a column of text on the left and the subject on the right. A tall one has its
    headline on top; where a channel covers the foot of the picture, captions follow right under the
    headline instead of lying over the subject. The logo keeps the safe box's bottom right corner.
    """
    safe = safe.meet(Box(left_px=0, top_px=0, right_px=size.width_px, bottom_px=size.height_px))
    return _beside(safe, size) if safe.width_px >= 1.4 * safe.height_px else _stacked(safe, size)


def _beside(safe: Box, size: Size) -> Layout:
    gap = round(0.02 * size.height_px)
    row = round(0.10 * safe.height_px)
    logo_left = safe.right_px - round(0.16 * safe.width_px)
    column = Box(
        left_px=safe.left_px,
        top_px=safe.top_px + round(0.16 * safe.height_px),
        right_px=safe.left_px + round(0.50 * safe.width_px),
        bottom_px=safe.bottom_px,
    )
    headline = replace(column, bottom_px=column.top_px + round(0.42 * safe.height_px))
    button_top = headline.bottom_px + gap
    button = Box(
        left_px=safe.left_px,
        top_px=button_top,
        right_px=safe.left_px + round(0.30 * safe.width_px),
        bottom_px=button_top + row,
    )
    footnote = replace(column, top_px=safe.bottom_px - row)
    caption = replace(column, top_px=button.bottom_px + gap, bottom_px=footnote.top_px - gap)
    logo = replace(safe, left_px=logo_left, top_px=safe.bottom_px - row)
    return Layout(headline=headline, caption=caption, logo=logo, button=button, footnote=footnote)


def _stacked(safe: Box, size: Size) -> Layout:
    short_px = min(size.width_px, size.height_px)
    foot_covered = size.height_px - safe.bottom_px > 0.15 * size.height_px
    gap = round(0.02 * short_px)
    logo = Box(
        left_px=safe.right_px - round(safe.width_px * 0.30),
        top_px=safe.bottom_px - round(safe.height_px * 0.07),
        right_px=safe.right_px,
        bottom_px=safe.bottom_px,
    )
    footnote = Box(left_px=safe.left_px, top_px=logo.top_px, right_px=logo.left_px - gap, bottom_px=logo.bottom_px)
    headline = replace(safe, bottom_px=safe.top_px + round(0.27 * safe.height_px))
    caption_height = round(min(0.16 * safe.height_px, 0.14 * short_px))
    caption_bottom = headline.bottom_px + gap + caption_height if foot_covered else logo.top_px - gap
    caption = _centred(
        safe, width_px=safe.width_px - 2 * gap, top_px=caption_bottom - caption_height, bottom_px=caption_bottom
    )
    button_height = round(min(0.10 * safe.height_px, 0.10 * short_px))
    button_bottom = (logo if foot_covered else caption).top_px - gap
    button = _centred(
        safe,
        width_px=round(safe.width_px * 0.62),
        top_px=button_bottom - button_height,
        bottom_px=button_bottom,
    )
    return Layout(headline=headline, caption=caption, logo=logo, button=button, footnote=footnote)


def _centred(safe: Box, *, width_px: int, top_px: int, bottom_px: int) -> Box:
    left = safe.left_px + (safe.width_px - width_px) // 2
    return Box(left_px=left, top_px=top_px, right_px=left + width_px, bottom_px=bottom_px)


@dataclass(frozen=True, kw_only=True)
class Overlay:
    """Something drawn over the film from `start_frame` up to (not with) `end_frame`.

    It fades in and out over `fade_frames`, rising by `rise_px` as it enters.
    """

    start_frame: int
    end_frame: int
    block: TextBlock
    fade_frames: int = 6
    rise_px: float = 0.0

    def opacity_at(self, frame: int) -> float:
        """0 outside the span, 1 inside, eased between."""
        if not self.start_frame <= frame < self.end_frame:
            return 0.0
        inside = min(frame - self.start_frame, self.end_frame - 1 - frame) + 1
        return _eased(inside / (self.fade_frames + 1))

    def drop_px_at(self, frame: int) -> float:
        """How far below its place the block is at `frame`: it settles as it enters and stays."""
        entered = _eased((frame - self.start_frame + 1) / (2 * self.fade_frames + 1))
        return self.rise_px * (1 - entered)

    def fingerprint(self, *, origin_frame: int = 0) -> str:
        """Changes with anything that is seen, times counted from `origin_frame`."""
        block = self.block
        seen = hashlib.sha256(block.rgba.tobytes())
        seen.update(
            repr(
                (
                    self.start_frame - origin_frame,
                    self.end_frame - origin_frame,
                    self.fade_frames,
                    self.rise_px,
                    block.box,
                    block.rgba.shape,
                )
            ).encode()
        )
        return seen.hexdigest()


def _eased(part: float) -> float:
    held = min(1.0, max(0.0, part))
    return held * held * (3 - 2 * held)
