"""What a ComfyUI server answers over HTTP, as values. Pure: no socket is touched here.

A job's state comes from /api/jobs/{id}, on older servers from /queue and /history; the WebSocket
(`events.py`) only ever tells how far a job is, never how it ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ad_pipeline.engines.comfy.outputs import OutputFile, output_files

ENGINE = "comfyui"
LONGEST_REASON = 300
_LARGEST_NUMBER = 1e18

Fault = Literal["out_of_memory", "device", "service", "graph"]
"""`device`: the card or its driver failed, which another try or another card may not repeat.

`service`: a node that calls somebody else's machines did not reach them, or was told to wait.
"""

_OUT_OF_MEMORY = ("out of memory", "outofmemory", "ran out of memory", "can't allocate memory", "not enough memory")
_DEVICE = ("cuda error", "cudnn", "cublas", "hip error", "nccl", "driver shutting down", "acceleratorerror")
_SERVICE = ("localnetworkerror", "apiservererror", "rate limit exceeded")


# --- POST /prompt -------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """The whole graph is queued; `number` is its place in the server's order of priority."""

    job_id: str
    number: float


@dataclass(frozen=True, kw_only=True)
class NodeFault:
    """One thing that a node of the graph has wrong; `input_name` is empty where it is none of its inputs."""

    node_id: str
    class_type: str
    input_name: str
    kind: str
    reason: str

    def __str__(self) -> str:
        place = f"node {self.node_id} ({self.class_type})"
        return f"{place}, input {self.input_name}: {self.reason}" if self.input_name else f"{place}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """The graph was refused, wholly or in part.

    `queued_job_id` is set where the server runs the valid rest of it: that job is not wanted and
    has to be cancelled.
    """

    kind: str
    reason: str
    faults: tuple[NodeFault, ...]
    queued_job_id: str = ""

    def __str__(self) -> str:
        return "; ".join(dict.fromkeys(str(fault) for fault in self.faults)) or self.reason


def prompt_answer(status: int, body: Any) -> Accepted | Refusal | None:
    """What POST /prompt said; None when this is no answer of a ComfyUI, or its fault and not the graph's."""
    answer = _mapping(body)
    faults = tuple(_node_faults(_mapping(answer.get("node_errors"))))
    if status == 200 and "prompt_id" in answer:
        if faults:
            return Refusal(
                kind="partly_valid", reason=str(faults[0]), faults=faults, queued_job_id=str(answer["prompt_id"])
            )
        return Accepted(job_id=str(answer["prompt_id"]), number=_number(answer.get("number")))
    error = answer.get("error")
    if 400 <= status < 500 and error:
        told = _mapping(error)  # ComfyUI-like proxies answer with a bare text
        reason = _joined(told.get("message") or (error if isinstance(error, str) else ""), told.get("details"))
        return Refusal(kind=str(told.get("type", "")), reason=reason, faults=faults)
    return None


def _node_faults(node_errors: Mapping[str, Any]) -> Iterator[NodeFault]:
    for node_id, told in node_errors.items():
        for error in _sequence(_mapping(told).get("errors")):
            error = _mapping(error)
            yield NodeFault(
                node_id=str(node_id),
                class_type=str(_mapping(told).get("class_type", "")),
                input_name=str(_mapping(error.get("extra_info")).get("input_name", "")),
                kind=str(error.get("type", "")),
                reason=_joined(error.get("message"), error.get("details")),
            )


def _joined(message: Any, details: Any) -> str:
    parts = [" ".join(str(part).split()) for part in (message, details) if part]
    return shortened(": ".join(dict.fromkeys(parts)))


def shortened(text: str) -> str:
    """`text` without line breaks or control characters, cut where a list of models would fill the screen."""
    text = "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))
    return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 3] + "..."


# --- the state of a job -------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Unknown:
    """The server has no such job: never sent, deleted while it waited, or lost when the server restarted."""


@dataclass(frozen=True, kw_only=True)
class Pending:
    """Waiting; `ahead` jobs come before it, the running one included; None when that was not asked."""

    ahead: int | None = None


