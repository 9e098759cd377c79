"""The launcher of the command line: the driver in a thread of this process, its workers in processes."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from ad_pipeline.defs.books import Books
from ad_pipeline.defs.driver import make_ad
from ad_pipeline.errors import Cancelled, InputRejected
from ad_pipeline.stages.launcher import Launcher, Order, Outcome, WorkState, WorkStatus
from ad_pipeline.stages.progress import work_status
from ad_pipeline.stages.workplace import StepReport, Workplace


@dataclass(frozen=True, kw_only=True)
class _Work:
    session_id: str
    ended: Future[Outcome]
    stop: threading.Event = field(default_factory=threading.Event)


class HereLauncher(Launcher):
    """Work in this process; it ends with it, and what was finished is kept."""

    def __init__(self, books: Books, workplace: Workplace, *, report: Callable[[StepReport], None]) -> None:
        self._books = books
        self._workplace = workplace
        self._report = report
        self._works: dict[str, _Work] = {}

    def start(self, order: Order) -> str:
        self._workplace.store.existing(order.session_id)
        work_id = str(uuid.uuid4())
        work = self._works[work_id] = _Work(session_id=order.session_id, ended=Future())
        threading.Thread(target=self._drive, args=(order, work), name="driver", daemon=True).start()
        return work_id

    def status(self, work_id: str) -> WorkStatus:
        work = self._work(work_id)
        state: WorkState = "processing"
        if work.ended.done():
            error = work.ended.exception()
            failed = error is not None or bool(work.ended.result().failures)
            state = "cancelled" if isinstance(error, Cancelled) else "failed" if failed else "completed"
        return work_status(self._workplace, work_id=work_id, session_id=work.session_id, state=state)

    def cancel(self, work_id: str) -> bool:
        work = self._work(work_id)
        work.stop.set()
        return not work.ended.done()

    def outcome(self, work_id: str, *, timeout_s: float) -> Outcome:
        """How the work ended.

        Raises:
            TimeoutError: it has not, within `timeout_s`.
            AdPipelineError: what ended it, as the driver raised it.
        """
        return self._work(work_id).ended.result(timeout=timeout_s)

    def _work(self, work_id: str) -> _Work:
        if work_id not in self._works:
            raise InputRejected("no work {work_id!r}", field="work_id", work_id=work_id)
        return self._works[work_id]

    def _drive(self, order: Order, work: _Work) -> None:
        try:
            work.ended.set_result(
                make_ad(self._books, self._workplace, order, should_stop=work.stop.is_set, report=self._report)
            )
        except BaseException as error:  # handed to whoever waits for the outcome
            work.ended.set_exception(error)
