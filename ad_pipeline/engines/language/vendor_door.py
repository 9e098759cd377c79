"""Servers that pydantic-ai speaks with: OpenAI and all that talk like it, and Anthropic.

Its request layer only, one streamed request at a time: mending, trying again and counting are done in one place for
all servers (asking.py), and the libraries' own retries are off. Importing them takes about a second, so it happens
with the first question, and only for the vendor that is asked.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from ad_pipeline.engines.language.catalogue import Kind, LanguageModel
from ad_pipeline.engines.language.door import Ask, Door, Passing, Said
from ad_pipeline.engines.language.faults import Faults
from ad_pipeline.engines.language.listing import listing_request, names_listed
from ad_pipeline.engines.language.server_words import is_about_the_form, is_context_full, is_loading
from ad_pipeline.engines.language.vendor_request import messages_of, parameters_of, settings_of
from ad_pipeline.engines.language.wire import Seen, client_for
from ad_pipeline.errors import AdPipelineError

if TYPE_CHECKING:
    import httpx2
    from pydantic_ai.messages import ModelResponse, ModelResponseStreamEvent
    from pydantic_ai.models import Model

_NO_KEY = "none"
"""The libraries want one; a server without keys does not look at it."""


class _Listening:
    """Passes pieces on, and knows its listener's errors from those of the libraries."""

    def __init__(self, told: Callable[[str], None]) -> None:
        self._told = told
        self.began = False
        self.error: BaseException | None = None

    def __call__(self, piece: str) -> None:
        self.began = True
        try:
            self._told(piece)
        except BaseException as error:
            self.error = error
            raise


def load_vendor(kind: Kind) -> None:
    """Import the libraries that one question needs."""
    importlib.import_module("pydantic_ai.direct")
    importlib.import_module("pydantic_ai.models.anthropic" if kind == "anthropic" else "pydantic_ai.models.openai")


class _NoModel(Exception):
    """The server does not know the model's name."""


class VendorDoor(Door):
    """One question's connection to a server of another vendor than Ollama."""

    def __init__(self, model: LanguageModel, faults: Faults, *, timeout_s: float) -> None:
        self._row = model
        self._faults = faults
        self._seen = Seen()
        self._client = client_for(model.server, timeout_s=timeout_s, seen=self._seen)
        build = _anthropic if model.server.kind == "anthropic" else _openai
        self._model = build(model, self._client)

    async def close(self) -> None:
        await self._client.aclose()

    async def reply(self, ask: Ask, told: Callable[[str], None]) -> Said:
        try:
            return await self._replied(ask, told)
        except _NoModel as error:
            raise self._faults.no_model(await self._names()) from error

    async def _replied(self, ask: Ask, told: Callable[[str], None]) -> Said:
        from pydantic_ai.direct import model_request_stream

        listening = _Listening(told)
        self._seen.status = 0
        with _mapped(self._faults, self._seen, listening):
            async with model_request_stream(
                self._model,
                messages_of(ask),
                model_settings=settings_of(self._row, ask),
                model_request_parameters=parameters_of(self._row, ask),
                instrument=False,
            ) as stream:
                async for event in stream:
                    piece = _piece(event)
                    if piece:
                        listening(piece)
                response = stream.get()
                if response.finish_reason is None:
                    raise Passing(self._faults.cut_off("its last words are missing"))
                return _said(response)

    async def _names(self) -> list[str]:
        """The models that the server has, as far as it tells."""
        import httpx2

        address, headers = listing_request(self._row.server)
        try:
            response = await self._client.get(address, headers=headers)
            return list(names_listed(self._row.server, response.json()))
        except (httpx2.HTTPError, ValueError):
            return []


def _openai(row: LanguageModel, client: httpx2.AsyncClient) -> Model[Any]:
    from openai import AsyncOpenAI
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.profiles.openai import OpenAIModelProfile
    from pydantic_ai.providers.openai import OpenAIProvider

    sdk = AsyncOpenAI(
        base_url=row.server.url,
        api_key=row.server.key() or _NO_KEY,
        http_client=client,
        max_retries=0,
    )
    # A stream without its end would pass for a whole answer. What a model can is written in its row.
    profile = OpenAIModelProfile(
        openai_chat_streaming_requires_finish_reason=True,
        supports_json_schema_output=True,
        context_window=row.context_tokens,
    )
    if row.server.local:
        # Own servers: the older name of the limit, and no developer role.
        profile |= OpenAIModelProfile(
            openai_chat_supports_max_completion_tokens=False, openai_system_prompt_role="system"
        )
    return OpenAIChatModel(row.name, provider=OpenAIProvider(openai_client=sdk), profile=profile)


def _anthropic(row: LanguageModel, client: httpx2.AsyncClient) -> Model[Any]:
    from anthropic import AsyncAnthropic
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.profiles.anthropic import AnthropicModelProfile
    from pydantic_ai.providers.anthropic import AnthropicProvider

    sdk = AsyncAnthropic(
        base_url=row.server.url, api_key=row.server.key() or _NO_KEY, http_client=client, max_retries=0
    )
    profile = AnthropicModelProfile(supports_json_schema_output=True, context_window=row.context_tokens)
    return AnthropicModel(row.name, provider=AnthropicProvider(anthropic_client=sdk), profile=profile)


