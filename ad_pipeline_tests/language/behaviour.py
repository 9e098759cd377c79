"""How a language server of the tests behaves, one request after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """What happens to one request for an answer; the plain one is a good answer at once.

    `stops_after` counts pieces of the answer: then the server hangs, cuts the connection, or ends the stream without
    saying that it is over.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    page: str | None = None
    """What stands in the place of an answer, as `content_type`."""
    content_type: str = "application/json"
    text: str | None = None
    """What the model says, in place of what the server's `answer` gives."""
    piece_characters: int = 8
    pieces_per_s: float | None = None
    stops_after: int | None = None
    stops_by: Literal["hang", "cut", "end"] = "hang"
    hangs_before: bool = False
    ending: Literal["stop", "length", "refusal"] = "stop"
    input_tokens: int | None = None
    """What the server says that it read; None for about what was sent."""
    output_tokens: int | None = None
    """What it says that it wrote; None for about what was said."""
    tells_usage: bool = True


GOOD = Behaviour()
BAD_JSON = Behaviour(text='{"scenes": [{"picture": "a jar", ]')
EMPTY = Behaviour(text="")
HANGS = Behaviour(hangs_before=True)
HTML_PAGE = Behaviour(page="<html><body>Please sign in</body></html>", content_type="text/html; charset=utf-8")
OVERLOADED = Behaviour(status=503, page='{"error": {"message": "overloaded"}}')
LOADING = Behaviour(
    status=503, page='{"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}}'
)
MUTE = Behaviour(page="", content_type="text/event-stream")
"""A stream without a word: how llama-cpp-python ends where the question is longer than its context."""
BROKEN = Behaviour(status=500, page='{"error": {"message": "something gave way"}}')
NO_CREDIT = Behaviour(
    status=429, page='{"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}'
)


def slow(pieces_per_s: float, *, piece_characters: int = 8) -> Behaviour:
    """A good answer, piece by piece."""
    return Behaviour(pieces_per_s=pieces_per_s, piece_characters=piece_characters)


def says(text: str) -> Behaviour:
    """The model says this and nothing else."""
    return Behaviour(text=text)


def truncated(text: str, *, tokens: int = 2000) -> Behaviour:
    """The model is ended after `text`: at its limit of tokens, or before it where its context is full."""
    return Behaviour(text=text, ending="length", output_tokens=tokens)


def refuses(text: str = "I cannot help with that.") -> Behaviour:
    """The vendor's safety filter answers."""
    return Behaviour(text=text, ending="refusal")


def too_many(retry_after: str | None = None) -> Behaviour:
    """429, with a Retry-After as it is written in HTTP."""
    headers = {"retry-after": retry_after} if retry_after is not None else {}
    page = '{"error": {"message": "slow down", "type": "rate_limit_error"}}'
    return Behaviour(status=429, headers=headers, page=page)


def hangs_after(pieces: int) -> Behaviour:
    """So many pieces, then silence."""
    return Behaviour(stops_after=pieces)


def cut_after(pieces: int) -> Behaviour:
    """So many pieces, then the connection breaks."""
    return Behaviour(stops_after=pieces, stops_by="cut")


def ends_after(pieces: int) -> Behaviour:
    """So many pieces, then the stream ends politely, without its last words."""
    return Behaviour(stops_after=pieces, stops_by="end")


def redirects(url: str) -> Behaviour:
    """Sends the request on to another address."""
    return Behaviour(status=307, headers={"location": url}, page="")


def reads_only(tokens: int) -> Behaviour:
    """A good answer to the last `tokens` of the prompt, as an Ollama with a small context gives it."""
    return Behaviour(input_tokens=tokens)
