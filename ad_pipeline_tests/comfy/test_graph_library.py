"""The graphs that come with the program: held against a real server's classes, whole in each of their forms."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from ad_pipeline.engines.comfy.graph_check import preflight, problems
from ad_pipeline.engines.comfy.graph_folders import built_in_graphs, graph_folders
from ad_pipeline.engines.comfy.graphs import Graph, load_graph, load_graphs
from ad_pipeline.engines.comfy.recipe import Slot, Value, narrowest
from ad_pipeline.engines.contracts import PaidAds
from ad_pipeline.engines.registry import graphs_of
from ad_pipeline.errors import EngineRefused, InputRejected
from ad_pipeline.routing.catalogue import models
from ad_pipeline_tests.comfy.captured import node_classes
from ad_pipeline_tests.comfy.graph_table import DOCUMENT, document_with_tables

_CLASSES: dict[str, Any] = node_classes()
_GRAPHS = load_graphs([built_in_graphs()])
_NAMES = sorted(_GRAPHS)
_FILMS = [name for name in _NAMES if _GRAPHS[name].recipe.film_rate_fps]
_OPTIONAL = [(name, slot) for name in _NAMES for slot, told in _GRAPHS[name].recipe.inputs.items() if told.optional]


def _some(slot: Slot) -> Value:
    """A value that the slot allows and that is not its default, where there is one."""
    match slot.kind:
        case "integer":
            least = int(slot.at_least or 0)
            return slot.fitted(least + slot.step if slot.at_most is None or slot.at_most > least else least)
        case "number":
            return float(slot.at_least or 0)
        case "flag":
            return True
        case "choice":
            return slot.choices[-1]
        case _:
            return f"given {slot.kind}.safetensors"


def _values(graph: Graph, *, optional: bool) -> dict[str, Value]:
    return {name: _some(slot) for name, slot in graph.recipe.inputs.items() if optional or not slot.optional}


def _needed(graph: Graph) -> dict[str, Value]:
    """Only what must be given."""
    return {
        name: _some(slot)
        for name, slot in graph.recipe.inputs.items()
        if slot.default is None and not slot.optional
    }  # fmt: skip


# --- what there is ------------------------------------------------------------------------------


def test_every_model_that_the_stages_name_has_its_graph() -> None:
    wanted = """
        model_free z_image_turbo qwen_edit_2509 qwen_edit_2509_lightning qwen_edit_2511 qwen_edit_2511_lightning
        sdxl_brand sdxl_depth sdxl_canny sdxl_lineart wan21_i2v_480p wan21_i2v_720p animatediff_sd15 animatediff_sdxl
        animatediff_sd15_text svd face_mesh latentsync mmaudio_video mmaudio_text interpolate upscale upscale_video
        veo3 sora2 dalle3 gpt_image
    """.split()

    assert sorted(wanted) == _NAMES


def test_inputs_and_outputs_are_called_the_same_in_every_graph() -> None:
    inputs = {name for graph in _GRAPHS.values() for name in graph.recipe.inputs}
    outputs = {(name, slot.media) for graph in _GRAPHS.values() for name, slot in graph.recipe.outputs.items()}

    pictures = {("picture", "image"), ("picture_2", "image"), ("picture_3", "image")}
    assert outputs == {*pictures, ("film", "video"), ("sound", "audio")}
    assert inputs == set(
        """
        prompt negative image image_2 image_3 control_image audio video seed steps cfg width height frames fps
        motion_bucket augmentation lora lora_strength strength control_strength motion_module duration_s multiplier
        every interpolation checkpoint sampler scheduler weight_dtype
        aspect_ratio resolution size model quality style with_sound confidence
        """.split()
    )


@pytest.mark.parametrize(
    ("name", "defaults"),
    [
        ("z_image_turbo", {"steps": 8}),
        ("qwen_edit_2509", {"steps": 20, "cfg": 4.0}),
        ("qwen_edit_2509_lightning", {"steps": 4}),
        ("qwen_edit_2511", {"steps": 40, "cfg": 4.0}),
        ("qwen_edit_2511_lightning", {"steps": 4}),
        ("sdxl_brand", {"steps": 30, "cfg": 7.5, "sampler": "dpmpp_2m_sde_gpu", "scheduler": "karras"}),
        ("sdxl_depth", {"lora_strength": 0.8}),
        ("wan21_i2v_480p", {"steps": 20, "cfg": 6.0}),
        ("latentsync", {"steps": 20, "strength": 1.5}),
        ("mmaudio_video", {"steps": 25, "cfg": 4.5}),
    ],
)
def test_settings_are_those_of_the_models_makers(name: str, defaults: dict[str, Value]) -> None:
    inputs = _GRAPHS[name].recipe.inputs

    assert {slot: inputs[slot].default for slot in defaults} == defaults


def test_out_of_memory_leads_to_a_smaller_graph_and_ends() -> None:
    for graph in _GRAPHS.values():
        seen: list[str] = []
        while graph.recipe.smaller:
            assert graph.name not in seen
            seen.append(graph.name)
            smaller = _GRAPHS[graph.recipe.smaller]
            assert smaller.recipe.makes == graph.recipe.makes
            assert smaller.recipe.vram_gb <= graph.recipe.vram_gb
            graph = smaller


def test_the_licences_of_models_decide_on_paid_ads() -> None:
    told = {name: graph.recipe.paid_ads for name, graph in _GRAPHS.items()}

    assert {name for name, terms in told.items() if terms == "no"} == {"latentsync", "mmaudio_text", "mmaudio_video"}
    assert told["svd"] == told["veo3"] == "limited"
    assert told["wan21_i2v_720p"] == told["model_free"] == "yes"


def test_the_route_knows_the_narrowest_terms_of_all_graphs_of_a_model() -> None:
    for model_id, row in models().items():
        terms: list[PaidAds] = [_GRAPHS[name].recipe.paid_ads for name in graphs_of(model_id)]
        if terms:
            assert row.licence.paid_ads == narrowest(terms), model_id
            assert row.licence.paid_ads == "yes" or row.licence.note or "NC" in row.licence.name, model_id


def test_when_memory_runs_out_no_smaller_graph_forbids_what_the_larger_one_allows() -> None:
    for graph in _GRAPHS.values():
        if graph.recipe.smaller and graph.recipe.paid_ads != "no":
            assert _GRAPHS[graph.recipe.smaller].recipe.paid_ads != "no"


def _granted(text: str) -> str:
    """As somebody writes it who bought InsightFace's licence."""
    return text.replace('paid_ads = "no"', 'paid_ads = "yes"').replace("non-commercial research only", "bought")


