"""What a voice goes through before the mix, on real speech with a known flaw added."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ad_pipeline.media.voice_chain import compressed, softened, spoken_level, through_voice_chain
from ad_pipeline_tests.bench.mixes import said

RATE = 48_000


def band_db(samples: NDArray[np.float32], low_hz: float, high_hz: float) -> float:
    power = np.abs(np.fft.rfft(samples)) ** 2
    hertz = np.fft.rfftfreq(len(samples), 1 / RATE)
    return float(10 * np.log10(power[(hertz >= low_hz) & (hertz < high_hz)].sum() + 1e-12))


def spread_db(samples: NDArray[np.float32]) -> float:
    """Between its loud and its middling syllables."""
    whole = len(samples) // 2400 * 2400
    levels = 10 * np.log10(np.square(samples[:whole], dtype=np.float64).reshape(-1, 2400).mean(axis=1) + 1e-12)
    spoken = levels[levels > levels.max() - 26]
    return float(np.percentile(spoken, 95) - np.percentile(spoken, 30))


def rumbling(line: NDArray[np.float32]) -> NDArray[np.float32]:
    return (line + 0.1 * np.sin(2 * np.pi * 40 * np.arange(len(line)) / RATE)).astype(np.float32)


def hissing(line: NDArray[np.float32]) -> NDArray[np.float32]:
    """The line with an s of a quarter second, as sharp as a close microphone hears it."""
    noise = np.random.default_rng(2).normal(0, 1, 12_000) * np.hanning(12_000)
    spectrum = np.fft.rfft(noise)
    hertz = np.fft.rfftfreq(12_000, 1 / RATE)
    sharp = np.fft.irfft(spectrum * ((hertz > 6000) & (hertz < 9500)))
    out = line.copy()
    out[RATE // 2 : RATE // 2 + 12_000] += (0.5 * sharp / np.abs(sharp).max()).astype(np.float32)
    return out


def test_rumble_goes_and_the_speech_stays() -> None:
    line = said(0)

    clean = through_voice_chain(rumbling(line))

    assert clean.shape == line.shape
    before = band_db(rumbling(line), 25, 55) - band_db(rumbling(line), 150, 4000)
    assert band_db(clean, 25, 55) - band_db(clean, 150, 4000) < before - 20
    like = np.corrcoef(clean, line)[0, 1]
    assert like > 0.8, "the same words"


def test_a_sharp_s_is_turned_down_and_nothing_else() -> None:
    line = said(0)
    sharp = hissing(line)

    soft = softened(sharp)

    there = slice(RATE // 2 + 3000, RATE // 2 + 9000)
    assert band_db(soft[there], 6000, 9500) < band_db(sharp[there], 6000, 9500) - 3
    elsewhere = np.abs(soft - sharp)
    elsewhere[RATE // 2 - 1000 : RATE // 2 + 13_000] = 0
    assert elsewhere.max() < 0.02 * spoken_level(line) + 0.02


def test_loud_syllables_come_closer_to_the_others() -> None:
    line = said(2)
    uneven = line.copy()
    uneven[: len(line) // 3] *= 3

    even = compressed(uneven)

    assert spread_db(even) < spread_db(uneven) - 1.2
    assert np.abs(even).max() <= np.abs(uneven).max()


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_a_voice_begins_and_ends_at_zero_and_has_no_click(place: int) -> None:
    line = said(place)[2400:-2400]  # cut in the middle of speech

    made = through_voice_chain(line)

    assert np.abs(made[[0, -1]]).max() < 1e-12
    assert np.abs(np.diff(made)).max() < 1.25 * np.abs(np.diff(line)).max()


@pytest.mark.parametrize("count", [0, 1, 7, 500])
def test_silence_and_next_to_nothing_pass(count: int) -> None:
    assert np.array_equal(through_voice_chain(np.zeros(count, np.float32)), np.zeros(count, np.float32))
    short = through_voice_chain(np.full(count, 0.1, np.float32))
    assert len(short) == count
    assert np.isfinite(short).all()
