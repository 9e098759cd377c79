"""A piece of music cut to an ad's length: on bars, with its own ending, without a click."""

from __future__ import annotations

import functools
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ad_pipeline.errors import MediaError
from ad_pipeline.media.beats import beats_in
from ad_pipeline.media.music_cut import Cut, Part, Wish, cut_for
from ad_pipeline.media.music_piece import Piece, piece_in, piece_of
from ad_pipeline.media.music_splice import PEAK, spliced
from ad_pipeline.media.onsets import heard_in
from ad_pipeline.media.sound import Samples, level_db, write_wav
from ad_pipeline.media.time import AUDIO_RATE_HZ
from ad_pipeline_tests.media.songs import Song, band, f_measure, pad

_SONGS = (("rock", 104, True), ("waltz", 92, True), ("four", 124, False), ("funk", 88, True))


@functools.cache
def _known(pattern: str, bpm: int, ends: bool) -> tuple[Song, Piece, Path]:
    song = band(pattern, bpm, 70, seed=3, noise=0.003, ends=ends)
    file = Path(tempfile.mkdtemp()) / f"{pattern}.wav"
    write_wav(file, 0.3 * np.repeat(song.samples, 2))
    return song, piece_in(heard_in([song.samples])), file


def _wish(length_s: float) -> Wish:
    cta_s = length_s - 3.1
    scenes = (0.0, 0.2 * length_s, 0.43 * length_s, 0.7 * length_s, cta_s)
    return Wish(length_s=length_s, ending_at_s=cta_s, rise_at_s=0.43 * length_s, scene_starts_s=scenes)


@pytest.mark.parametrize("length_s", [10.0, 29.97, 60.0])
@pytest.mark.parametrize(("pattern", "bpm", "ends"), _SONGS)
def test_the_bed_is_as_long_as_the_ad_to_the_sample(pattern: str, bpm: int, ends: bool, length_s: float) -> None:
    _, piece, file = _known(pattern, bpm, ends)

    made = spliced(file, cut_for(piece, _wish(length_s)))

    assert made.samples.shape == (round(length_s * AUDIO_RATE_HZ), 2)
    assert np.abs(made.samples).max() == pytest.approx(PEAK, rel=1e-3)


@pytest.mark.parametrize(("pattern", "bpm", "ends"), _SONGS)
def test_the_call_to_action_falls_on_a_beat_of_what_is_heard(pattern: str, bpm: int, ends: bool) -> None:
    _, piece, file = _known(pattern, bpm, ends)
    wish = _wish(20.0)

    cut = cut_for(piece, wish)
    made = spliced(file, cut)

    missed_s = cut.missed(wish)["call_to_action"]["to_beat_s"]
    heard = beats_in(heard_in([made.samples.mean(axis=1)[::2]]), told_bpm=bpm).times_s
    really_s = wish.ending_at_s - min(heard, key=lambda at: abs(at - wish.ending_at_s))
    assert abs(missed_s) <= 0.06
    assert really_s == pytest.approx(missed_s, abs=0.03)


def test_what_is_heard_keeps_one_beat_across_its_seam() -> None:
    song, piece, file = _known("rock", 104, True)
    bars = song.bars_s
    cut = _joined(piece, leave_s=bars[6], enter_s=bars[21], length_s=24.0)

    made = spliced(file, cut)

    heard = beats_in(heard_in([made.samples.mean(axis=1)[::2]]))
    steps = np.diff([at for at in heard.times_s if at < 22])
    assert np.abs(steps - 60 / 104).max() < 0.03
    assert f_measure(heard.times_s, [at for at in cut.beats_s if at < heard.times_s[-1] + 0.1]) >= 0.95


@functools.cache
def _over_held_notes() -> tuple[Song, Piece, Path]:
    """Drums over notes that never stop: a seam has nowhere to hide."""
    song = band("rock", 104, 70, seed=3, noise=0.0)
    held = replace(song, samples=0.3 * song.samples + 2 * pad(70))
    file = Path(tempfile.mkdtemp()) / "held.wav"
    write_wav(file, 0.3 * np.repeat(held.samples, 2))
    return held, piece_in(heard_in([song.samples])), file


