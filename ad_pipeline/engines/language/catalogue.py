"""The language models we know and those a person adds: `models.toml` here, a person's own file laid over it."""

from __future__ import annotations

import datetime
import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from pydantic import Field

from ad_pipeline.engines.contracts import Licence
from ad_pipeline.engines.locality import why_not_local
from ad_pipeline.engines.own_lists import (
    LicenceTable,
    ListedServer,
    ServerTable,
    Stamp,
    Table,
    check_use,
    laid_over,
    own_list,
    server_url,
    stamp_of,
)
from ad_pipeline.errors import InputRejected
from ad_pipeline.messages import Message
from ad_pipeline.settings import Settings
from ad_pipeline.story.border import checked

Kind = Literal["ollama", "openai", "anthropic"]
Answers = Literal["schema", "json", "tool", "prompt"]
Effort = Literal["minimal", "low", "medium", "high"]

_ROOM_TO_THINK: Mapping[Effort, int] = MappingProxyType({"minimal": 1000, "low": 4000, "medium": 12000, "high": 24000})

ROLES = ("local", "strategy", "copy", "review")


@dataclass(frozen=True, kw_only=True)
class Server(ListedServer):
    """Where language models answer."""

    kind: Kind


@dataclass(frozen=True, kw_only=True)
class LanguageModel:
    """One model of one server; its id is `server/short name`, `name` is what the server calls it."""

    model_id: str
    server: Server
    name: str
    licence: Licence
    usd_per_million_input: float = 0.0
    usd_per_million_output: float = 0.0
    context_tokens: int
    answers: Answers
    temperature: bool = True
    seed: bool = True
    effort: Effort | None = None
    ends: datetime.date | None = None
    book: Path
    """Where a person changes it."""

    def why_not_local(self) -> Message | None:
        """Why it is not local although its server is called so; None for one that is, or that nobody calls so."""
        if not self.server.local:
            return None
        return why_not_local(self.server.url, is_ollama=self.server.kind == "ollama", name=self.name)

    @property
    def local(self) -> bool:
        return self.server.local and self.why_not_local() is None

    @property
    def thinking_tokens(self) -> int:
        """What a reasoning model thinks counts as output; the room for its answer comes on top of this."""
        return _ROOM_TO_THINK[self.effort] if self.effort else 0

    def has_ended(self, today: datetime.date | None = None) -> bool:
        return self.ends is not None and (today or datetime.date.today()) >= self.ends

    def cost_usd(self, *, input_tokens: int, output_tokens: int) -> float:
        return (input_tokens * self.usd_per_million_input + output_tokens * self.usd_per_million_output) / 1e6


@dataclass(frozen=True, kw_only=True, eq=False)  # one book is one file as it was: rows made of it are kept with it
class LanguageBook:
    """All models by id, and which of them does what (`use["local"]`, `use["copy"]`...)."""

    models: Mapping[str, LanguageModel]
    use: Mapping[str, str]


class _Server(ServerTable):
    kind: Kind


class _Price(Table):
    input: float = Field(ge=0, allow_inf_nan=False)
    output: float = Field(ge=0, allow_inf_nan=False)


class _Model(Table):
    name: str = Field(min_length=1)
    licence: LicenceTable
    usd_per_million: _Price = _Price(input=0.0, output=0.0)
    context_tokens: int = Field(ge=512)
    answers: Answers = "schema"
    temperature: bool = True
    seed: bool = True
    effort: Effort | None = None
    ends: datetime.date | None = None
    checked_on: datetime.date | None = None
    source: str = ""


class _Book(Table):
    use: dict[str, str] = {}
    servers: dict[str, _Server] = {}
    models: dict[str, _Model] = {}


def language_book(settings: Settings) -> LanguageBook:
    """The models of now: ours, with a person's own file (`settings.models`) laid over them field by field.

    Raises:
        InputRejected: naming the file and the field that is wrong.
    """
    return _read(settings.models, stamp_of(settings.models))


@functools.lru_cache(maxsize=8)
def _read(own: Path, stamp: Stamp | None) -> LanguageBook:
    told = tomllib.loads((resources.files("ad_pipeline.engines.language") / "models.toml").read_text(encoding="utf-8"))
    if stamp:
        told = laid_over(told, own_list(own), depth=2)
    book = checked(_Book, told, rejected=InputRejected, what=own.name)
    servers = {name: _server(name, row, own) for name, row in book.servers.items()}
    models = {model_id: _model(model_id, row, servers, own) for model_id, row in book.models.items()}
    answering = {model_id: model for model_id, model in models.items() if model.server.url}
    for role in ROLES:
        if role not in book.use:
            raise InputRejected("the {what} misses the field {field!r}; add it", what=own.name, field=f"use.{role}")
    for role, model_id in book.use.items():
        _check_use(role, model_id, models, own)
    return LanguageBook(models=MappingProxyType(answering), use=MappingProxyType(dict(book.use)))


def _server(name: str, row: _Server, book: Path) -> Server:
    url = server_url(name, row, kind=row.kind, book=book)
    if row.kind != "openai":
        url = url.removesuffix("/v1")
    return Server(name=name, kind=row.kind, url=url, key_env=row.key_env, local=row.local)


def _model(model_id: str, row: _Model, servers: Mapping[str, Server], book: Path) -> LanguageModel:
    server, _, short = model_id.partition("/")
    if server not in servers or not short:
        raise InputRejected(
            "{file}, model {model!r}: its name has to be `server/short name`, with one of the servers {known}",
            field=f"models.{model_id}",
            file=book.name,
            model=model_id,
            known=", ".join(servers),
        )
    return LanguageModel(
        model_id=model_id,
        server=servers[server],
        name=row.name,
        licence=Licence(**row.licence.model_dump()),
        usd_per_million_input=row.usd_per_million.input,
        usd_per_million_output=row.usd_per_million.output,
        context_tokens=row.context_tokens,
        answers=row.answers,
        temperature=row.temperature,
        seed=row.seed,
        effort=row.effort,
        ends=row.ends,
        book=book,
    )


def _check_use(role: str, model_id: str, models: Mapping[str, LanguageModel], book: Path) -> None:
    check_use(role, model_id, models, book=book)
    if not models[model_id].server.url:
        raise InputRejected(
            "{file}, use.{role}: the server of {model} has no url; give it one under [servers.{server}]",
            field=f"use.{role}",
            file=book.name,
            role=role,
            model=model_id,
            server=models[model_id].server.name,
        )
