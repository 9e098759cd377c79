"""What each scene shows: a concrete English prompt, camera, motion, brand elements."""

from __future__ import annotations

import colorsys
import random
from collections.abc import Sequence
from dataclasses import dataclass

from ad_pipeline.engines.animatic.writing.shelf import Category, Motif
from ad_pipeline.story.brand_kit import BrandKit
from ad_pipeline.story.storyboard import MotionStyle, Purpose, Transition

NEGATIVE = "text, letters, watermark, extra fingers, deformed face, blurry, low quality, clutter"

_PARTS = {"lipstick": "lips", "shampoo": "hair in profile", "body": "hands", "perfume": "neck and wrist"}
_DULL = {"lipstick": "matte dry lip texture", "shampoo": "tangled dull hair strands", "neutral": "worn paper texture"}
_CAMERAS: dict[Purpose, tuple[str, ...]] = {
    "hook": ("close-up", "wide"), "problem": ("macro", "close-up"), "solution": ("straight-on", "close-up"),
    "story": ("macro", "top", "wide"), "social_proof": ("straight-on", "top"), "cta": ("straight-on",),
}  # fmt: skip
_MOTIONS: dict[Purpose, tuple[MotionStyle, ...]] = {
    "hook": ("slow zoom-in", "parallax movement"),
    "problem": ("gentle drift", "slide transition"),
    "solution": ("rotation + glow effect", "parallax movement"),
    "story": ("parallax movement", "gentle drift", "slow zoom-in", "slide transition"),
    "social_proof": ("slow zoom-in", "gentle drift"),
    "cta": ("pulse effect", "rotation + glow effect"),
}
_ELEMENTS: dict[Purpose, tuple[str, ...]] = {
    "hook": (), "problem": ("logo_bottom_right",), "solution": ("product_3d", "logo_bottom_right"),
    "story": ("logo_bottom_right",), "social_proof": ("product_3d", "logo_bottom_right"),
    "cta": ("logo", "product_3d", "cta_button"),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Shot:
    """How one scene looks and moves."""

    prompt: str
    camera: str
    motion: MotionStyle
    motion_prompt: str
    elements: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Scenery:
    """What all shots of one ad share."""

    product: str
    category: Category
    motifs: Sequence[Motif]
    kit: BrandKit
    tones: Sequence[str]


def shots(purposes: Sequence[Purpose], proven: Sequence[bool], scenery: Scenery, chance: random.Random) -> list[Shot]:
    """One shot per scene; no two neighbours move alike. `proven` says which show a sourced claim."""
    made: list[Shot] = []
    stories = 0
    for purpose, has_claim in zip(purposes, proven, strict=True):
        wishes: list[MotionStyle] = [m for m in _MOTIONS[purpose] if not made or m != made[-1].motion]
        motion: MotionStyle = (
            wishes[0] if purpose in ("hook", "cta") and chance.random() < 0.7 else chance.choice(wishes)
        )
        camera = chance.choice(_CAMERAS[purpose])
        subject = _subject(purpose, scenery, story=stories, has_claim=has_claim)
        stories += purpose == "story"
        elements = ("certification_badge", *_ELEMENTS[purpose]) if has_claim else _ELEMENTS[purpose]
        made.append(
            Shot(
                prompt=f"{subject}, {camera} shot, {_mood(scenery)}",
                camera=camera,
                motion=motion,
                motion_prompt=f"{motion}, calm and smooth",
                elements=elements,
            )
        )
    return made


def transitions(purposes: Sequence[Purpose], tones: Sequence[str], chance: random.Random) -> list[Transition | None]:
    """Into the next scene; none behind the last."""
    lively = tones[0] in ("funny", "enthusiastic", "casual")
    found: list[Transition | None] = []
    for following in purposes[1:]:
        if lively:
            found.append(chance.choice(("slide", "wipe", "cut", "dissolve")))
        else:
            found.append("fade_through_black" if following == "cta" and chance.random() < 0.3 else "dissolve")
    return [*found, None]


def colour_name(colour: str) -> str:
    """A plain English name of a hex colour, as an image prompt may say it."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    hue, light, strength = colorsys.rgb_to_hls(red, green, blue)
    if light > 0.96 or (strength < 0.08 and light > 0.85):
        return "white"
    if light < 0.12:
        return "near black"
    if max(red, green, blue) - min(red, green, blue) < 0.06:
        return "grey"
    if 0.05 < hue < 0.17:
        return "ivory" if light > 0.82 else "deep brown" if light < 0.33 else "warm gold"
    names = (
        "red",
        "orange",
        "amber",
        "yellow green",
        "green",
        "teal",
        "cyan",
        "blue",
        "indigo",
        "violet",
        "magenta",
        "rose",
    )
    shade = "pale" if light > 0.82 else "deep" if light < 0.33 else "light" if light > 0.62 else "rich"
    return f"{shade} {names[round(hue * 12) % 12]}"


def _subject(purpose: Purpose, scenery: Scenery, *, story: int, has_claim: bool) -> str:
    category, product = scenery.category, scenery.product
    seen = [motif.seen for motif in scenery.motifs] or [category.setting]
    part = _PARTS.get(category.name, "cheek and eye")
    hero = f"{category.vessel} of {product}"
    # The first motif is where the problem lives; the answer comes from another place.
    better = seen[1] if len(seen) > 1 else category.setting
    if purpose == "hook":
        face = "" if category.name == "neutral" else f", a person's {part} as a tasteful graphic form"
        return f"{seen[0]}{face}"
    if purpose == "problem":
        if category.name == "neutral":
            return f"{seen[-1]}, one empty place in a quiet still life, hard light"
        # The hook showed the person; here the camera is on the surface itself.
        return f"dry texture macro, stone, hard light, {_DULL.get(category.name, 'matte skin texture')}"
    if purpose == "solution":
        return f"hero product shot, {hero}, {category.texture}, {category.setting}, {better}, soft light"
    if purpose == "story":
        settings = [*seen[1:], category.texture, category.setting, "silk", "petals", "window light with leaf shadow"]
        return f"{settings[story % len(settings)]}, {category.texture}, soft light"
    if purpose == "social_proof":
        place = "podium studio with a certification badge" if has_claim else "hands at a quiet ritual, window light"
        return f"{place}, {hero}, {category.setting}"
    return f"end card, {hero} centred, podium studio, gradient with grain, rim light"


def _mood(scenery: Scenery) -> str:
    palette = scenery.kit.palette
    colours = dict.fromkeys(map(colour_name, (palette.background, palette.primary, palette.accent)))
    return f"{', '.join(scenery.tones[:2])} mood, {scenery.kit.name} brand look, palette of {' and '.join(colours)}"
