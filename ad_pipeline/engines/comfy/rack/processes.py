"""Which process holds what, named so that a reused pid is not taken for it."""

from __future__ import annotations

import os
import socket

import psutil

SILENT_S = 60.0
"""A process of another host that wrote nothing for so long is taken for dead; it writes every ten seconds."""


def own_mark() -> str:
    """This process: `host/pid/start`."""
    return f"{socket.gethostname()}/{os.getpid()}/{psutil.Process().create_time():.2f}"


def is_dead(mark: str, *, silent_s: float) -> bool:
    """Whether that process is gone: seen at once on this host, by its silence on another."""
    host, pid, started = mark.rsplit("/", 2)
    if host != socket.gethostname():
        return silent_s > SILENT_S
    try:
        process = psutil.Process(int(pid))
        is_same = abs(process.create_time() - float(started)) < 1.0
        return not is_same or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
