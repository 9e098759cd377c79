"""The process that workers are forked from. It knows Dagster by name only, so it can start before Dagster is loaded."""

from __future__ import annotations

import multiprocessing
from multiprocessing import forkserver

_PRELOAD = ["ad_pipeline.stages.unswept", "ad_pipeline.defs.warm"]


def begin_warming() -> None:
    """Start the fork server; it loads our definitions while this process goes on. Again changes nothing."""
    multiprocessing.get_context("forkserver").set_forkserver_preload(_PRELOAD)
    forkserver.ensure_running()
