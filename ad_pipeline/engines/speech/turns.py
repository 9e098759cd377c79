"""How many requests a service is sent side by side, from all processes of this machine together."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator
from pathlib import Path

from filelock import FileLock, Timeout

from ad_pipeline.engines.contracts import Job, Progress
from ad_pipeline.engines.speech.catalogue import SpeechServer
from ad_pipeline.messages import say
from ad_pipeline.sessions.fingerprint import fingerprint

_LOOK_S = 0.1
_here: dict[tuple[str, int], threading.BoundedSemaphore] = {}
_guard = threading.Lock()


@contextlib.contextmanager
def turn(server: SpeechServer, job: Job) -> Generator[None]:
    """While this lasts, one of the server's `at_once` turns is ours; waiting for it can be stopped.

    Raises:
        Cancelled: the work was stopped.
    """
    with _turn_here(server, job):
        if job.kept is None:
            yield
            return
        with _turn_of_all(server, job, job.kept):
            yield


@contextlib.contextmanager
def _turn_here(server: SpeechServer, job: Job) -> Generator[None]:
    # Work without a folder of its workplace has this alone; and of a process, only so many look at the locks.
    with _guard:
        turns = _here.setdefault((server.url, server.at_once), threading.BoundedSemaphore(server.at_once))
    while not turns.acquire(blocking=False):
        _wait(server, job)
    try:
        yield
    finally:
        turns.release()


@contextlib.contextmanager
def _turn_of_all(server: SpeechServer, job: Job, folder: Path) -> Generator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    # Locks go with their process, also when it is killed.
    service = fingerprint(url=server.url)[:16]
    places = [FileLock(folder / f"{service}.{n}.turn", thread_local=False) for n in range(server.at_once)]
    while True:
        for place in places:
            try:
                place.acquire(timeout=0)
            except Timeout:
                continue
            try:
                yield
            finally:
                place.release()
            return
        _wait(server, job)


def _wait(server: SpeechServer, job: Job) -> None:
    job.report(Progress(fraction=0.0, note=say("waits for a turn at {server}", server=server.name), waits=True))
    job.pause(_LOOK_S)