def _forbidden(text: str) -> str:
    return text.replace('paid_ads = "yes"', 'paid_ads = "no"')


@pytest.mark.parametrize(
    ("graph", "change", "model_id", "before", "after"),
    [
        ("latentsync", _granted, "comfyui/latentsync-1.6", "no", "yes"),
        ("wan21_i2v_480p", _forbidden, "comfyui/wan2.1_i2v_14b", "yes", "no"),
        ("sdxl_canny", _forbidden, "comfyui/sdxl_controlnet", "limited", "no"),
    ],
)
def test_the_route_goes_by_the_terms_of_a_persons_graph_in_the_place_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, graph: str, change: Callable[[str], str], model_id: str,
    before: str, after: str,
) -> None:  # fmt: skip
    folder = built_in_graphs()
    (tmp_path / f"{graph}.json").write_bytes((folder / f"{graph}.json").read_bytes())
    text = change((folder / f"{graph}.toml").read_text(encoding="utf-8"))
    (tmp_path / f"{graph}.toml").write_text(text, encoding="utf-8")
    was = models()[model_id].licence.paid_ads

    monkeypatch.setenv("AD_PIPELINE_GRAPHS", str(tmp_path))

    assert (was, models()[model_id].licence.paid_ads) == (before, after)


def test_model_files_tell_where_they_come_from_and_what_is_not_known() -> None:
    for graph in _GRAPHS.values():
        for model in graph.recipe.models:
            assert model.page.startswith("https://") and model.licence
            assert model.url.startswith("https://") or "by hand" in model.note
            assert model.size_bytes or "not known" in model.note
            assert not model.sha256, "a checksum that nobody here verified"


