from __future__ import annotations

from typing import Any

import pytest

from ad_pipeline.story.casting import chosen_persona
from ad_pipeline_tests.story.samples import BRANDS, a_brief, a_kit


def _chosen(brand_id: str = "laneige", **changes: Any) -> str:
    return chosen_persona(a_brief(brand_id=brand_id, **changes), a_kit(brand_id)).persona.name


@pytest.mark.parametrize(
    ("name", "brand_id", "brief"),
    [
        (
            "heritage_storyteller",
            "sulwhasoo",
            {"product": "고요 인삼 크림", "concept": "할머니의 경대", "goal": "명절 선물", "tone": "warm_professional"},
        ),
        (
            "campus_junior",
            "etude",
            {"product": "젤리팝 틴트", "target_audience": "개강을 앞둔 대학생", "tone": "casual"},
        ),
        (
            "morning_runner",
            "laneige",
            {"product": "워터 선크림", "target_audience": "자전거로 출근하는 30대", "tone": "enthusiastic"},
        ),
        ("city_trendsetter", "hera", {"product": "Rouge City", "target_audience": "nightlife lovers", "tone": "bold"}),
        ("new_mother", "laneige", {"product": "포근 로션", "target_audience": "육아 중인 엄마", "tone": "따뜻하게"}),
    ],
)
def test_auto_casts_whom_the_brief_speaks_for(name: str, brand_id: str, brief: dict[str, Any]) -> None:
    assert _chosen(brand_id, **brief) == name


def test_a_brief_that_asks_gets_whom_it_asks_for_whatever_suits_better() -> None:
    choice = chosen_persona(a_brief(persona="개그 담당", tone="professional"), a_kit("sulwhasoo"))

    assert choice.persona.name == "comedian"
    assert str(choice.why) == "the brief asks for comedian"


def test_the_choice_says_why_in_both_languages() -> None:
    brief = a_brief(product="워터 선크림", target_audience="자전거로 출근하는 30대", tone="enthusiastic")
    why = chosen_persona(brief, a_kit()).why

    assert "자전거" in str(why)
    assert "they speak enthusiastic" in str(why)
    assert "나이대(28~36세)" in why.said_in("ko")
    assert "they" not in why.said_in("ko")


def test_a_name_that_nobody_has_is_said_and_somebody_is_cast() -> None:
    choice = chosen_persona(a_brief(persona="xyzzy"), a_kit())

    assert "'xyzzy'" in str(choice.why)
    assert choice.persona == chosen_persona(a_brief(), a_kit()).persona


def test_the_same_brief_casts_the_same_character_and_quiet_briefs_differ() -> None:
    quiet = [_chosen(product=f"제품 {n}", concept="", tone="casual") for n in range(30)]

    assert quiet == [_chosen(product=f"제품 {n}", concept="", tone="casual") for n in range(30)]
    assert len(set(quiet)) >= 3


@pytest.mark.parametrize("brand_id", BRANDS)
@pytest.mark.parametrize("tone", ["professional", "warm", "casual", "funny", "enthusiastic"])
def test_whoever_is_cast_speaks_the_tone_with_a_voice_that_the_brand_has(brand_id: str, tone: str) -> None:
    persona = chosen_persona(a_brief(brand_id=brand_id, tone=tone), a_kit(brand_id)).persona

    assert tone in persona.tones
    assert persona.gender in ("female", "androgynous")


def test_a_brand_with_a_mans_voice_casts_no_woman() -> None:
    kit = a_kit()
    with_man = kit.model_copy(update={"voice": kit.voice.model_copy(update={"gender": "male"})})

    assert chosen_persona(a_brief(), with_man).persona.gender != "female"
    assert chosen_persona(a_brief(), kit).persona.gender != "male"


def test_a_mature_voice_is_cast_with_somebody_of_its_age() -> None:
    ages = [
        chosen_persona(a_brief(product=f"제품 {n}", concept="", tone="warm"), a_kit("sulwhasoo")).persona.age
        for n in range(20)
    ]

    assert min(oldest for _, oldest in ages) >= 44


def test_the_audiences_age_outweighs_the_voices() -> None:
    for audience, decade in (("20대", 20), ("30대", 30), ("40대", 40)):
        persona = chosen_persona(a_brief(target_audience=audience, concept="", tone="warm"), a_kit("laneige")).persona

        assert any(decade <= age < decade + 10 for age in persona.age), audience


def test_the_product_decides_where_nothing_else_does() -> None:
    assert _chosen(product="코지 시트 마스크팩", concept="", tone="warm_enthusiastic") == "seoul_newcomer"
    assert _chosen(product="달빛 핸드 로션", concept="", tone="warm") == "new_mother"


def test_of_a_word_and_a_longer_one_around_it_the_longer_is_told() -> None:
    kit = a_kit()
    with_man = kit.model_copy(update={"voice": kit.voice.model_copy(update={"gender": "male"})})
    brief = a_brief(product="우리 집 선로션", target_audience="주말이 짧은 아빠", tone="warm_funny")

    choice = chosen_persona(brief, with_man)

    assert choice.persona.name == "weekend_father"
    assert "(선로션)" in str(choice.why)


def test_an_age_in_words_or_figures_casts_somebody_of_that_age() -> None:
    for audience in ("women in their sixties", "60대 여성", "anyone in their 60s"):
        choice = chosen_persona(a_brief(target_audience=audience, tone="warm"), a_kit("sulwhasoo"))

        assert choice.persona.age[1] >= 60, audience
