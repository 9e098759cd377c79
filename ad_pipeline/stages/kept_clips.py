"""Which loose clips stay: the newest ones, for the same wish to find them again."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
import uuid
from pathlib import Path

MOST_CLIPS = 50
LEAST_AGE_S = 86_400.0
"""Whoever was touched within a day may be in the making."""
_NAME = re.compile(r"clip_[0-9a-f]{24}")
_GONE = re.compile(r"\.gone-[0-9a-f]{12}")


def touch_clip(folder: Path) -> None:
    """It is used now."""
    with contextlib.suppress(OSError):
        os.utime(folder)


def sweep_clips(folder: Path, *, most: int = MOST_CLIPS, least_age_s: float = LEAST_AGE_S) -> int:
    """Delete the clips that were used longest ago; how many. What a person was given lies elsewhere.

    Never raises: a clip that was just made must not fail because an old one cannot be deleted.
    """
    now_s = time.time()
    try:
        found = sorted(((path.lstat().st_mtime, path) for path in folder.iterdir() if _is_clip(path)), reverse=True)
        halves = [path for path in folder.iterdir() if _GONE.fullmatch(path.name)]
    except OSError:
        return 0
    old = [path for used_s, path in found[most:] if now_s - used_s > least_age_s]
    for path in old:
        gone = folder / f".gone-{uuid.uuid4().hex[:12]}"
        with contextlib.suppress(OSError):  # another process may be quicker
            path.rename(gone)  # at once or not at all: a wish never finds half a clip
            halves.append(gone)
    for path in halves:
        shutil.rmtree(path, ignore_errors=True)
    return len(old)


def _is_clip(path: Path) -> bool:
    return bool(_NAME.fullmatch(path.name)) and path.is_dir() and not path.is_symlink()
