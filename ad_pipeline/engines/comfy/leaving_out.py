"""A graph without some of its nodes: what fed them feeds what hung on them, and what hangs on nothing is cut off."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any


def is_link(value: object) -> bool:
    """Whether an input's value is [node, number of its output]."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], int)
        and not isinstance(value[1], bool)
    )


def links(node: Mapping[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    """The inputs of a node that are fed by another node."""
    return ((name, value) for name, value in node["inputs"].items() if is_link(value))


def without(nodes: Mapping[str, Any], gone: Mapping[str, Sequence[str]], *, outputs: Collection[str]) -> dict[str, Any]:
    """`nodes` without those in `gone`, each of which names for its outputs the inputs that take their place.

    Nodes that then feed none of `outputs` go as well.
    """
    kept: dict[str, Any] = {}
    for node_id, node in nodes.items():
        if node_id in gone:
            continue
        inputs: dict[str, Any] = {}
        for name, value in node["inputs"].items():
            source = _source(nodes, gone, value) if is_link(value) else value
            if source is not None or value is None:
                inputs[name] = source
        kept[node_id] = {**node, "inputs": inputs}
    used = feeding(kept, outputs)
    return {node_id: node for node_id, node in kept.items() if node_id in used}


def _source(nodes: Mapping[str, Any], gone: Mapping[str, Sequence[str]], link: list[Any]) -> list[Any] | None:
    """What feeds an input once the nodes in between are gone; None when nothing does."""
    while link[0] in gone:
        passes = gone[link[0]]
        name = passes[link[1]] if link[1] < len(passes) else ""
        value = nodes[link[0]]["inputs"].get(name)
        if not is_link(value):
            return None
        link = value
    return link


def feeding(nodes: Mapping[str, Any], outputs: Collection[str]) -> set[str]:
    """`outputs` and every node above them."""
    used: set[str] = set()
    waiting = [node_id for node_id in outputs if node_id in nodes]
    while waiting:
        node_id = waiting.pop()
        if node_id not in used:
            used.add(node_id)
            waiting += [link[0] for _, link in links(nodes[node_id])]
    return used
