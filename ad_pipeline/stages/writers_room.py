"""The writers' room: strategist, planner, copywriter, director and reviewer write a storyboard together.

Each role is asked on its own route. What no model does, our own template writer does for the scenes as
they are planned; what a model got wrong even after its repairs is replaced, scene by scene, and said so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ad_pipeline.engines.animatic.story import TemplateWriter
from ad_pipeline.engines.contracts import Done, Job
from ad_pipeline.engines.crafts.language import Answer
from ad_pipeline.engines.crafts.story import StoryRequest
from ad_pipeline.errors import EngineUnavailable
from ad_pipeline.messages import worded
from ad_pipeline.routing.route import ROOM, role_decisions
from ad_pipeline.stages.assignments import assignment_of, known_brands, own_prompts, picture_styles
from ad_pipeline.stages.room_notes import flags_note, lesser_of, review_note, scores_note
from ad_pipeline.stages.scene_news import SceneNews, tell_ours
from ad_pipeline.stages.scene_titles import why_not_fitting
from ad_pipeline.stages.session_facts import SessionFacts
from ad_pipeline.stages.team import Step, Team
from ad_pipeline.stages.workplace import Workplace
from ad_pipeline.story.room.answers import Copy, Direction, Review, ScenePlan, Strategy
from ad_pipeline.story.room.assembling import (
    copy_of,
    plan_of,
    planned_scenes,
    scene_seconds,
    storyboard_of,
    with_pictures_of,
)
from ad_pipeline.story.room.complaints import (
    Complaint,
    copy_complaints,
    direction_complaints,
    plan_complaints,
    strategy_complaints,
)
from ad_pipeline.story.room.mending import house_strategy, mended, usable_plan, without_strangers
from ad_pipeline.story.room.questions import (
    again_text,
    copy_text,
    direction_text,
    plan_text,
    polish_text,
    review_text,
    strategy_text,
)
from ad_pipeline.story.room.reviewing import GOOD_ENOUGH, Measured, held_to, measured, rank, reasons
from ad_pipeline.story.room.roles import WRITING_ROLES, Role
from ad_pipeline.story.storyboard import Purpose, Storyboard

MOST_REWRITES = 2
"""How often a review sends the copy back."""


@dataclass(frozen=True, kw_only=True)
class _Version:
    """One way the ad was written, as far as it was judged."""

    copy: Copy
    board: Storyboard
    measured: Measured
    replaced: tuple[Complaint, ...]
    """What a model had wrong in it: our own writer's words stand there instead."""
    review: Review | None = None


def write_in_room(
    workplace: Workplace, facts: SessionFacts, *, seed: int, job: Job, steps: list[Step]
) -> tuple[Storyboard, Done]:
    """The team's storyboard; what stands in it and who wrote it is in the details. `steps` grows also where it fails.

    Raises:
        EngineUnavailable: no language model planned or wrote anything.
        Cancelled: the work was stopped; what was answered lies on the job's shelf.
    """
    return _Room(workplace, facts, seed=seed, job=job, steps=steps).write()


def room_parameters(facts: SessionFacts) -> Mapping[str, Any]:
    """What decides a storyboard beside brief and kit: the prompts, who is wanted for each role, the page's facts."""
    decisions = role_decisions(facts.brief)
    if not decisions:
        return {}
    page = facts.product_facts
    asked: list[Role] = [role for role in decisions if "language" in decisions[role].wanted.crafts]
    return {
        "prompts": own_prompts().version(*asked, language=facts.brief.story_language),
        "roles": {role: decision.wanted.model_id for role, decision in decisions.items()},
        "page": page.model_dump(exclude={"read_at"}) if page else None,
    }


