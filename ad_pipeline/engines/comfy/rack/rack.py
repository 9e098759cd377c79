"""All nodes together: who asks for one waits in the list that every process shares, and gets it in a `with`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ad_pipeline.engines.comfy.client import ComfyNode
from ad_pipeline.engines.comfy.graphs import Graph
from ad_pipeline.engines.comfy.protocol import ENGINE
from ad_pipeline.engines.comfy.rack.config import NodeConfig
from ad_pipeline.engines.comfy.rack.desk import Desk, Waiter
from ad_pipeline.engines.comfy.rack.entries import Entry, Left
from ad_pipeline.engines.comfy.rack.fitness import Fitness, Verdict, models_of
from ad_pipeline.engines.comfy.rack.health import HealthWatch, marked
from ad_pipeline.engines.comfy.rack.reasons import cannot, no_nodes
from ad_pipeline.engines.comfy.rack.waiting_list import WaitingList
from ad_pipeline.engines.contracts import Progress
from ad_pipeline.errors import Cancelled, EngineUnavailable, OutOfMemory
from ad_pipeline.messages import Message

PATIENCE_S = 600.0
LOOK_EVERY_S = 0.05
URGENT_GRACE_S = 5.0
_VERDICTS_S, _LOOK_AGAIN_S = 8.0, 0.02


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One job that needs a node.

    `job_id` is known before anything is sent, and the same after a crash. `work` is the same for
    every attempt of one artifact: nodes that failed it are avoided. `estimate_s` may be rough, but
    should be in proportion: a clip twice as long says twice as much.
    """

    job_id: str
    work: str
    graph: Graph
    stage: str
    session_id: str = ""
    urgent: bool = False
    estimate_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A node, for as long as the `with` lasts. `extra` goes beside the graph, so that the node itself remembers it."""

    node: ComfyNode
    name: str
    gpu: str
    """The card's name as the node told it lately; empty when it did not."""
    waited_s: float
    swapped: bool
    """The node has to load other models for it."""
    extra: Mapping[str, Any]
    front: bool


