from __future__ import annotations

import re
import time
from typing import Any

import pytest

from ad_pipeline.engines.animatic.story import TemplateWriter
from ad_pipeline.engines.animatic.writing.shelf import all_categories, all_motifs, category_of, frames, motifs_of
from ad_pipeline.engines.animatic.writing.wording import filled, is_clean, on_screen, sayable, short_name, shorter_parts
from ad_pipeline.engines.contracts import Job
from ad_pipeline.engines.crafts.story import StoryRequest
from ad_pipeline.media.time import FILM
from ad_pipeline.story.brief import Brief, StoryLanguage
from ad_pipeline.story.claims import flags_of
from ad_pipeline.story.personas import personas
from ad_pipeline.story.speaking import fits
from ad_pipeline.story.storyboard import Storyboard, storyboard_from_text
from ad_pipeline.story.tones import tones_of
from ad_pipeline_tests.story.samples import BRANDS, a_brief, a_kit

CLAIM = {"text": "3일 사용 후 92%가 촉촉함에 만족", "source": "예시 자료"}
TRICKY = [
    '"따옴표" {중괄호} %d %(x)s <product> \\ 세럼',
    "セラム 🧴✨ serum",
    "سيروم الماء",
    "a" * 200,
    "아주 " * 60 + "긴 크림",
    "<open> <pain:은>",
]


def _written(brief: Brief, brand_id: str = "", seed: int = 7, **kit: Any) -> Storyboard:
    request = StoryRequest(brief=brief, kit=a_kit(brand_id or brief.brand_id, **kit), seed=seed)
    return TemplateWriter().write_storyboard(request, Job(job_id="x"))[0]


def _said(storyboard: Storyboard) -> str:
    return " ".join(f"{scene.narration} {scene.onscreen_text}" for scene in storyboard.scenes)


@pytest.mark.parametrize("brand_id", BRANDS)
@pytest.mark.parametrize("duration", [6, 7.3, 15, 24.5, 30, 60])
@pytest.mark.parametrize("language", ["ko", "en"])
def test_every_narration_fits_its_scene_and_the_sum_is_exact(brand_id: str, duration: float, language: str) -> None:
    for seed in range(4):
        storyboard = _written(a_brief(brand_id=brand_id, duration=duration, language=language), seed=seed)

        assert sum(storyboard.scene_frames) == FILM.frames(duration)
        speed = a_kit(brand_id).voice.speed
        for scene in storyboard.scenes:
            assert not scene.narration or fits(
                scene.narration, scene.duration_seconds + 1e-6, storyboard.language, speed
            )


@pytest.mark.parametrize("count", range(2, 13))
@pytest.mark.parametrize("duration", [6, 60])
def test_the_briefs_scene_count_wins(count: int, duration: float) -> None:
    storyboard = _written(a_brief(duration=duration, scene_count=count))

    assert len(storyboard.scenes) == count
    assert storyboard.scenes[0].purpose == "hook"
    assert storyboard.scenes[-1].purpose == "cta"
    assert all(scene.duration_seconds >= 0.5 for scene in storyboard.scenes)


def test_five_scenes_tell_the_arc() -> None:
    purposes = [scene.purpose for scene in _written(a_brief()).scenes]

    assert purposes == ["hook", "problem", "solution", "social_proof", "cta"]


def test_every_scene_of_a_fifteen_second_ad_speaks() -> None:
    for seed in range(10):
        assert all(scene.narration for scene in _written(a_brief(claims=[CLAIM]), seed=seed).scenes)


def test_writing_takes_milliseconds() -> None:
    brief = a_brief(claims=[CLAIM])
    _written(brief)

    started = time.process_time()
    for seed in range(10):
        _written(brief, seed=seed)

    assert (time.process_time() - started) / 10 < 0.1


def test_seeds_give_different_words_and_the_same_seed_the_same() -> None:
    brief = a_brief(duration=30)

    told = {_written(brief, seed=seed).to_json() for seed in range(8)}

    assert len(told) >= 6
    assert _written(brief, seed=3) == _written(brief, seed=3)


def test_an_ad_is_about_its_brief() -> None:
    storyboard = _written(a_brief())

    assert "워터 글로우 세럼" in _said(storyboard)
    assert "맑은 피부" in _said(storyboard)
    assert "office" in storyboard.scenes[0].image_prompt
    assert "dropper" in storyboard.scenes[2].image_prompt


def test_even_two_scenes_name_the_product() -> None:
    assert "워터 글로우 세럼" in _said(_written(a_brief(duration=6, scene_count=2))).replace("\n", " ")


def test_a_claim_is_said_word_for_word_with_its_source() -> None:
    proof = _written(a_brief(claims=[CLAIM])).scenes[3]

    assert CLAIM["text"] in proof.narration
    assert CLAIM["source"] in proof.onscreen_text
    assert "certification_badge" in proof.brand_elements


