"""The test server's machine: a queue, one job at a time, history, files. Knows no sockets of its own.

It behaves as the captures show, weak sides included: the same id may be queued twice, history is
written a little after `execution_success`, a deleted waiting job leaves no trace.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ad_pipeline_tests.comfy.products import product

PREVIEW = "preview"
"""The one kind of message that is no JSON: `image` in it is bytes."""
Graph = Mapping[str, Mapping[str, Any]]
Tell = Callable[[str, Mapping[str, Any], str | None], None]
"""Sends (type, data) to the client of that id, or to all for None."""


@dataclass(kw_only=True)
class Behaviour:
    """How long things take and what goes wrong; tests change it while the server runs."""

    run_s: float | Callable[[Graph], float] = 0.0
    load_s: float | Callable[[Graph], float] = 0.0
    """Taken once more whenever a job loads other model files than the last one."""
    steps: int = 4
    slow_class: str = "KSampler"
    """The node class that takes the time; the last node before the outputs where a graph has none of it."""
    previews: tuple[bytes, ...] = ()
    """Sent in turn, one after each step, to jobs that ask for them."""
    out_of_memory: int = 0
    """So many of the next jobs run out of memory."""
    never_fits: Callable[[Graph], bool] = lambda _: False
    """Graphs that run out of memory each time."""
    fail: int = 0
    stall: bool = False
    missing_files: bool = False
    corrupt_files: bool = False


@dataclass(kw_only=True)
class Job:
    """A queued graph with its times."""

    number: float
    job_id: str
    graph: Graph
    extra: dict[str, Any]
    outputs_to_run: tuple[str, ...]
    created_ms: int
    started_ms: int = 0
    ended_ms: int = 0
    status: str = "pending"
    outputs: dict[str, Any] = field(default_factory=dict)
    messages: list[Any] = field(default_factory=list)
    error: dict[str, Any] | None = None
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    node: str | None = None

    @property
    def client(self) -> str | None:
        return self.extra.get("client_id")

    def prompt(self) -> list[Any]:
        return [self.number, self.job_id, self.graph, self.extra, list(self.outputs_to_run)]

    def __lt__(self, other: Job) -> bool:
        return self.number < other.number


class Interrupted(Exception):
    """The running job is to stop."""


class NodeRaised(Exception):
    """A node of the running job failed: (exception type, message)."""


class Machine:
    """One GPU's worth of work, one job at a time, in order of priority."""

    def __init__(
        self, behaviour: Behaviour, tell: Tell, uploads: Mapping[tuple[str, str, str], bytes] | None = None
    ) -> None:
        self.behaviour = behaviour
        self.pending: list[Job] = []
        self.running: Job | None = None
        self.history: dict[str, Job] = {}
        self.files: dict[tuple[str, str, str], bytes] = {}
        self.runs: list[tuple[str, float, float]] = []
        self.made: list[Graph] = []
        """What ended well, also what was forgotten since."""
        """(job id, start, end) of every run, on the clock of time.monotonic."""
        self.model_loads = 0
        self._uploads = {} if uploads is None else uploads
        self._tell = tell
        self._counter = itertools.count()
        self._loaded = ""
        self._cache: dict[str, str] = {}
        self._more = asyncio.Event()

    # --- the queue ----------------------------------------------------------------------------

    def queue(self, graph: Graph, outputs: tuple[str, ...], told: Mapping[str, Any]) -> Job:
        """Put a judged graph in the queue, as POST /prompt does."""
        counted = next(self._counter)
        number = told["number"] if "number" in told else -counted if told.get("front") else counted
        extra = dict(told.get("extra_data") or {})
        if "client_id" in told:
            extra["client_id"] = told["client_id"]
        now = _now_ms()
        job = Job(
            number=number,
            job_id=told.get("prompt_id") or str(uuid.uuid4()),
            graph=graph,
            extra=extra | {"create_time": now},
            outputs_to_run=outputs,
            created_ms=now,
        )
        heapq.heappush(self.pending, job)
        self._more.set()
        self.tell_status()
        return job

    def find(self, job_id: str) -> Job | None:
        waiting = [self.running] if self.running else []
        return next((job for job in (*waiting, *self.pending) if job.job_id == job_id), self.history.get(job_id))

    def cancel(self, job_id: str) -> bool:
        if self.running and self.running.job_id == job_id:
            self.running.stop.set()
            return True
        return self.delete_pending(job_id)

    def delete_pending(self, job_id: str) -> bool:
        kept = [job for job in self.pending if job.job_id != job_id]
        gone = len(kept) < len(self.pending)
        self.pending = kept
        heapq.heapify(self.pending)
        if gone:
            self.tell_status()
        return gone

    def free(self, *, models: bool, cache: bool) -> None:
        if models:
            self._loaded = ""
        if cache:
            self._cache = {}

    def tell_status(self) -> None:
        remaining = len(self.pending) + bool(self.running)
        self._tell("status", {"status": {"exec_info": {"queue_remaining": remaining}}}, None)

    # --- the runs -----------------------------------------------------------------------------

    async def work(self) -> None:
        """Run jobs until cancelled."""
        while True:
            while not self.pending:
                self._more.clear()
                await self._more.wait()
            self.running = job = heapq.heappop(self.pending)
            began = time.monotonic()
            status = await self._run(job)
            self.runs.append((job.job_id, began, time.monotonic()))
            await asyncio.sleep(0.002)  # the gap in which history is still empty after `execution_success`
            job.status, job.ended_ms = status, _now_ms()
            self.history[job.job_id] = job
            self.running = None
            self.tell_status()
            self._say(job, "executing", {"node": None, "prompt_id": job.job_id})

    async def _run(self, job: Job) -> str:
        job.status, job.started_ms = "in_progress", _now_ms()
        self.tell_status()
        self._note(job, "execution_start", {})
        try:
            await self._load(job)
            await self._execute(job)
        except Interrupted:
            self._note(job, "execution_interrupted", self._where(job) | {"executed": []})
            return "cancelled"
        except NodeRaised as raised:
            kind, message = raised.args
            job.outputs = {}
            facts = self._where(job) | {
                "executed": [], "exception_message": message, "exception_type": kind, "traceback": [],
                "current_inputs": {}, "current_outputs": list(job.graph),
            }  # fmt: skip
            job.error = {"prompt_id": job.job_id, **facts, "timestamp": _now_ms()}
            self._note(job, "execution_error", facts)
            return "failed"
        self._note(job, "execution_success", {})
        self.made.append(job.graph)
        return "completed"

    async def _load(self, job: Job) -> None:
        models = json.dumps([node["inputs"] for node in job.graph.values() if "Loader" in node["class_type"]])
        if models != "[]" and models != self._loaded:
            self.model_loads += 1
            load_s = self.behaviour.load_s
            await self._pass(job, load_s(job.graph) if callable(load_s) else load_s)
            self._loaded = models

    async def _execute(self, job: Job) -> None:
        order = _in_order(job)
        signs = {node: _sign(job.graph, node) for node in order}
        cached = [node for node in order if signs[node] in self._cache.values()]
        self._cache = {}
        self._note(job, "execution_cached", {"nodes": cached})
        slow = _slow_node(job.graph, order, self.behaviour.slow_class)
        board: dict[str, Any] = {}
        for node in order:
            is_output = node in job.outputs_to_run
            if node not in cached:
                await self._node(job, node, board, is_slow=node == slow)
            if is_output:
                self._leave_files(job, node, signs[node] if node in cached else "")
            if node not in cached:
                self._on_board(job, board, node, 1.0, 1.0, "finished")
            self._cache[node] = signs[node]

    async def _node(self, job: Job, node: str, board: dict[str, Any], *, is_slow: bool) -> None:
        self._on_board(job, board, node, 0.0, 1.0, "running")
        job.node = node
        self._say(job, "executing", {"node": node, "display_node": node, "prompt_id": job.job_id})
        behaviour, inputs, name = self.behaviour, job.graph[node]["inputs"], job.graph[node]["class_type"]
        if name == "TestSyncError":
            raise NodeRaised("RuntimeError", "Intentional sync execution error for testing\n")
        if name == "TestSleep":
            await self._pass(job, inputs["seconds"])
        if not is_slow:
            return
        if behaviour.stall:
            await job.stop.wait()
            raise Interrupted
        if behaviour.out_of_memory or behaviour.never_fits(job.graph):
            behaviour.out_of_memory = max(0, behaviour.out_of_memory - 1)
            raise NodeRaised("torch.OutOfMemoryError", "Allocation on device 0 would exceed allowed memory.\n")
        if behaviour.fail:
            behaviour.fail -= 1
            raise NodeRaised("RuntimeError", "mat1 and mat2 shapes cannot be multiplied\n")
        run_s = behaviour.run_s(job.graph) if callable(behaviour.run_s) else behaviour.run_s
        if not run_s:
            return
        for step in range(1, behaviour.steps + 1):
            await self._pass(job, run_s / behaviour.steps)
            self._say(job, "progress", {"value": step, "max": behaviour.steps, "prompt_id": job.job_id, "node": node})
            self._on_board(job, board, node, float(step), float(behaviour.steps), "running")
            if behaviour.previews and job.extra.get("preview_method") in ("auto", "latent2rgb"):
                image = behaviour.previews[(step - 1) % len(behaviour.previews)]
                self._say(job, PREVIEW, {"image": image, "prompt_id": job.job_id, "node_id": node})

    async def _pass(self, job: Job, seconds: float) -> None:
        if seconds > 0:
            # Not `wait_for`: in Python 3.11 it swallows a cancellation that meets the event (python/cpython#86296).
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await job.stop.wait()
        if job.stop.is_set():
            raise Interrupted

    def _uploaded(self, name: str) -> bytes:
        subfolder, _, filename = name.rpartition("/")
        return self._uploads["input", subfolder, filename]

    def _leave_files(self, job: Job, node: str, cached_sign: str) -> None:
        made = product(job.graph, node, self._uploaded)
        if made is None:
            return
        folder, _, prefix = str(job.graph[node]["inputs"].get("filename_prefix", "ComfyUI")).rpartition("/")
        place = "temp" if job.graph[node]["class_type"].startswith("Preview") else "output"
        taken = sum(1 for where, sub, name in self.files if (where, sub) == (place, folder) and name.startswith(prefix))
        number = taken if cached_sign else taken + 1
        file = {"filename": f"{prefix}_{number:05}_.{made.suffix}", "subfolder": folder, "type": place}
        data = made.data[: len(made.data) // 3] if self.behaviour.corrupt_files else made.data
        if not self.behaviour.missing_files:
            self.files[place, folder, file["filename"]] = data
        output: dict[str, Any] = {made.key: [file]}
        if made.key == "images" and made.suffix == "mp4":
            output["animated"] = [True]
        job.outputs[node] = output
        self._say(job, "executed", {"node": node, "display_node": node, "output": output, "prompt_id": job.job_id})

    # --- what is told -------------------------------------------------------------------------

    def _say(self, job: Job, kind: str, data: Mapping[str, Any]) -> None:
        """To the job's client; without one the server says only how far the nodes are, and to all."""
        if job.client is not None or kind == "progress_state":
            self._tell(kind, data, job.client)

    def _note(self, job: Job, kind: str, facts: Mapping[str, Any]) -> None:
        told = {**facts, "prompt_id": job.job_id, "timestamp": _now_ms()}
        job.messages.append([kind, told])
        self._say(job, kind, told)

    def _where(self, job: Job) -> dict[str, Any]:
        name = job.graph[job.node]["class_type"] if job.node else ""
        return {"node_id": job.node, "node_type": name}

    def _on_board(self, job: Job, board: dict[str, Any], node: str, value: float, most: float, state: str) -> None:
        board[node] = {
            "value": value, "max": most, "state": state, "node_id": node, "prompt_id": job.job_id,
            "display_node_id": node, "parent_node_id": None, "real_node_id": node,
        }  # fmt: skip
        self._say(job, "progress_state", {"prompt_id": job.job_id, "nodes": dict(board)})


def _in_order(job: Job) -> list[str]:
    """What feeds the outputs, each node after those that feed it."""
    order: list[str] = []

    def visit(node: str) -> None:
        if node in order:
            return
        for value in job.graph[node]["inputs"].values():
            if isinstance(value, list) and value and value[0] in job.graph:
                visit(value[0])
        order.append(node)

    for output in job.outputs_to_run:
        visit(output)
    return order


def _slow_node(graph: Graph, order: list[str], slow_class: str) -> str:
    named = [node for node in order if graph[node]["class_type"] == slow_class]
    return named[0] if named else order[-2] if len(order) > 1 else order[-1]


def _sign(graph: Graph, node: str) -> str:
    """What decides a node's result, whatever its id: the key of the server's cache."""
    inputs = {
        name: _sign(graph, value[0]) if isinstance(value, list) and value and value[0] in graph else value
        for name, value in graph[node]["inputs"].items()
    }
    return json.dumps([graph[node]["class_type"], inputs], sort_keys=True)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
