from __future__ import annotations

import json

import pytest
from pydantic import BaseModel, ConfigDict, Field

from ad_pipeline.errors import BriefRejected
from ad_pipeline.story.border import checked, mapping_from_yaml, nearest


def _read(text: str) -> dict[str, object]:
    return mapping_from_yaml(text, rejected=BriefRejected, what="brief")


def test_yaml_is_read_as_people_mean_it() -> None:
    assert _read("a: 9:16\nb: 15\nc: 7.5\nd: 2026-11-20\ne: yes\nf: 1e3\n") == {
        "a": "9:16",
        "b": 15,
        "c": 7.5,
        "d": "2026-11-20",
        "e": True,
        "f": "1e3",
    }


def test_json_is_yaml() -> None:
    assert _read('{"a": [1, "둘"]}') == {"a": [1, "둘"]}


@pytest.mark.parametrize(
    "value",
    [
        {"a": 1, "b": -2.5, "c": True, "d": None, "e": "둘", "f": ""},
        {"a": [1, [2, {"b": "x"}]], "nested": {"one": {"two": [False, 0.25]}}},
        {"ratio": "9:16", "date": "2026-11-20", "time": "12:30:00", "yes": "yes", "exponent": "1e3"},
        {"quotes": '"o\'clock"', "lines": "one\ntwo", "colon": "a: b", "hash": "#7C4D3A", "tab": "a\tb"},
        {"emoji": "체리 🍒", "escaped": "\u00e9\u200b", "long": "가" * 500},
        {},
    ],
)
def test_json_and_yaml_texts_give_the_same_mapping(value: dict[str, object]) -> None:
    spellings = [json.dumps(value), json.dumps(value, ensure_ascii=False, indent=2)]
    as_yaml = (
        "".join(f"{json.dumps(name)}: {json.dumps(part, ensure_ascii=False)}\n" for name, part in value.items())
        or "{ }"
    )

    assert [_read(text) for text in (*spellings, "\n  " + spellings[0], as_yaml)] == [value] * 4


def test_braces_that_are_no_json_are_read_as_yaml() -> None:
    assert _read("{a: 1, 'b': [x, y,], c: 9:16,}") == {"a": 1, "b": ["x", "y"], "c": "9:16"}
    assert _read('{"a": 1, "b": 2,}') == {"a": 1, "b": 2}
    assert _read('{"a": 1} # the brief') == {"a": 1}


def test_the_last_of_two_equal_fields_counts_in_both() -> None:
    assert _read('{"a": 1, "a": 2}') == _read("a: 1\na: 2") == {"a": 2}


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_a_word_that_is_no_number_is_a_text_in_both(word: str) -> None:
    assert _read(f'{{"a": {word}}}') == _read(f"a: {word}") == {"a": word}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": [1, 2}', r"no valid YAML: .*line 1, column 12"),
        ('{"a": "x"', r"no valid YAML: .*line 1"),
        ('{"a": 1}\n{"b": 2}', "no valid YAML"),
        ('{"a": "\\q"}', r"no valid YAML: found unknown escape"),
        ('{"a": *b}', r"no valid YAML: aliases"),
        ('{"a": "x\x00"}', "no valid YAML"),
        ('{"a":' * 5000 + "1" + "}" * 5000, "no valid YAML: RecursionError"),
        ("[1, 2]", "got list"),
        ('"a"', "got str"),
        ("{", "no valid YAML"),
        ("", "got NoneType"),
    ],
)
def test_what_is_wrong_in_braces_is_refused_as_yaml_is(text: str, said: str) -> None:
    with pytest.raises(BriefRejected, match=said):
        _read(text)


def test_half_a_character_is_refused() -> None:
    for text in ("a: \udcec", '{"a": "\udcec"}'):
        with pytest.raises(BriefRejected, match=r"the brief holds '\\udcec', which is no character"):
            _read(text)


def test_what_is_wrong_is_said_with_its_place() -> None:
    with pytest.raises(BriefRejected, match="line 3"):
        _read("a: 1\nb: [1,\n")


def test_a_small_file_cannot_unfold() -> None:
    with pytest.raises(BriefRejected, match="aliases"):
        _read("a: &x [1, 2]\nb: [*x, *x]\n")


def test_deep_nesting_is_rejected_without_a_crash() -> None:
    with pytest.raises(BriefRejected):
        _read("[" * 5000)


def test_the_nearest_word_is_found_or_none() -> None:
    assert nearest("Tiktak", ["tiktok", "youtube"]) == "tiktok"
    assert nearest("zzz", ["tiktok", "youtube"]) == ""


class _Inner(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    at_once: int = Field(default=1, ge=1, le=8)
    colours: str = Field(default="", max_length=8)
    key_env: str = Field(default="", pattern="^[A-Z_]*$")


class _Outer(BaseModel):
    servers: dict[str, _Inner] = {}
    lines: tuple[_Inner, ...] = ()


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"servers": {"own": {"at_onse": 2}}}, "'servers.own.at_onse'; did you mean 'at_once'"),
        ({"servers": {"own": {"strange": 2}}}, "known: at_once, colours, key_env"),
        ({"lines": [{"strange": 2}]}, "known: at_once, colours, key_env"),
        ({"lines": "hello"}, "field 'lines': expected a list; got 'hello'"),
        ({"servers": {"own": {"at_once": "two"}}}, "expected a whole number; got 'two'"),
        ({"servers": {"own": 3}}, "expected fields with their values; got 3"),
        ({"servers": {"own": {"at_once": 9}}}, "expected at most 8; got 9"),
        ({"servers": {"own": {"at_once": 0}}}, "expected at least 1; got 0"),
        ({"servers": {"own": {"colours": "x" * 9}}}, "expected at most 8 characters; got 'xxxxxxxxx'"),
    ],
)
def test_a_wrong_field_deep_inside_is_told_with_what_may_stand_there(values: dict[str, object], told: str) -> None:
    with pytest.raises(BriefRejected) as caught:
        checked(_Outer, values, rejected=BriefRejected, what="brief")
    assert told in str(caught.value)


def test_a_key_that_stands_in_the_place_of_its_name_is_not_repeated() -> None:
    with pytest.raises(BriefRejected) as caught:
        checked(_Outer, {"servers": {"own": {"key_env": "sk-1234"}}}, rejected=BriefRejected, what="brief")
    assert "servers.own.key_env" in str(caught.value)
    assert "sk-1234" not in str(caught.value)
