"""Each check passes on a good file and fails on a file that is bad in just that way."""

import functools
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ad_pipeline.checks.film import check_clip, check_final
from ad_pipeline.checks.picture import check_image
from ad_pipeline.checks.text import check_text_inside
from ad_pipeline.checks.verdict import Verdict
from ad_pipeline.checks.voice import check_one_voice, check_voice
from ad_pipeline.errors import MediaError
from ad_pipeline.media.encode import DELIVERY, EncodeSettings, Planes, VideoWriter
from ad_pipeline.media.ffmpeg import run_ffmpeg
from ad_pipeline.media.join import mux
from ad_pipeline.media.loudness import encode_aac, integrated_lufs, master
from ad_pipeline.media.sound import Samples, write_wav
from ad_pipeline.story.loudness_standards import STANDARDS
from ad_pipeline.values import Box, Size
from ad_pipeline_tests.media.films import flat

SOCIAL = STANDARDS["social"]
SIZE = Size(width_px=320, height_px=480)
FRAMES = 72
RATE = 48_000


def failed(verdicts: Iterable[Verdict]) -> set[str]:
    return {v.name for v in verdicts if not v.passed}


@functools.cache
def scene(size: Size, grain: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(4)
    coarse = rng.integers(60, 200, (9, 6)).astype(np.float32)
    big = cv2.resize(coarse, (size.width_px + 80, size.height_px + 80), interpolation=cv2.INTER_CUBIC)
    return np.asarray(big + rng.normal(0, grain, big.shape), np.float32)


def drifting(i: int, *, size: Size = SIZE, px_a_frame: float = 0.2, grain: int = 3) -> Planes:
    """A picture of soft shapes with grain, zoomed and moved gently: like a calm scene of ours."""
    big = scene(size, grain)
    move = np.array([[1, 0, -20 - i * px_a_frame], [0, 1, -20]], np.float32)
    luma = cv2.warpAffine(big, move, (size.width_px, size.height_px))
    _, u, v = flat(0, size)
    return np.clip(luma, 16, 235).astype(np.uint8), u, v


def film(target: Path, frames: Iterable[Planes], *, size: Size = SIZE, settings: EncodeSettings = DELIVERY) -> Path:
    with VideoWriter(target, size=size, settings=settings) as out:
        for planes in frames:
            out.write(planes)
    return target


def bed(seconds: float = 3.0) -> Samples:
    at = np.arange(round(seconds * RATE)) / RATE
    wave = 0.2 * np.sin(2 * np.pi * 330 * at) + 0.1 * np.sin(2 * np.pi * 1200 * at)
    return np.stack([wave, wave], 1).astype(np.float32)


@pytest.fixture(scope="module")
def good_picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("good") / "picture.mp4", map(drifting, range(FRAMES)))


def final_of(root: Path, picture: Path, sound: Samples) -> Path:
    master(sound, aim=SOCIAL, target=root / "sound.m4a")
    mux(picture, root / "sound.m4a", root / "final.mp4")
    return root / "final.mp4"


def checked(path: Path, *, size: Size = SIZE, frames: int = FRAMES, **loudness: float) -> set[str]:
    # The tiny picture has no use for 5 Mbps; that verdict has its own test.
    target = replace(SOCIAL, **loudness)
    return failed(check_final(path, size=size, frames=frames, loudness_target=target)) - {"bitrate"}


def test_a_good_film_passes_and_wrong_promises_fail(tmp_path: Path, good_picture: Path) -> None:
    final = final_of(tmp_path, good_picture, bed())

    assert checked(final) == set()
    assert checked(final, size=Size(width_px=480, height_px=320)) == {"size"}
    assert checked(final, frames=FRAMES + 1) == {"length"}
    assert checked(final, frames=FRAMES + 24) == {"length", "container_length"}
    assert checked(final, integrated_lufs=-16) == {"loudness"}
    assert checked(final, true_peak_dbtp=-30) == {"true_peak"}
    assert checked(final, max_short_term_lufs=-13) == set()
    assert checked(final, max_short_term_lufs=-15) == {"loudness"}
    told = check_final(final, size=SIZE, frames=FRAMES, loudness_target=SOCIAL, loudness_note="not for tv_kr")
    assert [verdict.note for verdict in told if verdict.name == "loudness"] == ["not for tv_kr"]


