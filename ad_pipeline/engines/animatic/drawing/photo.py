"""The person's own product picture: read whatever it is, cut it out where its background is plain."""

from __future__ import annotations

import functools
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from ad_pipeline.engines.animatic.drawing.canvas import Bytes
from ad_pipeline.errors import EngineRefused

_Places = npt.NDArray[np.intp]

MOST_PIXELS = 60_000_000
LEAST_SIDE_PX = 64
_WORK_SIDE_PX = 2000
_LEAST_VISIBLE_PIXELS = 256
_PLAIN_SPREAD = 9.0
"""Lab distance within which a border counts as one plain colour."""

_LEAST_CONTRAST = 45.0
"""RGB distance from the paper under which a pixel's share of it cannot be told."""

_SOLID_SHARE = 0.96


@dataclass(frozen=True, kw_only=True)
class Photo:
    """A product picture, RGBA straight; `cut` says how its outline came to be."""

    rgba: Bytes
    cut: Literal["alpha", "keyed", "framed"]


def product_photo(path: Path, *, engine: str) -> Photo:
    """The picture at `path`, upright, 8-bit, without its plain background.

    Raises:
        EngineRefused: no image, broken, larger than 60 MP or smaller than 64 px, or nothing to see on it.
    """
    changed_ns = path.stat().st_mtime_ns if path.is_file() else 0
    photo = _cut_out(path, changed_ns, engine)
    photo.rgba.flags.writeable = False
    return photo


@functools.lru_cache(maxsize=1)  # each scene of an ad shows the same one
def _cut_out(path: Path, changed_ns: int, engine: str) -> Photo:
    """`changed_ns` tells a changed file from the one that is kept."""
    picture = _read(path, engine=engine)
    alpha = np.asarray(picture.getchannel("A"))
    rgba = np.asarray(picture).copy()
    if int((alpha > 8).sum()) < _LEAST_VISIBLE_PIXELS:
        raise EngineRefused(
            "the product image {name} is transparent all over; give a picture of the product",
            engine=engine,
            name=path.name,
        )
    if int((alpha < 250).sum()) > alpha.size * 0.01 and int((alpha > 128).sum()) > alpha.size * 0.005:
        return Photo(rgba=_without_fringe(_trimmed(rgba)), cut="alpha")
    rgba[..., 3] = 255
    keyed = _keyed(rgba)
    if keyed is not None:
        return Photo(rgba=_without_fringe(_trimmed(keyed)), cut="keyed")
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
    has_alpha = "A" in picture.getbands() or "transparency" in picture.info
    picture = picture.convert("RGBA" if has_alpha else "RGB")
    longest = max(picture.size)
    if longest > _WORK_SIDE_PX:
        share = _WORK_SIDE_PX / longest
        size = (max(1, round(picture.width * share)), max(1, round(picture.height * share)))
        whole = picture.convert("RGBa") if has_alpha else picture
        picture = whole.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    return picture.convert("RGBA")


