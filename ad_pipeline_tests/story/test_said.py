from __future__ import annotations

import unicodedata
from typing import Literal

import pytest

from ad_pipeline.story.lexicon import Lexicon, Pronunciation
from ad_pipeline.story.said import SaidWord, marks_from_characters, said_words
from ad_pipeline.story.spoken_form import spoken_form
from ad_pipeline_tests.story.said_table import ENGLISH, KOREAN

_ALL: list[tuple[Literal["ko", "en"], str]] = [*(("ko", t) for t in KOREAN), *(("en", t) for t in ENGLISH)]


def test_no_written_word_is_lost_and_what_is_said_is_the_spoken_form() -> None:
    for language, text in _ALL:
        words = said_words(text, language)

        assert " ".join(word.written for word in words).split() == unicodedata.normalize("NFC", text).split()
        assert " ".join(word.said for word in words if word.said) == spoken_form(text, language)


@pytest.mark.parametrize(
    ("text", "language", "written"),
    [
        ("단 29,000 원 😀 으로", "ko", ["단", "29,000 원", "😀", "으로"]),
        ("쿠션 No. 1 과 1 + 1", "ko", ["쿠션", "No. 1", "과", "1 + 1"]),
        ("only 1.7 fl oz today", "en", ["only", "1.7 fl oz", "today"]),
        ("Dr. Jart+ cream", "en", ["Dr. Jart+", "cream"]),
    ],
)
def test_one_spoken_thing_is_one_word(text: str, language: Literal["ko", "en"], written: list[str]) -> None:
    assert [word.written for word in said_words(text, language)] == written


def test_an_emoji_is_a_word_of_which_nothing_is_said() -> None:
    assert said_words("좋아요 😀", "ko") == (
        SaidWord(written="좋아요", said="좋아요"), SaidWord(written="😀", said=""),
    )  # fmt: skip


_WORDS = said_words("단 29,000 원 😀 만나요!", "ko")
_SENT = " ".join(word.said for word in _WORDS if word.said)


def _timed(characters: list[str]) -> tuple[list[str], list[float], list[float]]:
    return characters, [at / 10 for at in range(len(characters))], [(at + 1) / 10 for at in range(len(characters))]


def _expected() -> dict[str, tuple[float, float]]:
    found: dict[str, tuple[float, float]] = {}
    at = 0
    for word in _WORDS:
        if word.said:
            last = len(word.said.rstrip("!"))
            found[word.written] = (at / 10, (at + last) / 10)
            at += len(word.said) + 1
    return found


def test_times_of_characters_go_back_to_written_words() -> None:
    marks = marks_from_characters(_WORDS, *_timed(list(_SENT)))

    assert marks is not None
    assert {text: (start, end) for text, start, end in marks if text != "😀"} == _expected()
    assert [text for text, _, _ in marks] == ["단", "29,000 원", "😀", "만나요!"]
    assert all(a[2] <= b[1] for a, b in zip(marks, marks[1:], strict=False))


def test_audio_tags_and_decomposed_letters_are_understood() -> None:
    tag = list("[excited] ")
    plain = marks_from_characters(_WORDS, *_timed(tag + list(_SENT)))
    pieces = tag + list(unicodedata.normalize("NFD", _SENT))
    decomposed = marks_from_characters(_WORDS, *_timed(pieces))

    assert plain is not None and decomposed is not None
    assert plain[0][1] == pytest.approx(1.0)
    assert decomposed[0][1] == pytest.approx(1.0)
    assert decomposed[3][1] == pytest.approx((len(pieces) - len(unicodedata.normalize("NFD", "만나요!"))) / 10)


def test_the_words_of_an_audio_tag_are_not_taken_for_spoken_ones() -> None:
    sent = list("so [so soft] soft")

    marks = marks_from_characters(said_words("so soft", "en"), *_timed(sent))

    assert marks is not None
    assert [start for _, start, _ in marks] == [0.0, pytest.approx(1.3)]


def test_other_spaces_and_a_missing_end_do_no_harm() -> None:
    spaced = marks_from_characters(_WORDS, *_timed(list(_SENT.replace(" ", "  "))))
    cut = marks_from_characters(_WORDS, *_timed(list(_SENT)[:-2]))

    assert spaced is not None and cut is not None
    assert [text for text, _, _ in spaced] == [word.written for word in _WORDS]
    assert cut[3][1:] == (_expected()["만나요!"][0], (len(_SENT) - 2) / 10)


@pytest.mark.parametrize(
    "given",
    [
        (list("completely other"), [0.0] * 16, [0.1] * 16),
        (list("단"), [0.0], [0.1, 0.2]),
        (list(_SENT), [float("nan")] * len(_SENT), [0.1] * len(_SENT)),
        ([], [], []),
    ],
)
def test_times_of_another_text_are_no_times(given: tuple[list[str], list[float], list[float]]) -> None:
    assert marks_from_characters(_WORDS, *given) is None


def test_a_brand_says_its_own_words() -> None:
    own = Lexicon(own=(Pronunciation(written="글로우온", ko="글로우 온", en="Glow On"),))

    assert spoken_form("글로우온은 3일", "ko", own) == "글로우 온은 삼일"
    assert spoken_form("글로우온 today", "en", own) == "Glow On today"
