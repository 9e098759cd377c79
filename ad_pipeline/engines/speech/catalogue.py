"""The voices we know and those a person adds: `voices.toml` here, a person's own file laid over it."""

from __future__ import annotations

import datetime
import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from pydantic import Field

from ad_pipeline.engines.contracts import Licence
from ad_pipeline.engines.crafts.voice import Emotion, Talents, Timestamps
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
from ad_pipeline.messages import Message, worded
from ad_pipeline.settings import Settings
from ad_pipeline.story.border import checked

Kind = Literal["elevenlabs", "openai"]
Language = Literal["ko", "en"]
Gender = Literal["female", "male", "any"]
Age = Literal["young", "adult", "mature"]
Setting = Literal["stability", "similarity_boost", "style", "use_speaker_boost", "speed"]


@dataclass(frozen=True, kw_only=True)
class SpeechServer(ListedServer):
    """Where voices answer."""

    kind: Kind
    at_once: int = 1
    """How many requests it is sent side by side."""


@dataclass(frozen=True, kw_only=True)
class ListedVoice:
    """One voice of a model; `languages` empty: all of the model's."""

    id: str
    name: str
    gender: Gender
    age: Age
    languages: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class SpeechModel:
    """One model of one server; `name` is what the server calls it."""

    model_id: str
    server: SpeechServer
    name: str
    licence: Licence
    usd_per_1000_characters: float
    languages: frozenset[str]
    talents: Talents
    credits_per_character: float
    """What a character takes of the account's quota."""
    settings: frozenset[Setting]
    stabilities: tuple[float, ...]
    """The only values of `stability` that it takes; empty: any from 0 to 1."""
    stitching: bool
    seed: bool
    language_code: bool
    reference_field: str
    captioned_path: str
    """Where the server tells words' times beside its sound; empty: nowhere."""
    voices: tuple[ListedVoice, ...]
    book: Path
    """Where a person changes it."""

    @property
    def local(self) -> bool:
        return is_local(self.server)


@dataclass(frozen=True, kw_only=True)
class EffectsModel:
    """A model that makes sound effects from words."""

    model_id: str
    server: SpeechServer
    name: str
    licence: Licence
    usd_per_effect: float
    shortest_s: float
    longest_s: float
    longest_text: int
    book: Path

    @property
    def local(self) -> bool:
        return is_local(self.server)


@dataclass(frozen=True, kw_only=True, eq=False)  # one book is one file as it was: rows made of it are kept with it
class SpeechBook:
    """All models by id, and which of them is meant by `use["own_voice"]` and `use["cloud_voice"]`."""

    voices: Mapping[str, SpeechModel]
    effects: Mapping[str, EffectsModel]
    use: Mapping[str, str]


class _Server(ServerTable):
    kind: Kind
    at_once: int = Field(default=1, ge=1, le=64)


class _Voice(Table):
    id: str = Field(min_length=1, max_length=200)
    name: str = ""
    gender: Gender
    age: Age = "adult"
    languages: list[Language] = []


class _Facts(Table):
    server: str
    name: str = Field(min_length=1)
    licence: LicenceTable
    source: str = ""
    checked_on: datetime.date | None = None


class _Model(_Facts):
    usd_per_1000_characters: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    credits_per_character: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    languages: list[Language] = Field(min_length=1)
    longest_text: int = Field(ge=1)
    timestamps: Timestamps = "none"
    emotion: Emotion = "none"
    speed: list[float] = Field(default=[1.0, 1.0], min_length=2, max_length=2)
    settings: list[Setting] = []
    stabilities: list[float] = []
    cloning: bool = False
    reference_field: str = "reference_audio"
    captioned_path: str = Field(default="", pattern=r"^(/[A-Za-z0-9_/.-]+)?$")
    stitching: bool = False
    seed: bool = False
    language_code: bool = False
    voices: list[_Voice] = []
    voices_of: str = ""


class _Effects(_Facts):
    usd_per_effect: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    shortest_s: float = Field(gt=0)
    longest_s: float = Field(gt=0)
    longest_text: int = Field(ge=1)


class _Use(Table):
    own_voice: str
    cloud_voice: str


class _Book(Table):
    use: _Use
    servers: dict[str, _Server] = {}
    models: dict[str, _Model] = {}
    effects: dict[str, _Effects] = {}


def is_local(server: SpeechServer) -> bool:
    """Whether nothing that it is sent leaves the person's own network, whatever its row says."""
    return server.local and why_not_local(server.url, is_ollama=False, name="") is None


