"""Places between words."""

from __future__ import annotations

import numpy as np
import pytest

from ad_pipeline.media.description_fit import APART_S, FASTEST, active_hops, gaps_between, place_in, spoken_spans
from ad_pipeline.media.time import AUDIO_RATE_HZ


def test_gaps_keep_apart_from_words_and_inside_their_scene() -> None:
    gaps = gaps_between([(3.0, 4.0), (1.0, 2.0)], start_s=0.5, end_s=6.0)

    edges = [edge for gap in gaps for edge in gap]
    assert edges == pytest.approx([0.5, 1 - APART_S, 2 + APART_S, 3 - APART_S, 4 + APART_S, 6.0])
    assert gaps_between([(0.0, 9.0)], start_s=1.0, end_s=2.0) == []
    assert gaps_between([(0.0, 1.9)], start_s=1.0, end_s=2.0) == []


def test_a_description_goes_where_it_is_hurried_least() -> None:
    gaps = [(0.0, 1.0), (5.0, 6.2), (8.0, 12.0)]

    place = place_in(gaps, 1.5)
    assert place and (place.start_s, place.speed) == (8.0, 1.0)
    hurried = place_in(gaps[:2], 1.4)
    assert hurried and hurried.end_s == pytest.approx(6.2) and 1 < hurried.speed <= FASTEST
    assert place_in(gaps[:2], 1.2 * FASTEST + 0.01) is None


def test_speech_is_found_in_the_sound_and_breaths_belong_to_it() -> None:
    samples = np.zeros(3 * AUDIO_RATE_HZ, np.float32)
    noise = np.random.default_rng(3).normal(0, 0.1, AUDIO_RATE_HZ).astype(np.float32)
    for begins, ends in ((0.5, 1.0), (1.15, 1.5), (2.2, 2.6)):
        a, b = round(begins * AUDIO_RATE_HZ), round(ends * AUDIO_RATE_HZ)
        samples[a:b] = noise[: b - a]

    spans = spoken_spans(active_hops(samples), 10.0)

    assert [edge for span in spans for edge in span] == pytest.approx([10.5, 11.5, 12.2, 12.6], abs=0.02)
    assert spoken_spans(active_hops(np.zeros(4800, np.float32)), 0.0) == []
