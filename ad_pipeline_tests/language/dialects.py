"""The wire formats of the language servers, without a socket: what is asked, and an answer as lines of a stream."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Dialect = Literal["openai", "ollama", "anthropic"]
PATHS: Mapping[str, Dialect] = {
    "/v1/chat/completions": "openai",
    "/chat/completions": "openai",
    "/api/chat": "ollama",
    "/v1/messages": "anthropic",
}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request for an answer, alike for all dialects."""

    dialect: Dialect
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def model(self) -> str:
        return str(self.body.get("model", ""))

    @property
    def system(self) -> str:
        """The instructions."""
        told = [one["text"] for one in self.messages if one["role"] in ("system", "developer")]
        return "\n".join([_text(self.body.get("system", "")), *told]).strip()

    @property
    def text(self) -> str:
        """The last message of the user."""
        return next((one["text"] for one in reversed(self.messages) if one["role"] == "user"), "")

    @property
    def first_text(self) -> str:
        """The question itself, also where later messages ask to mend its answer."""
        return next((one["text"] for one in self.messages if one["role"] == "user"), "")

    @property
    def messages(self) -> list[dict[str, str]]:
        """Roles and texts in order."""
        return [{"role": one["role"], "text": _text(one.get("content"))} for one in self.body.get("messages", [])]

    @property
    def is_repair(self) -> bool:
        """Whether an answer is sent back to be mended."""
        return any(one["role"] == "assistant" for one in self.messages)

    @property
    def schema(self) -> dict[str, Any]:
        """The schema that the answer is held to; empty where there is none."""
        if self.dialect == "openai" and self.form == "json_object":
            return self.body["response_format"].get("schema", {})
        if self.dialect == "ollama":
            return self.body["format"] if isinstance(self.body.get("format"), dict) else {}
        for tool in self.body.get("tools", []):
            return tool["function"]["parameters"] if self.dialect == "openai" else tool["input_schema"]
        if self.dialect == "openai":
            return self.body.get("response_format", {}).get("json_schema", {}).get("schema", {})
        told = self.body.get("output_config", {}).get("format") or self.body.get("output_format") or {}
        return told.get("schema", {})

    @property
    def form(self) -> str:
        """How OpenAI's dialect asks for JSON; empty where it does not."""
        return str(self.body.get("response_format", {}).get("type", ""))

    @property
    def tool(self) -> str:
        """The tool that the answer comes as a call of; empty for plain text.

        As llama.cpp hears it: a tool that is only named in `tool_choice` may be left uncalled.
        """
        if self.dialect == "openai" and self.body.get("tool_choice") != "required":
            return ""
        for tool in self.body.get("tools", []):
            return tool["function"]["name"] if self.dialect == "openai" else tool["name"]
        return ""

    @property
    def thinks(self) -> bool:
        """Whether a model of Qwen3's kind thinks before it answers, as OpenAI's dialect says it to own servers."""
        return bool(self.body.get("chat_template_kwargs", {}).get("enable_thinking", True))

    @property
    def streams(self) -> bool:
        return bool(self.body.get("stream", self.dialect == "ollama"))

    @property
    def tokens(self) -> int:
        """About what a tokenizer makes of the request's texts."""
        return tokens_of(self.system + "".join(one["text"] for one in self.messages if one["role"] != "system"))


@dataclass(frozen=True, kw_only=True)
class Answering:
    """What a model says, and how its saying ends."""

    text: str
    ending: Literal["stop", "length", "refusal"]
    input_tokens: int
    output_tokens: int
    tells_usage: bool = True
    thought: str = ""
    """What it thinks before, told apart from its answer; only in OpenAI's dialect."""


def tokens_of(text: str) -> int:
    """4 letters of English, or 1.4 syllables of Korean, in one token."""
    plain = sum(character.isascii() for character in text)
    return int(plain / 4 + (len(text) - plain) / 1.4) + 1


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(str(part.get("text", "")) for part in content or [] if isinstance(part, dict))


def opening(asked: Asked, said: Answering) -> Iterator[str]:
    """What a stream says before the first piece of the answer."""
    if asked.dialect == "openai":
        delta: dict[str, Any] = {"role": "assistant", "content": "" if not asked.tool else None}
        if asked.tool:
            function = {"name": asked.tool, "arguments": ""}
            delta["tool_calls"] = [{"index": 0, "id": "call_1", "type": "function", "function": function}]
        yield _openai_chunk(asked, delta)
        if said.thought:
            yield _openai_chunk(asked, {"reasoning_content": said.thought})
    elif asked.dialect == "anthropic":
        usage = {"input_tokens": said.input_tokens if said.tells_usage else 0, "output_tokens": 0}
        yield _event("message_start", message=_anthropic_message(asked, [], None, usage))
        tool = {"type": "tool_use", "id": "toolu_1", "name": asked.tool, "input": {}}
        block = tool if asked.tool else {"type": "text", "text": ""}
        yield _event("content_block_start", index=0, content_block=block)
        yield _event("ping")


