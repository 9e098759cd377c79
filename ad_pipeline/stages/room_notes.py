"""What the record of a storyboard says of how it was written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ad_pipeline.engines.contracts import Lesser
from ad_pipeline.messages import Message, worded
from ad_pipeline.routing.catalogue import models
from ad_pipeline.stages.team import Step
from ad_pipeline.story.room.answers import SCORES, Review
from ad_pipeline.story.room.complaints import Complaint
from ad_pipeline.story.room.reviewing import Measured

NOT_RUN = "not run"
TEMPLATE = "animatic/template-writer"


def review_note(review: Review | None) -> dict[str, Any]:
    """Each score with its reason; without a reviewer no number, but that it was not run."""
    if review is None:
        return {name: {"score": NOT_RUN, "reason": "no language model reviewed it"} for name in SCORES}
    return {name: getattr(review, name).model_dump() for name in SCORES}


def scores_note(review: Review | None) -> dict[str, Any]:
    """The scores alone, of one version among several."""
    return {name: getattr(review, name).score if review else NOT_RUN for name in SCORES}


def flags_note(found: Measured) -> list[dict[str, Any]]:
    """What is claimed where, under which rule, and which source supports it."""
    return [
        {
            "scene": scene_id,
            "words": list(flag.words),
            "rule": flag.rule.name,
            "severity": flag.severity,
            "source": flag.supported_by.source if flag.supported_by else "",
        }
        for scene_id, flags in found.flags.items()
        for flag in flags
    ]


def lesser_of(steps: Sequence[Step], replaced: Sequence[Complaint]) -> Lesser | None:
    """Who stood in for whom, when anybody did: the first step whose wanted model did not do it, else our own lines."""
    whys = [_why(step) for step in steps if step.degraded]
    if not whys and not replaced:
        return None
    used = next((step.used for step in steps if step.degraded), TEMPLATE)
    if used not in models() or replaced:
        used = TEMPLATE
    first = (
        whys[0]
        if whys
        else worded(
            "our own writer's words stand in {count} times: {said}", count=len(replaced), said=replaced[0].message
        )
    )
    why = worded("{first}, and {count} more", first=first, count=len(whys) - 1) if len(whys) > 1 else first
    return Lesser(model_id=used, licence=models()[used].licence, why=why)


def _why(step: Step) -> Message:
    return worded(
        "{role} by {used} instead of {wanted}: {why}",
        role=step.role,
        used=step.used,
        wanted=step.wanted,
        why=step.why[0] if step.why else worded("it did not answer"),
    )
