"""A ComfyUI server for tests: its real HTTP and WebSocket protocol on a loopback socket, with faults on demand.

`ComfyServer` runs in a thread of its own; `with ComfyServer() as server:` gives `server.url`.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
import ssl
import struct
import threading
import uuid
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from ad_pipeline_tests.comfy.captured import body, captured
from ad_pipeline_tests.comfy.machine import PREVIEW, Behaviour, Job, Machine
from ad_pipeline_tests.comfy.validation import judged
from ad_pipeline_tests.comfy.wire import (
    Answer,
    CutOff,
    Request,
    Socket,
    form,
    in_trouble,
    json_answer,
    serve_connection,
)

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TYPES = {"png": "image/png", "mp4": "video/mp4", "flac": "audio/flac", "wav": "audio/x-wav"}
_TEST_CLASSES: Mapping[str, Any] = {
    "TestSleep": {"input": {"required": {"value": ["*"], "seconds": ["FLOAT", {}]}}, "output": ["*"]},
    "TestSyncError": {"input": {"required": {"value": ["*"]}}, "output": ["*"]},
}


@dataclass(kw_only=True)
class Faults:
    """What goes wrong on the wire; numbers count down, one for each time it happened."""

    errors_500: int = 0
    """So many of the next requests, of whatever kind, answer 500."""
    questions_500: bool = False
    """Every GET answers 500."""
    questions_500_after_prompt: bool = False
    """Every GET after the first POST /prompt answers 500."""
    queue_then_500: int = 0
    """POST /prompt queues the job and answers 500 all the same."""
    queue_then_cut: int = 0
    """POST /prompt queues the job and cuts the connection."""
    partly_valid: bool = False
    """POST /prompt finds fault with one output and runs the others."""
    socket: Literal["", "refused", "silent", "doubled"] = ""
    cut_socket_after: int = 0
    """Each WebSocket is cut after so many messages (0: never)."""
    view_bytes_per_s: float | None = None
    view_claims_bytes: int | None = None
    answer_delay_s: float = 0.0
    no_jobs_route: bool = False
    """An older server, without /api/jobs."""
    authorization: str = ""
    """What the Authorization header has to be."""
    prompt_delay_s: float = 0.0
    """POST /prompt queues the job at once and answers later."""
    own_ids: bool = False
    """A server too old to take the ids that it is given."""
    away: bool = False
    """A proxy answers for the server: 404, with a page of its own."""
    evil_filename: str = ""
    """Every output is listed under this name."""


@dataclass(kw_only=True)
class _Client:
    socket: Socket
    sent: int = 0
    flags: dict[str, Any] = field(default_factory=dict)


class ComfyServer:
    """One ComfyUI, which is one GPU. Change `behaviour` and `faults` while it runs."""

    def __init__(
        self, *, behaviour: Behaviour | None = None, classes: Mapping[str, Any] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        self.behaviour = behaviour or Behaviour()
        self.faults = Faults()
        self.classes: Mapping[str, Any] = {**(captured("object_info") if classes is None else classes), **_TEST_CLASSES}
        self.port = 0
        self.requests: list[str] = []
        """Every request as `METHOD /path`."""
        self.uploads: dict[tuple[str, str, str], bytes] = {}
        """They outlive a restart, like the folder on the disk."""
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="comfy-server", daemon=True)

    # --- from the test's thread -----------------------------------------------------------------

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def die(self) -> None:
        """As killed: connections break, nobody listens, queue and history are lost."""
        self._do(self._close())

    def revive(self) -> None:
        """Start again on the same port, empty."""
        self._do(self._open())

    def cut_sockets(self) -> None:
        """Cut every WebSocket; HTTP goes on."""
        self._do(self._cut_sockets())

    def submitted(self) -> int:
        """How many POST /prompt came."""
        return self.requests.count("POST /prompt")

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    # --- in the server's thread -----------------------------------------------------------------

    async def _open(self) -> None:
        self._clients: dict[str, _Client] = {}
        self._connections: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.machine = Machine(self.behaviour, self._tell, self.uploads)
        self._worker = asyncio.ensure_future(self.machine.work())
        self._listener = await asyncio.start_server(self._connected, "127.0.0.1", self.port, ssl=self._tls)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._listener.close()
        self._worker.cancel()
        for writer in self._writers:
            writer.transport.abort()
        for task in (*self._connections, self._worker):
            task.cancel()
        await asyncio.gather(*self._connections, self._worker, return_exceptions=True)
        await self._listener.wait_closed()

    async def _cut_sockets(self) -> None:
        for client in list(self._clients.values()):
            client.socket.cut()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        self._writers.add(writer)
        try:
            await serve_connection(reader, writer, self._route, self._on_socket)
        finally:
            self._connections.discard(task)
            self._writers.discard(writer)

    # --- the WebSocket --------------------------------------------------------------------------

    async def _on_socket(self, socket: Socket) -> None:
        sid = socket.query.get("clientId") or uuid.uuid4().hex
        client = self._clients[sid] = _Client(socket=socket)
        remaining = len(self.machine.pending) + bool(self.machine.running)
        self._send(client, "status", {"status": {"exec_info": {"queue_remaining": remaining}}, "sid": sid})
        running = self.machine.running
        if running and running.client == sid and running.node is not None:
            self._send(client, "executing", {"node": running.node})

        def take(text: str) -> None:
            message = json.loads(text)
            if message.get("type") == "feature_flags":
                client.flags = message["data"]
                self._send(client, "feature_flags", body("get_features"))

        with contextlib.suppress(ConnectionError):
            await socket.messages(take)
        # As in the real server: an older socket that closes late takes a newer one's place away.
        self._clients.pop(sid, None)

    def _tell(self, kind: str, data: Mapping[str, Any], sid: str | None) -> None:
        for client in list(self._clients.values()) if sid is None else [self._clients.get(sid)]:
            if client:
                self._send(client, kind, data)

    def _send(self, client: _Client, kind: str, data: Mapping[str, Any]) -> None:
        if self.faults.socket == "silent" and kind != "status":
            return
        for _ in range(2 if self.faults.socket == "doubled" else 1):
            client.socket.send(_preview(client, data) if kind == PREVIEW else json.dumps({"type": kind, "data": data}))
        client.sent += 1
        if self.faults.cut_socket_after and client.sent >= self.faults.cut_socket_after:
            client.socket.cut()

    # --- HTTP -----------------------------------------------------------------------------------

    async def _route(self, request: Request) -> Answer:
        path = request.path.removeprefix("/api") if not request.path.startswith("/api/jobs") else request.path
        self.requests.append(f"{request.method} {path}")
        faults = self.faults
        if faults.answer_delay_s:
            await asyncio.sleep(faults.answer_delay_s)
        if faults.away:
            return Answer(status=404, body=b"<html>no such backend</html>", headers={"Content-Type": "text/html"})
        is_deaf = faults.questions_500 or (faults.questions_500_after_prompt and self.submitted())
        if is_deaf and request.method == "GET":
            return in_trouble()
        if faults.errors_500:
            faults.errors_500 -= 1
            return in_trouble()
        if faults.authorization and request.headers.get("authorization") != faults.authorization:
            return Answer(status=401, body=b"Unauthorized")
        first, _, rest = path.lstrip("/").partition("/")
        match request.method, first, rest:
            case "GET", "ws", "":
                return Answer(status=403 if faults.socket == "refused" else 200)
            case "POST", "prompt", "":
                answer = self._prompt(request)
                await asyncio.sleep(faults.prompt_delay_s)
                return answer
            case "GET", "prompt", "":
                remaining = len(self.machine.pending) + bool(self.machine.running)
                return json_answer({"exec_info": {"queue_remaining": remaining}})
            case method, "api", _ if not faults.no_jobs_route:
                return self._jobs(method, path.removeprefix("/api/jobs").strip("/"), request)
            case "GET", "queue", "":
                running = [self.machine.running.prompt()] if self.machine.running else []
                return json_answer(
                    {"queue_running": running, "queue_pending": [j.prompt() for j in self.machine.pending]}
                )
            case "POST", "queue", "":
                return self._change_queue(json.loads(request.body))
            case "GET", "history", _:
                return json_answer(self._history(rest, request))
            case "POST", "history", "":
                told = json.loads(request.body)
                for job_id in list(self.machine.history) if told.get("clear") else told.get("delete", []):
                    self.machine.history.pop(job_id, None)
                return Answer()
            case "POST", "interrupt", "":
                return self._interrupt(json.loads(request.body or b"{}"))
            case "POST", "free", "":
                told = json.loads(request.body)
                cache = bool(told.get("free_memory"))
                self.machine.free(models=bool(told.get("unload_models", cache)), cache=cache)
                return Answer()
            case "GET", "view", "":
                return self._view(request)
            case "POST", "upload", "image":
                return self._upload(request)
            case "GET", "object_info", _:
                return json_answer({name: self.classes[name] for name in self.classes if rest in ("", name)})
            case "GET", "system_stats", "":
                return json_answer(body("get_system_stats"))
            case "GET", "features", "":
                return json_answer(body("get_features"))
            case _:
                return Answer(status=404, body=b"404: Not Found", headers={"Content-Type": "text/plain"})

    def _prompt(self, request: Request) -> Answer:
        try:
            told = json.loads(request.body)
        except ValueError:
            return in_trouble()
        if "prompt" not in told:
            error = {"type": "no_prompt", "message": "No prompt provided", "details": "No prompt provided"}
            return json_answer({"error": error | {"extra_info": {}}, "node_errors": {}}, 400)
        if self.faults.own_ids:
            told.pop("prompt_id", None)
        job_id = told.get("prompt_id")
        if job_id is not None and not (isinstance(job_id, str) and _UUID.fullmatch(job_id)):
            return json_answer(captured("prompt_id_bad")[0]["body"], 400)
        verdict = judged(told["prompt"], self.classes)
        if verdict.error:
            return json_answer({"error": verdict.error, "node_errors": verdict.node_errors}, 400)
        known = [self.machine.running, *self.machine.pending]
        twice = any(job and (job.job_id, job.number) == (job_id, told.get("number")) for job in known)
        job = self.machine.queue(told["prompt"], verdict.outputs, told)
        if twice:
            return in_trouble()
        if self.faults.queue_then_cut:
            self.faults.queue_then_cut -= 1
            raise CutOff
        if self.faults.queue_then_500:
            self.faults.queue_then_500 -= 1
            return in_trouble()
        errors = body("prompt_partially_valid")["node_errors"] if self.faults.partly_valid else verdict.node_errors
        return json_answer({"prompt_id": job.job_id, "number": job.number, "node_errors": errors})

    def _jobs(self, method: str, rest: str, request: Request) -> Answer:
        job_id, _, action = rest.partition("/")
        if method == "POST" and action == "cancel":
            return json_answer({"cancelled": self.machine.cancel(job_id)})
        if not job_id:
            return self._job_list(request)
        job = self.machine.find(job_id)
        if job is None:
            return json_answer({"error": "Job not found"}, 404)
        return json_answer(self._job(job, in_full=True))

    def _job_list(self, request: Request) -> Answer:
        running = [self.machine.running] if self.machine.running else []
        jobs = [*sorted(self.machine.pending, reverse=True), *running, *reversed(self.machine.history.values())]
        wanted = request.query.get("status", "").split(",")
        jobs = [job for job in jobs if wanted == [""] or job.status in wanted]
        limit = int(request.query.get("limit", "100"))
        page = {"offset": 0, "limit": limit, "total": len(jobs), "has_more": len(jobs) > limit}
        return json_answer({"jobs": [self._job(job, in_full=False) for job in jobs[:limit]], "pagination": page})

    def _job(self, job: Job, *, in_full: bool) -> dict[str, Any]:
        outputs = self._outputs(job)
        files = [
            file | {"nodeId": node, "mediaType": key}
            for node, listed in outputs.items()
            for key, entries in listed.items()
            for file in entries
            if isinstance(file, dict)
        ]
        told: dict[str, Any] = {
            "id": job.job_id, "status": job.status, "priority": job.number, "create_time": job.created_ms,
        }  # fmt: skip
        if job.ended_ms:
            told |= {"execution_start_time": job.started_ms, "execution_end_time": job.ended_ms}
        if job.error:
            told["execution_error"] = job.error
        told |= {"outputs_count": len(files), "previewable_outputs_count": len(files)}
        if files:
            told["preview_output"] = files[0]
        if in_full and job.ended_ms:
            told |= {
                "outputs": outputs,
                "execution_status": self._status(job),
                "workflow": {"prompt": job.graph, "extra_data": job.extra},
            }
        return told

    def _status(self, job: Job) -> dict[str, Any]:
        done = job.status == "completed"
        return {"status_str": "success" if done else "error", "completed": done, "messages": job.messages}

    def _outputs(self, job: Job) -> dict[str, Any]:
        if not self.faults.evil_filename:
            return job.outputs
        entry = {"filename": self.faults.evil_filename, "subfolder": "", "type": "output"}
        return {node: {"images": [entry]} for node in job.outputs}

    def _history(self, job_id: str, request: Request) -> dict[str, Any]:
        jobs = [job for job in self.machine.history.values() if job_id in ("", job.job_id)]
        most = int(request.query.get("max_items", len(jobs)))
        return {
            job.job_id: {
                "prompt": job.prompt(),
                "outputs": self._outputs(job),
                "status": self._status(job),
                "meta": {
                    node: {"node_id": node, "display_node": node, "parent_node": None, "real_node_id": node}
                    for node in job.outputs
                },
            }
            for job in (jobs[-most:] if most else [])
        }

    def _change_queue(self, told: Mapping[str, Any]) -> Answer:
        for job_id in [job.job_id for job in self.machine.pending] if told.get("clear") else told.get("delete", []):
            self.machine.delete_pending(job_id)
        return Answer()

    def _interrupt(self, told: Mapping[str, Any]) -> Answer:
        running = self.machine.running
        if running and told.get("prompt_id") in (None, running.job_id):
            running.stop.set()
        return Answer()

    def _view(self, request: Request) -> Answer:
        filename, place = request.query.get("filename", ""), request.query.get("type", "output")
        subfolder = request.query.get("subfolder", "")
        if not filename or place not in ("output", "input", "temp"):
            return Answer(status=404 if not filename else 400)
        if filename.startswith("/") or ".." in filename:
            return Answer(status=400)
        if ".." in subfolder:
            return Answer(status=403)
        files = self.uploads if place == "input" else self.machine.files
        data = files.get((place, subfolder, filename))
        if data is None:
            return Answer(status=404)
        headers = {
            "Content-Type": _TYPES.get(filename.rpartition(".")[2], "application/octet-stream"),
            "Content-Disposition": f'filename="{filename}"',
            "Accept-Ranges": "bytes",
        }
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        if wanted:
            start, end = int(wanted[1]), min(int(wanted[2] or len(data)), len(data) - 1)
            headers["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
            return Answer(status=206, body=data[start : end + 1], headers=headers)
        return Answer(
            body=data,
            headers=headers,
            bytes_per_s=self.faults.view_bytes_per_s,
            claimed_bytes=self.faults.view_claims_bytes,
        )

    def _upload(self, request: Request) -> Answer:
        fields = form(request)
        filename, data = fields.get("image", ("", b""))
        subfolder, place = (fields.get(name, ("", b""))[1].decode() for name in ("subfolder", "type"))
        place = place or "input"
        if not filename or ".." in filename or ".." in subfolder:
            return Answer(status=400)
        stem, dot, suffix = filename.rpartition(".")
        names = itertools.chain([filename], (f"{stem} ({n}){dot}{suffix}" for n in itertools.count(1)))
        if fields.get("overwrite", ("", b""))[1] == b"true":
            name = filename
        else:
            name = next(one for one in names if self.uploads.get((place, subfolder, one), data) == data)
        self.uploads[place, subfolder, name] = data
        return json_answer({"name": name, "subfolder": subfolder, "type": place})


def _preview(client: _Client, data: Mapping[str, Any]) -> bytes:
    """A picture as the real server packs it, for clients that know of the longer form and for others."""
    image: bytes = data["image"]
    if not client.flags.get("supports_preview_metadata"):
        return struct.pack(">II", 1, 1) + image
    facts = json.dumps({**data, "image": None, "image_type": "image/jpeg"}).encode()
    return struct.pack(">II", 4, len(facts)) + facts + image
