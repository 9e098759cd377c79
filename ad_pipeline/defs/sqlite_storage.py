"""Dagster's SQLite storage with its engines kept.

Dagster makes a SQLAlchemy engine anew for every statement, which throws away the compiled
statements, and walks the whole migration history for each run's own database. Measured on two
cores: 15 to 22 ms for one event, 1.0 s for a scene's run with empty bodies; with this 0.45 s. Files
and tables are Dagster's own, so its plain storage reads the same folder.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import uuid
from collections import OrderedDict
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy as db
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.base_storage import DagsterStorage
from dagster._core.storage.event_log.base import EventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from dagster._core.storage.runs.base import RunStorage
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.schedules.sqlite.sqlite_schedule_storage import SqliteScheduleStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import QueuePool

_BUSY_WAIT_S = 60
_KEPT_SHARDS = 8


def _engine(url: str) -> Engine:
    engine = db.create_engine(
        url, poolclass=QueuePool, pool_size=1, max_overflow=8, connect_args={"timeout": _BUSY_WAIT_S}
    )
    # In WAL mode a crash of a process loses nothing; a power cut may lose the last lines of a log
    # whose truth lies in the session's records.
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = NORMAL"))
    return engine


@dataclass(frozen=True)
class _Batch:
    """The open transactions of the events that are being stored, one per database."""

    connections: dict[str, Connection]
    open_until_stored: contextlib.ExitStack


class KeptEventLog(SqliteEventLogStorage):
    """The event log; a new run's database is a copy of an empty one that lies beside them."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._known_tables: set[str] = set()
        self._batch: _Batch | None = None
        super().__init__(base_dir, inst_data)
        self._db_lock = threading.RLock()  # a batch connects more than once

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> KeptEventLog:
        return cls(inst_data=inst_data, **config_value)

    def store_event(self, event: EventLogEntry) -> None:
        self.store_event_batch([event])

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store them in one transaction per database, where Dagster takes up to four for each event."""
        with self._db_lock, contextlib.ExitStack() as open_until_stored:
            self._batch = _Batch({}, open_until_stored)
            try:
                for entry in events:
                    super().store_event(entry)
            finally:
                self._batch = None

    @contextlib.contextmanager
    def _connect(self, shard: str) -> Generator[Connection]:
        with self._db_lock:
            if self._batch is None:
                with self._opened(shard) as connection:
                    yield connection
            else:
                if shard not in self._batch.connections:
                    opened = self._batch.open_until_stored.enter_context(self._opened(shard))
                    self._batch.connections[shard] = opened
                yield self._batch.connections[shard]

    @contextlib.contextmanager
    def _opened(self, shard: str) -> Generator[Connection]:
        engine = self._kept(shard)
        if shard not in self._initialized_dbs:
            self._begin(shard, engine)
            self._initialized_dbs.add(shard)
        with engine.connect() as connection, connection.begin():
            yield connection

    def _kept(self, shard: str) -> Engine:
        if shard not in self._engines:
            self._engines[shard] = _engine(self.conn_string_for_shard(shard))
        self._engines.move_to_end(shard)
        while len(self._engines) > _KEPT_SHARDS:
            oldest = next(name for name in self._engines if name != INDEX_SHARD_NAME)
            self._engines.pop(oldest).dispose()
        return self._engines[shard]

    def _begin(self, shard: str, engine: Engine) -> None:
        path = Path(self.path_for_shard(shard))
        if shard == INDEX_SHARD_NAME or path.exists():
            self._initdb(engine)
            return
        draft = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
        draft.write_bytes(self._empty_shard())
        with contextlib.suppress(FileExistsError):  # another process was first: its own is as good
            os.link(draft, path)
        draft.unlink()

    def _empty_shard(self) -> bytes:
        """A run's database before its first event, made once per version of Dagster: it takes 0.1 s."""
        kept = Path(self._base_dir, f".empty-{dg.__version__}")
        if not kept.exists():
            made, draft = (
                kept.with_name(f".made-{uuid.uuid4().hex[:8]}.db"),
                kept.with_suffix(f".{uuid.uuid4().hex[:8]}"),
            )
            engine = _engine(f"sqlite:///{made}")
            self._initdb(engine)
            engine.dispose()
            with contextlib.closing(sqlite3.connect(made)) as opened:
                draft.write_bytes(opened.serialize())
            draft.replace(kept)
            for leftover in made.parent.glob(f"{made.name}*"):
                leftover.unlink()
        return kept.read_bytes()

    def has_table(self, table_name: str) -> bool:
        """Whether the index has it; asked for each check event, and a table that is there stays."""
        if table_name not in self._known_tables and super().has_table(table_name):
            self._known_tables.add(table_name)
        return table_name in self._known_tables

    def dispose(self) -> None:
        super().dispose()
        for engine in self._engines.values():
            engine.dispose()


class KeptRuns(SqliteRunStorage):
    """The run storage with one engine."""

    _kept: Engine | None = None
    _kept_lock = threading.Lock()

    @contextlib.contextmanager
    def connect(self) -> Generator[Connection]:
        with self._kept_lock:
            if self._kept is None:
                self._kept = _engine(self._conn_string)
        with self._kept.connect() as connection, connection.begin():
            yield connection

    def dispose(self) -> None:
        super().dispose()
        if self._kept is not None:
            self._kept.dispose()


class KeptSqliteStorage(DagsterSqliteStorage):
    """All of Dagster's books in one folder, as its own SQLite storage lays them out."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        # Not the parent's own `__init__`: it would open its storages only for ours to take their place.
        self.base_dir = base_dir
        self._run_storage = KeptRuns.from_local(str(Path(base_dir) / "history"))
        self._event_log_storage = KeptEventLog(str(Path(base_dir) / "history" / "runs"))
        self._schedule_storage = SqliteScheduleStorage.from_local(str(Path(base_dir) / "schedules"))
        self._inst_data = inst_data
        DagsterStorage.__init__(self)

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> KeptSqliteStorage:
        return cls(inst_data=inst_data, **config_value)

    @property
    def run_storage(self) -> RunStorage:
        return self._run_storage

    @property
    def event_log_storage(self) -> EventLogStorage:
        return self._event_log_storage
