"""One ComfyUI server, as our engines use it. Synchronous; safe to share between threads.

A job's id is the caller's, written down before `submit`. The server keeps it, but would run the
same id twice: so it is always looked up first, and only sent when the server does not know it.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
import uuid
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from ad_pipeline.engines.comfy.endings import JobEnd
from ad_pipeline.engines.comfy.events import JobProgress
from ad_pipeline.engines.comfy.outputs import OutputFile
from ad_pipeline.engines.comfy.protocol import (
    ENGINE,
    Accepted,
    CancelledThere,
    Failed,
    JobState,
    LastJob,
    NodeStats,
    Pending,
    Queue,
    Refusal,
    Unknown,
    history_state,
    job_state,
    last_extra,
    last_job,
    node_stats,
    prompt_answer,
    queue,
)
from ad_pipeline.engines.comfy.transport import ANSWER_S, CANCEL_S, Address, Transport
from ad_pipeline.engines.comfy.watching import REPORT_EVERY_S, STALL_S, UNREACHABLE_S, cancel_quietly, watch
from ad_pipeline.errors import Cancelled, EngineError, EngineRefused, EngineUnavailable, ResultGone

LARGEST_OUTPUT_BYTES = 1_000_000_000
LARGEST_UPLOAD_BYTES = 100 * 1024 * 1024
"""ComfyUI's own limit unless its operator raised it."""
UPLOAD_FOLDER = "ad_pipeline"
_WORTH_ASKING_BYTES = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Submission:
    """The job's state after `submit`; `taken_up` when the server had it already and nothing was sent."""

    state: JobState
    taken_up: bool


