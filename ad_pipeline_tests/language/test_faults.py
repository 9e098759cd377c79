"""What goes wrong with a language server: each fault as one error of ours, with its fix, and what is tried again."""

from __future__ import annotations

import datetime
import shutil
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ad_pipeline.engines.language.catalogue import Kind
from ad_pipeline.engines.language.engine import ListedModel
from ad_pipeline.engines.language.reach import reachable
from ad_pipeline.engines.language.wire import seconds_to_wait
from ad_pipeline.errors import AdPipelineError, Cancelled, EngineRefused, EngineUnavailable, StrangeAnswer
from ad_pipeline_tests.comfy.websites import self_signed
from ad_pipeline_tests.language.asking import (
    KEY_VARIABLE,
    KINDS,
    NAME,
    Scenes,
    Watched,
    asked,
    listed,
    question,
    scenes,
)
from ad_pipeline_tests.language.behaviour import (
    BAD_JSON,
    BROKEN,
    HANGS,
    HTML_PAGE,
    NO_CREDIT,
    OVERLOADED,
    Behaviour,
    cut_after,
    ends_after,
    hangs_after,
    redirects,
    refuses,
    slow,
    too_many,
)
from ad_pipeline_tests.language.server import LanguageServer

pytestmark = pytest.mark.slow

_PLAIN_TEXT = Behaviour(page="hello, I am a router", content_type="text/plain")
_JSON_PAGE = Behaviour(page='{"hello": "world"}')
_BAD_REQUEST = Behaviour(status=400, page='{"error": {"message": "this field is not known"}}')
_TOO_LONG = Behaviour(
    status=400, page='{"error": {"message": "maximum context length is 8192", "code": "context_length_exceeded"}}'
)
_NO_SUCH_PATH = Behaviour(status=404, page="404 page not found", content_type="text/plain")
_LOGIN_WALL = Behaviour(status=403, page="<html>sign in</html>", content_type="text/html")
_NOT_UTF8 = Behaviour(status=502, page="\ufffd" * 9000, content_type="text/plain")

_FAULTS: list[tuple[Behaviour, type[AdPipelineError], str, int]] = [
    (BROKEN, EngineUnavailable, "the fault 500 .*something gave way", 3),
    (OVERLOADED, EngineUnavailable, "the fault 503 .*overloaded", 3),
    (_NOT_UTF8, EngineUnavailable, "the fault 502", 3),
    (too_many("0"), EngineUnavailable, "too many requests", 3),
    (cut_after(3), EngineUnavailable, "broke off in the middle", 3),
    (ends_after(3), EngineUnavailable, "broke off in the middle", 3),
    (_BAD_REQUEST, EngineRefused, "rejects the question .*this field is not known", 1),
    (_TOO_LONG, EngineRefused, "cannot read so long a question .*maximum context length", 1),
    (HTML_PAGE, StrangeAnswer, "no language server .*text/html", 1),
    (_NO_SUCH_PATH, StrangeAnswer, "no language server .*404", 1),
    (_LOGIN_WALL, EngineRefused, "key", 1),
    (redirects("http://198.51.100.7/v1"), StrangeAnswer, "sends us on to 198.51.100.7, and nothing was sent", 1),
]


