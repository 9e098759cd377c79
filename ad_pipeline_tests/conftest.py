"""What several folders of tests share: a root and a DAGSTER_HOME of their own."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def own_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root for sessions, named by the environment; it is not there yet."""
    root = tmp_path / "root"
    monkeypatch.setenv("AD_PIPELINE_ROOT", str(root))
    monkeypatch.setenv("AD_PIPELINE_LANGUAGE", "en")
    monkeypatch.setenv("AD_PIPELINE_MEDIA_URL", "http://127.0.0.1:3001")
    monkeypatch.setenv("DAGSTER_HOME", "")
    return root