def test_a_seam_is_no_click() -> None:
    song, piece, file = _over_held_notes()
    seams = [(song.bars_s[a], song.bars_s[b]) for a, b in ((3, 15), (5, 22), (8, 17), (9, 12))]

    for leave_s, enter_s in seams:
        cut = _joined(piece, leave_s=leave_s, enter_s=enter_s, length_s=24.0)
        made = spliced(file, cut).samples.mean(axis=1)
        usual = float(np.median([_bend_before(made, at) for at in cut.beats_s[4::4]]))
        assert _bend_before(made, cut.seams_s[0]) < 1.5 * usual
        assert _dip_db(made, cut.seams_s[0]) > -6


def test_the_same_measure_hears_parts_that_are_put_end_to_end() -> None:
    song, _, _ = _over_held_notes()
    sound = np.repeat(song.samples, 2)
    left, entered = (round((song.bars_s[at] - 0.05) * AUDIO_RATE_HZ) for at in (3, 15))
    left += int(np.argmax(sound[left : left + 400]))
    entered += int(np.argmin(sound[entered : entered + 400]))

    clicked = np.concatenate([sound[:left], sound[entered:]])

    usual = float(np.median([_bend_before(sound, at) for at in song.bars_s[4:-1]]))
    assert _bend_before(clicked, left / AUDIO_RATE_HZ + 0.05) > 3 * usual


def test_a_seam_between_held_notes_is_no_click_either(tmp_path: Path) -> None:
    file = tmp_path / "pad.wav"
    write_wav(file, np.repeat(pad(40), 2))
    parts = (Part(from_s=2.0, to_s=9.0, at_s=0.0), Part(from_s=21.3, to_s=29.3, at_s=7.0))

    made = spliced(file, Cut(length_s=15.0, parts=parts, fade_in_s=0.02, fade_from_s=14.5, has_own_ending=False))

    sound = made.samples.mean(axis=1)
    around = sound[round(6.7 * AUDIO_RATE_HZ) : round(7.3 * AUDIO_RATE_HZ)]
    usual = np.abs(np.diff(sound)).max()
    assert np.abs(np.diff(around)).max() <= usual
    levels = [level_db(part) for part in np.array_split(around, 20)]
    assert max(levels) - min(levels) < 12
    assert made.blends_s[0] > 0.1


