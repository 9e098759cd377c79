"""What a ComfyUI server tells over its WebSocket, and what one job's watcher has seen of it. Pure.

Messages may be missing, late or doubled; none of them is needed to know how a job ended.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ad_pipeline.engines.comfy.protocol import is_number
from ad_pipeline.messages import say

_PREVIEW, _TEXT, _PREVIEW_WITH_FACTS = 1, 3, 4
_MINUTES_FROM_S = 100.0
_FORMATS = {1: "image/jpeg", 2: "image/png"}

ANNOUNCEMENT = json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})
"""The first message of a client that wants to know which job a preview belongs to."""


@dataclass(frozen=True, kw_only=True)
class Begun:
    """The job left the queue."""

    job_id: str


@dataclass(frozen=True, kw_only=True)
class Cached:
    """These nodes need no run: their results are still there."""

    job_id: str
    nodes: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class AtNode:
    """A node began. After a reconnect the server repeats this without naming the job: `job_id` is empty then."""

    job_id: str
    node_id: str


@dataclass(frozen=True, kw_only=True)
class Steps:
    """Steps done within a node: a sampler's, mostly."""

    job_id: str
    node_id: str
    done: float
    of: float


@dataclass(frozen=True, kw_only=True)
class Board:
    """How far every node that began is: node -> (done, of, whether it is running now)."""

    job_id: str
    nodes: Mapping[str, tuple[float, float, bool]]


@dataclass(frozen=True, kw_only=True)
class NodeDone:
    """An output node is done."""

    job_id: str
    node_id: str


@dataclass(frozen=True, kw_only=True)
class Left:
    """The job left the machine: now its state is worth a question.

    It is settled (after `executing` without a node) only when its history can be read: right after
    `execution_success` it was still empty in 42 of 100 tries.
    """

    job_id: str
    is_settled: bool


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What the picture looks like so far; `job_id` is empty where the server does not say whose it is."""

    job_id: str
    media_type: str
    image: bytes


Event = Begun | Cached | AtNode | Steps | Board | NodeDone | Left | Preview


def event(message: str | bytes) -> Event | None:
    """The message's meaning; None for what tells nothing of a job, and for what cannot be read."""
    if isinstance(message, bytes):
        return _preview(message)
    try:
        told = json.loads(message)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or not isinstance(told.get("data"), dict):
        return None
    return _told(str(told.get("type")), told["data"])


def _told(kind: str, data: Mapping[str, Any]) -> Event | None:
    job_id = str(data.get("prompt_id") or "")
    match kind:
        case "execution_start":
            return Begun(job_id=job_id)
        case "execution_cached":
            nodes = data.get("nodes")
            return Cached(job_id=job_id, nodes=frozenset(map(str, nodes)) if isinstance(nodes, list) else frozenset())
        case "executing":
            node = data.get("node")
            return Left(job_id=job_id, is_settled=True) if node is None else AtNode(job_id=job_id, node_id=str(node))
        case "progress" if is_number(data.get("value")) and is_number(data.get("max")):
            return Steps(job_id=job_id, node_id=str(data.get("node") or ""), done=data["value"], of=data["max"])
        case "progress_state":
            return Board(job_id=job_id, nodes=_board(data.get("nodes")))
        case "executed":
            return NodeDone(job_id=job_id, node_id=str(data.get("node") or ""))
        case "execution_success" | "execution_error" | "execution_interrupted":
            return Left(job_id=job_id, is_settled=False)
        case _:
            return None


def _board(nodes: Any) -> dict[str, tuple[float, float, bool]]:
    if not isinstance(nodes, dict):
        return {}
    return {
        str(node_id): (node["value"], node["max"], node.get("state") == "running")
        for node_id, node in nodes.items()
        if isinstance(node, dict) and is_number(node.get("value")) and is_number(node.get("max"))
    }


def _preview(frame: bytes) -> Preview | None:
    if len(frame) < 8:
        return None
    kind, second = struct.unpack_from(">II", frame)
    if kind == _PREVIEW:
        return Preview(job_id="", media_type=_FORMATS.get(second, "image/jpeg"), image=frame[8:])
    if kind != _PREVIEW_WITH_FACTS or len(frame) < 8 + second:
        return None
    try:
        facts = json.loads(frame[8 : 8 + second])
    except (ValueError, RecursionError):
        return None
    if not isinstance(facts, dict):
        return None
    return Preview(
        job_id=str(facts.get("prompt_id") or ""),
        media_type=str(facts.get("image_type") or "image/jpeg"),
        image=frame[8 + second :],
    )


