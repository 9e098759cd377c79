"""ComfyUI graphs as data: `<name>.json` in the API format and `<name>.toml` beside it, bound by name.

A person adds a graph by dropping the two files in a folder; what is wrong with them is said with
file and field before anything is sent.
"""

from __future__ import annotations

import copy
import hashlib
import json
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ad_pipeline.engines.comfy.leaving_out import is_link, links, without
from ad_pipeline.engines.comfy.recipe import FILE_KINDS, Recipe, Slot, Target, Value, allowed, fits
from ad_pipeline.errors import InputRejected
from ad_pipeline.story.border import checked, nearest

LARGEST_FILE_BYTES = 4_000_000


@dataclass(frozen=True, kw_only=True)
class BoundGraph:
    """A graph that can be sent: `nodes` in the API format; `outputs` name what each output node leaves."""

    name: str
    version: str
    nodes: Mapping[str, Any]
    outputs: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Graph:
    """A checked graph with its recipe; `version` changes with any byte that counts."""

    name: str
    version: str
    nodes: Mapping[str, Any]
    recipe: Recipe

    @property
    def classes(self) -> frozenset[str]:
        """The node classes that a server must have."""
        return frozenset(node["class_type"] for node in self.nodes.values())

    def node_id(self, title: str) -> str:
        """The id of the one node with this title."""
        return next(node_id for node_id, node in self.nodes.items() if _title(node) == title)

    def given(self, names: Collection[str]) -> Graph:
        """The graph as it runs when only these inputs are given: what the other optional ones bring is left out.

        Its model files and packs are those that are then needed, so that a node is asked for no more.
        """
        left = [slot for name, slot in self.recipe.inputs.items() if slot.optional and name not in names]
        if not left:
            return self
        gone = {self.node_id(out.node): out.passes for slot in left for out in slot.left_out}
        nodes = without(self.nodes, gone, outputs=[self.node_id(out.node) for out in self.recipe.outputs.values()])
        was, needed = _files(self.nodes), _files(nodes)
        titles, classes = {_title(node) for node in nodes.values()}, {node["class_type"] for node in nodes.values()}
        recipe = self.recipe.model_copy(
            update={
                "inputs": dict(_kept(self.recipe.inputs, titles)),
                "models": [model for model in self.recipe.models if model.file in needed or model.file not in was],
                "packs": [pack for pack in self.recipe.packs if classes & set(pack.classes)],
            }
        )
        kept = hashlib.sha256("/".join(sorted(nodes)).encode()).hexdigest()[:4]
        return replace(self, version=f"{self.version}-{kept}", nodes=nodes, recipe=recipe)

    def bound(self, values: Mapping[str, Value], *, prefix: str) -> BoundGraph:
        """The graph with `values` in place; its files will lie under `prefix`, which should be the job's own.

        An optional input that is not given takes its nodes with it, and the values that went to them.

        Raises:
            InputRejected: a value is missing, unknown, or not allowed.
        """
        for name in values:
            if name not in self.recipe.inputs:
                raise InputRejected(
                    "graph {graph} has no input {name!r}; it has {known}",
                    field=name, graph=self.name, name=name, known=", ".join(sorted(self.recipe.inputs)) or "none",
                )  # fmt: skip
        graph = self.given(values.keys())
        nodes = copy.deepcopy(dict(graph.nodes))
        for name, slot in graph.recipe.inputs.items():
            value = self._checked(name, slot, values.get(name, slot.default))
            for target in slot.to:
                nodes[graph.node_id(target.node)]["inputs"][target.input] = value
        outputs: dict[str, str] = {}
        for name, output in self.recipe.outputs.items():
            node_id = graph.node_id(output.node)
            outputs[node_id] = name
            nodes[node_id]["inputs"]["filename_prefix"] = f"{prefix}/{name}"
        return BoundGraph(name=self.name, version=self.version, nodes=nodes, outputs=outputs)

    def _checked(self, name: str, slot: Slot, value: object) -> object:
        if value is None or (slot.kind in FILE_KINDS and value == ""):
            raise InputRejected(
                "graph {graph} needs its input {name!r}, which was not given",
                field=name, graph=self.name, name=name,
            )  # fmt: skip
        if not fits(slot, value):
            raise InputRejected(
                "graph {graph}, input {name}: got {got!r}, allowed: {allowed}",
                field=name, graph=self.name, name=name, got=value, allowed=allowed(slot),
            )  # fmt: skip
        return value


