"""The processes of the scheduling bench: one that is all the GPU nodes, and workers that make whole scenes on them.

Each reads what to do as one line of JSON, says `ready`, waits for another line, and prints what it saw.
"""

from __future__ import annotations

import itertools
import json
import sys
import threading
import time
import uuid
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from ad_pipeline.engines.comfy.client import ComfyNode
from ad_pipeline.engines.comfy.rack.config import NodeConfig
from ad_pipeline.engines.comfy.rack.health import HealthWatch
from ad_pipeline.engines.comfy.rack.rack import Ask, Rack, Turn
from ad_pipeline.errors import Cancelled
from ad_pipeline_tests.bench.simulation import LOAD_S, RUN_S, STAGES, Piece
from ad_pipeline_tests.comfy.rack_parts import GraphNodes, Listed, gpu, run_on, stage_graph, stage_of
from ad_pipeline_tests.comfy.server import ComfyServer

_SCENES_AT_ONCE = 64


def main() -> None:
    """`server`, `nodes`, `scenes` or `crowd`."""
    told = json.loads(sys.stdin.readline())
    {"server": _server, "nodes": _nodes, "scenes": _scenes, "crowd": _crowd}[told["what"]](told)


def _go() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


def _server(_: Mapping[str, Any]) -> None:
    """One server with ComfyUI's own classes, on which nothing takes any time, until the second line."""
    with ComfyServer() as server:
        print(server.url, flush=True)
        sys.stdin.readline()


def _nodes(told: Mapping[str, Any]) -> None:
    """So many servers, until the second line."""

    def load_s(graph: GraphNodes) -> float:
        return LOAD_S.get(stage_of(graph), 0.0) * told["scale"]

    with ExitStack() as stack:
        servers = [stack.enter_context(gpu(load_s=load_s)) for _ in range(told["count"])]
        print(json.dumps({f"gpu{number}": server.url for number, server in enumerate(servers)}), flush=True)
        sys.stdin.readline()
        runs = {f"gpu{number}": server.machine.runs for number, server in enumerate(servers)}
        loads = sum(server.machine.model_loads for server in servers)
        print(json.dumps({"loads": loads, "runs": runs}), flush=True)


@dataclass(frozen=True, kw_only=True)
class _Place:
    folder: Path
    scale: float
    urgent: bool
    give: Callable[[Ask], AbstractContextManager[Turn]]


def _listed(told: Mapping[str, Any]) -> Listed:
    return Listed(*(NodeConfig(name=name, url=url) for name, url in told["urls"].items()))


def _scenes(told: Mapping[str, Any]) -> None:
    """Every scene's stages one after the other, all scenes at once; on the rack, or plainly to each node in turn."""
    work = [Piece(**piece) for piece in told["work"]]
    scenes = {
        key: list(found) for key, found in itertools.groupby(work, key=lambda piece: (piece.session, piece.scene))
    }
    nodes = _listed(told)
    with ExitStack() as stack:
        health = HealthWatch(nodes, every_s=1.0, may_probe=False)
        stack.callback(health.close)
        rack = Rack(nodes=nodes, database_url=told["database"], health=health, look_every_s=0.01, urgent_grace_s=0.2)
        stack.callback(rack.close)
        for stage in STAGES:
            rack.missing(stage_graph(stage))
        health.look()
        give = rack.turn if told["plain_from"] is None else _in_turn(nodes, told["plain_from"])
        place = _Place(folder=Path(told["folder"]), scale=told["scale"], urgent=told["urgent"], give=give)
        _go()
        rack.announce([_ask(place, piece) for piece in work])
        ended: dict[str, float] = {}
        with ThreadPoolExecutor(_SCENES_AT_ONCE) as threads:
            running = [threads.submit(_scene, place, found, ended) for found in scenes.values()]
            for one in running:
                one.result()
        print(json.dumps({"ended_s": max(ended.values()), "jobs": len(ended)}), flush=True)


def _in_turn(nodes: Listed, first: int) -> Callable[[Ask], AbstractContextManager[Turn]]:
    """Plain round-robin: whatever is ready is sent to the next node at once."""
    count = itertools.count(first)
    comfy = [ComfyNode(config.address()) for config in nodes()]

    @contextmanager
    def sent(asked: Ask) -> Generator[Turn, None, None]:
        node = comfy[next(count) % len(comfy)]
        yield Turn(node=node, name=node.address.name, gpu="", waited_s=0.0, swapped=False, extra={}, front=False)

    return sent


def _ask(place: _Place, piece: Piece) -> Ask:
    job_id = str(uuid.uuid5(uuid.NAMESPACE_URL, piece.job_id))
    return Ask(
        job_id=job_id, work=piece.job_id, graph=stage_graph(piece.stage), stage=piece.stage, session_id=piece.session,
        urgent=place.urgent, estimate_s=RUN_S[piece.stage] * place.scale,
    )  # fmt: skip


def _scene(place: _Place, stages: list[Piece], ended: dict[str, float]) -> None:
    """Key image, motion clip, then lipsync and effects side by side."""

    def made(piece: Piece) -> None:
        asked = _ask(place, piece)
        with place.give(asked) as turn:
            run_on(turn, asked, place.folder, seconds=piece.run_s * place.scale)
        ended[piece.job_id] = time.time()

    by_stage = {piece.stage: piece for piece in stages}
    made(by_stage["key_image"])
    made(by_stage["motion_clip"])
    beside: Future[None] = Future()

    def effects() -> None:
        try:
            made(by_stage["sfx"])
            beside.set_result(None)
        except BaseException as error:
            beside.set_exception(error)

    threading.Thread(target=effects, daemon=True).start()
    made(by_stage["lipsync"])
    beside.result()


def _crowd(told: Mapping[str, Any]) -> None:
    """So many jobs that wait in this process; what it costs to let them wait."""
    nodes, stop = _listed(told), threading.Event()
    health = HealthWatch(nodes, may_probe=False)
    rack = Rack(nodes=nodes, database_url=told["database"], health=health)
    place = _Place(folder=Path(told["folder"]), scale=1.0, urgent=False, give=rack.turn)

    def wait(number: int) -> None:
        piece = Piece(session=f"s{number // 20}", scene=number // 4, stage=STAGES[number % 4], run_s=1.0)
        with suppress(Cancelled), rack.turn(_ask(place, piece), should_stop=stop.is_set):
            stop.wait()

    for number in range(told["jobs"]):
        threading.Thread(target=wait, args=(number,), daemon=True).start()
    _go()
    process = psutil.Process()
    before, began_s = process.cpu_times(), time.monotonic()
    time.sleep(told["seconds"])
    after, took_s = process.cpu_times(), time.monotonic() - began_s
    cpu_s = after.user + after.system - before.user - before.system
    pss_bytes = process.memory_full_info().pss
    print(json.dumps({"cpu": cpu_s / took_s, "pss_mb": pss_bytes / 1e6}), flush=True)
    stop.set()
    rack.close()
    health.close()


if __name__ == "__main__":
    main()
