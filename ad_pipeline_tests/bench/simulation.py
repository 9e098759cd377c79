"""The rack's choice played through without sockets: what the order alone is worth against the lower bound."""

from __future__ import annotations

import heapq
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ad_pipeline.engines.comfy.rack.choosing import choose
from ad_pipeline.engines.comfy.rack.situation import Given, Held, Place, Times, Waiting

STAGES = ("key_image", "motion_clip", "lipsync", "sfx")
AFTER: Mapping[str, str] = {"motion_clip": "key_image", "lipsync": "motion_clip", "sfx": "motion_clip"}
RUN_S: Mapping[str, float] = {"key_image": 6.0, "motion_clip": 80.0, "lipsync": 40.0, "sfx": 10.0}
"""What the four GPU stages take on one large card, roughly; the scenes differ by a third up and down."""
LOAD_S: Mapping[str, float] = {"key_image": 15.0, "motion_clip": 40.0, "lipsync": 15.0, "sfx": 10.0}


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One stage of one scene."""

    session: str
    scene: int
    stage: str
    run_s: float

    @property
    def job_id(self) -> str:
        return f"{self.session}/{self.scene}/{self.stage}"

    @property
    def after(self) -> str:
        """The job that has to end before this one can be asked for."""
        stage = AFTER.get(self.stage, "")
        return stage and f"{self.session}/{self.scene}/{stage}"


def pieces(
    *, sessions: int = 20, scenes: int = 5, run_s: Mapping[str, float] = RUN_S, seed: int = 7, first: int = 0
) -> list[Piece]:
    """All the work of so many sessions."""
    chance = random.Random(seed)
    found: list[Piece] = []
    for session in range(first, first + sessions):
        for scene in range(scenes):
            length = chance.uniform(2 / 3, 4 / 3)
            found += [
                Piece(session=f"session_{session:02}", scene=scene, stage=stage, run_s=run_s[stage] * length)
                for stage in STAGES
            ]
    return found


def lower_bound_s(work: Sequence[Piece], *, nodes: int, load_s: Mapping[str, float] = LOAD_S) -> float:
    """No schedule is faster: the longest chain, or all runs and one load per graph spread over all nodes."""
    run_s = {piece.job_id: piece.run_s for piece in work}
    chains: dict[str, float] = {}
    for piece in work:
        chains[piece.job_id] = piece.run_s + chains.get(piece.after, 0.0)
    return max(max(chains.values()), (sum(run_s.values()) + sum(load_s.values())) / nodes)


@dataclass
class _Node:
    name: str
    held: list[Held] = field(default_factory=list[Held])
    models: str = ""
    loaded: str = ""
    swapped_s: float = 0.0
    ended_s: float = 0.0
    urgent_ended_s: float = -1e9
    ordinary_ended_s: float = 0.0
    running: str = ""


@dataclass(frozen=True, kw_only=True)
class Played:
    """When the last job ended, how often models were loaded, and when each job ended and how long it waited."""

    makespan_s: float
    loads: int
    ended_s: Mapping[str, float]
    waited_s: Mapping[str, float]
    started_s: Mapping[str, float]


class Simulation:
    """Nodes that run what `choose` gives them, one job at a time, as ComfyUI does."""

    def __init__(
        self, work: Sequence[Piece], *, nodes: int, load_s: Mapping[str, float] = LOAD_S, urgent: Sequence[Piece] = (),
        urgent_at_s: float = 0.0, estimates: bool = True, round_robin: bool = False, plans: bool = True,
    ) -> None:  # fmt: skip
        self._work = {piece.job_id: piece for piece in (*work, *urgent)}
        self._order = {job_id: number for number, job_id in enumerate(self._work)}
        self._urgent = {piece.job_id for piece in urgent}
        self._load_s, self._round_robin, self._estimates, self._plans = load_s, round_robin, estimates, plans
        self._nodes = {f"gpu{number}": _Node(f"gpu{number}") for number in range(nodes)}
        self._waiting: dict[str, Waiting] = {}
        self._planned: dict[str, Waiting] = {}
        self._events: list[tuple[float, int, str, str]] = []
        self._now_s, self._loads = 0.0, 0
        self._ended: dict[str, float] = {}
        self._waited: dict[str, float] = {}
        self._started: dict[str, float] = {}
        self._learnt: dict[str, list[float]] = {}
        self._turn = 0
        for piece in work:
            self._announce(piece, 0.0)
        if urgent:
            heapq.heappush(self._events, (urgent_at_s, -1, "urgent", ""))

    def played(self) -> Played:
        self._give()
        while self._events:
            self._now_s, _, kind, name = heapq.heappop(self._events)
            if kind == "urgent":
                for job_id in self._urgent:
                    self._announce(self._work[job_id], self._now_s)
            elif kind == "end":
                self._end(self._nodes[name])
            self._give()
        assert len(self._ended) == len(self._work), "somebody was never served"
        return Played(
            makespan_s=max(self._ended.values()), loads=self._loads, ended_s=self._ended, waited_s=self._waited,
            started_s=self._started,
        )  # fmt: skip

    def _announce(self, piece: Piece, at_s: float) -> None:
        job = Waiting(
            job_id=piece.job_id, graph=piece.stage, models=piece.stage, stage=piece.stage, session_id=piece.session,
            since_s=at_s, estimate_s=piece.run_s if self._estimates else 0.0, urgent=piece.job_id in self._urgent,
            nodes=frozenset(self._nodes),
        )  # fmt: skip
        (self._planned if piece.after else self._waiting)[piece.job_id] = job

    def _give(self) -> None:
        for given in self._in_turn() if self._round_robin else self._chosen():
            job, node = self._waiting.pop(given.job_id), self._nodes[given.node]
            if job.models != node.models:
                node.models, node.swapped_s = job.models, self._now_s
            held = Held(
                job_id=job.job_id, graph=job.graph, models=job.models, given_s=self._now_s, since_s=job.since_s,
                estimate_s=job.estimate_s, urgent=job.urgent, swapped=given.swapped,
            )  # fmt: skip
            if job.urgent and node.held:
                node.held.insert(1, held)
            else:
                node.held.append(held)
            self._waited[job.job_id] = self._now_s - job.since_s
        for node in self._nodes.values():
            if node.held and not node.running:
                self._start(node)

    def _chosen(self) -> list[Given]:
        places = [
            Place(
                name=node.name, models=node.models, swapped_s=node.swapped_s, ended_s=node.ended_s,
                urgent_ended_s=node.urgent_ended_s, ordinary_ended_s=node.ordinary_ended_s, held=tuple(node.held),
            )
            for node in self._nodes.values()
        ]  # fmt: skip
        times = Times(run_s={}, load_s=self._load_s)
        planned = list(self._planned.values()) if self._plans else []
        return choose(list(self._waiting.values()), places, planned=planned, times=times, now_s=self._now_s)

    def _in_turn(self) -> list[Given]:
        """Plain round-robin in the order of submission: every job is sent at once, to the next node."""
        given: list[Given] = []
        names = list(self._nodes)
        for job_id in sorted(self._waiting, key=self._order.__getitem__):
            given.append(Given(job_id=job_id, node=names[self._turn % len(names)], swapped=True))
            self._turn += 1
        return given

    def _start(self, node: _Node) -> None:
        piece = self._work[node.held[0].job_id]
        node.running = piece.job_id
        need_s = piece.run_s
        if node.loaded != piece.stage:
            node.loaded = piece.stage
            self._loads += 1
            need_s += self._load_s[piece.stage]
        self._started[piece.job_id] = self._now_s
        heapq.heappush(self._events, (self._now_s + need_s, self._order[piece.job_id], "end", node.name))

    def _end(self, node: _Node) -> None:
        held = node.held.pop(0)
        self._ended[held.job_id] = node.ended_s = self._now_s
        if held.urgent:
            node.urgent_ended_s = self._now_s
        else:
            node.ordinary_ended_s = self._now_s
        node.running = ""
        for job_id in list(self._planned):
            if self._work[job_id].after == held.job_id:
                self._waiting[job_id] = replace(self._planned.pop(job_id), since_s=self._now_s)
