"""What is wrong with an answer, field by field: strangers, forbidden claims, hollow copy, words that do not fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from ad_pipeline.story.product_facts import ProductFacts
from ad_pipeline.story.room.answers import Copy, Direction, SceneCopy, SceneDirection, ScenePlan, Strategy
from ad_pipeline.story.room.complaints import (
    Complaint,
    copy_complaints,
    direction_complaints,
    line_complaints,
    plan_complaints,
    strategy_complaints,
)
from ad_pipeline.story.room.guards import other_brands
from ad_pipeline_tests.room.test_guards import assigned, strangers


def _complaints_of_direction(**changes: Any) -> list[Complaint]:
    shot = {"scene": 1, "shot": "water on glass", "camera": "close-up", "motion_prompt": "drops run down"}
    told = {"look": "soft light", "person": "a woman", "music_mood": "calm_inspiring"}
    shot |= {name: value for name, value in changes.items() if name in SceneDirection.model_fields}
    told |= {name: value for name, value in changes.items() if name in Direction.model_fields}
    answer = Direction.model_validate(told | {"scenes": [shot]})
    return direction_complaints(answer, assigned(), 1, brands=other_brands())


def test_a_direction_with_nothing_strange_is_taken() -> None:
    assert _complaints_of_direction(negative_prompt="text, logo, wrinkles, acne") == []


_DIRECTED = ("look", "person", "music_mood", "shot", "camera", "motion_prompt", "negative_prompt")


@pytest.mark.parametrize("text", ["Innisfree style", "shadyco.com on a wall", "물방울"])
@pytest.mark.parametrize("field", _DIRECTED)
def test_no_field_of_a_direction_holds_a_stranger_or_korean(field: str, text: str) -> None:
    assert {complaint.kind for complaint in _complaints_of_direction(**{field: text})} == {"stranger"}


@pytest.mark.parametrize("field", ["look", "person", "shot", "camera", "motion_prompt"])
def test_no_picture_shows_a_claim_that_the_law_forbids(field: str) -> None:
    found = _complaints_of_direction(**{field: "a sign that says it cures acne"})

    assert {complaint.kind for complaint in found} == {"stranger"}
    assert "may not be claimed" in str(found[0])


@pytest.mark.parametrize("text", ["이니스프리처럼", "shadyco.com", "프로필 링크"])
@pytest.mark.parametrize("field", ["audience", "insight", "usp", "message"])
def test_no_field_of_a_strategy_holds_a_stranger(field: str, text: str) -> None:
    told = {"audience": "직장인", "insight": "오후가 마르다", "usp": "물 한 방울", "message": "맑게"}

    assert strategy_complaints(Strategy.model_validate(told), assigned(), brands=other_brands()) == []
    found = strategy_complaints(Strategy.model_validate(told | {field: text}), assigned(), brands=other_brands())
    assert [complaint.kind for complaint in found] == ["stranger"]


@pytest.mark.parametrize("text", ["이니스프리의 아침", "shadyco.com이 보인다", "여드름 완치"])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_no_title_and_no_idea_holds_a_stranger_or_a_forbidden_claim(at: int, text: str) -> None:
    texts = ["오후의 한 방울", "마른 오후", "한 방울을 건넨다"]

    assert _complaints_of_plan(texts) == []
    texts[at] = text
    assert [(complaint.kind, complaint.scene) for complaint in _complaints_of_plan(texts)] == [("stranger", at)]


def _complaints_of_plan(texts: Sequence[str]) -> list[Complaint]:
    scenes = [{"purpose": p, "seconds": 3, "idea": idea} for p, idea in zip(("hook", "cta"), texts[1:], strict=True)]
    answer = ScenePlan.model_validate({"title": texts[0], "scenes": scenes})
    return plan_complaints(answer, replace(assigned(), scene_count=2), brands=other_brands())


@pytest.mark.parametrize(
    ("written", "said"),
    [("물 " * 17 + "물", "has 35 letters; at most 34"), ("물" * 17, "a word of 17 letters"), ("물" * 16, "")],
)
def test_what_is_written_has_to_fit_its_lines(written: str, said: str) -> None:
    found = line_complaints(SceneCopy(scene=1, narration="맑게.", onscreen_text=written), assigned(), brands=())

    assert any(said in str(complaint) for complaint in found) if said else not found


def _complaints_of_copy(lines: Sequence[tuple[str, str]], **brief: Any) -> list[tuple[int, str]]:
    told = [{"scene": at, "narration": n, "onscreen_text": w} for at, (n, w) in enumerate(lines, 1)]
    answer = Copy.model_validate({"scenes": told})
    found = copy_complaints(answer, assigned(**brief), seconds=[5.0] * len(lines), brands=())
    return [(complaint.scene, str(complaint.said)) for complaint in found]


def test_an_ad_in_which_nobody_speaks_is_no_ad_unless_the_brief_wants_it_so() -> None:
    silent = [("", "마른 오후"), ("", "워터 글로우 세럼")]

    assert [said for _, said in _complaints_of_copy(silent)] == ["nobody speaks in any scene; write narration"]
    assert _complaints_of_copy(silent, voice="none") == []


def test_a_line_is_said_once() -> None:
    found = _complaints_of_copy([("라네즈, 맑게.", "아침"), ("물처럼.", "낮"), ("라네즈 맑게", "밤")])

    assert found == [(3, "scene 1 says the same; say something else")]


def test_one_punch_line_may_be_read_too_but_not_each_and_no_sentence() -> None:
    assert _complaints_of_copy([("라네즈, 맑게.", "라네즈, 맑게"), ("물처럼.", "낮")]) == []
    twice = _complaints_of_copy([("라네즈, 맑게.", "라네즈, 맑게"), ("물처럼.", "물처럼")])
    assert [scene for scene, said in twice if "in more than one scene" in said] == [1, 2]
    long = _complaints_of_copy([("라네즈는 물처럼 아주 맑아요.", "라네즈는 물처럼 아주 맑아요"), ("물처럼.", "낮")])
    assert [scene for scene, said in long if "the narration again" in said] == [1]


def test_scenes_too_short_for_a_word_may_be_silent() -> None:
    answer = Copy(scenes=(SceneCopy(scene=1, onscreen_text="라네즈"), SceneCopy(scene=2, onscreen_text="맑게")))

    assert copy_complaints(answer, assigned(), seconds=[0.5, 0.5], brands=()) == []


def test_a_fact_and_a_name_may_be_heard_and_read() -> None:
    fact = {"text": "3일 사용 후 92%가 촉촉함에 만족", "source": "자사 조사"}
    told = SceneCopy(scene=1, narration=fact["text"] + ".", onscreen_text=fact["text"], facts=("F1",))
    named = SceneCopy(scene=1, narration="블루 아쿠아 딥 크림.", onscreen_text="블루 아쿠아 딥 크림")

    assert line_complaints(told, assigned(claims=[fact]), brands=()) == []
    assert line_complaints(named, assigned(product="블루 아쿠아 딥 크림"), brands=()) == []
    assert line_complaints(named, assigned(), brands=()) != []


def test_letters_that_nobody_sees_hide_nothing_and_do_not_stay() -> None:
    assert [repr("shadyco.com") in said for said in strangers("shady\u200bco.com", assigned(), brands=())] == [
        True,
        False,
    ]
    assert "nobody sees" in strangers("물\u00ad빛", assigned(), brands=())[0]


def test_words_that_begin_like_our_own_name_are_no_strangers() -> None:
    page = ProductFacts(url="https://x.kr/1", brand="라네즈 코리아", orders=("'라네즈'라고만 쓰세요",))

    assert strangers("라네즈다운 물, 라네즈 코리아의 빛", assigned(page=page), brands=()) == ()


def test_a_korean_ad_without_a_voice_does_not_only_write_english() -> None:
    found = _complaints_of_copy([("", "WATER BREAK"), ("", "LANEIGE")], voice="none")

    assert [said for _, said in found] == ["'WATER BREAK  LANEIGE' is not in Korean; write it in Korean"]
    assert _complaints_of_copy([("", "WATER BREAK"), ("", "라네즈")], voice="none") == []
