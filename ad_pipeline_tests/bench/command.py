"""The product's command line as a person starts it: in a process of its own, timed from outside."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

_END_WITHIN_S = 45.0


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a bench ad is made: sessions, and Dagster's own books."""

    root: Path
    home: Path

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AD_PIPELINE_")}
        return kept | {
            "AD_PIPELINE_ROOT": str(self.root),
            "DAGSTER_HOME": str(self.home),
            "AD_PIPELINE_LANGUAGE": "en",
        }


@contextlib.contextmanager
def started(place: Place, *words: str) -> Generator[subprocess.Popen[str]]:
    """The command, running; it and its children are ended when the block is left."""
    place.home.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "ad_pipeline.cli.main", *words, "--json"],
        env=place.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    """Ask it to stop as Ctrl-C would; what of its tree has not gone in time is ended by id."""
    if process.poll() is not None:
        return
    tree = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGTERM)  # a background shell starts its children with SIGINT ignored
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=_END_WITHIN_S)
    _, left = psutil.wait_procs([psutil.Process(process.pid), *tree] if process.poll() is None else tree, timeout=2)
    for survivor in left:
        with contextlib.suppress(psutil.Error):
            survivor.kill()
    psutil.wait_procs(left, timeout=5)


def ran(place: Place, *words: str) -> tuple[float, Any]:
    """(wall seconds from start to exit, the JSON answer).

    Raises:
        RuntimeError: the command failed; a bench of a failure means nothing.
    """
    began = time.monotonic()
    with started(place, *words) as process:
        told, _ = process.communicate(timeout=600)
    seconds = time.monotonic() - began
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(words)} ended with {process.returncode}: {told[-2000:]}")
    return seconds, json.loads(told)