@dataclass(frozen=True, kw_only=True)
class Running:
    """In the machine; how far, only the WebSocket tells."""


@dataclass(frozen=True, kw_only=True)
class Finished:
    """Done well. Files lie on the server, except where a cached result's file has been deleted there.

    `waited_s` and `run_s` are the server's own times; `cached` are nodes that it did not run again.
    """

    outputs: tuple[OutputFile, ...]
    waited_s: float = 0.0
    run_s: float = 0.0
    cached: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Failed:
    """A node of the graph raised."""

    node_id: str
    class_type: str
    fault: Fault
    message: str


@dataclass(frozen=True, kw_only=True)
class CancelledThere:
    """It was interrupted on the server, by us or by anybody else who uses it."""


JobState = Unknown | Pending | Running | Finished | Failed | CancelledThere


def job_state(status: int, body: Any) -> JobState | None:
    """What GET /api/jobs/{id} said; None when the server has no such route or this is no answer of a ComfyUI."""
    answer = _mapping(body)
    if status == 404:
        return Unknown() if "error" in answer else None
    if status != 200:
        return None
    match answer.get("status"):
        case "pending":
            return Pending()
        case "in_progress":
            return Running()
        case "completed":
            created, started, ended = (
                _number(answer.get(name)) for name in ("create_time", "execution_start_time", "execution_end_time")
            )
            return Finished(
                outputs=output_files(_mapping(answer.get("outputs"))),
                waited_s=_seconds(created, started),
                run_s=_seconds(started, ended),
                cached=_cached(_mapping(answer.get("execution_status"))),
            )
        case "failed":
            return _failed(_mapping(answer.get("execution_error")))
        case "cancelled":
            return CancelledThere()
        case _:
            return None


def history_state(body: Any, job_id: str) -> JobState:
    """What GET /history/{id} said. It knows ended jobs only: `Unknown` may as well be pending or running."""
    entry = _mapping(_mapping(body).get(job_id))
    if not entry:
        return Unknown()
    status = _mapping(entry.get("status"))
    for kind, told in _messages(status):
        if kind == "execution_interrupted":
            return CancelledThere()
        if kind == "execution_error":
            return _failed(told)
    if status.get("status_str") == "error":
        return _failed({})
    times = {kind: _number(told.get("timestamp")) for kind, told in _messages(status)}
    started = times.get("execution_start", 0.0)
    return Finished(
        outputs=output_files(_mapping(entry.get("outputs"))),
        waited_s=_seconds(_number(_extra_data(entry.get("prompt")).get("create_time")), started),
        run_s=_seconds(started, times.get("execution_success", 0.0)),
        cached=_cached(status),
    )


def _failed(told: Mapping[str, Any]) -> Failed:
    kind, message = str(told.get("exception_type", "")), str(told.get("exception_message", ""))
    text = f"{kind} {message}".lower()
    fault: Fault = "graph"
    if any(mark in text for mark in _OUT_OF_MEMORY) or "allocation on device" in text:
        fault = "out_of_memory"
    elif any(mark in text for mark in _DEVICE):
        fault = "device"
    elif any(mark in text for mark in _SERVICE):
        fault = "service"
    return Failed(
        node_id=str(told.get("node_id", "")),
        class_type=str(told.get("node_type", "")),
        fault=fault,
        message=shortened(": ".join(part for part in (kind.rpartition(".")[2], message.strip()) if part)),
    )


def _cached(status: Mapping[str, Any]) -> frozenset[str]:
    for kind, told in _messages(status):
        if kind == "execution_cached":
            return frozenset(str(node) for node in _sequence(told.get("nodes")))
    return frozenset()


