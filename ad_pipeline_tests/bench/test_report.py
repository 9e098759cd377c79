from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ad_pipeline_tests.bench.__main__ import main
from ad_pipeline_tests.bench.command import Place, ran
from ad_pipeline_tests.bench.machine import MemoryWatch
from ad_pipeline_tests.bench.rows import Row, earlier, report_text


def test_a_limit_is_on_the_ratio_where_there_is_one_else_on_the_value() -> None:
    assert Row(name="ad", value=30.0, unit="s", ratio=3.9, ratio_to="floor", limit=4.0).holds
    assert not Row(name="ad", value=1.0, unit="s", ratio=4.1, ratio_to="floor", limit=4.0).holds
    assert not Row(name="resume", value=3.1, unit="s", limit=3.0).holds
    assert Row(name="plate", value=99.0, unit="CPU s").holds


def test_a_report_is_the_baseline_of_the_next_one(tmp_path: Path) -> None:
    rows = [Row(name="floor", value=7.25, unit="s"), Row(name="ad", value=21.0, unit="s", ratio=2.9, ratio_to="floor")]
    report = tmp_path / "benchmarks.md"

    report.write_text(report_text(rows, {}, facts=["today"], warnings=["busy"]), encoding="utf-8")

    assert earlier(report) == {"floor": "7.25 s", "ad": "21.00 s"}
    assert "> **Warning:** busy" in report.read_text(encoding="utf-8")


def test_memory_of_children_counts(tmp_path: Path) -> None:
    hold = "import time; held = bytearray(80_000_000); time.sleep(1.5)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hold!r}])"

    process = subprocess.Popen([sys.executable, "-c", code])
    with MemoryWatch(process.pid) as watch:
        process.wait(timeout=30)

    assert 80e6 < watch.most_pss_bytes <= watch.most_rss_bytes


def test_a_command_that_fails_is_no_measure(tmp_path: Path) -> None:
    place = Place(root=tmp_path / "sessions", home=tmp_path / "home")

    with pytest.raises(RuntimeError, match="ended with 2"):
        ran(place, "show", "no_such_session")

    assert "DAGSTER_HOME" in place.environment()
    assert os.environ.get("AD_PIPELINE_ROOT") != str(place.root)


def test_an_unknown_measure_is_refused() -> None:
    began = time.monotonic()

    with pytest.raises(SystemExit):
        main(["--only", "luck"])

    assert time.monotonic() - began < 1
