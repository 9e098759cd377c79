"""Giving out the open places: the rows read as `choosing` wants them, and its choice written down."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, func, insert, select, update

from ad_pipeline.engines.comfy.rack.choosing import MOST_ON_A_NODE, choose
from ad_pipeline.engines.comfy.rack.entries import NodeView
from ad_pipeline.engines.comfy.rack.learning import known_times
from ad_pipeline.engines.comfy.rack.situation import Held, Place, Waiting
from ad_pipeline.engines.comfy.rack.tables import FAILURES, JOBS, NODES

_ON_A_NODE = ("held", "orphan")
_READ = ("job_id", "work", "graph", "models", "stage", "session_id", "since_s", "estimate_s", "urgent", "nodes")

# Made once: SQLAlchemy takes longer to make a statement and find it in its cache than SQLite to run it.
_NODES, _FAILED = select(NODES), select(FAILURES)
_ON_NODES = select(JOBS).where(JOBS.c.state.in_(_ON_A_NODE)).order_by(JOBS.c.given_s)
_IN_STATE = select(*(JOBS.c[name] for name in _READ)).where(JOBS.c.state == bindparam("wanted"))
_PLACE = (JOBS.c.state, JOBS.c.node, JOBS.c.urgent)
_COUNTED = (
    select(*_PLACE, func.count().label("jobs")).where(JOBS.c.state.in_((*_ON_A_NODE, "waiting"))).group_by(*_PLACE)
)


class Giving:
    """Who waits and what is given to whom; keeps what it read last. Used by one thread at a time."""

    def __init__(self, *, urgent_grace_s: float) -> None:
        self._urgent_grace_s = urgent_grace_s
        self._memory: dict[str, dict[tuple[str, float, str], Waiting]] = {}
        """By state, the rows that were read last: a thousand of them are not made anew at every look."""

    def give(self, rows: Connection, views: Mapping[str, NodeView], now_s: float) -> None:
        """Give out what is open, to jobs of any process."""
        if not self._could_give(rows, views):
            return
        places, waiting = self._places(rows, views), self.read(rows, "waiting", _failures(rows))
        given = choose(
            waiting, places, planned=self.read(rows, "planned"), times=known_times(rows), now_s=now_s,
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

    def read(
        self, rows: Connection, state: str, failures: Mapping[str, Sequence[RowMapping]] | None = None
    ) -> list[Waiting]:
        """The jobs in that state, of every process; with `failures`, each with the nodes that it should avoid."""
        read = rows.execute(_IN_STATE, {"wanted": state}).all()
        before, now = self._memory.get(state, {}), dict[tuple[str, float, str], Waiting]()
        jobs: list[Waiting] = []
        for row in read:
            key = (row.job_id, row.since_s, row.nodes)
            job = now[key] = before.get(key) or _waiting(row)
            avoid = _avoided(row, failures) if failures else None
            jobs.append(replace(job, avoid=avoid) if avoid else job)
        self._memory[state] = now
        return jobs

    def _could_give(self, rows: Connection, views: Mapping[str, NodeView]) -> bool:
        """Whether it is worth reading everything: most changes come while every place is taken."""
        found = rows.execute(_COUNTED).all()
        waits = any(row.state == "waiting" for row in found)
        if any(row.state == "waiting" and row.urgent for row in found):
            return True
        taken: dict[str, int] = defaultdict(int)
        for row in found:
            if row.state != "waiting":
                taken[row.node] += row.jobs
        return waits and any(one.is_open and taken[one.name] < MOST_ON_A_NODE for one in views.values())

    def _places(self, rows: Connection, views: Mapping[str, NodeView]) -> list[Place]:
        known = {row["name"]: row for row in rows.execute(_NODES).mappings()}
        held: dict[str, list[Held]] = defaultdict(list)
        for row in rows.execute(_ON_NODES):
            held[row.node].append(
                Held(
                    job_id=row.job_id, graph=row.graph, models=row.models, given_s=row.given_s, since_s=row.since_s,
                    estimate_s=row.estimate_s, urgent=row.urgent, swapped=row.swapped,
                )
            )  # fmt: skip
        places: list[Place] = []
        for name, view in views.items():
            row = known.get(name)
            if row is None:
                rows.execute(insert(NODES).values(name=name, models=view.models))
            places.append(_place(view, row, tuple(held[name])))
        return places


def _place(view: NodeView, row: RowMapping | None, held: tuple[Held, ...]) -> Place:
    place = Place(
        name=view.name, weight=view.weight, is_open=view.is_open, others=view.others, held=held, models=view.models
    )
    if row is None:
        return place
    return replace(
        place, models=row["models"], swapped_s=row["swapped_s"], ended_s=row["ended_s"],
        urgent_ended_s=row["urgent_ended_s"], ordinary_ended_s=row["ordinary_ended_s"],
    )  # fmt: skip


def _failures(rows: Connection) -> dict[str, list[RowMapping]]:
    """By work; by graph where a card was too small for it."""
    found: dict[str, list[RowMapping]] = defaultdict(list)
    for row in rows.execute(_FAILED).mappings():
        found[row["graph"] or row["work"]].append(row)
    return found


def _avoided(row: Any, failures: Mapping[str, Sequence[RowMapping]]) -> frozenset[str]:
    """Where this work failed, and where memory ran out in the same graph for anything that was no longer than it."""
    by_work = (one["node"] for one in failures.get(row.work, ()))
    too_small = (one["node"] for one in failures.get(row.graph, ()) if row.estimate_s >= one["estimate_s"])
    return frozenset((*by_work, *too_small))


def _waiting(row: Any) -> Waiting:
    return Waiting(
        job_id=row.job_id, graph=row.graph, models=row.models, stage=row.stage, session_id=row.session_id,
        since_s=row.since_s, estimate_s=row.estimate_s, urgent=row.urgent,
        nodes=_names(row.nodes),
    )  # fmt: skip


@functools.lru_cache(maxsize=256)
def _names(told: str) -> frozenset[str]:
    return frozenset(told.split("\n")) if told else frozenset()
