import math
from pathlib import Path

import av
import numpy as np
import pytest

from ad_pipeline.errors import MediaError
from ad_pipeline.media.ducking import hops_of, speech_curve
from ad_pipeline.media.join import mux
from ad_pipeline.media.loudness import encode_aac, integrated_lufs
from ad_pipeline.media.metering import power_of
from ad_pipeline.media.sound import (
    ACCESSIBLE,
    BALANCE,
    SPEECH_LUFS,
    Balance,
    Placed,
    Samples,
    level_db,
    mix,
    read_sound,
    write_wav,
)
from ad_pipeline_tests.bench.mixes import music, said
from ad_pipeline_tests.media.films import write_film

RATE = 48_000


def tone(seconds: float, *, hertz: float = 440, level: float = 0.3) -> Samples:
    wave = level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)
    return np.stack([wave, wave], 1).astype(np.float32)


def speech(seconds: float) -> Samples:
    at = np.arange(round(seconds * RATE)) / RATE
    noise = np.random.default_rng(1).normal(0, 0.2, len(at))
    return (noise * np.abs(np.sin(2 * np.pi * 3 * at))).astype(np.float32)


def noise(seconds: float) -> Samples:
    return np.random.default_rng(3).normal(0, 0.1, (round(seconds * RATE), 2)).astype(np.float32)


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


@pytest.mark.parametrize(("balance", "music_lu", "sfx_lu"), [(BALANCE, 12, 6), (ACCESSIBLE, 20, 20)])
def test_speech_is_well_above_all_else_and_the_music_comes_back(
    balance: Balance, music_lu: float, sfx_lu: float
) -> None:
    made = mix(
        9 * RATE,
        voices=[Placed(samples=said(0)[: 2 * RATE], start_s=1.0), Placed(samples=said(3)[: 2 * RATE], start_s=5.0)],
        sfx=[Placed(samples=noise(9), start_s=0.0)],
        music=music("energetic_pop", 9.0),
        balance=balance,
    )

    for spoken in (slice(RATE, 3 * RATE), slice(5 * RATE, 7 * RATE)):
        voice = integrated_lufs(made.voice[spoken])
        assert voice - integrated_lufs(made.music[spoken]) >= music_lu
        assert voice - integrated_lufs(made.sfx[spoken]) >= sfx_lu
        if balance is ACCESSIBLE:
            assert voice - integrated_lufs(made.music[spoken] + made.sfx[spoken]) >= 20
    assert made.speech_over_music_lu >= music_lu
    assert made.speech_over_sfx_lu >= sfx_lu
    between = slice(int(4.0 * RATE), int(4.5 * RATE))
    assert integrated_lufs(made.music[between]) > integrated_lufs(made.music[RATE : 3 * RATE]) + 5
    assert made.master.shape == (9 * RATE, 2)
    assert np.array_equal(made.master, made.voice + made.music + made.sfx)


def test_music_that_is_soft_already_is_not_lowered() -> None:
    bed = np.concatenate([tone(4, level=0.005), tone(4)])

    made = mix(8 * RATE, voices=[Placed(samples=speech(2), start_s=1.0)], music=bed)

    assert made.duck_db == 0
    assert made.speech_over_music_lu > 12


def test_each_stretch_of_speech_lowers_the_music_as_far_as_it_needs() -> None:
    bed = np.concatenate([tone(5, level=0.1), tone(5)])
    voices = [Placed(samples=speech(2), start_s=1.5), Placed(samples=speech(2), start_s=6.5)]

    made = mix(10 * RATE, voices=voices, music=bed)

    below = [
        integrated_lufs(made.voice[part]) - integrated_lufs(made.music[part])
        for part in (slice(int(1.7 * RATE), int(3.3 * RATE)), slice(int(6.7 * RATE), int(8.3 * RATE)))
    ]
    assert below == pytest.approx([12.5, 12.5], abs=1.0)


def test_ducking_has_no_step() -> None:
    curve = speech_curve(hops_of(power_of([np.repeat(np.pad(speech(1), RATE)[:, None], 2, axis=1)])))

    assert np.abs(np.diff(curve)).max() < 0.1
    assert (curve[0], curve[-1], curve[150]) == pytest.approx((0, 0, 1), abs=1e-6)


def test_voices_of_different_loudness_come_out_alike() -> None:
    soft, loud = said(0) * np.float32(0.05), said(0) * np.float32(0.9)

    made = mix(9 * RATE, voices=[Placed(samples=soft, start_s=0.2), Placed(samples=loud, start_s=4.6)])

    assert integrated_lufs(made.voice[: int(4.5 * RATE)]) == pytest.approx(
        integrated_lufs(made.voice[int(4.5 * RATE) :]), abs=0.2
    )


def test_a_mix_without_a_voice_keeps_the_music_and_fades_at_both_ends() -> None:
    made = mix(2 * RATE, music=tone(2))

    assert made.duck_db == 0
    assert made.speech_over_music_lu == made.speech_over_sfx_lu == math.inf
    assert np.abs(made.master[0]).max() == np.abs(made.master[-1]).max() == 0
    assert integrated_lufs(made.master[RATE // 4 : RATE]) == pytest.approx(SPEECH_LUFS - 3.5, abs=0.7)


def test_a_sound_that_is_cut_off_makes_no_click() -> None:
    hum = tone(1.0, hertz=100, level=0.2)[13:-29]  # begins and ends in the middle of its wave

    made = mix(3 * RATE, sfx=[Placed(samples=hum, start_s=0.5), Placed(samples=hum, start_s=2.5)])

    hardest = np.abs(np.diff(hum, axis=0)).max()
    assert np.abs(np.diff(made.sfx, axis=0)).max() < 1.6 * hardest
    assert made.sfx[RATE, 0] != 0, "it is heard"


def test_a_mix_leaves_what_it_was_given_as_it_was() -> None:
    bed, line = tone(2), speech(1)
    before = bed.copy(), line.copy()

    mix(2 * RATE, voices=[Placed(samples=line, start_s=0.5, raw=True)], music=bed)

    assert np.array_equal(bed, before[0])
    assert np.array_equal(line, before[1])


def test_sounds_that_leave_the_film_are_cut_at_its_edges() -> None:
    made = mix(RATE, sfx=[Placed(samples=tone(1), start_s=-0.5), Placed(samples=tone(1), start_s=0.8)])

    assert made.master.shape == (RATE, 2)
    assert level_db(made.sfx[int(0.55 * RATE) : int(0.75 * RATE)]) < -100


def test_film_and_sound_start_and_end_together(tmp_path: Path) -> None:
    sound = np.zeros((4 * RATE, 2), np.float32)
    sound[RATE : RATE + 300] = np.random.default_rng(2).normal(0, 0.3, (300, 2))
    write_film(tmp_path / "film.mp4", lambda i: 60 + i, frames=72)
    encode_aac(sound, target=tmp_path / "long.m4a")

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
    encode_aac(tone(1), target=tmp_path / "short.m4a")

    with pytest.raises(MediaError, match=r"short.m4a lasts 1.0\d s; the film lasts 2.00 s"):
        mux(tmp_path / "film.mp4", tmp_path / "short.m4a", tmp_path / "final.mp4")

    assert not (tmp_path / "final.mp4").exists()
