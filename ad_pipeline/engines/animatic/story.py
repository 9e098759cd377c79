"""The template writer: a brief becomes a storyboard in milliseconds, without a language model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ad_pipeline.engines.animatic.writing.pen import Draft, Pen, pen_for
from ad_pipeline.engines.animatic.writing.pictures import NEGATIVE, Scenery, Shot, shots, transitions
from ad_pipeline.engines.animatic.writing.wording import is_clean, on_screen
from ad_pipeline.engines.contracts import Done, EngineFacts, Job, Licence
from ad_pipeline.engines.crafts.story import StoryEngine, StoryRequest
from ad_pipeline.media.time import FILM
from ad_pipeline.story.arc import paced, purposes_for, room_left_s, shares_s
from ad_pipeline.story.brief import Brief, Claim
from ad_pipeline.story.claims import flags_of
from ad_pipeline.story.speaking import needed_seconds, reading_seconds, spoken_seconds
from ad_pipeline.story.storyboard import Purpose, Scene, Storyboard, StoryMetadata, Transition

_TALKATIVE = 0.72
"""How much of an ad may be speech; above it a draft feels read out."""

_STRETCH, _CLAIM_STRETCH = 1.35, 1.6
"""How far a good sentence, or a claim that cannot be worded shorter, may stretch its scene over its share."""

_KEPT_S, _KEPT_BESIDE_SOLUTION_S, _KEPT_SHARE = 2.5, 2.1, 0.85
"""Room kept for a scene that has no words yet: a short line, or time to read."""


@dataclass(kw_only=True)
class _Plan:
    """One scene while it is written."""

    purpose: Purpose
    share_s: float
    narration: str = ""
    onscreen: str = ""
    claim: Claim | None = None


class TemplateWriter(StoryEngine):
    """Hook, problem, solution, proof, call to action, from sentences written by hand."""

    facts = EngineFacts(
        name="animatic",
        model="template-writer",
        version="4",
        crafts=frozenset({"story"}),
        licence=Licence(name="Apache-2.0", paid_ads="yes", note="sentences written for this product"),
        local=True,
        languages=frozenset({"ko", "en"}),
    )

    def write_storyboard(self, request: StoryRequest, job: Job) -> tuple[Storyboard, Done]:
        job.checkpoint(0.0)
        brief, kit = request.brief, request.kit
        pen = pen_for(brief, kit, request.seed)
        speed = kit.voice.speed
        plans = [_Plan(purpose=p, share_s=s) for p, s in request.scenes or _purposes_and_shares(brief)]
        _prove(plans, brief, pen, speed)
        _write(plans, brief, pen, speed)
        _write_more(plans, brief, pen, speed)
        for plan in plans:
            plan.onscreen = plan.onscreen or pen.screen(plan.purpose, plan.narration)
        storyboard = _board(plans, request, pen)
        details = {
            "category": pen.category.name,
            "motifs": [motif.name for motif in pen.motifs],
            "tones": list(pen.tones),
            "persona": pen.persona.name if pen.persona else "",
            "concept_used": [sentence for sentence in pen.concept if sentence in pen.used],
            "claims_used": [plan.claim.text for plan in plans if plan.claim],
        }
        job.checkpoint(1.0)
        return storyboard, Done(model=self.facts.model, seed=request.seed, details=details)


def _purposes_and_shares(brief: Brief) -> list[tuple[Purpose, float]]:
    purposes = purposes_for(brief)
    return list(zip(purposes, shares_s(purposes, brief.duration), strict=True))


def _needs(plans: Sequence[_Plan], pen: Pen, speed: float) -> list[float]:
    """Seconds that each scene cannot do without: to say its words, or to read a claim that is too long to be said."""
    return [
        needed_seconds(plan.narration, pen.language, speed)
        or (reading_seconds(plan.onscreen, pen.language) if plan.claim else 0.0)
        for plan in plans
    ]


def _fits(plans: Sequence[_Plan], brief: Brief, pen: Pen, speed: float, *, kept_s: float) -> bool:
    """Whether all words fit, with room kept for scenes that have none yet."""
    needs = [
        need or min(_KEPT_SHARE * plan.share_s, kept_s)
        for need, plan in zip(_needs(plans, pen, speed), plans, strict=True)
    ]
    return room_left_s(needs, brief.duration) >= 0


def _prove(plans: Sequence[_Plan], brief: Brief, pen: Pen, speed: float) -> None:
    """Proof scenes say the brief's claims word for word, with their source to read; else nothing is claimed."""
    claims = [claim for claim in brief.claims if is_clean(claim.text, pen.avoided) and _may_be_said(claim, pen)]
    for plan in (p for p in plans if p.purpose == "social_proof"):
        for claim in claims:
            text = on_screen(claim.text, pen.language, lines=3)
            if not text:
                continue
            source = on_screen(claim.source, pen.language)
            plan.claim = claim
            plan.onscreen = f"{text}\n{source}" if source else text
            said = claim.text if claim.text[-1:] in ".!?" else f"{claim.text}."
            if needed_seconds(said, pen.language, speed) <= plan.share_s * _CLAIM_STRETCH:
                plan.narration = said
            break


