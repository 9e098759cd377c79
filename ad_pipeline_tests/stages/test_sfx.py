"""The effects stage: what a scene says shall be heard goes before what its picture suggests."""

from __future__ import annotations

from pathlib import Path

import pytest

from ad_pipeline.errors import StoryboardRejected
from ad_pipeline.stages.motion_clip import motion_clip_key
from ad_pipeline.stages.session_facts import facts_of
from ad_pipeline.stages.sfx import make_sfx, sfx_task
from ad_pipeline.stages.storyboard import edit_scene
from ad_pipeline.stages.workplace import Wishes, Workplace
from ad_pipeline_tests.sessions.writing import commit
from ad_pipeline_tests.stages.sessions import a_workplace, open_ad

SCENE = "scene_001"


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    """An ad with a first clip; effects of a draft are made without looking at it."""
    found = a_workplace(tmp_path / "root")
    open_ad(found)
    commit(found.session("ad"), motion_clip_key(SCENE, facts_of(found, "ad").storyboard.format), "a clip")
    return found


def test_a_scenes_own_words_are_the_prompt_else_its_picture(workplace: Workplace) -> None:
    before = sfx_task(facts_of(workplace, "ad"), SCENE).parameters["prompt"]

    edit_scene(workplace, "ad", SCENE, {"sound": "반짝이는 소리, 딸깍"})

    facts = facts_of(workplace, "ad")
    assert before == facts.storyboard.scene(SCENE).image_prompt
    assert sfx_task(facts, SCENE).parameters["prompt"] == "반짝이는 소리, 딸깍"
    assert set(make_sfx(workplace, "ad", SCENE).details["understood"]) == {"shimmer", "click"}


def test_a_persons_wish_goes_before_both_and_says_what_it_could_not_do(workplace: Workplace) -> None:
    edit_scene(workplace, "ad", SCENE, {"sound": "딸깍"})

    record = make_sfx(workplace, "ad", SCENE, Wishes(prompt="a dog barks"))

    assert record.details["not_honoured"] == ["a dog barks"]


def test_words_without_a_scenes_sound_leave_older_takes_as_they_are(workplace: Workplace) -> None:
    first = make_sfx(workplace, "ad", SCENE)

    edit_scene(workplace, "ad", SCENE, {"sound": "  "})

    assert make_sfx(workplace, "ad", SCENE).take == first.take


def test_a_paid_ad_cannot_name_mmaudio_for_its_words(workplace: Workplace) -> None:
    edit_scene(workplace, "ad", SCENE, {"sound": "a drop", "engines": {"sfx": "comfyui/mmaudio_text"}})

    with pytest.raises(StoryboardRejected, match="its licence forbids paid ads"):
        make_sfx(workplace, "ad", SCENE)
