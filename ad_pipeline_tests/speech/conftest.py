"""What the tests of speech engines share: a person's settings of their own, keys in the environment, the servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ad_pipeline_tests.speech.asking import write_voices
from ad_pipeline_tests.speech.elevenlabs_server import ElevenLabsServer
from ad_pipeline_tests.speech.openai_server import SpeechServer


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AD_PIPELINE_ROOT", str(tmp_path / "root"))
    monkeypatch.setenv("AD_PIPELINE_VOICES", str(tmp_path / "voices.toml"))
    monkeypatch.setenv("AD_PIPELINE_LANGUAGE", "en")
    monkeypatch.setenv("ELEVENLABS_API_KEY", "sk-eleven")
    for variable in (
        "SPEECH_KEY",
        "AZURE_SPEECH_GATEWAY_KEY",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "http_proxy",
        "https_proxy",
    ):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def eleven() -> Iterator[ElevenLabsServer]:
    """ElevenLabs, and a voices.toml that leads there."""
    with ElevenLabsServer() as server:
        write_voices(eleven=server)
        yield server


@pytest.fixture
def kokoro() -> Iterator[SpeechServer]:
    """Kokoro, and a voices.toml that leads there."""
    with SpeechServer() as server:
        write_voices(kokoro=server)
        yield server
