"""A JSON schema as own servers make a grammar of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

_NAMED_SCHEMAS = {"properties", "$defs"}
_NOT_FOR_GRAMMARS = {"minLength", "maxLength", "pattern", "format", "default", "examples", "title", "description"}


def grammar_of(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema without the lengths and patterns of texts: llama.cpp, on which Ollama and LM Studio stand, repeats a
    rule for each character, and refuses the grammar at 2000 (ggml-org/llama.cpp#25923). They are shown to the model
    all the same, and looked at in its answer."""
    found: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _NAMED_SCHEMAS:
            found[key] = {name: grammar_of(inner) for name, inner in value.items()}
        elif key not in _NOT_FOR_GRAMMARS:
            found[key] = _inner(value)
    return found


def _inner(value: Any) -> Any:
    if isinstance(value, dict):
        return grammar_of(cast(dict[str, Any], value))
    return [_inner(one) for one in cast(list[Any], value)] if isinstance(value, list) else value
