"""How long anybody waits for nodes that are all down, on a clock that the test sets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ad_pipeline.engines.comfy.client import ComfyNode
from ad_pipeline.engines.comfy.rack.config import NodeConfig
from ad_pipeline.engines.comfy.rack.entries import Entry
from ad_pipeline.engines.comfy.rack.fitness import Fitness
from ad_pipeline.engines.comfy.rack.health import HealthWatch
from ad_pipeline.engines.comfy.rack.outlook import LEAST_WAIT_S, Outlook
from ad_pipeline.engines.comfy.rack.waiter import Waiter
from ad_pipeline.errors import NobodyThere
from ad_pipeline_tests.comfy.jobs import new_id, until
from ad_pipeline_tests.comfy.rack_parts import Listed, gpu, stage_graph
from ad_pipeline_tests.comfy.server import ComfyServer


class _Waiting:
    """An outlook on one node, and a clock."""

    def __init__(self, server: ComfyServer) -> None:
        self.now_s = 1000.0
        self._nodes = Listed(NodeConfig(name="gpu0", url=server.url))
        self.health = HealthWatch(self._nodes, every_s=0.0, may_probe=False)
        self.node = ComfyNode(self._nodes.nodes[0].address())
        self._outlook = Outlook(
            nodes=self._nodes, health=self.health, fitness=Fitness(lambda _: self.node), models={},
            patience_s=600.0, clock=lambda: self.now_s,
        )  # fmt: skip

    def waiter(self) -> Waiter:
        entry = Entry(job_id=new_id(), work="", graph="key_image", models="m", stage="key_image")
        return Waiter(graph=stage_graph("key_image"), entry=entry, should_stop=lambda: False, entered_s=self.now_s)

    def is_up(self) -> bool:
        self.health.look()
        self._outlook.look()
        return self._outlook.chance(self.waiter()).is_open

    def pass_s(self, seconds: float, *waiters: Waiter, step_s: float = 20.0) -> None:
        """Time goes by, with a look every now and then."""
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            self.now_s = min(until_s, self.now_s + step_s)
            self._outlook.look()
            for waiter in waiters:
                if not waiter.error:
                    self._outlook.wait_for(waiter, self._outlook.chance(waiter))

    def close(self) -> None:
        self.health.close()
        self.node.close()


@pytest.fixture
def server() -> Iterator[ComfyServer]:
    with gpu() as running:
        yield running


@pytest.fixture
def waiting(server: ComfyServer) -> Iterator[_Waiting]:
    found = _Waiting(server)
    try:
        until(found.is_up)
        yield found
    finally:
        found.close()


def _dies(server: ComfyServer, waiting: _Waiting) -> None:
    server.die()
    until(lambda: not waiting.is_up())


def test_all_who_wait_share_one_patience(server: ComfyServer, waiting: _Waiting) -> None:
    _dies(server, waiting)
    first, later, last = (waiting.waiter() for _ in range(3))

    waiting.pass_s(300, first)
    waiting.pass_s(280, first, later)
    assert not first.error and not later.error
    waiting.pass_s(20, first, later)
    assert isinstance(first.error, NobodyThere) and isinstance(later.error, NobodyThere)
    assert "could be used for 600 s" in str(later.error)
    waiting.pass_s(20, last)
    assert not last.error and last.limit_s == LEAST_WAIT_S
    waiting.pass_s(20, last)
    assert isinstance(last.error, NobodyThere)
    server.revive()


def test_a_node_that_came_back_gives_everybody_their_patience_again(server: ComfyServer, waiting: _Waiting) -> None:
    _dies(server, waiting)
    waiter = waiting.waiter()
    waiting.pass_s(590, waiter)
    server.revive()
    until(waiting.is_up)
    waiting.pass_s(20, waiter)
    _dies(server, waiting)

    waiting.pass_s(590, waiter)

    assert not waiter.error
    server.revive()


def test_time_in_which_nobody_looked_is_no_waiting(server: ComfyServer, waiting: _Waiting) -> None:
    _dies(server, waiting)
    waiter = waiting.waiter()
    waiting.pass_s(100, waiter)

    waiting.pass_s(5000, waiter, step_s=5000)

    assert not waiter.error
    assert waiter.limit_s == 600.0
    server.revive()