def test_nothing_is_claimed_without_a_source() -> None:
    for seed in range(12):
        storyboard = _written(a_brief(duration=30, concept="주름 개선 효과 99% 임상 입증"), seed=seed)

        assert not any(mark in _said(storyboard) for mark in ("%", "임상", "효과", "개선", "입증"))
        assert all("certification_badge" not in scene.brand_elements for scene in storyboard.scenes)


def test_a_claim_that_no_source_makes_right_is_not_said() -> None:
    storyboard = _written(a_brief(claims=[{"text": "항균 99% 확인", "source": "대학 병원"}, CLAIM]))

    assert "항균" not in _said(storyboard)
    assert CLAIM["text"] in _said(storyboard).replace("\n", " ")


def test_a_kits_own_words_that_may_not_be_said_give_way() -> None:
    storyboard = _written(a_brief(), cta_ko="2주 만에 미백 확인", tagline_ko="부작용 없는 맑은 세럼")

    assert "지금 만나보세요" in _said(storyboard)
    assert not any(word in _said(storyboard) for word in ("미백", "부작용"))


def _shelf(language: StoryLanguage) -> list[str]:
    """Every sentence and phrase that the writer has, its slots as words of no meaning."""
    told = [s for tones in frames(language).values() for sentences in tones.values() for s in sentences]
    for category in all_categories():
        words = category.words[language]
        told += [words.noun, *words.pains, *words.feels, *words.moments, *words.reads]
    told += [text for motif in all_motifs() for text in motif.opens[language]]
    told += [text for p in personas().values() for text in (*p.openers[language], *p.speech[language].turns)]
    return [re.sub(r"<[^>]+>", "달빛" if language == "ko" else "moonlight", text) for text in told]


@pytest.mark.parametrize("language", ["ko", "en"])
def test_nothing_on_the_writers_shelf_needs_proof(language: StoryLanguage) -> None:
    shelf = _shelf(language)

    assert len(shelf) > 350
    assert [(text, flag.rule.name) for text in shelf for flag in flags_of(text, language)] == []


@pytest.mark.parametrize("name", personas())
@pytest.mark.parametrize("language", ["ko", "en"])
def test_whoever_speaks_the_words_fit_and_need_no_proof(name: str, language: StoryLanguage) -> None:
    brief = a_brief(persona=name, duration=30, language=language)
    openers = [opener for opener in personas()[name].openers[language] if opener]

    told = [_written(brief, seed=seed) for seed in range(4)]

    assert {storyboard.persona for storyboard in told} == {name}
    assert not openers or any(board.scenes[0].narration.startswith(o) for board in told for o in openers)
    for board in told:
        assert all(fits(s.narration, s.duration_seconds + 1e-6, language) for s in board.scenes if s.narration)
        assert flags_of(_said(board), language, names=[brief.product]) == ()


@pytest.mark.parametrize("language", ["ko", "en"])
def test_every_picture_is_described_in_the_ads_language_without_a_claim(language: StoryLanguage) -> None:
    for category in all_categories():
        product = f"라네즈 {category.words[language].noun}"
        board = _written(a_brief(language=language, product=product, duration=20))
        for scene in board.scenes:
            assert scene.description and scene.description.endswith(".")
            assert flags_of(scene.description, language) == ()
            assert any("가" <= letter <= "힣" for letter in scene.description) == (language == "ko")


def test_words_to_avoid_never_appear() -> None:
    avoided = ("하루", "피부", "지금")
    for seed in range(12):
        storyboard = _written(a_brief(duration=30, claims=[CLAIM]), seed=seed, words_to_avoid=avoided)

        assert not any(word in _said(storyboard) for word in avoided)


@pytest.mark.parametrize("product", TRICKY)
@pytest.mark.parametrize("language", ["ko", "en"])
def test_any_product_name_makes_a_storyboard(product: str, language: str) -> None:
    storyboard = _written(a_brief(product=product, concept=f"{product} {{0}} %s", language=language))

    assert storyboard_from_text(storyboard.to_json()) == storyboard


def test_slots_in_a_name_are_not_filled_again() -> None:
    assert filled("<product:은> 좋다.", {"product": "<brand> 크림"}, "ko") == "<brand> 크림은 좋다."


def test_on_screen_text_is_short_and_never_cut_inside_a_word() -> None:
    for seed in range(6):
        for scene in _written(a_brief(duration=30), seed=seed).scenes:
            lines = scene.onscreen_text.splitlines()
            assert len(lines) <= 2
            assert all(len(line) <= 16 for line in lines)
    assert on_screen("아주아주아주아주아주아주아주아주긴말", "ko") == ""
    assert on_screen("물을 머금은 듯 맑게 빛나는 피부", "ko") == "물을 머금은 듯\n맑게 빛나는 피부"


