"""GPU nodes on Dagster's Concurrency page: a pool for each, with a slot taken for as long as a step has the node.

The slots only show. Who gets which node is the rack's to say, so a slot is claimed behind the work's
back, and what Dagster's database says to it is no job's business: nothing here waits or fails.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager

import dagster as dg

SLOTS = 2
"""One job runs on a node and one waits there; an urgent third shows as a step that is pending."""
_PREFIX = "gpu/"
_SETTLE_S = 2.0

_log = logging.getLogger(__name__)


def pool_of(node: str) -> str:
    """The pool's name."""
    return f"{_PREFIX}{node}"


def name_pools(instance: dg.DagsterInstance, nodes: Iterable[str]) -> None:
    """Give each node its pool, unless it has one: a limit that a person set stays. Never raises."""
    try:
        if not instance.event_log_storage.supports_global_concurrency_limits:
            return
        known = {limit.name for limit in instance.event_log_storage.get_pool_limits() if not limit.from_default}
        for pool in map(pool_of, nodes):
            if pool not in known:
                instance.event_log_storage.set_concurrency_slots(pool, SLOTS)
    except Exception as error:  # the rim: whatever Dagster's storage raises, no ad waits for a page of the UI
        _log.warning("the pools of the GPU nodes cannot be named: %s", error)


def free_pools(instance: dg.DagsterInstance) -> None:
    """Free the slots of runs that have ended: their processes were killed before they could. Never raises."""
    try:
        storage = instance.event_log_storage
        pools = [key for key in storage.get_concurrency_keys() if key.startswith(_PREFIX)]
        infos = storage.get_concurrency_infos(pools).values()
        for run_id in {run_id for info in infos for run_id in (*info.active_run_ids, *info.pending_run_ids)}:
            run = instance.get_run_by_id(run_id)
            if run is None or run.is_finished:
                storage.free_concurrency_slots_for_run(run_id)
    except Exception as error:  # as above
        _log.warning("the slots of the GPU nodes cannot be freed: %s", error)


class NodeSlots:
    """The slots of one step."""

    def __init__(self, instance: dg.DagsterInstance, *, run_id: str, step_key: str) -> None:
        self._instance, self._run_id, self._step_key = instance, run_id, step_key

    @contextmanager
    def hold(self, node: str) -> Generator[None, None, None]:
        """While this lasts, the node's pool shows that the step uses it."""
        _behind.do(lambda: self._claim(node))
        try:
            yield
        finally:
            _behind.do(self._free)

    def _claim(self, node: str) -> None:
        name_pools(self._instance, [node])
        self._instance.event_log_storage.claim_concurrency_slot(pool_of(node), self._run_id, self._step_key)

    def _free(self) -> None:
        self._instance.event_log_storage.free_concurrency_slot_for_step(self._run_id, self._step_key)


def settle_slots() -> None:
    """Wait a moment until what was claimed and freed is written; at the end of a step, before its process may end."""
    _behind.settle()


class _Behind:
    """Things done one after the other in a thread of its own, which begins with the first."""

    def __init__(self) -> None:
        self._todo: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def do(self, action: Callable[[], None]) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="node-slots", daemon=True)
                self._thread.start()
        self._todo.put(action)

    def settle(self) -> None:
        if self._thread is not None:
            done = threading.Event()
            self.do(done.set)
            done.wait(_SETTLE_S)

    def _work(self) -> None:
        while True:
            action = self._todo.get()
            try:
                action()
            except Exception as error:  # the rim of a thread, as above
                _log.warning("the GPU nodes' slots cannot be shown: %s", error)


_behind = _Behind()
