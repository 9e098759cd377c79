"""What the rack's tests and its bench stand on: graphs whose runs and loads take the time they are told, and nodes."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ad_pipeline.engines.comfy.graphs import Graph
from ad_pipeline.engines.comfy.rack.config import NodeConfig
from ad_pipeline.engines.comfy.rack.health import HealthWatch
from ad_pipeline.engines.comfy.rack.rack import Ask, Rack, Turn
from ad_pipeline.engines.comfy.recipe import Recipe
from ad_pipeline.engines.comfy.running import run_graph
from ad_pipeline.engines.contracts import Job
from ad_pipeline_tests.comfy.captured import captured
from ad_pipeline_tests.comfy.machine import Behaviour
from ad_pipeline_tests.comfy.server import ComfyServer

GraphNodes = Mapping[str, Mapping[str, Any]]

STAGES = ("key_image", "motion_clip", "lipsync", "sfx")


def classes(models: tuple[str, ...] = STAGES) -> dict[str, Any]:
    """A server's classes: a loader that has a model file for each of these stages, and a node that takes its time."""
    files = [f"{name}.safetensors" for name in models]
    return {
        "SaveImage": captured("object_info")["SaveImage"],
        "TestLoader": {"input": {"required": {"file": [files]}}, "output": ["MODEL"]},
        "TestRun": {
            "input": {
                "required": {
                    "model": ["MODEL"], "seconds": ["FLOAT", {}], "seed": ["INT", {}], "width": ["INT", {}],
                    "height": ["INT", {}],
                }
            },
            "output": ["IMAGE"],
        },
    }  # fmt: skip


@functools.cache
def stage_graph(stage: str, *, vram_gb: float = 0.0) -> Graph:
    """A graph with a model of its own."""
    nodes = {
        "1": {"class_type": "TestLoader", "_meta": {"title": "Load"}, "inputs": {"file": f"{stage}.safetensors"}},
        "2": {
            "class_type": "TestRun",
            "_meta": {"title": "Run"},
            "inputs": {"model": ["1", 0], "seconds": 0.0, "seed": 0, "width": 16, "height": 16},
        },
        "3": {
            "class_type": "SaveImage",
            "_meta": {"title": "Save"},
            "inputs": {"images": ["2", 0], "filename_prefix": "x"},
        },
    }
    model = {
        "file": f"{stage}.safetensors", "folder": "checkpoints", "page": f"https://example.org/{stage}",
        "size_bytes": 1, "licence": "Apache-2.0", "paid_ads": "yes",
    }  # fmt: skip
    told = {
        "summary": stage,
        "makes": "image",
        "vram_gb": vram_gb,
        "inputs": {
            "seconds": {"kind": "number", "to": [{"node": "Run", "input": "seconds"}]},
            "seed": {"kind": "integer", "to": [{"node": "Run", "input": "seed"}]},
        },
        "outputs": {"picture": {"node": "Save", "media": "image"}},
        "models": [model],
    }
    return Graph(name=stage, version=f"{stage}-1", nodes=nodes, recipe=Recipe.model_validate(told))


def stage_of(graph: GraphNodes) -> str:
    """Which of our graphs the test server was sent."""
    files = (str(node["inputs"]["file"]) for node in graph.values() if node["class_type"] == "TestLoader")
    return next(files, "").removesuffix(".safetensors")


def seconds_of(graph: GraphNodes) -> float:
    """How long the test server shall run this graph."""
    return next((node["inputs"]["seconds"] for node in graph.values() if node["class_type"] == "TestRun"), 0.0)


def gpu(*, load_s: float | Callable[[GraphNodes], float] = 0.0, models: tuple[str, ...] = STAGES) -> ComfyServer:
    """A server that is not started yet."""
    behaviour = Behaviour(run_s=seconds_of, load_s=load_s, slow_class="TestRun", steps=1)
    return ComfyServer(behaviour=behaviour, classes=classes(models))


class Listed:
    """The list of nodes, which a test may change."""

    def __init__(self, *nodes: NodeConfig) -> None:
        self.nodes = list(nodes)

    def __call__(self) -> tuple[NodeConfig, ...]:
        return tuple(self.nodes)


def listed(*servers: ComfyServer) -> Listed:
    """Those servers as gpu0, gpu1..."""
    return Listed(*(NodeConfig(name=f"gpu{number}", url=server.url) for number, server in enumerate(servers)))


@contextmanager
def racked(nodes: Listed, folder: Path, *, patience_s: float = 60.0) -> Generator[Rack, None, None]:
    """A rack of them, quick to see a change."""
    health = HealthWatch(nodes, every_s=0.2, may_probe=False)
    rack = Rack(
        nodes=nodes, database_url=database_in(folder), health=health, look_every_s=0.01,
        urgent_grace_s=0.2, patience_s=patience_s,
    )  # fmt: skip
    try:
        yield rack
    finally:
        rack.close()
        health.close()


def database_in(folder: Path) -> str:
    return f"sqlite:///{folder / 'rack.sqlite'}"


def ask(
    stage: str = "key_image", *, job_id: str = "", work: str = "", session_id: str = "", urgent: bool = False,
    estimate_s: float = 0.0, graph: Graph | None = None,
) -> Ask:  # fmt: skip
    """An ask with what a test does not care about filled in."""
    job_id = job_id or str(uuid.uuid4())
    return Ask(
        job_id=job_id, work=work or job_id, graph=graph or stage_graph(stage), stage=stage, session_id=session_id,
        urgent=urgent, estimate_s=estimate_s,
    )  # fmt: skip


def run_on(turn: Turn, asked: Ask, folder: Path, *, seconds: float) -> Path:
    """What an engine does with its turn."""
    seed = uuid.UUID(asked.job_id).int % 2**31
    bound = asked.graph.bound({"seconds": seconds, "seed": seed}, prefix=f"tests/{asked.job_id}")
    draft = folder / f"{asked.job_id}.png"
    run_graph(turn.node, bound, Job(job_id=asked.job_id), {"picture": draft}, extra=turn.extra, front=turn.front)
    return draft
