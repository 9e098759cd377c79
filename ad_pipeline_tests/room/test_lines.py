"""Lines that a model gets wrong: asked for again, then replaced by our own, scene by scene."""

from __future__ import annotations

from typing import Any

import pytest

from ad_pipeline.messages import Message
from ad_pipeline.story.speaking import fits
from ad_pipeline_tests.language.dialects import Asked
from ad_pipeline_tests.room.conftest import Placed
from ad_pipeline_tests.room.rooms import written
from ad_pipeline_tests.room.writers import copy_in, writing

pytestmark = pytest.mark.slow


def _spoiled(scene: int, **words: str) -> Any:
    """A copywriter who gets one scene wrong, also when asked to mend it."""

    def copy(asked: Asked) -> dict[str, Any]:
        told = copy_in("ko")(asked)
        told["scenes"][scene - 1] |= words
        return told

    return copy


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"narration": "Welcome to a brand new day of glow."}, "not in Korean"),
        ({"narration": "여드름 치료, 이제 끝."}, "may not be claimed"),
        ({"narration": "98%가 하얘졌어요."}, "no FACT"),
        ({"onscreen_text": "지금 shady.example.com 에서"}, "no part of the brief"),
        ({"onscreen_text": "전화 02-123-4567"}, "no part of the brief"),
        ({"narration": "이니스프리보다 맑게."}, "another brand"),
        ({"narration": "세상에 없던 최고의 물."}, "avoids the word '최고'"),
        ({"narration": "✨ 반짝이는 하루."}, "emoji"),
        ({"narration": "내레이션: 촉촉하게."}, "who speaks"),
        ({"narration": "토리든처럼 맑게."}, "another brand"),
        ({"onscreen_text": "프로필 링크 클릭"}, "no part of the brief"),
        ({"onscreen_text": "ｓｈａｄｙｃｏ．ｃｌｕｂ"}, "no part of the brief"),
        ({"narration": "물처럼 맑고 가볍게 하루.", "onscreen_text": "물처럼 맑고 가볍게 하루"}, "the narration again"),
    ],
    ids=str,
)
def test_a_line_that_may_not_stand_is_asked_for_again_and_then_replaced(
    placed: Placed, words: dict[str, str], said: str
) -> None:
    with writing({"copy": _spoiled(2, **words)}) as server:
        record, facts = written(placed(local=server))
        repairs = [asked for asked in server.asked if asked.is_repair]

    assert repairs and said in repairs[0].text
    scene = facts.storyboard.scenes[1]
    assert next(iter(words.values())) not in (scene.narration, scene.onscreen_text)
    assert scene.narration
    assert any(said in line for line in record.details["ours"])
    assert record.degraded and "our own writer's words stand in" in record.degraded.why
    assert facts.storyboard.scenes[0].narration == "오후 세 시, 마음도 마르죠."


@pytest.mark.parametrize("headline", ["WATER BREAK", "Glow on, you.", "기내 반입 OK, 80ml", "#10 빈티지 레드"])
def test_a_headline_in_english_over_a_korean_voice_stays(placed: Placed, headline: str) -> None:
    with writing(
        {"copy": _spoiled(2, onscreen_text=headline), "copy_polish": _spoiled(2, onscreen_text=headline)}
    ) as s:
        record, facts = written(placed(local=s))

    assert facts.storyboard.scenes[1].onscreen_text == headline
    assert record.degraded is None


def test_a_line_that_is_mended_when_asked_is_nobodys_fault(placed: Placed) -> None:
    def hasty(asked: Asked) -> dict[str, Any]:
        told = copy_in("ko")(asked)
        if not asked.is_repair:
            told["scenes"][1]["narration"] = "Only English here, sorry."
        return told

    with writing({"copy": hasty}) as server:
        record, _ = written(placed(local=server))

    assert record.degraded is None
    assert next(step for step in record.details["steps"] if step["role"] == "copy")["repairs"] == 1


