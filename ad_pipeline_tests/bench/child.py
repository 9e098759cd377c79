"""A process of `rack_worker`, spoken to in lines."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any


class Child:
    """Started at once, with its task as one line of JSON; `kill` it."""

    def __init__(self, **told: Any) -> None:
        command = [sys.executable, "-m", "ad_pipeline_tests.bench.rack_worker"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.say(json.dumps(told))

    def say(self, line: str = "go") -> None:
        assert self._process.stdin
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def heard(self) -> str:
        """Its next line.

        Raises:
            RuntimeError: it ended instead.
        """
        assert self._process.stdout
        line = self._process.stdout.readline().strip()
        if not line:
            raise RuntimeError(f"a process of the bench ended with {self._process.wait(10)}")
        return line

    def result(self) -> dict[str, Any]:
        """Its last line."""
        found = json.loads(self.heard())
        self._process.communicate(timeout=30)
        return found

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()
