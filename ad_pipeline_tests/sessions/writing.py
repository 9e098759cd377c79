"""Committing small takes, as the stages do."""

from __future__ import annotations

from typing import Any

from ad_pipeline.sessions.keys import ArtifactKey
from ad_pipeline.sessions.records import LicenceNote, MadeBy, TakeRecord
from ad_pipeline.sessions.store import Session

PICTURE = ArtifactKey(kind="key_image", scene_id="scene_001", format="9:16")
VOICE = ArtifactKey(kind="voice", scene_id="scene_001")
BOARD = ArtifactKey(kind="storyboard")
FINAL = ArtifactKey(kind="final_mp4", format="9:16")


def facts(**changes: Any) -> dict[str, Any]:
    """The fields that the store does not know itself."""
    return {
        "engine": "animatic",
        "model": "compositor",
        "version": "1",
        "licence": LicenceNote(name="ours", paid_ads="yes"),
        "basis": "b",
        "fingerprint": "f",
    } | changes


def commit(
    session: Session,
    key: ArtifactKey,
    content: str,
    *,
    sides: dict[str, str] | None = None,
    made_by: MadeBy = "pipeline",
    **changes: Any,
) -> TakeRecord:
    """One take that holds `content`."""
    with session.drafting(key) as draft:
        draft.path.write_text(content, encoding="utf-8")
        for role, text in (sides or {}).items():
            draft.side(role).write_text(text, encoding="utf-8")
        return session.commit(draft, made_by=made_by, facts=facts(**changes))