def _messages(status: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for message in _sequence(status.get("messages")):
        parts = _sequence(message)
        if len(parts) == 2:
            yield str(parts[0]), _mapping(parts[1])


def _seconds(from_ms: float, to_ms: float) -> float:
    return max(0.0, (to_ms - from_ms) / 1000) if from_ms and to_ms else 0.0


# --- GET /queue ---------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class QueuedJob:
    """A job that waits or runs; `extra` is what its sender wrote beside the graph."""

    job_id: str
    number: float
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, kw_only=True)
class Queue:
    """What a server has before it; `pending` in the order in which it will run."""

    running: tuple[QueuedJob, ...] = ()
    pending: tuple[QueuedJob, ...] = ()

    def state(self, job_id: str) -> Pending | Running | Unknown:
        """Where the job stands; `Unknown` when it is not in the queue (any more)."""
        if any(job.job_id == job_id for job in self.running):
            return Running()
        for place, job in enumerate(self.pending):
            if job.job_id == job_id:
                return Pending(ahead=place + len(self.running))
        return Unknown()


def queue(body: Any) -> Queue | None:
    """What GET /queue said. Its pending list is a heap, not an order: it is sorted here."""
    answer = _mapping(body)
    if "queue_running" not in answer or "queue_pending" not in answer:
        return None
    return Queue(
        running=tuple(_queued(answer["queue_running"])),
        pending=tuple(sorted(_queued(answer["queue_pending"]), key=lambda job: job.number)),
    )


def _queued(entries: Any) -> Iterator[QueuedJob]:
    for entry in _sequence(entries):
        parts = _sequence(entry)
        if len(parts) >= 2:
            yield QueuedJob(job_id=str(parts[1]), number=_number(parts[0]), extra=_extra_data(parts))


@dataclass(frozen=True, kw_only=True)
class LastJob:
    """The job that ended last. `extra` is what its sender wrote beside the graph; `ended_s` on the server's clock."""

    extra: Mapping[str, Any]
    ended_s: float
    is_failed: bool


def last_job(body: Any) -> LastJob | None:
    """From GET /history; None when none ended since the server started."""
    jobs = [_ended(_mapping(entry)) for entry in _mapping(body).values()]
    return max(jobs, key=lambda job: job.ended_s, default=None)


def _ended(entry: Mapping[str, Any]) -> LastJob:
    messages = list(_messages(_mapping(entry.get("status"))))
    return LastJob(
        extra=_extra_data(entry.get("prompt")),
        ended_s=max((_number(facts.get("timestamp")) for _, facts in messages), default=0.0) / 1000,
        is_failed=any(kind == "execution_error" for kind, _ in messages),
    )


def last_extra(body: Any) -> Mapping[str, Any]:
    """What the sender of the job that ended last wrote beside its graph, from GET /history; empty when none ended."""
    job = last_job(body)
    return job.extra if job else {}


def _extra_data(prompt: Any) -> dict[str, Any]:
    parts = _sequence(prompt)
    return _mapping(parts[3]) if len(parts) > 3 else {}


# --- GET /system_stats --------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Device:
    """One card as the server sees it."""

    name: str
    kind: str
    vram_total_bytes: int
    vram_free_bytes: int


@dataclass(frozen=True, kw_only=True)
class NodeStats:
    """What a server says of its machine; utilization, temperature and power it does not know."""

    version: str
    ram_total_bytes: int
    ram_free_bytes: int
    devices: tuple[Device, ...]


def node_stats(body: Any) -> NodeStats | None:
    """What GET /system_stats said; None when this is no ComfyUI."""
    system = _mapping(_mapping(body).get("system"))
    if "comfyui_version" not in system:
        return None
    return NodeStats(
        version=shortened(str(system["comfyui_version"])),
        ram_total_bytes=int(_number(system.get("ram_total"))),
        ram_free_bytes=int(_number(system.get("ram_free"))),
        devices=tuple(
            Device(
                name=shortened(str(device.get("name", ""))),
                kind=shortened(str(device.get("type", ""))),
                vram_total_bytes=int(_number(device.get("vram_total"))),
                vram_free_bytes=int(_number(device.get("vram_free"))),
            )
            for device in map(_mapping, _sequence(_mapping(body).get("devices")))
        ),
    )


# --- JSON from outside --------------------------------------------------------------------------


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _sequence(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _number(value: Any) -> float:
    """A number, 0 for anything else."""
    return float(value) if is_number(value) else 0.0


def is_number(value: Any) -> bool:
    """Whether it can be counted with: Python reads Infinity and NaN as JSON."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST_NUMBER
