"""What state each node is in. A node is asked at most every few seconds, however many want to know.

Nodes are asked side by side, each in a thread of its own, so that one that hangs holds no other.
That a node was used lately is read from its own history; so many processes need not each try it.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ad_pipeline.engines.comfy.client import ComfyNode
from ad_pipeline.engines.comfy.protocol import ENGINE, LastJob, NodeStats, Queue
from ad_pipeline.engines.comfy.rack.config import NodeConfig
from ad_pipeline.engines.comfy.rack.probing import probed
from ad_pipeline.engines.comfy.rack.standing import Answered, Missed, Standing, after, wants_probe
from ad_pipeline.errors import AdPipelineError, EngineRefused, EngineUnavailable
from ad_pipeline.messages import Message

State = Literal["available", "busy", "draining", "unavailable", "error"]

LOOK_EVERY_S = 3.0
ANSWER_S = 10.0
"""Shorter than a job's own patience: a node that does not answer gets nothing new, while its jobs go on."""
_AROUND_A_NAME = re.compile(r"^cuda:\d+ | : \w+$")
"""As in "cuda:0 NVIDIA GeForce RTX 4090 : cudaMallocAsync"."""
OURS = "ad_pipeline"
"""What we write beside each graph lies under this name in the job's extra_data."""


def marked(graph: str) -> dict[str, Any]:
    """The extra_data of a job: by it the node remembers which graph it ran last, and that the job is ours."""
    return {OURS: {"graph": graph}}


def graph_of(extra: Mapping[str, Any]) -> str:
    """The graph that `marked` wrote down; empty for somebody else's job."""
    told = extra.get(OURS)
    return str(told.get("graph", "")) if isinstance(told, dict) else ""


@dataclass(frozen=True, kw_only=True)
class NodeHealth:
    """A node as it was seen last. `fault` says why it is not up, or what was missed once; times are time.time()."""

    name: str
    state: State
    since_s: float = 0.0
    fault: Message | None = None
    stats: NodeStats | None = None
    running: int = 0
    pending: int = 0
    ours: int = 0
    is_asked: bool = True
    """False until it was heard of or missed for the first time: whether it is up is not known."""
    last_graph: str = ""
    """The graph of the job of ours that ended there last; its models are likely loaded."""

    @property
    def backlog(self) -> int:
        """Jobs on the server, ours and others'."""
        return self.running + self.pending

    @property
    def gpu(self) -> str:
        """The card's name as the node tells it, without what PyTorch writes around it; empty while it is not known."""
        told = self.stats.devices[0].name if self.stats and self.stats.devices else ""
        return _AROUND_A_NAME.sub("", told)

    @property
    def is_up(self) -> bool:
        """Whether it can do work; a draining node can, but gets none."""
        return self.state in ("available", "busy", "draining")


class HealthWatch:
    """Knows the state of every node that `nodes` lists, which may change at any time. `close` it."""

    def __init__(
        self,
        nodes: Callable[[], Sequence[NodeConfig]],
        *,
        every_s: float = LOOK_EVERY_S,
        answer_s: float = ANSWER_S,
        may_probe: bool = True,
    ) -> None:
        self._nodes = nodes
        self._every_s, self._answer_s, self._may_probe = every_s, answer_s, may_probe
        self._lock = threading.Lock()
        self._watched: dict[str, _Watched] = {}

    def look(self, *, wait_s: float = 2 * ANSWER_S) -> dict[str, NodeHealth]:
        """Every node's health by name, in the file's order; asked anew where the last answer is old.

        Waits at most `wait_s` for the answers; a node that has not answered by then is told as it
        was seen before, and goes on being asked.
        """
        watched = self._current()
        for one in watched:
            one.ask(self._every_s)
        give_up_s = time.monotonic() + wait_s
        for one in watched:
            one.is_idle.wait(max(0.0, give_up_s - time.monotonic()))
        return {one.config.name: one.health for one in watched}

    def health(self, name: str) -> NodeHealth:
        """One node's health, as it is known without waiting; asked anew in the background where it is old."""
        for one in self._current():
            if one.config.name == name:
                one.ask(self._every_s)
                return one.health
        unlisted = EngineRefused("no node {name!r} is listed", engine=ENGINE, name=name)
        return NodeHealth(name=name, state="unavailable", fault=unlisted.message)

    def close(self) -> None:
        with self._lock:
            for one in self._watched.values():
                one.close()
            self._watched = {}

    def _current(self) -> list[_Watched]:
        configs = self._nodes()
        with self._lock:
            kept: dict[str, _Watched] = {}
            for config in configs:
                known = self._watched.pop(config.name, None)
                if known and known.config.address() != config.address():
                    known.close()
                    known = None
                kept[config.name] = known or _Watched(config, answer_s=self._answer_s, may_probe=self._may_probe)
                kept[config.name].config = config
            for gone in self._watched.values():
                gone.close()
            self._watched = kept
            return list(kept.values())


