"""A mastered file is as loud as asked by ffmpeg's own meter, whatever the mix; and its stems add up to it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from ad_pipeline.media import metering
from ad_pipeline.media.levelling import Wish, applied, gain_curve, held_under
from ad_pipeline.media.loudness import encode_aac, master, measured
from ad_pipeline.media.loudness_target import LoudnessTarget
from ad_pipeline.media.metering import MOMENTARY_MS, SHORT_TERM_MS, Levels, levels_of, loudest_lufs, power_of
from ad_pipeline.media.sound import Mix, Samples, read_sound, write_wav
from ad_pipeline.story.loudness_standards import STANDARDS
from ad_pipeline_tests.bench.mixes import an_ad

RATE = 48_000


def noise(seconds: float, level: float = 0.1, seed: int = 1) -> Samples:
    return np.random.default_rng(seed).normal(0, level, (round(seconds * RATE), 2)).astype(np.float32)


def shouted() -> Samples:
    """24 s, of which 3 s are 9 dB louder: its loudest three seconds lie 6 LU above the whole."""
    sound = noise(24, 0.03)
    sound[10 * RATE : 13 * RATE] *= 2.8
    return sound


@pytest.fixture(scope="module")
def ad() -> Mix:
    return an_ad(10.0, lines=2, raw=True)


@pytest.mark.parametrize("kind", ["ad", "shouted", "short", "peaky"])
def test_our_meter_agrees_with_that_of_ffmpeg(tmp_path: Path, ad: Mix, kind: str) -> None:
    peaky = noise(7, 0.01)
    peaky[::9000] = 0.9
    sound = {"ad": ad.master, "shouted": shouted(), "short": noise(2), "peaky": peaky}[kind]

    write_wav(tmp_path / "a.wav", sound)
    levels, found = levels_of([sound]), measured(tmp_path / "a.wav")

    # The other meter has one decimal.
    near = 0.1 + 0.05
    assert metering.integrated_lufs(levels.power) == pytest.approx(found.integrated_lufs, abs=near)
    assert loudest_lufs(levels.power, SHORT_TERM_MS) == pytest.approx(found.max_short_term_lufs, abs=near)
    assert loudest_lufs(levels.power, MOMENTARY_MS) == pytest.approx(found.max_momentary_lufs, abs=near)
    assert 20 * math.log10(levels.peaks.max()) == pytest.approx(found.true_peak_dbtp, abs=0.35)
    assert math.isinf(found.max_short_term_lufs) == (kind == "short")


def test_a_sound_is_metered_in_blocks_as_in_one_piece() -> None:
    sound = noise(9.5) * np.linspace(0, 1, round(9.5 * RATE), dtype=np.float32)[:, None]
    halves = [sound * np.float32(0.25), sound * np.float32(0.75)]

    levels, part = levels_of(halves), levels_of([sound[: 4 * RATE]])

    assert len(levels.power) == len(levels.peaks) == 9500
    assert levels.power[:3990] == pytest.approx(part.power[:3990], rel=1e-3, abs=1e-9)
    assert power_of([sound[2 * RATE :]])[200:] == pytest.approx(levels.power[2200:], rel=1e-3, abs=1e-9)
    assert levels.peaks[2001:] == pytest.approx(levels_of([sound[2 * RATE :]]).peaks[1:], abs=1e-5)


def test_a_peak_between_samples_is_seen_across_the_border_of_two_blocks() -> None:
    sound = np.zeros((5 * RATE, 2), np.float32)
    burst = np.sin(np.arange(24) * np.pi / 2 + np.pi / 4) * np.hanning(24)
    for place in (metering.WALK, RATE):
        # Its middle, between two samples, is at the border.
        sound[place - 12 : place + 12] = burst[:, None]

    peaks = levels_of([sound]).peaks

    assert peaks[[3999, 4000]] == pytest.approx(peaks[[999, 1000]], rel=1e-4)
    assert peaks[1000] > 0.05


@pytest.mark.parametrize("name", STANDARDS)
@pytest.mark.parametrize("kind", ["ad", "loud", "quiet", "peaky", "shouted", "short"])
def test_a_mastered_file_is_as_its_standard_asks(tmp_path: Path, ad: Mix, name: str, kind: str) -> None:
    clicks = np.zeros_like(ad.sfx)
    clicks[:: RATE // 2] = 0.9
    parts = {
        "ad": ad.parts,
        "loud": (ad.master * np.float32(20),),
        "quiet": (ad.master * np.float32(0.01),),
        "peaky": (*ad.parts, clicks),
        "shouted": (shouted(),),
        "short": (ad.music[3 * RATE : 5 * RATE],),
    }[kind]
    aim = STANDARDS[name]

    done = master(*parts, aim=aim, target=tmp_path / "a.m4a")

    found = measured(tmp_path / "a.m4a")
    assert done.within_limits
    assert done.encodes <= 3
    assert abs(found.integrated_lufs - aim.integrated_lufs) <= min(0.5, aim.tolerance_lu)
    assert found.true_peak_dbtp <= aim.true_peak_dbtp
    assert aim.max_short_term_lufs is None or found.max_short_term_lufs <= aim.max_short_term_lufs
    assert found == done.found
    assert [path.name for path in tmp_path.iterdir()] == ["a.m4a"], "no draft stays"


def test_a_shout_comes_down_slowly_and_the_rest_goes_up() -> None:
    sound = shouted()
    wish = Wish(lufs=-23, ceiling_db=-2, short_term_lufs=-20.0)

    free = gain_curve(levels_of([sound]), Wish(lufs=-23, ceiling_db=-2))
    held = gain_curve(levels_of([sound]), wish)

    power = power_of([applied(sound, held)])
    assert loudest_lufs(power_of([applied(sound, free)]), SHORT_TERM_MS) > -18
    assert loudest_lufs(power, SHORT_TERM_MS) <= -19.9
    assert metering.integrated_lufs(power) == pytest.approx(-23, abs=0.15)
    step_db = np.abs(np.diff(20 * np.log10(held)))
    assert step_db.max() < 0.05, "less than 50 dB a second: nobody hears it as a jump"
    bends_db = np.abs(np.diff(20 * np.log10(held[::50]), 2))
    assert bends_db.max() < 0.1
    assert held[1000] > free[1000]
    assert held[11_500] < free[11_500]


def test_a_momentary_limit_is_held_too(tmp_path: Path) -> None:
    sound = noise(8, 0.05)
    sound[2 * RATE : 2 * RATE + RATE // 2] *= 6
    aim = LoudnessTarget(name="own", integrated_lufs=-23, tolerance_lu=0.5, true_peak_dbtp=-1, max_momentary_lufs=-18.0)

    done = master(sound, aim=aim, target=tmp_path / "a.m4a")

    assert done.within_limits
    assert -20 < done.found.max_momentary_lufs <= -18


@pytest.mark.parametrize(
    ("every_ms", "burst_ms", "above", "crest"), [(854, 241, 232, 3.43), (3601, 131, 775, 2.76), (2823, 286, 311, 3.58)]
)
def test_a_gain_is_found_where_loudness_does_not_follow_it_evenly(
    every_ms: int, burst_ms: int, above: float, crest: float
) -> None:
    # Bursts far above the rest: pressed by the limiter, the rest passes the meter's gate and lowers the mean.
    power = np.full(11_618, 1e-4)
    for start in range(0, len(power), every_ms):
        power[start : start + burst_ms] *= above
    levels = Levels(power=power, peaks=np.sqrt(power / 2) * crest)

    curve = gain_curve(levels, Wish(lufs=-14, ceiling_db=-1.7))

    assert metering.integrated_lufs(power * curve**2) == pytest.approx(-14, abs=0.2)


def test_what_cannot_be_as_loud_is_said_to_be_outside(tmp_path: Path) -> None:
    clicks = np.zeros((5 * RATE, 2), np.float32)
    clicks[::4000] = 0.5

    done = master(clicks, aim=STANDARDS["social"], target=tmp_path / "a.m4a")

    assert not done.within_limits
    assert not done.is_silent
    assert done.encodes == 3
    assert done.found == measured(tmp_path / "a.m4a"), "the best of them is kept"
    assert [path.name for path in tmp_path.iterdir()] == ["a.m4a"], "no draft stays"


def test_silence_is_said_and_not_looped_on(tmp_path: Path) -> None:
    done = master(np.zeros((RATE, 2), np.float32), aim=STANDARDS["social"], target=tmp_path / "a.m4a")

    assert (done.is_silent, done.within_limits, done.encodes) == (True, False, 1)
    assert done.integrated_lufs == -math.inf


@pytest.mark.parametrize("name", ["social", "ebu_r128_s1"])
def test_the_stems_add_up_to_what_was_encoded(tmp_path: Path, ad: Mix, name: str) -> None:
    loud = tuple(part * np.float32(3) for part in ad.parts)

    done = master(*loud, aim=STANDARDS[name], target=tmp_path / "a.m4a")
    for place, part in enumerate(loud):
        write_wav(tmp_path / f"{place}.wav", part, curve=done.curve)

    together = sum(read_sound(tmp_path / f"{place}.wav") for place in range(3))
    whole = applied(np.asarray(loud[0] + loud[1] + loud[2], np.float32), done.curve)
    assert 20 * np.log10(np.abs(together - whole).max() + 1e-12) < -100
    # What is delivered is that sound, but for what AAC leaves out.
    heard = read_sound(tmp_path / "a.m4a")[: len(whole)]
    off = len(whole) - len(heard)
    assert off <= 2048
    assert np.sqrt(np.mean((heard - whole[: len(heard)]) ** 2)) < 0.06 * np.sqrt(np.mean(whole**2))


def test_the_encoder_gets_a_long_sound_without_a_seam(tmp_path: Path) -> None:
    at = np.arange(9 * RATE)
    pure = np.repeat((0.3 * np.sin(2 * np.pi * 300 * at / RATE)).astype(np.float32)[:, None], 2, axis=1)

    encode_aac(pure * np.float32(0.5), pure * np.float32(0.5), target=tmp_path / "a.m4a", curve=np.ones(9000))

    heard = read_sound(tmp_path / "a.m4a")[: len(pure)]
    assert np.abs(heard - pure[: len(heard)])[2048:-4096].max() < 0.01


def test_the_limiter_holds_peaks_between_samples() -> None:
    # A quarter of the rate at 45 degrees: samples reach 0.71 of the wave's own peak.
    at = np.arange(RATE) * np.pi / 2 + np.pi / 4
    hot = np.repeat((1.2 * np.sin(at)).astype(np.float32)[:, None], 2, axis=1)

    peaks = levels_of([hot]).peaks
    held = applied(hot, held_under(np.ones(len(peaks)), peaks, -3))

    assert np.abs(held[2000:-2000]).max() == pytest.approx(10 ** (-3 / 20) * math.sqrt(0.5), rel=0.03)
