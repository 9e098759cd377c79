"""What is called local sends nothing out of the own network: no proxy, no redirect, no model passed on."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from ad_pipeline.engines.language.catalogue import Kind
from ad_pipeline.engines.locality import is_own_address
from ad_pipeline.errors import EngineRefused, StrangeAnswer
from ad_pipeline_tests.language.asking import NAME, asked, listed, scenes
from ad_pipeline_tests.language.behaviour import redirects
from ad_pipeline_tests.language.guard import only_loopback
from ad_pipeline_tests.language.server import LanguageServer

pytestmark = pytest.mark.slow


def test_the_guard_stops_and_notes_every_way_out() -> None:
    with only_loopback() as tried:
        with pytest.raises(OSError), socket.socket() as one:
            one.connect(("198.51.100.7", 80))
        with pytest.raises(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as two:
            two.sendto(b"x", ("198.51.100.8", 53))
        with pytest.raises(OSError):
            socket.create_connection(("api.openai.com", 443))

    assert tried == ["198.51.100.7", "198.51.100.8", "api.openai.com"]


@pytest.mark.parametrize("kind", ("openai", "anthropic"))
def test_the_guard_sees_what_the_engines_send(kind: Kind) -> None:
    with only_loopback() as tried, pytest.raises(Exception, match="cannot be reached"):
        asked(listed(kind, "https://api.example.com"))

    assert set(tried) == {"api.example.com"}


@pytest.mark.parametrize("kind", ("ollama", "openai"))
def test_a_local_question_stays_on_this_machine(kind: Kind) -> None:
    with LanguageServer(scenes(), models=[NAME]) as server, only_loopback() as tried:
        asked(listed(kind, server.url, local=True))

    assert tried == []


@pytest.mark.parametrize("kind", ("ollama", "openai"))
def test_a_local_server_is_asked_without_the_proxy_of_the_environment(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LanguageServer(scenes(), models=[NAME]) as proxy, LanguageServer(scenes(), models=[NAME]) as server:
        for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(variable, proxy.url)
        monkeypatch.setenv("NO_PROXY", "")
        monkeypatch.setenv("no_proxy", "")
        asked(listed(kind, server.url, local=True))

        assert proxy.requests == []
        assert len(server.asked) == 1


@pytest.mark.parametrize("kind", ("ollama", "openai"))
def test_a_local_server_that_sends_us_on_is_not_followed(kind: Kind) -> None:
    with LanguageServer(scenes(), models=[NAME]) as other, LanguageServer(scenes(), models=[NAME]) as server:
        path = "/api/chat" if kind == "ollama" else "/v1/chat/completions"
        server.behave([redirects(f"{other.url}{path}")])
        with pytest.raises(StrangeAnswer, match="nothing was sent there"):
            asked(listed(kind, server.url, local=True))

    assert other.requests == []


def test_a_model_that_a_local_ollama_passes_on_is_sent_nothing() -> None:
    said = "is listed as local and is not: .*https://ollama.com; nothing was sent"
    with (
        LanguageServer(scenes(), models=["other:1b"], remote={NAME: "https://ollama.com"}) as server,
        pytest.raises(EngineRefused, match=said),
    ):
        asked(listed("ollama", server.url))

    assert server.asked == []


@pytest.mark.parametrize("kind", ("ollama", "openai"))
def test_a_server_at_a_public_address_is_sent_nothing_when_it_is_called_local(kind: Kind) -> None:
    with only_loopback() as tried, pytest.raises(EngineRefused, match="nothing was sent"):
        asked(listed(kind, "http://llm.example.com:8000", local=True))

    assert tried == []


def test_a_name_of_ones_own_that_leads_to_a_public_address_is_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def taken_over(*_: object, **__: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.4.4", 11434))]

    monkeypatch.setattr(socket, "getaddrinfo", taken_over)

    with pytest.raises(EngineRefused, match="leads to 8.8.4.4, which is not in your own network; nothing was sent"):
        asked(listed("ollama", "http://gpu-box:11434"))


@pytest.mark.parametrize("number", ["134744072", "0x08080808", "010.8.8.8", "8.8.8.8."])
def test_a_public_address_in_another_notation_is_public(number: str) -> None:
    assert not is_own_address(number)


def test_neither_the_list_nor_the_registry_loads_a_vendors_library() -> None:
    code = (
        "import sys; from ad_pipeline.engines.registry import Registry;"
        "from ad_pipeline.routing.catalogue import models\n"
        "from ad_pipeline.engines.language.reach import reachable;"
        "models(); Registry().why_not('openai/gpt-4o'); Registry().why_not('ollama/qwen2.5-7b');"
        "print([name for name in ('pydantic_ai', 'openai', 'anthropic', 'httpx2') if name in sys.modules])"
    )

    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert told.stdout.strip() == "[]"


def test_ollama_is_asked_without_any_vendors_library() -> None:
    code = (
        "import sys; from ad_pipeline_tests.language.asking import asked, listed, scenes, NAME;"
        "from ad_pipeline_tests.language.server import LanguageServer\n"
        "with LanguageServer(scenes(), models=[NAME]) as server: asked(listed('ollama', server.url))\n"
        "print([name for name in ('pydantic_ai', 'openai', 'anthropic') if name in sys.modules])"
    )

    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert told.stdout.strip() == "[]"
