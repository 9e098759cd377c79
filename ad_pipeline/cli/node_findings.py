"""What `doctor` says of the ComfyUI nodes: who answers, which graphs can run where, and what the others lack."""

from __future__ import annotations

import tempfile
import time
import uuid
import wave
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from ad_pipeline.engines.comfy.client import ComfyNode
from ad_pipeline.engines.comfy.graph_folders import built_in_graphs, graph_folders
from ad_pipeline.engines.comfy.graphs import Graph, load_graph, load_graphs
from ad_pipeline.engines.comfy.rack.config import NodeConfig, NodesFile
from ad_pipeline.engines.comfy.rack.fitness import Fitness
from ad_pipeline.engines.comfy.rack.health import HealthWatch
from ad_pipeline.engines.comfy.running import run_graph
from ad_pipeline.engines.contracts import Job
from ad_pipeline.errors import AdPipelineError
from ad_pipeline.messages import say, user_language
from ad_pipeline.settings import Settings
from ad_pipeline.story.border import nearest

LOOK_S = 1.2
"""`doctor` stays quick when every node is down."""
_DESCRIBE_S = 20.0
_FRAMES = 24

Found = tuple[str, bool, str]
"""Name, whether it is good, what is said."""


@dataclass(frozen=True, kw_only=True)
class NodesSeen:
    """`nodes`: a line for each node, and its film; `graphs`: one for each graph that runs on none.

    `fault`: what `--gpu` says at its end when not all `nodes` are good. `runs`: by graph, the nodes that can run it.
    """

    nodes: list[Found]
    fault: str
    graphs: list[Found] = field(default_factory=list[Found])
    runs: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])


def nodes_seen(settings: Settings, *, smoke: bool) -> NodesSeen:
    """Every node is looked at; with `smoke` each makes a film."""
    try:
        nodes = NodesFile(settings.nodes)()
    except AdPipelineError as error:
        fault = say("the list of GPU nodes cannot be used, so none made a film")
        return NodesSeen(nodes=[("gpu nodes", False, _said(error))], fault=fault)
    if not nodes:
        said = say("none listed in {file}; ad-pipeline gpu says how to add one", file=str(settings.nodes))
        fault = say("no GPU node is listed, so none made a film")
        return NodesSeen(nodes=[("gpu nodes", False, said)], fault=fault)
    watch = HealthWatch(lambda: nodes, may_probe=False)
    seen = watch.look(wait_s=LOOK_S)
    watch.close()
    up = [node for node in nodes if seen[node.name].is_up]
    try:
        graphs = load_graphs(graph_folders(settings.graphs))
    except AdPipelineError as error:
        return NodesSeen(
            nodes=[("graphs", False, _said(error))], fault=say("the graphs cannot be used, so no GPU node made a film")
        )
    lacks = _lacks(up, graphs)
    found: list[Found] = []
    for node in nodes:
        health = seen[node.name]
        if node.name not in lacks:
            found.append((f"node {node.name}", False, health.fault.said_in(user_language()) if health.fault else "?"))
            continue
        ready = sorted(graphs.keys() - lacks[node.name].keys())
        stats = health.stats
        facts = f"ComfyUI {stats.version}, {stats.devices[0].name if stats.devices else '-'}" if stats else "?"
        said = say(
            "{facts}; {count} of {all} graphs can run: {names}",
            facts=facts, count=len(ready), all=len(graphs), names=", ".join(ready) or "-",
        )  # fmt: skip
        found.append((f"node {node.name}", bool(ready), said))
        if smoke:
            found.append(_smoke(node))
    found += [unknown for node in nodes if (unknown := _unknown_pins(node, graphs))]
    runs = {graph: [name for name, lack in lacks.items() if graph not in lack] for graph in graphs}
    fault = say("not every GPU node does what it should: see the lines above")
    return NodesSeen(nodes=found, fault=fault, graphs=_nowhere(graphs, lacks), runs=runs)


def _unknown_pins(node: NodeConfig, graphs: Mapping[str, Graph]) -> Found | None:
    """Graphs that the list pins to the node and nobody has: a slip of the pen takes the node from all work."""
    unknown = [name for name in node.graphs if name not in graphs]
    if not unknown:
        return None
    said = say(
        "it is pinned to {names}, which there is not; did you mean {guess}?",
        names=", ".join(unknown), guess=nearest(unknown[0], list(graphs)) or sorted(graphs)[0],
    )  # fmt: skip
    return f"node {node.name}", False, said


def _lacks(nodes: Sequence[NodeConfig], graphs: Mapping[str, Graph]) -> dict[str, dict[str, str]]:
    """By node: what keeps graphs from running there; a graph that is not named can run."""
    with ExitStack() as stack:
        clients = {node.name: stack.enter_context(ComfyNode(node.address(), answer_s=_DESCRIBE_S)) for node in nodes}
        fitness = Fitness(lambda config: clients[config.name])
        least = {name: graph.given(()) for name, graph in graphs.items()}  # without what may be left out
        for node in nodes:
            for graph in least.values():
                fitness.verdict(graph, "", node)  # all nodes begin to answer
        give_up_s = time.monotonic() + _DESCRIBE_S
        found: dict[str, dict[str, str]] = {}
        for node in nodes:
            found[node.name] = lack = {}
            for name, graph in least.items():
                verdicts = fitness.settled(graph, "", [node], wait_s=max(0.0, give_up_s - time.monotonic()))
                if not verdicts or verdicts[0].why:
                    lack[name] = _said(verdicts[0].why) if verdicts and verdicts[0].why else "?"
    return found


def _nowhere(graphs: Mapping[str, Graph], lacks: Mapping[str, Mapping[str, str]]) -> list[Found]:
    """The graphs that no node can run, with what the first node lacks."""
    if not lacks:
        return []
    lost = [name for name in sorted(graphs) if all(name in lack for lack in lacks.values())]
    first = next(iter(lacks.values()))
    return [(f"graph {name}", False, first[name]) for name in lost]


def _smoke(node: NodeConfig) -> Found:
    """The graph that needs no model, from upload to a film that was read to its end."""
    name, began_s = f"node {node.name} film", time.monotonic()
    try:
        with tempfile.TemporaryDirectory() as folder, ComfyNode(node.address()) as client:
            picture, sound, film = (Path(folder) / file for file in ("smoke.png", "smoke.wav", "smoke.mp4"))
            Image.new("RGB", (320, 180), "teal").save(picture)
            _write_silence(sound)
            names = {"image": client.upload(picture), "audio": client.upload(sound)}
            job = Job(job_id=str(uuid.uuid4()))
            graph = load_graph(built_in_graphs(), "model_free")
            bound = graph.bound({**names, "frames": _FRAMES}, prefix=f"doctor/{job.job_id}")
            seen = run_graph(client, bound, job, {"film": film}).seen["film"]
    except AdPipelineError as error:
        return name, False, _said(error)
    said = say(
        "{width}x{height}, {frames} frames, {seconds:.1f} s of work",
        width=seen.width_px, height=seen.height_px, frames=seen.frames, seconds=time.monotonic() - began_s,
    )  # fmt: skip
    return name, seen.frames == _FRAMES, said


def _write_silence(path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(bytes(2 * 48_000))


def _said(error: AdPipelineError) -> str:
    return error.message.said_in(user_language())
