"""The one place that reads the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

DEFAULT_MEDIA_PORT = 3001


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where things lie on this machine; every field has a variable of its name with `AD_PIPELINE_` before it."""

    root: Path
    """All sessions lie here."""
    brands: tuple[Path, ...]
    """Folders with brand kits, looked through before the sample kits."""
    media_url: str
    """Where the media route answers; pictures in Dagster's metadata link to it."""
    nodes: Path = Path("nodes.toml")
    """The list of ComfyUI nodes; `nodes.toml` beside the sessions when not given."""


def settings_from_environment() -> Settings:
    """The settings that this process was started with."""
    root = Path(os.environ.get("AD_PIPELINE_ROOT", "sessions")).expanduser().absolute()
    brands = os.environ.get("AD_PIPELINE_BRANDS", "")
    nodes = os.environ.get("AD_PIPELINE_NODES", "")
    return Settings(
        root=root,
        brands=tuple(Path(part).expanduser().absolute() for part in brands.split(os.pathsep) if part),
        media_url=os.environ.get("AD_PIPELINE_MEDIA_URL", f"http://127.0.0.1:{DEFAULT_MEDIA_PORT}").rstrip("/"),
        nodes=Path(nodes).expanduser().absolute() if nodes else root / "nodes.toml",
    )
