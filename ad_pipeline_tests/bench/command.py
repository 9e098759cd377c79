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
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait(timeout=10)


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
