"""Which node can run which graph: what the list of nodes says, its memory, its node classes and model files.

A node's description of its classes has megabytes; it is fetched in the background, judged at once
and dropped. What is kept is one verdict for each graph and node.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ad_pipeline.engines.comfy.client import ComfyNode
from ad_pipeline.engines.comfy.graph_check import preflight
from ad_pipeline.engines.comfy.graphs import Graph
from ad_pipeline.engines.comfy.protocol import ENGINE, NodeStats
from ad_pipeline.engines.comfy.rack.config import NodeConfig
from ad_pipeline.errors import AdPipelineError, EngineError, EngineRefused, EngineUnavailable

FIT_LASTS_S = 600.0
UNFIT_LASTS_S = 30.0
"""A person who is told what is missing puts it there, and should not have to start anything again."""
SILENT_LASTS_S = 5.0
_SMALLER = 0.95
"""A card of 24 GB tells a little less."""
_GIB = 2**30


def models_of(graph: Graph) -> str:
    """Names what has to be loaded, the same for graphs that share it; empty for a graph without models.

    A LoRA is left out: it is put on a loaded model in a moment.
    """
    files = sorted(f"{model.folder}/{model.file}" for model in graph.recipe.models if model.folder != "loras")
    return hashlib.sha256("\n".join(files).encode()).hexdigest()[:16] if files else ""


def unfit_by_list(graph: Graph, stage: str, config: NodeConfig) -> EngineRefused | None:
    """Why the node may not get the graph as far as the list of nodes says; without `stage` pins are not asked."""
    if stage and not config.is_pinned_for(stage=stage, graph=graph.name):
        return EngineRefused(
            "node {name} is kept for {pinned}", engine=ENGINE, name=config.name,
            pinned=", ".join((*config.stages, *config.graphs)),
        )  # fmt: skip
    if config.vram_gb and config.vram_gb < graph.recipe.vram_gb * _SMALLER:
        return _too_small(graph, config.name, config.vram_gb)
    return None


def _too_small(graph: Graph, name: str, has_gb: float) -> EngineRefused:
    return EngineRefused(
        "graph {graph} needs {need_gb:.0f} GB of GPU memory, node {name} has {has_gb:.0f}",
        engine=ENGINE, graph=graph.name, need_gb=graph.recipe.vram_gb, name=name, has_gb=has_gb,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`why` it cannot; None when it can. `is_passing`: it did not say, as it does not answer now."""

    why: EngineError | None
    is_passing: bool
    at_s: float

    @property
    def is_fit(self) -> bool:
        return self.why is None

    @property
    def lasts_s(self) -> float:
        """How long it is believed."""
        return SILENT_LASTS_S if self.is_passing else FIT_LASTS_S if self.is_fit else UNFIT_LASTS_S


class Fitness:
    """The verdicts, fetched when they are asked for. Safe to share between threads."""

    def __init__(self, comfy: Callable[[NodeConfig], ComfyNode], *, tell: Callable[[], None] = lambda: None) -> None:
        self._comfy, self._tell = comfy, tell
        self._lock = threading.Lock()
        self._verdicts: dict[tuple[NodeConfig, str], Verdict] = {}
        self._wanted: dict[NodeConfig, dict[str, Graph]] = {}
        self._asking: set[str] = set()

    def verdict(self, graph: Graph, stage: str, config: NodeConfig) -> Verdict | None:
        """What is known without waiting; None while it is being found out."""
        why = unfit_by_list(graph, stage, config)
        if why:
            return Verdict(why=why, is_passing=False, at_s=time.monotonic())
        with self._lock:
            known = self._verdicts.get((config, graph.version))
            if known and time.monotonic() - known.at_s < known.lasts_s:
                return known
            self._wanted.setdefault(config, {})[graph.version] = graph
            if config.name not in self._asking:
                self._asking.add(config.name)
                thread = threading.Thread(target=self._ask, args=(config,), name=f"fitness-{config.name}", daemon=True)
                thread.start()
            return known  # an old verdict holds until the new one is there

    def settled(self, graph: Graph, stage: str, configs: Sequence[NodeConfig], *, wait_s: float) -> list[Verdict]:
        """The verdicts of these nodes, waited for; fewer when some did not come in time."""
        give_up_s = time.monotonic() + wait_s
        while True:
            found = [self.verdict(graph, stage, config) for config in configs]
            if None not in found or time.monotonic() > give_up_s:
                return [verdict for verdict in found if verdict]
            time.sleep(0.02)

    def forget(self, name: str) -> None:
        """Ask that node anew: it was away, and may come back as another."""
        with self._lock:
            self._verdicts = {key: known for key, known in self._verdicts.items() if key[0].name != name}

    def _ask(self, config: NodeConfig) -> None:
        while True:
            with self._lock:
                graphs = self._wanted.pop(config, {})
                if not graphs:
                    self._asking.discard(config.name)
                    return
            verdicts = self._judged(config, graphs)
            with self._lock:
                self._verdicts |= {(config, version): verdict for version, verdict in verdicts.items()}
            self._tell()

    def _judged(self, config: NodeConfig, graphs: Mapping[str, Graph]) -> dict[str, Verdict]:
        try:
            comfy = self._comfy(config)
            classes, stats = comfy.object_info(), comfy.system_stats()
            return {version: self._one(config, graph, classes, stats) for version, graph in graphs.items()}
        except EngineError as error:
            why = error
        except AdPipelineError as error:  # e.g. its certificate
            why = EngineRefused("{reason}", engine=ENGINE, reason=error.message)
        except Exception as error:  # the rim of a thread: nobody may wait for a verdict that never comes
            why = EngineRefused(
                "what node {name} says of its classes cannot be read: {reason}",
                engine=ENGINE, name=config.name, reason=f"{type(error).__name__}: {error}"[:200],
            )  # fmt: skip
        same = Verdict(why=why, is_passing=isinstance(why, EngineUnavailable), at_s=time.monotonic())
        return dict.fromkeys(graphs, same)

    def _one(self, config: NodeConfig, graph: Graph, classes: Mapping[str, object], stats: NodeStats) -> Verdict:
        why: EngineError | None = None
        cards_gb = [card.vram_total_bytes / _GIB for card in stats.devices if card.kind != "cpu"]
        if not config.vram_gb and cards_gb and max(cards_gb) < graph.recipe.vram_gb * _SMALLER:
            why = _too_small(graph, config.name, max(cards_gb))
        try:
            preflight(graph, classes, node_name=config.name)
        except EngineRefused as error:
            why = why or error
        return Verdict(why=why, is_passing=False, at_s=time.monotonic())
