"""A graph against a server's own description of its node classes (/object_info).

The server accepts what it should not: inputs it does not know, a codec that does not exist, nodes
that feed nothing. So everything is judged here, in CI and before a node gets work.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ad_pipeline.engines.comfy.graphs import Graph
from ad_pipeline.engines.comfy.leaving_out import feeding, is_link
from ad_pipeline.engines.comfy.protocol import ENGINE, shortened
from ad_pipeline.engines.comfy.recipe import FILE_KINDS
from ad_pipeline.errors import EngineRefused, InputRejected

_MODEL_SUFFIXES = (".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".onnx", ".bin", ".gguf")
_DYNAMIC, _GROWING = "COMFY_DYNAMICCOMBO_V3", "COMFY_AUTOGROW_V3"


@dataclass(frozen=True, kw_only=True)
class _Place:
    """An input of a node, while it is judged."""

    graph: str
    node_id: str
    class_type: str
    name: str

    def wrong(self, why: InputRejected) -> InputRejected:
        """`why`, with its place named; it is said in the person's language, as the sentence around it."""
        return InputRejected(
            "graph {graph}: node {node_id} ({class_type}), input {name}: {reason}",
            field=f"{self.graph}.json: {self.node_id}.inputs.{self.name}", graph=self.graph, node_id=self.node_id,
            class_type=self.class_type, name=self.name, reason=why.message,
        )  # fmt: skip


def problems(graph: Graph, classes: Mapping[str, Any]) -> list[InputRejected]:
    """All that is wrong with the graph itself; whether a server has its model files is `preflight`'s matter.

    Each optional input is judged given and left out.
    """
    found = list(_missing_classes(graph, classes))
    if found:
        return found
    optional = {name for name, slot in graph.recipe.inputs.items() if slot.optional}
    chosen = [optional, set[str](), *(optional - {name} for name in optional), *({name} for name in optional)]
    seen: dict[str, InputRejected] = {}
    for names in chosen if optional else [optional]:
        for problem in _all_problems(graph.given(names), classes):
            seen.setdefault(str(problem), problem)
    return list(seen.values())


def _all_problems(graph: Graph, classes: Mapping[str, Any]) -> Iterator[InputRejected]:
    for node_id, node in graph.nodes.items():
        yield from _input_problems(graph, node_id, node, classes)
    yield from _output_problems(graph, classes)


def preflight(graph: Graph, classes: Mapping[str, Any], *, node_name: str) -> None:
    """Whether the node `node_name` can run the graph now; `graph.given(names)` asks for less than all of it.

    Files that only a choice wants are not asked for; the server itself refuses the choice.

    Raises:
        EngineRefused: what is missing there, and where to get it.
    """
    found = problems(graph, classes)
    offered = {option for spec in classes.values() for option in _offered(spec)}
    for model in graph.recipe.models:
        if model.optional or model.unlisted:
            continue
        if not any(name == model.file or name.endswith((f"/{model.file}", f"\\{model.file}")) for name in offered):
            found.append(
                InputRejected(
                    "models/{folder}/{file} is not there; get it from {page} (licence: {licence})",
                    folder=model.folder, file=model.file, page=model.page, licence=model.licence,
                )
            )  # fmt: skip
    if found:
        reasons = found[-1].message
        for problem in reversed(found[:-1]):
            reasons = InputRejected("{first}; {rest}", first=problem.message, rest=reasons).message
        raise EngineRefused(
            "graph {graph} cannot run on node {name}: {reasons}",
            engine=ENGINE, graph=graph.name, name=node_name, reasons=reasons,
        )  # fmt: skip


def _offered(spec: Any) -> Iterator[str]:
    """All texts that a class lets one choose from; other people's classes are not always well made."""
    groups: Any = spec.get("input") if isinstance(spec, dict) else None
    for group in ("required", "optional"):
        inputs: Any = groups.get(group) if isinstance(groups, dict) else None
        for declared in inputs.values() if isinstance(inputs, dict) else ():
            options = _options(declared) if isinstance(declared, list) and declared else None
            yield from (option for option in options or () if isinstance(option, str))


# --- classes and outputs ------------------------------------------------------------------------


