"""A film that stands still: its frames, its sounds, its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.stream import Disposition

from ad_pipeline.media.holding import Hold, held_frame, held_s, in_pieces, played_through
from ad_pipeline.media.join import mux
from ad_pipeline.media.loudness import encode_aac
from ad_pipeline.media.time import AUDIO_RATE_HZ
from ad_pipeline_tests.media.films import write_film

HOLDS = (Hold(frame=11, frames=24), Hold(frame=35, frames=12))


def test_what_comes_behind_a_hold_is_later_by_all_holds_before_it() -> None:
    assert [held_frame(at, HOLDS) for at in (0, 11, 12, 35, 36)] == [0, 11, 36, 59, 72]
    assert [held_s(at_s, HOLDS) for at_s in (0.0, 0.49, 0.5, 1.4, 1.5)] == [0.0, 0.49, 1.5, 2.4, 3.0]


def test_an_effect_is_cut_where_the_picture_stands_and_goes_on_behind() -> None:
    sound = np.arange(AUDIO_RATE_HZ, dtype=np.float32)

    pieces = in_pieces(sound, 0.25, HOLDS)

    assert [start_s for _, start_s in pieces] == [0.25, 1.5]
    assert np.array_equal(np.concatenate([samples for samples, _ in pieces]), sound)
    assert len(pieces[0][0]) == AUDIO_RATE_HZ // 4


@pytest.mark.parametrize("first", [2, 30])
def test_music_plays_on_while_the_picture_stands(first: int) -> None:
    at = np.arange(3 * AUDIO_RATE_HZ) / AUDIO_RATE_HZ
    tone = (0.3 * np.sin(2 * np.pi * 196.3 * at)).astype(np.float32)
    holds = (Hold(frame=first, frames=20), Hold(frame=60, frames=10))

    longer = played_through(np.stack([tone, tone], axis=1), holds)

    assert len(longer) == len(tone) + 30 * AUDIO_RATE_HZ // 24
    assert np.abs(np.diff(longer[:, 0])).max() < 0.02  # no click: the tone itself moves by 0.008 a sample
    quiet = [np.sqrt(np.mean(np.square(longer[i : i + 2400]))) for i in range(0, len(longer) - 2400, 2400)]
    assert min(quiet) > 0.03


def test_the_held_film_shows_every_frame_and_lasts_as_long_as_its_sound(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", lambda at: 40 + 3 * at, frames=48)
    sound = np.zeros(((48 + 36) * AUDIO_RATE_HZ // 24, 2), np.float32)
    encode_aac(sound, target=tmp_path / "sound.m4a")

    mux(film, tmp_path / "sound.m4a", tmp_path / "held.mp4", holds=HOLDS, language="ko", described=True)

    with av.open(str(tmp_path / "held.mp4")) as held:
        heard: Any = held.streams.audio[0]
        assert heard.language == "kor"
        assert Disposition.visual_impaired in heard.disposition and Disposition.descriptions in heard.disposition
        shown = [(frame.time, float(frame.to_ndarray()[:160].mean())) for frame in held.decode(held.streams.video[0])]
        assert float(held.duration or 0) / av.time_base == pytest.approx(84 / 24, abs=0.03)
    assert [round((time or 0) * 24) for time, _ in shown] == [held_frame(at, HOLDS) for at in range(48)]
    assert all(after > before for (_, before), (_, after) in zip(shown, shown[1:], strict=False))
