"""A person's picture file, whatever it is, as one upright 8-bit sRGB PNG."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import cast

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from ad_pipeline.errors import MediaError

LEAST_SIDE_PX = 64
MOST_PIXELS = 60_000_000
_KEPT_LONGEST_PX = 2000
"""A little more than the longest side of any film of ours: a product never fills more than a frame."""

_UNSEEN_ALPHA = 8
_SHRUNK_AS_THEY_ARE = {"RGB", "RGBA", "L", "LA", "CMYK"}


def checked_photo(path: Path) -> None:
    """Look at the file, to its last byte.

    Raises:
        MediaError: it is missing, no picture, broken, too small or too large, or shows nothing.
    """
    with _opened(path) as picture:
        try:
            picture.draft("RGB", (LEAST_SIDE_PX, LEAST_SIDE_PX))  # a JPEG is decoded small, which is quick
            picture.load()
        except (OSError, SyntaxError, ValueError) as error:
            raise MediaError("{path} is a broken picture: {reason}", path=path.name, reason=str(error)) from error
        _check_shows_something(picture, path)


def _check_shows_something(picture: Image.Image, path: Path) -> None:
    spans = {band: _span(plane) for band, plane in zip(picture.getbands(), picture.split(), strict=True)}
    alpha = spans.pop("A", None)
    if alpha is not None and alpha[1] <= _UNSEEN_ALPHA:
        raise MediaError("{path} is transparent all over; give a picture of the product", path=path.name)
    if alpha is None and all(low == high for low, high in spans.values()):
        raise MediaError("{path} is one plain colour; give a picture of the product", path=path.name)


def _span(plane: Image.Image) -> tuple[float, float]:
    """The darkest and the brightest value of one band."""
    return cast("tuple[float, float]", plane.getextrema())


def write_png(source: Path, target: Path) -> None:
    """Write `source` upright, in sRGB, 8 bits, alpha kept, at most 2000 px on its longer side.

    Raises:
        MediaError: as `checked_photo`, or its data is broken.
    """
    with _opened(source) as picture:
        try:
            picture.draft(picture.mode, (_KEPT_LONGEST_PX, _KEPT_LONGEST_PX))
            upright = ImageOps.exif_transpose(picture)
            # Shrunk before it is coloured where the mode allows it: 20 million pixels are costly.
            coloured = _in_srgb(_shrunk(upright) if upright.mode in _SHRUNK_AS_THEY_ARE else upright)
            _shrunk(coloured).save(target, format="PNG", compress_level=1)
        except (OSError, SyntaxError, ValueError) as error:
            raise MediaError("{path} is a broken picture: {reason}", path=source.name, reason=str(error)) from error


def _opened(path: Path) -> Image.Image:
    if not _is_file(path):
        raise MediaError("no file {path}; expected a PNG, JPEG or WebP picture", path=str(path)[:300])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(path)
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise MediaError("{path} is no picture; expected a PNG, JPEG or WebP", path=path.name) from error
    try:
        _check_size(picture, path)
    except MediaError:
        picture.close()
        raise
    return picture


def _check_size(picture: Image.Image, path: Path) -> None:
    width, height = picture.size
    if min(width, height) < LEAST_SIDE_PX:
        raise MediaError(
            "{path} is {width} x {height} px; the shorter side must have at least {least} px",
            path=path.name, width=width, height=height, least=LEAST_SIDE_PX,
        )  # fmt: skip
    if width * height > MOST_PIXELS:
        raise MediaError(
            "{path} has {got:.0f} million pixels; at most {most:.0f} are read",
            path=path.name, got=width * height / 1e6, most=MOST_PIXELS / 1e6,
        )  # fmt: skip


def _shrunk(picture: Image.Image) -> Image.Image:
    longest = max(picture.size)
    if longest <= _KEPT_LONGEST_PX:
        return picture
    size = tuple(max(1, round(side * _KEPT_LONGEST_PX / longest)) for side in picture.size)
    small = picture.resize((size[0], size[1]), Image.Resampling.LANCZOS, reducing_gap=2.0)
    small.info = dict(picture.info)  # its profile is still to be read
    return small


def _in_srgb(picture: Image.Image) -> Image.Image:
    """8-bit RGB or RGBA; an embedded profile (a print photo's CMYK, say) is honoured."""
    alpha = "A" in picture.getbands() or "transparency" in picture.info
    profile = picture.info.get("icc_profile")
    if picture.mode == "F":
        # A float TIFF's white is 1, or 255, or 65535.
        _, high = _span(picture)
        white = 1.0 if high <= 1 else 255.0 if high <= 255 else 65535.0
        return picture.point(lambda v: v * (255 / white)).convert("L").convert("RGB")
    if picture.mode.startswith("I;16") or picture.mode == "I":
        # Pillow clips 16-bit greys on conversion; scale them.
        return picture.convert("I").point(lambda v: v / 257).convert("L").convert("RGB")
    if profile and picture.mode in ("RGB", "CMYK", "L"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if converted is not None:
                return converted
        except ImageCms.PyCMSError:
            pass  # a broken profile: read the numbers as they are
    return picture.convert("RGBA" if alpha else "RGB")


def _is_file(path: Path) -> bool:
    """A name that no file can have is no file either."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
