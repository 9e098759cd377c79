"""Many sessions on few GPUs, on real test servers with time scaled down: how near the order comes to the best possible.

The servers run in one process and four worker processes make the scenes; all of it shares this
machine's cores, so each count of nodes has the scale at which that does not drown what is measured.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from ad_pipeline_tests.bench.child import Child
from ad_pipeline_tests.bench.rows import Row
from ad_pipeline_tests.bench.simulation import Piece, Simulation, lower_bound_s, pieces

MOST_OF_BOUND = 1.15
MOST_CROWD_MB = 300.0
MOST_CROWD_CPU_PERCENT = 5.0

Tell = Callable[[str], None]

_WORKERS = 4
_LONG_S: Mapping[int, float] = {1: 27.0, 2: 20.0, 4: 20.0, 8: 28.0}
"""How long each count of nodes shall take, at best."""
_URGENT_ON, _URGENT_LONG_S = 4, 15.0
_CROWD, _CROWD_NODES, _CROWD_S = 1000, 8, 10.0


@contextmanager
def _nodes(count: int, scale: float) -> Generator[tuple[Child, dict[str, str]], None, None]:
    child = Child(what="nodes", count=count, scale=scale)
    try:
        yield child, json.loads(child.heard())
    finally:
        child.kill()


def _workers(
    folder: Path, urls: Mapping[str, str], work: Sequence[Piece], *, scale: float, count: int = _WORKERS,
    urgent: bool = False, plain: bool = False,
) -> list[Child]:  # fmt: skip
    """Processes that have sessions in turn, and wait for `go`."""
    sessions = sorted({piece.session for piece in work})
    folder.mkdir(exist_ok=True)
    children = [
        Child(
            what="scenes", urls=urls, database=f"sqlite:///{folder / 'rack.sqlite'}", folder=str(folder), scale=scale,
            urgent=urgent, plain_from=number if plain else None,
            work=[asdict(piece) for piece in work if sessions.index(piece.session) % count == number],
        )
        for number in range(count)
    ]  # fmt: skip
    for child in children:
        assert child.heard() == "ready"
    return children


def _makespan_s(children: Sequence[Child]) -> float:
    began_s = time.time()
    for child in children:
        child.say()
    return max(child.result()["ended_s"] for child in children) - began_s


def scheduling_rows(folder: Path, *, quick: bool, tell: Tell) -> list[Row]:
    """Makespans on 1 to 8 nodes, an urgent session, and a thousand jobs that wait."""
    rows: list[Row] = []
    for nodes in (2, 4) if quick else (1, 2, 4, 8):
        tell(f"scheduling on {nodes} nodes")
        rows += _makespan_rows(folder / f"on_{nodes}", nodes=nodes, with_plain=nodes == _URGENT_ON)
    tell("scheduling: an urgent session")
    rows += _urgent_rows(folder / "urgent")
    tell("scheduling: a thousand jobs wait")
    return [*rows, *_crowd_rows(folder / "crowd")]


def _makespan_rows(folder: Path, *, nodes: int, with_plain: bool) -> list[Row]:
    work = pieces()
    bound_s = lower_bound_s(work, nodes=nodes)
    scale = _LONG_S[nodes] / bound_s
    with _nodes(nodes, scale) as (_, urls):
        made_s = _makespan_s(_workers(folder, urls, work, scale=scale))
    played = Simulation(work, nodes=nodes).played().makespan_s
    in_turn = Simulation(work, nodes=nodes, round_robin=True).played().makespan_s
    name = f"20 sessions x 5 scenes on {nodes} GPU node{'s' if nodes > 1 else ''}"
    rows = [
        Row(
            name=name, value=made_s, unit="scaled s", ratio=made_s / (bound_s * scale), ratio_to="lower bound",
            limit=MOST_OF_BOUND,
        ),
        Row(
            name=f"{name}, simulated", value=played * scale, unit="scaled s", ratio=played / bound_s,
            ratio_to="lower bound",
        ),
        Row(
            name=f"{name}, round-robin, simulated", value=in_turn * scale, unit="scaled s", ratio=in_turn / bound_s,
            ratio_to="lower bound",
        ),
    ]  # fmt: skip
    if with_plain:
        with _nodes(nodes, scale) as (_, urls):
            plain_s = _makespan_s(_workers(folder / "plain", urls, work, scale=scale, plain=True))
        rows.append(
            Row(
                name=f"{name}, round-robin", value=plain_s, unit="scaled s", ratio=plain_s / (bound_s * scale),
                ratio_to="lower bound",
            )
        )  # fmt: skip
    return rows


def _urgent_rows(folder: Path) -> list[Row]:
    """Its time on idle, cold nodes; then the same among all the others, asked for in their middle."""
    work, urgent = pieces(), pieces(sessions=1, first=90, seed=3)
    bound_s = lower_bound_s(work, nodes=_URGENT_ON)
    scale = _URGENT_LONG_S / bound_s
    folder.mkdir()
    with _nodes(_URGENT_ON, scale) as (_, urls):
        alone_s = _makespan_s(_workers(folder / "alone", urls, urgent, scale=scale, count=1, urgent=True))
    with _nodes(_URGENT_ON, scale) as (_, urls):
        ordinary = _workers(folder / "among", urls, work, scale=scale)
        pressing = _workers(folder / "among", urls, urgent, scale=scale, count=1, urgent=True)
        for child in ordinary:
            child.say()
        time.sleep(0.5 * bound_s * scale)
        took_s = _makespan_s(pressing)
        for child in ordinary:
            child.result()
    run_s = max(piece.run_s for piece in work) * scale
    return [
        Row(name=f"urgent session on {_URGENT_ON} idle nodes", value=alone_s, unit="scaled s"),
        Row(
            name="urgent session among twenty others", value=took_s, unit="scaled s",
            ratio=took_s / (alone_s + _URGENT_ON * run_s), ratio_to="idle + a run per node", limit=1.0,
        ),
    ]  # fmt: skip


def _crowd_rows(folder: Path) -> list[Row]:
    folder.mkdir()
    with _nodes(_CROWD_NODES, 1.0) as (_, urls):
        crowd = Child(
            what="crowd", urls=urls, database=f"sqlite:///{folder / 'rack.sqlite'}", folder=str(folder), jobs=_CROWD,
            seconds=_CROWD_S,
        )  # fmt: skip
        assert crowd.heard() == "ready"
        time.sleep(6.0)  # until all are listed and have heard their place
        crowd.say()
        found = crowd.result()
    return [
        Row(
            name=f"{_CROWD} jobs wait: memory of their process (PSS)", value=found["pss_mb"], unit="MB",
            limit=MOST_CROWD_MB,
        ),
        Row(
            name=f"{_CROWD} jobs wait: processor", value=100 * found["cpu"], unit="% of a core",
            limit=MOST_CROWD_CPU_PERCENT,
        ),
    ]  # fmt: skip