_RADIO = Behaviour(page="x" * 17_000_000, content_type="text/event-stream")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize(("behaviour", "kind_of_error", "said", "tries"), _FAULTS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_fault_is_one_error_of_ours(
    kind: Kind, behaviour: Behaviour, kind_of_error: type[AdPipelineError], said: str, tries: int,
) -> None:  # fmt: skip
    with LanguageServer(scenes(), models=[NAME]) as server:
        server.behave([behaviour] * 3)
        with pytest.raises(AdPipelineError, match=said) as caught:
            asked(listed(kind, server.url))

    assert isinstance(caught.value, kind_of_error)
    assert len(server.asked) == tries
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("behaviour", [_PLAIN_TEXT, _JSON_PAGE])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_stream_is_no_language_server(kind: Kind, behaviour: Behaviour) -> None:
    with LanguageServer(scenes(), models=[NAME]) as server:
        server.behave([behaviour] * 3)
        with pytest.raises((EngineUnavailable, EngineRefused), match=server.url):
            asked(listed(kind, server.url))


@pytest.mark.parametrize(
    ("kind", "page"),
    [
        ("openai", "data: null\n\n"),
        ("openai", 'data: {"choices": [{"delta": {"content": 5}}]}\n\n'),
        ("openai", "data: 3\n\ndata: [DONE]\n\n"),
        ("anthropic", 'event: content_block_delta\ndata: {"type": "content_block_delta", "index": 9}\n\n'),
        ("ollama", '{"message": 5}\n'),
        ("ollama", "[1]\n"),
        ("ollama", '{"message": null, "done": true, "prompt_eval_count": "x"}\n'),
    ],
)
def test_an_answer_that_lacks_its_fields_is_no_crash(kind: Kind, page: str) -> None:
    kind_of_page = "application/x-ndjson" if kind == "ollama" else "text/event-stream"
    with LanguageServer(scenes(), models=[NAME]) as server:
        server.behave([Behaviour(page=page, content_type=kind_of_page)] * 3)
        with pytest.raises((EngineUnavailable, EngineRefused)):
            asked(listed(kind, server.url))


@pytest.mark.parametrize(
    ("kind", "local", "said"),
    [
        ("ollama", True, r"no Ollama answers at .* start it with `ollama serve`.*\[servers.ollama\] in models.toml"),
        ("openai", True, r"no language server answers at .*\[servers.openai\] in models.toml"),
        ("openai", False, "cannot be reached .* check the network"),
        ("anthropic", False, "cannot be reached .* check the network"),
    ],
)
def test_nobody_there_is_said_with_what_to_start(kind: Kind, local: bool, said: str) -> None:
    with pytest.raises(EngineUnavailable, match=said):
        asked(listed(kind, f"http://127.0.0.1:{_free_port()}", local=local))


def test_a_model_that_ollama_lacks_is_named_with_those_it_has() -> None:
    with LanguageServer(scenes(), models=["llama3.1:8b", "gemma:latest"]) as server:
        with pytest.raises(EngineRefused, match=f"`ollama pull {NAME}`.*gemma:latest, llama3.1:8b"):
            asked(listed("ollama", server.url))
        asked(listed("ollama", server.url, name="gemma"))

    assert len(server.asked) == 1, "nothing of the question goes to a model that is not there"


@pytest.mark.parametrize("kind", ("openai", "anthropic"))
def test_a_wrong_model_name_is_said_with_the_place_to_change_it(kind: Kind) -> None:
    said = rf"has no model {NAME}.*models.'{kind}/writer'.*writer:8b"
    with LanguageServer(scenes(), models=["writer:8b"]) as server, pytest.raises(EngineRefused, match=said):
        asked(listed(kind, server.url))


@pytest.mark.parametrize("kind", ("openai", "anthropic"))
def test_a_bad_key_is_named_by_its_variable_and_never_shown(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "sk-wrong-1234567890")
    said = f"does not accept the key in {KEY_VARIABLE}"
    with LanguageServer(scenes(), key="sk-right") as server, pytest.raises(EngineRefused, match=said) as caught:
        asked(listed(kind, server.url, key_env=KEY_VARIABLE))

    assert "sk-wrong" not in str(caught.value) + repr(caught.value.message.facts)
    assert len(server.asked) == 1


def test_a_server_that_wants_a_key_where_none_is_told_says_where_to_name_one() -> None:
    said = r"wants a key .* key_env under \[servers.openai\]"
    with LanguageServer(scenes(), key="sk-right") as server, pytest.raises(EngineRefused, match=said):
        asked(listed("openai", server.url))


def test_a_key_that_a_server_repeats_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "sk-secret-99")
    with LanguageServer(scenes()) as server:
        server.behave([Behaviour(status=400, page='{"error": {"message": "what is sk-secret-99?"}}')])
        with pytest.raises(EngineRefused, match=r"what is \*\*\*") as caught:
            asked(listed("openai", server.url, key_env=KEY_VARIABLE))

    assert "sk-secret" not in repr(caught.value.message.facts)


def test_no_credit_is_not_tried_again() -> None:
    with LanguageServer(scenes()) as server:
        server.behave([NO_CREDIT])
        with pytest.raises(EngineRefused, match="no credit left"):
            asked(listed("openai", server.url))

    assert len(server.asked) == 1


@pytest.mark.parametrize("kind", ("openai", "anthropic"))
def test_a_refusal_is_not_argued_with(kind: Kind) -> None:
    with LanguageServer(scenes()) as server:
        server.behave([refuses("I cannot help with medical claims.")])
        with pytest.raises(EngineRefused, match="refuses to answer .*medical claims"):
            asked(listed(kind, server.url))

    assert len(server.asked) == 1


@pytest.mark.parametrize("kind", ("ollama", "openai"))
def test_an_address_that_never_ends_is_left(kind: Kind) -> None:
    with LanguageServer(scenes(), models=[NAME]) as server:
        server.behave([_RADIO] * 3)
        with pytest.raises(EngineUnavailable, match="more than 16 MB came"):
            asked(listed(kind, server.url))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="a certificate is made with openssl")