class _Watched:
    """One node: what was seen of it, and the thread that asks it now."""

    def __init__(self, config: NodeConfig, *, answer_s: float, may_probe: bool) -> None:
        self.config = config
        self.is_idle = threading.Event()
        self.is_idle.set()
        self._answer_s, self._may_probe = answer_s, may_probe
        self._node: ComfyNode | None = None
        self._lock = threading.Lock()
        self._asked_s = float("-inf")
        self._is_closed = False
        self._standing = Standing()
        self._seen: tuple[NodeStats, Queue, LastJob | None] | None = None

    def ask(self, every_s: float) -> None:
        """Begin to ask, unless that was done a moment ago or goes on."""
        with self._lock:
            if self._is_closed or not self.is_idle.is_set() or time.monotonic() - self._asked_s < every_s:
                return
            self._asked_s = time.monotonic()
            self.is_idle.clear()
        threading.Thread(target=self._ask, name=f"health-{self.config.name}", daemon=True).start()

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            if self.is_idle.is_set() and self._node:
                self._node.close()

    def _ask(self) -> None:
        try:
            self._look()
        finally:
            with self._lock:
                self.is_idle.set()
                if self._is_closed and self._node:
                    self._node.close()

    def _look(self) -> None:
        try:
            self._node = self._node or ComfyNode(self.config.address(), answer_s=self._answer_s)
            stats, queue, last = self._node.system_stats(), self._node.queue(), self._node.last_job()
        except AdPipelineError as error:
            missed = Missed(fault=error.message, is_wrong=not isinstance(error, EngineUnavailable))
            self._standing = after(self._standing, missed, now_s=time.time())
            return
        now_s = time.time()
        is_proof = last is not None and not last.is_failed
        seen = Answered(
            is_idle=not queue.running and not queue.pending,
            proof_age_s=max(0.0, now_s - last.ended_s) if last and is_proof else None,
        )
        standing = after(self._standing, seen, now_s=now_s)
        if self._may_probe and not self.config.draining and wants_probe(self._standing, seen, now_s=now_s):
            result = probed(self._node, extra=marked(""))
            standing = after(standing, result, now_s=time.time()) if result else standing
        self._standing, self._seen = standing, (stats, queue, last)

    @property
    def health(self) -> NodeHealth:
        """What is known now."""
        standing, config = self._standing, self.config
        if not standing.is_known or self._seen is None:
            waits = EngineUnavailable("node {name} has not answered yet", engine=ENGINE, name=config.name)
            return NodeHealth(
                name=config.name, state="error" if standing.is_wrong else "unavailable",
                fault=standing.fault or waits.message, since_s=standing.since_s, is_asked=standing.is_known,
            )  # fmt: skip
        stats, queue, last = self._seen
        jobs = (*queue.running, *queue.pending)
        state: State = "busy" if jobs else "available"
        if config.draining:
            state = "draining"
        if not standing.is_up:
            state = "error" if standing.is_wrong else "unavailable"
        return NodeHealth(
            name=config.name, state=state, since_s=standing.since_s, fault=standing.fault, stats=stats,
            running=len(queue.running), pending=len(queue.pending), ours=sum(OURS in job.extra for job in jobs),
            last_graph=graph_of(last.extra) if last else "",
        )  # fmt: skip
