"""Where this process's jobs wait: one thread writes their asks into the list and sees which got a node.

Those who wait sleep on an event of their own and are woken for a node, an error or news; so a
thousand may wait. Nothing runs while nobody waits, holds or plans.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from ad_pipeline.engines.comfy.client import ComfyNode
from ad_pipeline.engines.comfy.graphs import Graph
from ad_pipeline.engines.comfy.protocol import ENGINE, Failed, Finished, Unknown
from ad_pipeline.engines.comfy.protocol import CancelledThere as CancelledJob
from ad_pipeline.engines.comfy.rack.choosing import places_before
from ad_pipeline.engines.comfy.rack.config import NodeConfig
from ad_pipeline.engines.comfy.rack.fitness import Fitness, Verdict
from ad_pipeline.engines.comfy.rack.health import HealthWatch, NodeHealth
from ad_pipeline.engines.comfy.rack.reasons import cannot, joined, no_list, place_in_line
from ad_pipeline.engines.comfy.rack.waiting_list import HINT_S, Entry, Lease, Left, NodeView, WaitingList
from ad_pipeline.errors import AdPipelineError, Cancelled, EngineError, EngineRefused, EngineUnavailable
from ad_pipeline.messages import Message, say

_TICK_S = 0.5
"""How often those who wait are asked whether they were stopped, and the nodes' health is looked up."""
_ARRIVAL_S = 0.1
"""Whoever comes is not sent where a node was a while ago; a crowd that comes at once is one look."""
_NEWS_EVERY_S = 1.0
_CROWD, _CROWD_NEWS_EVERY_S = 100, 5.0
"""To know everybody's place the whole list is read; in a crowd nobody is near enough to ask so often."""
_ORPHANS_EVERY_S = 2.0
_MANY = 10


@dataclass(eq=False, kw_only=True)
class Waiter:
    """One job of this process, from its ask until it gives its node back."""

    graph: Graph
    entry: Entry
    should_stop: Callable[[], bool]
    woken: threading.Event = field(default_factory=threading.Event)
    lease: Lease | None = None
    error: Exception | None = None
    news: str = ""
    is_listed: bool = False
    down_since_s: float | None = None

    def fail(self, error: Exception) -> None:
        self.error = error
        self.woken.set()


@dataclass(kw_only=True)
class _Tray:
    """What the next transaction has to write."""

    come: dict[str, Waiter] = field(default_factory=dict[str, Waiter])
    gone: list[tuple[Left, threading.Event]] = field(default_factory=list[tuple[Left, threading.Event]])
    planned: list[Entry] = field(default_factory=list[Entry])
    unplanned: list[str] = field(default_factory=list[str])
    settled: dict[str, bool] = field(default_factory=dict[str, bool])

    def __bool__(self) -> bool:
        return bool(self.come or self.gone or self.planned or self.unplanned or self.settled)

    def put_back(self, other: _Tray) -> None:
        """What `other` could not write comes first."""
        self.come = other.come | self.come
        self.gone = other.gone + self.gone
        self.planned, self.unplanned = other.planned + self.planned, other.unplanned + self.unplanned
        self.settled = other.settled | self.settled


@dataclass(frozen=True, kw_only=True)
class _Chance:
    """What all that ask for one graph and stage may hope for: the same for all of them, so worked out once."""

    nodes: frozenset[str]
    is_open: bool
    error: EngineRefused | None


