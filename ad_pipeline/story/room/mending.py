"""What a model got wrong even after its repairs, replaced line by line; and what stands in for a strategist."""

from __future__ import annotations

from collections.abc import Sequence

from ad_pipeline.messages import worded
from ad_pipeline.story.room.answers import Copy, SceneCopy, ScenePlan, Strategy
from ad_pipeline.story.room.complaints import Complaint, copy_complaints, hollow_complaints, line_complaints, overrun_s
from ad_pipeline.story.room.guards import names_product
from ad_pipeline.story.room.questions import Assignment

_LONGER_S = 0.5
"""So much longer may a line be that names the product than one that does not."""


def mended(
    copy: Copy, ours: Copy, given: Assignment, *, seconds: Sequence[float], brands: Sequence[str]
) -> tuple[Copy, list[Complaint]]:
    """The copy with one line for each scene, those that may not stay replaced by `ours`; and what was wrong with them.

    `ours` must hold a line for each scene, and its lines must fit the ad together.
    """
    count = len(seconds)
    own = {line.scene: line for line in ours.scenes}
    kept = {line.scene: line for line in reversed(copy.scenes) if 1 <= line.scene <= count}
    wrong: list[Complaint] = []
    for at in range(1, count + 1):
        found = (
            line_complaints(kept[at], given, brands=brands)
            if at in kept
            else [Complaint(kind="scenes", scene=at, said=worded("it is missing"))]
        )
        if found:
            kept[at] = own[at]
            wrong += found
    wrong += _filled(kept, own, given, seconds)
    wrong += _shortened(kept, own, given, seconds, brands)
    if any(c.kind == "product" for c in copy_complaints(_copy(kept), given, seconds=seconds, brands=brands)):
        wrong.append(_named(kept, own, given))
    return _copy(kept), wrong


def without_strangers(plan: ScenePlan, complaints: Sequence[Complaint], given: Assignment) -> ScenePlan:
    """The plan with a title and ideas of our own where a model's hold what has no business in this ad."""
    strange = {complaint.scene for complaint in complaints if complaint.kind == "stranger"}
    scenes = tuple(
        scene.model_copy(update={"idea": scene.purpose}) if at in strange else scene
        for at, scene in enumerate(plan.scenes, 1)
    )
    title = f"{given.kit.named_in(given.language)} {given.brief.product}"[:80] if 0 in strange else plan.title
    return plan.model_copy(update={"title": title, "scenes": scenes})


def usable_plan(plan: ScenePlan, given: Assignment) -> ScenePlan | None:
    """The plan with its arc set right: it ends with the call to action, and proves nothing without facts.

    None where the client asked for so many scenes and these are not.
    """
    if given.brief.scene_count and len(plan.scenes) != given.brief.scene_count:
        return None
    scenes = list(plan.scenes)
    scenes[-1] = scenes[-1].model_copy(update={"purpose": "cta"})
    if scenes[0].purpose in ("cta", "social_proof", "solution") and len(scenes) > 2:
        scenes[0] = scenes[0].model_copy(update={"purpose": "hook"})
    for at, scene in enumerate(scenes[:-1]):
        if scene.purpose == "cta" or (scene.purpose == "social_proof" and not given.facts):
            scenes[at] = scene.model_copy(update={"purpose": "story"})
    return plan.model_copy(update={"scenes": tuple(scenes)})


def house_strategy(given: Assignment) -> Strategy:
    """The brief's own words, where nobody thinks further."""
    brief, kit = given.brief, given.kit
    tagline = (kit.tagline_ko if given.language == "ko" else kit.tagline) or kit.named_in(given.language)
    return Strategy(
        audience=brief.target_audience[:300] or kit.named_in(given.language),
        insight=(brief.concept or brief.goal or tagline)[:300],
        usp=(brief.concept or brief.product)[:300],
        message=(brief.concept.split(".")[0].strip() or tagline)[:200],
        facts=tuple(fact.fact_id for fact in given.facts[:2]),
    )


def _filled(
    kept: dict[int, SceneCopy], own: dict[int, SceneCopy], given: Assignment, seconds: Sequence[float]
) -> list[Complaint]:
    """Our own lines where the same is said again, and in all scenes where nobody says anything."""
    hollow = hollow_complaints([kept[at] for at in sorted(kept)], given, seconds=seconds)
    again = {complaint.scene for complaint in hollow if complaint.kind == "words"}
    silent = any(complaint.kind == "silent" for complaint in hollow)
    for at in kept if silent else again:
        kept[at] = own[at]
    return hollow


def _named(kept: dict[int, SceneCopy], own: dict[int, SceneCopy], given: Assignment) -> Complaint:
    """Our own line that says the name, in place of the model's; else the name is written at the end."""
    says_it = [at for at, line in own.items() if names_product([line.narration, line.onscreen_text], given)]
    shorter = [at for at in says_it if overrun_s(own[at], given, 0.0) <= overrun_s(kept[at], given, 0.0) + _LONGER_S]
    at = shorter[0] if shorter else max(kept)
    kept[at] = own[at] if shorter else kept[at].model_copy(update={"onscreen_text": given.kit.named_in(given.language)})
    return Complaint(kind="product", scene=at, said=worded("nobody named the product"))


def _shortened(
    kept: dict[int, SceneCopy], own: dict[int, SceneCopy], given: Assignment, seconds: Sequence[float],
    brands: Sequence[str],
) -> list[Complaint]:  # fmt: skip
    """Until all words fit the ad: the line that runs over most gives way to the shorter one."""
    wrong: list[Complaint] = []
    for _ in range(len(seconds)):
        late = [c for c in copy_complaints(_copy(kept), given, seconds=seconds, brands=brands) if c.kind == "length"]
        if not late:
            break
        worst = max(late, key=lambda c: overrun_s(kept[c.scene], given, seconds[c.scene - 1]))
        shorter = own[worst.scene]
        if overrun_s(shorter, given, 0.0) >= overrun_s(kept[worst.scene], given, 0.0):
            shorter = kept[worst.scene].model_copy(update={"narration": ""})  # read instead of heard
        kept[worst.scene] = shorter
        wrong.append(worst)
    return wrong


def _copy(lines: dict[int, SceneCopy]) -> Copy:
    return Copy(scenes=tuple(lines[at].model_copy(update={"scene": at}) for at in sorted(lines)))
