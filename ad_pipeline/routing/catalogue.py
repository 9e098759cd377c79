"""The models the product knows: licence, where they run, what they cost. Data, with dates."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal

from ad_pipeline.engines.contracts import Craft, Licence

Unit = Literal["image", "clip_second", "spoken_1000_characters", "storyboard", "effect"]


@dataclass(frozen=True, kw_only=True)
class ModelRow:
    """One model of one engine; its id is `engine/model`."""

    model_id: str
    crafts: frozenset[Craft]
    local: bool
    gpu: bool
    licence: Licence
    cost_unit: Unit | None = None
    cost_usd: float = 0.0

    @property
    def engine(self) -> str:
        return self.model_id.split("/", 1)[0]

    @property
    def model(self) -> str:
        return self.model_id.split("/", 1)[1]


@functools.cache
def models() -> Mapping[str, ModelRow]:
    """All rows by id."""
    text = (resources.files("ad_pipeline.routing") / "models.toml").read_text(encoding="utf-8")
    return {model_id: _row(model_id, row) for model_id, row in tomllib.loads(text)["models"].items()}


def _row(model_id: str, row: Mapping[str, Any]) -> ModelRow:
    cost = row.get("cost", {})
    return ModelRow(
        model_id=model_id,
        crafts=frozenset(row["crafts"]),
        local=row["local"],
        gpu=row.get("gpu", False),
        licence=Licence(**row["licence"]),
        cost_unit=cost.get("per"),
        cost_usd=cost.get("usd", 0.0),
    )