class Desk:
    """The waiting jobs of this process. `close` it; whoever still waits then is told that the work was stopped."""

    def __init__(
        self,
        *,
        open_list: Callable[[], WaitingList],
        nodes: Callable[[], Sequence[NodeConfig]],
        health: HealthWatch,
        fitness: Fitness,
        comfy: Callable[[NodeConfig], ComfyNode],
        patience_s: float,
        look_every_s: float,
    ) -> None:
        self._open_list, self._nodes, self._health, self._fitness = open_list, nodes, health, fitness
        self._comfy, self._patience_s, self._look_every_s = comfy, patience_s, look_every_s
        self._changed = threading.Condition()
        self._tray = _Tray()
        self._waiters: dict[str, Waiter] = {}
        self._arrived: list[Waiter] = []
        """Those among them that were not looked at yet."""
        self._graphs: dict[str, str] = {}
        """graph -> what it loads, of every graph that was asked for here."""
        self._plans_until_s = 0.0
        """So long this process says that it lives, for the sake of what it announced."""
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self._list: WaitingList | None = None
        self._configs: dict[str, NodeConfig] = {}
        self._views: dict[str, NodeView] = {}
        self._healths: dict[str, NodeHealth] = {}
        self._ticked_s = self._told_s = self._orphans_s = 0.0
        self._is_checking = False
        self._fault_since_s: float | None = None

    # --- from any thread ----------------------------------------------------------------------------

    def enter(self, waiter: Waiter) -> None:
        """Wait in the list. A job that waits here already is refused: two threads must not make the same thing."""
        with self._changed:
            if self._is_closed:
                raise Cancelled("the work was stopped")
            if waiter.entry.job_id in self._waiters:
                raise EngineUnavailable(
                    "job {job_id} is being made by this process already", engine=ENGINE, job_id=waiter.entry.job_id
                )
            self._waiters[waiter.entry.job_id] = waiter
            self._arrived.append(waiter)
            self._graphs[waiter.entry.graph] = waiter.entry.models
            self._wake()

    def leave(self, left: Left) -> None:
        """Give the node back, or wait no longer; comes back when that is written down."""
        written = threading.Event()
        with self._changed:
            self._waiters.pop(left.job_id, None)
            self._tray.come.pop(left.job_id, None)
            if self._is_closed:
                return
            self._tray.gone.append((left, written))
            self._wake()
        written.wait(10.0)

    def plan(self, planned: Sequence[Entry], *, without: Sequence[str] = ()) -> None:
        """Announce jobs that will come; those announced before for the sessions `without` are withdrawn."""
        with self._changed:
            self._tray.unplanned += without
            self._tray.planned += planned
            self._graphs |= {entry.graph: entry.models for entry in planned}
            if planned:
                self._plans_until_s = time.monotonic() + HINT_S
            self._wake()

    def look_again(self) -> None:
        """Something was found out about a node."""
        with self._changed:
            self._ticked_s = 0.0
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        if self._thread:
            self._thread.join(30.0)

    def _wake(self) -> None:
        if self._thread is None and not self._is_closed:
            self._thread = threading.Thread(target=self._work, name="comfy-rack", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    # --- the thread ---------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            with self._changed:
                if not (self._tray or self._arrived or self._is_closed or self._ticked_s == 0.0):
                    self._changed.wait(self._pause_s())
                tray, self._tray = self._tray, _Tray()
                arrived, self._arrived = self._arrived, []
                waiters, is_closed = list(self._waiters.values()), self._is_closed
            try:
                self._step(tray, waiters, arrived)
                self._fault_since_s = None
            except SQLAlchemyError as error:
                self._database_fails(tray, waiters, error)
            except Exception as error:  # the rim of a thread: whoever waits must hear of it
                self._ticked_s = time.monotonic()
                for waiter in waiters:
                    waiter.fail(error)
                self._written(tray)
            if is_closed:
                self._end(waiters)
                return

    def _pause_s(self) -> float | None:
        if any(waiter.lease is None for waiter in self._waiters.values()):
            return self._look_every_s
        return 1.0 if self._waiters or time.monotonic() < self._plans_until_s else None

    def _step(self, tray: _Tray, waiters: Sequence[Waiter], arrived: Sequence[Waiter]) -> None:
        if self._list is None:
            self._list = self._open_list()
        now_s = time.monotonic()
        is_tick = now_s - self._ticked_s >= (_ARRIVAL_S if arrived else _TICK_S)
        is_tick = is_tick or (bool(arrived) and self._listed() != self._configs)
        waiting: list[Waiter] = []
        if is_tick:
            waiting = [waiter for waiter in waiters if waiter.lease is None and waiter.error is None]
            self._ticked_s = now_s
            has_new_views = self._look_at_nodes()
            self._look_at_waiters(tray, waiting)
        else:
            has_new_views = False
            self._look_at_waiters(tray, arrived)
        # Somebody may have left while the database was away.
        tray.come = {job_id: waiter for job_id, waiter in tray.come.items() if self._waiters.get(job_id) is waiter}
        if tray or (has_new_views and waiting) or self._list.is_due():
            come = [waiter.entry for waiter in tray.come.values()]
            leases, refused = self._list.exchange(
                come=come, gone=[left for left, _ in tray.gone], planned=tray.planned, unplanned=tray.unplanned,
                settled=tray.settled, views=self._views,
            )  # fmt: skip
            for waiter in tray.come.values():
                waiter.is_listed = waiter.entry.job_id not in refused
            self._written(tray)
            self._hand_out(leases)
        elif self._list.has_changed():
            self._hand_out(self._list.leases())
        news_every_s = _NEWS_EVERY_S if len(waiting) < _CROWD else _CROWD_NEWS_EVERY_S
        if waiting and now_s - self._told_s >= news_every_s:
            self._told_s = now_s
            self._tell_news(waiting)
        if waiting and now_s - self._orphans_s >= _ORPHANS_EVERY_S:
            self._orphans_s = now_s
            self._check_orphans()

    def _written(self, tray: _Tray) -> None:
        for _, written in tray.gone:
            written.set()

    def _hand_out(self, leases: Sequence[Lease]) -> None:
        with self._changed:
            for lease in leases:
                waiter = self._waiters.get(lease.job_id)
                if waiter is None:
                    # Given in the moment in which it stopped waiting.
                    self._tray.gone.append((Left(job_id=lease.job_id, ran=False), threading.Event()))
                elif waiter.lease is None:
                    waiter.lease = lease
                    waiter.woken.set()

    def _database_fails(self, tray: _Tray, waiters: Sequence[Waiter], error: SQLAlchemyError) -> None:
        """Tried again until patience ends: a database that is restarted must not fail a night's work."""
        with self._changed:
            self._tray.put_back(tray)
        self._written(tray)  # it will be; whoever leaves need not stand and wait
        now_s = time.monotonic()
        self._fault_since_s = self._fault_since_s or now_s
        if now_s - self._fault_since_s > self._patience_s:
            for waiter in waiters:
                waiter.fail(no_list(error))
        time.sleep(0.5)

    def _end(self, waiters: Sequence[Waiter]) -> None:
        for waiter in waiters:
            waiter.fail(Cancelled("the work was stopped"))
        if self._list:
            # Where it cannot be written, the sweep of another process frees what is left.
            with contextlib.suppress(SQLAlchemyError):
                self._list.retire()
            self._list.close()

    # --- nodes --------------------------------------------------------------------------------------

    def _look_at_nodes(self) -> bool:
        """Whether anything is other than at the last look."""
        configs = self._listed()
        healths = {name: health for name, health in self._health.look(wait_s=0.0).items() if name in configs}
        configs = {name: config for name, config in configs.items() if name in healths}
        for name, health in healths.items():
            before = self._healths.get(name)
            if before and health.is_up and not before.is_up and before.since_s:
                self._fitness.forget(name)
        views = {name: self._view(config, healths[name]) for name, config in configs.items()}
        is_new = views != self._views
        self._configs, self._healths, self._views = configs, healths, views
        return is_new

    def _listed(self) -> dict[str, NodeConfig]:
        try:
            return {config.name: config for config in self._nodes()}
        except AdPipelineError:
            return self._configs  # the file is being edited

    def _view(self, config: NodeConfig, health: NodeHealth) -> NodeView:
        return NodeView(
            name=config.name, is_open=health.state in ("available", "busy"), is_reachable=health.is_up,
            weight=config.weight, others=max(0, health.backlog - health.ours),
            models=self._graphs.get(health.last_graph, ""),
        )  # fmt: skip

    # --- those who wait -----------------------------------------------------------------------------

    def _look_at_waiters(self, tray: _Tray, waiting: Sequence[Waiter]) -> None:
        chances: dict[tuple[str, str], _Chance] = {}
        for waiter in waiting:
            if _is_stopped(waiter):
                continue
            key = (waiter.graph.version, waiter.entry.stage)
            chance = chances.get(key)
            if chance is None:
                chance = chances[key] = self._chance(waiter)
            if chance.error:
                waiter.fail(chance.error)
                continue
            if chance.nodes != waiter.entry.nodes or (chance.nodes and not waiter.is_listed):
                waiter.entry = replace(waiter.entry, nodes=chance.nodes)
                tray.come[waiter.entry.job_id] = waiter
            if chance.is_open:
                waiter.down_since_s = None
            else:
                self._lose_patience(waiter)

    def _verdicts(self, waiter: Waiter) -> dict[str, Verdict | None]:
        return {
            name: self._fitness.verdict(waiter.graph, waiter.entry.stage, config)
            for name, config in self._configs.items()
        }

    def _chance(self, waiter: Waiter) -> _Chance:
        verdicts = self._verdicts(waiter)
        nodes = frozenset(name for name, verdict in verdicts.items() if verdict and verdict.is_fit)
        return _Chance(
            nodes=nodes,
            is_open=any(self._views[name].is_open for name in nodes),
            error=None if nodes else cannot(waiter.graph, list(verdicts.values())),
        )

    def _lose_patience(self, waiter: Waiter) -> None:
        now_s = time.monotonic()
        waiter.down_since_s = waiter.down_since_s or now_s
        if now_s - waiter.down_since_s >= self._patience_s:
            waiter.fail(
                EngineUnavailable(
                    "no node for graph {graph} could be used for {seconds:.0f} s: {reasons}",
                    engine=ENGINE, job_id=waiter.entry.job_id, graph=waiter.graph.name, seconds=self._patience_s,
                    reasons=self._down(self._verdicts(waiter)),
                )
            )  # fmt: skip

    def _down(self, verdicts: Mapping[str, Verdict | None]) -> Message:
        """Why each node cannot be used now."""
        reasons: list[Message] = []
        for name, verdict in verdicts.items():
            fault = self._healths[name].fault
            if self._healths[name].state == "draining":
                reasons.append(EngineUnavailable("node {name} is draining", engine=ENGINE, name=name).message)
            elif verdict and verdict.why and not verdict.is_passing:
                reasons.append(verdict.why.message)
            elif fault:
                reasons.append(fault)
        return joined(reasons or [EngineUnavailable("the nodes have not answered yet", engine=ENGINE).message])

    def _tell_news(self, waiting: Sequence[Waiter]) -> None:
        assert self._list is not None
        before = places_before(self._list.waiting())
        said: dict[tuple[Any, ...], str] = {}
        for waiter in waiting:
            ahead = before.get(waiter.entry.job_id, 0)
            ahead = ahead if ahead < _MANY else ahead // _MANY * _MANY
            is_down = waiter.down_since_s is not None
            alike = (waiter.graph.version, waiter.entry.stage, waiter.entry.nodes, is_down, is_down or ahead)
            if alike not in said:
                said[alike] = self._news_of_down(waiter) if is_down else place_in_line(ahead, waiter.entry.nodes)
            if said[alike] and said[alike] != waiter.news:
                waiter.news = said[alike]
                waiter.woken.set()

    def _news_of_down(self, waiter: Waiter) -> str:
        verdicts = self._verdicts(waiter)
        if not all(verdicts.values()):
            return ""  # the very first moment
        return say("no node can be used now; it waits: {reasons}", reasons=self._down(verdicts))

    # --- what dead processes left -------------------------------------------------------------------

    def _check_orphans(self) -> None:
        assert self._list is not None
        orphans = [
            one for one in self._list.orphans() if one.node in self._views and self._views[one.node].is_reachable
        ]
        if not orphans or self._is_checking:
            return
        self._is_checking = True
        asked = [(one.job_id, self._configs[one.node]) for one in orphans]
        threading.Thread(target=self._ask_orphans, args=(asked,), name="comfy-orphans", daemon=True).start()

    def _ask_orphans(self, asked: Sequence[tuple[str, NodeConfig]]) -> None:
        settled: dict[str, bool] = {}
        try:
            for job_id, config in asked:
                try:
                    state = self._comfy(config).state(job_id)
                except EngineError:
                    continue
                if isinstance(state, Finished | Failed | CancelledJob | Unknown):
                    settled[job_id] = isinstance(state, Finished)
        finally:
            with self._changed:
                self._is_checking = False
                self._tray.settled |= settled
                self._changed.notify_all()


def _is_stopped(waiter: Waiter) -> bool:
    try:
        if waiter.should_stop():
            waiter.fail(Cancelled("the work was stopped"))
    except Exception as error:  # the caller's own code: it is told, the others go on
        waiter.fail(error)
    return waiter.error is not None
