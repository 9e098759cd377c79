"""What a model changed, laid into the clip: only that is taken, the rest is the clip's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ad_pipeline.errors import MediaError
from ad_pipeline.media.conform import pictures_at
from ad_pipeline.media.inlay import inlaid
from ad_pipeline.values import Size
from ad_pipeline_tests.comfy.faces import Rgb, a_ground, film_of

ROWS, COLUMNS = 320, 192
SIZE = Size(width_px=COLUMNS, height_px=ROWS)


def _noisy(picture: Rgb, seed: int) -> Rgb:
    """As a model hands it back: a little grainier, a little darker."""
    noise = np.random.default_rng(seed).normal(-1.5, 3, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def _with_patch(picture: Rgb, *, rows: slice, columns: slice) -> Rgb:
    drawn = picture.copy()
    drawn[rows, columns] = (250, 20, 20)
    return drawn


def _laid(folder: Path, changed: list[Rgb], clip: list[Rgb]) -> tuple[float, list[Rgb]]:
    target, heard = folder / "laid.mp4", list[float]()
    share = inlaid(
        film_of(folder / "changed.mp4", changed), film_of(folder / "clip.mp4", clip), target, size=SIZE,
        frames=len(clip), report=heard.append,
    )  # fmt: skip
    assert heard == [number / len(clip) for number in range(1, len(clip) + 1)]
    return share, list(pictures_at(target, range(len(clip))))


def test_only_what_differs_is_taken_and_the_rest_is_the_clips(tmp_path: Path) -> None:
    ground = a_ground(ROWS, COLUMNS)
    patch = {"rows": slice(120, 160), "columns": slice(80, 120)}

    share, laid = _laid(tmp_path, [_noisy(_with_patch(ground, **patch), seed) for seed in range(8)], [ground] * 8)

    assert 0.03 < share < 0.3
    assert np.abs(laid[5][130:150, 90:110].mean(axis=(0, 1)) - (248.5, 18.5, 18.5)).max() < 4
    clip = pictures_at(tmp_path / "clip.mp4", [0])[0][220:]
    off = [picture[220:].astype(np.float64) - clip for picture in laid]
    assert max(abs(float(one.mean())) for one in off) < 0.4
    assert max(float(np.square(one).mean()) for one in off) < 4


def test_what_differs_in_one_frame_only_is_no_part_of_it(tmp_path: Path) -> None:
    ground = a_ground(ROWS, COLUMNS)
    changed = [ground] * 8
    changed[3] = _with_patch(ground, rows=slice(0, 60), columns=slice(0, 60))

    share, laid = _laid(tmp_path, changed, [ground] * 8)

    assert share == 0
    clip = pictures_at(tmp_path / "clip.mp4", [3])[0]
    assert np.abs(laid[3][10:50, 10:50].astype(np.int16) - clip[10:50, 10:50]).mean() < 2


def test_a_film_that_differs_nearly_everywhere_is_taken_whole(tmp_path: Path) -> None:
    ground = a_ground(ROWS, COLUMNS)
    patch = {"rows": slice(0, 220), "columns": slice(0, COLUMNS)}

    share, laid = _laid(tmp_path, [_with_patch(ground, **patch)] * 4, [ground] * 4)

    assert share == 1
    assert np.abs(laid[2][:200].mean(axis=(0, 1)) - (250, 20, 20)).max() < 3


def test_a_film_with_too_few_frames_is_no_success(tmp_path: Path) -> None:
    ground = a_ground(ROWS, COLUMNS)

    with pytest.raises(MediaError, match="has 5 frames from frame 0 on; 8 are needed"):
        _laid(tmp_path, [ground] * 5, [ground] * 8)

    assert not (tmp_path / "laid.mp4").exists()
