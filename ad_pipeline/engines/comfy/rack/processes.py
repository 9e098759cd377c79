"""Which process holds what, named so that neither a reused pid nor a host of the same name is taken for it."""

from __future__ import annotations

import functools
import os
import socket
import uuid
from pathlib import Path

import psutil

SILENT_S = 60.0
"""A process of another host that wrote nothing for so long is taken for dead; it writes every ten seconds."""
_PROC = Path("/proc")


def own_mark() -> str:
    """This process: `place/pid/start`."""
    return mark_of(os.getpid())


def mark_of(pid: int) -> str:
    """A process of this host."""
    return f"{_here()}/{pid}/{start_of(pid)}"


def is_dead(mark: str, *, silent_s: float) -> bool:
    """Whether that process is gone: seen at once on this host, by its silence on another."""
    place, pid, started = mark.rsplit("/", 2)
    if place != _here():
        return silent_s > SILENT_S
    return start_of(int(pid)) != started


def start_of(pid: int) -> str:
    """When a process of this host started, as nobody else with that number did; empty when it is gone.

    On Linux not by the clock, as psutil does: a clock that is set, e.g. after sleep, would make all processes others.
    """
    try:
        told = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "" if (_PROC / "self/stat").exists() else _started_elsewhere(pid)
    after_name = told.rpartition(")")[2].split()
    state, ticks = after_name[0], after_name[19]
    return "" if state in "ZX" else f"{_boot()}.{ticks}"


@functools.cache
def _here() -> str:
    """Where a pid means one process: containers may share a host's name, and hosts each other's."""
    name = socket.gethostname().replace("/", "_")[:80]
    try:
        return f"{name}.{_boot()}.{(_PROC / 'self/ns/pid').stat().st_ino}"
    except OSError:  # no Linux
        return f"{name}.{uuid.getnode():x}"


@functools.cache
def _boot() -> str:
    """Another at each start of the machine."""
    return (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]


def _started_elsewhere(pid: int) -> str:
    try:
        process = psutil.Process(pid)
        return "" if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.Error:
        return ""
