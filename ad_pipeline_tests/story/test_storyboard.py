from __future__ import annotations

import json
from typing import Any

import pytest

from ad_pipeline.errors import StoryboardRejected
from ad_pipeline.story.storyboard import Line, Scene, Storyboard, storyboard_from_text


def _values(**changes: Any) -> dict[str, Any]:
    scenes = [
        {"id": "scene_001", "purpose": "Hook/Attention", "duration_seconds": 2.5, "narration": "안녕"},
        {"id": "scene_002", "purpose": "CTA", "duration_seconds": 3.5},
    ]
    return {"schema_version": 1, "title": "t", "duration_seconds": 6, "scenes": scenes} | changes


def _read(**changes: Any) -> Storyboard:
    return storyboard_from_text(json.dumps(_values(**changes)))


def test_a_storyboard_survives_the_round_trip_with_keys_of_others() -> None:
    values = _values(agency_note={"by": "kim"})
    values["scenes"][0]["shot_on"] = "film"

    storyboard = storyboard_from_text(json.dumps(values))

    assert storyboard_from_text(storyboard.to_json()) == storyboard
    again = json.loads(storyboard.to_json())
    assert again["agency_note"] == {"by": "kim"}
    assert again["scenes"][0]["shot_on"] == "film"


def test_purposes_are_read_by_any_name() -> None:
    assert [scene.purpose for scene in _read().scenes] == ["hook", "cta"]


def test_the_published_schema_without_a_version_is_upgraded() -> None:
    old = {
        "title": "t",
        "total_duration": 6,
        "scenes": [
            {"scene_number": 1, "duration": 2, "text": "하나"},
            {"scene_number": 2, "duration": 4, "text": "둘"},
        ],
    }

    storyboard = storyboard_from_text(json.dumps(old))

    assert storyboard.scene_ids == ("scene_001", "scene_002")
    assert storyboard.scenes[1].narration == "둘"
    assert storyboard.scene_frames == (48, 96)


def test_lengths_must_add_up_to_the_frame() -> None:
    assert _read().scene_frames == (60, 84)
    with pytest.raises(StoryboardRejected, match="make them equal"):
        _read(duration_seconds=6.1)


@pytest.mark.parametrize(
    "changes",
    [
        {"schema_version": 99},
        {"schema_version": "one"},
        {"scenes": []},
        {"scenes": [{"id": "scene_1", "duration_seconds": 3}, {"id": "scene_002", "duration_seconds": 3}]},
        {"scenes": [{"id": "scene_001", "duration_seconds": 3}, {"id": "scene_001", "duration_seconds": 3}]},
        {"scenes": [{"id": "../x", "duration_seconds": 3}, {"id": "scene_002", "duration_seconds": 3}]},
        {"scenes": "none"},
        {"formats": ["1:1"], "format": "9:16"},
        {"title": ""},
    ],
)
def test_a_wrong_storyboard_is_rejected(changes: dict[str, Any]) -> None:
    with pytest.raises(StoryboardRejected):
        _read(**changes)


def test_what_is_spoken_is_the_lines_else_the_narration() -> None:
    scene = Scene(id="scene_001", duration_seconds=2, narration="하나")

    assert scene.spoken == (Line(text="하나"),)
    assert scene.model_copy(update={"lines": (Line(speaker="a", text="둘"),)}).spoken[0].text == "둘"
    assert Scene(id="scene_001", duration_seconds=2, narration="  ").spoken == ()


def test_a_scene_is_replaced_by_id_and_an_unknown_one_is_refused() -> None:
    storyboard = _read()

    changed = storyboard.with_scene(storyboard.scenes[1].model_copy(update={"narration": "끝"}))

    assert changed.scene("scene_002").narration == "끝"
    assert storyboard.scene("scene_002").narration == ""
    with pytest.raises(StoryboardRejected, match="scene_001, scene_002"):
        storyboard.scene("scene_009")
