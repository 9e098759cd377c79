"""A brief told in conversation: what a line says by rules, what a model may add, what is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from ad_pipeline.stages.briefing import Briefing
from ad_pipeline.story.brief import brief_from_text
from ad_pipeline.story.brief_talk import believed, heard_in, why_wrong
from ad_pipeline.story.room.answers import BriefNotes
from ad_pipeline_tests.language.behaviour import BAD_JSON
from ad_pipeline_tests.room.conftest import Placed
from ad_pipeline_tests.room.writers import role_of, writing

pytestmark = pytest.mark.slow

_BRANDS = {"laneige": ("Laneige", "라네즈"), "hera": ("Hera", "헤라"), "etude": ("Etude", "에뛰드")}


def _heard(line: str, asked: str = "", **known: Any) -> dict[str, Any]:
    return heard_in(line, asked=asked, brands=_BRANDS, known=known)


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        ("라네즈 세럼 15초", 15.0), ("Laneige 15s", 15.0), ("a 15-second ad", 15.0), ("7.5 seconds", 7.5),
        ("1분", 60.0), ("15초 아니고 20초", 20.0), ("not 15 seconds, 20 seconds", 20.0), ("100초", 100.0),
    ],
)  # fmt: skip
def test_a_length_is_heard(line: str, seconds: float) -> None:
    assert _heard(line)["duration"] == seconds


@pytest.mark.parametrize(
    "line",
    ["3초 만에 스며드는 물", "10분 만에", "women in their 20s", "the 90s look", "2020s", "2026년 신제품", "38,000원",
     "$15", "absorbs in 5 seconds", "20s-30s women", "30 percent", "90s style", '"블랙 쿠션 21"'],
)  # fmt: skip
def test_prices_years_ages_and_promises_are_no_lengths(line: str) -> None:
    assert "duration" not in _heard(line)


@pytest.mark.parametrize("line", ["15", "15요", "about 15 please", "15초"])
def test_a_bare_number_is_a_length_where_one_was_asked_for(line: str) -> None:
    assert _heard(line, "duration") == {"duration": 15.0}


@pytest.mark.parametrize("line", ["2026년에", "38,000원이요", "20대", "이천 원", "48%", "2 or 3"])
def test_other_numbers_are_none_even_then(line: str) -> None:
    assert "duration" not in _heard(line, "duration")


def test_several_things_in_one_line_are_all_heard() -> None:
    assert _heard("brand is Hera, product is Black Cushion, 20 seconds, tiktok, vertical video in English") == {
        "brand_id": "hera", "product": "Black Cushion", "duration": 20.0, "channels": ["tiktok"], "formats": ["9:16"],
        "language": "en",
    }  # fmt: skip
    assert _heard("워터 글로우 세럼, 15초, 릴스", "product") == {
        "product": "워터 글로우 세럼", "duration": 15.0, "channels": ["instagram_reels"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("it's called Water Glow Serum", "Water Glow Serum"), ("워터 글로우 세럼이에요", "워터 글로우 세럼"),
        ("“블랙 쿠션 21”", "블랙 쿠션 21"), ("제품명은 블랙 쿠션입니다", None), ("헤라 쿠션", "헤라 쿠션"),
    ],
)  # fmt: skip
def test_the_products_name_is_what_remains_of_the_sentence(line: str, name: str | None) -> None:
    assert _heard(line, "product")["product"] == (name or "제품명은 블랙 쿠션")


def test_a_question_back_is_no_product() -> None:
    assert "product" not in _heard("뭐라고요?", "product")
    assert "product" not in _heard("I'd like a hook, it's nice")
    assert "product" not in _heard("제품 소개 영상 15초")


def test_brands_are_words_of_their_own() -> None:
    assert "brand_id" not in _heard("there is a cherry")
    assert _heard("헤라로 해 주세요")["brand_id"] == "hera"
    assert _heard("라네즈 말고 헤라")["brand_id"] == "hera"


def test_stories_and_feeds_are_channels_only_where_channels_are_meant() -> None:
    assert "channels" not in _heard("a story about a girl who feeds a cat", "concept")
    assert _heard("stories, feed", "channels")["channels"] == ["instagram_stories", "instagram_feed"]
    assert _heard("Instagram stories")["channels"] == ["instagram_stories"]
    assert "formats" not in _heard("가로수길의 네모난 햇살, a square jar", "concept")


def test_an_idea_changes_nothing_that_is_known() -> None:
    heard = _heard("헤라보다 맑은 20초의 물", "concept", brand_id="laneige", duration=15.0)

    assert heard == {"concept": "헤라보다 맑은 20초의 물"}


@pytest.mark.parametrize("line", ["no, 20 seconds", "아니 20초", "아니요, 20초로 바꿔 주세요", "actually make it 20s"])
def test_a_changed_mind_is_heard_and_is_no_answer_to_what_was_asked(line: str) -> None:
    assert _heard(line, "concept", duration=15.0) == {"duration": 20.0}


def test_claims_come_with_their_source_and_add_up() -> None:
    first = _heard("3일 사용 후 92%가 만족 (출처: 자사 조사 2026, 30명)", "concept")
    second = _heard("claim: 48h moisture, source: own test", "tone", **first)

    assert first == {"claims": [{"text": "3일 사용 후 92%가 만족", "source": "자사 조사 2026, 30명"}]}
    assert [claim["source"] for claim in second["claims"]] == ["자사 조사 2026, 30명", "own test"]


@pytest.mark.parametrize(
    "told",
    [
        {"brand_id": "hera"}, {"product": "세럼 골드"}, {"duration": 30}, {"channels": ("tiktok",)},
        {"concept": "a yacht at sunset"}, {"claims": ({"text": "92% 만족", "source": "학회지"},)},
        {"claims": ({"text": "100% 만족", "source": "영상"},)}, {"duration": 20},
    ],
)  # fmt: skip
def test_a_models_note_that_nobody_said_is_not_believed(told: dict[str, Any]) -> None:
    said = "라네즈 워터 세럼 15초 영상이요.\n20대 여성, 92% 만족"

    assert believed(BriefNotes.model_validate(told), said, brands=_BRANDS) == {}


def test_a_models_note_is_believed_where_it_was_said() -> None:
    said = "라네즈 워터 세럼 15초, 틱톡. 물방울이 퍼지는 아침. 92% 만족, 자사 조사"
    told = {
        "brand_id": "laneige", "product": "워터 세럼", "duration": 15.0, "channels": ["tiktok"],
        "concept": "물방울이 퍼지는 아침", "claims": [{"text": "92% 만족", "source": "자사 조사"}],
    }  # fmt: skip

    assert believed(BriefNotes.model_validate(told), said, brands=_BRANDS) == told


def _talk(briefing: Briefing, *lines: str) -> list[str]:
    """The fields that are asked for behind each line; "!" before one whose line was wrong."""
    asked: list[str] = []
    for line in lines:
        wrong = briefing.hear(line)
        asked.append(("!" if wrong else "") + briefing.question()[0])
    return asked


def test_without_a_model_missing_fields_are_asked_for_one_by_one(placed: Placed) -> None:
    briefing = Briefing(workplace=placed(), language="ko")

    asked = _talk(
        briefing,
        "안녕하세요",
        "라네즈",
        "몰라요",
        "워터 글로우 세럼",
        "100초",
        "15",
        "",
        "전광판",
        "전광판",
        "그냥",
        "없음",
    )

    assert briefing.why_no_model
    assert asked == ["brand_id", "product", "product", "duration", "!duration", "concept", "target_audience",
                     "channels", "channels", "tone", ""]  # fmt: skip
    assert briefing.is_whole
    assert yaml.safe_load(briefing.text()) == {
        "brand_id": "laneige", "product": "워터 글로우 세럼", "duration": 15.0, "target_audience": "전광판",
    }  # fmt: skip


@pytest.fixture
def briefing(placed: Placed) -> Iterator[Briefing]:
    """A conversation with a model that takes nothing down."""
    with writing() as server:
        yield Briefing(workplace=placed(local=server), language="ko")


def test_a_model_betters_the_words_and_cannot_bring_an_old_length_back(placed: Placed) -> None:
    noted = {"brand_id": "laneige", "product": "워터 세럼", "duration": 15, "concept": "비 온 뒤의 창가"}
    with writing({"brief": noted}) as server:
        briefing = Briefing(workplace=placed(local=server), language="ko")
        asked = _talk(briefing, "라네즈 워터 세럼이고 15초, 비 온 뒤의 창가 같은 느낌이요", "아니 20초로 바꿔 주세요")
        roles = [role_of(asked) for asked in server.asked]

    assert roles == ["brief", "brief"] and not briefing.why_no_model
    assert asked == ["target_audience", "target_audience"]
    assert briefing.notes == {
        "brand_id": "laneige", "product": "워터 세럼", "duration": 20.0, "concept": "비 온 뒤의 창가",
    }  # fmt: skip


def test_a_model_that_invents_adds_nothing(placed: Placed) -> None:
    invented = {"brand_id": "hera", "product": "골드 크림", "duration": 30, "channels": ["tiktok"], "tone": "funny"}
    with writing({"brief": invented}) as server:
        briefing = Briefing(workplace=placed(local=server), language="en")
        _talk(briefing, "Laneige please, something calm")

    assert briefing.notes == {"brand_id": "laneige"}


def test_a_model_that_talks_nonsense_is_asked_no_more(placed: Placed) -> None:
    with writing() as server:
        server.behave([BAD_JSON] * 9)
        briefing = Briefing(workplace=placed(local=server), language="ko")
        _talk(briefing, "라네즈 15초")
        before = len(server.asked)
        _talk(briefing, "워터 세럼")

        assert len(server.asked) == before
    assert briefing.notes == {"brand_id": "laneige", "duration": 15.0, "product": "워터 세럼"}
    assert briefing.why_no_model


@pytest.mark.parametrize("bad", ["x" * 300, "세럼 \x1b[31m", "세럼 \U0001f9ff\U000e0001"])
def test_what_no_ad_can_say_is_told_back_and_not_kept(briefing: Briefing, bad: str) -> None:
    asked = _talk(briefing, "라네즈 15초", bad, "워터 세럼")

    assert asked == ["product", "!product", "concept"]
    assert briefing.notes["product"] == "워터 세럼"


def test_every_fault_of_a_line_is_kept_out(briefing: Briefing) -> None:
    assert _talk(briefing, f'라네즈, 900초, 제품명은 {"가" * 500}', f'라네즈, 900초, "{"가" * 50}"') == [
        "!product", "!duration"
    ]  # fmt: skip
    assert why_wrong(briefing.notes) is None
    assert set(briefing.notes) == {"brand_id", "product"}


def test_a_whole_conversation_gives_a_brief_that_can_be_read(briefing: Briefing) -> None:
    _talk(briefing, 'Hera "Black Cushion" 20 seconds on TikTok and YouTube Shorts, 9:16', "city lights: \"noir\" & #1",
          "claim: 24h wear, source: own test, 2026", "", "professional, a bit funny")  # fmt: skip
    brief = brief_from_text(briefing.text())

    assert (brief.brand_id, brief.product, brief.duration) == ("hera", "Black Cushion", 20)
    assert brief.channels == ("tiktok", "youtube_shorts")
    assert brief.concept == 'city lights: "noir" & #1'
    assert [(claim.text, claim.source) for claim in brief.claims] == [("24h wear", "own test, 2026")]
    assert brief.tone == "professional, a bit funny"
