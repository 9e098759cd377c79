"""What it costs: reserve before a paid or GPU call, settle after, and never pay twice.

The ledger is one SQLite file that many processes share. A row is written before the call goes out,
under the job's own id: after a crash the same work asks under the same id, finds its row, and takes
up the job instead of paying for another one.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ad_pipeline.errors import BudgetExceeded

State = Literal["reserved", "settled", "released"]

_BUSY_WAIT_S = 30.0
_TABLE = """
CREATE TABLE IF NOT EXISTS jobs (
    job_id        TEXT PRIMARY KEY,
    session_id    TEXT NOT NULL,
    engine        TEXT NOT NULL,
    artifact      TEXT NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('reserved', 'settled', 'released')),
    reserved_usd  REAL NOT NULL CHECK (reserved_usd >= 0),
    settled_usd   REAL NOT NULL DEFAULT 0 CHECK (settled_usd >= 0),
    gpu_seconds   REAL NOT NULL DEFAULT 0,
    asked_at      REAL NOT NULL,
    settled_at    REAL
);
CREATE INDEX IF NOT EXISTS jobs_of_session ON jobs (session_id, state);
"""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One job in the ledger."""

    job_id: str
    session_id: str
    engine: str
    artifact: str
    state: State
    reserved_usd: float
    settled_usd: float
    gpu_seconds: float


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What a session has cost so far, and what is still out."""

    settled_usd: float
    reserved_usd: float
    gpu_seconds: float

    @property
    def committed_usd(self) -> float:
        return self.settled_usd + self.reserved_usd


class Ledger:
    """The costs of all sessions under one root; safe to use from many processes and threads."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def reserve(
        self, *, job_id: str, session_id: str, engine: str, artifact: str, usd: float, budget_usd: float | None
    ) -> bool:
        """Set `usd` aside for a job. True when the job was reserved before: look it up, do not submit again.

        Raises:
            BudgetExceeded: settled and reserved costs of the session leave less than `usd`.
        """
        with self._writing() as db:
            row = db.execute("SELECT state FROM jobs WHERE job_id = ?", (job_id,)).fetchone()
            if row and row[0] != "released":
                return True
            committed = _spent(db, session_id).committed_usd
            if budget_usd is not None and committed + usd > budget_usd + 1e-9:
                raise BudgetExceeded(
                    "{artifact} on {engine} costs about ${usd:.2f}, but ${left:.2f} of the budget of ${budget:.2f} is "
                    "left; raise 'budget_usd' or choose a cheaper quality",
                    artifact=artifact,
                    engine=engine,
                    usd=usd,
                    left=max(0.0, budget_usd - committed),
                    budget=budget_usd,
                )
            db.execute(
                "INSERT OR REPLACE INTO jobs (job_id, session_id, engine, artifact, state, reserved_usd, asked_at) "
                "VALUES (?, ?, ?, ?, 'reserved', ?, ?)",
                (job_id, session_id, engine, artifact, usd, time.time()),
            )
            return False

    def settle(self, job_id: str, *, usd: float, gpu_seconds: float = 0.0) -> None:
        """The job is done and cost this much; settling twice changes nothing."""
        with self._writing() as db:
            db.execute(
                "UPDATE jobs SET state = 'settled', settled_usd = ?, gpu_seconds = ?, settled_at = ? "
                "WHERE job_id = ? AND state = 'reserved'",
                (usd, gpu_seconds, time.time(), job_id),
            )

    def add(self, job_id: str, *, usd: float) -> None:
        """A job that was settled before cost so much more."""
        with self._writing() as db:
            db.execute(
                "UPDATE jobs SET settled_usd = settled_usd + ? WHERE job_id = ? AND state = 'settled'", (usd, job_id)
            )

    def release(self, job_id: str) -> None:
        """The job never ran and cost nothing."""
        with self._writing() as db:
            db.execute("UPDATE jobs SET state = 'released' WHERE job_id = ? AND state = 'reserved'", (job_id,))

    def state_of(self, job_id: str) -> State | None:
        """Whether the job is out, paid or was given back; None of one that was never reserved."""
        if not self._path.exists():
            return None
        with contextlib.closing(self._open()) as db:
            row = db.execute("SELECT state FROM jobs WHERE job_id = ?", (job_id,)).fetchone()
            return row[0] if row else None

    def spent(self, session_id: str) -> Spent:
        """What the session has cost."""
        if not self._path.exists():
            return Spent(settled_usd=0.0, reserved_usd=0.0, gpu_seconds=0.0)
        with contextlib.closing(self._open()) as db:
            return _spent(db, session_id)

    def entries(self, session_id: str) -> tuple[Entry, ...]:
        """The session's jobs, the oldest first."""
        if not self._path.exists():
            return ()
        columns = "job_id, session_id, engine, artifact, state, reserved_usd, settled_usd, gpu_seconds"
        with contextlib.closing(self._open()) as db:
            rows = db.execute(f"SELECT {columns} FROM jobs WHERE session_id = ? ORDER BY asked_at", (session_id,))
            return tuple(Entry(**dict(zip(columns.split(", "), row, strict=True))) for row in rows)

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(self._path, timeout=_BUSY_WAIT_S, isolation_level=None)
        # Not WAL: while two processes bring a new file to it, SQLite refuses one of them at once, whatever the timeout.
        db.executescript(_TABLE)
        return db

    @contextlib.contextmanager
    def _writing(self) -> Generator[sqlite3.Connection]:
        """One transaction that no other process can slip into between reading and writing."""
        with contextlib.closing(self._open()) as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")


def _spent(db: sqlite3.Connection, session_id: str) -> Spent:
    row = db.execute(
        "SELECT COALESCE(SUM(CASE state WHEN 'settled' THEN settled_usd END), 0), "
        "COALESCE(SUM(CASE state WHEN 'reserved' THEN reserved_usd END), 0), COALESCE(SUM(gpu_seconds), 0) "
        "FROM jobs WHERE session_id = ?",
        (session_id,),
    ).fetchone()
    return Spent(settled_usd=row[0], reserved_usd=row[1], gpu_seconds=row[2])
