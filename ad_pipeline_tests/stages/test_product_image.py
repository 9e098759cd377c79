"""The field `product_image`: whatever people send is kept as one upright 8-bit picture, or refused by its name."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ad_pipeline.errors import BriefRejected
from ad_pipeline.stages.opening import open_session
from ad_pipeline.stages.session_facts import INPUT_IMAGE
from ad_pipeline.stages.workplace import Workplace
from ad_pipeline_tests.stages.sessions import a_workplace, brief_text

RED, BLUE, PAPER = (190, 40, 50), (30, 60, 170), (250, 250, 250)


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    return a_workplace(tmp_path / "root")


def _bottle(scale: int = 1) -> NDArray[np.uint8]:
    """Twice as tall as wide: a blue cap on a red body; H x W x 4."""
    rgba = np.zeros((200 * scale, 100 * scale, 4), np.uint8)
    rgba[..., :3] = PAPER
    rgba[20 * scale : 60 * scale, 30 * scale : 70 * scale] = (*BLUE, 255)
    rgba[60 * scale : 180 * scale, 20 * scale : 80 * scale] = (*RED, 255)
    return rgba


def _rgb() -> Image.Image:
    return Image.fromarray(_bottle()[..., :3])


def _sideways(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera lay on its side
    _rgb().rotate(90, expand=True).save(path, exif=exif, quality=95)


def _sixteen_bits(channels: int) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        wide = _bottle()[..., :channels].astype(np.uint16) * 257
        cv2.imwrite(str(path), wide[..., [2, 1, 0, 3][:channels]])

    return write


def _grey_16(path: Path) -> None:
    cv2.imwrite(str(path), cv2.cvtColor(_bottle()[..., :3], cv2.COLOR_RGB2GRAY).astype(np.uint16) * 257)


def _animated(path: Path) -> None:
    _rgb().save(path, save_all=True, append_images=[Image.new("RGB", (100, 200))])


_TAKEN: dict[str, Callable[[Path], None]] = {
    "plain.png": lambda path: _rgb().save(path),
    "photo.jpg": lambda path: _rgb().save(path, quality=95),
    "print.jpg": lambda path: _rgb().convert("CMYK").save(path, quality=95),
    "print.tif": lambda path: _rgb().convert("CMYK").save(path),
    "sixteen.png": _sixteen_bits(3),
    "sixteen_alpha.png": _sixteen_bits(4),
    "sideways.jpg": _sideways,
    "animated.gif": _animated,
    "palette.png": lambda path: _rgb().quantize(16).save(path),
    "photo.webp": lambda path: _rgb().save(path, quality=95),
    "alpha.png": lambda path: Image.fromarray(_bottle()).save(path),
    "clear_colour.gif": lambda path: Image.fromarray(_bottle()).save(path),
}


@pytest.mark.parametrize("name", _TAKEN)
def test_a_picture_of_any_kind_is_kept_upright_in_eight_bits(workplace: Workplace, tmp_path: Path, name: str) -> None:
    _TAKEN[name](tmp_path / name)

    open_session(workplace, "ad", brief_text(product_image=name), folder=tmp_path)

    session = workplace.session("ad")
    record = session.picked(INPUT_IMAGE)
    assert record
    with Image.open(session.path_of(record)) as kept:
        assert (kept.format, kept.size) == ("PNG", (100, 200))
        assert kept.mode == ("RGBA" if "alpha" in name or "clear" in name else "RGB")
        pixels = np.asarray(kept.convert("RGBA")).astype(int)
    for at, colour in (((40, 50), BLUE), ((120, 50), RED)):
        assert np.abs(pixels[at][:3] - colour).max() <= 8, name
        assert pixels[at][3] == 255
    assert pixels[5, 5, 3] == (0 if "alpha" in name or "clear" in name else 255)


def test_a_grey_picture_of_sixteen_bits_keeps_its_tones(workplace: Workplace, tmp_path: Path) -> None:
    _grey_16(tmp_path / "grey.png")

    open_session(workplace, "ad", brief_text(product_image="grey.png"), folder=tmp_path)

    session = workplace.session("ad")
    record = session.picked(INPUT_IMAGE)
    assert record
    with Image.open(session.path_of(record)) as kept:
        wanted = cv2.cvtColor(_bottle()[..., :3], cv2.COLOR_RGB2GRAY).astype(int)
        assert np.abs(np.asarray(kept.convert("L")).astype(int) - wanted).max() <= 1


def _png_that_claims(width: int, height: int) -> bytes:
    chunks = (b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), b"IDAT" + zlib.compress(b"0"), b"IEND")
    parts = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (_png_that_claims(40, 53), r"p\.png is 40 x 53 px; the shorter side must have at least 64 px"),
        (_png_that_claims(9000, 9000), r"p\.png has 81 million pixels; at most 60 are read"),
        (_png_that_claims(100, 100), r"p\.png is a broken picture"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', r"p\.png is no picture; expected a PNG, JPEG or WebP"),
        (b"", r"p\.png is no picture"),
        (None, r"no file .*p\.png; expected a PNG, JPEG or WebP picture"),
    ],
)
def test_a_picture_that_cannot_be_used_is_refused_by_its_field(
    workplace: Workplace, tmp_path: Path, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / "p.png").write_bytes(content)

    with pytest.raises(BriefRejected, match="field 'product_image': .*" + said) as refused:
        open_session(workplace, "ad", brief_text(product_image="p.png"), folder=tmp_path)

    assert refused.value.field == "product_image"
    assert not workplace.store.root.exists()
