"""An answer that is still being written, read at every place where it can be cut."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import BaseModel, Field

from ad_pipeline.engines.language.grammar import grammar_of
from ad_pipeline.engines.language.ollama_door import context_for
from ad_pipeline.engines.language.partial import Listener, json_text, read_so_far
from ad_pipeline.engines.language.tokens import at_least, at_most

_WHOLE: dict[str, Any] = {
    "title": 'a "quoted" {brace} 물방울 \\ 5.5',
    "scenes": [
        {"id": "scene_001", "seconds": 12.75, "on": True, "none": None, "tags": ["a", "b]"], "deep": {"n": -1e3}},
        {"id": "scene_002", "seconds": 120, "on": False, "none": None, "tags": [], "deep": {"n": 0.25}},
    ],
    "score": 87,
}


def _is_part_of(seen: Any, whole: Any) -> bool:
    if isinstance(whole, dict):
        return isinstance(seen, dict) and all(key in whole and _is_part_of(seen[key], whole[key]) for key in seen)
    if isinstance(whole, list):
        return isinstance(seen, list) and all(_is_part_of(*both) for both in zip(seen, whole, strict=False))
    return seen == whole


@pytest.mark.parametrize("told", [json.dumps(_WHOLE), json.dumps(_WHOLE, ensure_ascii=False, indent=2)])
def test_at_every_character_what_is_read_is_finished(told: str) -> None:
    seen = [read_so_far(told[:end]) for end in range(len(told) + 1)]

    assert [one for one in seen if one is not None and not _is_part_of(one, _WHOLE)] == []
    assert seen[0] is None
    assert seen[-1] == _WHOLE


def test_an_item_is_told_with_the_piece_that_closes_it() -> None:
    told: list[int] = []

    def hear(so_far: Mapping[str, Any]) -> None:
        told.append(len([scene for scene in so_far.get("scenes", []) if "n" in scene]))

    listener = Listener(hear)
    for piece in ['{"scenes": [{"n', '": 1', '}, {"n": 2', "}]}"]:
        before = len(told)
        listener(piece)
        assert "}" not in piece or len(told) == before + 1

    assert told[-1] == 2
    assert listener.text == '{"scenes": [{"n": 1}, {"n": 2}]}'


def test_the_same_is_not_told_twice() -> None:
    told: list[Mapping[str, Any]] = []
    listener = Listener(told.append)

    for piece in ['{"a": [1]', " ", "}", "\n}}}"]:
        listener(piece)

    assert told == [{"a": [1]}]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ('```json\n{"a": 1}\n```', '{"a": 1}'),
        ('Sure! {"a": 1} Enjoy.', '{"a": 1}'),
        ('{"a": ', '{"a": '),
        ("no", "no"),
        ("", ""),
    ],
)
def test_the_json_is_found_among_courtesies(text: str, found: str) -> None:
    assert json_text(text) == found


def test_a_tokenizer_lies_between_our_two_bounds() -> None:
    """Counts of the models' own tokenizers, as their makers publish them: letters and syllables in one token."""
    english = "Ceramide cream that keeps the barrier of your skin. " * 50
    korean = "세라마이드 크림이 피부 장벽을 지켜 줍니다. " * 50

    assert at_least(english) < len(english) / 4.5 < at_most(english)
    assert at_least(korean) < len(korean.replace(" ", "")) / 2 < len(korean) / 1.3 < at_most(korean)


def test_a_context_is_one_of_few_sizes() -> None:
    sizes = [context_for(needed, 32768) for needed in (10, 8192, 8193, 20000, 90000)]

    assert sizes == [8192, 8192, 16384, 32768, 32768]


class _Line(BaseModel):
    """One line."""

    title: str = Field(max_length=4000, pattern="^[a-z]+$", description="what it is")
    format: str = "plain"
    count: int = Field(ge=1, le=9)


class _Lines(BaseModel):
    lines: list[_Line] = Field(max_length=12)
    last: _Line | None = None


def test_a_grammar_keeps_every_field_and_loses_lengths_and_patterns() -> None:
    made = grammar_of(_Lines.model_json_schema())

    line = made["$defs"]["_Line"]
    assert line["properties"] == {
        "title": {"type": "string"},
        "format": {"type": "string"},
        "count": {"type": "integer", "minimum": 1, "maximum": 9},
    }
    assert line["required"] == ["title", "count"]
    assert made["properties"]["lines"] == {"items": {"$ref": "#/$defs/_Line"}, "type": "array", "maxItems": 12}
    assert made["properties"]["last"] == {"anyOf": [{"$ref": "#/$defs/_Line"}, {"type": "null"}]}
