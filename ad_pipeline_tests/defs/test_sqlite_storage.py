"""Our storage keeps Dagster's own files: what one writes, the other reads."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from ad_pipeline.defs.home import open_instance
from ad_pipeline.defs.sqlite_storage import KeptEventLog, KeptRuns
from ad_pipeline.settings import Settings


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    with open_instance(Settings(root=tmp_path, brands=(), media_url="")) as instance:
        yield instance


@dg.asset
def picture() -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(data_version=dg.DataVersion("one"))


def _made(instance: dg.DagsterInstance) -> str:
    return dg.materialize([picture], instance=instance).run_id


def test_the_instance_uses_the_kept_storage(kept: dg.DagsterInstance) -> None:
    assert isinstance(kept.event_log_storage, KeptEventLog)
    assert isinstance(kept.run_storage, KeptRuns)


def test_every_run_has_a_database_of_its_own_with_all_its_events(kept: dg.DagsterInstance, tmp_path: Path) -> None:
    runs = [_made(kept) for _ in range(12)]

    for run_id in runs:
        names = {event.dagster_event.event_type_value for event in kept.all_logs(run_id) if event.dagster_event}
        assert {"PIPELINE_START", "ASSET_MATERIALIZATION", "PIPELINE_SUCCESS"} <= names
        shard = tmp_path / "home" / "history" / "runs" / f"{run_id}.db"
        with sqlite3.connect(shard) as database:
            (logged,) = database.execute("SELECT COUNT(*) FROM event_logs WHERE run_id != ?", (run_id,)).fetchone()
        database.close()
        assert logged == 0
    assert len(kept.get_runs()) == 12


def test_dagsters_plain_storage_reads_the_same_folder(kept: dg.DagsterInstance, tmp_path: Path) -> None:
    run_id = _made(kept)
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / "dagster.yaml").write_text(
        f"storage:\n  sqlite:\n    base_dir: {tmp_path / 'home'}\ntelemetry:\n  enabled: false\n", encoding="utf-8"
    )

    with dg.DagsterInstance.from_config(str(plain)) as theirs:
        run = theirs.get_run_by_id(run_id)
        assert run is not None
        assert run.status == dg.DagsterRunStatus.SUCCESS
        assert theirs.get_latest_materialization_event(dg.AssetKey("picture")) is not None
        second = _made(theirs)

    assert {run.run_id for run in kept.get_runs()} == {run_id, second}
