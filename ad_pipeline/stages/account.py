"""What one piece of work costs: a row in the ledger for each attempt, and the shelf of what is bought already."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import replace
from pathlib import Path

from ad_pipeline.engines.contracts import Done
from ad_pipeline.ledger.ledger import Ledger


class Account:
    """The account of one work in one session; `paid` hears of every cent as a service takes it."""

    def __init__(
        self, ledger: Ledger, shelf: Path, *, session_id: str, engine: str, artifact: str, budget_usd: float | None
    ) -> None:
        self._ledger, self._shelf = ledger, shelf
        self._session_id, self._engine, self._artifact, self._budget_usd = session_id, engine, artifact, budget_usd
        self._job_id = ""
        self._was_settled = False
        self._paid_usd = 0.0

    def paid(self, usd: float) -> None:
        """A service took it."""
        self._paid_usd += usd

    def begin(self, job_id: str, *, usd: float) -> None:
        """An attempt that will cost about so much.

        Raises:
            BudgetExceeded: the budget does not cover it.
        """
        self._job_id = job_id
        self._was_settled = self._ledger.state_of(job_id) == "settled"
        self._ledger.reserve(
            job_id=job_id, session_id=self._session_id, engine=self._engine, artifact=self._artifact, usd=usd,
            budget_usd=self._budget_usd,
        )  # fmt: skip
        self._shelf.mkdir(parents=True, exist_ok=True)

    def fail(self, *, is_over: bool) -> None:
        """The attempt failed. What was bought lies on the shelf for the next one, which takes over the account."""
        if self._was_settled:
            self._add()
        elif self._paid_usd and is_over:
            self._ledger.settle(self._job_id, usd=round(self._paid_usd, 4))
        else:
            self._ledger.release(self._job_id)
        if is_over:
            self._tidy()

    def stop(self) -> None:
        """The work was stopped. What was bought stays set aside: whoever goes on finds it and settles."""
        if self._was_settled:
            self._add()
        elif not self._paid_usd:
            self._ledger.release(self._job_id)
        self._tidy()

    def end(self, done: Done) -> Done:
        """The attempt went well; `done` with all that it cost."""
        if self._was_settled:
            self._add()
            return done
        done = replace(done, cost_usd=max(done.cost_usd, round(self._paid_usd, 4)))
        self._ledger.settle(self._job_id, usd=done.cost_usd, gpu_seconds=done.gpu_seconds)
        return done

    def close(self) -> None:
        """The take is there: nobody needs its parts any longer."""
        shutil.rmtree(self._shelf, ignore_errors=True)

    def _add(self) -> None:
        if self._paid_usd:
            self._ledger.add(self._job_id, usd=round(self._paid_usd, 4))
        self._paid_usd = 0.0

    def _tidy(self) -> None:
        with contextlib.suppress(OSError):
            self._shelf.rmdir()  # where something lies there, it stays for whoever tries again
