import math
from pathlib import Path

import av
import numpy as np
import pytest

from ad_pipeline.errors import MediaError
from ad_pipeline.media.join import mux
from ad_pipeline.media.loudness import encode_aac, integrated_lufs, limited, master, measured
from ad_pipeline.media.sound import SPEECH_LUFS, Placed, Samples, level_db, mix, read_sound, speech_curve, write_wav
from ad_pipeline_tests.media.films import write_film

RATE = 48_000


def tone(seconds: float, *, hertz: float = 440, level: float = 0.3) -> Samples:
    wave = level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)
    return np.stack([wave, wave], 1).astype(np.float32)


def speech(seconds: float) -> Samples:
    at = np.arange(round(seconds * RATE)) / RATE
    noise = np.random.default_rng(1).normal(0, 0.2, len(at))
    return (noise * np.abs(np.sin(2 * np.pi * 3 * at))).astype(np.float32)


@pytest.mark.parametrize(("form", "near"), [("float32", 1e-7), ("pcm16", 4e-5)])
def test_a_wav_comes_back_as_it_was(tmp_path: Path, form: str, near: float) -> None:
    sound = tone(0.3)

    write_wav(tmp_path / "a.wav", sound, form=form)  # type: ignore[arg-type]
    back = read_sound(tmp_path / "a.wav")

    assert back.shape == sound.shape
    assert np.abs(back - sound).max() <= near


def test_a_mono_file_is_as_loud_in_stereo(tmp_path: Path) -> None:
    write_wav(tmp_path / "mono.wav", tone(0.3)[:, 0])

    stereo = read_sound(tmp_path / "mono.wav")

    assert stereo.shape == (14_400, 2)
    assert level_db(stereo) == pytest.approx(level_db(tone(0.3)), abs=0.01)


def test_a_file_without_sound_is_told_as_one(tmp_path: Path) -> None:
    write_film(tmp_path / "film.mp4", lambda _: 90, frames=4)
    (tmp_path / "text.wav").write_text("no sound", encoding="utf-8")

    for name in ("film.mp4", "text.wav", "missing.wav"):
        with pytest.raises(MediaError, match=name):
            read_sound(tmp_path / name)


def test_speech_is_well_above_the_music_and_music_comes_back() -> None:
    made = mix(6 * RATE, voices=[Placed(samples=speech(2), start_s=2.0)], music=tone(6))

    said = slice(int(2.2 * RATE), int(3.8 * RATE))
    alone = slice(int(0.2 * RATE), int(1.5 * RATE))
    assert integrated_lufs(made.voice[said]) - integrated_lufs(made.music[said]) >= 12
    assert level_db(made.music[alone]) > level_db(made.music[said]) + 8
    assert made.master.shape == (6 * RATE, 2)
    assert np.abs(made.master - made.voice - made.music - made.sfx).max() < 1e-6


def test_ducking_has_no_step() -> None:
    curve = speech_curve(np.repeat(np.pad(speech(1), RATE)[:, None], 2, axis=1))

    assert np.abs(np.diff(curve)).max() < 1 / (0.05 * RATE)
    assert (curve[0], curve[-1], curve[int(1.5 * RATE)]) == pytest.approx((0, 0, 1), abs=1e-6)


