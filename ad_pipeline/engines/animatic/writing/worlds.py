"""The worlds that an ad's scenes happen in: what is seen there, in which light, from where."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal

from ad_pipeline.story.storyboard import Purpose

Light = Literal["soft", "hard", "rim", "rays"]
Role = Purpose | Literal["claim"]
"""A purpose; a proof scene that shows a sourced claim is a role of its own."""


@dataclass(frozen=True, kw_only=True)
class World:
    """Where a scene may happen. `place` names it: no two scenes of an ad share one while others are left.

    `seen` may hold <part> and <worn>, the category's words for the person in the picture.
    """

    place: str
    seen: str
    light: Light
    camera: str
    product: bool


@functools.cache
def worlds_of(category: str) -> Mapping[str, tuple[World, ...]]:
    """Role -> worlds, the best fitting first: the category's own, then what serves anything."""
    table = _table()
    own, others = table.get(category, {}), table["any"]
    return {
        role: tuple(world_from(row, role=role) for row in (*own.get(role, ()), *others.get(role, ())))
        for role in (*others, *(r for r in own if r not in others))
    }


def world_from(row: Mapping[str, Any], *, role: str) -> World:
    """A world as the writer's tables hold it; who plays the lead follows from the role unless the row says it."""
    leads = role in ("solution", "social_proof", "claim", "cta")
    return World(
        place=row["in"], seen=row["seen"], light=row["light"], camera=row["camera"], product=row.get("product", leads)
    )


@functools.cache
def _table() -> dict[str, Any]:
    folder = resources.files("ad_pipeline.engines.animatic.writing")
    return tomllib.loads((folder / "worlds.toml").read_text(encoding="utf-8"))
