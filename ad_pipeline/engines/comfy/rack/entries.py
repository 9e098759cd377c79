"""What a process writes into the list of waiting jobs, and what it reads there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One job, as it is listed."""

    job_id: str
    work: str
    graph: str
    models: str
    stage: str
    session_id: str = ""
    urgent: bool = False
    estimate_s: float = 0.0
    nodes: frozenset[str] = frozenset()
    waited_s: float = 0.0
    """How long it waited before it could be listed, e.g. while the database was away."""


@dataclass(frozen=True, kw_only=True)
class NodeView:
    """What this process knows of a node: `is_open` when it answers and is not draining."""

    name: str
    is_open: bool = True
    is_reachable: bool = True
    weight: float = 1.0
    others: int = 0
    models: str = ""
    """What the node itself remembers, for a rack that has not given it anything yet."""


@dataclass(frozen=True, kw_only=True)
class Left:
    """A job that gives its node back; `failed` when its work shall be tried elsewhere, `ran` when its time counts."""

    job_id: str
    failed: bool = False
    lacked_memory: bool = False
    """It failed as the card was too small for its graph: for a smaller one, or a shorter film, it may do."""
    ran: bool = True


@dataclass(frozen=True, kw_only=True)
class Lease:
    """A node that a job of this process has."""

    job_id: str
    node: str
    swapped: bool
    since_s: float
    given_s: float


@dataclass(frozen=True, kw_only=True)
class Orphan:
    """A job that a dead process left on a node."""

    job_id: str
    node: str
