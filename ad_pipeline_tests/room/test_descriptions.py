"""What the director says of a picture to those who do not see it is spoken: it is held to what may be said."""

from __future__ import annotations

import pytest

from ad_pipeline.story.room.answers import Copy, Direction, SceneCopy, SceneDirection, ScenePlan
from ad_pipeline.story.room.assembling import storyboard_of, with_pictures_of
from ad_pipeline.story.storyboard import Storyboard
from ad_pipeline_tests.room.test_guards import assigned


def _board(*descriptions: str) -> Storyboard:
    arc = {"purpose": "story", "seconds": 5, "idea": "water"}
    plan = ScenePlan.model_validate({"title": "t", "scenes": [arc] * len(descriptions)})
    copy = Copy(scenes=tuple(SceneCopy(scene=at) for at in range(1, len(descriptions) + 1)))
    shots = tuple(SceneDirection(scene=at, shot="water", description=text) for at, text in enumerate(descriptions, 1))
    direction = Direction(look="soft light", scenes=shots)
    return storyboard_of(plan, copy, direction, assigned(), seed=1, persona="")


def test_a_description_in_the_ads_language_goes_into_the_storyboard() -> None:
    board = _board("창가에 놓인 유리병.", "")

    assert [scene.description for scene in board.scenes] == ["창가에 놓인 유리병.", ""]
    other = with_pictures_of(_board("", ""), board)
    assert other.scenes[0].description == "창가에 놓인 유리병."


@pytest.mark.parametrize(
    "text",
    ["A bottle by the window.", "주름이 사라진 얼굴.", "이니스프리 병.", "shadyco.com 이라고 쓴 벽.", "유리병 🧴"],
)
def test_what_is_strange_or_claims_something_is_left_out(text: str) -> None:
    assert _board(text, "유리병.").scenes[0].description == ""
