"""What each scene shows: a concrete English prompt, camera, motion, brand elements."""

from __future__ import annotations

import colorsys
import functools
import random
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

from ad_pipeline.engines.animatic.writing.shelf import Category, Motif
from ad_pipeline.engines.animatic.writing.wording import is_clean
from ad_pipeline.engines.animatic.writing.worlds import Light, World, worlds_of
from ad_pipeline.story.brand_kit import BrandKit
from ad_pipeline.story.brief import StoryLanguage
from ad_pipeline.story.storyboard import MotionStyle, Purpose, Transition

NEGATIVE = "text, letters, watermark, extra fingers, deformed face, blurry, low quality, clutter"

_MOTIONS: dict[Purpose, tuple[MotionStyle, ...]] = {
    "hook": ("slow zoom-in", "parallax movement"),
    "problem": ("gentle drift", "slide transition"),
    "solution": ("rotation + glow effect", "parallax movement"),
    "story": ("parallax movement", "gentle drift", "slow zoom-in", "slide transition"),
    "social_proof": ("slow zoom-in", "gentle drift"),
    "cta": ("pulse effect", "rotation + glow effect"),
}
_LIGHTS: dict[Light, str] = {"soft": "soft light", "hard": "hard light", "rim": "rim light", "rays": "god rays"}
_FIRST_SERVED: tuple[Purpose, ...] = ("solution", "hook", "problem", "cta", "social_proof", "story")
"""Who chooses a world first: what the ad is for, then how it opens and ends."""

_BY_NIGHT, _BY_DAY = frozenset({"evening", "city"}), frozenset({"morning", "summer", "sky"})
"""Motifs that tell the hour."""
_DAYLIT = frozenset({"sky", "window", "glare"})


@dataclass(frozen=True, kw_only=True)
class Shot:
    """How one scene looks and moves."""

    prompt: str
    camera: str
    motion: MotionStyle
    motion_prompt: str
    elements: tuple[str, ...]
    description: str
    """What is seen, in the ad's language, for who does not see it."""


@dataclass(frozen=True, kw_only=True)
class Scenery:
    """What all shots of one ad share."""

    product: str
    category: Category
    motifs: Sequence[Motif]
    kit: BrandKit
    tones: Sequence[str]
    language: StoryLanguage


def shots(purposes: Sequence[Purpose], proven: Sequence[bool], scenery: Scenery, chance: random.Random) -> list[Shot]:
    """One shot per scene; no two neighbours move alike. `proven` says which show a sourced claim."""
    made: list[Shot] = []
    worlds = _worlds(purposes, proven, scenery, chance)
    for purpose, has_claim, world in zip(purposes, proven, worlds, strict=True):
        wishes: list[MotionStyle] = [m for m in _MOTIONS[purpose] if not made or m != made[-1].motion]
        motion: MotionStyle = (
            wishes[0] if purpose in ("hook", "cta") and chance.random() < 0.7 else chance.choice(wishes)
        )
        made.append(
            Shot(
                prompt=_prompt(purpose, world, scenery),
                camera=world.camera,
                motion=motion,
                motion_prompt=f"{motion}, calm and smooth",
                elements=_elements(purpose, world, has_claim=has_claim),
                description=_description(purpose, world, scenery),
            )
        )
    return made


def _worlds(
    purposes: Sequence[Purpose], proven: Sequence[bool], scenery: Scenery, chance: random.Random
) -> list[World]:
    """A world for each scene, each place once while there are others that fit."""
    found: dict[int, World] = {}
    order = _order(scenery)
    for at in sorted(range(len(purposes)), key=lambda at: order.index(purposes[at])):
        leads = chance.random() < {"solution": 0.25, "problem": 0.75, "cta": 0.65}.get(purposes[at], 1.0)
        if purposes[at] == "story":
            leads = purposes[:at].count("story") % 2 == 0
        wishes = _wishes(purposes[at], scenery, chance, has_claim=proven[at], images_lead=leads)
        taken = {world.place for world in found.values()}
        found[at] = next((world for world in wishes if world.place not in taken), wishes[0])
    return [found[at] for at in range(len(purposes))]


