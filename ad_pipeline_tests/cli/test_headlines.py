"""Headlines too long for their place: shrunk to the type scale's smallest size, then refused by their scene."""

from __future__ import annotations

import hashlib
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ad_pipeline.cli.main import main
from ad_pipeline.errors import StoryboardRejected
from ad_pipeline.stages.scene_titles import scene_titles
from ad_pipeline.stages.session_facts import STORYBOARD, facts_of
from ad_pipeline.stages.storyboard import edit_scene
from ad_pipeline.stages.workplace import Workplace
from ad_pipeline.story.formats import size_of
from ad_pipeline_tests.stages.sessions import a_workplace, open_ad

KOREAN = ("촉촉한 피부를 위한 새로운 아침의 시작 " * 12)[:200]
ENGLISH = ("glow that stays with you " * 12)[:199] + "g"


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workplace]:
    monkeypatch.setenv("AD_PIPELINE_ROOT", str(tmp_path / "root"))
    monkeypatch.setenv("AD_PIPELINE_LANGUAGE", "en")
    before = signal.getsignal(signal.SIGTERM)
    yield a_workplace(tmp_path / "root")
    signal.signal(signal.SIGTERM, before)


def _kept(workplace: Workplace) -> dict[Path, str]:
    files = (path for path in workplace.store.root.rglob("*") if path.is_file())
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("text", [KOREAN, ENGLISH, "가" * 200, "W" * 200, "a\n" * 100], ids=lambda text: text[:4])
def test_a_headline_of_200_characters_is_refused_and_the_session_keeps_its_state(
    workplace: Workplace, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    open_ad(workplace)
    before = _kept(workplace)

    code = main(["rerun", "ad", "--scene", "scene_002", "--onscreen-text", text])

    told = capsys.readouterr().err
    assert code == 2
    assert told.startswith("error: scene_002.onscreen_text: ")
    assert "shorten it" in told and told.count("\n") == 1
    assert len(told) < 300
    assert _kept(workplace) == before
    assert facts_of(workplace, "ad").storyboard.scenes[1].onscreen_text != text


@pytest.mark.parametrize("option", ["--onscreen-text", "--narration"])
@pytest.mark.parametrize("text", ["a\udcecb", "가\x07나", "a\x00b"])
def test_a_text_with_what_is_no_character_is_refused(
    workplace: Workplace, capsys: pytest.CaptureFixture[str], option: str, text: str
) -> None:
    open_ad(workplace)
    before = _kept(workplace)

    code = main(["rerun", "ad", "--scene", "scene_002", option, text])

    told = capsys.readouterr().err
    assert (code, told.startswith("error: ")) == (2, True)
    assert _kept(workplace) == before


def test_a_headline_shrinks_as_it_grows_until_it_is_refused(workplace: Workplace) -> None:
    open_ad(workplace)
    words = KOREAN.split()
    sizes: list[int] = []

    for count in range(1, len(words), 3):
        text = " ".join(words[:count])
        try:
            edit_scene(workplace, "ad", "scene_001", {"onscreen_text": text})
        except StoryboardRejected as error:
            assert str(error).startswith("scene_001.onscreen_text: ")
            break
        facts = facts_of(workplace, "ad")
        board = facts.storyboard
        size = size_of(board.all_formats[0])
        picture = np.full((size.height_px, size.width_px, 3), 40, np.uint8)
        headline = scene_titles(facts, board.scenes[0], board.all_formats[0], picture).headline
        assert headline
        sizes.append(headline.size_px)

    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 104 and min(sizes) < 60
    assert 3 <= len(sizes) < len(words) // 3
    assert len(workplace.session("ad").takes(STORYBOARD)) == 1 + len(sizes)
