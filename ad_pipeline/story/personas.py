"""Who seems to speak in an ad: 39 invented characters, how they look, talk and open."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import Any, Literal

from ad_pipeline.story.border import nearest
from ad_pipeline.story.brief import StoryLanguage

HeardGender = Literal["female", "male", "androgynous"]


@dataclass(frozen=True, kw_only=True)
class Voice:
    """How somebody sounds, in words."""

    pitch: str
    pace: str
    warmth: str


@dataclass(frozen=True, kw_only=True)
class ElevenLabsHint:
    """Settings of ElevenLabs' own scale (0 to 1; speed 0.7 to 1.2), and the voice to look for."""

    stability: float
    similarity_boost: float
    style: float
    speed: float
    voice: str


@dataclass(frozen=True, kw_only=True)
class XttsHint:
    """The speed (1 is as recorded), and what a reference recording should sound like."""

    speed: float
    reference: str


@dataclass(frozen=True, kw_only=True)
class Speech:
    """How somebody talks in one language: habits for whoever writes the lines, and favourite turns."""

    habits: str
    turns: tuple[str, ...]
    endings: str = ""
    """Korean only: how sentences end."""


@dataclass(frozen=True, kw_only=True)
class Persona:
    """One character; `openers` are by language, an empty one means that they open without a word.

    `audience` and `products` are words of a brief that speak for this character. `look` is English, for an image model.
    """

    name: str
    titles: Mapping[StoryLanguage, str]
    age: tuple[int, int]
    gender: HeardGender
    voice: Voice
    temperament: str
    look: str
    tones: tuple[str, ...]
    speech: Mapping[StoryLanguage, Speech]
    openers: Mapping[StoryLanguage, tuple[str, ...]]
    audience: tuple[str, ...]
    products: tuple[str, ...]
    elevenlabs: ElevenLabsHint
    xtts: XttsHint


@functools.cache
def personas() -> Mapping[str, Persona]:
    """All characters by name."""
    text = (resources.files("ad_pipeline.story") / "personas.toml").read_text(encoding="utf-8")
    return MappingProxyType({name: _persona(name, row) for name, row in tomllib.loads(text).items()})


def persona_of(wish: str) -> Persona | None:
    """The character that a brief asks for by name or title, else the nearest; None for auto or no match."""
    asked = wish.strip().lower()
    if asked in ("", "auto", "none"):
        return None
    by_title = {p.titles[language].lower(): p for p in personas().values() for language in ("ko", "en")}
    slug = "_".join(asked.split())
    if slug in personas():
        return personas()[slug]
    if asked in by_title:
        return by_title[asked]
    return personas().get(nearest(slug, tuple(personas())))


def _persona(name: str, row: Mapping[str, Any]) -> Persona:
    youngest, oldest = row["age"]
    return Persona(
        name=name,
        titles={"ko": row["title_ko"], "en": row["title_en"]},
        age=(youngest, oldest),
        gender=row["gender"],
        voice=Voice(**row["voice"]),
        temperament=row["temperament"],
        look=row["look"],
        tones=tuple(row["tones"]),
        speech={
            "ko": Speech(habits=row["habits_ko"], turns=tuple(row["turns_ko"]), endings=row["endings_ko"]),
            "en": Speech(habits=row["habits_en"], turns=tuple(row["turns_en"])),
        },
        openers={"ko": tuple(row["openers_ko"]), "en": tuple(row["openers_en"])},
        audience=tuple(row["audience"]),
        products=tuple(row["products"]),
        elevenlabs=ElevenLabsHint(**row["elevenlabs"]),
        xtts=XttsHint(**row["xtts"]),
    )
