"""Graphs as two files: what is wrong is said with file and field. The shipped ones: `test_graph_library.py`."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ad_pipeline.engines.comfy.graph_check import preflight, problems
from ad_pipeline.engines.comfy.graphs import Graph, load_graph, load_graphs
from ad_pipeline.engines.comfy.recipe import Slot, Target, fits
from ad_pipeline.errors import EngineRefused, InputRejected
from ad_pipeline_tests.comfy.captured import captured

_SHIPPED = Path(__file__).parents[2] / "comfy_graphs"
_CLASSES: dict[str, Any] = captured("object_info")

_NODES: dict[str, Any] = {
    "1": {
        "class_type": "UNETLoader",
        "_meta": {"title": "Model"},
        "inputs": {"unet_name": "z_image_turbo_bf16.safetensors", "weight_dtype": "default"},
    },
    "2": {
        "class_type": "CLIPLoader",
        "_meta": {"title": "Words"},
        "inputs": {"clip_name": "qwen_3_4b.safetensors", "type": "lumina2", "device": "default"},
    },
    "3": {"class_type": "VAELoader", "_meta": {"title": "Colours"}, "inputs": {"vae_name": "ae.safetensors"}},
    "4": {"class_type": "CLIPTextEncode", "_meta": {"title": "Prompt"}, "inputs": {"text": None, "clip": ["2", 0]}},
    "5": {
        "class_type": "EmptyLatentImage",
        "_meta": {"title": "Size"},
        "inputs": {"width": 1024, "height": 1024, "batch_size": 1},
    },
    "6": {
        "class_type": "KSampler",
        "_meta": {"title": "Sampler"},
        "inputs": {
            "model": ["1", 0], "seed": None, "steps": 8, "cfg": 1.0, "sampler_name": "res_multistep",
            "scheduler": "simple", "positive": ["4", 0], "negative": ["4", 0], "latent_image": ["5", 0], "denoise": 1.0,
        },
    },
    "7": {"class_type": "VAEDecode", "_meta": {"title": "Decode"}, "inputs": {"samples": ["6", 0], "vae": ["3", 0]}},
    "8": {
        "class_type": "SaveImage",
        "_meta": {"title": "Save"},
        "inputs": {"images": ["7", 0], "filename_prefix": "x"},
    },
}  # fmt: skip


def _model(file: str, folder: str) -> dict[str, Any]:
    return {
        "file": file, "folder": folder, "page": f"https://example.org/{file}", "size_bytes": 1, "licence": "Apache-2.0",
        "paid_ads": "yes",
    }  # fmt: skip


_RECIPE: dict[str, Any] = {
    "summary": "A picture from a text",
    "makes": "image",
    "inputs": {
        "prompt": {"kind": "text", "to": [{"node": "Prompt", "input": "text"}]},
        "seed": {"kind": "integer", "to": [{"node": "Sampler", "input": "seed"}], "at_least": 0},
        "sampler": {
            "kind": "choice",
            "to": [{"node": "Sampler", "input": "sampler_name"}],
            "choices": ["res_multistep", "euler"],
            "default": "res_multistep",
        },
    },
    "outputs": {"picture": {"node": "Save", "media": "image"}},
    "models": [
        _model("z_image_turbo_bf16.safetensors", "diffusion_models"),
        _model("qwen_3_4b.safetensors", "text_encoders"),
        _model("ae.safetensors", "vae"),
    ],
}


def _toml(value: Any) -> str:
    """A value as TOML writes it in one line."""
    match value:
        case dict():
            return "{" + ", ".join(f"{name} = {_toml(inner)}" for name, inner in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_toml, value)) + "]"
        case _:
            return json.dumps(value)


Change = Callable[[dict[str, Any], dict[str, Any]], object]


def _written(folder: Path, change: Change = lambda nodes, recipe: None) -> Path:
    nodes, recipe = copy.deepcopy(_NODES), copy.deepcopy(_RECIPE)
    change(nodes, recipe)
    (folder / "mine.json").write_text(json.dumps(nodes), encoding="utf-8")
    (folder / "mine.toml").write_text(
        "\n".join(f"{name} = {_toml(value)}" for name, value in recipe.items()), encoding="utf-8"
    )
    return folder


def _loaded(folder: Path, change: Change = lambda nodes, recipe: None) -> Graph:
    return load_graph(_written(folder, change), "mine")


# --- binding ------------------------------------------------------------------------------------


def test_values_are_bound_by_name_and_files_lie_under_the_jobs_prefix(tmp_path: Path) -> None:
    graph = _loaded(tmp_path)

    bound = graph.bound({"prompt": 'tea, "hot" {x}', "seed": 7}, prefix="jobs/1")

    assert bound.nodes["4"]["inputs"]["text"] == 'tea, "hot" {x}'
    assert (bound.nodes["6"]["inputs"]["seed"], bound.nodes["6"]["inputs"]["sampler_name"]) == (7, "res_multistep")
    assert bound.nodes["8"]["inputs"]["filename_prefix"] == "jobs/1/picture"
    assert bound.outputs == {"8": "picture"}
    assert graph.nodes["4"]["inputs"]["text"] is None


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"seed": 1}, "needs its input 'prompt'"),
        ({"prompt": "a", "seed": 1, "size": 3}, "has no input 'size'; it has prompt, sampler, seed"),
        ({"prompt": ["6", 0], "seed": 1}, r"input prompt: got \['6', 0\]"),
        ({"prompt": "a", "seed": -1}, "input seed: got -1, allowed: integer, >= 0"),
        ({"prompt": "a", "seed": 1.5}, "input seed: got 1.5"),
        ({"prompt": "a", "seed": True}, "input seed: got True"),
        ({"prompt": "a", "seed": 1, "sampler": "nope"}, "input sampler: got 'nope', allowed: res_multistep, euler"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(tmp_path: Path, values: dict[str, Any], told: str) -> None:
    with pytest.raises(InputRejected, match=told):
        _loaded(tmp_path).bound(values, prefix="p")


def test_whole_numbers_are_fitted_to_the_models_grid() -> None:
    frames = Slot(kind="integer", to=[Target(node="a", input="b")], step=4, offset=1, at_least=5, at_most=82)

    assert [frames.fitted(wanted) for wanted in (1, 5, 6, 33, 34, 200)] == [5, 5, 9, 33, 37, 81]
    assert Slot(kind="integer", to=[Target(node="a", input="b")], at_least=1.5).fitted(0) == 2


def test_a_number_that_is_none_is_refused() -> None:
    cfg = Slot(kind="number", to=[Target(node="a", input="b")], at_least=0)

    assert [fits(cfg, value) for value in (1.5, float("nan"), float("inf"))] == [True, False, False]


def test_the_version_follows_what_counts(tmp_path: Path) -> None:
    one = _loaded(tmp_path).version
    same = _loaded(tmp_path).version
    other = _loaded(tmp_path, lambda nodes, _: nodes["6"]["inputs"].update(steps=9)).version

    assert one == same != other


def test_a_persons_folder_comes_before_the_shipped_one(tmp_path: Path) -> None:
    _written(tmp_path)
    for suffix in ("json", "toml"):
        (tmp_path / f"mine.{suffix}").rename(tmp_path / f"model_free.{suffix}")

    graphs = load_graphs([tmp_path, _SHIPPED])

    assert graphs["model_free"].recipe.summary == "A picture from a text"


# --- bad files ----------------------------------------------------------------------------------


def _set(*path: str, to: Any) -> Change:
    """A change of the recipe (path begins with `toml`) or of the nodes."""

    def change(nodes: dict[str, Any], recipe: dict[str, Any]) -> None:
        at, keys = (recipe, path[1:]) if path[0] == "toml" else (nodes, path)
        for key in keys[:-1]:
            at = at[key]
        if to is ...:
            del at[keys[-1]]
        else:
            at[keys[-1]] = to

    return change


@pytest.mark.parametrize(
    ("change", "field", "told"),
    [
        (_set("6", "inputs", "model", to=["99", 0]), "mine.json: 6.inputs.model", "'99', 0.*not in the graph"),
        (_set("5", "inputs", "width", to=["8", 0]), "mine.json: ", "circle: .*8 -> 7 -> 6 -> 5 -> 8|circle"),
        (_set("4", "inputs", "clip", to=["4", 0]), "mine.json: 4.inputs", "circle: 4 -> 4"),
        (_set("4", "class_type", to=...), "mine.json: 4.class_type", "'4' has no class_type"),
        (_set("4", "inputs", to=...), "mine.json: 4.inputs", "'4' has no inputs"),
        (_set("5", "inputs", "width", to=None), "mine.json: 5.inputs.width", "width has no value"),
        (
            _set("toml", "inputs", "prompt", "to", to=[{"node": "Promt", "input": "text"}]),
            "mine.toml: inputs.prompt.to", "no node has the title 'Promt'; nearest: Prompt",
        ),
        (
            _set("toml", "inputs", "prompt", "to", to=[{"node": "Prompt", "input": "txt"}]),
            "mine.toml: inputs.prompt.to", "node 'Prompt' has no input 'txt'; it has text, clip",
        ),
        (
            _set("toml", "inputs", "prompt", "to", to=[{"node": "Prompt", "input": "clip"}]),
            "mine.toml: inputs.prompt.to", "fed by another node",
        ),
        (
            _set("toml", "inputs", "other", to={"kind": "text", "to": [{"node": "Prompt", "input": "text"}]}),
            "mine.toml: inputs.other.to", "inputs.other and inputs.prompt are bound to the same input 'text'",
        ),
        (_set("3", "_meta", "title", to="Prompt"), "mine.toml: inputs.prompt.to", "2 nodes have the title 'Prompt'"),
        (_set("toml", "outputs", "picture", "node", to="X"), "mine.toml: outputs.picture.node", "title 'X'"),
        (_set("toml", "makes", to="soup"), "makes", "mine.toml"),
        (_set("toml", "outputs", to=...), "outputs", "mine.toml misses the field 'outputs'"),
        (_set("toml", "colour", to=1), "colour", "mine.toml has an unknown field 'colour'"),
        (_set("toml", "inputs", "sampler", "default", to="x"), "", "inputs.sampler.default 'x'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_file_and_field(tmp_path: Path, change: Change, field: str, told: str) -> None:
    with pytest.raises(InputRejected) as refused:
        _loaded(tmp_path, change)

    assert re.search(told, str(refused.value)), str(refused.value)
    assert refused.value.field.startswith(field)
    assert "mine." in str(refused.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"nodes": [], "links": []}', "as ComfyUI's editor saves it"),
        ("{", "mine.json is no JSON"),
        ("[]", "holds no nodes"),
        ("{}", "holds no nodes"),
        ("[" * 200_000, "no JSON"),
        ('{"prompt": {}}', "'prompt' has no class_type"),
    ],
)
def test_a_json_that_is_no_graph_is_refused(tmp_path: Path, text: str, told: str) -> None:
    _written(tmp_path)
    (tmp_path / "mine.json").write_text(text, encoding="utf-8")

    with pytest.raises(InputRejected, match=told):
        load_graph(tmp_path, "mine")


def test_a_broken_or_missing_toml_is_named(tmp_path: Path) -> None:
    _written(tmp_path)
    (tmp_path / "mine.toml").write_text("summary = ", encoding="utf-8")
    with pytest.raises(InputRejected, match="mine.toml is no TOML"):
        load_graph(tmp_path, "mine")

    (tmp_path / "mine.toml").unlink()
    with pytest.raises(InputRejected, match="mine.toml cannot be read: No such file"):
        load_graph(tmp_path, "mine")


def test_a_graph_of_a_thousand_nodes_in_a_row_is_read(tmp_path: Path) -> None:
    def longer(nodes: dict[str, Any], recipe: dict[str, Any]) -> None:
        for number in range(1000):
            nodes[f"n{number}"] = {
                "class_type": "ImageScale",
                "inputs": {"image": ["7" if number == 0 else f"n{number - 1}", 0]},
            }

    assert len(_loaded(tmp_path, longer).nodes) == 1008


# --- against a server's classes -----------------------------------------------------------------


def test_a_right_graph_has_no_problems(tmp_path: Path) -> None:
    assert [str(problem) for problem in problems(_loaded(tmp_path), _CLASSES)] == []


@pytest.mark.parametrize(
    ("change", "field", "told"),
    [
        (_set("6", "inputs", "sampler", to="x"), "mine.json: 6.inputs.sampler", "unknown to this class; it has model"),
        (_set("6", "inputs", "cfg", to=...), "mine.json: 6.inputs.cfg", "required, but not there"),
        (_set("6", "inputs", "scheduler", to="smple"), "mine.json: 6.inputs.scheduler", "got 'smple', allowed: simple"),
        (_set("6", "inputs", "steps", to=0), "mine.json: 6.inputs.steps", "0 is outside 1 to 10000"),
        (_set("6", "inputs", "steps", to="8"), "mine.json: 6.inputs.steps", "takes INT, got '8'"),
        (_set("6", "inputs", "model", to="sdxl"), "mine.json: 6.inputs.model", "takes MODEL from another node"),
        (
            _set("6", "inputs", "model", to=["2", 0]),
            "mine.json: 6.inputs.model", "takes MODEL, but node 2 .* gives CLIP",
        ),
        (_set("6", "inputs", "model", to=["1", 3]), "mine.json: 6.inputs.model", "output 3 of node 1 .* which has 1"),
        (
            _set("1", "inputs", "unet_name", to="other.safetensors"),
            "mine.json: 1.inputs.unet_name", "'other.safetensors' is not among the models",
        ),
        (
            _set("toml", "inputs", "sampler", "choices", to=["res_multistep", "magic"]),
            "mine.json: 6.inputs.sampler_name", "got 'magic'",
        ),
        (_set("toml", "inputs", "seed", "at_least", to=-5), "mine.json: 6.inputs.seed", "-5 is outside 0"),
        (_set("toml", "outputs", "picture", "node", to="Decode"), "mine.toml: outputs.picture", "leaves no file"),
        (
            _set("9", to={"class_type": "PreviewImage", "inputs": {"images": ["7", 0]}}),
            "mine.json: 9", "node 9 .PreviewImage. feeds no output",
        ),
        (
            _set("9", to={"class_type": "IPAdapter", "inputs": {}}),
            "mine.json: 9.class_type", "needs the class IPAdapter, which is in no pack that the .toml names",
        ),
    ],
)  # fmt: skip
def test_what_a_server_would_refuse_or_swallow_is_found(tmp_path: Path, change: Change, field: str, told: str) -> None:
    found = problems(_loaded(tmp_path, change), _CLASSES)

    matching = [problem for problem in found if re.search(told, str(problem))]
    assert matching, [str(problem) for problem in found]
    assert matching[0].field == field


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({"format": "mp4", "format.codec": "vp9"}, "format.codec: got 'vp9', allowed: auto, h264, av1"),
        ({"format": "mp4", "codec": "vp9"}, "codec: got 'vp9'"),
        ({"format": "mp4"}, "format.codec: it is required"),
        ({"format": "avi", "codec": "h264"}, "format: got 'avi', allowed: auto, mp4, mkv, webm"),
        ({"format": "mp4", "format.codec": "h264"}, ""),
        ({"format": "mp4", "codec": "h264"}, ""),
    ],
)
def test_a_codec_that_the_server_would_silently_swap_is_found(
    tmp_path: Path, inputs: dict[str, str], told: str
) -> None:
    nodes = json.loads((_SHIPPED / "model_free.json").read_text(encoding="utf-8"))
    nodes["6"]["inputs"] = {"video": ["5", 0], "filename_prefix": "x", **inputs}
    (tmp_path / "film.json").write_text(json.dumps(nodes), encoding="utf-8")
    (tmp_path / "film.toml").write_bytes((_SHIPPED / "model_free.toml").read_bytes())

    found = [str(problem) for problem in problems(load_graph(tmp_path, "film"), _CLASSES)]

    assert (told in "; ".join(found)) if told else found == []


@pytest.mark.parametrize(
    ("inputs", "told"),
    [({"images.first": ["7", 0]}, ""), ({}, "images.first: it is required"), ({"images.third": ["7", 0]}, "unknown")],
)
def test_a_row_of_like_inputs_is_judged_one_by_one(tmp_path: Path, inputs: dict[str, Any], told: str) -> None:
    row = {"template": {"input": {"required": {"image": ["IMAGE", {}]}}, "names": ["first", "second"], "min": 1}}
    grows = {"input": {"required": {"images": ["COMFY_AUTOGROW_V3", row]}}, "output": [], "output_node": True}
    graph = _loaded(tmp_path, _set("8", to={"class_type": "Grows", "_meta": {"title": "Save"}, "inputs": inputs}))

    found = "; ".join(
        str(problem) for problem in problems(graph, {**_CLASSES, "Grows": grows}) if "Grows" in str(problem)
    )

    assert (told in found) if told else not found


def test_preflight_names_the_model_files_and_packs_that_a_node_lacks(tmp_path: Path) -> None:
    classes = copy.deepcopy(_CLASSES)
    classes["UNETLoader"]["input"]["required"]["unet_name"] = [[]]

    with pytest.raises(EngineRefused) as refused:
        preflight(_loaded(tmp_path), classes, node_name="gpu3")

    assert str(refused.value) == (
        "graph mine cannot run on node gpu3: models/diffusion_models/z_image_turbo_bf16.safetensors is not there; "
        "get it from https://example.org/z_image_turbo_bf16.safetensors (licence: Apache-2.0)"
    )
    assert "라이선스" in refused.value.message.said_in("ko")
    with pytest.raises(EngineRefused, match="needs the class KSampler"):
        preflight(_loaded(tmp_path), {k: v for k, v in classes.items() if k != "KSampler"}, node_name="gpu3")


def test_other_peoples_odd_classes_do_not_keep_a_graph_from_a_node(tmp_path: Path) -> None:
    odd = [
        None,
        [],
        {"input": None},
        {"input": {"required": None, "optional": {"a": [], "b": "STRING", "c": None}}},
        {"input": {"required": {"a": ["COMBO"], "b": ["COMBO", {"options": 5}], "c": [[1, None, ["x"]]]}}},
    ]
    classes: dict[str, Any] = {**_CLASSES, **{f"Odd{number}": spec for number, spec in enumerate(odd)}}

    preflight(_loaded(tmp_path), classes, node_name="gpu3")
