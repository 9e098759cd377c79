"""What was spoken once: kept by what was asked, so that the same words in the same voice are never paid for twice."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ad_pipeline.engines.contracts import Job
from ad_pipeline.sessions.fingerprint import fingerprint

_LOOK_S = 0.1


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a service sent: the sound as it came, and what it told of it."""

    sound: bytes
    told: Mapping[str, Any]
    """JSON values."""
    cost_usd: float = 0.0
    is_kept: bool = False
    """It was bought earlier; `cost_usd` is 0 then, but for what this same work bought before it was interrupted."""


def is_kept(kept: Path | None, asked: Mapping[str, Any]) -> bool:
    """Whether the answer to `asked` lies there: then it costs nothing."""
    key = fingerprint(**asked)
    return kept is not None and _found(kept / key[:2], key) is not None


def once(job: Job, *, asked: Mapping[str, Any], buy: Callable[[], Answer]) -> Answer:
    """The answer to `asked`: the kept one, else what `buy` gives, which is booked and kept.

    Whoever asks the same at the same time waits for that answer.
    """
    if job.kept is None:
        bought = buy()
        _book(job, bought, fingerprint(**asked))
        return bought
    key = fingerprint(**asked)
    folder = job.kept / key[:2]
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder / f"{key}.lock", job):
        found = _found(folder, key)
        if found:
            return replace(found, cost_usd=_cost_on_shelf(job, key))
        bought = buy()
        _book(job, bought, key)
        _keep(folder, key, bought)
    return bought


def _book(job: Job, bought: Answer, key: str) -> None:
    """Tell what it cost, and leave a note of it: after a crash the answer is here, and its price must not be lost."""
    if not bought.cost_usd:
        return
    if job.shelf is not None and job.shelf.is_dir():
        note = {"cost_usd": bought.cost_usd, "account": job.job_id}
        _write(_shelf_note(job.shelf, key), json.dumps(note).encode())
    job.paid(bought.cost_usd)


def _cost_on_shelf(job: Job, key: str) -> float:
    if job.shelf is not None:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            return float(json.loads(_shelf_note(job.shelf, key).read_bytes())["cost_usd"])
    return 0.0


def _shelf_note(shelf: Path, key: str) -> Path:
    return shelf / f"{key[:16]}.json"


def _found(folder: Path, key: str) -> Answer | None:
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        told = json.loads((folder / f"{key}.json").read_bytes())
        sound = (folder / f"{key}.sound").read_bytes()
        if len(sound) == told["bytes"]:
            return Answer(sound=sound, told=told["told"], is_kept=True)
    return None


def _keep(folder: Path, key: str, answer: Answer) -> None:
    """The sound first: a note without its sound would be half a file."""
    _write(folder / f"{key}.sound", answer.sound)
    _write(folder / f"{key}.json", json.dumps({"bytes": len(answer.sound), "told": dict(answer.told)}).encode())


def _write(target: Path, data: bytes) -> None:
    draft = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    try:
        draft.write_bytes(data)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


@contextlib.contextmanager
def _alone(lock: Path, job: Job) -> Generator[None]:
    """While nobody else asks the same. A lock goes with its process, and every request has its own end."""
    held = FileLock(lock, thread_local=False)
    while True:
        try:
            held.acquire(timeout=0)
            break
        except Timeout:
            job.pause(_LOOK_S)
    try:
        yield
    finally:
        held.release()
