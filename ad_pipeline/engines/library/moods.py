"""Which moods a text names, and how near two moods are; `moods.toml` is the table."""

from __future__ import annotations

import functools
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources

FARTHEST = 2.0
"""For a track that tells no mood: after all that do."""


@dataclass(frozen=True, kw_only=True)
class Mood:
    """A mood and where it lies among the others."""

    name: str
    energy: float
    brightness: float
    words: tuple[str, ...]


def moods_in(text: str) -> tuple[str, ...]:
    """The moods that a text names, in the order of our table; a mood's own name counts alone."""
    low = unicodedata.normalize("NFC", text).lower()
    plain = "_".join(re.findall(r"[^\W_]+", low))
    named = [name for name in moods() if re.search(rf"(?:^|_){name}(?:_|$)", plain)]
    return tuple(named or [mood.name for mood in moods().values() if any(_holds(low, word) for word in mood.words)])


def distance(wanted: Iterable[str], found: Iterable[str]) -> float:
    """0 where they share a mood; `FARTHEST` where one names none."""
    table = moods()
    pairs = [(table[a], table[b]) for a in wanted for b in found]
    return min((_apart(a, b) for a, b in pairs), default=FARTHEST)


def _apart(a: Mood, b: Mood) -> float:
    return round(((a.energy - b.energy) ** 2 + (a.brightness - b.brightness) ** 2) ** 0.5, 6)


def _holds(low: str, word: str) -> bool:
    if word.isascii():
        return re.search(rf"(?:^|[^a-z]){re.escape(word)}", low) is not None
    return word in low


@functools.cache
def moods() -> Mapping[str, Mood]:
    """All moods by name."""
    text = (resources.files("ad_pipeline.engines.library") / "moods.toml").read_text(encoding="utf-8")
    return {
        name: Mood(name=name, energy=row["energy"], brightness=row["brightness"], words=tuple(row["words"]))
        for name, row in tomllib.loads(text).items()
    }