def _piece(event: ModelResponseStreamEvent) -> str:
    """What an event adds to the answer's text: of a message, or of the arguments of the tool call that it came as."""
    from pydantic_ai.messages import (
        PartDeltaEvent,
        PartStartEvent,
        TextPart,
        TextPartDelta,
        ToolCallPart,
        ToolCallPartDelta,
    )

    match event:
        case PartStartEvent(part=TextPart(content=text)):
            return text
        case PartDeltaEvent(delta=TextPartDelta(content_delta=text)):
            return text
        case PartStartEvent(part=ToolCallPart(args=str(text))):
            return text
        case PartDeltaEvent(delta=ToolCallPartDelta(args_delta=str(text))):
            return text
        case _:
            return ""


def _said(response: ModelResponse) -> Said:
    from pydantic_ai.messages import ThinkingPart, ToolCallPart

    calls = [part for part in response.parts if isinstance(part, ToolCallPart)]
    text = calls[0].args_as_json_str() if calls and response.finish_reason != "length" else response.text or ""
    details = response.provider_details or {}
    usage = response.usage
    counted = bool(usage.input_tokens or usage.output_tokens)
    return Said(
        text=text,
        ending="refused" if response.finish_reason == "content_filter"
        else "cut" if response.finish_reason == "length" else "whole",
        refusal=str(details.get("refusal") or response.text or ""),
        thought=any(isinstance(part, ThinkingPart) for part in response.parts),
        model=response.model_name or "",
        input_tokens=usage.input_tokens if counted else None,
        output_tokens=usage.output_tokens if counted else None,
    )  # fmt: skip


@contextmanager
def _mapped(faults: Faults, seen: Seen, listening: _Listening) -> Generator[None]:
    """Everything that the libraries raise as one of our errors, with its cause kept."""
    import httpx2
    from pydantic_ai.exceptions import AgentRunError, UserError

    try:
        yield
    except (Passing, AdPipelineError):
        raise
    except (AgentRunError, httpx2.HTTPError) as error:
        raise _fault(error, faults, seen, began=listening.began) from error
    except UserError as error:  # a schema, a setting: what we asked the library for
        raise faults.not_accepted(0, error) from error
    except Exception as error:
        # The libraries take fields of an answer for granted; a server that leaves them out speaks another protocol.
        if error is listening.error:
            raise
        raise faults.strange(f"{type(error).__name__}: {error}") from error


def _fault(error: Exception, faults: Faults, seen: Seen, *, began: bool) -> Exception:
    from pydantic_ai import exceptions as they

    if seen.sends_elsewhere:
        return faults.redirected(seen.sends_elsewhere)
    status = error.status_code if isinstance(error, they.ModelHTTPError) else 0
    words = _words(error)
    match error:
        case they.ModelAuthenticationError():
            return faults.key_refused(status)
        case they.ModelQuotaExceededError():
            return faults.no_credit()
        case they.ModelRateLimitError():
            return Passing(faults.too_many(), after_s=seen.after_s)
        case they.ModelHTTPError() if is_context_full(words):
            return faults.context_full(words)
        case they.ModelHTTPError() if faults.model.answers != "prompt" and is_about_the_form(words):
            return faults.form_not_taken(status, words)
        case they.ModelHTTPError() if is_loading(status, words):
            return Passing(faults.loading(), after_s=seen.after_s, loads=True)
        case they.ModelUnavailableError() | they.ModelServerError():
            return Passing(faults.broken(status or "5xx", words), after_s=seen.after_s)
        case they.ModelConnectionError() if began or seen.status:
            return Passing(faults.cut_off(words))
        case they.ModelConnectionError():
            return Passing(faults.no_server(words))
        case _ if seen.is_web_page:
            return faults.strange(f"{seen.status}, {seen.content_type}")
        case they.ModelNotFoundError() if "model" in words.lower():
            return _NoModel(words)
        case they.ModelNotFoundError():
            return faults.strange(f"404: {words}")
        case they.ContentFilterError():
            return faults.refusal(words)
        case they.ModelHTTPError():
            return faults.not_accepted(status, words)
        case _ if seen.status == 200 and not began and not _is_stream(seen):
            return faults.strange(seen.content_type or "?")
        case _ if seen.status == 200 and not began:
            return Passing(faults.said_nothing())
        case _:
            return Passing(faults.cut_off(words))


def _is_stream(seen: Seen) -> bool:
    return seen.content_type.startswith("text/event-stream")


def _words(error: Exception) -> str:
    """The server's own words, where the library kept them."""
    body: object = getattr(error, "body", None)
    if isinstance(body, dict):
        inner = cast(dict[str, Any], body)
        nested = inner.get("error")
        if isinstance(nested, dict):
            inner = cast(dict[str, Any], nested)
        if isinstance(inner.get("message"), str):
            return str(inner["message"])
    if body:
        return str(body)
    # The libraries say "Connection error."; what it was stands at the end of the chain.
    last: BaseException = error
    while last.__cause__ is not None:
        last = last.__cause__
    return str(last) or type(last).__name__
