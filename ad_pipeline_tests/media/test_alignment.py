from __future__ import annotations

import itertools
import time

import numpy as np
import pytest

from ad_pipeline.media.alignment import HeardClause, Piece, PlacedPiece, aligned, aligned_clauses
from ad_pipeline.media.sound import Samples
from ad_pipeline.media.time import AUDIO_RATE_HZ
from ad_pipeline.story.lexicon import lexicon_of
from ad_pipeline.story.pacing import clause_pieces


def _line(*parts: tuple[float, float], lead_s: float = 0.0) -> tuple[Samples, list[tuple[float, float]]]:
    """Buzzing words of (length, gap behind) seconds: loud in the middle as words are, and where each one stands."""
    sound: list[Samples] = [np.zeros(int(lead_s * AUDIO_RATE_HZ), np.float32)]
    places: list[tuple[float, float]] = []
    at = lead_s
    for length, gap in parts:
        t = np.arange(int(length * AUDIO_RATE_HZ)) / AUDIO_RATE_HZ
        buzz = np.sin(2 * np.pi * 180 * t) * np.minimum(1, 0.06 + np.sin(np.pi * t / length))
        sound += [(0.3 * buzz).astype(np.float32), np.zeros(int(gap * AUDIO_RATE_HZ), np.float32)]
        places.append((at, at + length))
        at += length + gap
    return np.concatenate(sound), places


def _pieces(*given: tuple[str, float]) -> list[Piece]:
    return [
        Piece(
            text=text, expected_s=length, ends="sentence" if text[-1] in ".!" else "clause" if text[-1] == "," else ""
        )
        for text, length in given
    ]


def _worst(found: tuple[PlacedPiece, ...], places: list[tuple[float, float]]) -> float:
    return max(abs(piece.start_s - start) for piece, (start, _) in zip(found, places, strict=True))


def test_words_are_found_though_the_speaker_is_slower_than_expected() -> None:
    samples, places = _line((0.4, 0), (0.6, 0.3), (0.5, 0), (0.9, 0.5), (0.7, 0), lead_s=0.2)
    pieces = _pieces(("a", 0.25), ("b,", 0.4), ("c", 0.3), ("d.", 0.6), ("e", 0.45))

    found = aligned(samples, pieces)

    assert [piece.text for piece in found] == ["a", "b,", "c", "d.", "e"]
    assert _worst(found, places) < 0.06


def test_a_clause_may_end_without_a_pause_and_a_pause_may_come_where_nothing_ends() -> None:
    samples, places = _line((0.4, 0), (0.5, 0), (0.4, 0.25), (0.6, 0), (0.5, 0.4), (0.4, 0))
    pieces = _pieces(("a", 0.4), ("b,", 0.5), ("c", 0.4), ("d", 0.6), ("e.", 0.5), ("f", 0.4))

    assert _worst(aligned(samples, pieces), places) < 0.06


def test_a_pause_is_looked_for_where_a_sentence_ends() -> None:
    samples, places = _line((0.3, 0), (0.3, 0.4), (0.6, 0))
    lengths = {"a": 0.54, "b": 0.18, "c": 0.48}

    found = aligned(
        samples, [Piece(text=t, expected_s=s, ends="sentence" if t == "b" else "") for t, s in lengths.items()]
    )
    elsewhere = aligned(samples, [Piece(text=t, expected_s=s) for t, s in lengths.items()])

    assert abs(found[2].start_s - places[2][0]) < 0.03
    assert abs(elsewhere[1].start_s - places[2][0]) < 0.03


def test_slightly_wrong_expectations_are_mended_by_low_places_in_the_sound() -> None:
    samples, places = _line((0.5, 0.03), (0.3, 0.03), (0.6, 0.03), (0.4, 0))
    pieces = _pieces(("a", 0.44), ("b", 0.34), ("c", 0.58), ("d", 0.44))

    plain = aligned_clauses([HeardClause(start_s=0, end_s=1.89, pieces=tuple(pieces))])
    found = aligned(samples, pieces)

    assert _worst(plain, places) > 0.05
    assert _worst(found, places) < 0.04