def piece_of(asked: Asked, text: str, said: Answering) -> str:
    """One piece of the answer."""
    if asked.dialect == "ollama":
        message = {"role": "assistant", "content": text}
        return json.dumps({"model": asked.model, "created_at": _DAY, "message": message, "done": False}) + "\n"
    if asked.dialect == "openai":
        if said.ending == "refusal":
            return _openai_chunk(asked, {"refusal": text})
        if asked.tool:
            return _openai_chunk(asked, {"tool_calls": [{"index": 0, "function": {"arguments": text}}]})
        return _openai_chunk(asked, {"content": text})
    delta = {"type": "input_json_delta", "partial_json": text} if asked.tool else {"type": "text_delta", "text": text}
    return _event("content_block_delta", index=0, delta=delta)


def closing(asked: Asked, said: Answering) -> Iterator[str]:
    """What a stream says after the last piece."""
    if asked.dialect == "ollama":
        reason = "length" if said.ending == "length" else "stop"
        usage = {"prompt_eval_count": said.input_tokens, "eval_count": said.output_tokens} if said.tells_usage else {}
        message = {"role": "assistant", "content": ""}
        end = {"model": asked.model, "created_at": _DAY, "message": message, "done": True, "done_reason": reason}
        yield json.dumps({**end, **usage}) + "\n"
    elif asked.dialect == "openai":
        yield _openai_chunk(asked, {}, finish=_openai_finish(asked, said))
        if said.tells_usage and asked.body.get("stream_options", {}).get("include_usage"):
            yield _openai_chunk(asked, None, usage=_openai_usage(said))
        yield "data: [DONE]\n\n"
    else:
        yield _event("content_block_stop", index=0)
        delta = {"stop_reason": _anthropic_reason(asked, said), "stop_sequence": None}
        usage = {"output_tokens": said.output_tokens if said.tells_usage else 0}
        yield _event("message_delta", delta=delta, usage=usage)
        yield _event("message_stop")


def whole(asked: Asked, said: Answering) -> dict[str, Any]:
    """The answer to a request that wants no stream."""
    if asked.dialect == "openai":
        message = {"role": "assistant", "content": said.text}
        choice = {"index": 0, "message": message, "finish_reason": _openai_finish(asked, said)}
        head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": asked.model}
        return {**head, "choices": [choice], "usage": _openai_usage(said)}
    if asked.dialect == "anthropic":
        usage = {"input_tokens": said.input_tokens, "output_tokens": said.output_tokens}
        content = [{"type": "text", "text": said.text}]
        return _anthropic_message(asked, content, _anthropic_reason(asked, said), usage)
    message = {"role": "assistant", "content": said.text}
    return {"model": asked.model, "created_at": _DAY, "message": message, "done": True, "done_reason": "stop"}


def fault(dialect: Dialect, status: int, message: str, *, code: str = "") -> str:
    """An error as the dialect words it."""
    if dialect == "ollama":
        return json.dumps({"error": message})
    if dialect == "anthropic":
        kind = {401: "authentication_error", 404: "not_found_error"}.get(status, "api_error")
        return json.dumps({"type": "error", "error": {"type": kind, "message": message}})
    return json.dumps({"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}})


_DAY = "2026-11-21T00:00:00Z"


def _openai_chunk(asked: Asked, delta: Any, *, finish: str | None = None, usage: Any = None) -> str:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": asked.model}
    return f"data: {json.dumps({**head, 'choices': choices, 'usage': usage})}\n\n"


def _openai_finish(asked: Asked, said: Answering) -> str:
    return "length" if said.ending == "length" else "tool_calls" if asked.tool else "stop"


def _openai_usage(said: Answering) -> dict[str, int]:
    both = said.input_tokens + said.output_tokens
    return {"prompt_tokens": said.input_tokens, "completion_tokens": said.output_tokens, "total_tokens": both}


def _anthropic_reason(asked: Asked, said: Answering) -> str:
    if said.ending != "stop":
        return {"length": "max_tokens", "refusal": "refusal"}[said.ending]
    return "tool_use" if asked.tool else "end_turn"


def _anthropic_message(asked: Asked, content: Any, reason: str | None, usage: Any) -> dict[str, Any]:
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": asked.model}
    return {**head, "content": content, "stop_reason": reason, "stop_sequence": None, "usage": usage}


def _event(kind: str, **facts: Any) -> str:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **facts})}\n\n"
