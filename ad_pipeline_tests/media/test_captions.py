from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Literal

import pytest

from ad_pipeline.media.captions import (
    LINE_CHARACTERS,
    MOST_OFF_S,
    SHORTEST_CUE_S,
    Cue,
    SpokenMark,
    cues_from_marks,
    syllables,
)
from ad_pipeline.media.phrases import break_cost

KOREAN = (
    "건조한 밤에도 피부가 먼저 알아보는 촉촉한 하루의 시작, 물을 머금은 듯 가볍게 스며드는 수분 크림을 지금 만나보세요."
)
ENGLISH = (
    "The first cream that drinks the night air and gives it back to your skin by morning, "
    "without weight, without perfume, and without a single thing that you would have to explain."
)


def _marks(*given: tuple[str, float, float]) -> list[SpokenMark]:
    return [SpokenMark(text=text, start_s=start, end_s=end) for text, start, end in given]


def _by_word(text: str, pace_s: float = 0.35, speaker: str = "", begins_s: float = 0.0) -> list[SpokenMark]:
    words = text.split()
    return [
        SpokenMark(text=w, start_s=begins_s + at * pace_s, end_s=begins_s + (at + 0.9) * pace_s, speaker=speaker)
        for at, w in enumerate(words)
    ]


def _said(cues: Sequence[Cue]) -> list[str]:
    return [" ".join(cue.lines) for cue in cues]


@pytest.mark.parametrize(
    ("text", "language"), [(KOREAN, "ko"), (ENGLISH, "en"), ("https://example.com/" + "a" * 50, "ko")]
)
def test_a_long_sentence_is_shared_among_cues_of_two_lines(text: str, language: Literal["ko", "en"]) -> None:
    cues = cues_from_marks(_marks((text, 0.2, 8.0)), language=language, scene_start_s=3.0, scene_end_s=11.5)

    lines = [line for cue in cues for line in cue.lines]
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert max(map(len, lines)) <= LINE_CHARACTERS[language]
    assert max(len(cue.lines) for cue in cues) <= 2
    assert cues[0].start_s == pytest.approx(3.2)
    assert all(a.end_s <= b.start_s for a, b in itertools.pairwise(cues))
    assert cues[-1].end_s <= 11.5


@pytest.mark.parametrize(("text", "language"), [(KOREAN, "ko"), (ENGLISH, "en")])
def test_each_cue_begins_with_its_first_word(text: str, language: Literal["ko", "en"]) -> None:
    marks = _by_word(text)
    cues = cues_from_marks(marks, language=language, scene_start_s=0, scene_end_s=20)

    at = 0
    for cue in cues:
        words = " ".join(cue.lines).split()
        assert [mark.text for mark in marks[at : at + len(words)]] == words
        assert -MOST_OFF_S - 1e-9 <= cue.start_s - marks[at].start_s <= 1e-9
        at += len(words)
    assert at == len(marks)


def test_cues_break_where_a_clause_ends_and_not_inside_a_phrase() -> None:
    cues = cues_from_marks(_by_word(KOREAN), language="ko", scene_start_s=0, scene_end_s=20)
    english = cues_from_marks(_by_word(ENGLISH), language="en", scene_start_s=0, scene_end_s=20)

    assert any(text.endswith("시작,") for text in _said(cues))
    assert any(text.endswith("morning,") for text in _said(english))
    for cue, following in [*itertools.pairwise(cues), *itertools.pairwise(english)]:
        language = "en" if cue in english else "ko"
        assert break_cost(cue.lines[-1].split()[-1], following.lines[0].split()[0], language) < 2


@pytest.mark.parametrize(
    ("word", "following", "language"),
    [
        ("먹을", "수", "ko"), ("보낸", "것은", "ko"), ("처음", "때부터", "ko"), ("이", "크림을", "ko"),
        ("단", "하루", "ko"), ("볼", "수", "ko"), ("the", "night", "en"), ("with", "water", "en"),
        ("your", "skin", "en"), ("3", "개", "ko"), ("50", "percent", "en"),
    ],
)  # fmt: skip
def test_words_that_belong_together_are_hardly_parted(word: str, following: str, language: Literal["ko", "en"]) -> None:
    assert break_cost(word, following, language) == 3.0
    assert break_cost("끝.", following, language) == 0.0


