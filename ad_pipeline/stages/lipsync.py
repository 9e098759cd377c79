"""Stage 5: the speaker's mouth follows the voice; other scenes keep their clip as it is, and say why."""

from __future__ import annotations

import filecmp
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ad_pipeline.checks.film import check_clip
from ad_pipeline.checks.lips import check_lips
from ad_pipeline.checks.verdict import Verdict
from ad_pipeline.engines.contracts import Done, Engine, Estimate, Job
from ad_pipeline.engines.crafts.lipsync import LipsyncEngine, LipsyncRequest
from ad_pipeline.errors import EngineRefused
from ad_pipeline.media.time import FILM
from ad_pipeline.routing.route import decide
from ad_pipeline.sessions.keys import ArtifactKey
from ad_pipeline.sessions.records import TakeRecord
from ad_pipeline.sessions.store import Draft
from ad_pipeline.stages.announcing import make_all
from ad_pipeline.stages.making import Task
from ad_pipeline.stages.motion_clip import motion_clip_key
from ad_pipeline.stages.session_facts import SessionFacts, facts_of, picked_input
from ad_pipeline.stages.voice import voice_key, voice_start_s
from ad_pipeline.stages.workplace import RESUME, Wishes, Workplace
from ad_pipeline.story.brief import Brief
from ad_pipeline.story.formats import Format, size_of
from ad_pipeline.story.storyboard import Scene

STAGE_VERSION = 2


def lipsync_key(scene_id: str, format_: Format) -> ArtifactKey:
    return ArtifactKey(kind="lipsync", scene_id=scene_id, format=format_)


def make_lipsyncs(
    workplace: Workplace, session_id: str, scene_id: str, wishes: Wishes = RESUME
) -> tuple[TakeRecord, ...]:
    """The clip that the final is cut from, in every format of the ad.

    Raises:
        InputRejected: no such session or scene, or its clip or voice was not made.
        EngineError: no engine of the chain could make it.
    """
    facts = facts_of(workplace, session_id)
    return make_all(workplace, facts.session, [(task, wishes) for task in lipsync_tasks(facts, scene_id)])


def lipsync_tasks(facts: SessionFacts, scene_id: str) -> tuple[Task, ...]:
    """What decides the scene's final clips; the voice counts only where a speaker is on camera."""
    scene = facts.storyboard.scene(scene_id)
    return tuple(_task(facts, scene, format_) for format_ in facts.storyboard.all_formats)


def _task(facts: SessionFacts, scene: Scene, format_: Format) -> Task:
    session, shot = facts.session, facts.shot(scene.id)
    clip = picked_input(session, motion_clip_key(scene.id, format_))
    voice = picked_input(session, voice_key(scene.id))
    speaks = scene.speaker_on_camera and facts.brief.voice != "none" and bool(scene.spoken)
    request = LipsyncRequest(
        clip=session.path_of(clip),
        voice=session.path_of(voice),
        voice_start_s=FILM.seconds(shot.head_frames) + voice_start_s(voice),
        frames=shot.clip_frames,
        seed=facts.seed_of(scene),
    )
    decision = decide("lipsync", brief=facts.brief, scene=scene if speaks else _silent(scene))

    def work(engine: Engine, seed: int | None, draft: Draft, job: Job) -> Done:
        assert isinstance(engine, LipsyncEngine)
        try:
            done = engine.sync_lips(replace(request, seed=seed or 0), draft.path, job)
        except EngineRefused as error:
            raise EngineRefused(
                "{scene_id}: {problem}", engine=error.engine, job_id=error.job_id, scene_id=scene.id,
                problem=error.message,
            ) from error  # fmt: skip
        return replace(done, details={**done.details, **_told(scene, facts.brief, done)})

    def announce(engine: Engine, seed: int | None, job: Job) -> AbstractContextManager[object]:
        assert isinstance(engine, LipsyncEngine)
        return engine.announce_lipsync(replace(request, seed=seed or 0), job)

    def check(draft: Draft, done: Done) -> Sequence[Verdict]:
        if done.details.get("passed_through"):
            return [_same_bytes(draft, request.clip)]
        return (
            *check_clip(draft.path, size=size_of(format_), frames=shot.clip_frames),
            *check_lips(
                draft.path, source=request.clip, voice=request.voice, voice_start_s=request.voice_start_s
            ),
        )  # fmt: skip

    def estimate(engine: Engine) -> Estimate:
        assert isinstance(engine, LipsyncEngine)
        return engine.estimate_lipsync(request)

    return Task(
        key=lipsync_key(scene.id, format_),
        stage_version=STAGE_VERSION,
        decision=decision,
        brief=facts.brief,
        inputs={"motion_clip": clip.sha256} | ({"voice": voice.sha256} if speaks else {}),
        parameters={"frames": request.frames, "voice_start_s": request.voice_start_s if speaks else 0.0},
        seed=request.seed if speaks else None,
        work=work,
        check=check,
        estimate=estimate,
        announce=announce,
        wishes_used=("seed",),
    )


def _silent(scene: Scene) -> Scene:
    """The scene as its route is chosen when nothing is said on camera: a model would move lips to silence."""
    engines = {stage: engine for stage, engine in scene.engines.items() if stage != "lipsync"}
    return scene.model_copy(update={"speaker_on_camera": False, "engines": engines})


def _told(scene: Scene, brief: Brief, done: Done) -> dict[str, Any]:
    """Why the clip went on as it is; who speaks, where the lips of one follow the lines of several."""
    if done.details.get("passed_through"):
        return {"why": _why_passed(scene, brief)}
    speakers = list(dict.fromkeys(line.speaker for line in scene.spoken))
    return {"speakers": speakers, "follows": "all lines"} if len(speakers) > 1 else {}


def _why_passed(scene: Scene, brief: Brief) -> str:
    if not scene.speaker_on_camera:
        return "nobody speaks on camera in this scene"
    if brief.voice == "none":
        return "the speaker is on camera, and the ad has no voice"
    if not scene.spoken:
        return "the speaker is on camera and says nothing"
    return "the engine moves no lips"


def _same_bytes(draft: Draft, clip: Path) -> Verdict:
    """A clip that nobody changed was checked as a motion clip; here only that it is that clip, byte by byte."""
    one_file = draft.path.samefile(clip)
    return Verdict(
        name="unchanged",
        passed=one_file or filecmp.cmp(draft.path, clip, shallow=False),
        measured="the clip's own file" if one_file else f"{draft.path.stat().st_size} bytes",
        limit=f"the bytes of {clip.name}",
    )