def test_a_good_clip_passes(good_picture: Path) -> None:
    assert failed(check_clip(good_picture, size=SIZE, frames=FRAMES)) == set()


def test_a_slow_drift_is_not_taken_for_frozen(tmp_path: Path) -> None:
    slow = film(tmp_path / "slow.mp4", (drifting(i, px_a_frame=0.08) for i in range(FRAMES)))

    assert failed(check_clip(slow, size=SIZE, frames=FRAMES)) == set()


def test_black_frames_fail(tmp_path: Path) -> None:
    dark = flat(16, SIZE)
    clip = film(tmp_path / "clip.mp4", (dark if 20 <= i < 40 else drifting(i) for i in range(FRAMES)))

    assert failed(check_clip(clip, size=SIZE, frames=FRAMES)) == {"black"}


def test_a_short_dip_to_black_passes(tmp_path: Path) -> None:
    dark = flat(16, SIZE)
    clip = film(tmp_path / "clip.mp4", (dark if 20 <= i < 28 else drifting(i) for i in range(FRAMES)))

    assert failed(check_clip(clip, size=SIZE, frames=FRAMES)) == set()


def test_a_frozen_stretch_fails(tmp_path: Path) -> None:
    clip = film(tmp_path / "clip.mp4", (drifting(min(i, 20)) for i in range(FRAMES)))

    assert failed(check_clip(clip, size=SIZE, frames=FRAMES)) == {"frozen"}


def test_another_rate_codec_and_layout_fail(tmp_path: Path) -> None:
    other = tmp_path / "other.mp4"
    run_ffmpeg(
        ["-f", "lavfi", "-i", "testsrc=size=320x480:rate=30:duration=2.4",
         "-f", "lavfi", "-i", "sine=duration=2.4:r=44100",
         "-c:v", "libx264", "-profile:v", "main", "-pix_fmt", "yuv420p", "-c:a", "aac", str(other)]
    )  # fmt: skip

    assert checked(other, frames=72) >= {"frame_rate", "format", "container_length"}
    assert failed(check_clip(other, size=SIZE, frames=72)) == {"frame_rate"}


def test_a_bitrate_outside_the_band_is_a_warning(tmp_path: Path) -> None:
    calm = film(tmp_path / "calm.mp4", (flat(90, SIZE) for _ in range(FRAMES)))
    rng = np.random.default_rng(1)
    size = Size(width_px=960, height_px=540)
    noise = ((rng.integers(16, 235, (540, 960), dtype=np.uint8), *flat(0, size)[1:]) for _ in range(10))
    hot = film(tmp_path / "hot.mp4", noise, size=size, settings=EncodeSettings(preset="ultrafast", qp=20))

    for path, frames, shape in ((calm, FRAMES, SIZE), (hot, 10, size)):
        verdicts = check_final(path, size=shape, frames=frames, loudness_target=SOCIAL)
        bitrate = next(v for v in verdicts if v.name == "bitrate")
        assert (bitrate.passed, bitrate.severity) == (False, "warning")


def test_no_sound_and_silent_sound_fail(tmp_path: Path, good_picture: Path) -> None:
    gap = bed()
    gap[RATE // 2 : int(2.3 * RATE)] = 0
    with_gap = final_of(tmp_path, good_picture, gap)

    assert checked(with_gap) == {"silence"}
    assert checked(good_picture) >= {"loudness", "true_peak", "silence", "format"}


def test_a_hot_sound_fails(tmp_path: Path, good_picture: Path) -> None:
    encode_aac(np.clip(bed() * 9, -1, 1), target=tmp_path / "hot.m4a")
    mux(good_picture, tmp_path / "hot.m4a", tmp_path / "final.mp4")

    assert checked(tmp_path / "final.mp4") == {"loudness", "true_peak"}
    assert integrated_lufs(bed()) < -10


def test_a_file_that_is_no_film_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"none")

    with pytest.raises(MediaError, match="cannot read a.mp4"):
        check_clip(tmp_path / "a.mp4", size=SIZE, frames=1)