class ComfyNode:
    """One server. It keeps a few connections; `close` it, or use it in a `with`.

    `answer_s` is how long it may take to answer a question.
    """

    def __init__(self, address: Address, *, answer_s: float = ANSWER_S) -> None:
        self.address = address
        self._http = Transport(address, answer_s=answer_s)
        self._has_jobs_route = True
        self._lock = threading.Lock()
        self._client_ids: dict[str, str] = {}
        self._uploaded: dict[str, str] = {}
        """sha256 -> name on the server."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    # --- jobs -----------------------------------------------------------------------------------

    def submit(
        self, job_id: str, graph: Mapping[str, Any], *, extra: Mapping[str, Any] | None = None, front: bool = False
    ) -> Submission:
        """Have the server run `graph` under `job_id`, unless it has that job already.

        A job that failed or was interrupted is forgotten there and sent again; one that waits,
        runs or is done is taken up. `extra` stays beside the graph on the server; `front` puts it
        before all that wait.

        Raises:
            EngineRefused: the graph is not valid there, wholly or in part; nothing of it runs.
            EngineUnavailable: it is not known there, and could not be sent.
        """
        found = self.state(job_id)
        if isinstance(found, Failed | CancelledThere):
            self.forget(job_id)
        elif not isinstance(found, Unknown):
            return Submission(state=found, taken_up=True)
        client_id = uuid.uuid4().hex
        told: dict[str, Any] = {"prompt": graph, "prompt_id": job_id, "client_id": client_id}
        if extra:
            told["extra_data"] = dict(extra)
        if front:
            told["front"] = True
        with self._lock:
            self._client_ids[job_id] = client_id
        try:
            state = self._sent(job_id, told)
        except BaseException:
            with self._lock:
                self._client_ids.pop(job_id, None)
            raise
        return Submission(state=state, taken_up=False)

    def _sent(self, job_id: str, told: Mapping[str, Any]) -> JobState:
        try:
            answer = self._http.post("/prompt", told, job_id=job_id)
        except EngineUnavailable:
            # It may have been queued before the fault: an answer lost is no job lost.
            try:
                state = self.state(job_id)
            except EngineError:
                cancel_quietly(self, job_id)  # the next try has another id: this one would run for nobody
                raise
            if isinstance(state, Unknown):
                raise
            return state
        except EngineError:
            raise
        except BaseException:  # stopped by Ctrl-C: the server may have it all the same
            cancel_quietly(self, job_id)
            raise
        self._accepted(prompt_answer(answer.status, answer.body), answer.status, job_id)
        return Pending()

    def _accepted(self, said: Accepted | Refusal | None, status: int, job_id: str) -> None:
        if said is None:
            raise self._http.no_comfyui(f"POST /prompt: {status}", job_id=job_id)
        if isinstance(said, Accepted) and said.job_id != job_id:
            cancel_quietly(self, said.job_id)
            raise EngineRefused(
                "node {name} gives jobs ids of its own: its ComfyUI is too old; update it",
                engine=ENGINE, job_id=job_id, name=self.address.name,
            )  # fmt: skip
        if isinstance(said, Accepted):
            return
        if said.queued_job_id:
            cancel_quietly(self, said.queued_job_id)
        if any(fault.kind == "custom_validation_failed" for fault in said.faults) and self._uploaded:
            # A loader misses its file: the server's input folder was emptied since we sent it.
            with self._lock:
                self._uploaded.clear()
            raise EngineUnavailable(
                "node {name} no longer has a file that it was sent: {reason}",
                engine=ENGINE, job_id=job_id, name=self.address.name, reason=str(said),
            )  # fmt: skip
        raise EngineRefused(
            "node {name} refuses the graph: {reason}",
            engine=ENGINE, job_id=job_id, name=self.address.name, reason=str(said),
        )  # fmt: skip

    def state(self, job_id: str) -> JobState:
        """Where the job stands. `Unknown`: it was never sent, or the server lost it.

        Raises:
            EngineUnavailable: the server does not answer.
        """
        if self._has_jobs_route:
            answer = self._http.get(f"/api/jobs/{job_id}", job_id=job_id)
            with self._named(job_id):
                state = job_state(answer.status, answer.body)
            if isinstance(state, Pending):
                place = self.queue().state(job_id)
                return place if isinstance(place, Pending) else state
            if state is not None:
                return state
            if answer.status == 200:
                raise self._http.no_comfyui(f"GET /api/jobs: {answer.status}", job_id=job_id)
        place = self.queue().state(job_id)  # an answer here proves a ComfyUI, one from before /api/jobs
        self._has_jobs_route = False
        if not isinstance(place, Unknown):
            return place
        answer = self._http.get(f"/history/{job_id}", job_id=job_id)
        with self._named(job_id):
            return history_state(answer.body, job_id)

    @contextlib.contextmanager
    def _named(self, job_id: str) -> Generator[None, None, None]:
        """What cannot be taken from an answer is said with this node's name."""
        try:
            yield
        except EngineRefused as error:
            raise EngineRefused(
                "node {name}: {reason}", engine=ENGINE, job_id=job_id, name=self.address.name, reason=error.message
            ) from error

    def watch(
        self,
        job_id: str,
        *,
        report: Callable[[JobProgress], None],
        should_stop: Callable[[], bool],
        graph: Mapping[str, Any] | None = None,
        stall_s: float = STALL_S,
        unreachable_s: float = UNREACHABLE_S,
        report_every_s: float = REPORT_EVERY_S,
    ) -> JobEnd:
        """Wait for the job's end (`watching.watch`); `endings.concluded` turns a bad one into its error."""
        try:
            end = watch(
                self, job_id, report=report, should_stop=should_stop, graph=graph, stall_s=stall_s,
                unreachable_s=unreachable_s, report_every_s=report_every_s,
            )  # fmt: skip
        finally:
            with self._lock:
                self._client_ids.pop(job_id, None)
        if isinstance(end, Unknown):
            with self._lock:
                self._uploaded.clear()  # a server that lost its jobs may have lost its disk
        return end

    def client_id(self, job_id: str) -> str:
        """Under which id the job's progress is told; that of a job which an earlier process sent is asked for."""
        known = self._client_ids.get(job_id)
        if known is None:
            jobs = self.queue()
            job = next((one for one in (*jobs.running, *jobs.pending) if one.job_id == job_id), None)
            known = str(job.extra.get("client_id", "")) if job else ""
        return known or uuid.uuid4().hex

    def cancel(self, job_id: str) -> bool:
        """Take the job from the queue, or interrupt it; False when it was neither waiting nor running."""
        if self._has_jobs_route:
            answer = self._http.post(f"/api/jobs/{job_id}/cancel", {}, job_id=job_id, answer_s=CANCEL_S)
            if isinstance(answer.body, dict) and "cancelled" in answer.body:
                return bool(answer.body["cancelled"])
        was = self.queue().state(job_id)
        self._http.post("/queue", {"delete": [job_id]}, job_id=job_id, answer_s=CANCEL_S)
        self._http.post("/interrupt", {"prompt_id": job_id}, job_id=job_id, answer_s=CANCEL_S)
        return not isinstance(was, Unknown)

    def forget(self, job_id: str) -> None:
        """Delete an ended job from the server's history, so that its id may be sent again."""
        self._http.post("/history", {"delete": [job_id]}, job_id=job_id)

    # --- files ----------------------------------------------------------------------------------

    def upload(self, path: Path) -> str:
        """Send a file, once per content and server; the name under which loader nodes find it.

        Raises:
            EngineRefused: the server does not take it.
        """
        size = path.stat().st_size
        if size > LARGEST_UPLOAD_BYTES:
            raise EngineRefused(
                "{file} has {mb:.0f} MB; a ComfyUI takes files up to {limit_mb:.0f} MB",
                engine=ENGINE, file=path.name, mb=size / 1e6, limit_mb=LARGEST_UPLOAD_BYTES / 1e6,
            )  # fmt: skip
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        known = self._uploaded.get(sha256)
        if known:
            return known
        suffix = path.suffix.lower() if path.suffix[1:].isalnum() else ""
        filename = f"{sha256[:32]}{suffix}"
        place = {"subfolder": UPLOAD_FOLDER, "type": "input"}
        # Another process may have sent it: ask, where sending costs more than asking.
        is_there = size >= _WORTH_ASKING_BYTES and size == self._http.size_there(
            "/view", params={**place, "filename": filename}
        )
        if not is_there:
            with path.open("rb") as file:
                answer = self._http.send_file(
                    "/upload/image", form={**place, "overwrite": "true"}, file=(filename, file)
                )
            if not isinstance(answer.body, dict) or answer.body.get("name") != filename:
                raise EngineRefused(
                    "node {name} does not take the file {file} ({status})",
                    engine=ENGINE, name=self.address.name, file=path.name, status=answer.status,
                )  # fmt: skip
        with self._lock:
            self._uploaded[sha256] = f"{UPLOAD_FOLDER}/{filename}"
        return f"{UPLOAD_FOLDER}/{filename}"

    def download(
        self,
        output: OutputFile,
        draft: Path,
        *,
        job_id: str = "",
        should_stop: Callable[[], bool] = lambda: False,
        largest_bytes: int = LARGEST_OUTPUT_BYTES,
    ) -> int:
        """Fetch a file to `draft`, whole or not at all; its bytes. Whether it can be shown is the caller's check.

        Raises:
            EngineRefused: it is larger than `largest_bytes`.
            ResultGone: it is gone there (the job is forgotten and its cache cleared, so that it is made anew).
            EngineUnavailable: the connection broke.
        """
        params = {"filename": output.filename, "subfolder": output.subfolder, "type": output.place}
        try:
            with self._http.stream("/view", job_id=job_id, params=params) as got:
                if got.status_code == 404:
                    raise self._file_gone(output, job_id)
                self._check_size(output, int(got.headers.get("content-length", 0)), largest_bytes, job_id)
                count = 0
                with draft.open("wb") as file:
                    for chunk in got.iter_bytes():  # as it comes, so that a stop is heeded however slow it is
                        count += file.write(chunk)
                        self._check_size(output, count, largest_bytes, job_id)
                        if should_stop():
                            raise Cancelled("the work was stopped")
            if not count:
                raise self._file_gone(output, job_id)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        return count

    def _check_size(self, output: OutputFile, count: int, largest_bytes: int, job_id: str) -> None:
        if count > largest_bytes:
            raise EngineRefused(
                "node {name} made a file of {gb:.1f} GB ({file}); at most {limit_gb:.1f} GB are taken",
                engine=ENGINE, job_id=job_id, name=self.address.name, file=output.filename, gb=count / 1e9,
                limit_gb=largest_bytes / 1e9,
            )  # fmt: skip

    def _file_gone(self, output: OutputFile, job_id: str) -> ResultGone:
        """A result from the cache outlives its file: forget both, or the next try finds the same."""
        with contextlib.suppress(EngineError):
            self.free(models=False, cache=True)
            if job_id:
                self.forget(job_id)
        return ResultGone(
            "node {name} no longer has its result {file}; it has to be made again",
            engine=ENGINE, job_id=job_id, name=self.address.name, file=output.filename,
        )  # fmt: skip

    # --- the node -------------------------------------------------------------------------------

    def queue(self) -> Queue:
        """Who runs and who waits there."""
        answer = self._http.get("/queue")
        found = queue(answer.body)
        if found is None:
            raise self._http.no_comfyui(f"GET /queue: {answer.status}")
        return found

    def last_extra(self) -> Mapping[str, Any]:
        """What was written beside the graph of the job that ended last: it tells what is likely loaded."""
        return last_extra(self._http.get("/history", params={"max_items": "1"}).body)

    def last_job(self) -> LastJob | None:
        """The job that ended last there; None when none did since the server started."""
        return last_job(self._http.get("/history", params={"max_items": "1"}).body)

    def object_info(self) -> dict[str, Any]:
        """Every node class with its inputs and the model files it offers; some megabytes."""
        answer = self._http.get("/object_info")
        if not isinstance(answer.body, dict) or answer.status != 200:
            raise self._http.no_comfyui(f"GET /object_info: {answer.status}")
        return answer.body

    def system_stats(self) -> NodeStats:
        """Version, memory and cards; also the question that tells whether this is a ComfyUI at all."""
        answer = self._http.get("/system_stats")
        stats = node_stats(answer.body)
        if stats is None:
            raise self._http.no_comfyui(f"GET /system_stats: {answer.status}")
        return stats

    def free(self, *, models: bool = True, cache: bool = False) -> None:
        """Before the next job: unload the models, and with `cache` forget the results of nodes.

        Both are always said: a server that is told of the cache alone unloads the models too.
        """
        self._http.post("/free", {"unload_models": models, "free_memory": cache})
