"""Running the command line as people do: in processes of its own, under a root of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import pytest

from ad_pipeline.sessions.store import Session, SessionStore

_LONGEST_S = 150


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How one command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Place:
    """A root with its session `ad`."""

    root: Path

    @property
    def session(self) -> Session:
        return SessionStore(self.root).session("ad")

    @property
    def environment(self) -> dict[str, str]:
        home = self.root.parent / "home"
        home.mkdir(exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AD_PIPELINE", "DAGSTER"))}
        return kept | {"HOME": str(home), "AD_PIPELINE_ROOT": str(self.root), "AD_PIPELINE_LANGUAGE": "en"}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Begin a command, in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "ad_pipeline.cli.main", *arguments],
            env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip

    def run(self, *arguments: str) -> Ended:
        """One command to its end."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=_LONGEST_S)
        assert "Traceback" not in err, err
        return Ended(code=process.returncode, out=out, err=err)

    def processes(self) -> list[psutil.Process]:
        """What runs for this root, its workers included."""
        found: list[psutil.Process] = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("AD_PIPELINE_ROOT") == str(self.root) and process.status() != "zombie":
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def takes(self) -> dict[str, list[int]]:
        """The takes of every artifact by its name."""
        found: dict[str, list[int]] = {}
        for record in self.session.records():
            found.setdefault(record.key.slug, []).append(record.take)
        return {name: sorted(takes) for name, takes in found.items()}

    def files(self) -> dict[Path, int]:
        """When each take was written."""
        return {self.session.path_of(r): self.session.path_of(r).stat().st_mtime_ns for r in self.session.records()}

    def run_states(self) -> list[str]:
        """The states of all Dagster runs."""
        home = str(self.root / ".dagster")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DAGSTER_HOME", home)  # its dagster.yaml names the folder by it
            instance = dg.DagsterInstance.from_config(home)
        with instance:
            return sorted(run.status.value for run in instance.get_runs())


def until(holds: Callable[[], bool], *, seconds: float = 60.0) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.05)
