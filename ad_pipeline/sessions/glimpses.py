"""What a take in the making looks like so far: one small picture beside its draft, gone with it."""

from __future__ import annotations

import contextlib
from pathlib import Path

from ad_pipeline.sessions.store import Draft, Session

_STEM = "glimpse"


def show(draft: Draft, suffix: str, picture: bytes) -> None:
    """Put the picture in place of the last one, whole; where the disk has no room there is none."""
    target = draft.folder / f"{_STEM}.{draft.key.slug}{suffix}"
    half = target.with_name("half")
    with contextlib.suppress(OSError):
        half.write_bytes(picture)
        half.replace(target)


def shown(session: Session, slug: str) -> tuple[str, bytes] | None:
    """The newest picture of that artifact, with its suffix; None when nobody works on it, or shows nothing."""
    found: list[tuple[float, Path]] = []
    for path in (session.folder / ".drafts").glob(f"*/{_STEM}.*"):
        if path.stem == f"{_STEM}.{slug}":
            with contextlib.suppress(OSError):
                found.append((path.stat().st_mtime, path))
    for _, path in sorted(found, reverse=True):
        with contextlib.suppress(OSError):  # its take was committed just now
            return path.suffix, path.read_bytes()
    return None
