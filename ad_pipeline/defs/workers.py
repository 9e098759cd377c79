"""Warm worker processes: `dagster` and our definitions loaded once, then one run after the other.

A scene is one run; starting a process for each costs more than making it. Not threads of one
process: every run start configures `logging` anew, and runs side by side deadlocked.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, Literal

from ad_pipeline.stages.warming import begin_warming
from ad_pipeline.stages.workplace import StepReport

RunKind = Literal["storyboard", "scene", "final"]


@dataclass(frozen=True, kw_only=True)
class RunOrder:
    """One Dagster run: which job, which partition, with what config."""

    kind: RunKind
    session_id: str
    scene_id: str = ""
    opens: bool = False
    """The first of its driver's: it makes the session known and ends what dead processes left."""
    run_config: Mapping[str, Any] = field(default_factory=dict[str, Any])
    tags: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """How a run ended; `fault` is what a producer should read."""

    order: RunOrder
    run_id: str
    state: Literal["success", "failure", "canceled"]
    fault: str = ""


class WarmWorkers:
    """A few processes that wait for runs; they end when their driver does, however it dies."""

    def __init__(self, count: int, *, dagster_home: Path, hear: Callable[[StepReport], None]) -> None:
        context = multiprocessing.get_context("forkserver")
        assert isinstance(context, ForkServerContext)
        begin_warming()
        self._count = count
        self._stop: Event = context.Event()
        self._reports: SimpleQueue[StepReport | None] = context.SimpleQueue()
        # What the environment says counts in the workers too; the fork server keeps its first one.
        environment = {
            name: value for name, value in os.environ.items() if name.startswith(("AD_PIPELINE_", "LANG", "LC_"))
        }
        self._pool = ProcessPoolExecutor(
            count,
            mp_context=context,
            initializer=_begin,
            initargs=(str(dagster_home), environment, self._stop, self._reports),
        )
        self._hearing = threading.Thread(target=self._hear, args=(hear,), daemon=True)
        self._hearing.start()

    def warm_up(self, others: int) -> None:
        """Start processes that have no order yet, so that they are ready for theirs; more start as orders come."""
        for _ in range(min(others, self._count - 1)):
            self._pool.submit(_load)

    def submit(self, order: RunOrder) -> Future[RunResult]:
        """Run it in the next free process."""
        return self._pool.submit(_run, order)

    def ask(self, name: str, *arguments: object) -> Any:
        """What a worker finds in Dagster's books: see `InstanceBooks`."""
        return self._pool.submit(_look_up, name, arguments).result()

    def stop(self) -> None:
        """Cancel every run, the waiting ones included."""
        self._stop.set()

    def processes(self) -> list[BaseProcess]:
        """Those that were started and not joined."""
        return list((getattr(self._pool, "_processes", None) or {}).values())

    def close(self) -> None:
        """End the processes; their runs have ended, or nobody waits for them any more."""
        processes = self.processes()
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.kill()  # an orderly exit of a loaded interpreter takes most of a second
        for process in processes:
            process.join(timeout=2)
        self._reports.put(None)
        self._hearing.join(timeout=2)

    def _hear(self, hear: Callable[[StepReport], None]) -> None:
        while (report := self._reports.get()) is not None:
            hear(report)


def _begin(
    dagster_home: str, environment: Mapping[str, str], stop: Event, reports: SimpleQueue[StepReport | None]
) -> None:
    """Make this process ready: it dies with its driver and stops with it."""
    # Ctrl-C in a terminal reaches the whole group; only the driver answers it, by `stop`.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["DAGSTER_HOME"] = dagster_home
    os.environ.update(environment)
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "100")  # what a run plans is stored in one transaction
    from ad_pipeline.defs import warm

    warm.begin(tell=reports.put)
    threading.Thread(target=_end_with_driver, daemon=True).start()
    threading.Thread(target=_heed, args=(stop,), daemon=True).start()


def _end_with_driver() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _heed(stop: Event) -> None:
    stop.wait()
    from ad_pipeline.defs.executor import stop_everything

    stop_everything()


def _look_up(name: str, arguments: tuple[object, ...]) -> Any:
    from ad_pipeline.defs import warm

    return getattr(warm.books(), name)(*arguments)


def _load() -> None:
    from ad_pipeline.defs import warm

    warm.load_crafts()


def _run(order: RunOrder) -> RunResult:
    from ad_pipeline.defs import warm

    return warm.run(order)
