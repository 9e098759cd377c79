"""Where text from outside becomes a typed value: YAML or JSON in, one clear message out.

Pydantic finds what is wrong; here its findings become one sentence that names the field, what
came, what is allowed, and the nearest allowed word.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Never, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from yaml.composer import ComposerError

from ad_pipeline.errors import InputRejected
from ad_pipeline.messages import Message, worded

Model = TypeVar("Model", bound=BaseModel)

TEXT_LIMIT_BYTES = 1_000_000
"""A brief, kit or storyboard is a page of text; a larger file is a mistake or an attack."""


class _PlainYaml(yaml.SafeLoader):
    """Safe YAML without aliases (a small file could unfold to gigabytes), base-60 numbers and dates.

    YAML 1.1 reads the aspect ratio 9:16 as the number 556; a brief means the text.
    """

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise ComposerError(None, None, "aliases (*name) are not allowed", self.peek_event().start_mark)
        return super().compose_node(parent, index)


_LEFT_AS_TEXT = {"tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:timestamp"}
_PlainYaml.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] not in _LEFT_AS_TEXT]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_PlainYaml.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?[0-9]+$"), list("-+0123456789"))
_PlainYaml.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$"), list("-+0123456789.")
)


def mapping_from_yaml(text: str, *, rejected: type[InputRejected], what: str) -> dict[str, Any]:
    """The mapping that `text` holds (YAML, of which JSON is a part).

    Raises:
        InputRejected: `rejected` itself, when the text is too long, no YAML, or no mapping.
    """
    try:
        size_bytes = len(text.encode())
    except UnicodeEncodeError as error:  # a command line that is no UTF-8, or a half of a pair
        raise rejected(
            "the {what} holds {got!r}, which is no character; write it as UTF-8 text",
            what=what,
            got=text[error.start : error.end][:20],
        ) from error
    if size_bytes > TEXT_LIMIT_BYTES:
        raise rejected(
            "the {what} is larger than {limit} bytes; expected a page of text", what=what, limit=TEXT_LIMIT_BYTES
        )
    try:
        found = _from_json(text) or yaml.load(text, Loader=_PlainYaml)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "?"
        problem = getattr(error, "problem", None) or type(error).__name__
        raise rejected(
            "the {what} is no valid YAML: {problem} ({place}); quote text that holds : # ' \" or starts with @ % & *",
            what=what,
            problem=problem,
            place=place,
        ) from error
    if not isinstance(found, dict):
        raise rejected(
            "the {what} must be a list of `field: value` lines; got {got}", what=what, got=type(found).__name__
        )
    return {str(key): value for key, value in found.items()}


def _from_json(text: str) -> object:
    """What a JSON text holds, a hundred times faster than as YAML; None when it is something else."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None  # YAML in braces, or an error: the YAML reader tells where


def _no_number(word: str) -> Never:
    raise ValueError(word)


def checked(model: type[Model], values: Mapping[str, Any], *, rejected: type[InputRejected], what: str) -> Model:
    """`values` as a `model`.

    Raises:
        InputRejected: `rejected` itself, naming the first wrong field, what came and what is allowed.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise _explained(error.errors()[0], model=model, rejected=rejected, what=what) from error


def nearest(word: str, allowed: Iterable[str]) -> str:
    """The allowed word that `word` most likely meant, or an empty string."""
    by_small = {a.lower(): a for a in allowed}
    close = difflib.get_close_matches(word.lower(), list(by_small), n=1, cutoff=0.6)
    return by_small[close[0]] if close else ""


def _explained(
    finding: ErrorDetails, *, model: type[BaseModel], rejected: type[InputRejected], what: str
) -> InputRejected:
    field = _path_of(finding["loc"])
    # Whoever writes a key where its variable's name belongs does not want to read it in a log.
    got = "..." if field.endswith("key_env") else _short(finding["input"])
    kind = finding["type"]
    context = finding.get("ctx", {})
    if kind == "missing":
        return rejected("the {what} misses the field {field!r}; add it", what=what, field=field)
    if kind == "extra_forbidden":
        known = _fields_at(model, finding["loc"][:-1])
        guess = nearest(str(finding["loc"][-1]), known)
        if guess:
            return rejected(
                "the {what} has an unknown field {field!r}; did you mean {guess!r}?",
                what=what,
                field=field,
                guess=guess,
            )
        return rejected(
            "the {what} has an unknown field {field!r}; known: {known}", what=what, field=field, known=", ".join(known)
        )
    if kind in ("literal_error", "enum"):
        allowed = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        guess = nearest(str(finding["input"]), allowed)
        if guess:
            return rejected(
                "{what}, field {field!r}: got {got}, allowed: {allowed}; did you mean {guess!r}?",
                what=what,
                field=field,
                got=got,
                allowed=", ".join(allowed),
                guess=guess,
            )
        return rejected(
            "{what}, field {field!r}: got {got}, allowed: {allowed}",
            what=what,
            field=field,
            got=got,
            allowed=", ".join(allowed),
        )
    problem = context.get("error")
    if isinstance(problem, InputRejected):
        return problem.at(field)
    return rejected(
        "{what}, field {field!r}: {problem}; got {got}",
        what=what,
        field=field,
        problem=str(problem) if problem else _plainly(kind, context) or finding["msg"],
        got=got,
    )


def _fields_at(model: type[BaseModel], place: Sequence[int | str]) -> list[str]:
    """The fields of the table at a place of `model`: a list's item and a mapping's value are what their types name."""
    table = model
    for part in place:
        field = table.model_fields.get(part) if isinstance(part, str) else None
        table = _table_in(field.annotation) or table if field else table
    return [field.alias or name for name, field in table.model_fields.items()]


def _table_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_table_in, get_args(annotation))), None)


def _plainly(kind: str, limits: Mapping[str, Any]) -> Message | None:
    """What was expected, in words for people who do not program; None where pydantic's own have to do."""
    if kind.startswith("int_"):
        return worded("expected a whole number")
    if kind.startswith("float_"):
        return worded("expected a number")
    if kind.startswith("bool_"):
        return worded("expected true or false")
    if kind == "string_type":
        return worded("expected a text")
    if kind in ("tuple_type", "list_type"):
        return worded("expected a list")
    if kind in ("model_type", "dict_type", "model_attributes_type"):
        return worded("expected fields with their values")
    if kind == "less_than_equal":
        return worded("expected at most {limit}", limit=limits["le"])
    if kind == "greater_than_equal":
        return worded("expected at least {limit}", limit=limits["ge"])
    if kind == "string_too_short":
        return worded("it must not be empty")
    if kind == "string_too_long":
        return worded("expected at most {limit} characters", limit=limits["max_length"])
    if kind == "string_pattern_mismatch":
        return worded("it is not written as it has to be")
    return None


def _path_of(location: Sequence[int | str]) -> str:
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def _short(value: object, limit: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
