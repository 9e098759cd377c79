"""Where the GPU work of an installation happens. A light module: whoever only names the place loads nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where nodes are listed and graphs lie, in which database jobs wait, and the key for paid services."""

    nodes: Path
    graphs: tuple[Path, ...]
    database_url: str = field(repr=False)
    """It may hold a password."""
    service_key: str = field(default="", repr=False)
