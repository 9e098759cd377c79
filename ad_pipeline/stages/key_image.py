"""Stage 2: the still picture that a scene moves from, one per format."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ad_pipeline.checks.picture import check_image
from ad_pipeline.checks.verdict import Verdict
from ad_pipeline.engines.contracts import Done, Engine, Estimate, Job
from ad_pipeline.engines.crafts.image import ImageDone, ImageEngine, ImageRequest
from ad_pipeline.errors import EngineUnavailable, InputRejected
from ad_pipeline.routing.route import decide
from ad_pipeline.sessions.keys import ArtifactKey
from ad_pipeline.sessions.records import TakeRecord
from ad_pipeline.sessions.store import Draft
from ad_pipeline.stages.announcing import Asked, make_all
from ad_pipeline.stages.making import Task, current
from ad_pipeline.stages.session_facts import SessionFacts, facts_of, picked_input
from ad_pipeline.stages.words import check_words
from ad_pipeline.stages.workplace import RESUME, Wishes, Workplace
from ad_pipeline.story.formats import Format, size_of
from ad_pipeline.story.storyboard import Scene
from ad_pipeline.values import Box, Size

STAGE_VERSION = 1
LAYERS = "layers"


def key_image_key(scene_id: str, format_: Format) -> ArtifactKey:
    return ArtifactKey(kind="key_image", scene_id=scene_id, format=format_)


def make_key_images(
    workplace: Workplace, session_id: str, scene_id: str, wishes: Wishes = RESUME
) -> tuple[TakeRecord, ...]:
    """The scene's picture in every format of the ad, in their order.

    Raises:
        InputRejected: no such session or scene, or a picture to edit was not made yet.
        EngineError: no engine of the chain could make it.
    """
    facts = facts_of(workplace, session_id)
    return make_all(workplace, facts.session, key_images_asked(facts, scene_id, wishes))


def key_images_asked(facts: SessionFacts, scene_id: str, wishes: Wishes) -> tuple[Asked, ...]:
    """The pictures to make or to edit, each with what is wished of it.

    An edit that had reached only some formats is brought to its end: what it changed is not changed once more.

    Raises:
        InputRejected: a picture to edit was not made yet, or the words cannot be read.
    """
    if wishes.edit is not None:
        edits = key_image_edits(facts, scene_id, wishes)
        done = [_has_it(facts.session.picked(edit.key), wishes) for edit in edits]
        return tuple(
            (edit.picture, RESUME) if is_done and not all(done) else (edit, edit.wishes)
            for edit, is_done in zip(edits, done, strict=True)
        )
    return tuple((task, _sparing_edits(facts, task, wishes)) for task in key_image_tasks(facts, scene_id, wishes))


def _has_it(picked: TakeRecord | None, wishes: Wishes) -> bool:
    """Whether these words were what changed the picture last."""
    told = picked.parameters if picked else {}
    return (told.get("edit"), told.get("seed")) == (wishes.edit, wishes.seed)


def key_image_tasks(facts: SessionFacts, scene_id: str, wishes: Wishes = RESUME) -> tuple[Task, ...]:
    """What decides the scene's pictures, one per format."""
    scene = facts.storyboard.scene(scene_id)
    return tuple(_task(facts, scene, format_, wishes) for format_ in facts.storyboard.all_formats)


@dataclass(frozen=True, kw_only=True)
class Edit(Task):
    """A picked picture changed by a person's words: a take that stands for as long as the picture itself would."""

    picture: Task
    wishes: Wishes

    @property
    def basis(self) -> str:
        return self.picture.basis


def key_image_edits(facts: SessionFacts, scene_id: str, wishes: Wishes) -> tuple[Edit, ...]:
    """The wished edit of the scene's picked pictures, one per format.

    Raises:
        InputRejected: no words, or none that a model can read; a picture was not made yet, or no longer
            follows from the story.
    """
    check_words(wishes.edit or "", "edit")
    if not (wishes.edit or "").strip():
        raise InputRejected('say what to change, e.g. "brighter background"', field="edit")
    return tuple(_edit(facts, task, wishes) for task in key_image_tasks(facts, scene_id))


def check_can_edit(workplace: Workplace, edits: Sequence[Edit]) -> None:
    """Look whether somebody is there who edits pictures.

    Raises:
        EngineUnavailable: nobody is; what the first choice lacks.
    """
    why: EngineUnavailable | None = None
    for row in edits[0].decision.chain:
        try:
            workplace.engines.engine(row.model_id)
            return
        except EngineUnavailable as error:
            why = why or error
    assert why is not None
    raise EngineUnavailable("nobody here can edit pictures: {why}", engine=why.engine, why=why.message) from why


