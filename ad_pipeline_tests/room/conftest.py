"""What the tests of the writers' room share: a workplace whose models are a test's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ad_pipeline.engines.comfy.place import Place
from ad_pipeline.engines.registry import Registry
from ad_pipeline.stages.workplace import StepReport, Workplace
from ad_pipeline_tests.language.server import LanguageServer
from ad_pipeline_tests.room.writers import listed
from ad_pipeline_tests.stages.sessions import a_workplace

Placed = Callable[..., Workplace]


@pytest.fixture
def reports() -> list[StepReport]:
    """What the workplace's stages reported."""
    return []


@pytest.fixture
def placed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reports: list[StepReport]) -> Placed:
    """A workplace whose Ollama is `local` and whose clouds are `cloud`; without them nobody answers."""
    for variable in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AD_PIPELINE_ROOT", str(tmp_path))
    monkeypatch.setenv("AD_PIPELINE_MODELS", str(tmp_path / "models.toml"))

    def place(*, local: LanguageServer | None = None, cloud: LanguageServer | None = None, **changes: Any) -> Workplace:
        listed(tmp_path / "models.toml", local=local.url if local else "", cloud=cloud.url if cloud else "")
        if cloud:
            monkeypatch.setenv("OPENAI_API_KEY", "key-of-a-test")
            monkeypatch.setenv("ANTHROPIC_API_KEY", "key-of-a-test")
        nodes = Place(nodes=tmp_path / "nodes.toml", graphs=(), database_url="", service_key="")
        changes = {"report": reports.append, "engines": Registry(comfy=nodes), **changes}
        return a_workplace(tmp_path, **changes)

    return place
