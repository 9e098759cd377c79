"""Starting the process that workers are forked from, before this one loads Dagster: both load side by side."""

from __future__ import annotations

import multiprocessing
from multiprocessing import forkserver

PRELOAD = ["ad_pipeline.defs.warm"]


def begin_warming() -> None:
    """Start the fork server; it loads our definitions while this process goes on."""
    multiprocessing.get_context("forkserver").set_forkserver_preload(PRELOAD)
    forkserver.ensure_running()
