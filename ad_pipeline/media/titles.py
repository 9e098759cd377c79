"""Where text and brand marks lie on a picture, and when they are seen."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

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

    A wide picture has its headline on the left, the subject on the right. A tall one has its
    headline on top; where a channel covers the foot of the picture, captions follow right under the
    headline instead of lying over the subject. The logo keeps the safe box's bottom right corner.
    """
    safe = safe.meet(Box(left_px=0, top_px=0, right_px=size.width_px, bottom_px=size.height_px))
    short_px = min(size.width_px, size.height_px)
    wide = safe.width_px >= 1.4 * safe.height_px
    foot_covered = not wide and size.height_px - safe.bottom_px > 0.15 * size.height_px
    gap = round(0.02 * short_px)
    logo_height = round(safe.height_px * (0.10 if wide else 0.07))
    logo_width = round(safe.width_px * (0.16 if wide else 0.30))
    logo = Box(
        left_px=safe.right_px - logo_width,
        top_px=safe.bottom_px - logo_height,
        right_px=safe.right_px,
        bottom_px=safe.bottom_px,
    )
    headline_height = round((0.44 if wide else 0.27) * safe.height_px)
    headline_top = safe.top_px + (round(0.16 * safe.height_px) if wide else 0)
    headline_width = round(safe.width_px * (0.50 if wide else 1.0))
    headline = Box(
        left_px=safe.left_px,
        top_px=headline_top,
        right_px=safe.left_px + headline_width,
        bottom_px=headline_top + headline_height,
    )
    caption_height = round(min(0.16 * safe.height_px, 0.14 * short_px))
    if foot_covered:
        caption_bottom = headline.bottom_px + gap + caption_height
    else:
        caption_bottom = safe.bottom_px if wide else logo.top_px - gap
    caption = _centred(
        safe,
        width_px=safe.width_px - 2 * (logo_width + 2 * gap if wide else gap),
        top_px=caption_bottom - caption_height,
        bottom_px=caption_bottom,
    )
    button_height = round(min(0.10 * safe.height_px, 0.10 * short_px))
    button_bottom = (logo if foot_covered else caption).top_px - gap
    button_width = round(safe.width_px * (0.30 if wide else 0.62))
    button = _centred(safe, width_px=button_width, top_px=button_bottom - button_height, bottom_px=button_bottom)
    if wide:
        # Under the headline, at its left edge.
        button = Box(
            left_px=safe.left_px,
            top_px=headline.bottom_px + gap,
            right_px=safe.left_px + button_width,
            bottom_px=headline.bottom_px + gap + button_height,
        )
    footnote = Box(
        left_px=safe.left_px,
        top_px=logo.top_px,
        right_px=(caption.left_px if wide else logo.left_px) - gap,
        bottom_px=logo.bottom_px,
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