# --- against a real server's classes ------------------------------------------------------------


def _with_files(graph: Graph) -> dict[str, Any]:
    """The captured classes of a server on which every model file of the graph lies."""
    classes = copy.deepcopy(_CLASSES)
    for node in graph.nodes.values():
        spec = classes[node["class_type"]]["input"]
        for declared in (one for group in ("required", "optional") for one in spec.get(group, {}).values()):
            if isinstance(declared[0], list):
                declared[0].extend(model.file for model in graph.recipe.models)
            elif declared[0] == "COMBO":
                declared[1]["options"].extend(model.file for model in graph.recipe.models)
    return classes


@pytest.mark.parametrize("name", _NAMES)
def test_a_graph_holds_against_a_real_servers_classes(name: str) -> None:
    assert [str(problem) for problem in problems(_GRAPHS[name], _CLASSES)] == []
    preflight(_GRAPHS[name], _with_files(_GRAPHS[name]), node_name="gpu0")


@pytest.mark.parametrize("name", [name for name in _NAMES if any(not m.unlisted for m in _GRAPHS[name].recipe.models)])
def test_a_node_without_the_model_files_is_told_which_and_where_from(name: str) -> None:
    classes = json.loads(re.sub(r'"[^"]*\.(safetensors|ckpt|pth|pt)"', '"none"', json.dumps(_CLASSES)))

    with pytest.raises(EngineRefused) as refused:
        preflight(_GRAPHS[name], classes, node_name="gpu0")

    for model in _GRAPHS[name].recipe.models:
        if not (model.optional or model.unlisted):
            assert f"models/{model.folder}/{model.file} is not there; get it from {model.page}" in str(refused.value)


def _node(graph: dict[str, Any], fits: Callable[[dict[str, Any]], bool]) -> str:
    return next(node_id for node_id, node in graph.items() if fits(node))


def _without_a_node(nodes: dict[str, Any]) -> None:
    """The first node that others need."""
    needed = {value[0] for node in nodes.values() for value in node["inputs"].values() if isinstance(value, list)}
    del nodes[next(node_id for node_id in nodes if node_id in needed)]


def _without_an_input(nodes: dict[str, Any]) -> None:
    """A required link of a node."""
    node = nodes[_node(nodes, lambda node: any(_is_required_link(node, name) for name in node["inputs"]))]
    del node["inputs"][next(name for name in node["inputs"] if _is_required_link(node, name))]


def _is_required_link(node: dict[str, Any], name: str) -> bool:
    return isinstance(node["inputs"][name], list) and name in _CLASSES[node["class_type"]]["input"]["required"]


def _wrong_choice(nodes: dict[str, Any]) -> None:
    """A word that the node does not know, in place of one that it does."""
    for node in nodes.values():
        spec = _CLASSES[node["class_type"]]["input"]
        for name, declared in {**spec.get("required", {}), **spec.get("optional", {})}.items():
            is_choice = declared[0] == "COMBO" or isinstance(declared[0], list)
            if is_choice and isinstance(node["inputs"].get(name), str):
                node["inputs"][name] = "no such word"
                return
    for node in nodes.values():
        if "format" in node["inputs"]:
            node["inputs"]["format"] = "no such format"
            return
    raise AssertionError("no choice to break")


def _wrong_link(nodes: dict[str, Any]) -> None:
    """An output of another type."""
    for node in nodes.values():
        for name, link in node["inputs"].items():
            for other_id, other in nodes.items():
                if isinstance(link, list) and _is_of_other_type(nodes, link, other):
                    node["inputs"][name] = [other_id, 0]
                    return
    raise AssertionError("no link to break")


