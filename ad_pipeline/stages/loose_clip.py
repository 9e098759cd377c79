"""One clip without an ad: a picture, given or made from words first, and its motion.

A picture first, never a film straight from words: a person sees what will move, every motion model
can move it, and picture models know far more than the one small model that films from words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from ad_pipeline.checks.film import check_clip
from ad_pipeline.checks.picture import check_image
from ad_pipeline.checks.verdict import Verdict
from ad_pipeline.engines.contracts import Done, Engine, Estimate, Job
from ad_pipeline.engines.crafts.image import ImageEngine, ImageRequest, Look
from ad_pipeline.engines.crafts.motion import MotionEngine, MotionRequest
from ad_pipeline.media.conform import fit_picture
from ad_pipeline.media.stills import write_png
from ad_pipeline.media.time import FILM
from ad_pipeline.routing.route import decide
from ad_pipeline.sessions.fingerprint import fingerprint, sha256_of
from ad_pipeline.sessions.keys import ArtifactKey
from ad_pipeline.sessions.records import LicenceNote, TakeRecord
from ad_pipeline.sessions.store import Draft, Session, SessionStore
from ad_pipeline.stages.clip_wish import CheckedWish
from ad_pipeline.stages.kept_clips import sweep_clips, touch_clip
from ad_pipeline.stages.key_image import LAYERS
from ad_pipeline.stages.making import Task, make
from ad_pipeline.stages.workplace import Wishes, Workplace
from ad_pipeline.story.brand_kit import BrandKit, Palette
from ad_pipeline.story.formats import size_of
from ad_pipeline.values import Box

FOLDER = ".clips"
"""Under the root: a folder for each clip, as a session's; the newest stay (`kept_clips`)."""

_STAGE_VERSION = 1
_NO_WORDS = "\u200b"
"""What stands where an ad has its brand's and product's names; nothing of it is seen on a drawn pack."""

