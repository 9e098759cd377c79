"""How a line is felt: what a storyboard calls it, and what each kind of voice engine can do about it."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Feeling:
    """One way of saying a line; the file tells what its numbers are."""

    name: str
    words: tuple[str, ...]
    tag: str
    stability: float
    style: float
    pace: float
    pitch: float
    says_en: str


@functools.cache
def feelings() -> tuple[Feeling, ...]:
    """All that we know."""
    text = (resources.files("ad_pipeline.story") / "emotions.toml").read_text(encoding="utf-8")
    rows: dict[str, dict[str, Any]] = tomllib.loads(text)
    return tuple(_feeling(name, row) for name, row in rows.items())


def _feeling(name: str, row: dict[str, Any]) -> Feeling:
    numbers = {key: float(row[key]) for key in ("stability", "style", "pace", "pitch")}
    return Feeling(name=name, words=tuple(row["words"]), tag=row["tag"], says_en=row["says_en"], **numbers)


def feeling_of(emotion: str) -> Feeling | None:
    """What the storyboard's word means, whatever its language; None for no word, or one that we do not know."""
    asked = emotion.strip().lower()
    if not asked:
        return None
    return next((f for f in feelings() if asked == f.name or any(word in asked for word in f.words)), None)
