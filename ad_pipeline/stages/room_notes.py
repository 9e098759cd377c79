"""What the record of a storyboard says of how it was written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ad_pipeline.engines.contracts import Lesser, Licence
from ad_pipeline.messages import Message, worded
from ad_pipeline.routing.catalogue import models
from ad_pipeline.stages.team import Step
from ad_pipeline.story.room.answers import SCORES, Review
from ad_pipeline.story.room.complaints import Complaint
from ad_pipeline.story.room.reviewing import Measured

NOT_RUN = "not run"
TEMPLATE = "animatic/template-writer"
_OURS = TEMPLATE.split("/", 1)[1]


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


def lesser_of(
    steps: Sequence[Step], replaced: Sequence[Complaint], *, wrote: Sequence[str], licence: Licence | None
) -> Lesser | None:
    """Who wrote it in the end, when anybody stood in for whom the routes wanted; None when nobody did.

    `wrote`: the models that answered. Our own writer is named beside them where it did a role or a line.
    """
    whys = [_why(step) for step in steps if step.degraded]
    if not whys and not replaced:
        return None
    ours = bool(replaced) or any(step.used == TEMPLATE for step in steps)
    names = [*(model_id.split("/", 1)[1] for model_id in wrote), *([_OURS] if ours else [])]
    if replaced:
        scenes = len({complaint.scene for complaint in replaced})
        said = replaced[0].message
        whys.append(worded("our own writer's words stand in {count} scenes: {said}", count=scenes, said=said))
    first = whys[0]
    why = worded("{first}, and {count} more", first=first, count=len(whys) - 1) if len(whys) > 1 else first
    terms = licence or models()[TEMPLATE].licence
    return Lesser(model_id=f"room/{' + '.join(dict.fromkeys(names))}", licence=terms, why=why)


def _why(step: Step) -> Message:
    return worded(
        "{role} by {used} instead of {wanted}: {why}",
        role=step.role,
        used=step.used,
        wanted=step.wanted,
        why=step.why[0] if step.why else worded("it did not answer"),
    )
