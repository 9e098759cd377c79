"""An answer that is still being written, read as far as it goes."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

from pydantic_core import from_json

SELDOM_S = 0.05
"""Between two looks at an answer in which nothing was closed: about what an eye can follow."""

_OPEN_NUMBER = re.compile(r"[-+0-9.eE]+$")
_CLOSES = re.compile(r"[}\]]")
_FENCE = re.compile(r"^\s*```[a-zA-Z]*\s*")


def json_text(text: str) -> str:
    """The JSON in an answer: models that are only told a schema wrap it into fences and courtesies."""
    bare = _FENCE.sub("", text)
    start, end = bare.find("{"), bare.rfind("}")
    if start < 0:
        return bare.strip()
    return bare[start : end + 1] if end > start else bare[start:]


def read_so_far(text: str) -> Mapping[str, Any] | None:
    """What is finished of a JSON object: no half string and no half number, only lists and objects may still grow."""
    start = text.find("{")
    if start < 0:
        return None
    try:
        found = from_json(_OPEN_NUMBER.sub("", text[start:]), allow_partial=True)
    except ValueError:
        return None
    return cast(dict[str, Any], found) if isinstance(found, dict) else None


class Listener:
    """Takes an answer's pieces and tells `heard` when there is more to see: at once when a list item has closed."""

    def __init__(self, heard: Callable[[Mapping[str, Any]], None]) -> None:
        self._heard = heard
        self._pieces: list[str] = []
        self._told: Mapping[str, Any] | None = None
        self._looked_s = 0.0
        self.last_piece_s: float | None = None
        """When the last piece came, on time.monotonic; None before the first."""

    def __call__(self, piece: str) -> None:
        now_s = time.monotonic()
        self.last_piece_s = now_s
        self._pieces.append(piece)
        if _CLOSES.search(piece) or now_s - self._looked_s >= SELDOM_S:
            self._looked_s = now_s
            self._look()

    @property
    def text(self) -> str:
        """All that has come."""
        return "".join(self._pieces)

    def restart(self) -> None:
        """Another answer begins."""
        self._pieces.clear()
        self.last_piece_s = None

    def _look(self) -> None:
        text = self.text
        self._pieces = [text]
        seen = read_so_far(text)
        if seen and seen != self._told:
            self._told = seen
            self._heard(seen)
