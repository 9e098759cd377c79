"""Whether workers will be needed, told before anything is loaded: they and this process then load side by side."""

from __future__ import annotations

import argparse
import os
from pathlib import Path


def will_work(options: argparse.Namespace) -> bool:
    """Whether the command will surely make something, told before anything is loaded."""
    if options.command == "rerun":
        return True
    if options.command != "make" or options.brief is None:
        return False
    root = Path(options.root or os.environ.get("AD_PIPELINE_ROOT", "sessions")).expanduser()
    final = root / (options.session or Path(options.brief).stem.lower()) / "final.mp4"
    try:
        # A session with a final is most likely only looked at again.
        return Path(options.brief).is_file() and not final.exists()
    except (OSError, ValueError):  # no name of a file at all: said later, in words
        return False