def test_a_piece_with_an_ending_ends_with_it() -> None:
    song, piece, file = _known("rock", 104, True)
    assert piece.last_hit_s == pytest.approx(song.bars_s[-1], abs=0.03)

    cut = cut_for(piece, _wish(15.0))
    sound = spliced(file, cut).samples.mean(axis=1)

    assert cut.has_own_ending
    hit_s = cut.bars_s[-1]
    assert 0.6 <= 15.0 - hit_s <= 3.5
    loud = level_db(sound[round(hit_s * AUDIO_RATE_HZ) :][: AUDIO_RATE_HZ // 5])
    assert level_db(sound[-AUDIO_RATE_HZ // 20 :]) < loud - 15
    after = heard_in([sound[round((hit_s + 0.15) * AUDIO_RATE_HZ) :: 2]])
    assert not beats_in(after).are_sure


def test_a_piece_without_an_ending_fades_over_its_last_bar() -> None:
    _, piece, file = _known("four", 124, False)
    assert piece.last_hit_s is None

    cut = cut_for(piece, _wish(15.0))
    sound = spliced(file, cut).samples.mean(axis=1)

    assert not cut.has_own_ending
    assert cut.fade_from_s in cut.bars_s
    second = AUDIO_RATE_HZ // 4
    levels = [level_db(sound[start : start + second]) for start in range(len(sound) - 4 * second, len(sound), second)]
    assert levels[-1] < levels[0] - 15
    assert abs(sound[-1]) < 1e-3


def test_a_fade_out_is_no_ending() -> None:
    song = band("rock", 104, 40, seed=5, noise=0.001)
    left = np.clip((40 - np.arange(len(song.samples)) / 24_000) / 9, 0, 1)

    piece = piece_in(heard_in([(song.samples * left**2).astype(np.float32)]))

    assert piece.last_hit_s is None
    assert piece.loud_until_s < 38


def test_a_piece_without_beats_is_cut_without_them(tmp_path: Path) -> None:
    file = tmp_path / "pad.wav"
    write_wav(file, np.repeat(pad(40), 2))
    wish = _wish(15.0)

    cut = cut_for(piece_of(file), wish)

    assert cut.beats_s == ()
    assert cut.missed(wish)["call_to_action"] == {"at_s": 11.9, "to_beat_s": None, "to_bar_s": None}
    assert len(spliced(file, cut).samples) == 15 * AUDIO_RATE_HZ


def test_another_variant_begins_elsewhere_and_the_same_is_the_same() -> None:
    _, piece, _ = _known("four", 124, False)
    wish = _wish(20.0)

    first, again, second = cut_for(piece, wish), cut_for(piece, wish), cut_for(piece, wish, variant=1)

    assert first == again
    assert abs(first.parts[0].from_s - second.parts[0].from_s) > 2


def test_a_piece_that_is_shorter_than_the_ad_is_refused() -> None:
    _, piece, _ = _known("rock", 104, True)

    with pytest.raises(MediaError, match=r"70\.0 s and the ad 90\.0 s"):
        cut_for(piece, _wish(90.0))


def test_a_file_that_breaks_off_early_is_said_so(tmp_path: Path) -> None:
    _, piece, _ = _known("rock", 104, True)
    short = tmp_path / "short.wav"
    write_wav(short, np.zeros(AUDIO_RATE_HZ * 5, np.float32))

    with pytest.raises(MediaError, match="short.wav"):
        spliced(short, cut_for(piece, _wish(15.0)))


def test_a_hearing_is_kept_as_json_and_read_again() -> None:
    _, piece, _ = _known("waltz", 92, True)

    assert Piece.of_dict(json.loads(json.dumps(piece.to_dict()))) == piece


def _joined(piece: Piece, *, leave_s: float, enter_s: float, length_s: float) -> Cut:
    """A cut of two parts, from the first bar on."""
    times_s = np.asarray(piece.beats.times_s)
    first_s, leave_s, enter_s = (float(times_s[np.argmin(np.abs(times_s - at))]) for at in (0.37, leave_s, enter_s))
    seam_s = leave_s - first_s + 0.02
    parts = (
        Part(from_s=first_s - 0.02, to_s=leave_s, at_s=0.0),
        Part(from_s=enter_s, to_s=enter_s + length_s - seam_s, at_s=seam_s),
    )
    early, late = times_s[(times_s >= first_s) & (times_s < leave_s - 0.01)], times_s[times_s >= enter_s - 0.01]
    beats_s = (*(early - first_s + 0.02), *(late - enter_s + seam_s))
    return Cut(
        length_s=length_s, parts=parts, fade_in_s=0.02, fade_from_s=length_s - 0.5, has_own_ending=False,
        beats_s=tuple(float(at) for at in beats_s if at < length_s - 0.5),
    )  # fmt: skip


def _bend_before(sound: Samples, bar_s: float) -> float:
    """How sharply the sound bends in the tenth of a second before a bar, where a blend lies and no drum plays."""
    bar = round(bar_s * AUDIO_RATE_HZ)
    return float(np.abs(np.diff(sound[bar - 4800 : bar - 480], n=2)).max())


def _dip_db(sound: Samples, bar_s: float) -> float:
    """How far the quietest 5 ms of a blend lie under the tenth of a second before it."""
    bar = round(bar_s * AUDIO_RATE_HZ)
    short = [level_db(sound[at : at + 480]) for at in range(bar - 2880, bar - 480, 240)]
    return min(short) - level_db(sound[bar - 9600 : bar - 4800])
