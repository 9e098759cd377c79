"""A person's picture as one upright PNG, quickly also where it is large; what shows nothing is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ad_pipeline.errors import MediaError
from ad_pipeline.media.stills import checked_photo, write_png


@pytest.mark.parametrize("name", ["large.jpg", "large.png"])
def test_twenty_million_pixels_are_kept_at_a_films_size(tmp_path: Path, name: str) -> None:
    slope = np.linspace(0, 255, 3900, dtype=np.uint8)
    picture = np.broadcast_to(slope[None, :, None], (5200, 3900, 3)).copy()
    picture[:2600, :, 2] = 40
    Image.fromarray(picture).save(tmp_path / name, compress_level=1)

    checked_photo(tmp_path / name)
    write_png(tmp_path / name, tmp_path / "kept.png")

    with Image.open(tmp_path / "kept.png") as kept:
        assert (kept.mode, kept.size) == ("RGB", (1500, 2000))
        small = np.asarray(kept).astype(int)
    assert np.abs(small[1500, :, 0] - np.linspace(0, 255, 1500)).max() <= 3
    assert small[500, 750, 2] == pytest.approx(40, abs=3)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
def test_a_picture_taken_at_any_angle_is_kept_upright(tmp_path: Path, orientation: int, suffix: str) -> None:
    upright = Image.new("RGB", (3000, 1200), (250, 250, 250))
    upright.paste((200, 30, 30), (0, 0, 900, 400))
    turn = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = upright.transpose(turn[orientation]) if orientation in turn else upright
    turned.save(tmp_path / f"turned.{suffix}", exif=exif)

    write_png(tmp_path / f"turned.{suffix}", tmp_path / "kept.png")

    with Image.open(tmp_path / "kept.png") as kept:
        assert kept.size == (2000, 800)
        assert kept.getexif().get(0x0112, 1) == 1
        pixels = np.asarray(kept).astype(int)
    assert np.abs(pixels[100, 100] - (200, 30, 30)).max() < 12
    assert np.abs(pixels[-100, -100] - 250).max() < 12


@pytest.mark.parametrize("white", [1.0, 255.0, 65535.0])
def test_a_float_picture_keeps_its_tones(tmp_path: Path, white: float) -> None:
    slope = np.broadcast_to(np.linspace(0, white, 256, dtype=np.float32), (100, 256))
    Image.fromarray(slope.copy()).save(tmp_path / "float.tif")

    write_png(tmp_path / "float.tif", tmp_path / "kept.png")

    with Image.open(tmp_path / "kept.png") as kept:
        assert np.abs(np.asarray(kept)[50, :, 0].astype(int) - np.arange(256)).max() <= 1


@pytest.mark.parametrize(
    ("mode", "colour", "said"),
    [
        ("RGB", (255, 255, 255), "nothing.png is one plain colour; give a picture of the product"),
        ("L", 7, "one plain colour"),
        ("RGBA", (9, 9, 9, 0), "nothing.png is transparent all over; give a picture of the product"),
        ("LA", (9, 3), "transparent all over"),
    ],
)
def test_a_picture_that_shows_nothing_is_refused(
    tmp_path: Path, mode: str, colour: int | tuple[int, ...], said: str
) -> None:
    Image.new(mode, (100, 100), colour).save(tmp_path / "nothing.png")

    with pytest.raises(MediaError, match=said):
        checked_photo(tmp_path / "nothing.png")


def test_a_shape_of_one_colour_is_a_picture(tmp_path: Path) -> None:
    shape = Image.new("RGBA", (100, 100), (200, 0, 0, 0))
    shape.paste((200, 0, 0, 255), (20, 20, 80, 80))
    shape.save(tmp_path / "shape.png")

    checked_photo(tmp_path / "shape.png")
