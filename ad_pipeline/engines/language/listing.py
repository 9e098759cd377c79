"""How the servers list their models: where to ask, and what the answer says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from ad_pipeline.engines.language.catalogue import Server

_ANTHROPIC_VERSION = "2026-10-21"
"""As the vendor's own client 2.11 sends it, which also sends its keys as Bearer."""
_MOST = 1000


def listing_request(server: Server) -> tuple[str, dict[str, str]]:
    """The address and the headers of the question which models there are."""
    key = server.key()
    bearer = {"authorization": f"Bearer {key}"} if key else {}
    if server.kind == "ollama":
        return f"{server.url}/api/tags", bearer
    if server.kind == "anthropic":
        return f"{server.url}/v1/models?limit={_MOST}", {**bearer, "anthropic-version": _ANTHROPIC_VERSION}
    return f"{server.url}/models", bearer


def names_listed(server: Server, body: object) -> dict[str, str]:
    """The models, each with the host that really answers for it; empty for the server itself.

    Raises:
        ValueError: this is no list of models.
    """
    field, name = ("models", "name") if server.kind == "ollama" else ("data", "id")
    listed = cast(Mapping[str, Any], body).get(field) if isinstance(body, dict) else None
    if not isinstance(listed, list):
        raise ValueError("no list of models")
    rows = [cast(dict[str, Any], row) for row in cast(list[Any], listed) if isinstance(row, dict)]
    return {str(row.get(name) or ""): str(row.get("remote_host") or "") for row in rows}


def as_listed(server: Server, name: str) -> str:
    """A model's name as its server lists it: Ollama tags one without a tag as `latest`."""
    is_bare = server.kind == "ollama" and ":" not in name.rpartition("/")[2]
    return f"{name}:latest" if is_bare else name
