"""Where this process's jobs wait: one thread writes their asks into the list and sees which got a node.

Those who wait sleep on an event of their own and are woken for a node, an error or news; so a
thousand may wait. Nothing runs while nobody waits, holds or plans.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from ad_pipeline.engines.comfy.client import ComfyNode
from ad_pipeline.engines.comfy.protocol import ENGINE
from ad_pipeline.engines.comfy.rack.choosing import places_before
from ad_pipeline.engines.comfy.rack.config import NodeConfig
from ad_pipeline.engines.comfy.rack.entries import Entry, Lease, Left
from ad_pipeline.engines.comfy.rack.fitness import Fitness
from ad_pipeline.engines.comfy.rack.health import HealthWatch
from ad_pipeline.engines.comfy.rack.orphans import OrphanCheck
from ad_pipeline.engines.comfy.rack.outlook import Chance, Outlook
from ad_pipeline.engines.comfy.rack.reasons import list_away, no_list, place_in_line
from ad_pipeline.engines.comfy.rack.waiter import Tray, Waiter
from ad_pipeline.engines.comfy.rack.waiting_list import HINT_S, WaitingList
from ad_pipeline.errors import Cancelled, EngineUnavailable

_TICK_S = 0.5
"""How often those who wait are asked whether they were stopped, and the nodes' health is looked up."""
_ARRIVAL_S = 0.1
"""Whoever comes is not sent where a node was a while ago; a crowd that comes at once is one look."""
_NEWS_EVERY_S = 1.0
_CROWD, _CROWD_NEWS_EVERY_S = 100, 5.0
"""To know everybody's place the whole list is read; in a crowd nobody is near enough to ask so often."""
_MANY = 10
_AFTER_A_FAULT_S = 0.5


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
        self._open_list, self._patience_s, self._look_every_s = open_list, patience_s, look_every_s
        self._changed = threading.Condition()
        self._tray = Tray()
        self._waiters: dict[str, Waiter] = {}
        self._arrived: list[Waiter] = []
        """Those among them that were not looked at yet."""
        self._graphs: dict[str, str] = {}
        """graph -> what it loads, of every graph that was asked for here."""
        self._outlook = Outlook(
            nodes=nodes, health=health, fitness=fitness, models=self._graphs, patience_s=patience_s
        )  # fmt: skip
        self._orphans = OrphanCheck(comfy, tell=self._settled)
        self._plans_until_s = 0.0
        """So long this process says that it lives, for the sake of what it announced."""
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self._list: WaitingList | None = None
        self._ticked_s = self._told_s = 0.0
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
        """Give the node back, or wait no longer; comes back when that is written down.

        After a good end nobody waits for it: there is a file to be looked at meanwhile, and where this process
        ended within those milliseconds, the others would find its job done, as after any crash.
        """
        written = threading.Event()
        with self._changed:
            self._waiters.pop(left.job_id, None)
            self._tray.come.pop(left.job_id, None)
            if self._is_closed:
                return
            self._tray.gone.append((left, written))
            self._wake()
        if left.failed or not left.ran:
            written.wait(10.0)

    def plan(self, planned: Sequence[Entry], *, without: Sequence[str] = ()) -> None:
        """Announce jobs that will come; those announced before for the sessions `without` are withdrawn."""
        with self._changed:
            self._tray.unplanned += without
            self._tray.planned += planned
            self._graphs.update((entry.graph, entry.models) for entry in planned)
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
                tray, self._tray = self._tray, Tray()
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
                tray.written()
                if self._list is not None and not is_closed:
                    with self._changed:  # what gives its node back must not keep it
                        self._tray.put_back(Tray(gone=tray.gone, unplanned=tray.unplanned))
                    time.sleep(_AFTER_A_FAULT_S)
            if is_closed:
                self._end(waiters)
                return

    def _pause_s(self) -> float | None:
        if any(waiter.lease is None for waiter in self._waiters.values()):
            return self._look_every_s
        return 1.0 if self._waiters or time.monotonic() < self._plans_until_s else None

    def _step(self, tray: Tray, waiters: Sequence[Waiter], arrived: Sequence[Waiter]) -> None:
        if self._list is None:
            self._list = self._open_list()
        now_s = time.monotonic()
        is_tick = now_s - self._ticked_s >= (_ARRIVAL_S if arrived else _TICK_S)
        is_tick = is_tick or (bool(arrived) and self._outlook.listed() != self._outlook.configs)
        waiting: list[Waiter] = []
        if is_tick:
            waiting = [waiter for waiter in waiters if waiter.lease is None and waiter.error is None]
            self._ticked_s = now_s
            has_new_views = self._outlook.look()
            self._look_at_waiters(tray, waiting)
        else:
            has_new_views = False
            self._look_at_waiters(tray, arrived)
        # Somebody may have left while the database was away.
        tray.come = {job_id: waiter for job_id, waiter in tray.come.items() if self._waiters.get(job_id) is waiter}
        if tray or (has_new_views and waiting) or self._list.is_due():
            come = [waiter.listed(now_s) for waiter in tray.come.values()]
            leases, refused = self._list.exchange(
                come=come, gone=[left for left, _ in tray.gone], planned=tray.planned, unplanned=tray.unplanned,
                settled=tray.settled, views=self._outlook.views,
            )  # fmt: skip
            for waiter in tray.come.values():
                waiter.is_listed = waiter.entry.job_id not in refused
            tray.written()
            self._hand_out(leases)
            if self._list.was_forgotten:
                self._list_again(waiters)
        elif self._list.has_changed():
            self._hand_out(self._list.leases())
        news_every_s = _NEWS_EVERY_S if len(waiting) < _CROWD else _CROWD_NEWS_EVERY_S
        if waiting and now_s - self._told_s >= news_every_s:
            self._told_s = now_s
            self._tell_news(waiting)
        if waiting and self._orphans.is_due():
            up = {name: self._outlook.configs[name] for name, view in self._outlook.views.items() if view.is_reachable}
            self._orphans.ask(self._list.orphans(), up)

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

    def _list_again(self, waiters: Sequence[Waiter]) -> None:
        assert self._list is not None
        self._list.was_forgotten = False
        self._ticked_s = 0.0
        for waiter in waiters:
            waiter.is_listed = False

    def _database_fails(self, tray: Tray, waiters: Sequence[Waiter], error: SQLAlchemyError) -> None:
        """Tried again until patience ends: a database that is restarted must not fail a night's work."""
        with self._changed:
            self._tray.put_back(tray)
        tray.written()  # it will be; whoever leaves need not stand and wait
        now_s = time.monotonic()
        self._fault_since_s = self._fault_since_s or now_s
        is_over = now_s - self._fault_since_s > self._patience_s
        for waiter in waiters:
            if is_over:
                waiter.fail(no_list(error))
            else:
                waiter.tell(list_away(error, limit_s=self._patience_s))
        time.sleep(_AFTER_A_FAULT_S)

    def _end(self, waiters: Sequence[Waiter]) -> None:
        for waiter in waiters:
            waiter.fail(Cancelled("the work was stopped"))
        if self._list:
            # Where it cannot be written, the sweep of another process frees what is left.
            with contextlib.suppress(SQLAlchemyError):
                self._list.retire()
            self._list.close()

    # --- those who wait -----------------------------------------------------------------------------

    def _look_at_waiters(self, tray: Tray, waiting: Sequence[Waiter]) -> None:
        chances: dict[tuple[str, str], Chance] = {}
        for waiter in waiting:
            if waiter.is_stopped():
                continue
            key = (waiter.graph.version, waiter.entry.stage)
            chance = chances.get(key)
            if chance is None:
                chance = chances[key] = self._outlook.chance(waiter)
            if chance.error:
                waiter.fail(chance.error)
                continue
            if chance.nodes != waiter.entry.nodes or (chance.nodes and not waiter.is_listed):
                waiter.entry = replace(waiter.entry, nodes=chance.nodes)
                tray.come[waiter.entry.job_id] = waiter
            self._outlook.wait_for(waiter, chance)

    def _tell_news(self, waiting: Sequence[Waiter]) -> None:
        assert self._list is not None
        before = places_before(self._list.waiting())
        said: dict[tuple[Any, ...], str] = {}
        for waiter in waiting:
            ahead = before.get(waiter.entry.job_id, 0)
            ahead = ahead if ahead < _MANY else ahead // _MANY * _MANY
            is_down = waiter.gives_up_s is not None
            why = waiter.limit_s if is_down else ahead
            alike = (waiter.graph.version, waiter.entry.stage, waiter.entry.nodes, is_down, why)
            if alike not in said:
                nodes = waiter.entry.nodes
                said[alike] = self._outlook.news_of_down(waiter) if is_down else place_in_line(ahead, nodes)
            waiter.tell(said[alike])

    def _settled(self, settled: dict[str, bool]) -> None:
        with self._changed:
            self._tray.settled |= settled
            self._changed.notify_all()
