"""Names: which session, which artifact, and where a take of it lies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from ad_pipeline.errors import InputRejected
from ad_pipeline.story.formats import Format, folder_of

Kind = Literal[
    "brief", "product_facts", "input_image", "storyboard", "key_image", "motion_clip", "voice", "lipsync", "sfx",
    "music", "final_mp4",
]  # fmt: skip

_SUFFIX: dict[Kind, str] = {
    "brief": ".yaml",
    "product_facts": ".json",
    "input_image": ".png",
    "storyboard": ".json",
    "key_image": ".png",
    "motion_clip": ".mp4",
    "voice": ".wav",
    "lipsync": ".mp4",
    "sfx": ".wav",
    "music": ".wav",
    "final_mp4": ".mp4",
}
_FILE_STEM: dict[Kind, str] = {"final_mp4": "final"}
COPIED_KINDS: frozenset[Kind] = frozenset({"brief", "storyboard"})
"""Plain names of these are copies, not links: people edit them, and no take may change."""

_SESSION_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_TAKE = re.compile(r"v([1-9][0-9]{0,5})")


def checked_session_id(text: str) -> str:
    """`text`, when it can be a session's name and folder.

    Raises:
        InputRejected: anything but small letters, digits, - and _.
    """
    if not _SESSION_ID.fullmatch(text):
        raise InputRejected(
            "session id: got {got!r}, expected 1 to 64 small letters, digits, - and _ (e.g. laneige_15s)",
            field="session",
            got=text[:80],
        )
    return text


def checked_take(text: str) -> int:
    """The number in `v2`.

    Raises:
        InputRejected: it is no take's name.
    """
    found = _TAKE.fullmatch(text)
    if not found:
        raise InputRejected("take: got {got!r}, expected v1, v2, ...", field="take", got=text[:40])
    return int(found[1])


@dataclass(frozen=True, kw_only=True)
class ArtifactKey:
    """One artifact of a session; its takes are v1, v2, ..."""

    kind: Kind
    scene_id: str | None = None
    format: Format | None = None

    @property
    def slug(self) -> str:
        """The artifact's name in file names of records: `scene_001.9x16.key_image`."""
        parts = (self.scene_id, folder_of(self.format) if self.format else None, self.kind)
        return ".".join(part for part in parts if part)

    @property
    def suffix(self) -> str:
        return _SUFFIX[self.kind]

    @property
    def folder(self) -> PurePosixPath:
        """Where its takes lie, relative to the session."""
        folder = PurePosixPath("scenes", self.scene_id) if self.scene_id else PurePosixPath()
        return folder / folder_of(self.format) if self.format else folder

    @property
    def stem(self) -> str:
        return _FILE_STEM.get(self.kind, self.kind)

    def take_path(self, take: int) -> PurePosixPath:
        """`scenes/scene_001/9x16/key_image.v1.png`."""
        return self.folder / f"{self.stem}.v{take}{self.suffix}"

    def side_path(self, take: int, role: str) -> PurePosixPath:
        """A file beside a take: `role` is `layers`, `captions.srt`, ... -> `key_image.v1.layers`."""
        return self.folder / f"{self.stem}.v{take}.{role}"

    def plain_paths(self, *, main: bool) -> tuple[PurePosixPath, ...]:
        """The names without a take that point at the picked one; `main`: of the ad's main format."""
        here = self.folder / f"{self.stem}{self.suffix}"
        if not self.format or not main:
            return (here,)
        return (here, self.folder.parent / f"{self.stem}{self.suffix}")

    def __str__(self) -> str:
        return " ".join(part for part in (self.scene_id, self.kind, self.format) if part)
