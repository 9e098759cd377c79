"""The waiting list and the leases: who waits, who has which node, in the database that all processes share.

Whoever changes something gives out the turns in the same transaction, to jobs of any process: the
owner then only has to see that its job has a node. So a change is worked out once, not by everybody.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from ad_pipeline.engines.comfy.rack.entries import Entry, Lease, Left, NodeView, Orphan
from ad_pipeline.engines.comfy.rack.giving import Giving
from ad_pipeline.engines.comfy.rack.learning import learn
from ad_pipeline.engines.comfy.rack.processes import is_dead, own_mark
from ad_pipeline.engines.comfy.rack.situation import Waiting
from ad_pipeline.engines.comfy.rack.tables import FAILURES, JOBS, NODES, PROCESSES, Database

HINT_S = 3600.0
"""So long it is remembered where a job ended or a dead process had it, what was planned, and where a work failed."""
HEARTBEAT_S = 10.0
_SWEEP_S = 2.0

# Made once: see `giving`.
_JOB = select(JOBS).where(JOBS.c.job_id == bindparam("wanted"))
_ITS_OWN = (JOBS.c.job_id == bindparam("wanted"), JOBS.c.process == bindparam("mark"))
_MINE, _WITHOUT_MINE = select(JOBS).where(*_ITS_OWN), delete(JOBS).where(*_ITS_OWN)
_MINE_ENDED = update(JOBS).where(*_ITS_OWN).values(state="ended", process="")
_NODE = select(NODES).where(NODES.c.name == bindparam("wanted"))
_LEASE = (JOBS.c.job_id, JOBS.c.node, JOBS.c.swapped, JOBS.c.since_s, JOBS.c.given_s)
_HELD_BY = select(*_LEASE).where(JOBS.c.process == bindparam("mark"), JOBS.c.state == "held")
_FAILED_FIRST_LAST = select(FAILURES).order_by(FAILURES.c.since_s.desc())


class WaitingList:
    """The rows of all processes, seen from this one. Used by one thread at a time."""

    def __init__(
        self, database_url: str, *, mark: str = "", urgent_grace_s: float = 5.0, heartbeat_s: float = HEARTBEAT_S
    ) -> None:
        self._database = Database(database_url)
        self._heartbeat_s = heartbeat_s
        self._mark = mark or own_mark()
        self._giving = Giving(urgent_grace_s=urgent_grace_s)
        self._swept_s = self._seen_s = float("-inf")
        """On time.monotonic."""
        self._version: int | None = None
        self._has: set[str] = set()
        """The jobs of the leases that were told last."""
        self._taken_up: set[str] = set()
        """Jobs of this process that were on their node before: what is left of them is no measure of a run."""
        self.was_forgotten = False
        """Others took this process for dead, e.g. while its machine slept: what it waited for is listed no more."""

    def close(self) -> None:
        self._database.close()

    def retire(self) -> None:
        """Nothing of this process stays listed; what it still holds is as a dead process's."""
        with self._database.changing() as rows:
            self._bury(rows, [self._mark])

    # --- looking ------------------------------------------------------------------------------------

    def has_changed(self) -> bool:
        """Whether anybody wrote since this was asked last."""
        version = self._database.version()
        changed, self._version = version != self._version, version
        return changed

    def leases(self) -> list[Lease]:
        """The nodes that jobs of this process have."""
        with self._database.looking() as rows:
            return self._leases(rows)

    def waiting(self) -> list[Waiting]:
        """All that wait, of every process."""
        with self._database.looking() as rows:
            return self._giving.read(rows, "waiting")

    def orphans(self) -> list[Orphan]:
        """Jobs of dead processes that may still run on their nodes."""
        with self._database.looking() as rows:
            found = rows.execute(select(JOBS.c.job_id, JOBS.c.node).where(JOBS.c.state == "orphan"))
            return [Orphan(job_id=row.job_id, node=row.node) for row in found]

    # --- changing -----------------------------------------------------------------------------------

    def exchange(
        self,
        *,
        come: Sequence[Entry] = (),
        gone: Sequence[Left] = (),
        planned: Sequence[Entry] = (),
        unplanned: Sequence[str] = (),
        settled: Mapping[str, bool] | None = None,
        views: Mapping[str, NodeView],
    ) -> tuple[list[Lease], set[str]]:
        """One transaction: list who comes, take back what is left, give out what is open.

        `unplanned`: announced jobs that are withdrawn. `settled`: orphans of which it is now
        known whether they are done on their node (kept as a hint) or not there (forgotten). Returns the
        leases of this process, and those of `come` that another living process has.
        """
        with self._database.changing() as rows:
            now_s = self._database.now_s(rows)
            self._live(rows, now_s)
            for left in gone:
                self._leave(rows, left, now_s)
            for job_id, is_done in (settled or {}).items():
                self._settle(rows, job_id, is_done)
            self._plan(rows, planned, unplanned, now_s)
            refused = self._list(rows, come, views, now_s)
            self._giving.give(rows, views, now_s)
            return self._leases(rows), refused

    def withdraw(self, job_ids: Iterable[str]) -> None:
        """Those no longer wait; nothing is said about nodes."""
        with self._database.changing() as rows:
            for job_id in job_ids:
                rows.execute(delete(JOBS).where(JOBS.c.job_id == job_id, JOBS.c.process == self._mark))

    def sweep(self) -> int:
        """Free what dead processes left; how many of them there were."""
        with self._database.changing() as rows:
            return self._sweep(rows, self._database.now_s(rows))

    def is_due(self) -> bool:
        """Whether it is time to say that this process lives, and to look for dead ones."""
        return time.monotonic() - self._swept_s >= _SWEEP_S

    # --- processes ----------------------------------------------------------------------------------

    def _live(self, rows: Connection, now_s: float) -> None:
        at_s = time.monotonic()
        if at_s - self._seen_s >= self._heartbeat_s:
            seen = rows.execute(update(PROCESSES).where(PROCESSES.c.mark == self._mark).values(seen_s=now_s))
            if not seen.rowcount:
                self._come_back(rows)
                rows.execute(insert(PROCESSES).values(mark=self._mark, seen_s=now_s))
            self._seen_s = at_s
        if at_s - self._swept_s >= _SWEEP_S:
            self._sweep(rows, now_s)

    def _come_back(self, rows: Connection) -> None:
        """As new, or buried alive: then what it had on nodes is its own again, where nobody took it up."""
        had = (JOBS.c.job_id.in_(self._has), JOBS.c.state == "orphan")
        rows.execute(update(JOBS).where(*had).values(state="held", process=self._mark))
        self.was_forgotten = self._seen_s > float("-inf")

    def _sweep(self, rows: Connection, now_s: float) -> int:
        self._swept_s = time.monotonic()
        marks = [
            row.mark
            for row in rows.execute(select(PROCESSES))
            if row.mark != self._mark and is_dead(row.mark, silent_s=now_s - row.seen_s)
        ]
        if marks:
            self._bury(rows, marks)
        old_s = now_s - HINT_S
        rows.execute(delete(JOBS).where(JOBS.c.state.in_(["orphan", "ended"]), JOBS.c.given_s < old_s))
        rows.execute(delete(JOBS).where(JOBS.c.state == "planned", JOBS.c.since_s < old_s))
        rows.execute(delete(FAILURES).where(FAILURES.c.at_s < old_s))
        return len(marks)

    def _bury(self, rows: Connection, marks: Sequence[str]) -> None:
        of_them = JOBS.c.process.in_(marks)
        rows.execute(delete(JOBS).where(of_them, JOBS.c.state.in_(["planned", "waiting"])))
        rows.execute(update(JOBS).where(of_them, JOBS.c.state == "held").values(state="orphan", process=""))
        rows.execute(delete(PROCESSES).where(PROCESSES.c.mark.in_(marks)))

    # --- coming and going ---------------------------------------------------------------------------

    def _list(self, rows: Connection, come: Sequence[Entry], views: Mapping[str, NodeView], now_s: float) -> set[str]:
        refused: set[str] = set()
        if not come:
            return refused
        tried = {row.work: row.since_s for row in rows.execute(_FAILED_FIRST_LAST)}
        new: list[dict[str, Any]] = []
        for entry in come:
            row = rows.execute(_JOB, {"wanted": entry.job_id}).mappings().first()
            if row and row["process"] not in ("", self._mark) and row["state"] in ("waiting", "held"):
                refused.add(entry.job_id)
                continue
            if row and row["process"] == self._mark and row["state"] == "held":
                continue  # given since this process looked last
            values = self._values(entry, "waiting", tried.get(entry.work, now_s - entry.waited_s))
            if row and row["state"] == "waiting":
                values["since_s"] = row["since_s"]
            view = views.get(row["node"]) if row and row["state"] in ("orphan", "ended") else None
            if row and view and view.is_reachable:
                values |= {"state": "held", "node": row["node"], "given_s": now_s, "swapped": False}
                self._taken_up.add(entry.job_id)
            if row:
                rows.execute(update(JOBS).where(JOBS.c.job_id == entry.job_id).values(**values))
            else:
                new.append(values)
        if new:
            rows.execute(insert(JOBS), new)
        return refused

    def _plan(self, rows: Connection, planned: Sequence[Entry], unplanned: Sequence[str], now_s: float) -> None:
        wanted = {entry.job_id: entry for entry in planned if entry.job_id not in unplanned}
        known = set(rows.execute(select(JOBS.c.job_id).where(JOBS.c.job_id.in_(wanted))).scalars()) if wanted else set()
        new = [self._values(entry, "planned", now_s) for job_id, entry in wanted.items() if job_id not in known]
        if new:
            rows.execute(insert(JOBS), new)
        if unplanned:
            stale = (JOBS.c.state == "planned", JOBS.c.process == self._mark, JOBS.c.job_id.in_(unplanned))
            rows.execute(delete(JOBS).where(*stale))

    def _values(self, entry: Entry, state: str, since_s: float) -> dict[str, Any]:
        return {
            "job_id": entry.job_id, "state": state, "process": self._mark, "work": entry.work, "graph": entry.graph,
            "models": entry.models, "stage": entry.stage, "session_id": entry.session_id, "urgent": entry.urgent,
            "estimate_s": entry.estimate_s, "since_s": since_s, "nodes": "\n".join(sorted(entry.nodes)),
            "node": "", "given_s": 0.0, "swapped": False,
        }  # fmt: skip

    def _leave(self, rows: Connection, left: Left, now_s: float) -> None:
        mine = {"wanted": left.job_id, "mark": self._mark}
        row = rows.execute(_MINE, mine).mappings().first()
        if row is None:
            return
        ended_well = row["state"] == "held" and left.ran and not left.failed
        # Its files lie there: a run that is killed before it uses them asks for the same job again.
        rows.execute(_MINE_ENDED if ended_well else _WITHOUT_MINE, mine)
        is_whole = left.job_id not in self._taken_up
        self._taken_up.discard(left.job_id)
        if row["state"] != "held":
            return
        node = rows.execute(_NODE, {"wanted": row["node"]}).mappings().first()
        if left.failed:
            at = {"work": row["work"], "graph": row["graph"] if left.lacked_memory else "", "node": row["node"]}
            rows.execute(delete(FAILURES).where(*(FAILURES.c[name] == value for name, value in at.items())))
            facts = {"estimate_s": row["estimate_s"], "at_s": now_s, "since_s": row["since_s"]}
            rows.execute(insert(FAILURES).values(**at, **facts))
        elif left.ran and is_whole and node is not None:
            learn(rows, row, now_s - max(row["given_s"], node["ended_s"]))
        ended = {"ended_s": now_s, "urgent_ended_s" if row["urgent"] else "ordinary_ended_s": now_s}
        rows.execute(update(NODES).where(NODES.c.name == row["node"]).values(**ended))

    def _settle(self, rows: Connection, job_id: str, is_done: bool) -> None:
        orphan = (JOBS.c.job_id == job_id, JOBS.c.state == "orphan")
        rows.execute(update(JOBS).where(*orphan).values(state="ended") if is_done else delete(JOBS).where(*orphan))

    def _leases(self, rows: Connection) -> list[Lease]:
        found = rows.execute(_HELD_BY, {"mark": self._mark})
        leases = [Lease(**row) for row in found.mappings()]
        self._has = {lease.job_id for lease in leases}
        return leases
