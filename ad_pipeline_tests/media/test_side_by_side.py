from __future__ import annotations

import itertools
import random

import pytest

from ad_pipeline.media.side_by_side import best_order


def test_all_start_at_once_where_there_are_lanes_enough() -> None:
    assert sorted(best_order([3, 1, 2], lanes=3, cores=2)) == [0, 1, 2]


def test_the_long_ones_end_together_on_two_cores() -> None:
    frames = [58, 94, 62, 86, 60]
    assert best_order(frames, lanes=3, cores=2) == [0, 4, 2, 3, 1]


def test_one_that_is_longer_than_all_others_starts_first() -> None:
    assert best_order([10, 10, 10, 10, 200], lanes=3, cores=2)[0] == 4


def test_with_a_core_for_each_lane_the_longest_start_first() -> None:
    assert best_order([1, 5, 3, 4, 2], lanes=2, cores=2)[0] == 1


@pytest.mark.parametrize("seed", range(5))
def test_it_is_never_far_from_the_best_of_all_orders(seed: int) -> None:
    costs = [random.Random(seed * 10 + place).uniform(1, 10) for place in range(5)]
    best = min(_simulated(list(order)) for order in itertools.permutations(costs))
    assert _simulated([costs[place] for place in best_order(costs, lanes=3, cores=2)]) <= best * 1.1


def _simulated(costs: list[float], *, lanes: int = 3, cores: int = 2, step: float = 0.01) -> float:
    """The same in small steps of time: slower, and nothing shared with what is tested."""
    running: list[float] = []
    now = 0.0
    while costs or running:
        while costs and len(running) < lanes:
            running.append(costs.pop(0))
        share = step * min(1.0, cores / len(running))
        running = [left - share for left in running if left > share]
        now += step
    return now
