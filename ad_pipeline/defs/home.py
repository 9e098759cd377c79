"""Where Dagster keeps its own books: DAGSTER_HOME, or a folder beside the sessions."""

from __future__ import annotations

import os
import shutil
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from ad_pipeline.settings import Settings
from ad_pipeline.stages.coming import listed_nodes

if TYPE_CHECKING:
    import dagster as dg


def dagster_home(settings: Settings) -> Path:
    """The folder with `dagster.yaml`; made with our settings when it is new.

    The same folder serves the command line and the UI, so that both show the same runs.
    """
    named = os.environ.get("DAGSTER_HOME", "")
    home = Path(named).expanduser().absolute() if named else settings.root / ".dagster"
    home.mkdir(parents=True, exist_ok=True)
    config = home / "dagster.yaml"
    if not config.exists():
        with resources.as_file(resources.files("ad_pipeline.defs") / "dagster.yaml") as ours:
            shutil.copyfile(ours, config)
    return home


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """The instance, its tables made and its pool limits set before any other process uses it.

    Five processes that met a fresh SQLite instance at once raced and failed.
    """
    # Here, not above: whoever asks only for the folder spares itself a second.
    import dagster as dg

    from ad_pipeline.defs.node_pools import free_pools, name_pools

    home = dagster_home(settings)
    os.environ["DAGSTER_HOME"] = str(home)
    instance = dg.DagsterInstance.get()
    instance.get_runs(limit=1)
    instance.get_latest_materialization_events([dg.AssetKey("storyboard")])
    nodes = listed_nodes(settings)
    if nodes:
        name_pools(instance, nodes)
        free_pools(instance)
    return instance
