from __future__ import annotations

import pytest

from ad_pipeline.story.numerals import english, native_korean, sino_korean
from ad_pipeline.story.speaking import AIR_S, fits, needed_seconds, spoken_seconds
from ad_pipeline.story.spoken_form import clauses_of, spoken_form


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("2만9천원", "이만 구천원"),
        ("₩29,000", "이만구천 원"),
        ("50% 할인", "오십 퍼센트 할인"),
        ("SPF50+ PA++++", "에스피에프 오십 플러스 피에이 포 플러스"),
        ("3일", "삼일"),
        ("48시간", "사십팔 시간"),
        ("2시간", "두 시간"),
        ("3개", "세 개"),
        ("10ml", "십 밀리리터"),
        ("3~5일", "삼에서 오일"),
        ("1.5배", "일점오배"),
        ("1+1", "원 플러스 원"),
        ("No.1", "넘버원"),
        ("1:1 상담", "일 대 일 상담"),
        ("좋아요 😀✨", "좋아요"),
        ("Hydra 세럼", "하이드라 세럼"),
    ],
)
def test_korean_is_written_as_it_is_said(written: str, said: str) -> None:
    assert spoken_form(written, "ko") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("92% after 3 days", "ninety-two percent after three days"),
        ("SPF50+", "S P F fifty plus"),
        ("10ml of water", "ten milliliters of water"),
        ("$30", "thirty dollars"),
        ("a 3-day trip", "a three-day trip"),
        ("don’t", "don't"),
    ],
)
def test_english_is_written_as_it_is_said(written: str, said: str) -> None:
    assert spoken_form(written, "en") == said


def test_numbers_are_said_in_both_languages() -> None:
    assert [sino_korean(d) for d in ("0", "10", "105", "10000", "29000", "123456789")] == [
        "영", "십", "백오", "만", "이만구천", "일억이천삼백사십오만육천칠백팔십구",
    ]  # fmt: skip
    assert [native_korean(n) for n in (1, 12, 20, 21, 48)] == ["한", "열두", "스무", "스물한", "사십팔"]
    assert [english(d) for d in ("0", "13", "48", "105", "29000", "1.5", "007")] == [
        "zero", "thirteen", "forty-eight", "one hundred five", "twenty-nine thousand", "one point five",
        "zero zero seven",
    ]  # fmt: skip


def test_clauses_end_where_a_speaker_breathes_and_never_inside_a_number() -> None:
    assert clauses_of("단 3일, 1.5배 촉촉! 29,000원… 네?") == ("단 3일,", "1.5배 촉촉!", "29,000원…", "네?")
    assert clauses_of("No.1 쿠션. 3~5일") == ("No.1 쿠션.", "3~5일")
    assert clauses_of("…!! 😀") == ()


def test_nothing_spoken_takes_no_time() -> None:
    assert spoken_seconds("", "ko") == 0
    assert needed_seconds("😀 …", "en") == 0


def test_a_scene_needs_air_on_both_sides() -> None:
    text = "지금 만나보세요."

    assert needed_seconds(text, "ko") == pytest.approx(spoken_seconds(text, "ko") + 2 * AIR_S)
    assert fits(text, needed_seconds(text, "ko"), "ko")
    assert not fits(text, needed_seconds(text, "ko") - 0.01, "ko")


def test_faster_speech_and_shorter_text_take_less_time() -> None:
    assert spoken_seconds("맑은 피부", "ko", 1.2) < spoken_seconds("맑은 피부", "ko")
    assert spoken_seconds("맑은 피부", "ko") < spoken_seconds("물을 머금은 듯 맑은 피부", "ko")
    assert spoken_seconds("50%", "ko") > spoken_seconds("오", "ko")
