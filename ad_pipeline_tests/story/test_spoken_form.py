from __future__ import annotations

import re
import time
import unicodedata

import pytest

from ad_pipeline.story.numerals import english, english_ordinal, english_year, native_korean, sino_korean
from ad_pipeline.story.speaking import AIR_S, fits, needed_seconds, spoken_seconds
from ad_pipeline.story.spoken_form import clauses_of, spoken_form
from ad_pipeline_tests.story.said_table import ENGLISH, KOREAN


@pytest.mark.parametrize("written", KOREAN)
def test_korean_is_written_as_it_is_said(written: str) -> None:
    assert spoken_form(written, "ko") == KOREAN[written]


@pytest.mark.parametrize("written", ENGLISH)
def test_english_is_written_as_it_is_said(written: str) -> None:
    assert spoken_form(written, "en") == ENGLISH[written]


def test_what_is_said_holds_no_digit_and_no_letter_of_the_other_script() -> None:
    assert not [said for said in (*KOREAN.values(), *ENGLISH.values()) if re.search(r"\d", said)]
    assert not [said for said in KOREAN.values() if re.search(r"[A-Za-z]", said)]
    assert not [said for said in ENGLISH.values() if re.search(r"[가-힣]", said)]


def test_decomposed_hangul_is_read_like_composed() -> None:
    written = "29,000원 라네즈, 3개"

    assert spoken_form(unicodedata.normalize("NFD", written), "ko") == spoken_form(written, "ko")


@pytest.mark.parametrize(
    "strange",
    ["", " ", "…", "😀😀", "\x00", "1" * 400, "1,2,3,,,4", "9" * 30 + "원", "+++", "#", "@", "://", "1/0", "99:99"],
)
def test_strange_text_is_read_somehow(strange: str) -> None:
    for language in ("ko", "en"):
        said = spoken_form(strange, language)

        assert not re.search(r"[\d+@#/]", said)


def test_long_text_is_read_in_no_time() -> None:
    began = time.process_time()

    for text in ("가나다 " * 2000, "a" * 8000, "1-" * 4000, "a.b" * 2500, "1, " * 3000):
        spoken_form(text, "ko")
        spoken_form(text, "en")

    assert time.process_time() - began < 6


def test_numbers_are_said_in_both_languages() -> None:
    assert [sino_korean(d) for d in ("0", "10", "105", "10000", "29000", "123456789")] == [
        "영", "십", "백오", "만", "이만구천", "일억이천삼백사십오만육천칠백팔십구",
    ]  # fmt: skip
    assert [native_korean(n) for n in (1, 12, 20, 21, 48)] == ["한", "열두", "스무", "스물한", "마흔여덟"]
    assert [native_korean(n, most=39) for n in (30, 48, 100)] == ["서른", "사십팔", "백"]
    assert [english_ordinal(n) for n in (1, 2, 12, 20, 31, 100)] == [
        "first", "second", "twelfth", "twentieth", "thirty-first", "one hundredth",
    ]  # fmt: skip
    assert [english_year(n) for n in (1900, 1905, 1994, 2000, 2007, 2026)] == [
        "nineteen hundred", "nineteen oh five", "nineteen ninety-four", "two thousand", "two thousand seven",
        "twenty twenty-six",
    ]  # fmt: skip
    assert [english(d) for d in ("0", "13", "48", "105", "29000", "1.5", "007")] == [
        "zero", "thirteen", "forty-eight", "one hundred five", "twenty-nine thousand", "one point five",
        "zero zero seven",
    ]  # fmt: skip


def test_clauses_end_where_a_speaker_breathes_and_never_inside_a_number() -> None:
    assert clauses_of("단 3일, 1.5배 촉촉! 29,000원… 네?") == ("단 3일,", "1.5배 촉촉!", "29,000원…", "네?")
    assert clauses_of("No.1 쿠션. 3~5일") == ("No.1 쿠션.", "3~5일")
    assert clauses_of("…!! 😀") == ()
    assert clauses_of("10:30에 Dr.Jart+ 크림, laneige.com에서.") == ("10:30에 Dr.Jart+ 크림,", "laneige.com에서.")
    assert clauses_of("See you at 7 p.m. tonight. Bring $29.90.") == ("See you at 7 p.m. tonight.", "Bring $29.90.")


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