def _keyed(rgba: Bytes) -> Bytes | None:
    """Without its background, or None where the border is not one plain colour."""
    # The median takes the specks away that JPEG leaves around an outline.
    lab = cv2.medianBlur(cv2.cvtColor(rgba[..., :3], cv2.COLOR_RGB2LAB), 5).astype(np.float32)
    edge = max(2, min(lab.shape[:2]) // 60)
    border = _border(lab, edge)
    paper = np.median(border, axis=0)
    away = np.linalg.norm(border - paper, axis=1)
    if float(np.percentile(away, 90)) > _PLAIN_SPREAD:
        return None
    far = np.linalg.norm(lab - paper, axis=2).astype(np.float32)
    # No wider than this paper is uneven: a white cap on white paper then stays whole.
    reach = float(np.clip(np.percentile(away, 99) + 2, 5, _PLAIN_SPREAD * 1.5))
    inside = 1 - _reached_from_border((far < reach).astype(np.uint8))
    notch = max(3, max(inside.shape) // 40)
    round_ = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (notch, notch))
    # A bright reflection at the outline bites a notch; what is that narrow is no gap of the product.
    inside = cv2.morphologyEx(inside, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    inside = np.asarray(cv2.morphologyEx(inside, cv2.MORPH_CLOSE, round_), np.uint8)
    share = float(inside.mean())
    if not 0.02 < share < 0.92:
        return None
    paper_rgb = np.median(_border(rgba[..., :3].astype(np.float32), edge), axis=0)
    # Only where the product is: the distances below are costly.
    left, top, width, height = cv2.boundingRect(inside)
    rows, columns = slice(top, top + height), slice(left, left + width)
    found = rgba[rows, columns].copy()
    found[..., 3] = _unmixed(found[..., :3], inside[rows, columns], paper_rgb.astype(np.float32))
    return found


def _border(picture: npt.NDArray[np.float32], edge: int) -> npt.NDArray[np.float32]:
    """The pixels along the top and both sides; a product may stand on the lower edge."""
    return np.concatenate(
        [part.reshape(-1, 3) for part in (picture[:edge], picture[:, :edge], picture[:, -edge:])], axis=0
    )


def _unmixed(rgb: Bytes, inside: Bytes, paper: npt.NDArray[np.float32]) -> Bytes:
    """The alpha of what is `inside`: how much of each outer pixel is product, how much the paper behind it.

    A lens draws no hard outline: where it is soft, a mask alone keeps a line of the paper's colour.
    """
    inside = np.asarray(cv2.copyMakeBorder(inside, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0), np.uint8)
    mask = cv2.GaussianBlur(cv2.erode(inside, np.ones((3, 3), np.uint8)).astype(np.float32), (0, 0), 0.9)[1:-1, 1:-1]
    depth = np.asarray(cv2.distanceTransform(inside, cv2.DIST_L2, 5), np.float32)[1:-1, 1:-1]
    for reach in _reaches(max(inside.shape)):
        found = _shares(rgb, depth, paper, reach)
        if found is None:
            break
        ys, xs, share = found
        ring = share[depth[ys, xs] > reach - 1]
        if ring.size and float(np.median(ring)) > _SOLID_SHARE:
            # The mask was shrunk by a pixel; where the shares are known they say more than it does.
            mask[ys, xs] = share
            break
    return np.clip(mask * 255 + 0.5, 0, 255).astype(np.uint8)


def _reaches(longest_px: int) -> list[int]:
    """How many pixels inwards an outline may be soft, the sharpest first: a light rim further in is the product's."""
    return [reach for reach in (2, 4, 7, 11, 18) if reach <= max(6, longest_px // 40)]


def _shares(
    rgb: Bytes, depth: npt.NDArray[np.float32], paper: npt.NDArray[np.float32], reach: int
) -> tuple[_Places, _Places, npt.NDArray[np.float32]] | None:
    """Places of the outermost `reach` pixels and how much of each is product, seen from the colour just inside."""
    ys, xs = np.nonzero((depth > 0) & (depth <= reach))
    near = _nearest(depth > reach, ys, xs, within=2.0 * reach + 2)
    if near is None:
        return None
    known, inner_ys, inner_xs = near
    ys, xs = ys[known], xs[known]
    product = rgb[inner_ys, inner_xs].astype(np.float32) - paper
    contrast = np.linalg.norm(product, axis=1)
    clear = contrast > _LEAST_CONTRAST
    if not clear.any():
        return None
    seen = rgb[ys, xs].astype(np.float32) - paper
    share = np.clip((seen * product).sum(axis=1) / np.maximum(contrast, 1) ** 2, 0, 1)
    return ys[clear], xs[clear], share[clear].astype(np.float32)


def _without_fringe(rgba: Bytes) -> Bytes:
    """The same outline with the product's own colours up to it: what it was cut from leaves no line."""
    solid = (rgba[..., 3] >= 250).astype(np.uint8)
    if not solid.any() or solid.all():
        return rgba
    opened = np.asarray(cv2.morphologyEx(solid, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)), np.uint8)
    # Thin parts (a straw, a chain) have no inside: they keep their colours.
    core = np.asarray(cv2.erode(solid, np.ones((5, 5), np.uint8)), np.uint8) | (solid & (opened ^ 1))
    widest = max(6, max(solid.shape) // 90)
    # Beyond the picture's edge is nothing either: cut-outs are trimmed to their last soft pixel.
    outside = cv2.copyMakeBorder((rgba[..., 3] < 8).astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    outer = cv2.dilate(np.asarray(outside, np.uint8), np.ones((2 * widest + 1, 2 * widest + 1), np.uint8))
    ys, xs = np.nonzero((outer[1:-1, 1:-1] > 0) & (core == 0) & (rgba[..., 3] > 0))
    near = _nearest(core > 0, ys, xs, within=widest + 3)
    if near is None:
        return rgba
    known, inner_ys, inner_xs = near
    found = rgba.copy()
    found[ys[known], xs[known], :3] = rgba[inner_ys, inner_xs, :3]
    return found


def _nearest(
    core: npt.NDArray[np.bool_], ys: _Places, xs: _Places, *, within: float
) -> tuple[npt.NDArray[np.bool_], _Places, _Places] | None:
    """Which of the places have a pixel of `core` `within` that many pixels, and where those pixels are."""
    if not core.any() or not len(ys):
        return None
    away, labelled = cv2.distanceTransformWithLabels(
        (~core).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    labels = np.asarray(labelled, np.intp)
    core_ys, core_xs = np.nonzero(core)
    place = np.zeros(int(labels.max()) + 1, np.intp)
    place[labels[core_ys, core_xs]] = np.arange(len(core_ys))
    known = away[ys, xs] <= within
    chosen = place[labels[ys[known], xs[known]]]
    return known, core_ys[chosen], core_xs[chosen]


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