def _missing_classes(graph: Graph, classes: Mapping[str, Any]) -> Iterator[InputRejected]:
    packs = {name: f"{pack.name} ({pack.url})" for pack in graph.recipe.packs for name in pack.classes}
    told: set[str] = set()
    for node_id, node in graph.nodes.items():
        name = node["class_type"]
        if name not in classes and name not in told:
            told.add(name)  # one pack to install, however many of its nodes a graph has
            yield InputRejected(
                "graph {graph}: node {node_id} needs the class {class_type}, which is in {pack}",
                field=f"{graph.name}.json: {node_id}.class_type", graph=graph.name, node_id=node_id, class_type=name,
                pack=packs.get(name, "no pack that the .toml names"),
            )  # fmt: skip


def _output_problems(graph: Graph, classes: Mapping[str, Any]) -> Iterator[InputRejected]:
    named = {graph.node_id(output.node): name for name, output in graph.recipe.outputs.items()}
    leaves = {node_id for node_id, node in graph.nodes.items() if classes[node["class_type"]].get("output_node")}
    for node_id, name in named.items():
        if node_id not in leaves:
            yield InputRejected(
                "{file}, outputs.{name}: node {node_id} ({class_type}) leaves no file",
                field=f"{graph.name}.toml: outputs.{name}", file=f"{graph.name}.toml", name=name, node_id=node_id,
                class_type=graph.nodes[node_id]["class_type"],
            )  # fmt: skip
    used = feeding(graph.nodes, leaves & set(named))
    for node_id, node in graph.nodes.items():
        if node_id not in used:
            yield InputRejected(
                "graph {graph}: node {node_id} ({class_type}) feeds no output of the .toml; it would be dropped",
                field=f"{graph.name}.json: {node_id}", graph=graph.name, node_id=node_id,
                class_type=node["class_type"],
            )  # fmt: skip


# --- inputs -------------------------------------------------------------------------------------


def _input_problems(
    graph: Graph, node_id: str, node: Mapping[str, Any], classes: Mapping[str, Any]
) -> Iterator[InputRejected]:
    spec = classes[node["class_type"]].get("input", {})
    given: dict[str, Any] = dict(node["inputs"])
    required = dict(spec.get("required", {}))
    known = {**required, **spec.get("optional", {}), **_hidden_formats(spec, given)}
    _unfold(known, required, given)
    bound = _bound_values(graph, node_id)

    def place(name: str) -> _Place:
        return _Place(graph=graph.name, node_id=node_id, class_type=node["class_type"], name=name)

    for name in required:
        if name not in given and name.rpartition(".")[2] not in given:
            yield place(name).wrong(InputRejected("it is required, but not there"))
    for name, value in given.items():
        declared = known.get(name) or next((d for path, d in known.items() if path.rpartition(".")[2] == name), None)
        if declared is None:
            yield place(name).wrong(InputRejected("unknown to this class; it has {known}", known=_listed(known)))
        elif is_link(value):
            yield from _link_problems(graph, place(name), value, declared, classes)
        else:
            for one in bound.get(name, [value]):
                yield from _value_problems(graph, place(name), one, declared)


def _unfold(known: dict[str, Any], required: dict[str, Any], given: Mapping[str, Any], prefix: str = "") -> None:
    """Add the inputs that a dynamic choice brings: `format` = mp4 brings `format.codec`, also called `codec`."""
    for name, declared in list(known.items()):
        if name.startswith(prefix) and declared and declared[0] == _GROWING:
            _grow(known, required, name, declared[1].get("template", {}))
        if not name.startswith(prefix) or not declared or declared[0] != _DYNAMIC:
            continue
        chosen = given.get(name, given.get(name.rpartition(".")[2]))
        for option in declared[1].get("options", ()):
            if option.get("key") != chosen:
                continue
            inner: dict[str, Any] = {}
            for group, inputs in option.get("inputs", {}).items():
                paths = {f"{name}.{inner_name}": inner_declared for inner_name, inner_declared in inputs.items()}
                inner |= paths
                if group == "required":
                    required |= paths
            if inner.keys() - known.keys():
                known |= inner
                _unfold(known, required, given, f"{name}.")


def _grow(known: dict[str, Any], required: dict[str, Any], name: str, template: Mapping[str, Any]) -> None:
    """A row of like inputs, as many as are linked: `images` stands for `images.image_1`, `images.image_2`..."""
    one = next(iter(template.get("input", {}).get("required", {}).values()), ["*"])
    names = template.get("names") or [f"{template.get('prefix', '')}{n}" for n in range(template.get("max", 0))]
    row = {f"{name}.{each}": one for each in names}
    known |= row
    required.pop(name, None)
    required |= dict(list(row.items())[: template.get("min", 0)])


