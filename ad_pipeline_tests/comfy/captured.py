"""What a real ComfyUI 0.33.0 answered (2026-11-20), read from `captures/`.

`object_info.json` there is the server's own description, cut to the node classes that our graphs use.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent / "captures"


def captured(name: str) -> Any:
    """One capture's JSON."""
    return json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def body(name: str) -> Any:
    """The body of a captured answer."""
    return captured(name)["body"]


def status(name: str) -> int:
    """The HTTP status of a captured answer."""
    return captured(name)["status"]
