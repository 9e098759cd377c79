"""Stage 1: the brief becomes a storyboard."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from filelock import FileLock, Timeout

from ad_pipeline.checks.verdict import Verdict
from ad_pipeline.engines.contracts import Done, Engine, Estimate, Job
from ad_pipeline.engines.crafts.story import StoryEngine, StoryRequest
from ad_pipeline.errors import Cancelled, EngineUnavailable, StoryboardRejected
from ad_pipeline.media.time import FILM
from ad_pipeline.messages import worded
from ad_pipeline.routing.route import decide
from ad_pipeline.sessions.fingerprint import fingerprint, plain, sha256_of
from ad_pipeline.sessions.records import Degraded, LicenceNote, TakeRecord
from ad_pipeline.sessions.store import Draft, Session
from ad_pipeline.stages.estimates import with_estimates
from ad_pipeline.stages.making import Task, current, make
from ad_pipeline.stages.room_notes import review_note
from ad_pipeline.stages.scene_titles import check_texts_fit
from ad_pipeline.stages.session_facts import STORYBOARD, SessionFacts, facts_of
from ad_pipeline.stages.storyboard_verdicts import review_verdicts, storyboard_verdicts
from ad_pipeline.stages.team import Step
from ad_pipeline.stages.workplace import RESUME, Wishes, Workplace
from ad_pipeline.stages.writers_room import room_parameters, write_in_room
from ad_pipeline.story.casting import chosen_persona
from ad_pipeline.story.storyboard import Storyboard, storyboard_from_text

STAGE_VERSION = 1
_LOOK_EVERY_S = 0.2
_KEPT_FIELDS = {"engine", "model", "version", "licence", "seed", "inputs", "verdicts", "details"}
"""Of a record whose words stay as they are."""


def make_storyboard(workplace: Workplace, session_id: str, wishes: Wishes = RESUME) -> TakeRecord:
    """The session's storyboard: written, or kept when a person wrote or edited it.

    Raises:
        InputRejected: the session has no brief, or a storyboard edited by hand is wrong.
        EngineError: no engine of the chain could write it.
    """
    facts = facts_of(workplace, session_id)
    # Also when a person asks for a new one: the edit would be overwritten and lost.
    edited = adopt_hand_edit(workplace, facts) or _standing_edit(facts, wishes)
    if edited:
        return edited
    if wishes.upgrade and _nobody_better(workplace, facts):
        wishes = replace(wishes, upgrade=False)
    task = storyboard_task(facts, workplace)
    with _alone(workplace, facts):
        record = _kept_without_models(workplace, facts, task, wishes) or make(workplace, facts.session, task, wishes)
    # What the roles answered lay there for whoever had to go on; now all of it is in the take.
    shutil.rmtree(_shelf(facts), ignore_errors=True)
    return record


def storyboard_task(facts: SessionFacts, workplace: Workplace | None = None) -> Task:
    """What decides this session's storyboard; with a workplace, also how it is made."""
    brief = facts.brief
    steps: list[Step] = []

    def work(engine: Engine, seed: int | None, draft: Draft, job: Job) -> Done:
        if isinstance(engine, StoryEngine):
            board, done = engine.write_storyboard(StoryRequest(brief=brief, kit=facts.kit, seed=seed or 0), job)
            noted = {"review": review_note(None), **({"steps": [step.noted() for step in steps]} if steps else {})}
            done = replace(done, details={**done.details, **noted})
        else:
            assert workplace, "only a task that is given a workplace can be worked on"
            room_job = replace(job, shelf=_shelf(facts))
            board, done = write_in_room(workplace, facts, seed=seed or 0, job=room_job, steps=steps)
        if board.persona in ("", "auto"):
            choice = chosen_persona(brief, facts.kit)
            board = board.model_copy(update={"persona": choice.persona.name})
            told = {"persona": choice.persona.name, "persona_why": choice.why.noted()}
            done = replace(done, details={**done.details, **told})
        board = with_estimates(board, brief, facts.kit)
        draft.path.write_text(board.to_json(), encoding="utf-8")
        return done

    def check(draft: Draft, done: Done) -> Sequence[Verdict]:
        board = storyboard_from_text(draft.path.read_text(encoding="utf-8"))
        check_texts_fit(facts, board)
        return [*storyboard_verdicts(board, facts), *review_verdicts(done.details.get("review", {}))]

    def estimate(engine: Engine) -> Estimate:
        if isinstance(engine, StoryEngine):
            return engine.estimate_story(StoryRequest(brief=brief, kit=facts.kit, seed=brief.seed))
        return Estimate(cost_usd=decide("storyboard", brief=brief).cost_usd)

    return Task(
        key=STORYBOARD,
        stage_version=STAGE_VERSION,
        decision=decide("storyboard", brief=brief),
        brief=brief,
        inputs={"brief": facts.brief_record.sha256},
        parameters=_parameters(facts),
        seed=brief.seed,
        work=work,
        check=check,
        estimate=estimate,
        wishes_used=("seed",),
    )