# --- one job, as its watcher sees it ------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class JobProgress:
    """How far one job is.

    `weights` say how much of the work each node of the graph is; `shares` how far each that began
    is, 0..1. `left` and `settled` are hints to ask for the job's state, not the state.
    """

    job_id: str
    weights: Mapping[str, float] = field(default_factory=dict[str, float])
    shares: Mapping[str, float] = field(default_factory=dict[str, float])
    node_id: str = ""
    step: int = 0
    steps: int = 0
    preview: Preview | None = None
    left: bool = False
    settled: bool = False
    ahead: int | None = None
    """How many jobs come before this one while it waits; None once it runs."""
    eta_s: float | None = None

    @property
    def fraction(self) -> float:
        """The share of the work done, 0..1; without weights all nodes seen so far count alike."""
        weights = self.weights or dict.fromkeys(self.shares, 1.0)
        whole = sum(weights.values())
        done = sum(weight * self.shares.get(node, 0.0) for node, weight in weights.items())
        return done / whole if whole else 0.0


def weights_of(graph: Mapping[str, Any]) -> dict[str, float]:
    """How much of a graph's work each node is likely to be: a node with `steps` as many times another's."""
    weights: dict[str, float] = {}
    for node_id, node in graph.items():
        steps = node.get("inputs", {}).get("steps", 1)
        weights[node_id] = 4.0 * steps if isinstance(steps, int) and steps > 1 else 1.0
    return weights


def after(progress: JobProgress, seen: Event) -> JobProgress:
    """`progress` with what `seen` adds; the same value when it adds nothing, or tells of another job.

    Equal before and after is how a watcher knows a doubled message from a job that moves.
    """
    if seen.job_id not in ("", progress.job_id):
        return progress
    match seen:
        case Begun():
            return replace(progress, ahead=None)
        case Cached(nodes=nodes):
            return replace(progress, shares={**progress.shares, **dict.fromkeys(nodes, 1.0)})
        case AtNode(node_id=node_id):
            return progress if node_id == progress.node_id else replace(progress, node_id=node_id, step=0, steps=0)
        case Steps():
            return _stepped(progress, seen.node_id or progress.node_id, seen.done, seen.of)
        case Board(nodes=nodes):
            for node_id, (done, of, is_running) in nodes.items():
                progress = _stepped(progress, node_id, done, of, is_current=is_running)
            return progress
        case NodeDone(node_id=node_id):
            return replace(progress, shares={**progress.shares, node_id: 1.0})
        case Left(is_settled=is_settled):
            return replace(progress, left=True, settled=progress.settled or is_settled)
        case Preview():
            return replace(progress, preview=seen)


def _stepped(progress: JobProgress, node_id: str, done: float, of: float, *, is_current: bool = True) -> JobProgress:
    share = max(0.0, min(1.0, done / of)) if of > 0 else 0.0
    shares = {**progress.shares, node_id: max(share, progress.shares.get(node_id, 0.0))}
    if not is_current:
        return replace(progress, shares=shares)
    step, steps = (round(done), round(of)) if of > 1 else (0, 0)
    return replace(progress, shares=shares, node_id=node_id, step=step, steps=steps)


# --- said to people -----------------------------------------------------------------------------


def titles_of(graph: Mapping[str, Any]) -> dict[str, str]:
    """What a person calls each node: its title, else its class."""
    return {
        node_id: str(node.get("_meta", {}).get("title") or node.get("class_type", node_id))
        for node_id, node in graph.items()
    }


def described(progress: JobProgress, titles: Mapping[str, str]) -> str:
    """One line for the log: where the job is, and how long it will still take."""
    if progress.ahead is not None:
        return say("waiting, {ahead} before it", ahead=progress.ahead)
    parts = [titles.get(progress.node_id, progress.node_id)] if progress.node_id else []
    if progress.steps:
        parts.append(say("step {step} of {steps}", step=progress.step, steps=progress.steps))
    if progress.eta_s is not None:
        parts.append(_left(progress.eta_s))
    return ", ".join(parts)


def _left(seconds: float) -> str:
    if seconds < _MINUTES_FROM_S:
        return say("{seconds:.0f} s left", seconds=seconds)
    return say("{minutes:.0f} min left", minutes=seconds / 60)
