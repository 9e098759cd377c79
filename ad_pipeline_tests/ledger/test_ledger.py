"""Reserve before, settle after, never pay twice, keep the budget among many processes."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path
from typing import Any

import pytest

from ad_pipeline.errors import BudgetExceeded
from ad_pipeline.ledger.ledger import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "root" / "ledger.sqlite")


def _reserve(ledger: Ledger, job_id: str, usd: float, *, budget_usd: float | None = None, **changes: Any) -> bool:
    place: dict[str, Any] = {"session_id": "ad", "engine": "veo/veo-3", "artifact": "scene_001 motion_clip 9:16"}
    return ledger.reserve(job_id=job_id, usd=usd, budget_usd=budget_usd, **(place | changes))


def test_what_is_set_aside_counts_until_it_is_settled(ledger: Ledger) -> None:
    assert _reserve(ledger, "a", 0.50, budget_usd=1) is False
    assert (ledger.spent("ad").reserved_usd, ledger.spent("ad").settled_usd) == (0.5, 0.0)

    ledger.settle("a", usd=0.42, gpu_seconds=7)

    spent = ledger.spent("ad")
    assert (spent.reserved_usd, spent.settled_usd, spent.gpu_seconds) == (0.0, 0.42, 7.0)
    assert spent.committed_usd == pytest.approx(0.42)


def test_settling_twice_changes_nothing(ledger: Ledger) -> None:
    _reserve(ledger, "a", 0.5)
    ledger.settle("a", usd=0.4)

    ledger.settle("a", usd=9.0)
    ledger.release("a")

    assert ledger.spent("ad").settled_usd == 0.4
    assert [entry.state for entry in ledger.entries("ad")] == ["settled"]


def test_a_released_job_frees_its_money_and_may_be_reserved_again(ledger: Ledger) -> None:
    _reserve(ledger, "a", 0.8, budget_usd=1)
    with pytest.raises(BudgetExceeded):
        _reserve(ledger, "b", 0.8, budget_usd=1)

    ledger.release("a")

    assert _reserve(ledger, "b", 0.8, budget_usd=1) is False
    ledger.release("b")
    assert _reserve(ledger, "a", 0.9, budget_usd=1) is False


def test_a_budget_that_does_not_cover_it_is_said_with_all_its_numbers(ledger: Ledger) -> None:
    _reserve(ledger, "a", 1.50, budget_usd=2)

    with pytest.raises(BudgetExceeded) as refused:
        _reserve(ledger, "b", 0.75, budget_usd=2)

    assert str(refused.value) == (
        "scene_001 motion_clip 9:16 on veo/veo-3 costs about $0.75, but $0.50 of the budget of $2.00 is left; "
        "raise 'budget_usd' or choose a cheaper quality"
    )
    assert "$0.50" in refused.value.message.said_in("ko")
    assert [entry.job_id for entry in ledger.entries("ad")] == ["a"]


def test_the_whole_budget_may_be_spent_and_another_ads_money_is_its_own(ledger: Ledger) -> None:
    for count in range(10):
        _reserve(ledger, str(count), 0.1, budget_usd=1)
    with pytest.raises(BudgetExceeded):
        _reserve(ledger, "more", 0.01, budget_usd=1)

    assert _reserve(ledger, "other", 1.0, budget_usd=1, session_id="other") is False
    assert _reserve(ledger, "free", 0.0, budget_usd=1) is False


def test_a_ledger_that_nobody_wrote_is_empty_and_stays_unwritten(ledger: Ledger, tmp_path: Path) -> None:
    assert ledger.spent("ad").committed_usd == 0
    assert ledger.entries("ad") == ()
    assert not list(tmp_path.iterdir())


def _reserve_and_die(path: str) -> None:
    _reserve(Ledger(Path(path)), "same-work", 0.4, budget_usd=1)
    os._exit(9)


def test_after_a_crash_the_same_work_is_found_not_paid_again(ledger: Ledger, tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    child = multiprocessing.get_context("fork").Process(target=_reserve_and_die, args=(str(path),))
    child.start()
    child.join(20)

    again = Ledger(path)

    assert child.exitcode == 9
    assert _reserve(again, "same-work", 0.4, budget_usd=0.5) is True
    assert again.spent("ad").reserved_usd == 0.4
    again.settle("same-work", usd=0.4)
    assert _reserve(again, "same-work", 0.4, budget_usd=0.4) is True
    assert again.spent("ad").committed_usd == pytest.approx(0.4)


def _reserve_many(path: str, name: str, start: Any) -> None:
    ledger = Ledger(Path(path))
    start.wait()
    for count in range(10):
        try:
            _reserve(ledger, f"{name}-{count}", 0.1, budget_usd=2.0)
        except BudgetExceeded:
            continue
        if count % 3 == 0:
            ledger.settle(f"{name}-{count}", usd=0.1)


def test_eight_processes_together_keep_the_budget(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    start = context.Barrier(8)
    path = tmp_path / "ledger.sqlite"  # nobody made its table yet: they race for that too
    workers = [context.Process(target=_reserve_many, args=(str(path), f"w{n}", start)) for n in range(8)]

    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)

    assert [worker.exitcode for worker in workers] == [0] * 8
    assert Ledger(path).spent("ad").committed_usd == pytest.approx(2.0)
    assert len(Ledger(path).entries("ad")) == 20
