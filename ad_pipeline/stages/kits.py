"""Finding a brand's kit: the user's folders first, then the sample kits of the package."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path

import cv2

from ad_pipeline.errors import BriefRejected, KitRejected, MediaError
from ad_pipeline.media.fonts import load_font
from ad_pipeline.story.border import nearest
from ad_pipeline.story.brand_kit import BrandKit, kit_from_text


def kit_of(brand_id: str, *, folders: Sequence[str]) -> BrandKit:
    """The kit of that brand.

    Raises:
        BriefRejected: there is none; the known brands are named.
        KitRejected: there is one, but it cannot be used.
    """
    known: list[str] = []
    for path in _kit_files(folders):
        known.append(path.stem)
        if path.stem == brand_id:
            return _checked(kit_from_text(_text_of(path), folder=path.parent), brand_id)
    guess = nearest(brand_id, known)
    if guess:
        raise BriefRejected(
            "field 'brand_id': no brand kit {got!r}; did you mean {guess!r}?",
            field="brand_id", got=brand_id, guess=guess,
        )  # fmt: skip
    raise BriefRejected(
        "field 'brand_id': no brand kit {got!r}; there are: {known}. Put {got}.yaml into a folder named by "
        "AD_PIPELINE_BRANDS",
        field="brand_id", got=brand_id, known=", ".join(sorted(set(known))),
    )  # fmt: skip


def brands_here(folders: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """brand_id -> the names of every brand that has a kit here; a kit that cannot be read has none."""
    found: dict[str, tuple[str, ...]] = {}
    for path in _kit_files(folders):
        with contextlib.suppress(KitRejected, OSError):
            kit = kit_from_text(_text_of(path), folder=path.parent)
            found.setdefault(path.stem, tuple(name for name in (kit.name, kit.name_ko) if name))
    return found


def _kit_files(folders: Sequence[str]) -> Iterator[Path]:
    for folder in folders:
        yield from sorted(Path(folder).glob("*.yaml"))
    with resources.as_file(resources.files("ad_pipeline.story") / "brands") as samples:
        yield from sorted(samples.glob("*.yaml"))


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise KitRejected("{path} is no UTF-8 text", path=str(path)) from error


def _checked(kit: BrandKit, brand_id: str) -> BrandKit:
    """The kit, when its pictures are pictures and its fonts are fonts."""
    if kit.brand_id != brand_id:
        raise KitRejected(
            "brand kit {brand_id}.yaml says brand_id {got!r}; make them equal",
            field="brand_id", brand_id=brand_id, got=kit.brand_id,
        )  # fmt: skip
    for field, voice in {"voice": kit.voice, **{f"voices.{name}": voice for name, voice in kit.voices.items()}}.items():
        if voice.reference and not Path(voice.reference).is_file():
            field = f"{field}.reference"
            raise KitRejected("brand kit, field {field!r}: no file {path}", field=field, path=voice.reference)
    for field, path in {"logo": kit.logo, **{f"elements.{name}": path for name, path in kit.elements.items()}}.items():
        if path and not Path(path).is_file():
            raise KitRejected("brand kit, field {field!r}: no file {path}", field=field, path=path)
        if path and not cv2.haveImageReader(path):
            raise KitRejected(
                "brand kit, field {field!r}: {path} is no picture that can be read; give a PNG", field=field, path=path
            )
    for role in ("headline", "body", "caption"):
        try:
            load_font(getattr(kit.fonts, role), 24)
        except MediaError as error:
            raise KitRejected(
                "brand kit, field {field!r}: {problem}", field=f"fonts.{role}", problem=error.message
            ) from error
    return kit