class Rack:
    """The nodes, as the jobs of this process get them. Safe to share between threads; `close` it.

    `database_url` is the instance's own database, SQLite or Postgres. `patience_s`: so long nobody
    can be had before a job fails; `urgent_grace_s`: so long a node that ran an urgent job is kept
    for its session's next stage.
    """

    def __init__(
        self,
        *,
        nodes: Callable[[], Sequence[NodeConfig]],
        database_url: str,
        health: HealthWatch | None = None,
        patience_s: float = PATIENCE_S,
        look_every_s: float = LOOK_EVERY_S,
        urgent_grace_s: float = URGENT_GRACE_S,
    ) -> None:
        self._nodes = nodes
        self._health = health or HealthWatch(nodes)
        self._owns_health = health is None
        self._comfy: dict[str, ComfyNode] = {}
        self._lock = threading.Lock()
        self._old: list[ComfyNode] = []
        self._fitness = Fitness(self._comfy_node, tell=lambda: self._desk.look_again())
        self._desk = Desk(
            open_list=lambda: WaitingList(database_url, urgent_grace_s=urgent_grace_s),
            nodes=nodes, health=self._health, fitness=self._fitness, comfy=self._comfy_node,
            patience_s=patience_s, look_every_s=look_every_s,
        )  # fmt: skip
        self._database_url = database_url

    def close(self) -> None:
        """Nobody of this process waits any longer; connections to the nodes are closed."""
        self._desk.close()
        if self._owns_health:
            self._health.close()
        for node in (*self._comfy.values(), *self._old):
            node.close()

    def missing(self, graph: Graph | None = None, *, stage: str = "") -> Message | None:
        """Why no node can run this, one sentence with its fix; None when one can, or when nobody answers now.

        Waits some seconds for nodes that were not asked before, unless another one can.
        """
        configs = self._nodes()
        if graph is None:
            return None if configs else no_nodes().message
        verdicts = self._verdicts(graph, stage, configs)
        if len(verdicts) < len(configs):
            return None
        why = cannot(graph, verdicts)
        return why.message if why else None

    def can(self, graph: Graph, *, stage: str = "") -> bool:
        """Whether a node is known that can run this; waits as `missing` does."""
        return any(verdict.is_fit for verdict in self._verdicts(graph, stage, self._nodes()))

    def _verdicts(self, graph: Graph, stage: str, configs: Sequence[NodeConfig]) -> list[Verdict]:
        """What is known of the nodes, waited for until one can: a node that hangs must not hold who needs another."""
        give_up_s = time.monotonic() + _VERDICTS_S
        while True:
            verdicts = self._fitness.settled(graph, stage, configs, wait_s=0.0)
            is_settled = len(verdicts) == len(configs) or any(verdict.is_fit for verdict in verdicts)
            if is_settled or time.monotonic() > give_up_s:
                return verdicts
            time.sleep(_LOOK_AGAIN_S)

    def announce(self, asks: Sequence[Ask]) -> None:
        """The jobs that will be asked for: all processes see what is coming. Never blocks.

        What was announced and never asked for is forgotten when it is withdrawn, when this process
        ends, or after an hour.
        """
        self._desk.plan([_entry(ask) for ask in asks])

    def withdraw(self, job_ids: Iterable[str]) -> None:
        """What of these was announced here and not asked for will not come. Never blocks."""
        self._desk.plan([], without=list(job_ids))

    @contextmanager
    def turn(
        self,
        ask: Ask,
        *,
        report: Callable[[Progress], None] = lambda _: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Generator[Turn, None, None]:
        """Wait for a node; it is given back at the end of the `with`.

        Leaving by an exception, but for `Cancelled`, sends the next attempt at the same work to
        another node where one can do it. A card that ran out of memory is avoided only for the same
        graph, by whatever is as long or longer. A job that a dead process had on a node gets that node again.

        Raises:
            EngineRefused: no node that is listed can run the graph; what is missing, and where to get it.
            EngineUnavailable: no node that can run it was up for `patience_s`.
            Cancelled: it was stopped while it waited.
        """
        waiter = Waiter(graph=ask.graph, entry=_entry(ask), should_stop=should_stop)
        self._desk.enter(waiter)
        left = Left(job_id=ask.job_id, ran=False)
        try:
            turn = self._awaited(waiter, ask, report)
            try:
                yield turn
                left = Left(job_id=ask.job_id)
            except Cancelled:
                raise
            except OutOfMemory:
                left = Left(job_id=ask.job_id, failed=True, lacked_memory=True, ran=False)
                raise
            except Exception:
                left = Left(job_id=ask.job_id, failed=True, ran=False)
                raise
        finally:
            self._desk.leave(left)

    def sweep(self) -> int:
        """Free what dead processes left; how many of them there were. Every waiting process does so by itself too."""
        waiting_list = WaitingList(self._database_url)
        try:
            return waiting_list.sweep()
        finally:
            waiting_list.close()

    def _awaited(self, waiter: Waiter, ask: Ask, report: Callable[[Progress], None]) -> Turn:
        told = ""
        while True:
            waiter.woken.wait()
            waiter.woken.clear()
            if waiter.error:
                raise waiter.error
            if waiter.lease:
                break
            if waiter.news != told:
                told = waiter.news
                report(Progress(fraction=0.0, note=told, waits=True))
        lease = waiter.lease
        config = next((config for config in self._nodes() if config.name == lease.node), None)
        if config is None:
            raise EngineUnavailable(
                "node {name} is no longer listed", engine=ENGINE, job_id=ask.job_id, name=lease.node
            )
        return Turn(
            node=self._comfy_node(config), name=lease.node, gpu=self._health.health(lease.node).gpu,
            waited_s=max(0.0, lease.given_s - lease.since_s), swapped=lease.swapped, extra=marked(ask.graph.name),
            front=ask.urgent,
        )  # fmt: skip

    def _comfy_node(self, config: NodeConfig) -> ComfyNode:
        address = config.address()
        with self._lock:
            known = self._comfy.get(config.name)
            if known and known.address == address:
                return known
            if known:
                self._old.append(known)  # a job may still run over it
            node = self._comfy[config.name] = ComfyNode(address)
            return node


def _entry(ask: Ask) -> Entry:
    return Entry(
        job_id=ask.job_id, work=ask.work, graph=ask.graph.name, models=models_of(ask.graph), stage=ask.stage,
        session_id=ask.session_id, urgent=ask.urgent, estimate_s=ask.estimate_s,
    )  # fmt: skip
