"""The models the product knows: licence, where they run, what they cost. Data, with dates."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal

from ad_pipeline.engines.comfy.own_graphs import OwnGraph, own_graphs
from ad_pipeline.engines.contracts import Craft, Licence
from ad_pipeline.settings import settings_from_environment

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


def models() -> Mapping[str, ModelRow]:
    """All rows by id: those of the table, and a person's own graphs (`AD_PIPELINE_GRAPHS`) as `comfyui/<name>`.

    Raises:
        InputRejected: one of their files is broken.
    """
    folders = settings_from_environment().graphs
    return {**_table(), **_own_rows(own_graphs(folders))} if folders else _table()


def _own_rows(own: Mapping[str, OwnGraph]) -> dict[str, ModelRow]:
    rows: dict[str, ModelRow] = {}
    for name, found in own.items():
        recipe = found.graph.recipe
        terms = [file.licence for file in recipe.models] + [service.licence for service in recipe.services]
        rows[f"comfyui/{name}"] = ModelRow(
            model_id=f"comfyui/{name}",
            crafts=frozenset({found.craft}),
            local=not recipe.services,
            gpu=True,
            licence=Licence(name=", ".join(dict.fromkeys(terms)) or "none told", paid_ads=recipe.paid_ads),
        )
    return rows


@functools.cache
def _table() -> Mapping[str, ModelRow]:
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