@pytest.mark.parametrize("kind", KINDS)
def test_a_certificate_that_nobody_trusts_is_said_with_what_to_do(kind: Kind, tmp_path: Path) -> None:
    with LanguageServer(scenes(), models=[NAME], tls=self_signed(tmp_path)) as server:
        with pytest.raises(EngineUnavailable, match="certificate of .* is not trusted .*SSL_CERT_FILE"):
            asked(listed(kind, server.url))

        assert "SSL_CERT_FILE" in str(reachable(listed(kind, server.url)))
    assert server.requests == []


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "nonsense://127.0.0.1:1"])
@pytest.mark.parametrize("kind", ("openai", "anthropic"))
def test_a_proxy_that_cannot_be_used_is_said(kind: Kind, proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    model = listed(kind, "http://198.51.100.7")

    with pytest.raises(EngineRefused, match="the proxy that the environment names .* cannot be used"):
        asked(model)

    assert "the proxy that the environment names" in str(reachable(model))


# --- waiting -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ("ollama", "openai"))
def test_a_server_is_given_the_time_that_it_asks_for(kind: Kind) -> None:
    watched = Watched()

    with LanguageServer(scenes(), models=[NAME]) as server:
        server.behave([too_many("0.7")])
        began_s = time.monotonic()
        found = asked(listed(kind, server.url), watched)

    assert 0.7 <= time.monotonic() - began_s < 2.5
    assert found.attempts == 2
    assert 0.7 <= found.seconds_waited < 2
    assert [note for note in watched.notes if "too many requests" in note and "0.7 s" in note]


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("Sat, 21 Nov 2026 10:00:05 GMT", 5.0),
        ("Sat, 21 Nov 2026 09:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
        ("inf", None),
        ("nan", None),
    ],
)
def test_a_retry_after_is_a_number_or_a_time_of_day(told: str, seconds: float | None) -> None:
    now = datetime.datetime(2026, 11, 21, 10, 0, 0, tzinfo=datetime.UTC)

    assert seconds_to_wait(told, now=now) == seconds


def test_a_wait_longer_than_the_question_may_take_is_not_begun() -> None:
    with LanguageServer(scenes()) as server:
        server.behave([too_many("3600")])
        began_s = time.monotonic()
        with pytest.raises(EngineUnavailable, match="too many requests"):
            asked(listed("openai", server.url))

    assert time.monotonic() - began_s < 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_hangs_is_left_when_the_time_is_over(kind: Kind) -> None:
    with LanguageServer(scenes(), models=[NAME]) as server:
        server.behave([HANGS])
        began_s = time.monotonic()
        with pytest.raises(EngineUnavailable, match="not answered within 0.4 s"):
            asked(listed(kind, server.url), timeout_s=0.4)

    assert time.monotonic() - began_s < 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_falls_silent_is_left_before_the_time_is_over(kind: Kind) -> None:
    with LanguageServer(scenes(), models=[NAME]) as server:
        server.behave([hangs_after(4)])
        began_s = time.monotonic()
        with pytest.raises(EngineUnavailable, match="fell silent"):
            asked(listed(kind, server.url), idle_s=0.4)

    assert time.monotonic() - began_s < 2


# --- stopped -------------------------------------------------------------------------------------------


def _stopped_while(model: ListedModel, server: LanguageServer, *, ready: Callable[[], bool]) -> float:
    """How long the call lasts after it is stopped, in seconds."""
    stop = threading.Event()
    stopped_s: list[float] = []

    def stop_when_ready() -> None:
        while not ready():
            time.sleep(0.01)
        time.sleep(0.1)
        stopped_s.append(time.monotonic())
        stop.set()

    helper = threading.Thread(target=stop_when_ready)
    helper.start()
    with pytest.raises(Cancelled):
        model.ask(question(), Watched(should_stop=stop.is_set).job)
    helper.join(5)
    return time.monotonic() - stopped_s[0]


@pytest.mark.parametrize("behaviour", [HANGS, slow(20), too_many("15")])
@pytest.mark.parametrize("kind", KINDS)
def test_a_call_ends_at_once_when_it_is_stopped(kind: Kind, behaviour: Behaviour) -> None:
    with LanguageServer(scenes(20), models=[NAME]) as server:
        server.behave([behaviour])
        took_s = _stopped_while(ListedModel(listed(kind, server.url)), server, ready=lambda: bool(server.asked))
        until_s = time.monotonic() + 2
        while behaviour is HANGS and not server.hung_up and time.monotonic() < until_s:
            time.sleep(0.01)

        assert behaviour is not HANGS or server.hung_up == 1, "the server is not kept busy for nobody"
    assert took_s < 0.35


@pytest.mark.parametrize("error", [Cancelled("the work was stopped"), ValueError("a fault of our own")])
@pytest.mark.parametrize("kind", KINDS)
def test_what_the_listener_raises_comes_out_as_it_is(kind: Kind, error: Exception) -> None:
    def stop(_: object) -> None:
        raise error

    with LanguageServer(scenes(), models=[NAME]) as server, pytest.raises(type(error), match=str(error)):
        asked(listed(kind, server.url), heard=stop)


def test_work_that_is_stopped_already_asks_nobody() -> None:
    with LanguageServer(scenes(), models=[NAME]) as server, pytest.raises(Cancelled):
        asked(listed("ollama", server.url), Watched(should_stop=lambda: True))

    assert server.requests == []


def test_a_cut_answer_is_asked_for_again() -> None:
    with LanguageServer(scenes(), models=[NAME]) as server:
        server.behave([cut_after(5)])
        found = asked(listed("ollama", server.url))

    assert (found.attempts, found.repairs) == (2, 0)
    assert found.answer == Scenes.model_validate(scenes())


def test_a_question_has_two_more_tries_in_all() -> None:
    with LanguageServer(scenes(), models=[NAME]) as server:
        server.behave([BROKEN, BAD_JSON, BROKEN, BROKEN])
        with pytest.raises(EngineUnavailable, match="the fault 500"):
            asked(listed("ollama", server.url))

    assert len(server.asked) == 4