def standing_storyboard(facts: SessionFacts) -> TakeRecord | None:
    """The storyboard that serves as it is, written or edited."""
    return current(facts.session, storyboard_task(facts)) or _standing_edit(facts, RESUME)


def storyboard_bases(facts: SessionFacts) -> tuple[str, str]:
    """What the record of a storyboard that stands says it was made from: of one that was written, and one edited."""
    return storyboard_task(facts).basis, _edit_basis(facts)


def _parameters(facts: SessionFacts) -> Mapping[str, Any]:
    room = room_parameters(facts)
    return {"kit": facts.kit, "room": room} if room else {"kit": facts.kit}


def _edit_basis(facts: SessionFacts) -> str:
    """What an edit depends on: the brief and the kit. Other prompts or models are no reason to lose it."""
    return replace(storyboard_task(facts), parameters={"kit": facts.kit}).basis


def _standing_edit(facts: SessionFacts, wishes: Wishes) -> TakeRecord | None:
    """A person's edit that is picked, where nobody asks for another storyboard."""
    picked = facts.session.picked(STORYBOARD)
    if not wishes.reuse or wishes.seed is not None or not picked or "edited" not in picked.details:
        return None
    return picked if picked.basis == _edit_basis(facts) and facts.session.is_intact(picked) else None


@contextlib.contextmanager
def _alone(workplace: Workplace, facts: SessionFacts) -> Generator[None]:
    """One process writes a session's storyboard at a time; whoever waited finds it written, and asks and pays nobody.

    Raises:
        Cancelled: the work was stopped while it waited.
    """
    lock = FileLock(facts.session.folder / ".writing.lock")
    while True:
        try:
            lock.acquire(timeout=_LOOK_EVERY_S)
            break
        except Timeout:
            if workplace.should_stop():
                raise Cancelled("the work was stopped") from None
    try:
        yield
    finally:
        lock.release()


def _kept_without_models(
    workplace: Workplace, facts: SessionFacts, task: Task, wishes: Wishes
) -> TakeRecord | None:  # fmt: skip
    """Where only prompts, models or the page changed and no model answers now: the team's storyboard that is there.

    It stays, marked degraded, rather than that the template writer's takes its place.
    """
    good = facts.session.picked(STORYBOARD)
    if (
        not good or good.engine != "room" or good.degraded or not wishes.reuse or wishes.seed is not None
        or good.inputs.get("brief") != task.inputs["brief"] or good.parameters.get("kit") != plain(facts.kit)
        or good.basis == task.basis or not facts.session.is_intact(good)
    ):  # fmt: skip
        return None
    try:
        return make(
            workplace,
            facts.session,
            replace(task, decision=replace(task.decision, chain=task.decision.chain[:1])),
            wishes,
        )
    except EngineUnavailable as error:
        why = worded("no language model answers now, so the storyboard that is there stays: {why}", why=error.message)
    with facts.session.drafting(STORYBOARD) as draft:
        draft.path.write_text(facts.session.text_of(good), encoding="utf-8")
        kept = good.model_dump(include=_KEPT_FIELDS)
        degraded = Degraded(
            wanted=task.decision.wanted.model_id,
            used=f"{good.engine}/{good.model}",
            why=str(why),
            reasons=(why.noted(),),
        )
        return facts.session.commit(
            draft, made_by=workplace.made_by,
            facts={**kept, "basis": task.basis, "fingerprint": fingerprint(kept=good.sha256, basis=task.basis),
                   "parameters": plain(task.parameters), "degraded": degraded, "run_id": workplace.run_id},
        )  # fmt: skip