@pytest.mark.parametrize("language", ["ko", "en"])
def test_whatever_is_only_read_fits_two_lines(language: StoryLanguage) -> None:
    for category in all_categories():
        assert len(category.words[language].reads) == 4
        assert all(on_screen(text, language) for text in category.words[language].reads)


def test_a_long_ad_has_something_to_read_in_most_scenes() -> None:
    for seed in range(6):
        scenes = _written(a_brief(duration=60), seed=seed).scenes

        assert sum(bool(scene.onscreen_text) for scene in scenes) >= 8


def test_neighbouring_scenes_move_differently() -> None:
    scenes = _written(a_brief(duration=60)).scenes

    assert all(one.motion_style != two.motion_style for one, two in zip(scenes, scenes[1:], strict=False))


def test_tone_changes_how_it_is_said() -> None:
    spoken = {tone: _said(_written(a_brief(tone=tone, concept=""))) for tone in ("professional", "casual", "funny")}

    assert len(set(spoken.values())) == 3
    assert "니다" in spoken["professional"]


def test_a_persona_opens_in_its_own_way() -> None:
    storyboard = _written(a_brief(persona="comedian", duration=30))

    assert storyboard.persona == "comedian"
    assert storyboard.scenes[0].narration.startswith(("자, 주목!", "긴급 속보!"))


@pytest.mark.parametrize(
    ("product", "category"),
    [
        ("워터 글로우 세럼", "serum"),
        ("데일리 선크림 SPF50+", "sunscreen"),
        ("인삼 크림", "cream"),
        ("Velvet Lip Tint", "lipstick"),
        ("슬리핑 마스크", "mask"),
        ("버블 클렌징 폼", "cleanser"),
        ("Silk Shampoo", "shampoo"),
        ("블랙 쿠션", "cushion"),
        ("온기 핸드크림", "body"),
        ("비트 헤어 미스트", "hair"),
        ("Cleansing Oil", "cleanser"),
        ("글리터 라이너", "eyes"),
        ("Eau de Stairwell", "perfume"),
        ("Noise Cancelling Headphones", "neutral"),
        ("sundown jacket", "neutral"),
    ],
)
def test_the_kind_of_product_is_found_in_its_name(product: str, category: str) -> None:
    assert category_of(product).name == category


def test_a_motif_is_a_word_of_its_own() -> None:
    assert [motif.name for motif in motifs_of("선물을 고른다")] == ["gift"]
    assert [motif.name for motif in motifs_of("물을 머금은 사무실")] == ["water", "office"]


def test_compound_tones_keep_their_order() -> None:
    assert tones_of("professional_warm") == ("professional", "warm")
    assert tones_of("따뜻하고 유머 있게") == ("warm", "funny")
    assert tones_of("???") == ("warm", "professional")


def test_a_concept_is_said_politely_and_notes_about_the_film_are_left_out() -> None:
    concept = "아침을 시작한다. 광고는 밝게 보여준다. 주름을 치료한다. 함께 먹는다."

    assert sayable(concept, "ko") == ("아침을 시작합니다", "함께 먹습니다")
    assert sayable("비가 향이 된다. 밤이 끝났다. 불을 켠다. 문이 있다.", "ko") == (
        "비가 향이 됩니다",
        "밤이 끝났습니다",
        "불을 켭니다",
        "문이 있습니다",
    )


def test_a_concept_says_nothing_that_needs_proof_but_for_what_the_products_name_says() -> None:
    concept = "판매 1위의 아침. 물처럼 가벼운 자외선 차단. 구름 한 점 없는 길"

    assert sayable(concept, "ko") == ("구름 한 점 없는 길",)
    assert sayable(concept, "ko", names=["워터 선크림"]) == ("물처럼 가벼운 자외선 차단", "구름 한 점 없는 길")


def test_a_part_of_a_sentence_stands_alone_only_when_it_says_something() -> None:
    assert shorter_parts("A bee, a spoon and a very shiny smile", "en") == ()
    assert shorter_parts("First winter in Seoul, a radiator that sings", "en") == ("First winter in Seoul",)


def test_a_long_name_is_shortened_at_a_word() -> None:
    assert short_name("블루 히알루로닉 인텐시브 모이스처 세럼 50ml", "ko", "세럼") == "블루 히알루로닉 인텐시브"
    assert short_name("a" * 60, "ko", "세럼") == "이 세럼"


def test_a_latin_word_to_avoid_counts_only_whole() -> None:
    assert is_clean("A healthy glow", ["heal"])
    assert not is_clean("We heal skin", ["heal"])
