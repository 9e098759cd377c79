"""A person's own list (TOML) over ours: what is known of engines that are servers, and where they answer."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from ad_pipeline.engines.locality import is_own_address
from ad_pipeline.errors import InputRejected

LARGEST_FILE_BYTES = 1_000_000

Stamp = tuple[int, int]
"""When a file was changed and how long it is: another stamp, another file."""


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
