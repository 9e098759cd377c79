"""A server that has every class and every model file that our graphs need."""

from __future__ import annotations

import copy
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ad_pipeline.engines.comfy.graph_folders import built_in_graphs
from ad_pipeline.engines.comfy.graphs import load_graphs
from ad_pipeline_tests.comfy.captured import captured, node_classes
from ad_pipeline_tests.comfy.machine import Behaviour
from ad_pipeline_tests.comfy.server import ComfyServer

_SUFFIXES = (".safetensors", ".ckpt", ".pth", ".pt", ".bin")


def stocked(behaviour: Behaviour | None = None, *, finds_faces: bool = False) -> ComfyServer:
    """The server; start it by `with`. One that finds faces finds those of `faces.py`."""
    return ComfyServer(behaviour=behaviour, classes=_classes(finds_faces))


def nodes_file(path: Path, servers: Mapping[str, ComfyServer]) -> Path:
    """A `nodes.toml` that lists them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    blocks = (f'[[node]]\nname = "{name}"\nurl = "{server.url}"\n' for name, server in servers.items())
    path.write_text("\n".join(blocks), encoding="utf-8")
    return path


@functools.cache
def _classes(finds_faces: bool) -> Mapping[str, Any]:
    """The captured classes, every list of files with our graphs' model files in it."""
    files = sorted({model.file for graph in load_graphs([built_in_graphs()]).values() for model in graph.recipe.models})
    classes = copy.deepcopy(node_classes() if finds_faces else captured("object_info"))
    for spec in classes.values():
        for group in spec["input"].values():
            for declared in group.values():
                options = _options(declared)
                if options is not None and (not options or any(str(option).endswith(_SUFFIXES) for option in options)):
                    options.extend(file for file in files if file not in options)
    return classes


def _options(declared: Any) -> list[Any] | None:
    if isinstance(declared[0], list):
        return declared[0]
    if declared[0] == "COMBO" and len(declared) > 1:
        return declared[1].get("options")
    return None
