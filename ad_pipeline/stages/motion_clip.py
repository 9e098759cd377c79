"""Stage 3: the key image moves, for the scene's frames and its transitions' handles."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from ad_pipeline.checks.film import check_clip
from ad_pipeline.checks.verdict import Verdict
from ad_pipeline.engines.contracts import Done, Engine, Estimate, Job
from ad_pipeline.engines.crafts.motion import MotionEngine, MotionRequest
from ad_pipeline.routing.route import decide
from ad_pipeline.sessions.keys import ArtifactKey
from ad_pipeline.sessions.records import TakeRecord
from ad_pipeline.sessions.store import Draft
from ad_pipeline.stages.announcing import make_all
from ad_pipeline.stages.key_image import LAYERS, key_image_key
from ad_pipeline.stages.making import Task
from ad_pipeline.stages.session_facts import SessionFacts, facts_of, picked_input
from ad_pipeline.stages.workplace import RESUME, Wishes, Workplace
from ad_pipeline.story.formats import Format, size_of
from ad_pipeline.story.storyboard import Scene

STAGE_VERSION = 1


def motion_clip_key(scene_id: str, format_: Format) -> ArtifactKey:
    return ArtifactKey(kind="motion_clip", scene_id=scene_id, format=format_)


def make_motion_clips(
    workplace: Workplace, session_id: str, scene_id: str, wishes: Wishes = RESUME
) -> tuple[TakeRecord, ...]:
    """The scene's clip in every format of the ad, in their order.

    Raises:
        InputRejected: no such session or scene, or its key image was not made.
        EngineError: no engine of the chain could make it.
    """
    facts = facts_of(workplace, session_id)
    tasks = motion_clip_tasks(facts, scene_id, wishes)
    return make_all(workplace, facts.session, [(task, wishes) for task in tasks])


def motion_clip_tasks(facts: SessionFacts, scene_id: str, wishes: Wishes = RESUME) -> tuple[Task, ...]:
    """What decides the scene's clips, one per format."""
    scene = facts.storyboard.scene(scene_id)
    return tuple(_task(facts, scene, format_, wishes) for format_ in facts.storyboard.all_formats)


def _task(facts: SessionFacts, scene: Scene, format_: Format, wishes: Wishes) -> Task:
    session, image = facts.session, picked_input(facts.session, key_image_key(scene.id, format_))
    layers = session.side_path_of(image, LAYERS)
    base = MotionRequest(
        image=session.path_of(image),
        layers_dir=layers,
        size=size_of(format_),
        frames=facts.shot(scene.id).clip_frames,
        motion_style=scene.motion_style,
        motion_prompt=scene.motion_prompt,
        prompt=scene.image_prompt,
        negative_prompt=scene.negative_prompt,
        camera=scene.camera,
        seed=facts.seed_of(scene),
    )

    def request(seed: int | None) -> MotionRequest:
        return replace(
            base,
            motion_prompt=base.motion_prompt if wishes.prompt is None else wishes.prompt,
            negative_prompt=base.negative_prompt if wishes.negative_prompt is None else wishes.negative_prompt,
            motion_bucket=wishes.motion_bucket,
            model_frames=wishes.frames,
            steps=wishes.steps,
            cfg=wishes.cfg,
            seed=base.seed if seed is None else seed,
        )

    def work(engine: Engine, seed: int | None, draft: Draft, job: Job) -> Done:
        assert isinstance(engine, MotionEngine)
        return engine.render_motion(request(seed), draft.path, job)

    def announce(engine: Engine, seed: int | None, job: Job) -> AbstractContextManager[object]:
        assert isinstance(engine, MotionEngine)
        return engine.announce_motion(request(seed), job)

    def check(draft: Draft, _: Done) -> Sequence[Verdict]:
        return check_clip(draft.path, size=base.size, frames=base.frames)

    def estimate(engine: Engine) -> Estimate:
        assert isinstance(engine, MotionEngine)
        return engine.estimate_motion(base)

    inputs = {"key_image": image.sha256}
    if LAYERS in image.files:
        inputs["key_image.layers"] = image.files[LAYERS].sha256
    return Task(
        key=motion_clip_key(scene.id, format_),
        stage_version=STAGE_VERSION,
        decision=decide("motion_clip", brief=facts.brief, scene=scene),
        brief=facts.brief,
        inputs=inputs,
        parameters={name: value for name, value in vars(base).items() if name != "seed"},
        seed=base.seed,
        work=work,
        check=check,
        estimate=estimate,
        announce=announce,
        wishes_used=("seed", "prompt", "negative_prompt", "motion_bucket", "frames", "steps", "cfg"),
    )
