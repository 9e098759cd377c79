"""Stage 1: the brief becomes a storyboard."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from ad_pipeline.checks.verdict import Verdict
from ad_pipeline.engines.contracts import Done, Engine, Estimate, Job, StoryEngine, StoryRequest
from ad_pipeline.errors import StoryboardRejected
from ad_pipeline.media.time import FILM
from ad_pipeline.routing.route import decide
from ad_pipeline.sessions.fingerprint import fingerprint, sha256_of
from ad_pipeline.sessions.records import LicenceNote, TakeRecord
from ad_pipeline.sessions.store import Draft, Session
from ad_pipeline.stages.making import Task, make
from ad_pipeline.stages.session_facts import STORYBOARD, SessionFacts, facts_of
from ad_pipeline.stages.titling import check_texts_fit
from ad_pipeline.stages.workplace import RESUME, Wishes, Workplace
from ad_pipeline.story.storyboard import Storyboard, storyboard_from_text

STAGE_VERSION = 1


def make_storyboard(workplace: Workplace, session_id: str, wishes: Wishes = RESUME) -> TakeRecord:
    """The session's storyboard: written, or kept when a person wrote or edited it.

    Raises:
        InputRejected: the session has no brief, or a storyboard edited by hand is wrong.
        EngineError: no engine of the chain could write it.
    """
    facts = facts_of(workplace, session_id)
    # Also when a person asks for a new one: the edit would be overwritten and lost.
    edited = adopt_hand_edit(workplace, facts)
    if edited:
        return edited
    return make(workplace, facts.session, storyboard_task(facts), wishes)


def storyboard_task(facts: SessionFacts) -> Task:
    """What decides this session's storyboard."""
    brief = facts.brief

    def work(engine: Engine, seed: int | None, draft: Draft, job: Job) -> Done:
        assert isinstance(engine, StoryEngine)
        board, done = engine.write_storyboard(StoryRequest(brief=brief, kit=facts.kit, seed=seed or 0), job)
        draft.path.write_text(board.to_json(), encoding="utf-8")
        return done

    def check(draft: Draft, _: Done) -> Sequence[Verdict]:
        board = storyboard_from_text(draft.path.read_text(encoding="utf-8"))
        check_texts_fit(facts, board)
        return storyboard_verdicts(board, facts)

    def estimate(engine: Engine) -> Estimate:
        assert isinstance(engine, StoryEngine)
        return engine.estimate_story(StoryRequest(brief=brief, kit=facts.kit, seed=brief.seed))

    return Task(
        key=STORYBOARD,
        stage_version=STAGE_VERSION,
        decision=decide("storyboard", brief=brief),
        brief=brief,
        inputs={"brief": facts.brief_record.sha256},
        parameters={"kit": facts.kit},
        seed=brief.seed,
        work=work,
        check=check,
        estimate=estimate,
        wishes_used=("seed",),
    )


def storyboard_verdicts(board: Storyboard, facts: SessionFacts) -> list[Verdict]:
    """Length and formats as the brief wants them; words that the brand avoids."""
    brief, said = facts.brief, " ".join(f"{scene.narration} {scene.onscreen_text}" for scene in board.scenes).lower()
    avoided = [word for word in facts.kit.words_to_avoid if word.lower() in said]
    frames, wanted = sum(board.scene_frames), FILM.frames(brief.duration)
    return [
        Verdict(
            name="length",
            passed=frames == wanted,
            measured=f"{FILM.seconds(frames):.3f} s",
            limit=f"{FILM.seconds(wanted):.3f} s",
        ),
        Verdict(
            name="words_to_avoid",
            passed=not avoided,
            measured=", ".join(avoided) or "none",
            limit="none of the kit's words_to_avoid",
            severity="warning",
        ),
    ]


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
    workplace: Workplace, facts: SessionFacts, board: Storyboard, *, what: Mapping[str, object]
) -> TakeRecord:
    """A storyboard that a person changed, as the picked take; it stands until the brief changes."""
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
                "basis": storyboard_task(facts).basis,
                "fingerprint": fingerprint(text=text),
                "verdicts": tuple(v.to_dict() for v in storyboard_verdicts(board, facts)),
                "details": dict(what),
                "run_id": workplace.run_id,
            },
        )
