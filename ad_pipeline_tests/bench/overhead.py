"""What our own stack adds to a GPU job: from the call to a file on the disk that was seen to decode.

Beside it the shortest script that does the same on the same server. It keeps its connections, hears
the end on a WebSocket that was open before, trusts what it hears, and tries nothing twice.
"""

from __future__ import annotations

import itertools
import json
import statistics
import time
import uuid
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from websockets.sync.client import ClientConnection, connect

from ad_pipeline.engines.comfy.client import ComfyNode
from ad_pipeline.engines.comfy.graphs import Graph, load_graph
from ad_pipeline.engines.comfy.place import Place
from ad_pipeline.engines.comfy.running import run_graph
from ad_pipeline.engines.comfy.transport import Address
from ad_pipeline.engines.comfy.workshop import Want, Workshop
from ad_pipeline.engines.contracts import Job
from ad_pipeline_tests.bench.child import Child
from ad_pipeline_tests.bench.rows import Row

MOST_OF_SCRIPT = 1.5
MOST_MS = 50.0

Tell = Callable[[str], None]
Way = Callable[[int], None]
"""Makes one picture of that colour: another one each time, so that the server takes none from its cache."""

_IN_A_ROW = 10
"""So many jobs of one way, then of the next: what a job leaves behind, its node given back, slows its own way only."""
_SIDE_PX = 64
_STAGE = "key_image"
_NODES: Mapping[str, Any] = {
    "1": {
        "class_type": "EmptyImage",
        "_meta": {"title": "Colour"},
        "inputs": {"width": _SIDE_PX, "height": _SIDE_PX, "batch_size": 1, "color": None},
    },
    "2": {
        "class_type": "SaveImage",
        "_meta": {"title": "Save"},
        "inputs": {"images": ["1", 0], "filename_prefix": "x"},
    },
}
_RECIPE = """summary = "One colour"
makes = "image"

[inputs.colour]
kind = "integer"
to = [{ node = "Colour", input = "color" }]

[outputs.picture]
node = "Save"
media = "image"
"""


@dataclass(frozen=True, kw_only=True)
class _Bench:
    """Where it happens: a server in a process of its own, a folder, and the trivial graph."""

    url: str
    folder: Path
    graph: Graph


def overhead_rows(folder: Path, *, quick: bool, tell: Tell) -> list[Row]:
    """Medians in milliseconds; the three ways take turns, so that they share the machine's moods."""
    tell("what our stack adds to a GPU job")
    folder.mkdir()
    (folder / "colour.json").write_text(json.dumps(_NODES), encoding="utf-8")
    (folder / "colour.toml").write_text(_RECIPE, encoding="utf-8")
    with ExitStack() as stack:
        server = Child(what="server")
        stack.callback(server.kill)
        bench = _Bench(url=server.heard(), folder=folder, graph=load_graph(folder, "colour"))
        ways = [stack.enter_context(way(bench)) for way in (_script, _run_graph, _workshop)]
        script_ms, graph_ms, whole_ms = _medians_ms(ways, rounds=5 if quick else 20)
    return [
        Row(name="GPU job that takes no time: a minimal script", value=script_ms, unit="ms"),
        *_beside("ours, from submit to the verified file", graph_ms, script_ms, limit=MOST_OF_SCRIPT),
        # The script shares its node with nobody: what a place in the common list costs is shown, not judged by it.
        *_beside("the same and a turn in the waiting list before", whole_ms, script_ms, limit=None),
    ]


def _beside(name: str, took_ms: float, script_ms: float, *, limit: float | None) -> list[Row]:
    name = f"GPU job that takes no time: {name}"
    ratio = took_ms / script_ms
    return [
        Row(name=name, value=took_ms, unit="ms", limit=MOST_MS),
        Row(name=f"{name}, beside the script", value=took_ms, unit="ms", ratio=ratio, ratio_to="script", limit=limit),
    ]


def _medians_ms(ways: list[Way], *, rounds: int) -> list[float]:
    took_s: list[list[float]] = [[] for _ in ways]
    colours = itertools.count()
    for number in range(-1, rounds):  # the first round opens connections and fills caches
        for way, found in zip(ways, took_s, strict=True):
            for _ in range(_IN_A_ROW):
                began_s = time.perf_counter()
                way(next(colours))
                if number >= 0:
                    found.append(time.perf_counter() - began_s)
    return [1000 * statistics.median(one) for one in took_s]


# --- the minimal script -------------------------------------------------------------------------


@contextmanager
def _script(bench: _Bench) -> Generator[Way, None, None]:
    client_id, target = uuid.uuid4().hex, bench.folder / "script.png"
    with (
        httpx.Client(base_url=bench.url, trust_env=False, verify=False) as http,
        connect(f"ws{bench.url.removeprefix('http')}/ws?clientId={client_id}", compression=None, proxy=None) as socket,
    ):

        def make(colour: int) -> None:
            graph = bench.graph.bound({"colour": colour}, prefix=f"script/{colour}").nodes
            job_id = http.post("/prompt", json={"prompt": graph, "client_id": client_id}).json()["prompt_id"]
            _hear_end(socket, job_id)
            file = http.get(f"/history/{job_id}").json()[job_id]["outputs"]["2"]["images"][0]
            target.write_bytes(http.get("/view", params=file).raise_for_status().content)
            with Image.open(target) as image:
                image.load()

        yield make


def _hear_end(socket: ClientConnection, job_id: str) -> None:
    for message in socket:
        told = json.loads(message) if isinstance(message, str) else {}
        if told.get("type") == "executing" and told["data"]["node"] is None and told["data"]["prompt_id"] == job_id:
            return


# --- our own ways -------------------------------------------------------------------------------


@contextmanager
def _run_graph(bench: _Bench) -> Generator[Way, None, None]:
    """One graph on one node, without the waiting list."""
    with ComfyNode(Address(name="gpu0", url=bench.url)) as node:

        def make(colour: int) -> None:
            job = Job(job_id=str(uuid.uuid4()))
            bound = bench.graph.bound({"colour": colour}, prefix=f"graph/{job.job_id}")
            run_graph(node, bound, job, {"picture": bench.folder / "graph.png"})

        yield make


@contextmanager
def _workshop(bench: _Bench) -> Generator[Way, None, None]:
    """As an engine has it made: listed and given a node in the database that all processes share, then run."""
    nodes = bench.folder / "nodes.toml"
    nodes.write_text(f'[[node]]\nname = "gpu0"\nurl = "{bench.url}"\n', encoding="utf-8")
    place = Place(nodes=nodes, graphs=(bench.folder,), database_url=f"sqlite:///{bench.folder / 'rack.sqlite'}")
    target = bench.folder / "whole.png"
    with closing(Workshop(place)) as shop:

        def make(colour: int) -> None:
            job_id = str(uuid.uuid4())
            want = Want(
                stage=_STAGE, part="picture", graph="colour", fill=lambda _: {"colour": colour},
                drafts={"picture": target},
            )  # fmt: skip
            shop.run(Job(job_id=job_id, work=job_id), want)

        yield make
