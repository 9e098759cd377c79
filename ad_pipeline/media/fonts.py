"""The fonts that text is drawn with: our own by name, or a file by path."""

from __future__ import annotations

import functools
import unicodedata
from importlib import resources
from pathlib import Path

from PIL import ImageFont, features

from ad_pipeline.errors import MachineLacks, MediaError
from ad_pipeline.media.glyphs import characters_of

_OWN = {
    "Pretendard-Regular": "Pretendard-Regular.otf",
    "Pretendard-SemiBold": "Pretendard-SemiBold.otf",
    "Pretendard-Bold": "Pretendard-Bold.otf",
    "NanumMyeongjo-Bold": "NanumMyeongjo-Bold.ttf",
}
OWN_FONTS = tuple(_OWN)
"""The names of the fonts in the package."""

_UNDRAWN = {"Cc", "Cf", "Zs", "Zl", "Zp"}
"""Unicode categories that need no glyph: controls, direction marks, joiners, spaces."""


def load_font(name_or_path: str, size_px: int) -> ImageFont.FreeTypeFont:
    """The font at `size_px`, laid out by raqm (Hangul jamo, ligatures, right-to-left).

    Raises:
        MediaError: no such font, or the file is no font.
        MachineLacks: Pillow here was built without raqm.
    """
    return _loaded(_path_of(name_or_path), size_px)


def missing_glyphs(text: str, name_or_path: str) -> str:
    """The characters of `text` that the font cannot draw, each once, in order; empty when it can draw all."""
    has = _characters(_path_of(name_or_path))
    wanted = dict.fromkeys(unicodedata.normalize("NFC", text))
    return "".join(c for c in wanted if ord(c) not in has and unicodedata.category(c) not in _UNDRAWN)


def font_that_draws(text: str, preferred: str) -> str:
    """`preferred` when it has every glyph of `text`, else the first of our own fonts that has.

    Raises:
        MediaError: no font has them all; the message names the characters.
    """
    missing = missing_glyphs(text, preferred)
    if not missing:
        return preferred
    own = next((name for name in OWN_FONTS if not missing_glyphs(text, name)), "")
    if own:
        return own
    raise MediaError(
        "no font here can draw {missing!r} of {text!r}; use other characters, or a font that has them",
        missing=missing[:20],
        text=text[:60],
    )


def _path_of(name_or_path: str) -> Path:
    own = _OWN.get(name_or_path)
    if own:
        return Path(str(resources.files("ad_pipeline") / "fonts" / own))
    path = Path(name_or_path)
    if not path.is_file():
        raise MediaError(
            "no font {name!r}: it is no file, and our own fonts are {own}", name=name_or_path, own=", ".join(OWN_FONTS)
        )
    return path


@functools.lru_cache(maxsize=128)
def _loaded(path: Path, size_px: int) -> ImageFont.FreeTypeFont:
    if not features.check("raqm"):
        raise MachineLacks(
            "Pillow here has no raqm text layout; install the Pillow wheel: pip install --upgrade Pillow"
        )
    try:
        return ImageFont.truetype(str(path), size_px, layout_engine=ImageFont.Layout.RAQM)
    except OSError as error:
        raise MediaError(
            "{path} is no font file that can be read ({reason}); give a .ttf or .otf",
            path=path.name,
            reason=str(error),
        ) from error


@functools.lru_cache(maxsize=16)
def _characters(path: Path) -> frozenset[int]:
    try:
        return characters_of(path)
    except (OSError, ValueError) as error:
        raise MediaError(
            "{path} is no font file that can be read ({reason}); give a .ttf or .otf",
            path=path.name,
            reason=str(error),
        ) from error
