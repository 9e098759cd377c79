"""A person's picture file, whatever it is, as one upright 8-bit sRGB PNG."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from ad_pipeline.errors import MediaError

LEAST_SIDE_PX = 64
MOST_PIXELS = 60_000_000
_KEPT_LONGEST_PX = 4096


def checked_photo(path: Path) -> None:
    """Look at the file, to its last byte.

    Raises:
        MediaError: it is missing, no picture, broken, too small or too large.
    """
    with _opened(path) as picture:
        try:
            picture.draft("RGB", (LEAST_SIDE_PX, LEAST_SIDE_PX))  # a JPEG is decoded small, which is quick
            picture.load()
        except (OSError, SyntaxError, ValueError) as error:
            raise MediaError("{path} is a broken picture: {reason}", path=path.name, reason=str(error)) from error


def write_png(source: Path, target: Path) -> None:
    """Write `source` upright, in sRGB, 8 bits, alpha kept, at most 4096 px on its longer side.

    Raises:
        MediaError: as `checked_photo`, or its data is broken.
    """
    with _opened(source) as picture:
        try:
            upright = ImageOps.exif_transpose(picture)
            coloured = _in_srgb(upright)
            coloured.thumbnail((_KEPT_LONGEST_PX, _KEPT_LONGEST_PX), Image.Resampling.LANCZOS)
            coloured.save(target, format="PNG", compress_level=3)
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
    return picture


def _in_srgb(picture: Image.Image) -> Image.Image:
    """8-bit RGB or RGBA; an embedded profile (a print photo's CMYK, say) is honoured."""
    alpha = "A" in picture.getbands() or "transparency" in picture.info
    profile = picture.info.get("icc_profile")
    if picture.mode.startswith("I;16") or picture.mode in ("I", "F"):
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