def _order(scenery: Scenery) -> tuple[Purpose, ...]:
    """Who chooses first; the problem before the hook when the concept names just the place that it lives in."""
    home = worlds_of(scenery.category.name)["problem"][0].place
    if any(world.place == home for motif in scenery.motifs for world in motif.scenes.values()):
        return ("solution", "problem", "hook", *_FIRST_SERVED[3:])
    return _FIRST_SERVED


def _wishes(
    purpose: Purpose, scenery: Scenery, chance: random.Random, *, has_claim: bool, images_lead: bool
) -> list[World]:
    """Worlds for one scene, the most wanted first: of the concept's images, and of the kind of product."""
    images = [motif.scenes[purpose] for motif in scenery.motifs if purpose in motif.scenes]
    own = list(worlds_of(scenery.category.name)["claim" if has_claim else purpose])
    if has_claim:
        images = [world for world in images if world.place == "laboratory"]
    if purpose == "cta":
        # The hook took the concept's first image; the end card comes back to its last.
        images.reverse()
    else:
        # Where the concept and the kind of product agree, nothing fits better.
        images.sort(key=lambda world: world.place != own[0].place)
    if len(own) > 1 and chance.random() < 0.35:
        own[0], own[1] = own[1], own[0]
    wishes = [*images, *own] if images_lead else [own[0], *images, *own[1:]]
    names = {motif.name for motif in scenery.motifs}
    if names & _BY_NIGHT and not names & _BY_DAY:
        wishes = [world for world in wishes if world.place not in _DAYLIT] or wishes
    return wishes


def _elements(purpose: Purpose, world: World, *, has_claim: bool) -> tuple[str, ...]:
    if purpose == "hook":
        return ()
    if purpose == "cta":
        return ("logo", "product_3d", "cta_button")
    badge = ("certification_badge",) if has_claim else ()
    return (*badge, *(("product_3d",) if world.product else ()), "logo_bottom_right")


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


def _prompt(purpose: Purpose, world: World, scenery: Scenery) -> str:
    category = scenery.category
    seen = _seen(world, category)
    hero = f"{category.vessel} of {scenery.product}"
    if purpose == "cta":
        seen = f"end card, {hero} centred, {seen}"
    elif world.product:
        seen = f"hero product shot, {hero}, {seen}"
    light = _LIGHTS["soft" if world.light == "rim" and not _is_night(scenery) else world.light]
    shot = world.camera if world.camera.endswith("view") else f"{world.camera} shot"
    return f"{seen}, {light}, {shot}, {_mood(scenery)}"


def _seen(world: World, category: Category) -> str:
    return world.seen.replace("<part>", category.part).replace("<worn>", category.worn)


def _description(purpose: Purpose, world: World, scenery: Scenery) -> str:
    """The picture in a few words to be heard: a film waits while they are said. Nothing of light, mood or lens."""
    words = scenery.category.words[scenery.language]
    phrases = dict.fromkeys(phrase.strip() for phrase in _seen(world, scenery.category).split(","))
    told = [told_as(scenery.language).get(phrase, phrase) for phrase in phrases]
    told = [phrase for phrase in told if is_clean(phrase, scenery.kit.words_to_avoid)]
    told = [*told[:1], words.noun] if world.product or purpose == "cta" else told[:2]
    whole = ", ".join(dict.fromkeys(told))
    return f"{whole[:1].upper()}{whole[1:]}." if whole else ""


@functools.cache
def told_as(language: StoryLanguage) -> Mapping[str, str]:
    """Phrase of `World.seen` -> how it is told in that language, where it is not told as it is."""
    folder = resources.files("ad_pipeline.engines.animatic.writing")
    return tomllib.loads((folder / "seen.toml").read_text(encoding="utf-8"))[language]


def _is_night(scenery: Scenery) -> bool:
    """Whether deep tones suit the ad: a pale brand in rim light is not itself by day."""
    at = scenery.kit.palette.background
    dark = sum(int(at[i : i + 2], 16) for i in (1, 3, 5)) < 200
    return dark or any(motif.name in _BY_NIGHT for motif in scenery.motifs)


def _mood(scenery: Scenery) -> str:
    palette = scenery.kit.palette
    colours = dict.fromkeys(map(colour_name, (palette.background, palette.primary, palette.accent)))
    return f"{', '.join(scenery.tones[:2])} mood, {scenery.kit.name} brand look, palette of {' and '.join(colours)}"
