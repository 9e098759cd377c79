import itertools
from typing import Literal

import pytest

from ad_pipeline.media.captions import LINE_CHARACTERS, Cue, cues_from_marks, syllables, to_srt, to_vtt

KOREAN = (
    "건조한 밤에도 피부가 먼저 알아보는 촉촉한 하루의 시작, 물을 머금은 듯 가볍게 스며드는 수분 크림을 지금 만나보세요."
)
ENGLISH = (
    "The first cream that drinks the night air and gives it back to your skin by morning, "
    "without weight, without perfume, and without a single thing that you would have to explain."
)


@pytest.mark.parametrize(
    ("text", "language"), [(KOREAN, "ko"), (ENGLISH, "en"), ("https://example.com/" + "a" * 50, "ko")]
)
def test_a_long_sentence_is_shared_among_cues_of_two_lines(text: str, language: Literal["ko", "en"]) -> None:
    cues = cues_from_marks([(text, 0.2, 8.0)], language=language, scene_start_s=3.0, scene_end_s=11.5)

    lines = [line for cue in cues for line in cue.lines]
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert max(map(len, lines)) <= LINE_CHARACTERS[language]
    assert max(len(cue.lines) for cue in cues) <= 2
    assert cues[0].start_s == pytest.approx(3.2)
    assert all(a.end_s <= b.start_s for a, b in itertools.pairwise(cues))
    assert cues[-1].end_s <= 11.5


def test_words_stay_whole() -> None:
    cues = cues_from_marks([(KOREAN, 0, 8)], language="ko", scene_start_s=0, scene_end_s=9)

    assert " ".join(line for cue in cues for line in cue.lines) == KOREAN


def test_marks_of_single_words_are_gathered() -> None:
    marks = [
        ("물을", 0.0, 0.3),
        ("머금은", 0.3, 0.8),
        ("피부.", 0.8, 1.2),
        ("지금", 1.25, 1.6),
        ("만나보세요", 3.4, 4.2),
    ]

    cues = cues_from_marks(marks, language="ko", scene_start_s=0, scene_end_s=5)

    assert [" ".join(cue.lines) for cue in cues] == ["물을 머금은 피부.", "지금", "만나보세요"]


def test_a_short_cue_stays_long_enough_where_there_is_room() -> None:
    cues = cues_from_marks([("네.", 1.0, 1.1), ("좋아요.", 4.9, 5.0)], language="ko", scene_start_s=0, scene_end_s=5)

    assert all(cue.end_s - cue.start_s >= 0.9 - 1e-9 for cue in cues)
    assert cues[-1].end_s == 5


def test_no_cue_leaves_its_scene_and_no_word_is_lost() -> None:
    marks = [("하나.", -1.0, 0.5), ("둘.", 1.8, 2.6), ("셋.", 2.6, 3.0)]

    cues = cues_from_marks(marks, language="ko", scene_start_s=10, scene_end_s=12)

    assert min(c.start_s for c in cues) >= 10
    assert max(c.end_s for c in cues) <= 12
    assert " ".join(line for c in cues for line in c.lines) == "하나. 둘. 셋."


def test_no_marks_give_no_cues() -> None:
    assert cues_from_marks([("  ", 0, 1)], language="ko", scene_start_s=0, scene_end_s=5) == ()
    assert to_srt(()) == ""


def test_markup_and_arrows_in_the_text_are_safe() -> None:
    cue = Cue(start_s=3661.2345, end_s=3662.0, lines=("a --> b\n\n<i>&", "{\\an8}x"), speaker="지수")

    assert to_srt([cue]) == "1\n01:01:01,234 --> 01:01:02,000\na → b\n‹i›&\n(\\an8}x\n"
    assert to_vtt([cue]) == "WEBVTT\n\n01:01:01.234 --> 01:01:02.000\n<v 지수>a --&gt; b\n&lt;i&gt;&amp;\n{\\an8}x\n"


def test_syllables_are_counted_in_both_scripts() -> None:
    assert (syllables("안녕하세요"), syllables("hello there"), syllables("50%")) == (5, 4, 4)
