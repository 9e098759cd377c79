"""A graph's run on whichever node can: waited for, uploaded, run, fetched; smaller where memory runs out.

Nothing here tries a failed job again: that is `stages/making.py`'s. What it does by itself is the way
down when a card has too little memory: once more on the emptied card, then the graph's smaller kin.
"""

from __future__ import annotations

import contextlib
import functools
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ad_pipeline.engines.comfy.graph_folders import graph_folders
from ad_pipeline.engines.comfy.graphs import Graph, load_graph
from ad_pipeline.engines.comfy.place import Place
from ad_pipeline.engines.comfy.protocol import ENGINE
from ad_pipeline.engines.comfy.rack.config import NodesFile
from ad_pipeline.engines.comfy.rack.rack import Ask, Rack, Turn
from ad_pipeline.engines.comfy.recipe import Value
from ad_pipeline.engines.comfy.running import Fetched, Seen, run_graph
from ad_pipeline.engines.comfy.shelf import Shelf
from ad_pipeline.engines.comfy.watching import STALL_S
from ad_pipeline.engines.contracts import Job, Progress
from ad_pipeline.errors import EngineRefused, EngineUnavailable, InputRejected, OutOfMemory
from ad_pipeline.messages import Message

SERVICE_KEY = "api_key_comfy_org"
"""Where a node that calls a paid service looks for its key; the server keeps it out of its history."""


_MOST_RUNGS = 4


@dataclass(frozen=True, kw_only=True)
class Want:
    """One graph's run. `fill` gives its values, for the graph asked for or a smaller one; a path is uploaded.

    `part` names it within its job, so that each part of a job has an id of its own. What is only
    announced needs no `drafts`, and its files need not be there yet.
    """

    stage: str
    part: str
    graph: str
    fill: Callable[[Graph], Mapping[str, Value | Path]]
    drafts: Mapping[str, Path] = field(default_factory=dict[str, Path])
    share: tuple[float, float] = (0.0, 1.0)
    """From where to where of the whole job this run is, for its progress."""
    estimate_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Ran:
    """How a graph ran. `lessened` says what was done when memory ran out, in order."""

    graph: Graph
    node: str
    gpu: str
    """The node's card, as the node itself names it; empty when it did not."""
    waited_s: float
    run_s: float
    swapped: bool
    taken_up: bool
    lessened: tuple[str, ...]
    cost_usd: float
    """By the price lists of the services that it called."""
    too_large: Message | None
    """Why a smaller graph than the one asked for ran; None when that one did."""
    seen: Mapping[str, Seen]


@dataclass(frozen=True, kw_only=True)
class _Rung:
    """One step of the way down: `instead` are values that a larger graph's recipe wants for it."""

    number: int
    graph: Graph
    instead: Mapping[str, Value]


