"""Every sentence of the code has its Korean twin, with the same facts, and no twin outlives its sentence."""

from __future__ import annotations

import ast
import itertools
import string
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import ad_pipeline
from ad_pipeline import errors
from ad_pipeline.errors import AdPipelineError, BriefRejected, EngineUnavailable, InputRejected
from ad_pipeline.messages import Message, say, user_language

_PACKAGE = Path(ad_pipeline.__file__).parent
_ERRORS = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, AdPipelineError)}
# Called with an error class in a variable: `raise rejected("...")` in story/border.py.
_SPEAKERS = _ERRORS | {"say", "rejected", "worded"}


@dataclass(frozen=True, kw_only=True)
class _Said:
    template: str
    place: str


def _trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(_PACKAGE.rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def _calls() -> Iterator[tuple[str, ast.Call]]:
    for path, tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _name(node.func) in _SPEAKERS and node.args:
                yield f"{path.relative_to(_PACKAGE)}:{node.lineno}", node


def _name(function: ast.expr) -> str:
    return getattr(function, "id", getattr(function, "attr", ""))


def _texts(node: ast.expr) -> list[str] | None:
    """All texts that an expression of literals can give; None when it holds anything else."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.IfExp(body=body, orelse=other):
            sides = _texts(body), _texts(other)
            return None if None in sides else [text for side in sides for text in side or ()]
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            sides = _texts(left), _texts(right)
            return None if None in sides else [a + b for a, b in itertools.product(*(s or () for s in sides))]
        case _:
            return None


def _said() -> list[_Said]:
    routes = tomllib.loads((_PACKAGE / "routing" / "routes.toml").read_text(encoding="utf-8"))
    reasons = [_Said(template=row["reason"], place="routing/routes.toml") for row in routes["route"]]
    calls = [_Said(template=text, place=place) for place, call in _calls() for text in _texts(call.args[0]) or ()]
    return calls + reasons


def _twins() -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted((_PACKAGE / "locale" / "ko").glob("*.toml")):
        found |= tomllib.loads(path.read_text(encoding="utf-8"))
    return found


def _fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


# The one call that speaks for others: its words (made, reused, ...) are a closed set, each with a twin.
_WORDS_BY_VALUE = {"cli/progress.py": {"made", "reused", "degraded", "failed", "skipped"}}


def test_every_template_is_a_plain_literal() -> None:
    others = [place for place, call in _calls() if _texts(call.args[0]) is None]

    assert [place for place in others if place.split(":")[0] not in _WORDS_BY_VALUE] == []


def test_every_template_has_a_korean_twin() -> None:
    twins = _twins()
    values = itertools.chain.from_iterable(_WORDS_BY_VALUE.values())

    missing = {f"{said.template!r} ({said.place})" for said in _said() if said.template not in twins}

    assert sorted(missing) == []
    assert [value for value in values if value not in twins] == []


def test_a_twin_has_the_same_facts_and_can_be_filled() -> None:
    for template, twin in _twins().items():
        assert _fields(template) == _fields(twin), template
        for name in _fields(template):
            assert name.isidentifier(), f"{template!r} wants the unnamed fact {name!r}"
        for text in (template, twin):
            text.format(**{name: _Anything() for name in _fields(template)})


def test_no_twin_outlives_its_template() -> None:
    alive = {said.template for said in _said()} | set().union(*_WORDS_BY_VALUE.values())

    assert sorted(set(_twins()) - alive) == []


def test_no_template_is_translated_twice() -> None:
    keys = [
        key
        for path in (_PACKAGE / "locale" / "ko").glob("*.toml")
        for key in tomllib.loads(path.read_text(encoding="utf-8"))
    ]

    assert sorted({key for key in keys if keys.count(key) > 1}) == []


@pytest.mark.parametrize("place_call", list(_calls()), ids=lambda pair: pair[0])
def test_every_fact_of_a_template_is_given(place_call: tuple[str, ast.Call]) -> None:
    place, call = place_call
    if any(keyword.arg is None for keyword in call.keywords):
        pytest.skip("facts come as a mapping")
    given = {keyword.arg for keyword in call.keywords if keyword.arg}
    # Errors of these kinds bring these facts themselves; pydantic's validators learn their field later.
    given |= {"field", "job_id"}

    for template in _texts(call.args[0]) or ():
        assert _fields(template) <= given, place


class _Anything:
    """Fills any placeholder, whatever its format."""

    def __format__(self, spec: str) -> str:
        number = spec and spec[-1] in "bcdeEfFgGnoxX%"
        return format(1, spec) if number else "x"


def test_a_message_is_said_in_the_persons_language(monkeypatch: pytest.MonkeyPatch) -> None:
    error = BriefRejected("the {what} misses the field {field!r}; add it", what="brief", field="product")

    assert str(error) == "the brief misses the field 'product'; add it"
    assert "product" in error.message.said_in("ko")
    assert error.message.said_in("ko") != str(error)
    monkeypatch.setenv("AD_PIPELINE_LANGUAGE", "ko_KR.UTF-8")
    assert say("finished") != "finished"
    monkeypatch.setenv("AD_PIPELINE_LANGUAGE", "en")
    assert say("finished") == "finished"


def test_the_locale_chooses_the_language_unless_our_variable_does(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AD_PIPELINE_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    assert user_language() == "en"

    monkeypatch.setenv("LANG", "ko_KR.UTF-8")
    assert user_language() == "ko"
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    assert user_language() == "en"
    monkeypatch.setenv("AD_PIPELINE_LANGUAGE", "ko")
    assert user_language() == "ko"


def test_a_template_without_a_twin_is_said_in_english() -> None:
    assert Message("nobody translated {this}", {"this": 1}).said_in("ko") == "nobody translated 1"


def test_a_text_with_braces_is_never_taken_for_a_template() -> None:
    error = InputRejected("no session {session_id!r} under {root}; there are: {known}", session_id="{root.x}",
                          root="/r", known="%{}")  # fmt: skip

    assert str(error) == "no session '{root.x}' under /r; there are: %{}"


def test_an_error_crosses_a_process_border_whole() -> None:
    import pickle

    error = EngineUnavailable("{engine} is not ready: {missing}", engine="comfyui", job_id="j1", missing="no url")

    again = pickle.loads(pickle.dumps(error))

    assert (type(again), str(again), again.engine, again.job_id) == (EngineUnavailable, str(error), "comfyui", "j1")
    assert again.message == error.message
    moved = InputRejected("take: got {got!r}, expected v1, v2, ...", got="x").at("take")
    assert pickle.loads(pickle.dumps(moved)).field == "take"
