"""What a person asks of one clip, checked before anything is made."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from PIL import Image

from ad_pipeline.errors import InputRejected, MediaError, StoryboardRejected
from ad_pipeline.media.stills import checked_photo
from ad_pipeline.routing.catalogue import models
from ad_pipeline.routing.route import Decision, decide
from ad_pipeline.stages.words import check_words
from ad_pipeline.story.border import nearest
from ad_pipeline.story.brief import SHORTEST_S, Brief
from ad_pipeline.story.formats import FORMATS, Format, size_of
from ad_pipeline.story.storyboard import SHORTEST_SCENE_S, MotionStyle, Scene

LONGEST_CLIP_S = 30.0


@dataclass(frozen=True, kw_only=True)
class ClipWish:
    """What a person wants to see move. `motion` may be any words; `engine` is a model id."""

    prompt: str
    image: Path | None = None
    duration_s: float = 4.0
    format: Format | None = None
    motion: str = ""
    engine: str = ""
    seed: int = 7


@dataclass(frozen=True, kw_only=True)
class CheckedWish:
    """The same as the stages speak of it: a scene, a shape, a route."""

    scene: Scene
    brief: Brief
    format: Format
    image: Path | None
    seed: int
    motion_route: Decision


def checked_wish(wish: ClipWish) -> CheckedWish:
    """The wish, when it can be fulfilled.

    Raises:
        InputRejected: it cannot; it names the option.
    """
    check_words(wish.prompt, "PROMPT")
    check_words(wish.motion, "--motion")
    if not wish.prompt.strip():
        raise InputRejected("say what is seen, e.g. \"a bottle on wet stone\"", field="prompt")  # fmt: skip
    if not SHORTEST_SCENE_S <= wish.duration_s <= LONGEST_CLIP_S:  # no NaN passes either
        raise InputRejected(
            "--seconds: got {got:g}, allowed {least:g} to {most:g}",
            field="seconds", got=wish.duration_s, least=SHORTEST_SCENE_S, most=LONGEST_CLIP_S,
        )  # fmt: skip
    if wish.image:
        try:
            checked_photo(wish.image)
        except MediaError as error:
            raise InputRejected("--image: {problem}", field="image", problem=error.message) from error
    scene = _scene(wish)
    brief = Brief(brand_id="none", product="clip", duration=SHORTEST_S, quality="standard")
    return CheckedWish(
        scene=scene,
        brief=brief,
        format=wish.format or (_nearest_format(wish.image) if wish.image else "9:16"),
        image=wish.image,
        seed=wish.seed,
        motion_route=_route(brief, scene),
    )


def _scene(wish: ClipWish) -> Scene:
    words = " ".join(wish.motion.split())
    if wish.engine:
        _check_moves(wish.engine)
    return Scene(
        id="scene_001",
        duration_seconds=wish.duration_s,
        image_prompt=wish.prompt.strip(),
        motion_style=_style_of(words),
        motion_prompt=words,
        engines={"motion_clip": wish.engine} if wish.engine else {},
    )


def _style_of(words: str) -> MotionStyle:
    """The storyboard's style of that name; other words are left to models that read them."""
    styles: tuple[MotionStyle, ...] = get_args(MotionStyle)
    for style in styles:
        if style == words.lower():
            return style
    return "gentle drift"


def _check_moves(engine: str) -> None:
    known = [model_id for model_id, row in models().items() if "motion" in row.crafts]
    if engine not in known:
        raise InputRejected(
            "--engine: unknown {got!r}; did you mean {guess!r}? known: {known}",
            field="engine", got=engine[:80], guess=nearest(engine, known) or known[0], known=", ".join(known),
        )  # fmt: skip


def _route(brief: Brief, scene: Scene) -> Decision:
    try:
        return decide("motion_clip", brief=brief, scene=scene)
    except StoryboardRejected as error:
        raise InputRejected(
            "--engine: {wish} may not be used: {why}",
            field="engine", wish=error.message.facts.get("wish", ""), why=error.message.facts.get("why", ""),
        ) from error  # fmt: skip


def _nearest_format(image: Path) -> Format:
    """The shape of an ad that cuts least off."""
    with Image.open(image) as picture:
        width, height = picture.size
        if picture.getexif().get(0x0112, 1) in (5, 6, 7, 8):  # lies on its side
            width, height = height, width

    def off(format_: Format) -> float:
        size = size_of(format_)
        return abs(math.log(width / height * size.height_px / size.width_px))

    return min(FORMATS, key=off)
