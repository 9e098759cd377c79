"""What one piece of work costs: a row in the ledger for each attempt, and the shelf of what is bought already."""

from __future__ import annotations

import contextlib
import json
import shutil
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
        """Since the attempt began."""
        self._mine_usd = self._others_usd = 0.0
        """What lies on the shelf, bought under this attempt before a crash, and under others that are settled."""

    def paid(self, usd: float) -> None:
        """A service took it."""
        self._paid_usd += usd

    def begin(self, job_id: str, *, usd: float) -> None:
        """An attempt that will cost about so much, with what lies on the shelf.

        Raises:
            BudgetExceeded: the budget does not cover it.
        """
        self._job_id, self._paid_usd = job_id, 0.0
        kept = self._kept()
        self._mine_usd = sum(cost for account, cost in kept if account == job_id)
        self._others_usd = sum(cost for account, cost in kept if account != job_id)
        self._was_settled = self._ledger.state_of(job_id) == "settled"
        self._ledger.reserve(
            job_id=job_id, session_id=self._session_id, engine=self._engine, artifact=self._artifact,
            usd=max(0.0, usd - self._mine_usd - self._others_usd), budget_usd=self._budget_usd,
        )  # fmt: skip
        self._shelf.mkdir(parents=True, exist_ok=True)

    def fail(self, *, is_over: bool) -> None:
        """The attempt failed; what it bought is paid, also where it is lost."""
        if self._was_settled:
            self._ledger.add(self._job_id, usd=self._paid_usd)
        elif self._spent_usd:
            self._ledger.settle(self._job_id, usd=self._spent_usd)
        else:
            self._ledger.release(self._job_id)
        if is_over:
            self._tidy()

    def stop(self) -> None:
        """The work was stopped. What was bought stays set aside: whoever goes on finds it and settles."""
        if self._was_settled:
            self._ledger.add(self._job_id, usd=self._paid_usd)
        elif not self._spent_usd:
            self._ledger.release(self._job_id)
        self._tidy()

    def end(self, done: Done) -> None:
        """The attempt went well. An engine may tell its cost only now."""
        if self._was_settled:
            self._ledger.add(self._job_id, usd=self._paid_usd)
        else:
            usd = max(self._spent_usd, round(done.cost_usd - self._others_usd, 4))
            self._ledger.settle(self._job_id, usd=usd, gpu_seconds=done.gpu_seconds)

    def close(self) -> None:
        """The take is there: nobody needs its parts any longer."""
        shutil.rmtree(self._shelf, ignore_errors=True)

    @property
    def _spent_usd(self) -> float:
        return round(self._mine_usd + self._paid_usd, 4)

    def _kept(self) -> list[tuple[str, float]]:
        """(job id, cost) of what lies on the shelf."""
        kept: list[tuple[str, float]] = []
        for file in self._shelf.glob("*.json"):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                notes = json.loads(file.read_bytes())
                kept.append((str(notes["account"]), float(notes["cost_usd"])))
        return kept

    def _tidy(self) -> None:
        with contextlib.suppress(OSError):
            self._shelf.rmdir()  # where something lies there, it stays for whoever tries again
