"""The process that workers are forked from. It knows Dagster by name only, so it can start before Dagster is loaded."""

from __future__ import annotations

import multiprocessing
import os
import signal
from multiprocessing import forkserver, resource_tracker

_PRELOAD = ["ad_pipeline.stages.unheeding", "ad_pipeline.stages.unswept", "ad_pipeline.defs.warm"]

KEEPS_ITS_MEMORY = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(256 << 20),
}
"""glibc's own variables; another C library does not look at them. A picture's planes have 2 to 30 MB, and by its
defaults each is fetched from the system and given back: every page is cleared again. Keeping them took a tenth off
a whole ad and half off its system time, and one arena for all threads holds less memory than many."""


def begin_warming() -> None:
    """Start the fork server; it loads our definitions while this process goes on. Again changes nothing."""
    for name, value in KEEPS_ITS_MEMORY.items():
        os.environ.setdefault(name, value)  # read once, when a program starts
    multiprocessing.get_context("forkserver").set_forkserver_preload(_PRELOAD)
    resource_tracker.ensure_running()  # before: it would unblock signals
    # A terminal's Ctrl-C reaches all processes. Only the one that a person started answers it, and tells the others;
    # they and the programs that they start would die of it in the middle, with a traceback.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()  # it inherits what is blocked, and so does all that comes of it
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
