"""Is a language server there, and does it have the model? For `doctor`: one short request, no vendor's library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpx

from ad_pipeline.engines.language.catalogue import LanguageModel, Server
from ad_pipeline.engines.language.engine import ListedModel
from ad_pipeline.engines.language.faults import Faults
from ad_pipeline.engines.language.listing import as_listed, listing_request, names_listed
from ad_pipeline.engines.language.server_words import is_loading
from ad_pipeline.engines.language.wire import trusted_by
from ad_pipeline.errors import AdPipelineError
from ad_pipeline.messages import Message

LOOK_S = 2.0


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What one server said: the models that it has (with the host that a model is passed on to), or what is wrong."""

    models: Mapping[str, str]
    status: int = 0
    fault: str = ""
    """Why nobody could be asked, in the words of the machine."""
    bad_proxy: str = ""
    """Why the environment's proxy cannot be used."""
    loads: bool = False
    """It is there, and still reads its model."""
    strange: str = ""
    """What answered in place of a language server."""


def look(server: Server, *, timeout_s: float = LOOK_S) -> Looked:
    """Ask a server which models it has."""
    address, headers = listing_request(server)
    try:
        client = httpx.Client(
            timeout=timeout_s,
            trust_env=not server.local,
            follow_redirects=False,
            verify=trusted_by(server),
        )
    except (ImportError, ValueError) as error:
        return Looked(models={}, bad_proxy=str(error))
    try:
        with client:
            response = client.get(address, headers=headers)
            if response.status_code == 200 and server.local and server.kind == "openai":
                # llama.cpp lists its models to everybody, and wants its key for all else.
                status = client.get(f"{server.url}/chat/completions", headers=headers).status_code
                if status in (401, 403):
                    return Looked(models={}, status=status)
    except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
        return Looked(models={}, fault=str(error) or type(error).__name__)
    if response.status_code != 200:
        return Looked(
            models={},
            status=response.status_code,
            loads=is_loading(response.status_code, response.text),
            strange=response.headers.get("content-type", ""),
        )
    try:
        names = names_listed(server, response.json())
    except ValueError:
        return Looked(models={}, status=200, strange=response.headers.get("content-type", "") or "?")
    return Looked(models=names, status=200)


def reachable(model: LanguageModel, *, looked: Looked | None = None) -> Message | None:
    """Why this model cannot be asked now, with the fix; None when it can. Takes `LOOK_S` at most.

    `looked` spares the request where its server was asked already.
    """
    missing = _why_not_asked(model)
    if missing:
        return missing
    found = looked or look(model.server)
    faults = Faults(model)
    if found.bad_proxy:
        return faults.why_bad_proxy(found.bad_proxy)
    if found.fault:
        return faults.why_no_server(found.fault)
    if found.status in (401, 403):
        return faults.why_key_refused(found.status)
    if found.loads:
        return faults.loading().message
    if found.status != 200 or found.strange:
        return _strange(faults, found)
    return _model_there(model, faults, found.models)


def look_at_all(models: Sequence[LanguageModel]) -> Mapping[str, Looked]:
    """Each server once, by its name, all at the same time; not those that lack a key or are falsely called local."""
    from concurrent.futures import ThreadPoolExecutor

    servers = {model.server.name: model.server for model in models if _why_not_asked(model) is None}
    with ThreadPoolExecutor(max_workers=max(1, len(servers))) as pool:
        return dict(zip(servers, pool.map(look, servers.values()), strict=True))


def _why_not_asked(model: LanguageModel) -> Message | None:
    return model.why_not_local() or ListedModel(model).missing()


def _strange(faults: Faults, found: Looked) -> Message:
    error: AdPipelineError = (
        faults.broken(found.status) if found.status >= 500 else faults.strange(f"{found.status}, {found.strange}")
    )
    return error.message


def _model_there(model: LanguageModel, faults: Faults, models: Mapping[str, str]) -> Message | None:
    name = as_listed(model.server, model.name)
    if name not in models:
        return faults.why_no_model(list(models))
    return faults.why_remote(models[name]) if model.server.local and models[name] else None