def _is_of_other_type(nodes: dict[str, Any], link: list[Any], other: dict[str, Any]) -> bool:
    gives = _CLASSES[nodes[link[0]]["class_type"]]["output"][link[1]]
    others = _CLASSES[other["class_type"]]["output"]
    no_way_back = not any(isinstance(value, list) for value in other["inputs"].values())
    return bool(others) and others[0] != gives and no_way_back


def _unknown_class(nodes: dict[str, Any]) -> None:
    next(iter(nodes.values()))["class_type"] = "NoSuchNode"


def _a_loose_end(nodes: dict[str, Any]) -> None:
    source, output = next(
        (node_id, number)
        for node_id, node in nodes.items()
        for number, kind in enumerate(_CLASSES[node["class_type"]]["output"])
        if kind in ("IMAGE", "VIDEO", "AUDIO")
    )
    kind = _CLASSES[nodes[source]["class_type"]]["output"][output]
    saver = {
        "IMAGE": ("PreviewImage", "images"),
        "VIDEO": ("GetVideoComponents", "video"),
        "AUDIO": ("SaveAudio", "audio"),
    }
    class_type, name = saver[kind]
    nodes["99"] = {"class_type": class_type, "inputs": {name: [source, output], "filename_prefix": "x"}}


_BREAKS = [_without_a_node, _without_an_input, _wrong_choice, _wrong_link, _unknown_class, _a_loose_end]
_NOT_THERE = {("dalle3", _wrong_choice), ("dalle3", _wrong_link), ("gpt_image", _wrong_link)}
_NOT_THERE |= {("face_mesh", _wrong_choice), ("face_mesh", _wrong_link)}
"""Two nodes: all its choices are inputs, and its one link has nothing else to go to. In face_mesh all are pictures."""


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        pytest.param(name, broken, id=f"{name}{broken.__name__}")
        for name in _NAMES
        for broken in _BREAKS
        if (name, broken) not in _NOT_THERE
    ],
)
def test_a_graph_that_was_broken_is_refused(
    tmp_path: Path, name: str, broken: Callable[[dict[str, Any]], None]
) -> None:
    nodes = copy.deepcopy(dict(_GRAPHS[name].nodes))
    broken(nodes)
    (tmp_path / f"{name}.json").write_text(json.dumps(nodes), encoding="utf-8")
    (tmp_path / f"{name}.toml").write_bytes((built_in_graphs() / f"{name}.toml").read_bytes())
    classes = {**_CLASSES, "PreviewImage": {"input": {"required": {"images": ["IMAGE", {}]}}, "output": []}}
    classes["SaveAudio"] = {"input": {"required": {"audio": ["AUDIO", {}]}}, "output": []}

    try:
        found = problems(load_graph(tmp_path, name), classes)
    except InputRejected as refused:
        found = [refused]

    assert found


# --- binding ------------------------------------------------------------------------------------


@pytest.mark.parametrize("optional", [True, False], ids=["all given", "optional left out"])
@pytest.mark.parametrize("name", _NAMES)
def test_a_bound_graph_has_every_value_and_no_open_link(name: str, optional: bool) -> None:
    graph = _GRAPHS[name]
    values = _values(graph, optional=optional)

    bound = graph.bound(values, prefix="jobs/1")

    for node in bound.nodes.values():
        for value in node["inputs"].values():
            assert value is not None
            assert not isinstance(value, list) or value[0] in bound.nodes
    kept = graph.given(values.keys())
    for slot_name, slot in kept.recipe.inputs.items():
        for target in slot.to:
            assert bound.nodes[kept.node_id(target.node)]["inputs"][target.input] == values[slot_name]
    assert set(bound.outputs.values()) == set(graph.recipe.outputs)


