"""What `doctor` says of voices and effects."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ad_pipeline.cli.voice_findings import said_of_voices
from ad_pipeline.engines.registry import Registry
from ad_pipeline.engines.speech.catalogue import speech_book
from ad_pipeline.settings import settings_from_environment
from ad_pipeline_tests.speech.asking import KOKORO, V2, V3, write_voices
from ad_pipeline_tests.speech.elevenlabs_server import ElevenLabsServer
from ad_pipeline_tests.speech.openai_server import SpeechServer


def _told() -> Mapping[str, tuple[str, str]]:
    return said_of_voices(speech_book(settings_from_environment()), Registry())


def test_voices_and_what_is_left_are_told_and_the_account_asked_once(eleven: ElevenLabsServer) -> None:
    told = _told()
    assert told[V3] == told[V2] == told["elevenlabs/sound-effects"] == ("", "7 voices; 100000 characters left")
    assert eleven.spoken == [], "nothing that costs"
    assert len(eleven.requests) == 2


def test_a_key_that_may_only_speak_is_no_fault_of_the_quota(eleven: ElevenLabsServer) -> None:
    eleven.may = frozenset({"voices_read"})
    assert _told()[V3] == ("", "7 voices")


def test_a_missing_and_a_wrong_key_are_told_once_with_the_variable(
    eleven: ElevenLabsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ELEVENLABS_API_KEY", "sk-wrong")
    wrong = _told()
    monkeypatch.delenv("ELEVENLABS_API_KEY")
    missing = _told()
    assert "refuses the key in ELEVENLABS_API_KEY (401)" in wrong[V3][0] and "sk-wrong" not in wrong[V3][0]
    assert "put it into the environment variable ELEVENLABS_API_KEY" in missing[V3][0]
    assert "as elevenlabs/eleven_v3" in (wrong[V2][0], missing[V2][0])


def test_a_speech_server_is_told_by_what_it_lists() -> None:
    with SpeechServer() as server:
        write_voices(kokoro=server)
        there = _told()[KOKORO]
        server.model = "kokoro-v1"
        other = _told()[KOKORO]
    write_voices()
    assert there == ("", "6 voices in the list")
    assert "names its models kokoro-v1: write the right name under [models.'openai_speech/kokoro']" in other[1]
    assert "no speech server answers" in _told()[KOKORO][0]
    assert "no address; give it a url" in _told()["openai_speech/azure"][0]
