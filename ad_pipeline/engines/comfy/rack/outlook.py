"""What the nodes look like to those who wait: who could have which, since when none can be used, and why."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ad_pipeline.engines.comfy.protocol import ENGINE
from ad_pipeline.engines.comfy.rack.config import NodeConfig
from ad_pipeline.engines.comfy.rack.entries import NodeView
from ad_pipeline.engines.comfy.rack.fitness import Fitness, Verdict
from ad_pipeline.engines.comfy.rack.health import HealthWatch, NodeHealth
from ad_pipeline.engines.comfy.rack.reasons import cannot, joined
from ad_pipeline.engines.comfy.rack.waiter import Waiter
from ad_pipeline.errors import AdPipelineError, EngineRefused, EngineUnavailable, NobodyThere
from ad_pipeline.messages import Message, say

LEAST_WAIT_S = 15.0
"""Even where all nodes were down for long: until then it is known whether one came back meanwhile."""
_TOLD_AFTER_S = 2.5
"""A node that just came back is up for one process a moment earlier than for another."""
_STALE_S = 60.0
"""After so long without a look, as after Ctrl-Z, no node is known to have been down all the time."""


@dataclass(frozen=True, kw_only=True)
class Chance:
    """What all that ask for one graph and stage may hope for: the same for all of them, so worked out once."""

    nodes: frozenset[str]
    is_open: bool
    error: EngineRefused | None
    down_since_s: float | None = None
    """On time.monotonic: since then none of those that could run it was up."""


class Outlook:
    """The nodes as this process knows them. Used by one thread."""

    def __init__(
        self,
        *,
        nodes: Callable[[], Sequence[NodeConfig]],
        health: HealthWatch,
        fitness: Fitness,
        models: Mapping[str, str],
        patience_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._nodes, self._health, self._fitness = nodes, health, fitness
        self._models = models
        """graph -> what it loads."""
        self._patience_s, self._told_after_s = patience_s, min(_TOLD_AFTER_S, patience_s / 2)
        self.configs: dict[str, NodeConfig] = {}
        self.views: dict[str, NodeView] = {}
        self._healths: dict[str, NodeHealth] = {}
        self._closed_since_s: dict[str, float] = {}
        self._looked_s = self._woke_s = float("-inf")

    def look(self) -> bool:
        """Whether anything is other than at the last look."""
        configs = self.listed()
        healths = {name: health for name, health in self._health.look(wait_s=0.0).items() if name in configs}
        configs = {name: config for name, config in configs.items() if name in healths}
        for name, health in healths.items():
            before = self._healths.get(name)
            if before and health.is_up and not before.is_up and before.since_s:
                self._fitness.forget(name)
        views = {name: self._view(config, healths[name]) for name, config in configs.items()}
        is_new = views != self.views
        self.configs, self._healths, self.views = configs, healths, views
        self._note_closed(self._clock())
        return is_new

    def listed(self) -> dict[str, NodeConfig]:
        """The nodes as they are listed now; as they were where the list is just being edited."""
        try:
            return {config.name: config for config in self._nodes()}
        except AdPipelineError:
            return self.configs

    def chance(self, waiter: Waiter) -> Chance:
        """What it may hope for."""
        verdicts = self._verdicts(waiter)
        nodes = frozenset(name for name, verdict in verdicts.items() if verdict and verdict.is_fit)
        error = None if nodes else cannot(waiter.graph, list(verdicts.values()))
        is_open = any(self.views[name].is_open for name in nodes)
        since_s: list[float] = []
        if not is_open and not error:
            hopes = [name for name, one in verdicts.items() if one is None or one.is_fit or one.is_passing]
            since_s = [self._closed_since_s.get(name, self._clock()) for name in hopes]
        return Chance(nodes=nodes, is_open=is_open, error=error, down_since_s=max(since_s, default=None))

    def wait_for(self, waiter: Waiter, chance: Chance) -> None:
        """Its patience, counted from when the last of the nodes went down: who comes late need not wait as long."""
        if chance.is_open:
            waiter.gives_up_s = None
            return
        now_s = self._clock()
        since_s = now_s if chance.down_since_s is None else chance.down_since_s
        if waiter.gives_up_s is None or waiter.gives_up_s - waiter.limit_s < self._woke_s:
            least_s = min(LEAST_WAIT_S, self._patience_s)
            waiter.gives_up_s = max(since_s + self._patience_s, now_s + least_s)
            waiter.limit_s = waiter.gives_up_s - now_s
        if now_s >= waiter.gives_up_s:
            waiter.fail(
                NobodyThere(
                    "no node for graph {graph} could be used for {seconds:.0f} s: {reasons}",
                    engine=ENGINE, job_id=waiter.entry.job_id, graph=waiter.graph.name, seconds=now_s - since_s,
                    reasons=self._down(self._verdicts(waiter)),
                )
            )  # fmt: skip

    def news_of_down(self, waiter: Waiter) -> str:
        """What somebody hears who waits for nodes that are all down; empty while that may change any moment."""
        verdicts = self._verdicts(waiter)
        is_coming = any(self.views[name].is_open and (one is None or one.is_passing) for name, one in verdicts.items())
        if is_coming or not all(verdicts.values()) or self._clock() - waiter.entered_s < self._told_after_s:
            return ""
        return say(
            "no node can be used now; it waits up to {limit_s:.0f} s: {reasons}",
            limit_s=waiter.limit_s, reasons=self._down(verdicts),
        )  # fmt: skip

    def _verdicts(self, waiter: Waiter) -> dict[str, Verdict | None]:
        return {
            name: self._fitness.verdict(waiter.graph, waiter.entry.stage, config)
            for name, config in self.configs.items()
        }

    def _view(self, config: NodeConfig, health: NodeHealth) -> NodeView:
        return NodeView(
            name=config.name, is_open=health.state in ("available", "busy"),
            # Not known is no reason to send a job that a killed process had there to another node as well.
            is_reachable=health.is_up or not health.is_asked,
            weight=config.weight, others=max(0, health.backlog - health.ours),
            models=self._models.get(health.last_graph, ""),
        )  # fmt: skip

    def _note_closed(self, now_s: float) -> None:
        if now_s - self._looked_s >= _STALE_S:
            self._closed_since_s, self._woke_s = {}, now_s
        before = self._closed_since_s
        closed = [name for name, view in self.views.items() if not view.is_open]
        self._closed_since_s = {name: before.get(name, now_s) for name in closed}
        self._looked_s = now_s

    def _down(self, verdicts: Mapping[str, Verdict | None]) -> Message:
        """Why each node cannot be used now."""
        reasons: list[Message] = []
        for name, verdict in verdicts.items():
            fault = self._healths[name].fault
            if self._healths[name].state == "draining":
                reasons.append(EngineUnavailable("node {name} is draining", engine=ENGINE, name=name).message)
            elif verdict and verdict.why and not verdict.is_passing:
                reasons.append(verdict.why.message)
            elif fault:
                reasons.append(fault)
        return joined(reasons or [EngineUnavailable("the nodes have not answered yet", engine=ENGINE).message])
