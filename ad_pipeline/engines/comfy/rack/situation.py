"""What is known when turns are given out: who waits, who holds, how the nodes stand, how long things take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

UNKNOWN_RUN_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A job that asks for a node, or will (`planned`). `models` names what has to be loaded for it, if anything."""

    job_id: str
    graph: str
    models: str
    stage: str = ""
    session_id: str = ""
    since_s: float = 0.0
    estimate_s: float = 0.0
    urgent: bool = False
    nodes: frozenset[str] = frozenset()
    """Which nodes can run it."""
    avoid: frozenset[str] = frozenset()
    """Which of them failed at this work before."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """A job that was given to a node, in the order in which they were given."""

    job_id: str
    graph: str
    models: str
    given_s: float
    since_s: float = 0.0
    estimate_s: float = 0.0
    urgent: bool = False
    swapped: bool = False


@dataclass(frozen=True, kw_only=True)
class Place:
    """A node as it stands. `models`: what it has loaded once all that it holds has run."""

    name: str
    weight: float = 1.0
    is_open: bool = True
    """It answers and is not draining."""
    models: str = ""
    swapped_s: float = 0.0
    """When it was given the first job with these models."""
    ended_s: float = 0.0
    """When its last job of ours ended."""
    urgent_ended_s: float = 0.0
    ordinary_ended_s: float = 0.0
    """The same, of its last job that was not urgent."""
    held: tuple[Held, ...] = ()
    others: int = 0
    """Jobs in its queue that are not ours."""


@dataclass(frozen=True, kw_only=True)
class Times:
    """Seconds as they were measured: runs by graph (`rate`: as a part of their estimates), loads by models."""

    run_s: Mapping[str, float] = field(default_factory=dict[str, float])
    rate: Mapping[str, float] = field(default_factory=dict[str, float])
    load_s: Mapping[str, float] = field(default_factory=dict[str, float])

    def run(self, job: Waiting | Held) -> float:
        if job.estimate_s > 0:
            return job.estimate_s * self.rate.get(job.graph, 1.0)
        return self.run_s.get(job.graph, UNKNOWN_RUN_S)

    def load(self, models: str, otherwise_s: float) -> float:
        return self.load_s.get(models, otherwise_s)


@dataclass(frozen=True, kw_only=True)
class Given:
    """The choice: this job to this node."""

    job_id: str
    node: str
    swapped: bool
    """It needs other models than the node has loaded."""
