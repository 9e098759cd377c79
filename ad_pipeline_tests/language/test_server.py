"""The test server speaks the vendors' protocols: their own clients take it for real."""

from __future__ import annotations

import anthropic
import httpx
import openai
import pytest

from ad_pipeline_tests.language.behaviour import too_many
from ad_pipeline_tests.language.server import LanguageServer


def test_openais_own_client_streams_asks_and_lists() -> None:
    with (
        LanguageServer('{"a": 1}', models=["gpt-4o"], key="sk-1") as server,
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="sk-1", max_retries=0) as client,
    ):
        whole = client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "hi"}])
        stream = client.chat.completions.create(
            model="gpt-4o",
            messages=[{"role": "user", "content": "hi"}],
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = list(stream)
        listed = [model.id for model in client.models.list()]

    assert whole.choices[0].message.content == '{"a": 1}'
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == '{"a": 1}'
    assert chunks[-1].usage and chunks[-1].usage.prompt_tokens > 0
    assert listed == ["gpt-4o"]


def test_openais_own_client_knows_the_faults() -> None:
    with (
        LanguageServer(models=["gpt-4o"], key="sk-1") as server,
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="sk-1", max_retries=0) as client,
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="sk-2", max_retries=0) as stranger,
    ):
        with pytest.raises(openai.NotFoundError, match="does not exist"):
            client.chat.completions.create(model="gpt-5", messages=[{"role": "user", "content": "hi"}])
        with pytest.raises(openai.AuthenticationError):
            stranger.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "hi"}])
        server.behave([too_many("1")])
        with pytest.raises(openai.RateLimitError):
            client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "hi"}])


def test_anthropics_own_client_streams_and_asks() -> None:
    with (
        LanguageServer('{"a": 1}', models=["claude"], key="sk-1") as server,
        anthropic.Anthropic(base_url=server.url, api_key="sk-1", max_retries=0) as client,
    ):
        whole = client.messages.create(model="claude", max_tokens=9, messages=[{"role": "user", "content": "hi"}])
        with client.messages.stream(
            model="claude", max_tokens=9, messages=[{"role": "user", "content": "hi"}]
        ) as stream:
            text = "".join(stream.text_stream)
            said = stream.get_final_message()

    assert whole.content[0].type == "text" and whole.content[0].text == '{"a": 1}'
    assert text == '{"a": 1}'
    assert (said.stop_reason, said.usage.output_tokens > 0) == ("end_turn", True)


def test_ollamas_protocol_is_lines_of_json() -> None:
    with LanguageServer('{"a": 1}', models=["q:7b"], remote={"big:cloud": "https://ollama.com:443"}) as server:
        tags = httpx.get(f"{server.url}/api/tags").json()
        lines = httpx.post(f"{server.url}/api/chat", json={"model": "q:7b", "messages": []}).text.splitlines()
        missing = httpx.post(f"{server.url}/api/chat", json={"model": "no", "messages": []})

    assert [(row["name"], row.get("remote_host", "")) for row in tags["models"]] == [
        ("q:7b", ""),
        ("big:cloud", "https://ollama.com:443"),
    ]
    assert lines[-1].startswith('{"model": "q:7b"') and '"done": true' in lines[-1]
    assert (missing.status_code, missing.json()) == (404, {"error": "model 'no' not found"})
