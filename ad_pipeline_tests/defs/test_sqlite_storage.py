"""Our storage keeps Dagster's own files: what one writes, the other reads."""

from __future__ import annotations

import contextlib
import multiprocessing
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._check import CheckError
from dagster._core.events import DagsterEvent, DagsterEventType, StepMaterializationData
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

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


# --- batches ------------------------------------------------------------------------------------


def _entry(run_id: str, number: int) -> EventLogEntry:
    """A materialization, which is stored in the run's database and in the index."""
    asset_key = dg.AssetKey(["batch", str(number)])
    told = DagsterEvent(
        event_type_value=DagsterEventType.ASSET_MATERIALIZATION.value,
        job_name="a job",
        event_specific_data=StepMaterializationData(dg.AssetMaterialization(asset_key)),
    )
    return EventLogEntry(
        error_info=None, level=20, user_message="", run_id=run_id, timestamp=time.time(), dagster_event=told
    )


def _numbers(log: SqliteEventLogStorage, run_id: str) -> list[int]:
    entries = [record.event_log_entry for record in log.get_records_for_run(run_id).records]
    return [int(key.path[1]) for entry in entries if entry.dagster_event and (key := entry.dagster_event.asset_key)]


def _store_some(base: str, run_ids: list[str], first: int) -> None:
    log = KeptEventLog(base)
    for at in range(8):
        for run_id in run_ids:
            log.store_event_batch([_entry(run_id, first + 2 * at), _entry(run_id, first + 2 * at + 1)])
    log.dispose()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[KeptEventLog]:
    log = KeptEventLog(str(tmp_path / "runs"))
    yield log
    log.dispose()


@pytest.fixture
def commits() -> Iterator[list[str]]:
    """The database of each commit."""
    found: list[str] = []

    def note(connection: Connection) -> None:
        found.append(Path(str(connection.engine.url.database)).stem)

    event.listen(Engine, "commit", note)
    yield found
    event.remove(Engine, "commit", note)


def test_a_batch_is_one_transaction_in_each_database(log: KeptEventLog, commits: list[str]) -> None:
    log.store_event(_entry("run_a", 0))
    commits.clear()

    log.store_event_batch([_entry("run_a", number) for number in range(1, 7)])

    assert sorted(commits) == ["index", "run_a"]
    assert _numbers(log, "run_a") == [0, 1, 2, 3, 4, 5, 6]


def test_an_error_in_the_middle_leaves_nothing_of_the_batch(log: KeptEventLog) -> None:
    log.store_event(_entry("run_a", 0))
    broken: Any = "no event"

    with pytest.raises(CheckError):
        log.store_event_batch([_entry("run_a", 1), _entry("run_b", 2), broken, _entry("run_a", 3)])

    assert (_numbers(log, "run_a"), _numbers(log, "run_b")) == ([0], [])
    assert log.all_asset_keys() == [dg.AssetKey(["batch", "0"])]
    log.store_event_batch([_entry("run_a", 4), _entry("run_b", 5)])
    assert (_numbers(log, "run_a"), _numbers(log, "run_b")) == ([0, 4], [5])
    assert log.has_asset_key(dg.AssetKey(["batch", "5"]))


def test_an_empty_batch_stores_nothing(log: KeptEventLog, commits: list[str]) -> None:
    commits.clear()

    log.store_event_batch([])

    assert commits == []


def test_dagsters_plain_log_reads_a_batch_and_writes_beside_it(log: KeptEventLog, tmp_path: Path) -> None:
    log.store_event_batch([_entry("run_a", number) for number in range(3)])
    theirs = SqliteEventLogStorage(str(tmp_path / "runs"))

    theirs.store_event(_entry("run_a", 3))
    theirs.store_event(_entry("run_new", 4))

    for reader in (theirs, log):
        assert (_numbers(reader, "run_a"), _numbers(reader, "run_new")) == ([0, 1, 2, 3], [4])
        assert len(reader.all_asset_keys()) == 5
    theirs.dispose()


def test_threads_and_processes_store_at_once_and_lose_nothing(log: KeptEventLog, tmp_path: Path) -> None:
    runs = ["run_a", "run_b"]
    forked = multiprocessing.get_context("fork")
    base = str(tmp_path / "runs")
    others = [forked.Process(target=_store_some, args=(base, runs, first)) for first in (100, 200)]
    for other in others:
        other.start()

    with ThreadPoolExecutor(3) as threads:
        stored = [threads.submit(log.store_event_batch, [_entry(run, n)]) for n in range(16) for run in runs]
        stored.append(threads.submit(_store_some, base, runs, 300))
        for one in stored:
            one.result()
    for other in others:
        other.join(60)

    assert [other.exitcode for other in others] == [0, 0]
    wanted = [*range(16), *range(100, 116), *range(200, 216), *range(300, 316)]
    assert [sorted(_numbers(log, run)) for run in runs] == [wanted] * 2
    assert len(log.all_asset_keys()) == len(wanted)


def test_a_new_runs_database_is_a_copy_of_the_kept_empty_one(log: KeptEventLog, tmp_path: Path) -> None:
    for run_id in ("run_a", "run_b"):
        log.store_event(_entry(run_id, 1))

    names = {path.name for path in (tmp_path / "runs").iterdir()}
    assert f".empty-{dg.__version__}" in names
    assert {name for name in names if name.startswith(".")} == {f".empty-{dg.__version__}"}, "a draft was left behind"
    schemas = []
    plain = SqliteEventLogStorage(str(tmp_path / "plain"))
    plain.store_event(_entry("run_c", 1))
    plain.dispose()
    for path in (tmp_path / "runs" / "run_a.db", tmp_path / "plain" / "run_c.db"):
        with contextlib.closing(sqlite3.connect(path)) as database:
            rows = database.execute("SELECT type, name, tbl_name FROM sqlite_master ORDER BY 1, 2").fetchall()
            schemas.append((rows, database.execute("SELECT * FROM alembic_version").fetchall()))
    assert schemas[0] == schemas[1]


def test_an_empty_database_of_another_version_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / ".empty-0.0.1").write_bytes(b"of another Dagster")
    log = KeptEventLog(str(tmp_path / "runs"))

    log.store_event(_entry("run_a", 1))

    assert _numbers(log, "run_a") == [1]
    assert (tmp_path / "runs" / ".empty-0.0.1").read_bytes() == b"of another Dagster"
    log.dispose()


def test_a_table_that_is_missing_is_looked_for_again(log: KeptEventLog, tmp_path: Path) -> None:
    assert log.has_table("asset_keys")
    assert not log.has_table("late_table")

    with contextlib.closing(sqlite3.connect(tmp_path / "runs" / "index.db")) as database:
        database.execute("CREATE TABLE late_table (id INTEGER)")

    assert log.has_table("late_table")
    assert log.has_table("asset_keys")
