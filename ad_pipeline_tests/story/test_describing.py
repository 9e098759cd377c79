"""What a scene is told as: its picture, and what is written on it and not said."""

from __future__ import annotations

from typing import Any

import pytest

from ad_pipeline.engines.animatic.writing.pictures import told_as
from ad_pipeline.engines.animatic.writing.shelf import all_categories, all_motifs
from ad_pipeline.engines.animatic.writing.worlds import worlds_of
from ad_pipeline.story.describing import Telling, telling_of
from ad_pipeline.story.storyboard import Scene, Storyboard


def _telling(language: str = "ko", **values: Any) -> Telling:
    scenes = [{"id": f"scene_00{at}", "duration_seconds": 3, **(values if at == 1 else {})} for at in (1, 2)]
    board = Storyboard.model_validate({"title": "t", "duration_seconds": 6, "language": language, "scenes": scenes})
    scene: Scene = board.scenes[0]
    return telling_of(scene, board, brand="라네즈", product="워터 세럼", button="지금 만나보세요")


def test_the_picture_comes_first_then_what_is_written() -> None:
    telling = _telling(description="잔잔한 물, 세럼.", onscreen_text="물처럼\n맑게", narration="하루의 끝.")

    assert telling.whole == "잔잔한 물, 세럼. 글자: 물처럼 맑게."
    assert telling.versions == (
        "잔잔한 물, 세럼. 글자: 물처럼 맑게.", "글자: 물처럼 맑게.", "물처럼 맑게.", "잔잔한 물, 세럼.", "잔잔한 물.",
    )  # fmt: skip


def test_what_the_voice_says_is_not_read_out() -> None:
    assert _telling(onscreen_text="물처럼 맑게!", narration="피부가, 물처럼 맑게.").whole == ""


def test_the_source_of_a_claim_is_read_out_though_the_claim_is_said() -> None:
    telling = _telling(
        "en",
        narration="92% were happy.",
        onscreen_text="92% were\nhappy\nSample data,\nnot a real test",
        claim_source="Sample data, not a real test",
    )

    assert telling.written == ("Sample data, not a real test",)
    assert telling.whole == "Text: Sample data, not a real test."


def test_a_scene_that_nobody_described_is_told_from_its_facts() -> None:
    telling = _telling(brand_elements=["logo", "product_3d", "cta_button"])

    assert telling.whole == "워터 세럼, 라네즈 로고. 버튼: 지금 만나보세요."


def test_a_button_that_is_said_is_not_told() -> None:
    assert "버튼" not in _telling(brand_elements=["cta_button"], narration="지금, 만나보세요!").whole


def test_the_image_prompt_is_never_told() -> None:
    telling = _telling(image_prompt="hero product shot, glass dropper bottle, soft light", narration="안녕.")

    assert telling.versions == ()


@pytest.mark.parametrize("text", ["…", "★", "!!", ""])
def test_signs_without_a_word_are_nothing_to_tell(text: str) -> None:
    assert _telling(onscreen_text=text, description=text).whole == ""


def test_everything_that_the_template_writer_shows_has_a_korean_name() -> None:
    categories = all_categories()
    worlds = [world for c in categories for row in worlds_of(c.name).values() for world in row]
    worlds += [world for motif in all_motifs() for world in motif.scenes.values()]
    seen = [world.seen for world in worlds] + [text for c in categories for text in (c.part, c.worn)]
    phrases = {phrase.strip() for text in seen for phrase in text.split(",")} - {"<part>", "<worn>"}

    assert phrases == set(told_as("ko"))
    assert set(told_as("en")) < phrases
