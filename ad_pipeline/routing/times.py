"""How long one piece takes by our own measures: data, for where nothing of its kind was made yet."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from importlib import resources


def usual_seconds(stage: str, model_id: str) -> float | None:
    """Seconds for one piece; None of a model that we never measured."""
    if model_id.startswith("room/"):
        return 0.0  # nobody works: the draft stands, or nobody reviews
    table = _table()
    return table.get(f"{stage} {model_id}", table.get(model_id))


@functools.cache
def _table() -> Mapping[str, float]:
    text = (resources.files("ad_pipeline.routing") / "times.toml").read_text(encoding="utf-8")
    told = tomllib.loads(text)
    return {**told["models"], **told["stages"]}
