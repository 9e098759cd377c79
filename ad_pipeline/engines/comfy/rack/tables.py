"""The rack's tables in the instance's database; one writer at a time, on SQLite and Postgres alike."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    extract,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.pool import QueuePool

from ad_pipeline.errors import MachineLacks

_BUSY_S = 30.0
_WAL_TRIES = 100
_META = MetaData()

CHANGE = Table("rack_change", _META, Column("id", Integer, primary_key=True), Column("number", Integer, nullable=False))
"""One row. Whoever writes counts it up first, and so holds its lock; whoever waits sees that something changed."""

_COUNT_UP = update(CHANGE).values(number=CHANGE.c.number + 1)

PROCESSES = Table(
    "rack_processes", _META, Column("mark", String(200), primary_key=True), Column("seen_s", Float, nullable=False)
)

JOBS = Table(
    "rack_jobs",
    _META,
    Column("job_id", String(64), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("process", String(200), nullable=False),
    Column("work", String(128), nullable=False),
    Column("graph", String(128), nullable=False),
    Column("models", Text, nullable=False),
    Column("stage", String(64), nullable=False),
    Column("session_id", String(128), nullable=False),
    Column("urgent", Boolean, nullable=False),
    Column("estimate_s", Float, nullable=False),
    Column("since_s", Float, nullable=False),
    Column("nodes", Text, nullable=False, default=""),
    Column("node", String(64), nullable=False, default=""),
    Column("given_s", Float, nullable=False, default=0.0),
    Column("swapped", Boolean, nullable=False, default=False),
    Index("rack_jobs_by_state", "state"),
    Index("rack_jobs_by_process", "process"),
)
"""`state`: planned, waiting, held (a node is the process's), orphan (held by a process that died)
or ended (done on its node, where a resumed run finds its files)."""

NODES = Table(
    "rack_places",
    _META,
    Column("name", String(64), primary_key=True),
    Column("models", Text, nullable=False, default=""),
    Column("swapped_s", Float, nullable=False, default=0.0),
    Column("ended_s", Float, nullable=False, default=0.0),
    Column("urgent_ended_s", Float, nullable=False, default=0.0),
    Column("ordinary_ended_s", Float, nullable=False, default=0.0),
)

FAILURES = Table(
    "rack_failures",
    _META,
    Column("work", String(128), primary_key=True),
    Column("graph", String(128), primary_key=True),
    Column("node", String(64), primary_key=True),
    Column("estimate_s", Float, nullable=False),
    Column("at_s", Float, nullable=False),
    Column("since_s", Float, nullable=False),
)
"""Where which work failed, and since when it waited: its next attempt keeps its place in the line.
`graph` is empty, but where the card's memory was too small for it."""

TIMES = Table(
    "rack_times",
    _META,
    Column("kind", String(8), primary_key=True),
    Column("name", String(500), primary_key=True),
    Column("seconds", Float, nullable=False),
)
"""`kind`: run (seconds by graph), rate (the same, as a part of the estimate) or load (by models)."""


class Database:
    """Connections to the tables; they are made when missing, a file's folder too. Safe to share between threads.

    Raises:
        MachineLacks: the driver is not installed, or the folder cannot be made.
    """

    def __init__(self, url: str) -> None:
        self._is_sqlite = make_url(url).get_backend_name() == "sqlite"
        if self._is_sqlite:
            _make_folder(make_url(url).database)
        options: dict[str, Any] = {"connect_args": {"timeout": _BUSY_S}} if self._is_sqlite else {}
        try:
            self._engine: Engine = create_engine(url, poolclass=QueuePool, pool_size=1, max_overflow=2, **options)
            # SQLite: `data_version` tells of others' changes only to a connection that stays the same.
            self._looks: Engine = create_engine(
                url, poolclass=QueuePool, pool_size=1, max_overflow=0, isolation_level="AUTOCOMMIT", **options
            )
        except ModuleNotFoundError as error:
            raise MachineLacks(
                "the database {url} needs the package {package}; install it: pip install {package}",
                url=make_url(url).render_as_string(hide_password=True), package=error.name,
            ) from error  # fmt: skip
        if self._is_sqlite:
            event.listen(self._engine, "connect", _opened)
            event.listen(self._engine, "begin", _begun)
            event.listen(self._looks, "connect", _opened)
        self._make_tables()

    def close(self) -> None:
        self._engine.dispose()
        self._looks.dispose()

    @contextmanager
    def changing(self) -> Generator[Connection, None, None]:
        """A transaction that no other process's overlaps."""
        with self._engine.begin() as connection:
            connection.execute(_COUNT_UP)
            yield connection

    def now_s(self, rows: Connection) -> float:
        """Seconds since 1970 on the one clock that all who share the tables have: a server's is its own."""
        if self._is_sqlite:
            return time.time()
        return float(rows.execute(select(extract("epoch", func.clock_timestamp()))).scalar_one())

    @contextmanager
    def looking(self) -> Generator[Connection, None, None]:
        """Reads only; each statement sees what is committed."""
        with self._looks.connect() as connection:
            yield connection

    def version(self) -> int:
        """Another number whenever something changed; asking costs microseconds on SQLite, a round trip elsewhere."""
        if self._is_sqlite:
            with contextlib.closing(self._looks.raw_connection()) as connection:
                return connection.cursor().execute("PRAGMA data_version").fetchone()[0]
        with self.looking() as connection:
            return connection.execute(select(CHANGE.c.number)).scalar_one()

    def _make_tables(self) -> None:
        for last in (False, True):
            try:
                with self._engine.begin() as connection:
                    _META.create_all(connection)
                    if connection.execute(select(CHANGE.c.id)).first() is None:
                        connection.execute(insert(CHANGE).values(id=1, number=0))
                return
            except (IntegrityError, OperationalError, ProgrammingError):
                if last:  # the first time, another process made them in the same moment
                    raise


def _make_folder(file: str | None) -> None:
    if not file or file.startswith((":memory:", "file:")):
        return
    try:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MachineLacks(
            "the folder {folder} of the list of waiting jobs cannot be made: {reason}",
            folder=str(Path(file).parent), reason=error.strerror or "?",
        ) from error  # fmt: skip


def _opened(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # transactions begin where we say
    _write_ahead(connection)
    connection.execute("PRAGMA synchronous = NORMAL").close()


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Bring the file to WAL; where that cannot be had, its list is only slower."""
    for _ in range(_WAL_TRIES):
        try:
            connection.execute("PRAGMA journal_mode = WAL").close()
            return
        except sqlite3.OperationalError:  # another process does the same: SQLite refuses at once, whatever the timeout
            time.sleep(random.uniform(0.01, 0.05))


def _begun(connection: Connection) -> None:
    # A transaction that reads first and writes later could not be let wait: SQLite refuses it at once.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
