"""Addresses of a session's media on the media route."""

from __future__ import annotations

from urllib.parse import quote

from ad_pipeline.sessions.keys import ArtifactKey
from ad_pipeline.sessions.records import TakeRecord


def file_url(base: str, session_id: str, path: str) -> str:
    """Where a file of the session is played; `path` is relative to its folder."""
    return f"{base}/sessions/{quote(session_id)}/files/{quote(path)}"


def preview_url(base: str, session_id: str, record: TakeRecord) -> str:
    """A small picture of a take: the image, a contact sheet, a waveform, the final's thumbnail."""
    return f"{base}/sessions/{quote(session_id)}/previews/{quote(record.key.slug)}.v{record.take}.jpg"


def glimpse_url(base: str, session_id: str, key: ArtifactKey) -> str:
    """What an artifact looks like so far while it is made; afterwards, its preview."""
    return f"{base}/sessions/{quote(session_id)}/now/{quote(key.slug)}"


def session_url(base: str, session_id: str) -> str:
    """The page that plays the session."""
    return f"{base}/sessions/{quote(session_id)}/"
