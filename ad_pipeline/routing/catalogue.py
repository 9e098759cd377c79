"""The models the product knows: licence, where they run, what they cost. Data, with dates."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any, Literal

from ad_pipeline.engines.comfy.graphs import Graph
from ad_pipeline.engines.comfy.own_graphs import OwnGraph, graphs_instead, own_graphs
from ad_pipeline.engines.comfy.recipe import narrowest
from ad_pipeline.engines.contracts import Craft, Licence
from ad_pipeline.engines.language.catalogue import LanguageBook, LanguageModel, language_book
from ad_pipeline.engines.registry import graphs_of
from ad_pipeline.engines.speech.catalogue import EffectsModel, SpeechBook, SpeechModel, speech_book
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
    usd_per_million_input: float = 0.0
    """Of a language model's tokens; `cost_usd` is 0 there, as nobody knows how many before."""
    usd_per_million_output: float = 0.0
    languages: frozenset[str] = frozenset()
    """Those that a voice speaks; empty for any."""

    @property
    def engine(self) -> str:
        return self.model_id.split("/", 1)[0]

    @property
    def model(self) -> str:
        return self.model_id.split("/", 1)[1]


def models() -> Mapping[str, ModelRow]:
    """All rows by id: those of the table, the language models (`AD_PIPELINE_MODELS` adds to them), voices and effects
    of servers (`AD_PIPELINE_VOICES`), and a person's own graphs (`AD_PIPELINE_GRAPHS`) as `comfyui/<name>`.

    Raises:
        InputRejected: one of their files is broken.
    """
    settings = settings_from_environment()
    table = {**_language_rows(language_book(settings)), **_speech_rows(speech_book(settings)), **_table()}
    folders = settings.graphs
    if not folders:
        return table
    instead = graphs_instead(folders)
    rows = {model_id: _with_terms_of(row, instead) if instead else row for model_id, row in table.items()}
    return {**rows, **_own_rows(own_graphs(folders))}


@functools.lru_cache(maxsize=8)
def _language_rows(book: LanguageBook) -> Mapping[str, ModelRow]:
    return {
        model.model_id: _listed(
            model,
            "language",
            usd_per_million_input=model.usd_per_million_input,
            usd_per_million_output=model.usd_per_million_output,
        )
        for model in book.models.values()
    }


@functools.lru_cache(maxsize=8)
def _speech_rows(book: SpeechBook) -> Mapping[str, ModelRow]:
    voices = [
        _listed(
            model,
            "voice",
            cost_unit="spoken_1000_characters",
            cost_usd=model.usd_per_1000_characters,
            languages=model.languages,
        )
        for model in book.voices.values()
    ]
    effects = [
        _listed(model, "sound", cost_unit="effect", cost_usd=model.usd_per_effect) for model in book.effects.values()
    ]
    return {row.model_id: row for row in (*voices, *effects)}


def _listed(model: LanguageModel | SpeechModel | EffectsModel, craft: Craft, **more: Any) -> ModelRow:
    """The row of a model that a server has."""
    return ModelRow(
        model_id=model.model_id,
        crafts=frozenset({craft}),
        local=model.local,
        gpu=False,
        licence=model.licence,
        **more,
    )


def _with_terms_of(row: ModelRow, instead: Mapping[str, Graph]) -> ModelRow:
    """The row under the terms of the graphs that a person put in the place of ours, be they narrower or wider."""
    names = graphs_of(row.model_id)
    taken = [instead[name].recipe for name in names if name in instead]
    if not taken:
        return row
    kept = [] if len(taken) == len(names) else [row.licence]
    licence = Licence(
        name=", ".join(dict.fromkeys([*(recipe.licences for recipe in taken), *(terms.name for terms in kept)])),
        paid_ads=narrowest([*(recipe.paid_ads for recipe in taken), *(terms.paid_ads for terms in kept)]),
        note="the graph in AD_PIPELINE_GRAPHS says so",
    )
    return replace(row, licence=licence)


def _own_rows(own: Mapping[str, OwnGraph]) -> dict[str, ModelRow]:
    rows: dict[str, ModelRow] = {}
    for name, found in own.items():
        recipe = found.graph.recipe
        rows[f"comfyui/{name}"] = ModelRow(
            model_id=f"comfyui/{name}",
            crafts=frozenset({found.craft}),
            local=not recipe.services,
            gpu=True,
            licence=Licence(name=recipe.licences, paid_ads=recipe.paid_ads),
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