def test_a_mix_without_a_voice_keeps_the_music_and_fades_at_both_ends() -> None:
    made = mix(2 * RATE, music=tone(2))

    assert made.duck_db == 0
    assert np.abs(made.master[0]).max() == np.abs(made.master[-1]).max() == 0
    assert integrated_lufs(made.master[RATE // 4 : RATE]) == pytest.approx(SPEECH_LUFS - 3.5, abs=0.7)


def test_sounds_that_leave_the_film_are_cut_at_its_edges() -> None:
    made = mix(RATE, sfx=[Placed(samples=tone(1), start_s=-0.5), Placed(samples=tone(1), start_s=0.8)])

    assert made.master.shape == (RATE, 2)
    assert level_db(made.sfx[int(0.55 * RATE) : int(0.75 * RATE)]) < -100


def test_our_meter_agrees_with_that_of_ffmpeg(tmp_path: Path) -> None:
    sound = mix(4 * RATE, voices=[Placed(samples=speech(2), start_s=1)], music=tone(4)).master

    write_wav(tmp_path / "a.wav", sound)

    assert integrated_lufs(sound) == pytest.approx(measured(tmp_path / "a.wav").integrated_lufs, abs=0.15)


@pytest.mark.parametrize(("lufs", "peak"), [(-14.0, -1.0), (-23.0, -2.0)])
def test_a_mastered_file_has_its_loudness_and_peak(tmp_path: Path, lufs: float, peak: float) -> None:
    clicks = np.zeros(6 * RATE, np.float32)
    clicks[::RATE] = 0.9
    sound = mix(
        6 * RATE, voices=[Placed(samples=speech(4), start_s=1)], sfx=[Placed(samples=clicks, start_s=0)], music=tone(6)
    ).master

    done = master(sound, target_lufs=lufs, peak_dbtp=peak, target=tmp_path / "a.m4a")

    found = measured(tmp_path / "a.m4a")
    assert done.within_limits
    assert done.encodes <= 4
    assert found.integrated_lufs == pytest.approx(lufs, abs=0.5)
    assert found.true_peak_dbtp <= peak


def test_silence_is_said_and_not_looped_on(tmp_path: Path) -> None:
    done = master(np.zeros((RATE, 2), np.float32), target_lufs=-14, peak_dbtp=-1, target=tmp_path / "a.m4a")

    assert (done.is_silent, done.within_limits, done.encodes) == (True, False, 1)
    assert done.integrated_lufs == -math.inf


def test_the_limiter_holds_peaks_between_samples() -> None:
    # A quarter of the rate at 45 degrees: samples reach 0.71 of the wave's own peak.
    at = np.arange(RATE) * np.pi / 2 + np.pi / 4
    hot = np.repeat((1.2 * np.sin(at)).astype(np.float32)[:, None], 2, axis=1)

    held = limited(hot, gain_db=0, ceiling_db=-3)

    assert np.abs(held[2000:-2000]).max() == pytest.approx(10 ** (-3 / 20) * math.sqrt(0.5), rel=0.03)


def test_film_and_sound_start_and_end_together(tmp_path: Path) -> None:
    sound = np.zeros((4 * RATE, 2), np.float32)
    sound[RATE : RATE + 300] = np.random.default_rng(2).normal(0, 0.3, (300, 2))
    write_film(tmp_path / "film.mp4", lambda i: 60 + i, frames=72)
    encode_aac(sound, tmp_path / "long.m4a")

    mux(tmp_path / "film.mp4", tmp_path / "long.m4a", tmp_path / "final.mp4")

    heard = read_sound(tmp_path / "final.mp4")[:, 0]
    shifts = [
        float(np.dot(sound[RATE - 100 : RATE + 500, 0], heard[RATE - 100 + d : RATE + 500 + d]))
        for d in range(-1200, 1200)
    ]
    assert int(np.argmax(shifts)) - 1200 == 0
    with av.open(str(tmp_path / "final.mp4")) as container:
        assert [s.start_time for s in container.streams] == [0, 0]
        assert abs((container.duration or 0) / 1e6 - 3.0) <= 1 / 24
    body = (tmp_path / "final.mp4").read_bytes()
    assert body.index(b"moov") < body.index(b"mdat")


def test_sound_much_shorter_than_the_film_is_refused(tmp_path: Path) -> None:
    write_film(tmp_path / "film.mp4", lambda _: 60, frames=48)
    encode_aac(tone(1), tmp_path / "short.m4a")

    with pytest.raises(MediaError, match=r"short.m4a lasts 1.0\d s; the film lasts 2.00 s"):
        mux(tmp_path / "film.mp4", tmp_path / "short.m4a", tmp_path / "final.mp4")

    assert not (tmp_path / "final.mp4").exists()