def test_whether_a_voice_speaks_every_word_apart_is_heard() -> None:
    samples, places = _line((0.3, 0.02), (0.5, 0.02), (0.3, 0.02), (0.6, 0.02), (0.3, 0.02), (0.5, 0))
    lengths = [("a", 0.1, 0.3), ("b", 0.6, 0.5), ("c", 0.1, 0.3), ("d", 0.7, 0.6), ("e", 0.1, 0.3), ("f", 0.7, 0.5)]

    found = aligned(samples, [Piece(text=t, expected_s=fluent, apart_s=apart) for t, fluent, apart in lengths])
    fluently = aligned(samples, [Piece(text=t, expected_s=fluent) for t, fluent, _ in lengths])

    assert _worst(found, places) < 0.05
    assert _worst(fluently, places) > 0.1


def test_words_stand_in_order_inside_the_sound() -> None:
    samples, _ = _line((0.3, 0.1), (0.3, 0.6), (0.3, 0))

    found = aligned(samples, _pieces(*[(f"w{n}", 0.1 + 0.1 * (n % 3)) for n in range(12)]))

    assert all(a.end_s <= b.start_s + 1e-9 for a, b in itertools.pairwise(found))
    assert all(piece.start_s < piece.end_s for piece in found)
    assert found[-1].end_s <= len(samples) / AUDIO_RATE_HZ


@pytest.mark.parametrize("noise", [0.0, 0.002])
def test_an_emoji_takes_no_time_and_noise_is_no_speech(noise: float) -> None:
    samples, places = _line((0.5, 0.4), (0.5, 0), lead_s=0.3)
    samples = samples + np.random.default_rng(3).normal(0, noise, len(samples)).astype(np.float32)
    pieces = [*_pieces(("a.", 0.5)), Piece(text="😀", expected_s=0.0), *_pieces(("b", 0.5))]

    found = aligned(samples, pieces)

    assert found[1].start_s == found[1].end_s == found[0].end_s
    assert abs(found[0].start_s - places[0][0]) < 0.05
    assert abs(found[2].start_s - places[1][0]) < 0.05


@pytest.mark.parametrize("length", [0, 10, 4800, 48000])
def test_silence_and_too_little_sound_are_shared(length: int) -> None:
    pieces = _pieces(*[("w", 0.3)] * 40)

    found = aligned(np.zeros(length, np.float32), pieces)
    hurried = aligned(_line((0.2, 0))[0], pieces)

    assert len(found) == len(hurried) == 40
    assert found[-1].end_s == pytest.approx(length / AUDIO_RATE_HZ)
    assert all(np.isfinite([piece.start_s, piece.end_s]).all() for piece in (*found, *hurried))


def test_known_clauses_keep_their_times() -> None:
    samples, places = _line((0.4, 0), (0.6, 0.3), (0.5, 0), (0.9, 0), lead_s=0.2)
    first, last = _pieces(("a", 0.4), ("b,", 0.6)), _pieces(("c", 0.5), ("d.", 0.9))
    clauses = [
        HeardClause(start_s=places[0][0], end_s=places[1][1], pieces=tuple(first)),
        HeardClause(start_s=places[2][0], end_s=places[3][1], pieces=tuple(last)),
    ]

    for sound in (None, samples):
        found = aligned_clauses(clauses, sound)

        assert (found[0].start_s, found[2].start_s) == (places[0][0], places[2][0])
        assert _worst(found, places) < 0.05


def test_a_long_line_is_aligned_in_no_time() -> None:
    samples, _ = _line(*[(0.35, 0.3 if n % 6 == 5 else 0.0) for n in range(80)])
    began = time.process_time()

    aligned(samples, _pieces(*[("w," if n % 6 == 5 else "w", 0.3) for n in range(80)]))

    assert time.process_time() - began < 1.5


def test_a_text_gives_pieces_with_expected_lengths_and_ends() -> None:
    clauses = clause_pieces("단 29,000 원, Laneige 크림 😀. 지금!", "ko", lexicon_of({"Laneige": "라"}))

    assert [[piece.text for piece in clause] for clause in clauses] == [
        ["단", "29,000 원,"], ["Laneige", "크림", "😀."], ["지금!"],
    ]  # fmt: skip
    assert [[piece.ends for piece in clause] for clause in clauses] == [
        ["", "clause"],
        ["", "sentence", ""],
        ["sentence"],
    ]
    lengths = {piece.text: piece.expected_s for clause in clauses for piece in clause}
    assert lengths["😀."] == 0.0
    assert lengths["Laneige"] < lengths["크림"] < lengths["29,000 원,"]