def _may_be_said(claim: Claim, pen: Pen) -> bool:
    """Whether no rule forbids it: a source makes a number right, never a cure."""
    return not any(flag.stands for flag in flags_of(claim.text, pen.language, supported=[claim]))


def _write(plans: Sequence[_Plan], brief: Brief, pen: Pen, speed: float) -> None:
    """The best narration that fits, the solution first: the product is what the ad is for."""
    order: list[Purpose] = ["solution", "cta", "hook", "social_proof", "problem", "story"]
    first_story = True
    for plan in sorted(plans, key=lambda p: order.index(p.purpose)):
        if plan.narration or plan.claim:  # a claim that is only read is read in peace
            continue
        room_s = plan.share_s * _STRETCH
        for draft in pen.offers(plan.purpose, first_story=first_story):
            if needed_seconds(draft.text, pen.language, speed) <= room_s and _takes(
                plan, draft, plans, brief, pen, speed
            ):
                break
        if plan.purpose == "story":
            first_story = False


def _takes(plan: _Plan, draft: Draft, plans: Sequence[_Plan], brief: Brief, pen: Pen, speed: float) -> bool:
    before = plan.narration
    plan.narration = f"{before} {draft.text}".strip()
    kept_s = _KEPT_S if plan.purpose != "solution" else _KEPT_BESIDE_SOLUTION_S
    if not _fits(plans, brief, pen, speed, kept_s=kept_s):
        plan.narration = before
        return False
    pen.take(draft)
    return True


def _write_more(plans: Sequence[_Plan], brief: Brief, pen: Pen, speed: float) -> None:
    """Long scenes get a second and third sentence, until enough of the ad is spoken."""
    for _ in range(2):
        for plan in plans:
            if plan.purpose == "cta" or plan.claim:
                continue
            spoken_s = sum(spoken_seconds(p.narration, pen.language, speed) for p in plans)
            free_s = plan.share_s - needed_seconds(plan.narration, pen.language, speed)
            if spoken_s > _TALKATIVE * brief.duration or free_s < 1.6:
                continue
            more: Purpose = "problem" if plan.purpose in ("hook", "problem") else "story"
            for draft in pen.offers(more):
                if spoken_seconds(draft.text, pen.language, speed) < free_s - 0.3 and _takes(
                    plan, draft, plans, brief, pen, speed
                ):
                    break


def _board(plans: Sequence[_Plan], request: StoryRequest, pen: Pen) -> Storyboard:
    brief, kit = request.brief, request.kit
    purposes: list[Purpose] = [plan.purpose for plan in plans]
    wished_s = [share_s for _, share_s in request.scenes]
    frames = paced(purposes, _needs(plans, pen, kit.voice.speed), brief.duration, wished_s=wished_s)
    scenery = Scenery(
        product=pen.product, category=pen.category, motifs=pen.motifs, kit=kit, tones=pen.tones, language=pen.language
    )
    made = shots(purposes, [plan.claim is not None for plan in plans], scenery, pen.chance)
    joins = transitions(purposes, pen.tones, pen.chance)
    scenes = tuple(
        _scene(number, plan, count, shot, join)
        for number, (plan, count, shot, join) in enumerate(zip(plans, frames, made, joins, strict=True), 1)
    )
    lively = pen.tones[0] in ("funny", "enthusiastic", "casual")
    return Storyboard(
        title=f"{pen.brand} {pen.product}"[:200],
        duration_seconds=FILM.seconds(FILM.frames(brief.duration)),
        format=brief.main_format,
        formats=brief.formats,
        language=pen.language,
        written_language=pen.written if pen.written != pen.language else None,
        seed=request.seed,
        tone=brief.tone or kit.tone,
        persona=pen.persona.name if pen.persona else brief.persona,
        scenes=scenes,
        metadata=StoryMetadata(
            bgm_mood=kit.bgm_mood,
            transition_style="quick_slide" if lively else "smooth_fade",
            brand_colors=kit.palette.colours,
        ),
    )


def _scene(number: int, plan: _Plan, frames: int, shot: Shot, join: Transition | None) -> Scene:
    values: dict[str, object] = {
        "id": f"scene_{number:03d}",
        "purpose": plan.purpose,
        "duration_seconds": FILM.seconds(frames),
        "narration": plan.narration,
        "onscreen_text": plan.onscreen[:200],
        "image_prompt": shot.prompt,
        "description": shot.description,
        "negative_prompt": NEGATIVE,
        "motion_style": shot.motion,
        "motion_prompt": shot.motion_prompt,
        "camera": shot.camera,
        "brand_elements": shot.elements,
        "controlnet_mode": "depth" if "product_3d" in shot.elements else None,
        "transition": join,
    }
    if plan.claim:
        values |= {"claim": plan.claim.text, "claim_source": plan.claim.source}
    return Scene.model_validate(values)
