"""How ComfyUI judges a graph on POST /prompt, as far as the captures show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Graph = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The outputs that will run; or `error` when none will. `node_errors` may be there either way."""

    outputs: tuple[str, ...] = ()
    node_errors: Mapping[str, Any]
    error: Mapping[str, Any] | None = None


def judged(graph: Any, classes: Mapping[str, Any]) -> Judged:
    """What the server says to `graph`; `classes` is its object_info."""
    for node_id, node in graph.items():
        name = node.get("class_type")
        if name is None:
            return _missing(node_id, None, f"Node 'ID #{node_id}' has no class_type. The workflow may be corrupted "
                            "or a custom node is missing.")  # fmt: skip
        if name not in classes:
            return _missing(node_id, name, f"Node '{name}' not found. The custom node may not be installed.")
    wanted = [node_id for node_id, node in graph.items() if classes[node["class_type"]].get("output_node")]
    if not wanted:
        return Judged(node_errors={}, error=_error("prompt_no_outputs", "Prompt has no outputs"))
    found: dict[str, dict[str, Any]] = {}
    good: list[str] = []
    cycle = ""
    for output in wanted:
        errors: dict[str, list[dict[str, Any]]] = {}
        told = _walk(graph, classes, output, (), errors)
        cycle = cycle or told
        if not errors:
            good.append(output)
        for node_id, listed in errors.items():
            entry = found.setdefault(
                node_id, {"errors": listed, "dependent_outputs": [], "class_type": graph[node_id]["class_type"]}
            )
            entry["dependent_outputs"].append(output)
    if good:
        return Judged(outputs=tuple(good), node_errors=found)
    details = f"Dependency cycle detected: {cycle}" if cycle else ""
    return Judged(
        node_errors=found,
        error=_error("prompt_outputs_failed_validation", "Prompt outputs failed validation", details),
    )


def _missing(node_id: str, name: str | None, message: str) -> Judged:
    error = _error("missing_node_type", message, f"Node ID '#{node_id}'")
    error["extra_info"] = {"node_id": node_id, "class_type": name, "node_title": name}
    return Judged(node_errors={}, error=error)


def _error(kind: str, message: str, details: str = "", extra: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {"type": kind, "message": message, "details": details, "extra_info": dict(extra or {})}


def _walk(
    graph: Graph, classes: Mapping[str, Any], node_id: str, above: tuple[str, ...], errors: dict[str, list[Any]]
) -> str:
    """Collect what is wrong with a node and what feeds it; a cycle's path, if there is one."""
    if node_id in above:
        ring = [*above[above.index(node_id) :], node_id]
        path = " -> ".join(f"{one} ({graph[one]['class_type']})" for one in ring)
        for one in ring[:-1]:
            extra = {"node_id": one, "cycle_nodes": ring[:-1]}
            errors.setdefault(one, []).append(_error("dependency_cycle", "Dependency cycle detected", path, extra))
        return path
    node = graph[node_id]
    listed: list[dict[str, Any]] = []
    told = ""
    for name, spec in classes[node["class_type"]].get("input", {}).get("required", {}).items():
        if name not in node["inputs"]:
            listed.append(_error("required_input_missing", "Required input is missing", name, {"input_name": name}))
            continue
        value = node["inputs"][name]
        if isinstance(value, list):
            problem = _link_problem(graph, classes, name, spec, value)
            if problem:
                listed.append(problem)
            elif value[0] in graph:
                told = told or _walk(graph, classes, value[0], (*above, node_id), errors)
        else:
            listed += _value_problems(name, spec, value)
    if listed:
        errors.setdefault(node_id, []).extend(listed)
    return told


def _link_problem(graph: Graph, classes: Mapping[str, Any], name: str, spec: Any, link: list[Any]) -> Any:
    source, slot = link
    raised = {"input_name": name, "input_config": spec, "traceback": [], "linked_node": link}
    if source not in graph:
        extra = raised | {"exception_message": repr(source), "exception_type": "KeyError"}
        return _error("exception_during_inner_validation", "Exception when validating inner node", repr(source), extra)
    gives = classes[graph[source]["class_type"]]["output"]
    if slot >= len(gives):
        text = "tuple index out of range"
        extra = raised | {"exception_message": text, "exception_type": "IndexError"}
        return _error("exception_during_inner_validation", "Exception when validating inner node", text, extra)
    takes = spec[0]
    if isinstance(takes, str) and takes != "*" and gives[slot] not in ("*", *takes.split(",")):
        extra = {"input_name": name, "input_config": spec, "received_type": gives[slot], "linked_node": link}
        text = f"{name}, received_type({gives[slot]}) mismatch input_type({takes})"
        return _error("return_type_mismatch", "Return type mismatch between linked nodes", text, extra)
    return None


def _value_problems(name: str, spec: Any, value: Any) -> list[dict[str, Any]]:
    kind, limits = spec[0], spec[1] if len(spec) > 1 else {}
    extra = {"input_name": name, "input_config": spec, "received_value": value}
    if kind in ("INT", "FLOAT"):
        if "min" in limits and value < limits["min"]:
            text = f"Value {value} smaller than min of {limits['min']}"
            return [_error("value_smaller_than_min", text, name, extra)]
        if "max" in limits and value > limits["max"]:
            text = f"Value {value} bigger than max of {limits['max']}"
            return [_error("value_bigger_than_max", text, name, extra)]
    options = kind if isinstance(kind, list) else limits.get("options") if kind == "COMBO" else None
    # Loaders judge their file by themselves, those of packs without saying so in their description.
    uploaded = any(key.endswith("_upload") for key in limits) or (name == "video" and isinstance(kind, list))
    if options is not None and not uploaded and value not in options:
        return [_error("value_not_in_list", "Value not in list", f"{name}: {value!r} not in {options}", extra)]
    return []
