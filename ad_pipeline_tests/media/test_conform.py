"""Films brought to another rate and back: which frame shows which moment."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from ad_pipeline.errors import MediaError
from ad_pipeline.media.conform import join_films, pictures_at, retimed
from ad_pipeline.media.encode import MEZZANINE, VideoWriter, planes_from_rgb
from ad_pipeline.media.time import FILM, FrameRate
from ad_pipeline.values import Size

SPEECH = FrameRate(Fraction(25))
SIZE = Size(width_px=80, height_px=16)


def _picture(number: int) -> NDArray[np.uint8]:
    """Ten bits of `number`, black and white."""
    bits = [255 * (number >> bit & 1) for bit in range(10)]
    return np.repeat(np.repeat(np.array(bits, np.uint8)[None, :, None], 16, 0), 8, 1).repeat(3, 2)


def _numbered(path: Path, frames: int) -> Path:
    with VideoWriter(path, size=SIZE, settings=MEZZANINE) as film:
        for number in range(frames):
            film.write(planes_from_rgb(_picture(number)))
    return path


def _number(picture: NDArray[np.uint8]) -> int:
    return sum(int(picture[8, 4 + 8 * bit].mean() > 128) << bit for bit in range(10))


def _numbers(path: Path) -> list[int]:
    with av.open(str(path)) as film:
        return [_number(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)) for frame in film.decode(video=0)]


@pytest.mark.parametrize("frames", [12, 13, 25, 61, 97, 240, 601])
def test_a_clip_that_went_to_25_frames_a_second_comes_back_frame_by_frame(tmp_path: Path, frames: int) -> None:
    clip, there, back = _numbered(tmp_path / "clip.mp4", frames), tmp_path / "there.mp4", tmp_path / "back.mp4"

    retimed(clip, there, rate=SPEECH, frames=SPEECH.frames(FILM.seconds(frames)))
    join_films([there], back, size=SIZE, frames=frames)

    assert _numbers(back) == list(range(frames))


@pytest.mark.parametrize("frames", [61, 240])
def test_each_frame_of_either_rate_shows_a_moment_at_most_half_a_frame_away(tmp_path: Path, frames: int) -> None:
    clip, there = _numbered(tmp_path / "clip.mp4", frames), tmp_path / "there.mp4"

    retimed(clip, there, rate=SPEECH, frames=SPEECH.frames(FILM.seconds(frames)))

    # 25 fps frames show the film within half a film's frame; the way back shows those within half of theirs: 20 ms.
    off_s = [abs(place / 25 - number / 24) for place, number in enumerate(_numbers(there))]
    assert max(off_s) <= 0.5 / 24 + 1e-9
    back = [round(Fraction(number * 25, 24)) for number in range(frames)]
    assert max(abs(place / 25 - number / 24) for number, place in enumerate(back)) <= 0.020 + 1e-9
    assert max(back) < len(off_s)


def test_pictures_are_found_by_their_frame_and_beyond_the_end_the_last_is_given(tmp_path: Path) -> None:
    clip = _numbered(tmp_path / "clip.mp4", 30)

    assert [_number(picture) for picture in pictures_at(clip, [29, 0, 7, 7, 99])] == [29, 0, 7, 7, 29]


def test_a_film_that_is_read_and_written_again_keeps_its_colours(tmp_path: Path) -> None:
    colour = np.full((64, 96, 3), (201, 97, 44), np.uint8)
    clip, back = tmp_path / "clip.mp4", tmp_path / "back.mp4"
    with VideoWriter(clip, size=Size(width_px=96, height_px=64), settings=MEZZANINE) as film:
        for _ in range(4):
            film.write(planes_from_rgb(colour))

    for _ in range(5):
        join_films([clip], back, size=Size(width_px=96, height_px=64), frames=4)
        back.replace(clip)

    seen = pictures_at(clip, [3])[0].mean(axis=(0, 1))
    assert np.abs(seen - (201, 97, 44)).max() < 1.5


def test_a_sound_has_no_pictures(tmp_path: Path) -> None:
    (tmp_path / "no.mp4").write_bytes(b"no film")

    with pytest.raises(MediaError):
        pictures_at(tmp_path / "no.mp4", [0])
