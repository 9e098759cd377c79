"""Ctrl-C in a terminal: it reaches every process of the command at once, whatever they are doing."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from ad_pipeline_tests.cli.commands import Place
from ad_pipeline_tests.stages.sessions import brief_text


@pytest.mark.slow
@pytest.mark.parametrize("after_s", [0.7, 1.2, 1.8, 2.4])
def test_it_ends_in_one_sentence_at_any_moment(tmp_path: Path, after_s: float) -> None:
    place = Place(tmp_path / "root")
    place.root.mkdir()
    brief = tmp_path / "ad.yaml"
    brief.write_text(brief_text(), encoding="utf-8")
    running = place.start("make", str(brief))
    time.sleep(after_s)

    os.killpg(running.pid, signal.SIGINT)
    _, err = running.communicate(timeout=30)

    assert running.returncode == 130
    assert err.splitlines()[-1] == "stopped; what was finished is kept"
    assert not [line for line in err.splitlines() if "failed" in line or "Traceback" in line or "semaphore" in line]
