"""The machine under the bench: what it is, whether it is idle, and what a process tree holds in memory."""

from __future__ import annotations

import os
import platform
import threading
from types import TracebackType
from typing import Self

import psutil

_EVERY_S = 0.05


def machine_facts() -> list[str]:
    """Cores, memory, Python; no host's name."""
    memory = psutil.virtual_memory().total / 1e9
    return [
        f"machine: {os.cpu_count()} cores, {memory:.0f} GB, {platform.system()} {platform.machine()}",
        f"Python {platform.python_version()}",
    ]


def busy_note() -> tuple[str, list[str]]:
    """The load now, as a fact; and warnings when others use the machine."""
    load = os.getloadavg()[0]
    busy = psutil.cpu_percent(interval=1.0)
    fact = f"before the run: load average {load:.2f}, processor {busy:.0f} % busy"
    if load > 0.5 * (os.cpu_count() or 1) or busy > 20:
        return fact, ["the machine was not idle; seconds and ratios are worse than they would be"]
    return fact, []


class MemoryWatch:
    """The most memory that a process and its children held at once, looked at 20 times a second.

    `pss` shares out pages that several processes use; `rss` counts them once for each.
    """

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.most_pss_bytes = 0
        self.most_rss_bytes = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(_EVERY_S):
            pss = rss = 0
            for process in self._tree():
                try:
                    held = process.memory_full_info()
                except psutil.Error:
                    continue  # it ended between the list and the look
                rss += held.rss
                pss += getattr(held, "pss", held.rss)
            self.most_pss_bytes = max(self.most_pss_bytes, pss)
            self.most_rss_bytes = max(self.most_rss_bytes, rss)

    def _tree(self) -> list[psutil.Process]:
        try:
            return [self._root, *self._root.children(recursive=True)]
        except psutil.Error:
            return []
