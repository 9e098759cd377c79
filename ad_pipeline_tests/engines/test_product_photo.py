"""The person's product picture keeps its outline, and nothing of what stood behind it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ad_pipeline.engines.animatic.drawing.photo import product_photo, scaled
from ad_pipeline.errors import EngineRefused

AMBER = (150, 84, 40)
Rgba = NDArray[np.uint8]


def _bottle(*, soft_px: float = 1.5) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The colours of a bottle with a dark cap, and how much of each pixel it covers."""
    cover = np.zeros((600, 400), np.uint8)
    cv2.rectangle(cover, (120, 180), (280, 520), 255, -1)
    cv2.rectangle(cover, (170, 80), (230, 200), 255, -1)
    colours = np.zeros((600, 400, 3), np.float32)
    colours[:] = AMBER
    colours[:180] = (40, 30, 30)
    return colours, (cv2.GaussianBlur(cover, (0, 0), soft_px) / 255).astype(np.float32)


def _on(paper: tuple[int, int, int], *, soft_px: float = 1.5) -> NDArray[np.uint8]:
    colours, cover = _bottle(soft_px=soft_px)
    mixed = colours * cover[..., None] + np.array(paper, np.float32) * (1 - cover[..., None])
    return np.clip(mixed + 0.5, 0, 255).astype(np.uint8)


def _fringed(paper: tuple[int, int, int]) -> NDArray[np.uint8]:
    """As a hasty cut-out has it: the alpha is right, the colours at the rim still hold the paper."""
    return np.dstack([_on(paper), (_bottle()[1] * 255).astype(np.uint8)])


def _departure(rgba: Rgba) -> float:
    """How far the rim's colours are from the bottle's own, in its amber part."""
    rows = rgba[int(len(rgba) * 0.45) : int(len(rgba) * 0.9)].reshape(-1, 4)
    rim = rows[(rows[:, 3] > 40) & (rows[:, 3] < 250)]
    assert len(rim) > 100
    return float(np.abs(rim[:, :3].astype(float) - AMBER).max())


@pytest.mark.parametrize("paper", [(255, 255, 255), (0, 0, 0), (0, 255, 0)], ids=["light", "dark", "green"])
@pytest.mark.parametrize("tight", [False, True], ids=["with_room", "cropped_to_its_alpha"])
def test_a_fringe_of_a_cut_out_takes_the_products_colour(
    tmp_path: Path, paper: tuple[int, int, int], tight: bool
) -> None:
    picture = Image.fromarray(_fringed(paper))
    (picture.crop(picture.getchannel("A").getbbox()) if tight else picture).save(tmp_path / "cut.png")

    photo = product_photo(tmp_path / "cut.png", engine="animatic")

    assert photo.cut == "alpha"
    assert _departure(photo.rgba) < 12
    height, width = photo.rgba.shape[:2]
    assert _departure(scaled(photo.rgba, width_px=width * 2 // 3, height_px=height * 2 // 3)) < 25


@pytest.mark.parametrize("soft_px", [0.8, 1.5, 2.5])
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_photo_on_white_paper_leaves_no_white_line(tmp_path: Path, soft_px: float, suffix: str) -> None:
    Image.fromarray(_on((255, 255, 255), soft_px=soft_px)).save(tmp_path / f"photo.{suffix}", quality=92)

    photo = product_photo(tmp_path / f"photo.{suffix}", engine="animatic")

    assert photo.cut == "keyed"
    black = photo.rgba[..., :3].astype(np.float32) * (photo.rgba[..., 3:] / np.float32(255))
    assert black[len(black) // 2 :].max() < AMBER[0] + 25, "on black the paper would shine"
    covered = float((photo.rgba[..., 3] / 255).sum())
    assert covered == pytest.approx(float(_bottle()[1].sum()), rel=0.02)


def test_a_white_cap_and_a_reflection_at_the_rim_stay_on_white_paper(tmp_path: Path) -> None:
    picture = _on((238, 238, 238))
    picture[90:170, 180:220] = (246, 246, 246)  # brighter than the paper by little
    picture[512:522, 160:172] = (238, 238, 238)  # a reflection that reaches the outline
    Image.fromarray(picture).save(tmp_path / "photo.png")

    photo = product_photo(tmp_path / "photo.png", engine="animatic")

    height, width = photo.rgba.shape[:2]
    alpha = photo.rgba[..., 3]
    assert alpha[int(height * 0.1), width // 2] == 255
    assert alpha[height - 6, int(width * 0.28)] > 200


def test_half_clear_glass_keeps_its_colour_and_its_clearness(tmp_path: Path) -> None:
    rgba = np.zeros((400, 300, 4), np.uint8)
    rgba[50:350, 80:220] = (190, 220, 230, 110)
    rgba[50:110, 120:180] = (20, 40, 60, 255)
    rgba[200:300, 100:200] = (255, 255, 255, 140)
    Image.fromarray(rgba).save(tmp_path / "glass.png")

    photo = product_photo(tmp_path / "glass.png", engine="animatic")

    assert photo.cut == "alpha"
    assert tuple(photo.rgba[250, 70]) == (190, 220, 230, 110) or tuple(photo.rgba[200, 70]) == (255, 255, 255, 140)
    assert np.array_equal(photo.rgba[..., 3], rgba[50:350, 80:220, 3])


def test_thin_parts_keep_their_colour(tmp_path: Path) -> None:
    rgba = np.zeros((400, 300, 4), np.uint8)
    rgba[200:380, 80:220] = (*AMBER, 255)
    rgba[20:200, 149:152] = (10, 90, 200, 255)  # a blue straw
    Image.fromarray(rgba).save(tmp_path / "straw.png")

    photo = product_photo(tmp_path / "straw.png", engine="animatic")

    assert tuple(photo.rgba[40, 70, :3]) == (10, 90, 200)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_a_picture_that_is_clear_all_over_is_refused(tmp_path: Path, mode: str) -> None:
    Image.new(mode, (200, 300), 0).save(tmp_path / "nothing.png")

    with pytest.raises(EngineRefused, match=r"nothing\.png is transparent all over"):
        product_photo(tmp_path / "nothing.png", engine="animatic")
