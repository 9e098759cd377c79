"""The person's own product picture: read whatever it is, cut it out where its background is plain."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ad_pipeline.engines.animatic.drawing.canvas import Bytes
from ad_pipeline.errors import EngineRefused

MOST_PIXELS = 60_000_000
LEAST_SIDE_PX = 64
_WORK_SIDE_PX = 2000
_PLAIN_SPREAD = 9.0
"""Lab distance within which a border counts as one plain colour."""


@dataclass(frozen=True, kw_only=True)
class Photo:
    """A product picture, RGBA straight; `cut` says how its outline came to be."""

    rgba: Bytes
    cut: Literal["alpha", "keyed", "framed"]


def product_photo(path: Path, *, engine: str) -> Photo:
    """The picture at `path`, upright, 8-bit, without its plain background.

    Raises:
        EngineRefused: no image, broken, larger than 60 MP or smaller than 64 px.
    """
    picture = _read(path, engine=engine)
    alpha = np.asarray(picture.getchannel("A"))
    rgba = np.asarray(picture).copy()
    if int((alpha < 250).sum()) > alpha.size * 0.01 and int((alpha > 128).sum()) > alpha.size * 0.005:
        return Photo(rgba=_trimmed(rgba), cut="alpha")
    rgba[..., 3] = 255
    keyed = _keyed(rgba)
    if keyed is not None:
        return Photo(rgba=_trimmed(keyed), cut="keyed")
    return Photo(rgba=rgba, cut="framed")


def _read(path: Path, *, engine: str) -> Image.Image:
    try:
        with warnings.catch_warnings():
            # Pillow warns of large pictures before we say so ourselves.
            warnings.simplefilter("ignore")
            with Image.open(path) as opened:
                width, height = opened.size
                if width * height > MOST_PIXELS:
                    raise EngineRefused(
                        "the product image is {width}x{height}; allowed are up to {most} megapixels",
                        engine=engine,
                        width=width,
                        height=height,
                        most=MOST_PIXELS // 1_000_000,
                    )
                if min(width, height) < LEAST_SIDE_PX:
                    raise EngineRefused(
                        "the product image is {width}x{height}; its shorter side needs {least} pixels or more",
                        engine=engine,
                        width=width,
                        height=height,
                        least=LEAST_SIDE_PX,
                    )
                opened.seek(0)
                opened.draft("RGB", (_WORK_SIDE_PX, _WORK_SIDE_PX))
                opened.load()
                upright = ImageOps.exif_transpose(opened)
                return _as_rgba(upright)
    except EngineRefused:
        raise
    except Image.DecompressionBombError as error:
        raise EngineRefused(
            "the product image {name} is far too large; allowed are up to {most} megapixels",
            engine=engine,
            name=path.name,
            most=MOST_PIXELS // 1_000_000,
        ) from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise EngineRefused(
            "the product image {name} cannot be read; give a PNG, JPEG, WebP or GIF picture",
            engine=engine,
            name=path.name,
        ) from error


def _as_rgba(picture: Image.Image) -> Image.Image:
    """8-bit RGBA of any mode, no side over 2000 px; reduced with premultiplied alpha, so no fringe grows."""
    if picture.mode.startswith(("I", "F")):
        values = np.asarray(picture).astype(np.float32)
        top = 65535.0 if values.max() > 255 else 255.0
        picture = Image.fromarray(np.clip(values / top * 255, 0, 255).astype(np.uint8))
    picture = picture.convert("RGBA")
    longest = max(picture.size)
    if longest > _WORK_SIDE_PX:
        share = _WORK_SIDE_PX / longest
        size = (max(1, round(picture.width * share)), max(1, round(picture.height * share)))
        picture = picture.convert("RGBa").resize(size, Image.Resampling.LANCZOS).convert("RGBA")
    return picture


def _keyed(rgba: Bytes) -> Bytes | None:
    """Without its background, or None where the border is not one plain colour."""
    lab = cv2.cvtColor(rgba[..., :3], cv2.COLOR_RGB2LAB).astype(np.float32)
    edge = max(2, min(lab.shape[:2]) // 60)
    border = np.concatenate([lab[:edge].reshape(-1, 3), lab[:, :edge].reshape(-1, 3), lab[:, -edge:].reshape(-1, 3)])
    paper = np.median(border, axis=0)
    away = np.linalg.norm(border - paper, axis=1)
    if float(np.percentile(away, 90)) > _PLAIN_SPREAD:
        return None
    far = np.linalg.norm(lab - paper, axis=2).astype(np.float32)
    near = (far < _PLAIN_SPREAD * 1.5).astype(np.uint8)
    outside = _reached_from_border(near)
    inside = 1 - outside
    share = float(inside.mean())
    if not 0.02 < share < 0.92:
        return None
    hard = cv2.morphologyEx(inside, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    soft = cv2.GaussianBlur(cv2.erode(hard, np.ones((3, 3), np.uint8)).astype(np.float32), (0, 0), 0.9)
    found = rgba.copy()
    found[..., 3] = np.clip(soft * 255, 0, 255).astype(np.uint8)
    return found


def _reached_from_border(near: Bytes) -> Bytes:
    """1 where `near` is connected with the picture's edge: white parts of the product stay."""
    padded = cv2.copyMakeBorder(near, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    mask = np.zeros((padded.shape[0] + 2, padded.shape[1] + 2), np.uint8)
    cv2.floodFill(padded, mask, (0, 0), 2)
    return (padded[1:-1, 1:-1] == 2).astype(np.uint8)


def _trimmed(rgba: Bytes) -> Bytes:
    ys, xs = np.where(rgba[..., 3] > 8)
    return rgba[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]


def scaled(rgba: Bytes, *, width_px: int, height_px: int) -> Bytes:
    """Resized with premultiplied alpha, so that no colour of the cut-away background bleeds in."""
    premultiplied = rgba.astype(np.float32)
    premultiplied[..., :3] *= premultiplied[..., 3:] / 255
    shrinks = width_px < rgba.shape[1]
    small = cv2.resize(
        premultiplied, (width_px, height_px), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    )
    # Where nothing is, the nearest colours spread: a warp between pixels then finds no black rim.
    spread = cv2.GaussianBlur(small, (0, 0), 2.5)
    small[..., :3] = np.where(
        small[..., 3:] > 8,
        small[..., :3] * (255 / np.maximum(small[..., 3:], 1)),
        spread[..., :3] * (255 / np.maximum(spread[..., 3:], 0.5)),
    )
    return np.clip(small + 0.5, 0, 255).astype(np.uint8)
