"""Names of a flat layout that earlier systems used, read as artifacts of a session.

They knew one clip and one voice per session; of several scenes they mean the first.
"""

from __future__ import annotations

from pathlib import Path

from ad_pipeline.sessions.keys import Kind
from ad_pipeline.sessions.store import Session

ALIASES: dict[str, Kind] = {
    "edited_image.png": "key_image",
    "video.mp4": "motion_clip",
    "audio.mp3": "voice",
    "lipsync.mp4": "lipsync",
}


def aliased(session: Session, name: str) -> Path | None:
    """The file that `name` means in this session, or None; `audio.mp3` is a WAV today."""
    kind = ALIASES.get(name)
    if kind is None:
        return None
    main = session.main_format
    found = [r for r in session.picked_records() if r.stage == kind and r.format in (None, main)]
    return session.path_of(min(found, key=lambda record: record.scene_id or "")) if found else None
