"""Who speaks in an ad, and how each sounds: the brand's voices, the storyboard's character, else by their names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from ad_pipeline.engines.contracts import EngineFacts
from ad_pipeline.engines.crafts.voice import Speaker
from ad_pipeline.sessions.fingerprint import sha256_of
from ad_pipeline.stages.session_facts import SessionFacts
from ad_pipeline.story.brand_kit import KitVoice
from ad_pipeline.story.personas import Persona, persona_of, personas

NARRATOR = "narrator"

_WOMAN = re.compile(
    r"(?<![a-z])(?:[a-z]*woman|girl|(?:grand)?mother|(?:grand)?ma|mom|mum|sister|daughter|wife|lady|aunt|she)(?![a-z])"
    r"|여자|여성|소녀|엄마|어머니|언니|누나|아내|할머니|이모(?!티)|고모|딸(?!기)"
)
_MAN = re.compile(
    r"(?<![a-z])(?:man|(?:sales|business|police|fire)man|boy|(?:grand)?father|(?:grand)?pa|dad|brother|son|husband|guy"
    r"|gentleman|uncle|he)(?![a-z])"
    r"|남자|남성|소년|아빠|아버지|오빠|아들|남편|할아버지|삼촌"
)


def cast_of(facts: SessionFacts, speakers: Iterable[str]) -> Mapping[str, Speaker]:
    """These speakers, and before them who speaks earlier in the ad.

    The narrator first, so that a new speaker takes nobody's voice, then in the order in which the ad hears them:
    everybody gets the same voice in every scene. Voice ids are still all engines' (see `for_engine`).
    """
    here = tuple(speakers)
    everybody = dict.fromkeys([line.speaker for scene in facts.storyboard.scenes for line in scene.spoken])
    order = list(everybody | dict.fromkeys(here))
    order.sort(key=lambda name: name != NARRATOR)
    last = max((order.index(name) for name in here), default=-1)
    return {name: _speaker(facts, name) for name in order[: last + 1]}


def for_engine(
    cast: Mapping[str, Speaker], facts: SessionFacts, engine: EngineFacts, *, wanted: str
) -> dict[str, Speaker]:
    """The cast with the voice ids of one engine; the brief's own voice is one of the `wanted` engine."""
    return {name: replace(who, voice_id=_voice_id(facts, name, engine, wanted)) for name, who in cast.items()}


def _voice_id(facts: SessionFacts, name: str, engine: EngineFacts, wanted: str) -> str:
    if name == NARRATOR and facts.brief.voice not in ("auto", "none") and engine.name == wanted:
        return facts.brief.voice
    ids = _kit_voice(facts, name).ids
    return ids.get(f"{engine.name}/{engine.model}") or ids.get(engine.name, "")


def _kit_voice(facts: SessionFacts, name: str) -> KitVoice:
    if name == NARRATOR:
        return facts.kit.voice
    return facts.kit.voices.get(name) or KitVoice(gender="any")


def _speaker(facts: SessionFacts, name: str) -> Speaker:
    voice = _kit_voice(facts, name)
    persona = persona_of(facts.storyboard.persona) if name == NARRATOR else _persona_called(name)
    reference = Path(voice.reference) if voice.reference else None
    gender, age = voice.gender, voice.age
    if gender == "any":
        gender = _gender(name, persona)
    if name not in (NARRATOR, *facts.kit.voices):
        age = _age(persona)
    return Speaker(
        gender=gender,
        age=age,
        speed=voice.speed,
        hints=_hints(persona),
        manner=_manner(persona),
        reference=reference,
        reference_sha256=sha256_of(reference) if reference else "",
    )


def _persona_called(name: str) -> Persona | None:
    """A speaker may be one of our characters, by name; no guesses here: a stranger is a stranger."""
    slug = "_".join(name.strip().lower().split())
    return personas().get(slug)


def _hints(persona: Persona | None) -> dict[str, float]:
    if persona is None:
        return {}
    hint = persona.elevenlabs
    return {
        "stability": hint.stability,
        "similarity_boost": hint.similarity_boost,
        "style": hint.style,
        "speed": hint.speed,
    }


def _manner(persona: Persona | None) -> str:
    return f"{persona.voice.pitch}; {persona.voice.pace}; {persona.voice.warmth}." if persona else ""


def _gender(name: str, persona: Persona | None) -> Literal["female", "male", "any"]:
    if persona is not None:
        return "any" if persona.gender == "androgynous" else persona.gender
    words = name.lower().replace("_", " ")
    if _WOMAN.search(words):
        return "female"
    return "male" if _MAN.search(words) else "any"


def _age(persona: Persona | None) -> Literal["young", "adult", "mature"]:
    if persona is None:
        return "adult"
    middle = sum(persona.age) / 2
    return "young" if middle < 28 else "adult" if middle < 48 else "mature"
