"""What `doctor` says of the language models."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from ad_pipeline.cli.language_findings import notes_on, why_none_answers
from ad_pipeline.engines.language.catalogue import Kind, LanguageBook, language_book
from ad_pipeline.engines.language.reach import LOOK_S, look, reachable
from ad_pipeline.settings import settings_from_environment
from ad_pipeline_tests.language.asking import KEY_VARIABLE, NAME, listed
from ad_pipeline_tests.language.server import LanguageServer


def _book(models_file: Path, text: str) -> LanguageBook:
    models_file.write_text(text, encoding="utf-8")
    return language_book(settings_from_environment())


@pytest.mark.parametrize("kind", ("ollama", "openai", "anthropic"))
def test_a_model_that_is_there_is_ready(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "sk-1")
    with LanguageServer(models=[NAME], key="sk-1") as server:
        model = listed(kind, server.url, key_env=KEY_VARIABLE)

        assert reachable(model) is None
        assert server.asked == [], "doctor asks nothing that costs"


def test_a_model_that_was_not_pulled_is_said_with_the_command(models_file: Path) -> None:
    with LanguageServer(models=["llama3.1:8b"]) as server:
        told = why_none_answers(_book(models_file, f'[servers.ollama]\nurl = "{server.url}"\n'))

    assert told["ollama/llama3.1-8b"] == ""
    assert "`ollama pull qwen2.5:7b` (there: llama3.1:8b)" in told["ollama/qwen2.5-7b"]
    assert [request.path for request in server.requests] == ["/api/tags"], "one server is asked once"


def test_a_server_that_is_not_there_is_told_of_once(models_file: Path) -> None:
    told = why_none_answers(_book(models_file, '[servers.ollama]\nurl = "http://127.0.0.1:9"\n'))

    assert "start it with `ollama serve`" in told["ollama/qwen2.5-7b"]
    assert told["ollama/llama3.1-8b"] == "as ollama/qwen2.5-7b"


def test_a_key_that_is_missing_or_refused_is_named_by_its_variable(
    models_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LanguageServer(models=["gpt-4o"], key="sk-right") as server:
        book = _book(models_file, f'[servers.openai]\nurl = "{server.url}/v1"\n')
        without = why_none_answers(book)["openai/gpt-4o"]
        monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong-777")
        refused = why_none_answers(book)["openai/gpt-4o"]
        monkeypatch.setenv("OPENAI_API_KEY", "sk-right")
        right = why_none_answers(book)

    assert without == "it needs a key in the environment variable OPENAI_API_KEY"
    assert "does not accept the key in OPENAI_API_KEY (401)" in refused
    assert "sk-wrong" not in refused
    assert right["openai/gpt-4o"] == ""
    assert "has no model gpt-6.1-sol for this key" in right["openai/gpt-6.1-sol"]


def test_a_model_in_use_that_paid_ads_may_not_take_is_said_with_its_role(models_file: Path) -> None:
    book = _book(models_file, '[use]\nlocal = "ollama/exaone3.5-7.8b"\n')

    assert "its licence forbids paid ads: their local is done by" in notes_on(book.models[book.use["local"]], book)
    assert notes_on(book.models["ollama/qwen2.5-7b"], book) == ""
    assert "2027-01-14" in notes_on(book.models["openai/gpt-4o"], book)


def test_a_server_that_hangs_is_not_waited_for() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        began_s = time.monotonic()
        model = listed("ollama", f"http://127.0.0.1:{silent.getsockname()[1]}")
        why = reachable(model, looked=look(model.server, timeout_s=0.3))

    assert "no Ollama answers" in str(why)
    assert time.monotonic() - began_s < 0.8
    assert LOOK_S <= 2


def test_something_else_at_the_address_is_called_so() -> None:
    with LanguageServer() as server:
        why = reachable(listed("ollama", f"{server.url}/nowhere"))

    assert "is no language server (404, text/plain)" in str(why)
    assert look(listed("ollama", "http://127.0.0.1:9").server).fault
