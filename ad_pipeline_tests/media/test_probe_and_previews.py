from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ad_pipeline.errors import MediaError
from ad_pipeline.media.encode import DELIVERY
from ad_pipeline.media.ffmpeg import run_ffmpeg
from ad_pipeline.media.previews import contact_sheet, flat_view, thumbnail, waveform
from ad_pipeline.media.probe import probe
from ad_pipeline.media.sound import write_wav
from ad_pipeline.media.typography import set_text
from ad_pipeline.values import Box
from ad_pipeline_tests.media.films import SMALL, write_film


def test_a_film_of_ours_is_probed_right(tmp_path: Path) -> None:
    facts = probe(write_film(tmp_path / "film.mp4", lambda i: 50 + i, frames=36, settings=DELIVERY))

    picture = facts.picture
    assert picture is not None
    assert (picture.size, picture.frames, picture.rate.per_second) == (SMALL, 36, Fraction(24))
    assert (picture.codec, picture.profile, picture.pix_fmt, picture.is_bt709) == ("h264", "High", "yuv420p", True)
    assert (picture.is_constant_rate, picture.starts_at_s, facts.is_faststart, facts.sound) == (True, 0.0, True, None)
    assert facts.duration_s == 1.5


def test_another_film_is_told_from_ours(tmp_path: Path) -> None:
    target = tmp_path / "other.mp4"
    run_ffmpeg(
        ["-f", "lavfi", "-i", "testsrc=size=64x48:rate=30:duration=1", "-f", "lavfi", "-i", "sine=duration=1",
         "-vf", "select='not(eq(n,7))'", "-fps_mode", "vfr", "-pix_fmt", "yuv444p", str(target)]
    )  # fmt: skip

    facts = probe(target)

    assert facts.picture is not None and facts.sound is not None
    assert (facts.picture.pix_fmt, facts.picture.is_constant_rate, facts.picture.is_bt709) == ("yuv444p", False, False)
    assert (facts.sound.rate_hz, facts.sound.channels, facts.is_faststart) == (44_100, 1, False)


@pytest.mark.parametrize("body", [b"", b"no film" * 99])
def test_a_broken_file_is_told_as_one(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "film.mp4").write_bytes(body)

    with pytest.raises(MediaError, match="film.mp4"):
        probe(tmp_path / "film.mp4")
    with pytest.raises(MediaError, match="missing.mp4"):
        probe(tmp_path / "missing.mp4")


def test_a_contact_sheet_runs_from_the_first_frame_to_the_last(tmp_path: Path) -> None:
    clip = write_film(tmp_path / "clip.mp4", lambda i: 40 + 5 * i, frames=31)

    contact_sheet(clip, tmp_path / "sheet.jpg", columns=3, width_px=300)

    sheet = np.asarray(Image.open(tmp_path / "sheet.jpg").convert("L"), np.int16)
    assert sheet.shape == (167, 300)
    assert [int(sheet[80, x]) for x in (50, 150, 250)] == pytest.approx([28, 115, 203], abs=4)


def test_a_thumbnail_is_the_frame_that_was_asked_for(tmp_path: Path) -> None:
    clip = write_film(tmp_path / "clip.mp4", lambda i: 40 + 5 * i, frames=31)

    thumbnail(clip, tmp_path / "t.jpg", at_frame=20, width_px=48)

    image = Image.open(tmp_path / "t.jpg")
    assert image.size == (48, 80)
    assert np.asarray(image).mean() == pytest.approx((140 - 16) * 255 / 219, abs=3)


def test_a_waveform_shows_where_sound_is(tmp_path: Path) -> None:
    sound = np.zeros(48_000, np.float32)
    sound[:24_000] = np.sin(np.arange(24_000) / 9) * 0.4
    write_wav(tmp_path / "v.wav", sound)

    waveform(tmp_path / "v.wav", tmp_path / "v.png", width_px=200, height_px=60)

    dark = (np.asarray(Image.open(tmp_path / "v.png").convert("L")) < 100).sum(axis=0)
    assert dark[:95].min() > 40
    assert dark[105:].max() <= 1


def test_a_flat_view_has_the_text_and_the_image_has_not(tmp_path: Path) -> None:
    Image.new("RGB", (400, 600), "#804020").save(tmp_path / "key.png")
    before = (tmp_path / "key.png").read_bytes()
    box = Box(left_px=20, top_px=20, right_px=380, bottom_px=200)
    text = set_text("촉촉한 하루", font_name="Pretendard-Bold", box=box, largest_px=80, smallest_px=20, most_lines=2)

    flat_view(tmp_path / "key.png", [text], tmp_path / "flat.jpg", width_px=200)

    flat = np.asarray(Image.open(tmp_path / "flat.jpg").convert("L"))
    assert flat.shape == (300, 200)
    assert flat[:100].max() > 220 > 100 > flat[150:].max()
    assert (tmp_path / "key.png").read_bytes() == before
