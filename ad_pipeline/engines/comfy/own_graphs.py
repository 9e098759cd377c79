"""A person's own graphs as models: dropped into a folder, routed as `comfyui/<name>`, no Python."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ad_pipeline.engines.comfy.graph_folders import built_in_graphs, graph_folders
from ad_pipeline.engines.comfy.graphs import Graph, load_graphs
from ad_pipeline.engines.contracts import Craft


@dataclass(frozen=True, kw_only=True)
class OwnGraph:
    """A graph that is none of ours, and which stage's work it does."""

    graph: Graph
    craft: Craft


@dataclass(frozen=True, kw_only=True)
class _Found:
    """What a person's folders hold: graphs of new names, and those that take the place of ours."""

    own: Mapping[str, OwnGraph]
    instead: Mapping[str, Graph]


def own_graphs(folders: Sequence[Path]) -> Mapping[str, OwnGraph]:
    """The graphs in a person's folders by name, but those that take the place of one of ours.

    Raises:
        InputRejected: a folder is none, or a graph's files are broken.
    """
    return _found(folders).own


def graphs_instead(folders: Sequence[Path]) -> Mapping[str, Graph]:
    """The graphs in a person's folders that take the place of ours of the same name; raises as `own_graphs`."""
    return _found(folders).instead


def _found(folders: Sequence[Path]) -> _Found:
    if not folders:
        return _Found(own={}, instead={})
    graph_folders(folders)
    files = sorted(file for folder in folders for file in folder.iterdir() if file.suffix in (".json", ".toml"))
    return _read(tuple(folders), tuple((file, file.stat().st_mtime_ns, file.stat().st_size) for file in files))


@functools.lru_cache(maxsize=4)
def _read(folders: tuple[Path, ...], marks: tuple[tuple[Path, int, int], ...]) -> _Found:
    ours = {file.stem for file in built_in_graphs().glob("*.json")}
    found = load_graphs(folders)
    return _Found(
        own={name: OwnGraph(graph=graph, craft=craft_of(graph)) for name, graph in found.items() if name not in ours},
        instead={name: graph for name, graph in found.items() if name in ours},
    )


def craft_of(graph: Graph) -> Craft:
    """Which stage's work a graph does, told by what it makes and what it asks for."""
    inputs = graph.recipe.inputs
    match graph.recipe.makes:
        case "image":
            return "image"
        case "audio":
            return "sound"
        case "video":
            return "lipsync" if "audio" in inputs and "video" in inputs else "motion"
