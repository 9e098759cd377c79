"""A question in the words of pydantic-ai: its messages, its settings, and how the answer is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ad_pipeline.engines.language.catalogue import LanguageModel
from ad_pipeline.engines.language.door import Ask

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.settings import ModelSettings


def messages_of(ask: Ask) -> list[ModelMessage]:
    from pydantic_ai.messages import ModelRequest, ModelResponse, TextPart, UserPromptPart

    return [
        ModelRequest(parts=[UserPromptPart(content=turn.text)], instructions=ask.instructions)
        if turn.speaker == "user"
        else ModelResponse(parts=[TextPart(content=turn.text)])
        for turn in ask.turns
    ]


def settings_of(row: LanguageModel, ask: Ask) -> ModelSettings:
    from pydantic_ai.settings import ModelSettings

    settings = ModelSettings(max_tokens=ask.most_tokens, max_retries=0)
    if row.temperature:
        settings["temperature"] = ask.temperature
    if row.seed:
        settings["seed"] = ask.seed
    if row.effort:
        settings["thinking"] = row.effort
        settings["max_tokens"] = ask.most_tokens + row.thinking_tokens
    if row.answers == "tool":
        settings["parallel_tool_calls"] = False  # llama.cpp lets a model call the one tool again and again
    if row.server.kind == "openai":
        settings["extra_body"] = _beside(row, ask)
    return settings


def _beside(row: LanguageModel, ask: Ask) -> dict[str, Any]:
    """What servers of OpenAI's kind take and the library does not say."""
    told: dict[str, Any] = {}
    if row.server.local:
        # As llama.cpp and vLLM know it: Qwen3 and its like would think all the answer's tokens away.
        told["chat_template_kwargs"] = {"enable_thinking": row.effort is not None}
    if row.answers == "json":
        # Before `json_schema` came up, llama.cpp and its like took the schema here; OpenAI takes none.
        schema = {"schema": dict(ask.schema)} if row.server.local else {}
        told["response_format"] = {"type": "json_object", **schema}
    return told


def parameters_of(row: LanguageModel, ask: Ask) -> ModelRequestParameters:
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.output import OutputObjectDefinition
    from pydantic_ai.tools import ToolDefinition

    schema = dict(ask.schema)
    if row.answers == "schema":
        return ModelRequestParameters(
            output_mode="native", output_object=OutputObjectDefinition(json_schema=schema, name=ask.schema_name)
        )
    if row.answers == "tool":
        tool = ToolDefinition(name=ask.schema_name, parameters_json_schema=schema, kind="output")
        return ModelRequestParameters(output_mode="tool", output_tools=[tool], allow_text_output=False)
    return ModelRequestParameters()