def _kept(inputs: Mapping[str, Slot], titles: Collection[str]) -> Iterator[tuple[str, Slot]]:
    """The inputs whose nodes are still there."""
    for name, slot in inputs.items():
        targets = [target for target in slot.to if target.node in titles]
        if targets:
            yield name, slot.model_copy(update={"to": targets})


def _files(nodes: Mapping[str, Any]) -> set[str]:
    """The last part of every text in the nodes' inputs: a model file is named so."""
    texts = (value for node in nodes.values() for value in node["inputs"].values() if isinstance(value, str))
    return {text.replace("\\", "/").rpartition("/")[2] for text in texts}


def load_graphs(folders: Iterable[Path]) -> dict[str, Graph]:
    """Every graph of the folders by name; an earlier folder wins over a later one."""
    found: dict[str, Graph] = {}
    for folder in folders:
        for path in sorted(folder.iterdir()):
            if path.stem not in found and (path.suffix == ".json" or _is_left_alone(path)):
                found[path.stem] = load_graph(folder, path.stem)
    return found


def _is_left_alone(path: Path) -> bool:
    """Whether it is a graph's TOML without its JSON; other TOMLs may lie there."""
    if path.suffix != ".toml" or path.with_suffix(".json").exists():
        return False
    try:
        return "outputs" in tomllib.loads(_text(path))
    except (InputRejected, tomllib.TOMLDecodeError):
        return False


def load_graph(folder: Path, name: str) -> Graph:
    """The graph `name` of a folder.

    Raises:
        InputRejected: a file is missing or says what cannot be, with file and field.
    """
    json_file, toml_file = folder / f"{name}.json", folder / f"{name}.toml"
    nodes = _nodes(_text(json_file), json_file.name)
    text = _text(toml_file)
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputRejected(
            "{file} is no TOML: {reason}", field=toml_file.name, file=toml_file.name, reason=error
        ) from error
    recipe = checked(Recipe, told, rejected=InputRejected, what=toml_file.name)
    _check_names(nodes, recipe, toml_file.name)
    _check_bound(nodes, recipe, json_file.name)
    counts = json.dumps([nodes, recipe.model_dump()], sort_keys=True)
    return Graph(name=name, version=hashlib.sha256(counts.encode()).hexdigest()[:12], nodes=nodes, recipe=recipe)


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > LARGEST_FILE_BYTES:
            raise InputRejected(
                "{file} has {mb:.0f} MB; a graph has less than {limit_mb:.0f}",
                field=file.name, file=file.name, mb=file.stat().st_size / 1e6, limit_mb=LARGEST_FILE_BYTES / 1e6,
            )  # fmt: skip
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputRejected(
            "{file} cannot be read: {reason}; a graph is a .json and a .toml of the same name",
            field=file.name, file=file.name, reason=getattr(error, "strerror", None) or "it is no UTF-8 text",
        ) from error  # fmt: skip


# --- the JSON -----------------------------------------------------------------------------------


