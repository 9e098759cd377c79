"""Who seems to speak in an ad: how they open and which tones they lean to."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType

from ad_pipeline.story.border import nearest
from ad_pipeline.story.brief import StoryLanguage


@dataclass(frozen=True, kw_only=True)
class Persona:
    """One character; `openers` are by language, an empty one means that they open without a word."""

    name: str
    titles: Mapping[StoryLanguage, str]
    tones: tuple[str, ...]
    openers: Mapping[StoryLanguage, tuple[str, ...]]


@functools.cache
def personas() -> Mapping[str, Persona]:
    """All characters by name."""
    text = (resources.files("ad_pipeline.story") / "personas.toml").read_text(encoding="utf-8")
    return MappingProxyType(
        {
            name: Persona(
                name=name,
                titles={"ko": row["title_ko"], "en": row["title_en"]},
                tones=tuple(row["tones"]),
                openers={"ko": tuple(row["openers_ko"]), "en": tuple(row["openers_en"])},
            )
            for name, row in tomllib.loads(text).items()
        }
    )


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
