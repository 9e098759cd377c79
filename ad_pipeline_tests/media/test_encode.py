from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from ad_pipeline.errors import MachineLacks, MediaError
from ad_pipeline.media.encode import (
    DELIVERY,
    MEZZANINE,
    EncodeSettings,
    VideoWriter,
    planes_from_rgb,
    read_planes,
    rgb_from_planes,
)
from ad_pipeline.values import Size
from ad_pipeline_tests.media.films import SMALL, flat


def test_colours_survive_the_way_to_planes_and_back() -> None:
    colours = np.array([[224, 48, 32], [0, 0, 0], [255, 255, 255], [12, 200, 90], [30, 60, 240]], np.uint8)
    rgb = np.repeat(np.repeat(colours[None], 16, 0), 16, 1)[:, : 5 * 16]

    back = rgb_from_planes(planes_from_rgb(rgb))

    assert np.abs(back[:, 8::16].astype(int) - rgb[:, 8::16]).max() <= 2


def test_white_and_black_take_the_ends_of_the_limited_range() -> None:
    y_white, u, v = planes_from_rgb(np.full((2, 2, 3), 255, np.uint8))
    y_black, _, _ = planes_from_rgb(np.zeros((2, 2, 3), np.uint8))

    assert (y_white.max(), y_black.min(), u[0, 0], v[0, 0]) == (235, 16, 128, 128)


@pytest.mark.parametrize("settings", [MEZZANINE, DELIVERY])
def test_a_written_film_has_exact_times_tags_and_order(tmp_path: Path, settings: EncodeSettings) -> None:
    target = tmp_path / "film.mp4"
    with VideoWriter(target, size=SMALL, settings=settings) as film:
        for i in range(30):
            film.write(flat(40 + 5 * i))

    with av.open(str(target)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        packets = [p for p in container.demux(stream) if p.pts is not None]

        assert [p.pts * (p.time_base or 0) for p in packets if p.pts is not None] == [
            Fraction(i, 24) for i in range(30)
        ]
        assert [i for i, p in enumerate(packets) if p.is_keyframe] == [0, 12, 24]
        assert (context.pix_fmt, context.colorspace, context.color_primaries, context.color_range) == (
            "yuv420p",
            1,
            1,
            1,
        )
    body = target.read_bytes()
    assert body.index(b"moov") < body.index(b"mdat")
    assert [round(float(p[0].mean())) for p in read_planes(target)][::10] == [40, 90, 140]


def test_reading_starts_at_any_frame(tmp_path: Path) -> None:
    target = tmp_path / "film.mp4"
    with VideoWriter(target, size=SMALL, settings=MEZZANINE) as film:
        for i in range(40):
            film.write(flat(30 + 4 * i))

    lumas = [round(float(p[0].mean())) for p in read_planes(target, start_frame=17, frames=9)]

    assert lumas == [30 + 4 * i for i in range(17, 26)]


def test_asking_for_more_frames_than_there_are_says_so(tmp_path: Path) -> None:
    target = tmp_path / "film.mp4"
    with VideoWriter(target, size=SMALL, settings=MEZZANINE) as film:
        for _ in range(5):
            film.write(flat(90))

    with pytest.raises(MediaError, match="has 3 frames from frame 2 on; 9 are needed"):
        list(read_planes(target, start_frame=2, frames=9))


def test_a_failing_block_leaves_no_file(tmp_path: Path) -> None:
    target = tmp_path / "film.mp4"

    with pytest.raises(ValueError, match="on purpose"), VideoWriter(target, size=SMALL, settings=DELIVERY) as film:
        film.write(flat(90))
        raise ValueError("on purpose")

    assert list(tmp_path.iterdir()) == []


def test_a_frame_of_another_size_is_refused(tmp_path: Path) -> None:
    other = Size(width_px=64, height_px=64)

    with (
        pytest.raises(MediaError, match="frame 0 is 64x64; the film is 96x160"),
        VideoWriter(tmp_path / "film.mp4", size=SMALL, settings=DELIVERY) as film,
    ):
        film.write(flat(90, other))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_told_as_one_and_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "film.mp4"
    target.symlink_to("/dev/full")
    noise = np.random.default_rng(1).integers(16, 235, (160, 96), dtype=np.uint8)
    _, u, v = flat(0)

    with pytest.raises(MachineLacks, match="disk is full"), VideoWriter(target, size=SMALL, settings=DELIVERY) as film:
        for i in range(200):
            film.write((np.roll(noise, i * 7, 1), u, v))

    assert list(tmp_path.iterdir()) == []


def test_a_broken_file_is_told_as_one(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"no film at all" * 50)

    with pytest.raises(MediaError, match="cannot read film.mp4") as caught:
        next(read_planes(tmp_path / "film.mp4"))
    assert "Errno" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)
