"""What the price tables and our own measures say of an ad before it is made: the storyboard carries both numbers."""

from __future__ import annotations

from ad_pipeline.routing.route import ROUTED_STAGES, Decision, decide, role_decisions
from ad_pipeline.routing.times import usual_seconds
from ad_pipeline.story.brand_kit import BrandKit
from ad_pipeline.story.brief import Brief
from ad_pipeline.story.storyboard import Storyboard

_PER_FORMAT = ("key_image", "motion_clip", "lipsync", "final_mp4")


def all_decisions(brief: Brief, kit: BrandKit, board: Storyboard) -> list[Decision]:
    """The storyboard's route (its roles' where a room writes it), then each scene's stages, then what is made once."""
    # The storyboard's formats are made, and paid for, also where a hand's edit left the brief's.
    brief = brief.model_copy(update={"formats": board.all_formats})
    found = list(role_decisions(brief).values()) or [decide("storyboard", brief=brief)]
    for stage in ROUTED_STAGES:
        if stage not in ("storyboard", "music"):
            found += [decide(stage, brief=brief, scene=scene, kit=kit) for scene in board.scenes]
    return [*found, decide("music", brief=brief), decide("final_mp4", brief=brief)]


def pieces_of(decision: Decision, board: Storyboard) -> int:
    """How many files it makes: one for each format where the format decides them."""
    return len(board.all_formats) if decision.stage in _PER_FORMAT else 1


def with_estimates(board: Storyboard, brief: Brief, kit: BrandKit) -> Storyboard:
    """The storyboard with what the whole ad will cost, and how long it will take where all of it was measured by us.

    Only tables count, nothing that was made on this machine: the same brief gives the same file everywhere.
    """
    decisions = all_decisions(brief, kit, board)
    known = [
        None if one_s is None else one_s * pieces_of(decision, board)
        for decision in decisions
        for one_s in [usual_seconds(decision.stage, decision.wanted.model_id)]
    ]
    seconds = None if None in known else round(sum(one_s for one_s in known if one_s is not None), 1)
    cost_usd = sum(decision.cost_usd for decision in decisions)
    told = board.metadata.model_copy(update={"estimated_cost": f"${cost_usd:.2f}", "estimated_time": seconds})
    return board.model_copy(update={"metadata": told})