class Workshop:
    """All nodes and graphs of one place; one in a process, shared by its threads."""

    def __init__(self, place: Place, *, rack: Rack | None = None, stall_s: float = STALL_S) -> None:
        self._place, self._stall_s = place, stall_s
        self._nodes = NodesFile(place.nodes)
        self.rack = rack or Rack(nodes=self._nodes, database_url=place.database_url)

    def close(self) -> None:
        """Nobody waits here any longer."""
        self.rack.close()

    def graph(self, name: str) -> Graph:
        """The graph of that name; a person's own before ours.

        Raises:
            EngineUnavailable: there is none.
            InputRejected: its files are broken.
        """
        for folder in graph_folders(self._place.graphs):
            if (folder / f"{name}.json").is_file():
                return _loaded(folder, name, _mark(folder, name))
        raise EngineUnavailable("there is no graph {graph}", engine=ENGINE, graph=name)

    def missing(self, name: str, *, stage: str) -> Message | None:
        """Why no node can run the graph, as a sentence with its fix; None when one can or may."""
        try:
            graph = self.graph(name)
            if graph.recipe.services and not self._place.service_key:
                return EngineUnavailable(
                    "the graph {graph} calls {service}: put the key of a Comfy account into AD_PIPELINE_COMFY_KEY",
                    engine=ENGINE, graph=name, service=graph.recipe.services[0].name,
                ).message  # fmt: skip
            return self.rack.missing() or self.rack.missing(_least(graph), stage=stage)
        except (EngineUnavailable, InputRejected) as error:
            return error.message

    def can(self, name: str, *, stage: str) -> bool:
        """Whether a node is known that can run the graph: what only makes a thing better waits for none that hangs.

        Nobody can where the graph forbids paid ads: its terms were not weighed when the model was chosen.
        """
        try:
            graph = self.graph(name)
            return graph.recipe.paid_ads != "no" and self.rack.can(_least(graph), stage=stage)
        except (EngineUnavailable, InputRejected):
            return False

    @contextmanager
    def announced(self, job: Job, wants: Iterable[Want]) -> Generator[None, None, None]:
        """While this lasts, every process that gives out nodes knows that `run` will be called for these.

        It says no more than is known: what cannot be said is left out, and nothing is raised.
        """
        asks: list[Ask] = []
        with contextlib.suppress(EngineRefused, EngineUnavailable, InputRejected):
            for want in wants:
                rung = next(self._ladder(want.graph))
                asks.append(self._ask(job, want, rung, self._given(want, rung)))
        if asks:
            self.rack.announce(asks)
        try:
            yield
        finally:
            if asks:
                self.rack.withdraw([ask.job_id for ask in asks])

    def run(self, job: Job, want: Want) -> Ran:
        """Run it to the checked drafts.

        Raises:
            EngineUnavailable: a passing fault; another attempt goes to another node where one can do it.
            EngineRefused: it will never work there: the graph failed, or no card has memory enough.
            Cancelled: stopped; the job was cancelled on its node.
        """
        lessened: list[str] = []
        why: OutOfMemory | None = None
        for rung in self._ladder(want.graph):
            try:
                ran = self._run(job, want, rung, lessened)
                return replace(ran, too_large=why.message if why else None)
            except OutOfMemory as error:
                why = error
                lessened.append(f"{error.message}")
        assert why is not None
        raise EngineRefused(
            "no card has memory enough for the graph {graph}, nor for less: {reason}",
            engine=ENGINE, job_id=job.job_id, graph=want.graph, reason=why.message,
        ) from why  # fmt: skip

    def _ladder(self, name: str) -> Iterator[_Rung]:
        """The graph, and ever smaller ones; where it may be used in paid ads, none that may not."""
        rung = _Rung(number=0, graph=self.graph(name), instead={})
        for number in range(1, _MOST_RUNGS + 1):
            yield rung
            recipe = rung.graph.recipe
            if not recipe.smaller:
                return
            smaller = self.graph(recipe.smaller)
            if smaller.recipe.paid_ads == "no" != recipe.paid_ads:
                return
            rung = _Rung(number=number, graph=smaller, instead={**rung.instead, **recipe.smaller_values})

    def _given(self, want: Want, rung: _Rung) -> dict[str, Value | Path]:
        instead = {name: value for name, value in rung.instead.items() if name in rung.graph.recipe.inputs}
        return {**want.fill(rung.graph), **instead}

    def _ask(self, job: Job, want: Want, rung: _Rung, given: Mapping[str, Value | Path]) -> Ask:
        """What is asked of the rack, and announced before: the same job has the same id both times."""
        return Ask(
            job_id=_part_id(job, f"{want.part}/{rung.number}"), work=f"{job.work}/{want.part}",
            graph=rung.graph.given(given), stage=want.stage, session_id=job.group, urgent=job.urgent,
            estimate_s=want.estimate_s,
        )  # fmt: skip

    def _run(self, job: Job, want: Want, rung: _Rung, lessened: list[str]) -> Ran:
        """The rung's result: from the shelf where an earlier attempt brought it there, else made and put there."""
        given, shelf = self._given(want, rung), Shelf(job.shelf)
        key = shelf.key(want.part, rung.graph, given) if job.shelf else ""
        notes = shelf.take(key, want.drafts)
        if notes is not None:
            return _noted(notes, rung.graph, lessened)
        ran = self._made(job, want, rung, given, lessened)
        shelf.put(key, want.drafts, {**_notes(ran), "account": job.job_id})
        return ran

    def _made(self, job: Job, want: Want, rung: _Rung, given: Mapping[str, Value | Path], lessened: list[str]) -> Ran:
        graph = rung.graph
        ask = self._ask(job, want, rung, given)
        report = _within(job, want.share)
        with self.rack.turn(ask, report=report, should_stop=job.should_stop) as turn, job.hold(turn.name):
            part = replace(job, job_id=ask.job_id, report=report)
            try:
                fetched = self._on_node(turn, graph, given, part, want)
            except OutOfMemory as error:
                # What other models left on the card may have been in the way.
                lessened.append(f"{error.message}")
                turn.node.free(models=True, cache=True)
                part = replace(part, job_id=_part_id(job, f"{want.part}/{rung.number}/emptied"))
                fetched = self._on_node(turn, graph, given, part, want)
        return Ran(
            graph=graph, node=turn.name, gpu=turn.gpu, waited_s=turn.waited_s + fetched.done.waited_s,
            run_s=fetched.done.run_s, swapped=turn.swapped, taken_up=fetched.taken_up, lessened=tuple(lessened),
            cost_usd=graph.recipe.price_usd(given), too_large=None, seen=fetched.seen,
        )  # fmt: skip

    def _on_node(self, turn: Turn, graph: Graph, given: Mapping[str, Value | Path], job: Job, want: Want) -> Fetched:
        values = {name: turn.node.upload(v) if isinstance(v, Path) else v for name, v in given.items()}
        try:
            bound = graph.bound(values, prefix=f"ad_pipeline/{job.job_id}")
        except InputRejected as error:
            raise EngineRefused("{reason}", engine=ENGINE, job_id=job.job_id, reason=error.message) from error
        extra = dict(turn.extra)
        if graph.recipe.services:
            extra[SERVICE_KEY] = self._place.service_key
        return run_graph(
            turn.node, bound, job, want.drafts, extra=extra, front=turn.front, stall_s=self._stall_s,
            cost_usd=graph.recipe.price_usd(given),
        )  # fmt: skip


