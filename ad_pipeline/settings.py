"""The one place that reads the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
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
    models: Path = Path("models.toml")
    """A person's own language models, laid over ours; `models.toml` beside the sessions when not given."""
    voices: Path = Path("voices.toml")
    """A person's own speech servers and voices, laid over ours; `voices.toml` beside the sessions when not given."""
    graphs: tuple[Path, ...] = ()
    """Folders with a person's own ComfyUI graphs, looked through before ours."""
    prompts: tuple[Path, ...] = ()
    """Folders with a person's own prompts of the writers' room (`copywriter.ko.md`...), looked through before ours."""
    database_url: str = field(default="", repr=False)
    """Where jobs wait for GPUs, as SQLAlchemy writes it; beside Dagster's own files when not given."""
    comfy_key: str = field(default="", repr=False)
    """The key of a Comfy account, for graphs that call paid services."""
    music: Path | None = None
    """The user's own music; the composer makes it where there is none."""
    cache: Path = Path(".ad_pipeline")
    """For what can be found out again at any time, such as the beats of a piece; under the user's cache folder."""
    page_hosts: tuple[str, ...] = ()
    """`host:port` of shops in the own network whose pages may be read; any other private address is refused."""


def settings_from_environment() -> Settings:
    """The settings that this process was started with."""
    root = Path(os.environ.get("AD_PIPELINE_ROOT", "sessions")).expanduser().absolute()
    nodes = os.environ.get("AD_PIPELINE_NODES", "")
    models = os.environ.get("AD_PIPELINE_MODELS", "")
    music = os.environ.get("AD_PIPELINE_MUSIC", "")
    voices = os.environ.get("AD_PIPELINE_VOICES", "")
    return Settings(
        root=root,
        brands=_folders("AD_PIPELINE_BRANDS"),
        media_url=os.environ.get("AD_PIPELINE_MEDIA_URL", f"http://127.0.0.1:{DEFAULT_MEDIA_PORT}").rstrip("/"),
        nodes=Path(nodes).expanduser().absolute() if nodes else root / "nodes.toml",
        models=Path(models).expanduser().absolute() if models else root / "models.toml",
        voices=Path(voices).expanduser().absolute() if voices else root / "voices.toml",
        graphs=_folders("AD_PIPELINE_GRAPHS"),
        prompts=_folders("AD_PIPELINE_PROMPTS"),
        database_url=os.environ.get("AD_PIPELINE_DATABASE_URL", "") or f"sqlite:///{_home(root) / 'gpu_jobs.sqlite'}",
        comfy_key=os.environ.get("AD_PIPELINE_COMFY_KEY", ""),
        music=Path(music).expanduser().absolute() if music else None,
        cache=_cache(),
        page_hosts=_hosts("AD_PIPELINE_PAGE_HOSTS"),
    )


def _cache() -> Path:
    """`~/.cache/ad_pipeline`, or where the desktop says that caches lie."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    home = Path(named) if Path(named).is_absolute() else Path("~/.cache")
    return home.expanduser().absolute() / "ad_pipeline"


def _home(root: Path) -> Path:
    named = os.environ.get("DAGSTER_HOME", "")
    return Path(named).expanduser().absolute() if named else root / ".dagster"


def _hosts(variable: str) -> tuple[str, ...]:
    parts = (part.strip().lower() for part in os.environ.get(variable, "").split(","))
    return tuple(part for part in parts if part)


def _folders(variable: str) -> tuple[Path, ...]:
    parts = os.environ.get(variable, "").split(os.pathsep)
    return tuple(Path(part).expanduser().absolute() for part in parts if part)