_MARGIN = 0.1
"""Share of each side that a subject keeps clear of, so that it stays whole when the camera comes nearer."""


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A finished clip: its file, and what is known of it and of the picture it moves."""

    path: Path
    picture: TakeRecord
    film: TakeRecord
    seconds: float


def make_clip(workplace: Workplace, asked: CheckedWish) -> Clip:
    """The clip. The same wish again gives the same one, or a better one where a weaker engine had made it.

    Raises:
        EngineError: no engine of the chain could make it.
        Cancelled: the work was stopped.
    """
    # What the storyboard's stages call a session: the wish's own folder, so that a crash loses nothing.
    folder = workplace.store.root / FOLDER
    session = SessionStore(folder).session(_name_of(asked))
    session.recover()
    touch_clip(session.folder)
    if asked.image:
        picture = _given_picture(workplace, session, asked, asked.image)
    else:
        picture = make(workplace, session, _picture_task(asked), Wishes(upgrade=True))
    film = make(workplace, session, _film_task(session, asked, picture), Wishes(upgrade=True))
    touch_clip(session.folder)
    sweep_clips(folder)
    return Clip(path=session.path_of(film), picture=picture, film=film, seconds=FILM.seconds(_frames(asked)))


def _name_of(asked: CheckedWish) -> str:
    image = sha256_of(asked.image) if asked.image else ""
    decides = fingerprint(scene=asked.scene, format=asked.format, seed=asked.seed, image=image)
    return f"clip_{decides[:24]}"


def _frames(asked: CheckedWish) -> int:
    return FILM.frames(asked.scene.duration_seconds)


def _given_picture(workplace: Workplace, session: Session, asked: CheckedWish, image: Path) -> TakeRecord:
    """A person's picture, in the clip's shape."""
    key = ArtifactKey(kind="key_image", format=asked.format)
    decides = fingerprint(image=sha256_of(image), format=asked.format)
    kept = session.picked(key)
    if kept and kept.basis == decides and session.is_intact(kept):
        return kept
    with session.drafting(key) as draft:
        upright = draft.folder / "given.png"
        write_png(image, upright)
        _lay_on_plain_ground(upright)
        fit_picture(upright, draft.path, size=size_of(asked.format))
        return session.commit(
            draft,
            made_by="person",
            facts={
                "engine": "person",
                "model": "person",
                "version": "",
                "licence": LicenceNote(name="the customer's own", paid_ads="yes"),
                "basis": decides,
                "fingerprint": decides,
                "run_id": workplace.run_id,
            },
        )


def _lay_on_plain_ground(picture: Path) -> None:
    """What is transparent has no colour that anybody meant."""
    with Image.open(picture) as opened:
        if not opened.has_transparency_data:
            return
        cut_out = opened.convert("RGBA")
    ground = Image.new("RGBA", cut_out.size, _plain_kit().palette.background)
    Image.alpha_composite(ground, cut_out).convert("RGB").save(picture, format="PNG", compress_level=1)


def _picture_task(asked: CheckedWish) -> Task:
    scene, size = asked.scene, size_of(asked.format)
    left, top = round(_MARGIN * size.width_px), round(_MARGIN * size.height_px)
    request = ImageRequest(
        prompt=scene.image_prompt,
        size=size,
        seed=asked.seed,
        look=Look(kit=_plain_kit(), product=_NO_WORDS),
        safe_box=Box(left_px=left, top_px=top, right_px=size.width_px - left, bottom_px=size.height_px - top),
        motion_style=scene.motion_style,
    )

    def work(engine: Engine, _: int | None, draft: Draft, job: Job) -> Done:
        assert isinstance(engine, ImageEngine)
        return engine.render_image(request, draft.path, draft.side(LAYERS), job)

    def check(draft: Draft, _: Done) -> Sequence[Verdict]:
        return check_image(draft.path, size=size)

    def estimate(engine: Engine) -> Estimate:
        assert isinstance(engine, ImageEngine)
        return engine.estimate_image(request)

    return Task(
        key=ArtifactKey(kind="key_image", format=asked.format),
        stage_version=_STAGE_VERSION,
        decision=decide("key_image", brief=asked.brief, scene=scene),
        brief=asked.brief,
        inputs={},
        parameters={name: value for name, value in vars(request).items() if name != "seed"},
        seed=asked.seed,
        work=work,
        check=check,
        estimate=estimate,
    )


def _film_task(session: Session, asked: CheckedWish, picture: TakeRecord) -> Task:
    scene, frames = asked.scene, _frames(asked)
    request = MotionRequest(
        image=session.path_of(picture),
        layers_dir=session.side_path_of(picture, LAYERS),
        size=size_of(asked.format),
        frames=frames,
        motion_style=scene.motion_style,
        motion_prompt=scene.motion_prompt,
        prompt=scene.image_prompt,
        seed=asked.seed,
    )

    def work(engine: Engine, _: int | None, draft: Draft, job: Job) -> Done:
        assert isinstance(engine, MotionEngine)
        return engine.render_motion(request, draft.path, job)

    def check(draft: Draft, _: Done) -> Sequence[Verdict]:
        return check_clip(draft.path, size=request.size, frames=frames)

    def estimate(engine: Engine) -> Estimate:
        assert isinstance(engine, MotionEngine)
        return engine.estimate_motion(request)

    return Task(
        key=ArtifactKey(kind="motion_clip", format=asked.format),
        stage_version=_STAGE_VERSION,
        decision=asked.motion_route,
        brief=asked.brief,
        inputs={"key_image": picture.sha256},
        parameters={name: value for name, value in vars(request).items() if name != "seed"},
        seed=asked.seed,
        work=work,
        check=check,
        estimate=estimate,
    )


def _plain_kit() -> BrandKit:
    """No brand's: quiet greys, and nothing written on a drawn pack."""
    palette = Palette(
        background="#ECEAE6", surface="#FFFFFF", primary="#4A5560", accent="#C8B9A6", text="#2B2F33"
    )  # fmt: skip
    return BrandKit(brand_id="none", name=_NO_WORDS, palette=palette)
