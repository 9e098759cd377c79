"""Real speech, said faster and slower: as long as asked, at its own pitch, in time, without clicks."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ad_pipeline.media.stretch import FASTEST, SLOWEST, stretched
from ad_pipeline_tests.bench.mixes import said

RATE = 48_000
SPEEDS = (0.8, 0.93, 1.04, 1.15, 1.25)
_HOP = 480


def loudness(samples: NDArray[np.float32], hop: int = _HOP) -> NDArray[np.float64]:
    whole = len(samples) // hop * hop
    return np.sqrt(np.square(samples[:whole], dtype=np.float64).reshape(-1, hop).mean(axis=1))


def pitch_hz(samples: NDArray[np.float32], at_s: float) -> float:
    """The pitch around a moment, by autocorrelation, to a fraction of a sample; 0 where nothing is voiced."""
    start = round(at_s * RATE) - 1200
    piece = samples[max(0, start) : start + 2400].astype(np.float64)
    if len(piece) < 2400 or np.sqrt(np.mean(piece**2)) < 0.02:
        return 0.0
    like = np.fft.irfft(np.abs(np.fft.rfft(piece * np.hanning(2400), 8192)) ** 2)[:1200]
    at = int(np.argmax(like[100:700])) + 100
    if like[at] < 0.5 * like[0] or at in (100, 699):
        return 0.0
    before, here, after = like[at - 1 : at + 2]
    return float(RATE / (at + 0.5 * (before - after) / (before - 2 * here + after)))


def pitch_ratio(spoken: NDArray[np.float32], other: NDArray[np.float32], speed: float) -> float:
    """How much higher the same moments are, as a median; moments every 10 ms."""
    pairs = [(pitch_hz(spoken, t), pitch_hz(other, t / speed)) for t in np.arange(0.0, len(spoken) / RATE, 0.01)]
    ratios = [after / before for before, after in pairs if before and after]
    assert len(ratios) > 50
    return float(np.median(ratios))


def onsets_s(samples: NDArray[np.float32], pause_s: float) -> NDArray[np.float64]:
    """When sound begins after a pause."""
    loud, pause = loudness(samples, 240) > 0.01, round(pause_s * RATE / 240)
    starts = [at for at in range(pause, len(loud)) if loud[at] and not loud[at - pause : at].any()]
    return np.array(starts) * 240 / RATE


@pytest.mark.parametrize("speed", SPEEDS)
@pytest.mark.parametrize("line", [0, 1, 2, 3])
def test_a_line_keeps_its_pitch_its_words_and_their_times(speed: float, line: int) -> None:
    spoken = said(line)

    other = stretched(spoken, speed)

    assert (other.shape, other.dtype) == ((round(len(spoken) / speed),), np.float32)
    assert pitch_ratio(spoken, other, speed) == pytest.approx(1.0, abs=0.01)
    before, after = loudness(spoken), loudness(other)
    asked = np.interp(np.arange(len(after)) * speed, np.arange(len(before)), before)
    assert np.corrcoef(asked, after)[0, 1] > 0.95
    starts, moved = onsets_s(spoken, 0.08), onsets_s(other, 0.05)
    assert len(starts)
    assert all(np.abs(moved - start / speed).min() <= 0.015 for start in starts)


@pytest.mark.parametrize("speed", SPEEDS)
def test_no_click_is_added(speed: float) -> None:
    spoken = said(2)
    pure = (0.5 * np.hanning(RATE) * np.sin(2 * np.pi * 220 * np.arange(RATE) / RATE)).astype(np.float32)

    assert np.abs(np.diff(stretched(spoken, speed))).max() <= 1.1 * np.abs(np.diff(spoken)).max()
    assert np.abs(np.diff(stretched(pure, speed), 2)).max() <= 1.3 * np.abs(np.diff(pure, 2)).max()


def test_a_line_at_its_own_speed_is_the_same_and_no_other_object() -> None:
    spoken = said(0)

    same = stretched(spoken, 1.0)

    assert np.array_equal(same, spoken)
    assert same is not spoken


@pytest.mark.parametrize("count", [0, 1, 500, 1500])
def test_what_is_very_short_or_silent_keeps_its_length(count: int) -> None:
    other = stretched(np.zeros(count, np.float32), 1.1)

    assert len(other) == round(count / 1.1)
    assert not other.any()


@pytest.mark.parametrize("speed", [0.5, SLOWEST - 0.01, FASTEST + 0.01, float("nan")])
def test_a_speed_that_would_be_heard_as_strange_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="outside of 0.8 to 1.25"):
        stretched(np.zeros(5000, np.float32), speed)