def test_marks_of_single_words_are_gathered() -> None:
    marks = _marks(
        ("물을", 0.0, 0.3), ("머금은", 0.3, 0.8), ("피부.", 0.8, 1.2), ("지금", 1.25, 2.3), ("만나보세요", 3.4, 4.2)
    )

    cues = cues_from_marks(marks, language="ko", scene_start_s=0, scene_end_s=5)

    assert _said(cues) == ["물을 머금은 피부.", "지금", "만나보세요"]


def test_hurried_sentences_share_a_cue_instead_of_flashing() -> None:
    marks = _marks(("네.", 0.0, 0.2), ("네.", 0.25, 0.45), ("좋아요.", 0.5, 0.9), ("정말 좋아요.", 1.0, 2.2))

    cues = cues_from_marks(marks, language="ko", scene_start_s=0, scene_end_s=3)

    assert min(cue.end_s - cue.start_s for cue in cues) >= SHORTEST_CUE_S - 0.1
    assert " ".join(_said(cues)) == "네. 네. 좋아요. 정말 좋아요."


def test_a_short_cue_stays_long_enough_where_there_is_room() -> None:
    cues = cues_from_marks(
        _marks(("네.", 1.0, 1.1), ("좋아요.", 4.4, 4.6)), language="ko", scene_start_s=0, scene_end_s=5
    )

    assert cues[0].end_s - cues[0].start_s >= SHORTEST_CUE_S - 1e-9
    # Only so much earlier as nobody notices.
    assert (cues[1].start_s, cues[1].end_s) == (pytest.approx(4.4 - MOST_OFF_S), 5)


def test_no_cue_leaves_its_scene_and_no_word_is_lost() -> None:
    marks = _marks(("하나.", -1.0, 0.5), ("둘.", 1.8, 2.6), ("셋.", 2.6, 3.0))

    cues = cues_from_marks(marks, language="ko", scene_start_s=10, scene_end_s=12)

    assert min(c.start_s for c in cues) >= 10
    assert max(c.end_s for c in cues) <= 12
    assert all(a.end_s <= b.start_s for a, b in itertools.pairwise(cues))
    assert " ".join(_said(cues)) == "하나. 둘. 셋."


def test_no_marks_give_no_cues() -> None:
    assert cues_from_marks(_marks(("  ", 0, 1)), language="ko", scene_start_s=0, scene_end_s=5) == ()
    assert cues_from_marks((), language="en", scene_start_s=0, scene_end_s=5) == ()


def test_an_emoji_never_begins_a_cue() -> None:
    marks = _marks(("좋아요!", 0, 1), ("😀", 1, 1), ("✨", 1.6, 1.6), ("다시", 3, 3.5))

    assert _said(cues_from_marks(marks, language="ko", scene_start_s=0, scene_end_s=5)) == ["좋아요! 😀 ✨", "다시"]


def test_a_change_of_speaker_begins_a_new_cue_and_dialogue_has_dashes() -> None:
    marks = [
        *_by_word("이 크림 정말 좋은데?", speaker="지수"),
        *_by_word("그렇지? 나도 매일 아침저녁으로 쓰고 있어.", speaker="민지", begins_s=1.45),
    ]

    cues = cues_from_marks(marks, language="ko", scene_start_s=0, scene_end_s=6)

    assert [cue.speaker for cue in cues][:2] == ["지수", "민지"]
    assert all(cue.lines[0].startswith("- ") and not cue.bare_lines[0].startswith("- ") for cue in cues)
    assert all(len(line) <= LINE_CHARACTERS["ko"] for cue in cues for line in cue.lines)
    assert max(len(cue.lines) for cue in cues) <= 2


def test_one_who_falls_into_anothers_words_has_a_cue_of_their_own() -> None:
    marks = [*_by_word("이 크림", speaker="지수"), *_by_word("정말 좋아", speaker="민지", begins_s=0.7)]

    cues = cues_from_marks(marks, language="ko", scene_start_s=0, scene_end_s=4)

    assert [(cue.speaker, cue.lines) for cue in cues] == [("지수", ("- 이 크림",)), ("민지", ("- 정말 좋아",))]


def test_one_speaker_alone_has_no_dash() -> None:
    cues = cues_from_marks(
        _by_word("이 크림 정말 좋은데?", speaker="지수"), language="ko", scene_start_s=0, scene_end_s=6
    )

    assert cues[0].speaker == "지수"
    assert not cues[0].lines[0].startswith("-")


def test_syllables_are_counted_in_both_scripts() -> None:
    assert (syllables("안녕하세요"), syllables("hello there"), syllables("50%")) == (5, 4, 4)
