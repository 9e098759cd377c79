"""A person's own list (TOML) over ours: what is known of engines that are servers, and where they answer.

What all such lists share; each engine's catalogue adds what is its own.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from ad_pipeline.engines.contracts import PaidAds
from ad_pipeline.engines.locality import is_own_address
from ad_pipeline.errors import InputRejected
from ad_pipeline.story.border import nearest

LARGEST_FILE_BYTES = 1_000_000
LONGEST_REASON = 200

Stamp = tuple[int, int]
"""When a file was changed and how long it is: another stamp, another file."""


@dataclass(frozen=True, kw_only=True)
class ListedServer:
    """Where models answer. `key_env` names the environment variable that holds its key; empty: it wants none."""

    name: str
    url: str
    key_env: str = ""
    local: bool = False

    def key(self) -> str:
        """The key, read now; empty when there is none."""
        return os.environ.get(self.key_env, "").strip() if self.key_env else ""

    def reason(self, text: object) -> str:
        """What the server or the machine said, fit for one line and without the key."""
        key, words = self.key(), " ".join(str(text).split())
        words = words.replace(key, "***") if key else words
        return words if len(words) <= LONGEST_REASON else words[: LONGEST_REASON - 1] + "…"


class Table(BaseModel):
    """One table of a list: what it does not know is refused, and nothing is taken for something else."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ServerTable(Table):
    """What every server's table holds."""

    url: str
    key_env: str = Field(default="", pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")
    local: bool = False


class LicenceTable(Table):
    """A model's terms."""

    name: str = Field(min_length=1)
    paid_ads: PaidAds
    source: str = ""
    note: str = ""


def stamp_of(path: Path) -> Stamp | None:
    """The file's stamp; None where there is none.

    Raises:
        InputRejected: it cannot be looked at.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputRejected("{file} cannot be read: {reason}", file=path.name, reason=error.strerror) from error
    return found.st_mtime_ns, found.st_size


def own_list(path: Path) -> dict[str, Any]:
    """What the file says.

    Raises:
        InputRejected: it cannot be read, or is no TOML.
    """
    try:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise InputRejected(
                "{file} is larger than {limit} bytes; is it the right one?",
                file=path.name,
                limit=LARGEST_FILE_BYTES,
            )
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise InputRejected("{file} is no TOML: {reason}", field=path.name, file=path.name, reason=error) from error
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "no UTF-8"
        raise InputRejected("{file} cannot be read: {reason}", file=path.name, reason=reason) from error


def laid_over(below: Mapping[str, Any], above: Mapping[str, Any], *, depth: int) -> dict[str, Any]:
    """`above` wins; tables down to `depth` are joined, so that a person writes only the field they change."""
    joined = dict(below)
    for key, value in above.items():
        under = joined.get(key)
        if depth and isinstance(value, dict) and isinstance(under, dict):
            mine, ours = cast(dict[str, Any], value), cast(dict[str, Any], under)
            joined[key] = laid_over(ours, mine, depth=depth - 1)
        else:
            joined[key] = value
    return joined


def check_url(name: str, url: str, *, has_key: bool, book: Path) -> None:
    """Look whether a server's address is one, and whether its key would travel openly.

    Raises:
        InputRejected: saying what is wrong with it.
    """
    field_name = f"servers.{name}.url"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment or " " in url:
        raise InputRejected(
            "{file}, server {name}: {url!r} is no address of a server; expected e.g. http://127.0.0.1:11434",
            field=field_name,
            file=book.name,
            name=name,
            url=parts._replace(netloc=host or "").geturl(),
        )
    if parts.username or parts.password:
        raise InputRejected(
            "{file}, server {name}: the url holds a password; put the key into an environment variable and the "
            "variable's name into key_env",
            field=field_name,
            file=book.name,
            name=name,
        )
    if has_key and parts.scheme == "http" and not is_own_address(host):
        raise InputRejected(
            "{file}, server {name}: its key would go to {host} unencrypted; write https",
            field=field_name,
            file=book.name,
            name=name,
            host=host,
        )


def server_url(name: str, row: ServerTable, *, kind: str, book: Path) -> str:
    """A server's address as it is asked, `/v1` added where every server of OpenAI's kind has it; empty: off.

    Raises:
        InputRejected: saying what is wrong with it.
    """
    url = row.url.strip().rstrip("/")
    if url:
        check_url(name, url, has_key=bool(row.key_env), book=book)
    if kind == "openai" and url and not urlsplit(url).path:
        url += "/v1"
    return url


def check_use(role: str, model_id: str, known: Iterable[str], *, book: Path) -> None:
    """Look whether `use` names a model of the list.

    Raises:
        InputRejected: it does not.
    """
    ids = tuple(known)
    if model_id not in ids:
        raise InputRejected(
            "{file}, use.{role}: unknown model {model!r}; did you mean {guess!r}? known: {known}",
            field=f"use.{role}",
            file=book.name,
            role=role,
            model=model_id,
            guess=nearest(model_id, ids) or ids[0],
            known=", ".join(ids),
        )
