"""Dagster's books: kept by workers for a driver that never loads Dagster; opened here where there are none."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ad_pipeline.defs.books import Books
from ad_pipeline.defs.workers import WarmWorkers
from ad_pipeline.settings import Settings
from ad_pipeline.stages.workplace import StepReport


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AD_PIPELINE_ROOT", str(tmp_path))
    return Settings(root=tmp_path, brands=(), media_url="")


@pytest.fixture
def workers(settings: Settings) -> Iterator[WarmWorkers]:
    with Books.at(settings) as books:  # new, so their tables are made here
        made = WarmWorkers(1, dagster_home=books.home, hear=_unheard)
    yield made
    made.close()


def _unheard(_: StepReport) -> None:
    return None


def test_driving_an_ad_loads_no_dagster() -> None:
    code = "import sys, ad_pipeline.cli.making, ad_pipeline.defs.here; print('dagster' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"


@pytest.mark.slow
def test_a_worker_and_an_instance_here_write_and_read_the_same_books(settings: Settings, workers: WarmWorkers) -> None:
    with Books.at(settings) as there, Books.at(settings) as here:
        there.workers = workers
        there.open_session("ad")
        there.register_scenes("ad", ["scene_001"])
        assert there.versions("ad", ["scene_001"]) == here.versions("ad", ["scene_001"]) == {}
        assert _partitions(here) == [["ad"], ["scene_001"]]


@pytest.mark.slow
def test_books_whose_workers_died_are_opened_here(settings: Settings, workers: WarmWorkers) -> None:
    with Books.at(settings) as books:
        books.workers = workers
        books.open_session("ad")
        for process in workers.processes():
            process.kill()
            process.join()
        books.register_scenes("ad", ["scene_002"])
        assert books.workers is None
        assert _partitions(books) == [["ad"], ["scene_002"]]


def _partitions(books: Books) -> list[list[str]]:
    instance = books.here().instance
    return [sorted(instance.get_dynamic_partitions(name)) for name in ("ad_sessions", "scenes")]
