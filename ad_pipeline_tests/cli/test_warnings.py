"""What `show` says of checks that are warnings."""

from __future__ import annotations

from pathlib import Path

import pytest

from ad_pipeline.cli.main import main
from ad_pipeline_tests.speech.films import a_studio, an_ad, voiced


def test_show_tells_warnings_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    workplace = a_studio(tmp_path)
    an_ad(workplace, [{"text": "Soft lips, all day.", "emotion": "grumpy"}], "Pick yours today.", quality="draft")
    voiced(workplace)
    monkeypatch.setenv("AD_PIPELINE_BRANDS", str(tmp_path / "brands"))
    monkeypatch.setenv("AD_PIPELINE_LANGUAGE", "en")

    assert main(["show", "ad", "--root", str(tmp_path / "root")]) == 0

    assert "look at scene_001 voice emotions_known: grumpy, limit whispering" in capsys.readouterr().out
