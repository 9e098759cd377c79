"""The waiting list and the leases: who waits, who has which node, in the database that all processes share.

Whoever changes something gives out the turns in the same transaction, to jobs of any process: the
owner then only has to see that its job has a node. So a change is worked out once, not by everybody.
"""

from __future__ import annotations

import functools
import os
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from ad_pipeline.engines.comfy.rack.choosing import (
    MOST_ON_A_NODE,
    Held,
    Place,
    Waiting,
    choose,
)
from ad_pipeline.engines.comfy.rack.learning import known_times, learn
from ad_pipeline.engines.comfy.rack.processes import is_dead, own_mark
from ad_pipeline.engines.comfy.rack.tables import FAULTS, JOBS, NODES, PROCESSES, Database

HINT_S = 3600.0
"""So long it is remembered where a dead process had its job, what it planned, and where a work failed."""
HEARTBEAT_S = 10.0
_SWEEP_S = 2.0

_ON_A_NODE = ("held", "orphan")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One job, as it is listed."""

    job_id: str
    work: str
    graph: str
    models: str
    stage: str
    session_id: str = ""
    urgent: bool = False
    estimate_s: float = 0.0
    nodes: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class NodeView:
    """What this process knows of a node: `is_open` when it answers and is not draining."""

    name: str
    is_open: bool = True
    is_reachable: bool = True
    weight: float = 1.0
    others: int = 0
    models: str = ""
    """What the node itself remembers, for a rack that has not given it anything yet."""


@dataclass(frozen=True, kw_only=True)
class Left:
    """A job that gives its node back; `failed` when its work shall be tried elsewhere, `ran` when its time counts."""

    job_id: str
    failed: bool = False
    ran: bool = True


@dataclass(frozen=True, kw_only=True)
class Lease:
    """A node that a job of this process has; `resumed` when a dead process had it there before."""

    job_id: str
    node: str
    swapped: bool
    since_s: float
    given_s: float


@dataclass(frozen=True, kw_only=True)
class Orphan:
    """A job that a dead process left on a node."""

    job_id: str
    node: str


class WaitingList:
    """The rows of all processes, seen from this one. Used by one thread at a time; `clock` is shared by all hosts."""

    def __init__(self, database_url: str, *, mark: str = "", urgent_grace_s: float = 5.0) -> None:
        self._database = Database(database_url)
        self._mark, self._pid = mark or own_mark(), os.getpid()
        self._urgent_grace_s = urgent_grace_s
        self._swept_s = self._seen_s = 0.0
        self._version: int | None = None
        self._memory: dict[str, dict[tuple[str, float, str], Waiting]] = {}
        """By state, the rows that were read last: a thousand of them are not made anew at every look."""

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
            return self._read(rows, "waiting", {})

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
        now_s = time.time()
        with self._database.changing() as rows:
            self._live(rows, now_s)
            for left in gone:
                self._leave(rows, left, now_s)
            for job_id, is_done in (settled or {}).items():
                self._settle(rows, job_id, is_done)
            self._plan(rows, planned, unplanned, now_s)
            refused = self._list(rows, come, views, now_s)
            self._give(rows, views, now_s)
            return self._leases(rows), refused

    def withdraw(self, job_ids: Iterable[str]) -> None:
        """Those no longer wait; nothing is said about nodes."""
        with self._database.changing() as rows:
            for job_id in job_ids:
                rows.execute(delete(JOBS).where(JOBS.c.job_id == job_id, JOBS.c.process == self._mark))

    def sweep(self) -> int:
        """Free what dead processes left; how many of them there were."""
        with self._database.changing() as rows:
            return self._sweep(rows, time.time())

    def is_due(self) -> bool:
        """Whether it is time to say that this process lives, and to look for dead ones."""
        return time.time() - self._swept_s >= _SWEEP_S

    # --- processes ----------------------------------------------------------------------------------

    def _live(self, rows: Connection, now_s: float) -> None:
        if now_s - self._seen_s >= HEARTBEAT_S:
            seen = rows.execute(update(PROCESSES).where(PROCESSES.c.mark == self._mark).values(seen_s=now_s))
            if not seen.rowcount:
                rows.execute(insert(PROCESSES).values(mark=self._mark, seen_s=now_s))
            self._seen_s = now_s
        if now_s - self._swept_s >= _SWEEP_S:
            self._sweep(rows, now_s)

    def _sweep(self, rows: Connection, now_s: float) -> int:
        self._swept_s = now_s
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
        rows.execute(delete(FAULTS).where(FAULTS.c.at_s < old_s))
        return len(marks)

    def _bury(self, rows: Connection, marks: Sequence[str]) -> None:
        of_them = JOBS.c.process.in_(marks)
        rows.execute(delete(JOBS).where(of_them, JOBS.c.state.in_(["planned", "waiting"])))
        rows.execute(update(JOBS).where(of_them, JOBS.c.state == "held").values(state="orphan", process=""))
        rows.execute(delete(PROCESSES).where(PROCESSES.c.mark.in_(marks)))

    # --- coming and going ---------------------------------------------------------------------------

    def _list(self, rows: Connection, come: Sequence[Entry], views: Mapping[str, NodeView], now_s: float) -> set[str]:
        refused: set[str] = set()
        tried = {row.work: row.since_s for row in rows.execute(select(FAULTS).order_by(FAULTS.c.since_s.desc()))}
        new: list[dict[str, Any]] = []
        for entry in come:
            row = rows.execute(select(JOBS).where(JOBS.c.job_id == entry.job_id)).mappings().first()
            if row and row["process"] not in ("", self._mark) and row["state"] in ("waiting", "held"):
                refused.add(entry.job_id)
                continue
            values = self._values(entry, "waiting", tried.get(entry.work, now_s))
            if row and row["state"] == "waiting":
                values["since_s"] = row["since_s"]
            view = views.get(row["node"]) if row and row["state"] in ("orphan", "ended") else None
            if row and view and view.is_reachable:
                values |= {"state": "held", "node": row["node"], "given_s": now_s, "swapped": False}
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
        mine = (JOBS.c.job_id == left.job_id, JOBS.c.process == self._mark)
        row = rows.execute(select(JOBS).where(*mine)).mappings().first()
        if row is None:
            return
        rows.execute(delete(JOBS).where(*mine))
        if row["state"] != "held":
            return
        node = rows.execute(select(NODES).where(NODES.c.name == row["node"])).mappings().first()
        if left.failed:
            at = (FAULTS.c.work == row["work"], FAULTS.c.node == row["node"])
            rows.execute(delete(FAULTS).where(*at))
            fault = {"work": row["work"], "node": row["node"], "at_s": now_s, "since_s": row["since_s"]}
            rows.execute(insert(FAULTS).values(**fault))
        elif left.ran and node is not None:
            learn(rows, row, now_s - max(row["given_s"], node["ended_s"]))
        ended = {"ended_s": now_s} | ({"urgent_ended_s": now_s} if row["urgent"] else {})
        rows.execute(update(NODES).where(NODES.c.name == row["node"]).values(**ended))

    def _settle(self, rows: Connection, job_id: str, is_done: bool) -> None:
        orphan = (JOBS.c.job_id == job_id, JOBS.c.state == "orphan")
        rows.execute(update(JOBS).where(*orphan).values(state="ended") if is_done else delete(JOBS).where(*orphan))

    # --- giving -------------------------------------------------------------------------------------

    def _give(self, rows: Connection, views: Mapping[str, NodeView], now_s: float) -> None:
        if not self._could_give(rows, views):
            return
        places, waiting = self._places(rows, views), self._read(rows, "waiting", self._failed(rows))
        given = choose(
            waiting, places, planned=self._read(rows, "planned", {}), times=known_times(rows), now_s=now_s,
            urgent_grace_s=self._urgent_grace_s,
        )  # fmt: skip
        jobs = {job.job_id: job for job in waiting}
        for number, one in enumerate(given):
            # A microsecond apart, so that they keep their order on the node.
            at_s = now_s + number * 1e-6
            values = {"state": "held", "node": one.node, "given_s": at_s, "swapped": one.swapped}
            rows.execute(update(JOBS).where(JOBS.c.job_id == one.job_id).values(**values))
            if one.swapped:
                loaded = {"models": jobs[one.job_id].models, "swapped_s": at_s}
                rows.execute(update(NODES).where(NODES.c.name == one.node).values(**loaded))

    def _could_give(self, rows: Connection, views: Mapping[str, NodeView]) -> bool:
        """Whether it is worth reading everything: most changes come while every place is taken."""
        states = (*_ON_A_NODE, "waiting")
        counted = select(JOBS.c.state, JOBS.c.node, JOBS.c.urgent, func.count().label("jobs"))
        found = rows.execute(
            counted.where(JOBS.c.state.in_(states)).group_by(JOBS.c.state, JOBS.c.node, JOBS.c.urgent)
        ).all()
        waits = any(row.state == "waiting" for row in found)
        if any(row.state == "waiting" and row.urgent for row in found):
            return True
        taken: dict[str, int] = defaultdict(int)
        for row in found:
            if row.state != "waiting":
                taken[row.node] += row.jobs
        return waits and any(one.is_open and taken[one.name] < MOST_ON_A_NODE for one in views.values())

    def _places(self, rows: Connection, views: Mapping[str, NodeView]) -> list[Place]:
        known = {row["name"]: row for row in rows.execute(select(NODES)).mappings()}
        held: dict[str, list[Held]] = defaultdict(list)
        on_nodes = select(JOBS).where(JOBS.c.state.in_(_ON_A_NODE)).order_by(JOBS.c.given_s)
        for row in rows.execute(on_nodes):
            held[row.node].append(
                Held(
                    job_id=row.job_id, graph=row.graph, models=row.models, given_s=row.given_s,
                    estimate_s=row.estimate_s, urgent=row.urgent, swapped=row.swapped,
                )
            )  # fmt: skip
        places: list[Place] = []
        for name, view in views.items():
            row = known.get(name)
            if row is None:
                rows.execute(insert(NODES).values(name=name, models=view.models))
            places.append(
                Place(
                    name=name, weight=view.weight, is_open=view.is_open, others=view.others,
                    held=tuple(held[name]), models=row["models"] if row else view.models,
                    swapped_s=row["swapped_s"] if row else 0.0, ended_s=row["ended_s"] if row else 0.0,
                    urgent_ended_s=row["urgent_ended_s"] if row else 0.0,
                )
            )  # fmt: skip
        return places

    def _failed(self, rows: Connection) -> dict[str, frozenset[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for row in rows.execute(select(FAULTS)):
            found[row.work].add(row.node)
        return {work: frozenset(nodes) for work, nodes in found.items()}

    def _read(self, rows: Connection, state: str, failed: Mapping[str, frozenset[str]]) -> list[Waiting]:
        columns = [JOBS.c[name] for name in _READ]
        read = rows.execute(select(*columns).where(JOBS.c.state == state)).all()
        before, now = self._memory.get(state, {}), dict[tuple[str, float, str], Waiting]()
        jobs: list[Waiting] = []
        for row in read:
            key = (row.job_id, row.since_s, row.nodes)
            job = now[key] = before.get(key) or _waiting(row)
            avoid = failed.get(row.work)
            jobs.append(replace(job, avoid=avoid) if avoid else job)
        self._memory[state] = now
        return jobs

    def _leases(self, rows: Connection) -> list[Lease]:
        names = (JOBS.c.job_id, JOBS.c.node, JOBS.c.swapped, JOBS.c.since_s, JOBS.c.given_s)
        found = rows.execute(select(*names).where(JOBS.c.process == self._mark, JOBS.c.state == "held"))
        return [Lease(**row) for row in found.mappings()]


_READ = ("job_id", "work", "graph", "models", "stage", "session_id", "since_s", "estimate_s", "urgent", "nodes")


def _waiting(row: Any) -> Waiting:
    return Waiting(
        job_id=row.job_id, graph=row.graph, models=row.models, stage=row.stage, session_id=row.session_id,
        since_s=row.since_s, estimate_s=row.estimate_s, urgent=row.urgent,
        nodes=_names(row.nodes),
    )  # fmt: skip


@functools.lru_cache(maxsize=256)
def _names(told: str) -> frozenset[str]:
    return frozenset(told.split("\n")) if told else frozenset()
