"""Stage 6: effects that follow the clip's motion and transitions; once for all formats."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from ad_pipeline.checks.sound import check_sound
from ad_pipeline.checks.verdict import Verdict
from ad_pipeline.engines.contracts import Done, Engine, Estimate, Job
from ad_pipeline.engines.crafts.sound import SfxRequest, SoundEngine
from ad_pipeline.media.time import FILM
from ad_pipeline.routing.route import decide
from ad_pipeline.sessions.keys import ArtifactKey
from ad_pipeline.sessions.records import TakeRecord
from ad_pipeline.sessions.store import Draft
from ad_pipeline.stages.announcing import make_all
from ad_pipeline.stages.making import Task
from ad_pipeline.stages.motion_clip import motion_clip_key
from ad_pipeline.stages.session_facts import SessionFacts, facts_of, picked_input
from ad_pipeline.stages.workplace import RESUME, Wishes, Workplace

STAGE_VERSION = 1


def sfx_key(scene_id: str) -> ArtifactKey:
    return ArtifactKey(kind="sfx", scene_id=scene_id)


def make_sfx(workplace: Workplace, session_id: str, scene_id: str, wishes: Wishes = RESUME) -> TakeRecord:
    """The scene's effects.

    Raises:
        InputRejected: no such session or scene, or its clip was not made.
        EngineError: no engine of the chain could make them.
    """
    facts = facts_of(workplace, session_id)
    return make_all(workplace, facts.session, [(sfx_task(facts, scene_id, wishes), wishes)])[0]


def sfx_task(facts: SessionFacts, scene_id: str, wishes: Wishes = RESUME) -> Task:
    """What decides the scene's effects; they are made from the main format's clip."""
    board, session, scene = facts.storyboard, facts.session, facts.storyboard.scene(scene_id)
    clip = picked_input(session, motion_clip_key(scene_id, board.format))
    place = board.scene_ids.index(scene_id)
    joints = facts.timeline.joints
    request = SfxRequest(
        clip=session.path_of(clip),
        duration_s=FILM.seconds(facts.shot(scene_id).frames),
        prompt=scene.sound.strip() or scene.image_prompt,
        says_sound=bool(scene.sound.strip()),
        purpose=scene.purpose,
        motion_style=scene.motion_style,
        transition_in=joints[place - 1].kind if place else "cut",
        opens=place == 0,
        closes=place == len(board.scenes) - 1,
        seed=facts.seed_of(scene),
    )

    def wished(seed: int | None) -> SfxRequest:
        if wishes.prompt is None:
            return replace(request, seed=seed or 0)
        return replace(request, seed=seed or 0, prompt=wishes.prompt, says_sound=True)

    def work(engine: Engine, seed: int | None, draft: Draft, job: Job) -> Done:
        assert isinstance(engine, SoundEngine)
        return engine.render_sfx(wished(seed), draft.path, job)

    def announce(engine: Engine, seed: int | None, job: Job) -> AbstractContextManager[object]:
        assert isinstance(engine, SoundEngine)
        return engine.announce_sfx(wished(seed), job)

    def check(draft: Draft, _: Done) -> Sequence[Verdict]:
        return check_sound(draft.path, length_s=request.duration_s)

    def estimate(engine: Engine) -> Estimate:
        assert isinstance(engine, SoundEngine)
        return engine.estimate_sound(request)

    return Task(
        key=sfx_key(scene_id),
        stage_version=STAGE_VERSION,
        decision=decide("sfx", brief=facts.brief, scene=scene),
        brief=facts.brief,
        inputs={"motion_clip": clip.sha256},
        parameters={name: value for name, value in vars(request).items() if name not in ("seed", "says_sound")},
        seed=request.seed,
        work=work,
        check=check,
        estimate=estimate,
        announce=announce,
        wishes_used=("seed", "prompt"),
    )
