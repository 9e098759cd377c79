"""What the tests of language engines share: a person's settings of their own, and keys in the environment."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def models_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person's own models.toml, not there yet; the settings name it."""
    path = tmp_path / "models.toml"
    monkeypatch.setenv("AD_PIPELINE_ROOT", str(tmp_path))
    monkeypatch.setenv("AD_PIPELINE_MODELS", str(path))
    for variable in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(variable, raising=False)
    return path