def _edit(facts: SessionFacts, task: Task, wishes: Wishes) -> Edit:
    scene, format_ = facts.storyboard.scene(task.key.scene_id or ""), task.key.format
    picked = picked_input(facts.session, task.key)
    if not current(facts.session, task) or format_ is None:
        raise InputRejected(
            "{key} of session {session_id!r} no longer follows from the story; make it again, then edit it",
            field="scene", key=str(task.key), session_id=facts.session.session_id,
        )  # fmt: skip
    wishes = replace(wishes, prompt=wishes.edit, edited_sha256=picked.sha256)
    plain = _task(facts, scene, format_, wishes, edits=facts.session.path_of(picked))
    changed: dict[str, Any] = {
        "decision": decide("image_edit", brief=facts.brief, scene=scene),
        "inputs": {**task.inputs, "key_image": picked.sha256},
        "wishes_used": ("edit", "edited_sha256", *(name for name in task.wishes_used if name != "prompt")),
    }
    return Edit(**vars(plain) | changed, picture=task, wishes=wishes)


def _sparing_edits(facts: SessionFacts, task: Task, wishes: Wishes) -> Wishes:
    """An upgrade begins from the story's words and would undo what a person had changed in the picture."""
    picked = facts.session.picked(task.key) if wishes.upgrade else None
    return replace(wishes, upgrade=False) if picked and "edit" in picked.parameters else wishes


def _task(facts: SessionFacts, scene: Scene, format_: Format, wishes: Wishes, *, edits: Path | None = None) -> Task:
    base = replace(_request(facts, scene, format_), edits=edits)
    product = facts.product_image

    def request(seed: int | None) -> ImageRequest:
        wished = Size(width_px=wishes.width or base.size.width_px, height_px=wishes.height or base.size.height_px)
        return replace(
            base,
            prompt=base.prompt if wishes.prompt is None else wishes.prompt,
            negative_prompt=base.negative_prompt if wishes.negative_prompt is None else wishes.negative_prompt,
            steps=wishes.steps,
            cfg=wishes.cfg,
            size=wished,
            seed=base.seed if seed is None else seed,
        )

    def work(engine: Engine, seed: int | None, draft: Draft, job: Job) -> Done:
        assert isinstance(engine, ImageEngine)
        return engine.render_image(request(seed), draft.path, draft.side(LAYERS), job)

    def announce(engine: Engine, seed: int | None, job: Job) -> AbstractContextManager[object]:
        assert isinstance(engine, ImageEngine)
        return engine.announce_image(request(seed), job)

    def check(draft: Draft, done: Done) -> Sequence[Verdict]:
        assert isinstance(done, ImageDone)
        return check_image(draft.path, size=request(done.seed).size)

    def estimate(engine: Engine) -> Estimate:
        assert isinstance(engine, ImageEngine)
        return engine.estimate_image(base)

    return Task(
        key=key_image_key(scene.id, format_),
        stage_version=STAGE_VERSION,
        decision=decide("key_image", brief=facts.brief, scene=scene, kit=facts.kit),
        brief=facts.brief,
        inputs={"input_image": product.sha256} if product else {},
        parameters={name: value for name, value in vars(base).items() if name != "seed"},
        seed=base.seed,
        work=work,
        check=check,
        estimate=estimate,
        announce=announce,
        wishes_used=("seed", "prompt", "negative_prompt", "steps", "cfg", "width", "height"),
    )


def _request(facts: SessionFacts, scene: Scene, format_: Format) -> ImageRequest:
    layout = facts.layout(format_)
    area = facts.subject_area(format_)
    calm = [layout.headline] if scene.onscreen_text else []
    if "cta_button" in scene.brand_elements:
        # All from the button down: the subject stands above it, not in a corner beside it.
        calm.append(layout.button if facts.is_wide(format_) else replace(area, top_px=layout.button.top_px))
    elif scene.spoken and facts.brief.voice != "none":
        calm.append(layout.caption)
    marks: tuple[Box, ...] = ()
    if "logo_bottom_right" in scene.brand_elements and not facts.is_wide(format_):
        # And the corner on the other side, so that the subject stays in the middle: narrower, or above both.
        marks = (layout.logo, _mirrored(layout.logo, size_of(format_)))
    return ImageRequest(
        prompt=scene.image_prompt,
        negative_prompt=scene.negative_prompt,
        size=size_of(format_),
        seed=facts.seed_of(scene),
        purpose=scene.purpose,
        camera=scene.camera,
        look=facts.look,
        brand_elements=scene.brand_elements,
        safe_box=area,
        calm_boxes=tuple(calm),
        mark_boxes=marks,
        motion_style=scene.motion_style,
        controlnet_mode=scene.controlnet_mode,
        claims=tuple(claim.text for claim in facts.brief.claims),
    )


def _mirrored(box: Box, size: Size) -> Box:
    return replace(box, left_px=size.width_px - box.right_px, right_px=size.width_px - box.left_px)