def _nobody_better(workplace: Workplace, facts: SessionFacts) -> bool:
    """Whether all who were missed are missing still; nothing is asked over a network."""
    picked = facts.session.picked(STORYBOARD)
    steps: list[dict[str, Any]] = picked.details.get("steps", []) if picked and picked.degraded else []
    missed = [str(step["wanted"]) for step in steps if step.get("degraded")]
    return bool(missed) and all(workplace.engines.why_not(model_id) for model_id in missed)


def _shelf(facts: SessionFacts) -> Path:
    return facts.session.shelf("writers_room")


def adopt_hand_edit(workplace: Workplace, facts: SessionFacts) -> TakeRecord | None:
    """A `storyboard.json` that a person edited, as a new take; None when nobody did.

    Raises:
        StoryboardRejected: the edited file is wrong; the film keeps the earlier take.
    """
    if not hand_edited(facts.session):
        return None
    try:
        text = facts.session.plain_path(STORYBOARD).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise StoryboardRejected("{path} is no UTF-8 text", path="storyboard.json") from error
    board = storyboard_from_text(text)
    return keep_edit(workplace, facts, board, what={"edited": "storyboard.json by hand"})


def hand_edited(session: Session) -> bool:
    """Whether a person changed `storyboard.json` since the picked take was written."""
    picked, plain_file = session.picked(STORYBOARD), session.plain_path(STORYBOARD)
    return bool(picked) and plain_file.is_file() and sha256_of(plain_file) != picked.sha256


def edit_scene(workplace: Workplace, session_id: str, scene_id: str, changes: Mapping[str, object]) -> TakeRecord:
    """The storyboard with some fields of one scene changed, as a new take.

    Raises:
        StoryboardRejected: there is no such scene, or the new value is not allowed.
    """
    facts = facts_of(workplace, session_id)
    board = facts.storyboard
    values = board.model_dump(mode="json", exclude_none=True)
    board.scene(scene_id)
    for scene in values["scenes"]:
        if scene["id"] == scene_id:
            scene.update(changes)
            if "narration" in changes:
                scene.pop("lines", None)
    changed = storyboard_from_text(json.dumps(values, ensure_ascii=False))
    return keep_edit(workplace, facts, changed, what={"edited": scene_id, "fields": sorted(changes)})


def keep_edit(
    workplace: Workplace, facts: SessionFacts, board: Storyboard, *, what: Mapping[str, object],
    author: Mapping[str, object] = MappingProxyType({}),
) -> TakeRecord:  # fmt: skip
    """A storyboard that a person changed, as the picked take; it stands until the brief changes.

    `author`: fields of the record where it was not the person's own hand that wrote.
    """
    if sum(board.scene_frames) != FILM.frames(facts.brief.duration):
        raise StoryboardRejected(
            "the storyboard lasts {got:g} s, the brief says {wanted:g} s; make them equal",
            field="duration_seconds", got=board.duration_seconds, wanted=facts.brief.duration,
        )  # fmt: skip
    check_texts_fit(facts, board)
    text = board.to_json()
    with facts.session.drafting(STORYBOARD) as draft:
        draft.path.write_text(text, encoding="utf-8")
        return facts.session.commit(
            draft,
            made_by="person",
            facts={
                "engine": "person",
                "model": "person",
                "version": "",
                "licence": LicenceNote(name="the customer's own", paid_ads="yes"),
                "inputs": {"brief": facts.brief_record.sha256},
                "basis": _edit_basis(facts),
                "fingerprint": fingerprint(text=text),
                "verdicts": tuple(v.to_dict() for v in storyboard_verdicts(board, facts)),
                "details": dict(what),
                "run_id": workplace.run_id,
                **author,
            },
        )
