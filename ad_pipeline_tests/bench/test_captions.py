from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import pytest

from ad_pipeline.media.captions import LINE_CHARACTERS, cues_from_marks
from ad_pipeline_tests.bench.caption_texts import ENGLISH, KOREAN
from ad_pipeline_tests.bench.captions import (
    LEAST_NEAR,
    Marker,
    by_characters,
    by_clauses,
    by_clauses_and_sound,
    by_sound,
    tallied,
)
from ad_pipeline_tests.bench.fluent_lines import fluent_line
from ad_pipeline_tests.bench.laid_words import SPEAKERS, LaidLine, laid_line


@cache
def _lines() -> tuple[LaidLine, ...]:
    korean, english = SPEAKERS["ko"][-1], SPEAKERS["en"][-1]
    return (
        *(laid_line(KOREAN[at], "ko", korean, seed=7) for at in (1, 9)),
        *(laid_line(ENGLISH[at], "en", english, seed=7) for at in (1, 8)),
    )


@cache
def _fluent() -> tuple[LaidLine, ...]:
    return (
        *(fluent_line(KOREAN[at], "ko", SPEAKERS["ko"][-1]) for at in (3, 9)),
        *(fluent_line(ENGLISH[at], "en", SPEAKERS["en"][-1]) for at in (4, 6)),
    )


@pytest.mark.parametrize("marker", [by_characters, by_clauses, by_clauses_and_sound, by_sound])
def test_cues_of_connected_speech_begin_with_their_words(marker: Marker) -> None:
    tally = tallied(_fluent(), marker)

    assert tally.cues >= 8
    assert (tally.overlaps, tally.outside) == (0, 0)
    assert tally.share >= (0.85 if marker is by_clauses else 0.9)


@pytest.mark.parametrize("marker", [by_characters, by_clauses, by_clauses_and_sound, by_sound])
def test_cues_of_real_speech_begin_with_their_words(marker: Marker) -> None:
    tally = tallied(_lines(), marker)

    assert tally.cues >= 8
    assert (tally.overlaps, tally.outside) == (0, 0)
    assert tally.share >= (0.85 if marker is by_clauses else LEAST_NEAR)


def test_laid_words_stand_where_they_are_said_to() -> None:
    for line in _lines():
        level = float(np.abs(line.samples).max())
        for laid in line.words:
            if laid.word.said:
                inside = line.samples[int(laid.start_s * 48000) : int(laid.end_s * 48000)]
                assert float(np.abs(inside).max()) > 0.1 * level
        assert all(a.end_s <= b.start_s + 0.03 for a, b in itertools.pairwise(line.words))


def test_cues_of_real_speech_have_two_short_lines_at_most() -> None:
    for line in (*_lines(), *_fluent()):
        cues = cues_from_marks(by_sound(line), language=line.language, scene_start_s=0, scene_end_s=30)

        assert all(len(cue.lines) <= 2 for cue in cues)
        assert max(len(text) for cue in cues for text in cue.lines) <= LINE_CHARACTERS[line.language]