class _Room:
    def __init__(self, workplace: Workplace, facts: SessionFacts, *, seed: int, job: Job, steps: list[Step]) -> None:
        self._facts, self._seed, self._job = facts, seed, job
        self._given, self._choice = assignment_of(facts)
        self._brands = known_brands(workplace)
        assert job.shelf, "the pipeline gives every job a shelf"
        self._team = Team(
            workplace=workplace, session_id=facts.session.session_id, brief=facts.brief, shelf=job.shelf, job=job,
            seed=seed, steps=steps,
        )  # fmt: skip
        for role, decision in role_decisions(facts.brief).items():
            if "language" in decision.wanted.crafts:  # a broken prompt is told before anybody is asked
                own_prompts().instructions(role, self._given.language, **self._given.slots)
        self._replaced: list[Complaint] = []
        """Of the version that is being written."""
        self._strange: list[Complaint] = []
        """What was wrong with a plan or pictures that our own writer's stand in for."""
        self._set_right: list[Complaint] = []
        """What was set right in a plan that stands."""

    def write(self) -> tuple[Storyboard, Done]:
        self._team.prepare(WRITING_ROLES)
        strategy = self._strategy()
        plan = self._plan(strategy)
        house = self._house(plan)
        arc = plan or plan_of(house)
        seconds = scene_seconds(arc, self._given.brief.duration)
        asked = copy_text(self._given, strategy, arc, seconds)
        drafted = self._ask("copy", asked, Copy, self._copy_complaints(seconds), 0.4)
        if plan is None and drafted is None:
            why = (*self._team.faults_of("scene_plan"), *self._team.faults_of("copy"))
            raise EngineUnavailable(
                "no language model wrote anything: {why}", engine=ROOM, why=why[0] if why else worded("none is allowed")
            )
        copy = self._mended(drafted, house, seconds)
        copy = self._polished(copy, strategy, arc, seconds, house)
        complaints = self._direction_complaints(len(arc.scenes))
        styles = picture_styles(self._facts, planned_scenes(arc))
        asked_for = direction_text(self._given, strategy, arc, copy, styles)
        direction = self._ask("direction", asked_for, Direction, complaints, 0.7)
        if direction and any(complaint.kind == "stranger" for complaint in complaints(direction)):
            self._strange += complaints(direction)
            direction = None
        versions = self._reviewed(_Pen(self, arc, direction, house, seconds, asked), copy)
        best = max(versions, key=lambda version: rank(version.review) if version.review else (0.0, 0.0))
        return best.board, self._done(strategy, versions, best)

    # --- the roles ---------------------------------------------------------------------------

    def _ask(
        self, role: Role, text: str, answer: type[Answer], complaints: Callable[[Any], Sequence[Complaint]],
        fraction: float,
    ) -> Answer | None:  # fmt: skip
        return self._team.ask(
            role, instructions=own_prompts().instructions(role, self._given.language, **self._given.slots), text=text,
            answer=answer, complaints=complaints, heard=SceneNews(role, self._job, fraction).hear, fraction=fraction,
        )  # fmt: skip

    def _strategy(self) -> Strategy:
        answer = self._ask(
            "strategy", strategy_text(self._given), Strategy,
            lambda found: strategy_complaints(found, self._given, brands=self._brands), 0.05,
        )  # fmt: skip
        if answer and not strategy_complaints(answer, self._given, brands=self._brands):
            return answer
        return house_strategy(self._given)

    def _plan(self, strategy: Strategy) -> ScenePlan | None:
        plan = self._ask("scene_plan", plan_text(self._given, strategy), ScenePlan, self._plan_complaints, 0.2)
        if plan is None:
            return None
        wrong = self._plan_complaints(plan)
        usable = usable_plan(without_strangers(plan, wrong, self._given), self._given)
        if usable is None:
            self._strange += [complaint for complaint in wrong if complaint.kind == "scenes"]
        self._set_right = [complaint for complaint in wrong if complaint.kind == "arc"] if usable else []
        return usable

    def _plan_complaints(self, plan: ScenePlan) -> Sequence[Complaint]:
        return plan_complaints(plan, self._given, brands=self._brands)

    def _direction_complaints(self, count: int) -> Callable[[Direction], Sequence[Complaint]]:
        return lambda direction: direction_complaints(direction, self._given, count, brands=self._brands)

    def _copy_complaints(self, seconds: Sequence[float]) -> Callable[[Copy], Sequence[Complaint]]:
        return lambda copy: copy_complaints(copy, self._given, seconds=seconds, brands=self._brands)

    def _polished(
        self, copy: Copy, strategy: Strategy, arc: ScenePlan, seconds: Sequence[float], house: Storyboard
    ) -> Copy:
        text = polish_text(self._given, strategy, arc, seconds, copy)
        polished = self._ask("copy_polish", text, Copy, self._copy_complaints(seconds), 0.55)
        if polished is None:
            return copy
        replaced = list(self._replaced)
        mended = self._mended(polished, house, seconds, instead=copy)
        self._replaced = replaced  # a line that the polish spoiled is the draft's own again: nobody's loss
        return mended

    def _reviewed(self, pen: _Pen, copy: Copy) -> list[_Version]:
        versions: list[_Version] = []
        for attempt in range(MOST_REWRITES + 1):
            version = pen.version(copy)
            review = self._ask(
                "review", review_text(self._given, version.board, version.measured.lines), Review, lambda _: (),
                0.8 + 0.05 * attempt,
            )  # fmt: skip
            if review:
                version = replace(version, review=held_to(review, version.measured))
            versions.append(version)
            if not version.review or version.review.tone_match.score >= GOOD_ENOUGH or attempt == MOST_REWRITES:
                break
            wish = again_text(pen.asked, copy, reasons(version.review))
            again = self._ask("copy", wish, Copy, self._copy_complaints(pen.seconds), 0.82 + 0.05 * attempt)
            mended_again = self._mended(again, pen.house, pen.seconds) if again else copy
            if mended_again == copy:  # nobody wrote, or nothing new: another review would say the same
                break
            copy = mended_again
        return versions

    # --- mending -----------------------------------------------------------------------------

    def _house(self, plan: ScenePlan | None) -> Storyboard:
        """What our own writer makes of the same scenes: for whatever no model does, or does wrong."""
        scenes: tuple[tuple[Purpose, float], ...] = ()
        if plan:
            seconds = scene_seconds(plan, self._given.brief.duration)
            scenes = tuple(zip((scene.purpose for scene in plan.scenes), seconds, strict=True))
        request = StoryRequest(brief=self._given.brief, kit=self._given.kit, seed=self._seed, scenes=scenes)
        board, _ = TemplateWriter().write_storyboard(request, Job(job_id=self._job.job_id))
        return board

    def _mended(
        self, copy: Copy | None, house: Storyboard, seconds: Sequence[float], *, instead: Copy | None = None
    ) -> Copy:
        """The copy with every line that may not stay replaced: by `instead`, else by our own writer's."""
        ours = instead or copy_of(house, self._given.facts)
        if copy is None:
            return ours
        found, self._replaced = mended(copy, ours, self._given, seconds=seconds, brands=self._brands)
        lines = {line.scene: line for line in found.scenes}
        for number in dict.fromkeys(complaint.scene for complaint in self._replaced if complaint.scene in lines):
            tell_ours(self._job, lines[number])
        return found

    # --- what came of it ---------------------------------------------------------------------

    def board(self, arc: ScenePlan, copy: Copy, direction: Direction | None, house: Storyboard) -> Storyboard:
        """The storyboard of these parts, with every text in its place."""
        made = storyboard_of(arc, copy, direction, self._given, seed=self._seed, persona=self._choice.persona.name)
        if direction is None:
            made = with_pictures_of(made, house)
        return self._fitting(made, house)

    def _fitting(self, board: Storyboard, house: Storyboard) -> Storyboard:
        """The same with no written text that finds no place: our own writer's stands there, or none."""
        late = why_not_fitting(self._facts, board)
        ours = house.scenes
        for scene in board.scenes:
            if scene.id in late:
                line = next((o.onscreen_text for o in ours if o.id == scene.id), "")
                extra = {"claim": "", "claim_source": ""} if scene.model_extra else {}
                board = board.with_scene(scene.model_copy(update={"onscreen_text": line, **extra}))
                self._replaced.append(Complaint(kind="room", scene=scene.number, said=late[scene.id].message))
        for scene_id in why_not_fitting(self._facts, board) if late else ():
            narration = next((o.narration for o in ours if o.id == scene_id), "")
            quiet = board.scene(scene_id).model_copy(update={"onscreen_text": "", "narration": narration})
            board = board.with_scene(quiet)
        return board

    @property
    def replaced(self) -> tuple[Complaint, ...]:
        return tuple(self._replaced)

    def measured(self, board: Storyboard) -> Measured:
        given = self._given
        supported = [fact.claim for fact in given.facts]
        return measured(board, supported=supported, names=given.names, speed=given.speed)

    def _done(self, strategy: Strategy, versions: Sequence[_Version], best: _Version) -> Done:
        team = self._team
        replaced = [*best.replaced, *self._strange]
        lesser = lesser_of(team.steps, replaced, wrote=team.wrote, licence=team.licence)
        details: dict[str, Any] = {
            "steps": [step.noted() for step in team.steps],
            "strategy": strategy.model_dump(),
            "persona": self._choice.persona.name,
            "persona_why": self._choice.why.noted(),
            "review": review_note(best.review),
            "versions": [scores_note(version.review) for version in versions],
            "flags": flags_note(best.measured),
            "facts": [vars(fact) for fact in self._given.facts],
            "ours": [str(complaint) for complaint in replaced],
            "set_right": [str(complaint) for complaint in self._set_right],
        }
        model = " + ".join(dict.fromkeys(model_id.split("/", 1)[1] for model_id in team.wrote))
        cost_usd = round(sum(step.cost_usd for step in team.steps), 6)
        return Done(
            model=model, seed=self._seed, cost_usd=cost_usd, lesser=lesser, licence=team.licence, details=details
        )  # fmt: skip


@dataclass(frozen=True)
class _Pen:
    """Everything but the words is decided: gives each copy its storyboard."""

    room: _Room
    arc: ScenePlan
    direction: Direction | None
    house: Storyboard
    seconds: Sequence[float]
    asked: str

    def version(self, copy: Copy) -> _Version:
        board = self.room.board(self.arc, copy, self.direction, self.house)
        return _Version(copy=copy, board=board, measured=self.room.measured(board), replaced=self.room.replaced)
