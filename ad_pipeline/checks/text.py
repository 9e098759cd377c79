"""Does all text lie where no channel's interface covers it?"""

from __future__ import annotations

from collections.abc import Mapping

from ad_pipeline.checks.verdict import Verdict
from ad_pipeline.values import Box


def check_text_inside(boxes: Mapping[str, Box], safe: Box) -> Verdict:
    """Each named box against the safe box; the measured value names those that leave it, and by how much."""
    outside = {name: _left_by_px(box, safe) for name, box in boxes.items() if not safe.contains(box)}
    told = ", ".join(f"{name} by {px} px" for name, px in outside.items())
    return Verdict(
        name="text_inside_safe_zone",
        passed=not outside,
        measured=f"outside: {told}" if outside else f"{len(boxes)} of {len(boxes)} inside",
        limit=f"{safe.left_px},{safe.top_px} to {safe.right_px},{safe.bottom_px}",
    )


def _left_by_px(box: Box, safe: Box) -> int:
    return max(
        safe.left_px - box.left_px,
        safe.top_px - box.top_px,
        box.right_px - safe.right_px,
        box.bottom_px - safe.bottom_px,
    )
