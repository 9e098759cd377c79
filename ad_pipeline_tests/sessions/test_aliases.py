"""Names of the flat layout mean the first scene's artifacts."""

from __future__ import annotations

from pathlib import Path

from ad_pipeline.sessions.aliases import ALIASES, aliased
from ad_pipeline.sessions.keys import ArtifactKey
from ad_pipeline.sessions.store import SessionStore
from ad_pipeline_tests.sessions.writing import commit


def test_an_old_name_means_the_first_scenes_picked_take(tmp_path: Path) -> None:
    session = SessionStore(tmp_path).session("ad")
    for scene_id in ("scene_002", "scene_001"):
        commit(session, ArtifactKey(kind="voice", scene_id=scene_id), scene_id)
    newest = commit(session, ArtifactKey(kind="voice", scene_id="scene_001"), "again")

    assert aliased(session, "audio.mp3") == session.path_of(newest)
    assert aliased(session, "video.mp4") is None
    assert aliased(session, "records") is None
    assert set(ALIASES) == {"edited_image.png", "video.mp4", "audio.mp3", "lipsync.mp4"}