def why_no_key(server: SpeechServer) -> Message | None:
    """What is wrong with a server's key; None where it is there, or none is wanted."""
    if not server.key_env:
        return None
    key = server.key()
    if not key:
        return worded("no key; put it into the environment variable {variable}", variable=server.key_env)
    if not re.fullmatch(r"[!-~]+", key):  # no header takes it, and what complains of one would show it
        return worded(
            "what stands in {variable} is no key: it holds spaces or foreign letters", variable=server.key_env
        )
    return None


def speech_book(settings: Settings) -> SpeechBook:
    """The voices of now: ours, with a person's own file (`settings.voices`) laid over them field by field.

    Raises:
        InputRejected: naming the file and the field that is wrong.
    """
    return _read(settings.voices, stamp_of(settings.voices))


@functools.lru_cache(maxsize=8)
def _read(own: Path, stamp: Stamp | None) -> SpeechBook:
    told = tomllib.loads((resources.files("ad_pipeline.engines.speech") / "voices.toml").read_text(encoding="utf-8"))
    if stamp:
        told = laid_over(told, own_list(own), depth=2)
    book = checked(_Book, told, rejected=InputRejected, what=own.name)
    servers = {name: _server(name, row, own) for name, row in book.servers.items()}
    voices = {id_: _model(id_, row, book, servers, own) for id_, row in book.models.items()}
    effects = {id_: _effects(id_, row, servers, own) for id_, row in book.effects.items()}
    return SpeechBook(
        voices=MappingProxyType(voices), effects=MappingProxyType(effects), use=MappingProxyType(_uses(book, own))
    )


def _server(name: str, row: _Server, book: Path) -> SpeechServer:
    url = server_url(name, row, kind=row.kind, book=book)
    return SpeechServer(
        name=name, kind=row.kind, url=url, key_env=row.key_env, local=row.local, at_once=row.at_once
    )  # fmt: skip


def _model(
    model_id: str, row: _Model, book: _Book, servers: Mapping[str, SpeechServer], own: Path
) -> SpeechModel:  # fmt: skip
    slowest, fastest = row.speed
    if not 0 < slowest <= 1 <= fastest:
        raise InputRejected(
            "{file}, model {model!r}: speed {slowest:g} to {fastest:g} must begin above 0 and hold 1",
            field=f"models.{model_id}.speed",
            file=own.name,
            model=model_id,
            slowest=slowest,
            fastest=fastest,
        )
    voices = row.voices or (book.models[row.voices_of].voices if row.voices_of in book.models else [])
    return SpeechModel(
        model_id=model_id,
        server=_named(row.server, model_id, servers, own),
        name=row.name,
        licence=Licence(**row.licence.model_dump()),
        usd_per_1000_characters=row.usd_per_1000_characters,
        languages=frozenset(row.languages),
        talents=Talents(
            timestamps=row.timestamps,
            emotion=row.emotion,
            slowest=slowest,
            fastest=fastest,
            cloning=row.cloning,
            longest_text=row.longest_text,
        ),
        credits_per_character=row.credits_per_character,
        settings=frozenset(row.settings),
        stabilities=tuple(row.stabilities),
        stitching=row.stitching,
        seed=row.seed,
        language_code=row.language_code,
        reference_field=row.reference_field if row.cloning else "",
        captioned_path=row.captioned_path,
        voices=tuple(
            ListedVoice(
                id=voice.id,
                name=voice.name or voice.id,
                gender=voice.gender,
                age=voice.age,
                languages=frozenset(voice.languages),
            )
            for voice in voices
        ),
        book=own,
    )


def _effects(model_id: str, row: _Effects, servers: Mapping[str, SpeechServer], own: Path) -> EffectsModel:
    return EffectsModel(
        model_id=model_id,
        server=_named(row.server, model_id, servers, own),
        name=row.name,
        licence=Licence(**row.licence.model_dump()),
        usd_per_effect=row.usd_per_effect,
        shortest_s=row.shortest_s,
        longest_s=row.longest_s,
        longest_text=row.longest_text,
        book=own,
    )


def _uses(book: _Book, own: Path) -> dict[str, str]:
    uses = book.use.model_dump()
    for role, model_id in uses.items():
        check_use(role, model_id, book.models, book=own)
    return uses


def _named(name: str, model_id: str, servers: Mapping[str, SpeechServer], book: Path) -> SpeechServer:
    if name not in servers or model_id.count("/") != 1:
        raise InputRejected(
            "{file}, model {model!r}: its id has to be `engine/name`, and its server one of {known}",
            field=f"models.{model_id}",
            file=book.name,
            model=model_id,
            known=", ".join(servers),
        )
    return servers[name]