def test_an_image_must_be_a_full_png_of_its_size_with_something_on_it(tmp_path: Path) -> None:
    rgb = np.repeat(drifting(0)[0][..., None], 3, axis=2)
    Image.fromarray(rgb).save(tmp_path / "good.png")
    Image.fromarray(rgb).save(tmp_path / "photo.jpg")
    Image.new("RGB", (320, 480), "#AA8866").save(tmp_path / "flat.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "good.png").read_bytes()[:9000])

    assert failed(check_image(tmp_path / "good.png", size=SIZE)) == set()
    assert failed(check_image(tmp_path / "good.png", size=Size(width_px=1, height_px=1))) == {"size"}
    assert failed(check_image(tmp_path / "photo.jpg", size=SIZE)) == {"format"}
    assert failed(check_image(tmp_path / "flat.png", size=SIZE)) == {"not_empty"}
    with pytest.raises(MediaError, match="cannot read cut.png"):
        check_image(tmp_path / "cut.png", size=SIZE)


@pytest.mark.parametrize(
    ("make", "longest_s", "text", "fails"),
    [
        (lambda s: s, 3.0, "물을 머금은 피부", set[str]()),
        (lambda s: s, 2.0, "물을 머금은 피부", {"length"}),
        (lambda s: s, 3.0, "가" * 120, {"whole_text"}),
        (lambda s: s * 0.001, 3.0, "네", {"silence"}),
        (lambda s: np.concatenate([s[:9000], 0 * s[:90_000], s[-9000:]]), 3.0, "네", {"silence"}),
        (lambda s: np.clip(s * 9, -1, 1), 3.0, "네", {"clipping"}),
    ],
)
def test_a_voice_is_checked_for_length_silence_and_clipping(
    tmp_path: Path, make: Callable[[Samples], Samples], longest_s: float, text: str, fails: set[str]
) -> None:
    write_wav(tmp_path / "v.wav", make(bed()[:, 0]).astype(np.float32))

    assert failed(check_voice(tmp_path / "v.wav", longest_s=longest_s, text=text)) == fails


def test_text_outside_the_safe_box_is_named() -> None:
    safe = Box(left_px=50, top_px=50, right_px=950, bottom_px=1200)
    inside = Box(left_px=60, top_px=60, right_px=900, bottom_px=300)
    outside = Box(left_px=40, top_px=60, right_px=960, bottom_px=1230)

    assert check_text_inside({"headline": inside}, safe).passed
    verdict = check_text_inside({"headline": inside, "caption": outside}, safe)
    assert not verdict.passed
    assert verdict.measured == "outside: caption by 30 px"


@pytest.mark.slow
@pytest.mark.parametrize("begins_at", [10, 60, 120])
def test_a_black_second_anywhere_in_a_final_is_found(tmp_path: Path, begins_at: int) -> None:
    """Its two halves are looked at side by side; the middle of these 144 frames is 72."""
    frames, dark = 144, flat(16, SIZE)
    picture = film(
        tmp_path / "picture.mp4",
        (dark if begins_at <= i < begins_at + 24 else drifting(i) for i in range(frames)),
    )

    final = final_of(tmp_path, picture, bed(frames / 24))

    assert checked(final, frames=frames) == {"black"}
    verdicts = check_final(final, size=SIZE, frames=frames, loudness_target=SOCIAL)
    assert next(v.measured for v in verdicts if v.name == "black") == "1.00 s"


@pytest.mark.slow
@pytest.mark.parametrize("stands_from", [10, 80])
def test_a_picture_that_stands_still_in_either_half_is_found(tmp_path: Path, stands_from: int) -> None:
    picture = film(
        tmp_path / "picture.mp4",
        (drifting(stands_from if stands_from <= i < stands_from + 50 else i) for i in range(144)),
    )

    assert checked(final_of(tmp_path, picture, bed(6.0)), frames=144) == {"frozen"}


def test_somebody_who_speaks_with_two_voices_is_a_warning() -> None:
    same = check_one_voice({"narrator": ["elevenlabs/v3 Sarah", "elevenlabs/v3 Sarah"], "준": ["elevenlabs/v3 Liam"]})
    mixed = check_one_voice({"narrator": ["elevenlabs/v3 Sarah", "animatic/espeak ko+f3", "elevenlabs/v3 Sarah"]})

    assert same.passed
    assert (mixed.passed, mixed.severity) == (False, "warning")
    assert mixed.measured == "narrator: elevenlabs/v3 Sarah, animatic/espeak ko+f3"
