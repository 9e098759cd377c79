"""The writer's material: categories, motifs, sentence frames; data in TOML beside this module."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, get_args

from ad_pipeline.engines.animatic.writing.worlds import World, world_from
from ad_pipeline.story.brief import StoryLanguage
from ad_pipeline.story.storyboard import Purpose


@dataclass(frozen=True, kw_only=True)
class Words:
    """What may be said of a category in one language."""

    noun: str
    pains: tuple[str, ...]
    feels: tuple[str, ...]
    moments: tuple[str, ...]
    reads: tuple[str, ...]
    """Only written, never said."""


@dataclass(frozen=True, kw_only=True)
class Category:
    """A kind of product: how it looks, and what may be said of it."""

    name: str
    vessel: str
    part: str
    """What a hook shows of a person; `worn` is the same before the product comes."""
    worn: str
    words: Mapping[StoryLanguage, Words]


@dataclass(frozen=True, kw_only=True)
class Motif:
    """An image that words of the brief call for."""

    name: str
    scenes: Mapping[str, World]
    """By purpose: where such a scene happens."""
    opens: Mapping[StoryLanguage, tuple[str, ...]]


def category_of(product: str, concept: str = "") -> Category:
    """The kind of product that its name tells, its last telling word first; else what the concept tells."""
    shelf = _categories()
    for text in (product.lower(), concept.lower()):
        found = [
            (at, len(word), name)
            for name, (words, _) in shelf.items()
            for word in words
            if (at := _last(word, text)) >= 0
        ]
        if found:
            return shelf[max(found)[2]][1]
    return shelf["neutral"][1]


def all_categories() -> tuple[Category, ...]:
    """Every kind of product that the shelf knows."""
    return tuple(category for _, category in _categories().values())


def all_motifs() -> tuple[Motif, ...]:
    """Every motif of the shelf."""
    return tuple(motif for _, motif in _motifs())


def motifs_of(*texts: str) -> tuple[Motif, ...]:
    """The motifs of the texts, in the order in which their words come; each once."""
    found: dict[str, Motif] = {}
    for text in texts:
        hits = [
            (hit.start(), motif.name, motif) for pattern, motif in _motifs() if (hit := pattern.search(text.lower()))
        ]
        for _, name, motif in sorted(hits, key=lambda hit: hit[:2]):
            found.setdefault(name, motif)
    return tuple(found.values())


@functools.cache
def frames(language: StoryLanguage) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """Sentence frames: purpose -> tone -> sentences with <slots>."""
    return {
        purpose: {tone: tuple(sentences) for tone, sentences in tones.items()}
        for purpose, tones in _table(f"{language}.toml").items()
    }


def _last(word: str, text: str) -> int:
    """Where `word` last stands; a Latin word must be a whole one (`sun` is not in `sundown`)."""
    if word.isascii():
        hits = [hit.start() for hit in re.finditer(rf"(?<![a-z]){word}(?![a-z])", text)]
        return hits[-1] + len(word) if hits else -1
    at = text.rfind(word)
    return at + len(word) if at >= 0 else -1


@functools.cache
def _categories() -> Mapping[str, tuple[tuple[str, ...], Category]]:
    return {
        name: (
            tuple(row["words"]),
            Category(
                name=name,
                vessel=row["vessel"],
                part=row["part"],
                worn=row["worn"],
                words={"ko": _words(row["ko"]), "en": _words(row["en"])},
            ),
        )
        for name, row in _table("categories.toml").items()
    }


def _words(row: Mapping[str, Any]) -> Words:
    return Words(**{name: tuple(phrases) for name, phrases in row.items() if name != "noun"}, noun=row["noun"])


@functools.cache
def _motifs() -> tuple[tuple[re.Pattern[str], Motif], ...]:
    # A Korean word may not begin inside another: 선물을 holds 물을.
    return tuple(
        (
            re.compile(rf"(?<![a-z가-힣])(?:{'|'.join(map(re.escape, [*row['ko'], *row['en']]))})"),
            Motif(
                name=name,
                scenes={role: world_from(row[role], role=role) for role in get_args(Purpose) if role in row},
                opens={"ko": tuple(row["open_ko"]), "en": tuple(row["open_en"])},
            ),
        )
        for name, row in _table("motifs.toml").items()
    )


def _table(name: str) -> dict[str, Any]:
    folder = resources.files("ad_pipeline.engines.animatic.writing")
    return tomllib.loads((folder / name).read_text(encoding="utf-8"))
