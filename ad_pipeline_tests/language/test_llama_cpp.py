"""What llama.cpp's own server and llama-cpp-python's were seen to do, done by the server of the tests."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from ad_pipeline.engines.language.catalogue import Answers, Kind
from ad_pipeline.engines.language.reach import reachable
from ad_pipeline.errors import EngineRefused, EngineUnavailable
from ad_pipeline.messages import user_language
from ad_pipeline_tests.language.asking import KEY_VARIABLE, NAME, Scenes, Watched, asked, listed, scenes
from ad_pipeline_tests.language.behaviour import LOADING, MUTE, Behaviour, cut_after, truncated
from ad_pipeline_tests.language.server import LanguageServer

pytestmark = pytest.mark.slow

_NO_GRAMMAR = Behaviour(
    status=400, page='{"error": {"message": "Failed to initialize samplers: failed to parse grammar"}}'
)
_NO_JINJA = Behaviour(status=500, page='{"error": {"message": "tools param requires --jinja flag"}}')
_FULL = Behaviour(
    status=400,
    page='{"error": {"code": 400, "message": "request (2475 tokens) exceeds the available context size (2048 tokens), '
    'try increasing it", "type": "exceed_context_size_error"}}',
)


def test_an_answer_as_a_tool_is_demanded_and_only_once() -> None:
    with LanguageServer(scenes()) as server:
        found = asked(listed("openai", server.url, answers="tool", local=True))

    sent = server.asked[0]
    assert found.answer == Scenes.model_validate(scenes())
    assert sent.tool == "Scenes", "a tool that is only named is taken for one that may be called"
    assert sent.body["parallel_tool_calls"] is False


@pytest.mark.parametrize("local", [True, False])
def test_a_server_that_knows_only_json_is_asked_for_json(local: bool) -> None:
    with LanguageServer(scenes(), forms=("text", "json_object")) as server:
        found = asked(listed("openai", server.url, answers="json", local=local))

    sent = server.asked[0]
    assert found.answer == Scenes.model_validate(scenes())
    assert sent.form == "json_object"
    assert bool(sent.schema) is local, "OpenAI's own takes no schema there"
    assert '"picture"' in sent.system


def test_ollama_is_asked_for_json_where_the_schema_is_too_much_for_it() -> None:
    with LanguageServer(scenes(), models=[NAME]) as server:
        asked(listed("ollama", server.url, answers="json"))

    assert server.asked[0].body["format"] == "json"
    assert '"picture"' in server.asked[0].system


def test_a_server_that_knows_no_schemas_says_at_once_what_to_write() -> None:
    said = (
        r'does not take how .* no json_schema .* answers = "json" \| "tool" \| "prompt" under \[models.\'openai/writer'
    )
    with LanguageServer(scenes(), forms=("text", "json_object")) as server, pytest.raises(EngineRefused, match=said):
        asked(listed("openai", server.url, local=True))

    assert len(server.asked) == 1, "it will not know them the second time either"


@pytest.mark.parametrize(("answers", "behaviour"), [("schema", _NO_GRAMMAR), ("tool", _NO_JINJA)])
def test_how_an_answer_is_asked_for_can_be_the_fault(answers: Answers, behaviour: Behaviour) -> None:
    with LanguageServer(scenes()) as server:
        server.behave([behaviour])
        with pytest.raises(EngineRefused, match="write answers = .*in models.toml"):
            asked(listed("openai", server.url, answers=answers, local=True))


def test_a_question_that_asks_for_no_form_is_told_of_none() -> None:
    with LanguageServer(scenes()) as server:
        server.behave([_NO_GRAMMAR])
        with pytest.raises(EngineRefused, match="rejects the question"):
            asked(listed("openai", server.url, answers="prompt", local=True))


# --- its context ---------------------------------------------------------------------------------------


def test_a_question_longer_than_the_servers_context_says_so() -> None:
    with LanguageServer(scenes()) as server:
        server.behave([_FULL])
        with pytest.raises(EngineRefused, match="cannot read so long a question .*2048 tokens.*shorten the brief"):
            asked(listed("openai", server.url, local=True))

    assert len(server.asked) == 1


def test_a_server_without_a_word_may_have_had_too_long_a_question() -> None:
    with LanguageServer(scenes()) as server:
        server.behave([MUTE] * 3)
        with pytest.raises(EngineUnavailable, match="nothing at all.*longer than its context"):
            asked(listed("openai", server.url, local=True))

    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("kind", "local", "is_told"), [("openai", True, True), ("ollama", True, True), ("openai", False, False)]
)
def test_an_answer_that_ends_with_the_context_names_the_context(kind: Kind, local: bool, is_told: bool) -> None:
    with LanguageServer(scenes(), models=[NAME]) as server:
        server.behave([truncated('{"title": "x', tokens=861)] * 3)
        said = "at 861 tokens, where the context of .* ends" if is_told else "cut off at 2000 tokens"
        with pytest.raises(EngineRefused, match=said):
            asked(listed(kind, server.url, local=local))


# --- its thinking --------------------------------------------------------------------------------------


@pytest.mark.parametrize("answers", ["schema", "json", "tool", "prompt"])
def test_a_model_that_likes_to_think_is_told_not_to(answers: Answers) -> None:
    with LanguageServer(scenes(), thinks_tokens=3000) as server:
        found = asked(listed("openai", server.url, answers=answers, local=True))

    assert found.answer == Scenes.model_validate(scenes())


def test_a_model_that_may_think_gets_the_room_for_it() -> None:
    with LanguageServer(scenes(), thinks_tokens=3000) as server:
        found = asked(listed("openai", server.url, local=True, effort="low"))

    assert found.answer == Scenes.model_validate(scenes())
    assert server.asked[0].thinks


def test_a_model_that_only_thought_is_not_asked_again() -> None:
    said = r"thought for all its 3000 tokens .* write a higher effort under \[models.'openai/writer'\]"
    with LanguageServer(scenes(), thinks_tokens=5000) as server, pytest.raises(EngineRefused, match=said):
        asked(listed("openai", server.url, local=True, effort="minimal"))

    assert len(server.asked) == 1


def test_a_cloud_is_told_nothing_of_templates() -> None:
    with LanguageServer(scenes()) as server:
        asked(listed("openai", server.url))

    assert "chat_template_kwargs" not in server.asked[0].body


# --- while it loads, when it dies, and who answers -------------------------------------------------------------------


def test_a_server_that_loads_its_model_is_waited_for() -> None:
    watched = Watched()
    with LanguageServer(scenes()) as server:
        server.behave([replace(LOADING, headers={"retry-after": "0.1"})] * 4)
        found = asked(listed("openai", server.url, local=True), watched)

    assert found.answer == Scenes.model_validate(scenes())
    assert len(server.asked) == 5
    assert len(watched.notes) == 4
    assert "still loading its model" in watched.notes[0]
    assert found.seconds_waited >= 0.4


def test_a_server_that_never_ends_loading_takes_no_more_than_the_questions_time() -> None:
    began_s = time.monotonic()
    with LanguageServer(scenes()) as server:
        server.behave([LOADING] * 9)
        with pytest.raises(EngineUnavailable, match="still loading its model"):
            asked(listed("openai", server.url, local=True), timeout_s=1.5)

    assert time.monotonic() - began_s < 1.5
    assert len(server.asked) == 2


def test_a_server_that_wants_a_minute_to_load_is_not_waited_for() -> None:
    with LanguageServer(scenes()) as server:
        server.behave([replace(LOADING, headers={"retry-after": "61"})])
        with pytest.raises(EngineUnavailable, match="still loading its model"):
            asked(listed("openai", server.url, local=True), timeout_s=100)


def test_a_server_that_died_while_it_wrote_is_not_there_afterwards() -> None:
    watched = Watched()

    def dies(_: Mapping[str, Any]) -> None:
        server.__exit__()

    with LanguageServer(scenes()) as server:
        server.behave([cut_after(30)])
        with pytest.raises(EngineUnavailable, match="no language server answers at .* start it"):
            asked(listed("openai", server.url, local=True), watched, heard=dies)

    assert "broke off in the middle" in watched.notes[0]


def test_a_server_that_answers_by_another_name_is_named() -> None:
    with LanguageServer(scenes(), serves="tiny-1b") as server:
        found = asked(listed("openai", server.url, local=True))
        same = asked(listed("openai", server.url, local=True, name="tiny-1b"))
        told = reachable(listed("openai", server.url, local=True))

    assert (found.model, found.details.get("answered_by")) == (NAME, "tiny-1b")
    assert "answered_by" not in same.details
    assert f"has no model {NAME}" in str(told)
    assert "(there: tiny-1b)" in str(told)


def test_doctor_says_that_a_server_is_loading() -> None:
    with LanguageServer(models=[NAME]) as server:
        server.loads = True
        told = reachable(listed("openai", server.url, local=True))

    assert told is not None
    assert "is still loading its model" in told.said_in(user_language())


@pytest.mark.parametrize(("key", "said"), [("", "wants a key"), ("sk-wrong", "does not accept the key"), ("sk-1", "")])
def test_doctor_is_not_content_with_a_list_that_everybody_gets(
    key: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, key)
    with LanguageServer(serves=NAME, key="sk-1") as server:
        told = reachable(listed("openai", server.url, local=True, key_env=KEY_VARIABLE if key else ""))

    assert said in str(told or "")
    assert (told is None) is (said == "")