@functools.cache
def workshop(place: Place) -> Workshop:
    """The one workshop of this process for a place: its rack keeps connections and one waiting thread."""
    return Workshop(place)


@functools.lru_cache(maxsize=64)
def _loaded(folder: Path, name: str, mark: tuple[int, ...]) -> Graph:
    return load_graph(folder, name)


def _mark(folder: Path, name: str) -> tuple[int, ...]:
    """Changes when one of the graph's files does."""
    files = [folder / f"{name}.json", folder / f"{name}.toml"]
    return tuple(
        number for file in files if file.is_file() for number in (file.stat().st_mtime_ns, file.stat().st_size)
    )


def _notes(ran: Ran) -> dict[str, Any]:
    """What is kept of a run beside its files."""
    seen = {name: vars(found) for name, found in ran.seen.items()}
    return {"node": ran.node, "gpu": ran.gpu, "run_s": ran.run_s, "cost_usd": ran.cost_usd, "seen": seen}


def _noted(notes: Mapping[str, Any], graph: Graph, lessened: Sequence[str]) -> Ran:
    """A run of before."""
    return Ran(
        graph=graph, node=notes["node"], gpu=notes["gpu"], waited_s=0.0, run_s=notes["run_s"], swapped=False,
        taken_up=True, lessened=tuple(lessened), cost_usd=notes["cost_usd"], too_large=None,
        seen={name: Seen(**found) for name, found in notes["seen"].items()},
    )  # fmt: skip


def _least(graph: Graph) -> Graph:
    """The graph with only what it cannot do without."""
    return graph.given([name for name, slot in graph.recipe.inputs.items() if not slot.optional])


def _part_id(job: Job, part: str) -> str:
    return str(uuid.uuid5(uuid.UUID(job.job_id), part))


def _within(job: Job, share: tuple[float, float]) -> Callable[[Progress], None]:
    """A part's progress as that of the whole job."""
    first, last = share

    def report(progress: Progress) -> None:
        job.report(replace(progress, fraction=first + (last - first) * progress.fraction))

    return report