def _nodes(text: str, file: str) -> dict[str, Any]:
    try:
        told = json.loads(text, parse_constant=_no_number)
        json.dumps(told, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:  # half a surrogate pair is a ValueError, too
        raise InputRejected("{file} is no JSON: {reason}", field=file, file=file, reason=error) from error
    if isinstance(told, dict) and isinstance(told.get("nodes"), list):
        raise InputRejected(
            "{file} is a graph as ComfyUI's editor saves it; export it with 'Export (API)'", field=file, file=file
        )
    if not isinstance(told, dict) or not told:
        raise InputRejected("{file} holds no nodes", field=file, file=file)
    for node_id, node in told.items():
        if not (isinstance(node, dict) and isinstance(node.get("class_type"), str)):
            raise _misses(file, node_id, "class_type")
        if not isinstance(node.get("inputs"), dict):
            raise _misses(file, node_id, "inputs")
    _check_links(told, file)
    return told


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _misses(file: str, node_id: str, what: str) -> InputRejected:
    return InputRejected(
        "{file}: node {node_id!r} has no {what}", field=f"{file}: {node_id}.{what}", file=file, node_id=node_id,
        what=what,
    )  # fmt: skip


def _check_links(nodes: Mapping[str, Any], file: str) -> None:
    for node_id, node in nodes.items():
        for name, value in links(node):
            if value[0] not in nodes or value[1] < 0:
                raise InputRejected(
                    "{file}: node {node_id!r}, input {name}: it is linked to {link}, which is not in the graph",
                    field=f"{file}: {node_id}.inputs.{name}", file=file, node_id=node_id, name=name, link=value,
                )  # fmt: skip
    done: set[str] = set()
    for node_id in nodes:
        ring = _ring(nodes, node_id, done)
        if ring:
            raise InputRejected(
                "{file}: the links run in a circle: {ring}",
                field=f"{file}: {ring[0]}.inputs", file=file, ring=" -> ".join(ring),
            )  # fmt: skip


def _ring(nodes: Mapping[str, Any], start: str, done: set[str]) -> list[str]:
    """A circle of links above `start`, or nothing; without recursion, as a graph may be deep."""
    path: list[str] = []
    waiting: list[tuple[str, bool]] = [(start, False)]
    while waiting:
        node_id, is_left = waiting.pop()
        if is_left:
            path.pop()
            done.add(node_id)
        elif node_id in path:
            return [*path[path.index(node_id) :], node_id]
        elif node_id not in done:
            path.append(node_id)
            waiting.append((node_id, True))
            waiting += [(link[0], False) for _, link in links(nodes[node_id])]
    return []


# --- the TOML against the JSON ------------------------------------------------------------------


def _title(node: Mapping[str, Any]) -> str:
    """A node's title; ComfyUI gives it its class's where a person gave none."""
    meta = node.get("_meta")
    return str(meta.get("title", "")) if isinstance(meta, dict) else ""


def _check_names(nodes: Mapping[str, Any], recipe: Recipe, file: str) -> None:
    taken: dict[tuple[str, str], str] = {}
    for name, slot in recipe.inputs.items():
        for target in slot.to:
            field = f"inputs.{name}.to"
            node = _titled(nodes, target.node, file, field)
            if target.input not in node["inputs"]:
                raise InputRejected(
                    "{file}, {place}: node {title!r} has no input {input!r}; it has {known}",
                    field=f"{file}: {field}", file=file, place=field, title=target.node, input=target.input,
                    known=", ".join(node["inputs"]) or "none",
                )  # fmt: skip
            if is_link(node["inputs"][target.input]):
                raise InputRejected(
                    "{file}, {place}: input {input!r} of node {title!r} is fed by another node; it cannot be bound",
                    field=f"{file}: {field}", file=file, place=field, title=target.node, input=target.input,
                )  # fmt: skip
            _check_free(taken, target, name, file)
        _check_left_out(nodes, slot, name, file)
    for name, output in recipe.outputs.items():
        _titled(nodes, output.node, file, f"outputs.{name}.node")


def _check_left_out(nodes: Mapping[str, Any], slot: Slot, name: str, file: str) -> None:
    for out in slot.without:
        place = f"inputs.{name}.without"
        node = _titled(nodes, out.node, file, place)
        for passed in filter(None, out.passes):
            if not is_link(node["inputs"].get(passed)):
                raise InputRejected(
                    "{file}, {place}: node {title!r} has no linked input {input!r} to pass on",
                    field=f"{file}: {place}", file=file, place=place, title=out.node, input=passed,
                )  # fmt: skip


def _check_free(taken: dict[tuple[str, str], str], target: Target, name: str, file: str) -> None:
    other = taken.setdefault((target.node, target.input), name)
    if other != name:
        raise InputRejected(
            "{file}: inputs.{name} and inputs.{other} are bound to the same input {input!r} of node {title!r}",
            field=f"{file}: inputs.{name}.to", file=file, name=name, other=other, input=target.input,
            title=target.node,
        )  # fmt: skip


def _titled(nodes: Mapping[str, Any], title: str, file: str, place: str) -> Mapping[str, Any]:
    found = [node for node in nodes.values() if _title(node) == title]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputRejected(
            "{file}, {place}: {count} nodes have the title {title!r}; give the one that is meant a title of its own",
            field=f"{file}: {place}", file=file, place=place, count=len(found), title=title,
        )  # fmt: skip
    titles = [_title(node) for node in nodes.values()]
    raise InputRejected(
        "{file}, {place}: no node has the title {title!r}; nearest: {nearest}",
        field=f"{file}: {place}", file=file, place=place, title=title,
        nearest=nearest(title, titles) or ", ".join(filter(None, titles)),
    )  # fmt: skip


def _check_bound(nodes: Mapping[str, Any], recipe: Recipe, file: str) -> None:
    """An input that holds null waits for a value: the TOML has to name it."""
    bound = {(target.node, target.input) for slot in recipe.inputs.values() for target in slot.to}
    for node_id, node in nodes.items():
        for name, value in node["inputs"].items():
            if value is None and (_title(node), name) not in bound:
                raise InputRejected(
                    "{file}: node {node_id!r}, input {name} has no value, and the .toml binds none to it",
                    field=f"{file}: {node_id}.inputs.{name}", file=file, node_id=node_id, name=name,
                )  # fmt: skip