@pytest.mark.parametrize("name", _NAMES)
def test_only_what_must_be_given_is_enough(name: str) -> None:
    bound = _GRAPHS[name].bound(_needed(_GRAPHS[name]), prefix="p")

    assert all(value is not None for node in bound.nodes.values() for value in node["inputs"].values())


@pytest.mark.parametrize(("name", "slot"), _OPTIONAL)
def test_an_optional_input_takes_its_nodes_with_it(name: str, slot: str) -> None:
    graph = _GRAPHS[name]
    every = set(graph.recipe.inputs)

    less = graph.given(every - {slot})

    titles = {node["_meta"]["title"] for node in less.nodes.values()}
    assert not titles & {out.node for out in graph.recipe.inputs[slot].left_out}
    assert slot not in less.recipe.inputs
    assert problems(less, _CLASSES) == []
    assert graph.given(every) is graph


def test_plain_sdxl_needs_neither_pack_nor_the_packs_files() -> None:
    plain = _GRAPHS["sdxl_brand"].given(_needed(_GRAPHS["sdxl_brand"]).keys())

    assert plain.classes == {
        "CheckpointLoaderSimple", "CLIPTextEncode", "EmptyLatentImage", "KSampler", "VAEDecode", "SaveImage"
    }  # fmt: skip
    assert plain.recipe.packs == []
    assert [model.file for model in plain.recipe.models if not model.optional] == ["sd_xl_base_1.0.safetensors"]
    assert "strength" not in plain.recipe.inputs and "lora_strength" not in plain.recipe.inputs


def test_a_value_for_a_node_that_was_left_out_does_no_harm() -> None:
    graph = _GRAPHS["sdxl_brand"]

    bound = graph.bound({**_needed(graph), "lora_strength": 0.5}, prefix="p")

    assert not any(node["class_type"] == "LoraLoader" for node in bound.nodes.values())


# --- sizes and frames ---------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1080, 1920), (1080, 1080), (1080, 1350), (1920, 1080)])
@pytest.mark.parametrize("name", [name for name in _NAMES if _GRAPHS[name].recipe.native_width_px])
def test_a_picture_has_the_ads_shape_and_the_models_number_of_pixels(name: str, size: tuple[int, int]) -> None:
    recipe = _GRAPHS[name].recipe
    budget = (recipe.native_width_px or 0) * (recipe.native_height_px or 0)

    width, height = recipe.size_for(*size)

    assert width % recipe.inputs["width"].step == height % recipe.inputs["height"].step == 0
    assert 0.85 * budget <= width * height <= 1.05 * budget
    assert width / height == pytest.approx(size[0] / size[1], rel=0.06)
    _GRAPHS[name].bound({**_needed(_GRAPHS[name]), "width": width, "height": height}, prefix="p")


def test_a_graph_without_a_size_of_its_own_takes_the_ads() -> None:
    assert _GRAPHS["upscale"].recipe.size_for(1080, 1920) == (1080, 1920)


