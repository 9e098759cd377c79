"""Ollama's own protocol (`/api/chat`, lines of JSON).

Not its OpenAI-compatible door: that one takes no `num_ctx`, so Ollama would read only the last 4096 tokens of a
prompt on a small card, without a word.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from ad_pipeline.engines.language.catalogue import LanguageModel
from ad_pipeline.engines.language.door import Ask, Door, Passing, Said
from ad_pipeline.engines.language.faults import Faults
from ad_pipeline.engines.language.listing import as_listed, listing_request, names_listed
from ad_pipeline.engines.language.server_words import is_context_full
from ad_pipeline.engines.language.wire import Seen, client_for

if TYPE_CHECKING:
    import httpx2

LEAST_CONTEXT_TOKENS = 8192
"""Ollama loads a model anew for another size, so all roles of one storyboard share one."""


def context_for(needed_tokens: int, most_tokens: int) -> int:
    """A size of context that holds it, of few; what the model can at most where that is less."""
    size = LEAST_CONTEXT_TOKENS
    while size < needed_tokens:
        size *= 2
    return min(size, most_tokens)


class OllamaDoor(Door):
    """One question's connection to an Ollama."""

    def __init__(self, model: LanguageModel, faults: Faults, *, timeout_s: float) -> None:
        self._model = model
        self._faults = faults
        self._seen = Seen()
        self._client = client_for(model.server, timeout_s=timeout_s, seen=self._seen)

    async def close(self) -> None:
        await self._client.aclose()

    async def look(self) -> None:
        """Ask which models are there, before anything of the question is sent.

        Raises:
            Passing: nobody answers, or not in time.
            EngineUnavailable: nobody listens where a local server should.
            EngineRefused: the model is not there, or is listed as local and answered for elsewhere.
        """
        import httpx2

        try:
            address, headers = listing_request(self._model.server)
            response = await self._client.get(address, headers=headers)
        except httpx2.ConnectError as error:
            if self._model.server.local:  # nobody listens: a second later nobody will have started it
                raise self._faults.no_server(_words(error)) from error
            raise Passing(self._faults.no_server(_words(error))) from error
        except httpx2.HTTPError as error:
            raise Passing(self._faults.no_server(_words(error))) from error
        self._check(response.status_code, response.text)
        try:
            names = names_listed(self._model.server, response.json())
        except ValueError as error:
            raise self._faults.strange(f"{self._seen.content_type or '?'}, /api/tags") from error
        name = as_listed(self._model.server, self._model.name)
        if name not in names:
            raise self._faults.no_model(list(names))
        if self._model.server.local and names[name]:
            raise self._faults.not_local(self._faults.why_remote(names[name]))

    async def reply(self, ask: Ask, told: Callable[[str], None]) -> Said:
        import httpx2

        body = self._body(ask)
        try:
            async with self._client.stream(
                "POST", f"{self._model.server.url}/api/chat", json=body, headers=self._headers()
            ) as response:
                if response.status_code != 200 or self._seen.is_web_page:
                    self._check(response.status_code, (await _start_of(response)).decode("utf-8", "replace"))
                return await self._read(response, told)
        except httpx2.ConnectError as error:
            raise Passing(self._faults.no_server(_words(error))) from error
        except httpx2.HTTPError as error:
            raise Passing(self._faults.cut_off(_words(error))) from error

    def _body(self, ask: Ask) -> dict[str, Any]:
        most_tokens = ask.most_tokens + self._model.thinking_tokens
        options: dict[str, Any] = {
            "num_predict": most_tokens,
            "num_ctx": context_for(ask.prompt_tokens + most_tokens, self._model.context_tokens),
        }
        if self._model.temperature:
            options["temperature"] = ask.temperature
        if self._model.seed:
            options["seed"] = ask.seed
        messages = [{"role": "system", "content": ask.instructions}]
        messages += [{"role": turn.speaker, "content": turn.text} for turn in ask.turns]
        body: dict[str, Any] = {"model": self._model.name, "messages": messages, "stream": True, "options": options}
        # Newer servers then refuse what they cannot read whole; older ones do not know the words.
        body |= {"truncate": False, "shift": False}
        # What a model thinks counts against `num_predict`.
        body["think"] = self._model.effort is not None
        if self._model.answers == "schema":
            body["format"] = dict(ask.schema)
        elif self._model.answers == "json":
            body["format"] = "json"
        return body

    async def _read(self, response: httpx2.Response, told: Callable[[str], None]) -> Said:
        pieces: list[str] = []
        async for line in response.aiter_lines():
            if not line.strip():
                continue
            try:
                part = json.loads(line)
            except ValueError as error:
                raise self._faults.strange(f"{self._seen.content_type or '?'}: {line[:60]}") from error
            if not isinstance(part, dict):
                raise self._faults.strange(line[:60])
            said = cast(dict[str, Any], part)
            if said.get("error"):
                raise Passing(self._faults.broken(200, said["error"]))
            message = said.get("message")
            piece = cast(dict[str, Any], message).get("content") if isinstance(message, dict) else None
            if isinstance(piece, str) and piece:
                pieces.append(piece)
                told(piece)
            if said.get("done"):
                return Said(
                    text="".join(pieces),
                    ending="cut" if said.get("done_reason") == "length" else "whole",
                    input_tokens=_number(said.get("prompt_eval_count")),
                    output_tokens=_number(said.get("eval_count")),
                )
        raise Passing(self._faults.cut_off("the last line is missing"))

    def _headers(self) -> dict[str, str]:
        key = self._model.server.key()
        return {"Authorization": f"Bearer {key}"} if key else {}

    def _check(self, status: int, text: str) -> None:
        """Raise what a bad status, a web page or a redirect means."""
        elsewhere = self._seen.sends_elsewhere
        if elsewhere:
            raise self._faults.redirected(elsewhere)
        if status in (401, 403):
            raise self._faults.key_refused(status)
        if self._seen.is_web_page and status < 500:
            raise self._faults.strange(f"{status}, {self._seen.content_type}")
        if status == 200:
            return
        words = _error_in(text)
        if status == 404:
            raise self._faults.no_model(()) if "model" in words else self._faults.strange(f"404: {words}")
        if status == 429:
            raise Passing(self._faults.too_many(), after_s=self._seen.after_s)
        if is_context_full(words):
            raise self._faults.context_full(words)
        if status >= 500:
            raise Passing(self._faults.broken(status, words), after_s=self._seen.after_s)
        raise self._faults.not_accepted(status, words)


async def _start_of(response: httpx2.Response) -> bytes:
    """The first page of a body, which may have no end."""
    start = b""
    async for piece in response.aiter_bytes():
        start += piece
        if len(start) > 4000:
            break
    return start


def _error_in(text: str) -> str:
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return str(cast(dict[str, Any], found).get("error", text)) if isinstance(found, dict) else text


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
