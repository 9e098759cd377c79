"""The animatic's motion clips and camera moves, on small real files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from ad_pipeline.engines.animatic.drawing.moves import MOVES, Hand, Shot, inverted, path_of, sampling
from ad_pipeline.engines.animatic.motion import KenBurns
from ad_pipeline.engines.contracts import Job
from ad_pipeline.engines.crafts.motion import MotionRequest
from ad_pipeline.errors import Cancelled, EngineRefused
from ad_pipeline.media.encode import read_planes
from ad_pipeline_tests.engines.pictures import JOB, SMALL, image_request, rendered


def _motion(image: Path, **changes: object) -> MotionRequest:
    request = MotionRequest(image=image, size=SMALL, frames=12, motion_style="slow zoom-in", seed=3)
    return replace(request, **changes)  # type: ignore[arg-type]  # a test's own shorthand


@pytest.mark.parametrize("style", MOVES)
def test_every_style_makes_a_clip_that_moves_from_layers_and_from_a_flat_picture(tmp_path: Path, style: str) -> None:
    rendered(image_request(prompt="petals product"), tmp_path)

    for layers in (tmp_path / "key.png.layers", None):
        request = _motion(tmp_path / "key.png", layers_dir=layers, motion_style=style)
        done = KenBurns().render_motion(request, tmp_path / "clip.mp4", JOB)
        frames = [planes[0].astype(np.float32) for planes in read_planes(tmp_path / "clip.mp4")]

        assert len(frames) == 12 and frames[0].shape == (384, 216)
        assert np.abs(frames[0] - frames[-1]).mean() > 0.5, "stands still"
        assert done.details["motion_style"] == style
        assert bool(done.details["layers"]) is (layers is not None)


def test_a_clip_is_what_the_contract_says(tmp_path: Path) -> None:
    rendered(image_request(), tmp_path)

    KenBurns().render_motion(_motion(tmp_path / "key.png"), tmp_path / "clip.mp4", JOB)

    with av.open(str(tmp_path / "clip.mp4")) as film:
        stream = film.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt, stream.average_rate, stream.frames) == (
            "h264",
            "yuv420p",
            24,
            12,
        )
        assert not film.streams.audio


def test_the_first_frame_of_a_layered_clip_is_the_key_image(tmp_path: Path) -> None:
    key = rendered(image_request(), tmp_path)
    request = _motion(tmp_path / "key.png", layers_dir=tmp_path / "key.png.layers", motion_style="gentle drift")

    KenBurns().render_motion(request, tmp_path / "clip.mp4", JOB)

    luma = next(read_planes(tmp_path / "clip.mp4"))[0].astype(np.float32)
    wanted = 16 + 219 / 255 * (key @ np.array([0.2126, 0.7152, 0.0722]))
    assert np.abs(luma - wanted).mean() < 2.0


@pytest.mark.parametrize("style", MOVES)
@pytest.mark.parametrize("strength", [0.01, 1.0, 2.0])
@pytest.mark.parametrize("overscan", [0, 24])
def test_no_pose_shows_past_the_plate(style: str, strength: float, overscan: int) -> None:
    width, height = 216, 384
    poses = path_of(style, frames=48, seconds=2.0, hand=Hand(strength=strength))
    shot = Shot(
        canvas_width=width + overscan, canvas_height=height + overscan, frame_left=overscan / 2,
        frame_top=overscan / 2, width=width, height=height, focus_x=100, focus_y=250,
    ).covering(poses)  # fmt: skip

    for pose in poses:
        back = inverted(shot.to_film(pose))
        for x, y in ((0, 0), (width, 0), (0, height), (width, height)):
            seen = back[:, :2] @ [x, y] + back[:, 2]
            assert 0 <= seen[0] <= width + overscan and 0 <= seen[1] <= height + overscan


def test_chroma_moves_with_luma() -> None:
    shot = Shot(
        canvas_width=240, canvas_height=420, frame_left=12, frame_top=18, width=216, height=384, focus_x=1, focus_y=2
    )
    film = shot.to_film(path_of("parallax movement", frames=9, seconds=1, hand=Hand())[3])

    full, half = sampling(film, pitch_from=1, pitch_to=1), sampling(film, pitch_from=2, pitch_to=2)

    # The chroma sample j lies between the luma samples 2j and 2j + 1, in the source as in the film.
    for j in (0, 10, 57):
        luma = (full[:, :2] @ [2 * j + 0.5, 2 * j + 0.5] + full[:, 2] - 0.5) / 2
        assert half[:, :2] @ [j, j] + half[:, 2] == pytest.approx(luma)


def test_the_zoom_is_smoother_than_a_hundredth_of_a_pixel() -> None:
    """Dots are warped as the plate is and their centres tracked; what departs from the exact path is jitter."""
    size, dots = (360, 240), [(60, 60), (180, 120), (290, 190)]
    picture = np.zeros((size[1] + 40, size[0] + 40), np.float32)
    y, x = np.mgrid[0 : picture.shape[0], 0 : picture.shape[1]].astype(np.float32)
    for dot in dots:
        picture += 220 * np.exp(-(((x + 0.5 - dot[0]) ** 2 + (y + 0.5 - dot[1]) ** 2) / 50))
    shot = Shot(
        canvas_width=400,
        canvas_height=280,
        frame_left=20,
        frame_top=20,
        width=360,
        height=240,
        focus_x=200,
        focus_y=140,
    )
    poses = path_of("slow zoom-in", frames=30, seconds=1.25, hand=Hand())

    away: list[float] = []
    for pose in poses:
        film = shot.to_film(pose)
        frame = cv2.warpAffine(
            picture, sampling(film, pitch_from=1, pitch_to=1), size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        )
        for dot in dots:
            wanted = film[:, :2] @ dot + film[:, 2]
            x0, y0 = int(wanted[0]) - 24, int(wanted[1]) - 24
            part = frame[max(y0, 0) : y0 + 48, max(x0, 0) : x0 + 48]
            v, u = np.mgrid[max(y0, 0) : max(y0, 0) + part.shape[0], max(x0, 0) : max(x0, 0) + part.shape[1]]
            found = np.array([((u + 0.5) * part).sum(), ((v + 0.5) * part).sum()]) / part.sum()
            away += list(found - wanted)

    assert np.std(away) <= 0.01


def test_the_bucket_scales_the_move() -> None:
    weak = path_of("slow zoom-in", frames=10, seconds=1, hand=Hand(strength=0.2))
    strong = path_of("slow zoom-in", frames=10, seconds=1, hand=Hand(strength=2.0))

    assert strong[-1].zoom - 1 == pytest.approx(10 * (weak[-1].zoom - 1))


def test_an_unknown_style_becomes_a_drift_and_is_told(tmp_path: Path) -> None:
    rendered(image_request(), tmp_path)

    done = KenBurns().render_motion(_motion(tmp_path / "key.png", motion_style="moonwalk"), tmp_path / "c.mp4", JOB)

    assert done.details["motion_style"] == "gentle drift" and done.details["not_honoured"] == ["moonwalk"]


def test_a_clip_of_a_picture_of_another_shape_shows_no_border(tmp_path: Path) -> None:
    Image.new("RGB", (301, 200), (240, 240, 240)).save(tmp_path / "wide.png")

    KenBurns().render_motion(_motion(tmp_path / "wide.png", motion_style="slide transition"), tmp_path / "c.mp4", JOB)

    for planes in read_planes(tmp_path / "c.mp4"):
        assert planes[0].min() > 200


def test_a_stopped_clip_leaves_no_file(tmp_path: Path) -> None:
    rendered(image_request(), tmp_path)
    asked: list[int] = []

    def should_stop() -> bool:
        asked.append(1)
        return len(asked) > 2

    with pytest.raises(Cancelled):
        KenBurns().render_motion(
            _motion(tmp_path / "key.png"), tmp_path / "c.mp4", Job(job_id=JOB.job_id, should_stop=should_stop)
        )

    assert not (tmp_path / "c.mp4").exists()


@pytest.mark.parametrize("content", [None, b"", b"no picture"])
def test_a_broken_key_image_is_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "key.png").write_bytes(content)

    with pytest.raises(EngineRefused, match=r"key\.png"):
        KenBurns().render_motion(_motion(tmp_path / "key.png"), tmp_path / "c.mp4", JOB)

    assert not (tmp_path / "c.mp4").exists()


def test_another_seed_moves_the_camera_otherwise() -> None:
    ways = [path_of("slow zoom-in", frames=48, seconds=2, hand=Hand.of(seed, strength=1)) for seed in (7, 8, 7)]

    assert ways[0] == ways[2]
    apart_px = max(
        1080 * abs(a.pan_x - b.pan_x) + 540 * abs(a.zoom - b.zoom) for a, b in zip(ways[0], ways[1], strict=True)
    )
    assert apart_px > 4