def _hidden_formats(spec: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """VideoHelperSuite's own way: each value of `format` declares more inputs."""
    declared = {**spec.get("required", {}), **spec.get("optional", {})}.get("format", ())
    formats = declared[1].get("formats", {}) if len(declared) > 1 and isinstance(declared[1], dict) else {}
    more = formats.get(given.get("format"), ())
    return {entry[0]: entry[1:] for entry in more} if isinstance(more, list) else {}


def _bound_values(graph: Graph, node_id: str) -> dict[str, list[Any]]:
    """What may stand in each bound input: its default, its choices, its limits; nothing for a file's name."""
    found: dict[str, list[Any]] = {}
    for slot in graph.recipe.inputs.values():
        values: list[Any] = [] if slot.default is None else [slot.default]
        values += slot.choices
        if slot.kind in ("integer", "number"):
            whole = int if slot.kind == "integer" else float
            values += [whole(limit) for limit in (slot.at_least, slot.at_most) if limit is not None]
        for target in slot.to:
            if graph.node_id(target.node) == node_id:
                found[target.input] = [] if slot.kind in FILE_KINDS else values
    return found


def _link_problems(
    graph: Graph, place: _Place, link: list[Any], declared: Any, classes: Mapping[str, Any]
) -> Iterator[InputRejected]:
    source = graph.nodes[link[0]]["class_type"]
    gives = classes[source].get("output", [])
    if link[1] >= len(gives):
        why = InputRejected(
            "linked to output {number} of node {source}, which has {count}",
            number=link[1], source=f"{link[0]} ({source})", count=len(gives),
        )  # fmt: skip
        yield place.wrong(why)
        return
    takes, given = declared[0], gives[link[1]]
    if not isinstance(takes, str) or not isinstance(given, str) or "*" in (takes, given):
        return
    if not set(given.split(",")) & set(takes.split(",")):
        why = InputRejected(
            "takes {takes}, but node {source} gives {given}", takes=takes, source=f"{link[0]} ({source})", given=given
        )
        yield place.wrong(why)


def _value_problems(graph: Graph, place: _Place, value: Any, declared: Any) -> Iterator[InputRejected]:
    kind, limits = declared[0], declared[1] if len(declared) > 1 and isinstance(declared[1], dict) else {}
    options = _options(declared)
    if isinstance(value, str) and value.lower().endswith(_MODEL_SUFFIXES):
        if all(value.replace("\\", "/").rpartition("/")[2] != model.file for model in graph.recipe.models):
            yield place.wrong(InputRejected("the model file {got!r} is not among the models of the .toml", got=value))
    elif options is not None:
        is_upload = any(str(key).endswith("_upload") for key in limits)
        if value not in options and not is_upload:
            yield place.wrong(InputRejected("got {got!r}, allowed: {allowed}", got=value, allowed=_listed(options)))
    elif kind in ("INT", "FLOAT"):
        yield from _number_problems(place, value, kind, limits)
    elif (kind == "STRING" and not isinstance(value, str)) or (kind == "BOOLEAN" and not isinstance(value, bool)):
        yield place.wrong(InputRejected("takes {kind}, got {got!r}", kind=kind, got=value))
    elif kind not in ("STRING", "BOOLEAN", "*"):
        yield place.wrong(InputRejected("takes {kind} from another node, got the value {got!r}", kind=kind, got=value))


def _number_problems(place: _Place, value: Any, kind: str, limits: Mapping[str, Any]) -> Iterator[InputRejected]:
    whole = kind == "INT"
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        yield place.wrong(InputRejected("takes {kind}, got {got!r}", kind=kind, got=value))
    elif value < limits.get("min", value) or value > limits.get("max", value):
        why = InputRejected(
            "{got} is outside {least} to {most}", got=value, least=limits.get("min"), most=limits.get("max")
        )
        yield place.wrong(why)


def _listed(values: Iterable[Any]) -> str:
    return shortened(", ".join(str(value) for value in values))


def _options(declared: Any) -> list[Any] | None:
    """The values of a closed choice; None for an open input."""
    kind, limits = declared[0], declared[1] if len(declared) > 1 and isinstance(declared[1], dict) else {}
    if isinstance(kind, list):
        return kind
    options: Any = limits.get("options")
    if kind == "COMBO" and isinstance(options, list):
        return options
    if kind == _DYNAMIC and isinstance(options, list):
        return [option.get("key") for option in options if isinstance(option, dict)]
    return None