def _frames_made(graph: Graph, frames: int) -> int:
    """How many frames the graph's own nodes make of `frames`, read from the graph."""
    (between,) = (node for node in graph.nodes.values() if node["class_type"] == "FrameInterpolate")
    count = between["inputs"]["multiplier"] * (frames - 1) + 1
    groups = [node["inputs"]["batch_size"] for node in graph.nodes.values() if node["class_type"] == "RebatchImages"]
    every = min(groups, default=1)
    return -(-count // every)


def _allowed_frames(graph: Graph) -> Iterator[int]:
    slot = graph.recipe.inputs["frames"]
    yield from range(slot.fitted(int(slot.at_least or 1)), int(slot.at_most or 0) + 1, slot.step)


@pytest.mark.parametrize("name", _FILMS)
def test_a_film_has_exactly_the_frames_that_its_recipe_says(name: str) -> None:
    graph = _GRAPHS[name]
    recipe = graph.recipe
    stretch = Fraction(str(recipe.film_rate_fps)) / Fraction(str(recipe.rate_fps))

    for frames in _allowed_frames(graph):
        assert recipe.film_frames(frames) == _frames_made(graph, frames)
        assert recipe.film_frames(frames) - 1 == (frames - 1) * stretch, "the last frame is the model's own"
        assert recipe.frames_for(recipe.film_frames(frames)) == frames
    (film,) = (node for node in graph.nodes.values() if node["class_type"] == "CreateVideo")
    assert film["inputs"]["fps"] == recipe.film_rate_fps == 24.0


def test_frames_are_asked_for_so_that_the_film_is_long_enough() -> None:
    wan, svd = _GRAPHS["wan21_i2v_480p"].recipe, _GRAPHS["svd"].recipe

    asked = [(wan.frames_for(film), wan.film_frames(wan.frames_for(film))) for film in (1, 48, 73, 74, 121, 500)]

    assert asked == [(5, 7), (33, 49), (49, 73), (53, 79), (81, 121), (81, 121)]
    assert (svd.frames_for(72), svd.frames_for(200)) == (25, 25)


# --- files and papers ---------------------------------------------------------------------------


def test_a_persons_folders_come_first(tmp_path: Path) -> None:
    assert graph_folders([tmp_path]) == (tmp_path, built_in_graphs())


def test_what_is_installed_carries_the_graphs_in_the_package(tmp_path: Path) -> None:
    top = built_in_graphs().parent
    subprocess.run(
        [sys.executable, "setup.py", "-q", "build_py", "--build-lib", tmp_path],
        cwd=top, check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    ask = "from ad_pipeline.engines.comfy.graph_folders import built_in_graphs as b; print(b())"

    found = subprocess.run(
        [sys.executable, "-c", ask],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)}, check=True, capture_output=True, text=True,
        timeout=60,
    ).stdout.strip()  # fmt: skip

    assert Path(found) == tmp_path / "ad_pipeline" / "comfy_graphs"
    assert load_graphs([Path(found)]).keys() == _GRAPHS.keys()


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputRejected, match="AD_PIPELINE_GRAPHS names .*nowhere, which is no folder"):
        graph_folders([tmp_path / "nowhere"])


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ('optional = true\ndefault = "x"', "optional and has a default"),
        ('optional = true\nwithout = [{ node = "Nowhere" }]', "no node has the title 'Nowhere'"),
        (
            'optional = true\nwithout = [{ node = "Picture", passes = ["image"] }]',
            "node 'Picture' has no linked input 'image' to pass on",
        ),
    ],
)
def test_a_wrong_optional_input_is_named(tmp_path: Path, lines: str, told: str) -> None:
    text = (built_in_graphs() / "upscale.toml").read_text(encoding="utf-8")
    place = 'to = [{ node = "Picture", input = "image" }]\n'
    (tmp_path / "mine.toml").write_text(text.replace(place, f"{place}{lines}\n"), encoding="utf-8")
    (tmp_path / "mine.json").write_bytes((built_in_graphs() / "upscale.json").read_bytes())

    with pytest.raises(InputRejected) as refused:
        load_graph(tmp_path, "mine")

    assert told in str(refused.value)


@pytest.mark.parametrize("folder", ["../outside", "/etc", "vae/../..", "", "vae//x", "C:\\x"])
def test_a_model_folder_that_leads_out_is_refused(tmp_path: Path, folder: str) -> None:
    text = (built_in_graphs() / "upscale.toml").read_text(encoding="utf-8")
    text = text.replace('folder = "upscale_models"', f"folder = {json.dumps(folder)}")
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    (tmp_path / "mine.json").write_bytes((built_in_graphs() / "upscale.json").read_bytes())

    with pytest.raises(InputRejected, match="models"):
        load_graph(tmp_path, "mine")


def test_the_tables_of_the_document_are_the_graphs() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == document_with_tables(), (
        "run: python -m ad_pipeline_tests.comfy.graph_table"
    )
