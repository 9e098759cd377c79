"""Starting the process that workers are forked from, before this one loads Dagster: both load side by side."""

from __future__ import annotations

import argparse
import multiprocessing
import os
from multiprocessing import forkserver
from pathlib import Path

PRELOAD = ["ad_pipeline.defs.warm"]


def will_work(options: argparse.Namespace) -> bool:
    """Whether the command will surely make something, told before anything is loaded."""
    if options.command == "rerun":
        return True
    if options.command != "make":
        return False
    root = Path(options.root or os.environ.get("AD_PIPELINE_ROOT", "sessions")).expanduser()
    final = root / (options.session or Path(options.brief).stem.lower()) / "final.mp4"
    try:
        # A session with a final is most likely only looked at again.
        return Path(options.brief).is_file() and not final.exists()
    except (OSError, ValueError):  # no name of a file at all: said later, in words
        return False


def begin_warming() -> None:
    """Start the fork server; it loads our definitions while this process goes on."""
    multiprocessing.get_context("forkserver").set_forkserver_preload(PRELOAD)
    forkserver.ensure_running()
