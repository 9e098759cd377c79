"""docs/voices.md: its examples are read as they stand."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ad_pipeline.engines.speech.catalogue import speech_book
from ad_pipeline.settings import settings_from_environment
from ad_pipeline.story.brand_kit import kit_from_text
from ad_pipeline.story.emotions import feelings
from ad_pipeline.story.storyboard import Scene

_TEXT = (Path(__file__).parents[2] / "docs" / "voices.md").read_text(encoding="utf-8")
_KIT = """
brand_id: b
name: B
palette:
  {background: "#FFE9F0", surface: "#FFFFFF", primary: "#C2185B", accent: "#FF8FB3", text: "#5A1033"}
"""


def _block(kind: str) -> str:
    (found,) = re.findall(rf"```{kind}\n(.*?)```", _TEXT, re.S)
    return found


def test_its_list_is_one(tmp_path: Path) -> None:
    (tmp_path / "voices.toml").write_text(_block("toml"), encoding="utf-8")
    book = speech_book(settings_from_environment())
    assert book.use["cloud_voice"] == "elevenlabs/eleven_multilingual_v2"
    assert book.voices["openai_speech/azure"].server.url == "https://speech-gateway.example.com/v1"
    assert book.voices["openai_speech/xtts-v2"].local and not book.voices["openai_speech/azure"].local


def test_its_kit_is_one(tmp_path: Path) -> None:
    kit = kit_from_text(_KIT + _block("yaml"), folder=tmp_path)
    assert kit.voices["Jun"].gender == "male"
    assert kit.lexicon.said("SPF", "en") == "S P F"


def test_its_dialogue_is_one_and_its_emotions_are_all_that_there_are() -> None:
    scene = Scene.model_validate(json.loads(_block("json")))
    assert [line.speaker for line in scene.spoken] == ["Jun", "narrator"]
    for feeling in feelings():
        assert re.search(rf"\b{feeling.name}\b", _TEXT), feeling.name
