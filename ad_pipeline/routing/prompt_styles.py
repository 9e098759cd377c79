"""How each image model wants its prompt: data, for whoever writes the pictures."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from importlib import resources


def prompt_style(model_id: str) -> str:
    """The model's style in words; the usual one for a model that has no row."""
    table = _table()
    return table.get(model_id) or table[""]


@functools.cache
def _table() -> Mapping[str, str]:
    text = (resources.files("ad_pipeline.routing") / "prompt_styles.toml").read_text(encoding="utf-8")
    told = tomllib.loads(text)
    return {"": told["default"]["style"], **{model_id: row["style"] for model_id, row in told["models"].items()}}
