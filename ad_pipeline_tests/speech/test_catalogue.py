"""The list of voices: what a person's own file may say, and how what is wrong with it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from ad_pipeline.engines.speech.catalogue import speech_book
from ad_pipeline.errors import InputRejected
from ad_pipeline.settings import settings_from_environment

_OWN_VOICE = """
[models."own/voice"]
server = "nobody"
name = "x"
languages = ["ko"]
longest_text = 9
licence = {name = "own", paid_ads = "yes"}
"""
WRONG = {
    "no TOML": ("[servers", "voices.toml"),
    "an unknown field": ('[servers.kokoro]\nhost = "x"', "host"),
    "an address that is none": ('[servers.kokoro]\nurl = "kokoro"', "is no address of a server"),
    "a key over an open line": ('[servers.elevenlabs]\nurl = "http://8.8.8.8"', "would go to 8.8.8.8 unencrypted"),
    "no server of that name": (_OWN_VOICE, "its server one of"),
    "an unknown use": ('[use]\nown_voice = "openai_speech/kokro"', "did you mean 'openai_speech/kokoro'"),
    "a speed without 1": ('[models."openai_speech/kokoro"]\nspeed = [1.2, 2.0]', "must begin above 0 and hold 1"),
    "no request at once": ("[servers.kokoro]\nat_once = 0", "at_once"),
    "a price below 0": ('[models."elevenlabs/eleven_v3"]\nusd_per_1000_characters = -1.0', "usd_per_1000_characters"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_in_the_list_is_named(tmp_path: Path, case: str) -> None:
    text, words = WRONG[case]
    (tmp_path / "voices.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputRejected) as caught:
        speech_book(settings_from_environment())
    assert words in str(caught.value)
    assert "voices.toml" in str(caught.value)


def test_one_field_changes_one_field(tmp_path: Path) -> None:
    before = speech_book(settings_from_environment()).voices["openai_speech/kokoro"]
    (tmp_path / "voices.toml").write_text('[servers.kokoro]\nurl = "http://127.0.0.1:9999"', encoding="utf-8")
    after = speech_book(settings_from_environment()).voices["openai_speech/kokoro"]
    assert after.server.url == "http://127.0.0.1:9999/v1"
    assert (after.voices, after.licence, after.server.at_once) == (before.voices, before.licence, before.server.at_once)


def test_what_is_called_local_and_lies_elsewhere_is_not(tmp_path: Path) -> None:
    (tmp_path / "voices.toml").write_text('[servers.kokoro]\nurl = "https://8.8.8.8/v1"', encoding="utf-8")
    assert not speech_book(settings_from_environment()).voices["openai_speech/kokoro"].local


def test_every_row_says_where_its_facts_are_from() -> None:
    book = speech_book(settings_from_environment())
    for model in book.voices.values():
        assert model.licence.source, model.model_id
        assert model.voices and {voice.gender for voice in model.voices} == {"female", "male"}, model.model_id
        for language in model.languages:
            assert any(not voice.languages or language in voice.languages for voice in model.voices), model.model_id
