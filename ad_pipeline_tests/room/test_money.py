"""What the writers' room costs: set aside before, booked once, all of it noted, never over the budget."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from ad_pipeline.errors import Cancelled
from ad_pipeline.routing.route import decide
from ad_pipeline.stages.storyboard import make_storyboard
from ad_pipeline.stages.workplace import StepReport
from ad_pipeline_tests.language.behaviour import BAD_JSON, slow
from ad_pipeline_tests.room.conftest import Placed
from ad_pipeline_tests.room.rooms import used_by_role, written
from ad_pipeline_tests.room.writers import role_of, writing
from ad_pipeline_tests.story.samples import a_brief

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("budget_usd", [0.005, 0.02, 0.05, 0.1])
def test_no_answer_overruns_the_budget_however_often_it_is_mended(placed: Placed, budget_usd: float) -> None:
    hasty = {"copy_polish": {"scenes": [{"scene": 1, "narration": "English only " * 60, "onscreen_text": ""}]}}
    with writing() as local, writing(hasty) as cloud:
        workplace = placed(local=local, cloud=cloud)
        record, _ = written(workplace, quality="premium", budget_usd=budget_usd)

    spent = workplace.ledger.spent("ad")
    assert spent.settled_usd <= budget_usd
    assert spent.reserved_usd == 0
    assert record.cost_settled_usd == pytest.approx(spent.settled_usd, abs=2e-6)


def test_answers_that_came_to_nothing_are_paid_and_noted(placed: Placed) -> None:
    with writing() as local, writing() as cloud:
        workplace = placed(local=local, cloud=cloud)
        cloud.behave([BAD_JSON] * 3)
        record, _ = written(workplace, engine_preference="hybrid", budget_usd=2.0)

    spent = workplace.ledger.spent("ad").settled_usd
    assert used_by_role(record)["strategy"] == "anthropic/claude"
    assert record.cost_settled_usd == pytest.approx(spent, abs=5e-6)
    strategy = next(step for step in record.details["steps"] if step["role"] == "strategy")
    assert strategy["cost_usd"] > next(s for s in record.details["steps"] if s["role"] == "review")["cost_usd"]


def test_what_was_paid_before_a_stop_is_in_the_record_of_who_goes_on(placed: Placed, reports: list[StepReport]) -> None:
    with writing() as local, writing() as cloud:
        brief = {"engine_preference": "hybrid", "budget_usd": 2.0}
        first = placed(local=local, cloud=cloud, should_stop=lambda: any("direction" in r.note for r in reports))
        with pytest.raises(Cancelled):
            written(first, **brief)
        workplace = placed(local=local, cloud=cloud)
        record = make_storyboard(workplace, "ad")
        asked = [role_of(asked) for asked in cloud.asked]

    assert asked == ["strategy", "copy_polish", "review"]
    assert record.cost_settled_usd == pytest.approx(workplace.ledger.spent("ad").settled_usd, abs=5e-6)


def test_two_who_want_the_same_storyboard_ask_and_pay_once(placed: Placed) -> None:
    with writing() as local, writing() as cloud:
        workplace = placed(local=local, cloud=cloud)
        written(workplace, quality="draft")
        local.behave([slow(200.0)])
        made: list[Any] = []
        brief = {"engine_preference": "hybrid", "budget_usd": 2.0}
        written(workplace, **brief, seed=11, quality="draft")
        threads = [threading.Thread(target=lambda: made.append(written(workplace, **brief)[0])) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        asked = [role_of(asked) for asked in cloud.asked]

    assert sorted(asked) == ["copy_polish", "review", "strategy"]
    assert made[0].sha256 == made[1].sha256 and made[0].take == made[1].take


def test_a_longer_ad_is_estimated_to_cost_more() -> None:
    short, long = (decide("storyboard", brief=a_brief(quality="premium", duration=s)).cost_usd for s in (6, 60))

    assert 0 < short < long
