"""In which order pieces of work should start when a few run at a time on fewer cores."""

from __future__ import annotations

import os
from collections.abc import Sequence


def best_order(costs: Sequence[float], *, lanes: int, cores: int | None = None) -> list[int]:
    """The places of `costs`, in the order to start them so that all are done soonest.

    The longest first is the usual rule. With more lanes than cores the shortest first is often better:
    the long ones then end side by side, where else a late short one runs on with the other cores idle.
    """
    upwards = sorted(range(len(costs)), key=lambda place: costs[place])
    orders = [upwards[::-1], upwards]
    return min(orders, key=lambda order: _end([costs[place] for place in order], lanes, cores or os.cpu_count() or 1))


def _end(costs: Sequence[float], lanes: int, cores: int) -> float:
    """When the last is done, all that run sharing the cores alike."""
    waiting, running, now = list(costs), list[float](), 0.0
    while waiting or running:
        while waiting and len(running) < lanes:
            running.append(waiting.pop(0))
        least = min(running)
        now += least * max(1.0, len(running) / cores)
        running = [left - least for left in running if left > least]
    return now