def test_words_that_never_fit_give_way_until_all_fit(placed: Placed) -> None:
    endless = "물처럼 맑고 가볍게 피부 위로 천천히 스며드는 아침의 시간을 오늘도 당신에게 조용히 건네고 싶었어요. " * 2

    with writing({"copy": _spoiled(4, narration=endless.strip())}) as server:
        record, facts = written(placed(local=server))

    board = facts.storyboard
    assert all(fits(scene.narration, scene.duration_seconds, "ko") for scene in board.scenes)
    assert sum(board.scene_frames) == 15 * 24
    assert any("syllables" in line for line in record.details["ours"])


def test_a_product_that_nobody_names_is_named_by_our_own_line(placed: Placed) -> None:
    with writing({"copy": _spoiled(3, narration="물처럼 맑게.")}) as server:
        record, facts = written(placed(local=server))

    said = " ".join(f"{scene.narration} {scene.onscreen_text}" for scene in facts.storyboard.scenes)
    assert "라네즈" in said or "워터 글로우" in said
    assert any("nobody named the product" in line for line in record.details["ours"])


def test_a_fact_that_the_copy_states_carries_its_source(placed: Placed) -> None:
    told = {"narration": "3일 사용 후 92%가 촉촉함에 만족.", "onscreen_text": "92%가 촉촉함에 만족", "facts": ["F1"]}

    with writing({"copy": _spoiled(4, **told)}) as server:  # type: ignore[arg-type]
        record, facts = written(placed(local=server))

    scene = facts.storyboard.scenes[3]
    assert scene.model_extra and scene.model_extra["claim_source"] == "자사 조사 2026, 30명"
    assert scene.onscreen_text == "92%가 촉촉함에 만족\n자사 조사 2026, 30명"
    assert "certification_badge" in scene.brand_elements
    assert {v.name: v.passed for v in record.verdicts}["claim_safety"] is True


def test_korean_headlines_in_an_ad_for_both_are_asked_for_again(placed: Placed) -> None:
    with writing() as server:
        record, facts = written(placed(local=server), language="both", claims=[])
        repairs = [asked.text for asked in server.asked if asked.is_repair]

    assert "holds Korean; write it in English" in repairs[0]
    assert all(scene.onscreen_text.isascii() or "워터" in scene.onscreen_text for scene in facts.storyboard.scenes)
    assert record.degraded


def test_a_fact_that_is_only_said_has_its_source_below_what_is_written(placed: Placed) -> None:
    told = {"narration": "3일 사용 후 92%가 촉촉함에 만족.", "onscreen_text": "오늘의 촉촉함", "facts": []}

    with writing({"copy": _spoiled(4, **told)}) as server:  # type: ignore[arg-type]
        _, facts = written(placed(local=server))

    scene = facts.storyboard.scenes[3]
    assert scene.onscreen_text == "오늘의 촉촉함\n자사 조사 2026, 30명"
    assert scene.model_extra and scene.model_extra["facts"][0]["source"] == "자사 조사 2026, 30명"


def test_what_was_wrong_is_told_in_the_persons_language(placed: Placed) -> None:
    with writing({"copy": _spoiled(2, narration="세상에 없던 최고의 물.")}) as server:
        record, _ = written(placed(local=server))

    assert record.degraded
    why = record.degraded.why_not_wanted()
    assert isinstance(why, Message)
    assert "2번 장면: 브랜드가 피하는 말 '최고'" in why.said_in("ko")


def test_a_copy_that_says_nothing_is_our_own_writers(placed: Placed) -> None:
    def silent(asked: Asked) -> dict[str, Any]:
        told = copy_in("ko")(asked)
        for line in told["scenes"]:
            line["narration"] = ""
        return told

    with writing({"copy": silent}) as server:
        record, facts = written(placed(local=server))

    assert sum(bool(scene.narration) for scene in facts.storyboard.scenes) >= 4
    assert record.degraded and "nobody speaks" in record.degraded.why


def test_a_line_that_is_said_twice_is_said_once(placed: Placed) -> None:
    with writing({"copy": _spoiled(4, narration="괜찮아요, 잠깐 숨을 골라요.")}) as server:
        _, facts = written(placed(local=server))

    said = [scene.narration for scene in facts.storyboard.scenes]
    assert said.count("괜찮아요, 잠깐 숨을 골라요.") == 1
    assert all(said)
