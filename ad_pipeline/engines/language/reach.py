"""Is a language server there, and does it have the model? For `doctor`: one short request, no vendor's library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import httpx

from ad_pipeline.engines.language.catalogue import LanguageModel, Server
from ad_pipeline.engines.language.engine import ListedModel
from ad_pipeline.engines.language.faults import Faults
from ad_pipeline.engines.language.ollama_door import full_name, names_in
from ad_pipeline.errors import AdPipelineError
from ad_pipeline.messages import Message

LOOK_S = 2.0
_ANTHROPIC_VERSION = "2023-06-01"
_PAGE = 1000


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What one server said: the models that it has (with the host that a model is passed on to), or what is wrong."""

    models: Mapping[str, str]
    status: int = 0
    fault: str = ""
    """Why nobody could be asked, in the words of the machine."""
    strange: str = ""
    """What answered in place of a language server."""


def look(server: Server, *, timeout_s: float = LOOK_S) -> Looked:
    """Ask a server which models it has."""
    path, headers = _question(server)
    try:
        with httpx.Client(timeout=timeout_s, trust_env=not server.local, follow_redirects=False) as client:
            response = client.get(server.url + path, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
        return Looked(models={}, fault=str(error) or type(error).__name__)
    if response.status_code != 200:
        return Looked(models={}, status=response.status_code, strange=response.headers.get("content-type", ""))
    try:
        names = names_in(response.json()) if server.kind == "ollama" else _ids_in(response.json())
    except ValueError:
        return Looked(models={}, status=200, strange=response.headers.get("content-type", "") or "?")
    return Looked(models=names, status=200)


def reachable(model: LanguageModel, *, looked: Looked | None = None) -> Message | None:
    """Why this model cannot be asked now, with the fix; None when it can. Takes `LOOK_S` at most.

    `looked` spares the request where its server was asked already.
    """
    missing = model.why_not_local() or ListedModel(model).missing()
    if missing:
        return missing
    found = looked or look(model.server)
    faults = Faults(model)
    if found.fault:
        return faults.why_no_server(found.fault)
    if found.status in (401, 403):
        return faults.why_key_refused(found.status)
    if found.status != 200 or found.strange:
        return _strange(faults, found)
    return _model_there(model, faults, found.models)


def look_at_all(models: Sequence[LanguageModel]) -> Mapping[str, Looked]:
    """Each server once, by its name, all at the same time; those that lack a key are not asked."""
    from concurrent.futures import ThreadPoolExecutor

    servers = {model.server.name: model.server for model in models if ListedModel(model).missing() is None}
    with ThreadPoolExecutor(max_workers=max(1, len(servers))) as pool:
        return dict(zip(servers, pool.map(look, servers.values()), strict=True))


def _strange(faults: Faults, found: Looked) -> Message:
    error: AdPipelineError = (
        faults.broken(found.status) if found.status >= 500 else faults.strange(f"{found.status}, {found.strange}")
    )
    return error.message


def _model_there(model: LanguageModel, faults: Faults, models: Mapping[str, str]) -> Message | None:
    if model.server.kind != "ollama":
        return None if model.name in models else faults.why_no_model(list(models))
    name = full_name(model.name)
    if name not in models:
        return faults.why_no_model(list(models))
    return faults.why_remote(models[name]) if model.server.local and models[name] else None


def _question(server: Server) -> tuple[str, dict[str, str]]:
    key = server.key()
    if server.kind == "ollama":
        return "/api/tags", {"authorization": f"Bearer {key}"} if key else {}
    if server.kind == "anthropic":
        return f"/v1/models?limit={_PAGE}", {"x-api-key": key, "anthropic-version": _ANTHROPIC_VERSION}
    return "/models", {"authorization": f"Bearer {key}"} if key else {}


def _ids_in(body: object) -> dict[str, str]:
    listed = cast(Mapping[str, Any], body).get("data") if isinstance(body, dict) else None
    if not isinstance(listed, list):
        raise ValueError("no list of models")
    rows = [cast(dict[str, Any], row) for row in cast(list[Any], listed) if isinstance(row, dict)]
    return {str(row.get("id", "")): "" for row in rows}
