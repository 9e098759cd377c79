"""Where the subject goes: the roomiest part of the safe box that no text will cover."""

from __future__ import annotations

from collections.abc import Sequence

from ad_pipeline.values import Box, Size

_LEAST_SHARE = 0.24
"""Below this share of the frame's height a subject would be lost: then it may go behind text."""


def roomiest(safe: Box, calm: Sequence[Box], *, aspect: float, size: Size) -> Box:
    """The part of `safe` beside all `calm` boxes in which a thing of `aspect` (width / height) is largest."""
    rooms = [safe]
    for box in calm:
        rooms = [part for room in rooms for part in _beside(room, box)]
    best = max(rooms, key=lambda room: _fitting(room, aspect), default=safe)
    return best if _fitting(best, aspect) >= _LEAST_SHARE * size.height_px else safe


def _beside(room: Box, box: Box) -> list[Box]:
    overlap = room.meet(box)
    if overlap.width_px <= 0 or overlap.height_px <= 0:
        return [room]
    left, top, right, bottom = room.left_px, room.top_px, room.right_px, room.bottom_px
    parts = [
        Box(left_px=left, top_px=top, right_px=right, bottom_px=overlap.top_px),
        Box(left_px=left, top_px=overlap.bottom_px, right_px=right, bottom_px=bottom),
        Box(left_px=left, top_px=top, right_px=overlap.left_px, bottom_px=bottom),
        Box(left_px=overlap.right_px, top_px=top, right_px=right, bottom_px=bottom),
    ]
    return [part for part in parts if part.width_px > 0 and part.height_px > 0]


def _fitting(room: Box, aspect: float) -> float:
    """How tall a thing of `aspect` may be in `room`."""
    return min(room.height_px, room.width_px / aspect)


def height_in(room: Box, *, aspect: float, share: float) -> int:
    """The height of a thing that takes `share` of the room it could have."""
    return max(48, int(_fitting(room, aspect) * share))
