"""Beats and bars of pieces that are known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from ad_pipeline.engines.animatic.moods import MOODS
from ad_pipeline.engines.animatic.music import composed
from ad_pipeline.engines.crafts.sound import MusicRequest
from ad_pipeline.errors import MediaError
from ad_pipeline.media.beats import CONFIDENT, Beats, beats_in, beats_of
from ad_pipeline.media.onsets import heard_in
from ad_pipeline.media.sound import write_wav
from ad_pipeline_tests.media.songs import PATTERNS, Song, band, clicks, f_measure, pad


def _found(song: Song) -> Beats:
    return beats_in(heard_in([song.samples]))


def _agreement(songs: Sequence[Song]) -> float:
    """The mean F-measure of a family of pieces, told for whoever reads."""
    each = [f_measure(_found(song).times_s, song.beats_s) for song in songs]
    print("F of each:", " ".join(f"{value:.3f}" for value in each))
    return float(np.mean(each))


def test_plain_clicks_are_found_at_every_tempo() -> None:
    assert _agreement([clicks(bpm, 15, seed=1) for bpm in (61, 74, 96, 118, 133, 158, 176)]) >= 0.9


def test_swung_clicks_keep_their_beat() -> None:
    assert _agreement([clicks(bpm, 15, seed=2, swing=0.64, jitter_s=0.008) for bpm in (66, 84, 101, 127)]) >= 0.9


def test_clicks_that_a_hand_plays_are_found() -> None:
    assert _agreement([clicks(bpm, 15, seed=3, jitter_s=0.018) for bpm in (67, 83, 102, 118, 136)]) >= 0.9


@pytest.mark.parametrize("pattern", PATTERNS)
def test_drums_are_found_at_many_tempi_through_noise(pattern: str) -> None:
    assert _agreement([band(pattern, bpm, 15, seed=bpm) for bpm in (70, 86, 103, 121, 146)]) >= 0.9


def test_a_tempo_that_wanders_by_two_per_cent_is_followed() -> None:
    assert _agreement([band("rock", bpm, 30, seed=4, drift=0.02) for bpm in (76, 112, 141)]) >= 0.9


@pytest.mark.slow
def test_our_own_composer_is_heard_as_it_was_planned() -> None:
    songs = list[Song]()
    for mood in MOODS:
        request = MusicRequest(
            mood=mood, duration_s=30, scene_starts_s=(0, 5, 12, 19, 25), rise_at_s=12, ending_at_s=25, seed=3
        )
        samples, plan, _ = composed(request)
        beats_s = np.arange(0, plan.last_chord_s + 0.01, plan.beat_s)
        songs.append(Song(samples=samples.mean(axis=1)[::2], beats_s=tuple(map(float, beats_s))))

    assert _agreement(songs) >= 0.9


@pytest.mark.parametrize(("pattern", "per_bar"), [("rock", 4), ("four", 4), ("waltz", 3)])
def test_bars_begin_where_chord_and_kick_do(pattern: str, per_bar: int) -> None:
    song = band(pattern, 108, 30, seed=8)

    found = _found(song)

    assert found.beats_per_bar == per_bar
    assert f_measure([found.times_s[at] for at in found.downbeats], song.bars_s) >= 0.9


def test_beats_lie_on_the_onset_to_a_few_thousandths() -> None:
    song = band("rock", 97, 20, seed=9, noise=0.003)

    found = np.asarray(_found(song).times_s)

    late_s = [float(np.min(np.abs(found - at))) for at in song.beats_s]
    assert np.median(late_s) < 0.008


def test_a_piece_without_beats_is_not_believed_to_have_any() -> None:
    chance = np.random.default_rng(2)
    noise = 0.1 * chance.standard_normal(20 * 24_000).astype(np.float32)

    for samples in (pad(20), pad(20) + 0.1 * noise, noise, np.zeros(20 * 24_000, np.float32)):
        found = beats_in(heard_in([samples]))
        assert found.confidence < CONFIDENT
        assert found.downbeats == ()
        assert not found.are_sure


def test_what_happens_at_random_is_no_beat() -> None:
    chance = np.random.default_rng(6)
    samples = np.zeros(30 * 24_000, np.float32)
    for at in chance.integers(0, 29 * 24_000, 50):
        samples[at : at + 200] += np.hanning(200).astype(np.float32)

    assert not beats_in(heard_in([samples])).are_sure


def test_a_told_tempo_decides_between_a_beat_and_its_double() -> None:
    heard = heard_in([clicks(84, 20, seed=5, swing=0.5).samples])

    slow, fast = (beats_in(heard, told_bpm=bpm).beats_per_minute for bpm in (84, 168))

    assert slow == pytest.approx(84, rel=0.01)
    assert fast == pytest.approx(168, rel=0.01)


def test_a_file_is_read_in_blocks_to_the_same_beats(tmp_path: Path) -> None:
    song = band("four", 117, 25, seed=11)
    file = tmp_path / "song.wav"
    write_wav(file, np.repeat(song.samples, 2))

    assert f_measure(beats_of(file).times_s, song.beats_s) >= 0.95
    pieces = np.array_split(song.samples, 37)
    assert beats_in(heard_in(pieces)) == _found(song)


def test_a_sound_of_a_second_has_no_beats() -> None:
    assert beats_in(heard_in([np.ones(24_000, np.float32)])) == Beats()


def test_a_file_that_is_no_sound_is_said_so(tmp_path: Path) -> None:
    file = tmp_path / "song.mp3"
    file.write_text("la la la", encoding="utf-8")

    with pytest.raises(MediaError, match="song.mp3"):
        beats_of(file)
