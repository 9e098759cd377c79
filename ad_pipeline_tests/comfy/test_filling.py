"""What of a wish reaches a graph's own inputs, for the graphs that we ship."""

from __future__ import annotations

from typing import Any

import pytest

from ad_pipeline.engines.comfy.filling import Wish, filled
from ad_pipeline.engines.comfy.graph_folders import built_in_graphs
from ad_pipeline.engines.comfy.graphs import Graph, load_graph
from ad_pipeline.values import Size

_REELS = Size(width_px=1080, height_px=1920)
_WIDE = Size(width_px=1920, height_px=1080)


def _graph(name: str) -> Graph:
    return load_graph(built_in_graphs(), name)


@pytest.mark.parametrize(
    ("graph", "style", "module"),
    [
        ("animatediff_sd15", "gentle drift", "v3_sd15_mm.ckpt"),
        ("animatediff_sd15", "slow zoom-in", "v3_sd15_mm.ckpt"),
        ("animatediff_sd15", "orbit", "mm_sd_v15_v2.ckpt"),
    ],
)
def test_the_motion_style_chooses_the_motion_module(graph: str, style: str, module: str) -> None:
    wish = Wish(prompt="a bottle", motion_style=style, size=_REELS, film_frames=61)

    assert filled(_graph(graph), wish)["motion_module"] == module


def test_a_graph_without_a_choice_of_modules_is_told_no_style() -> None:
    assert "motion_module" not in filled(_graph("wan21_i2v_480p"), Wish(motion_style="orbit", film_frames=61))


@pytest.mark.parametrize(
    ("graph", "film_frames", "frames"),
    [("wan21_i2v_480p", 61, 41), ("wan21_i2v_480p", 10_000, 81), ("animatediff_sd15", 61, 21)],
)
def test_a_film_of_so_many_frames_asks_for_as_many_as_the_model_needs(
    graph: str, film_frames: int, frames: int
) -> None:
    assert filled(_graph(graph), Wish(film_frames=film_frames))["frames"] == frames


@pytest.mark.parametrize(
    ("graph", "size", "name", "choice"),
    [
        ("veo3", _REELS, "aspect_ratio", "9:16"),
        ("veo3", _WIDE, "aspect_ratio", "16:9"),
        ("sora2", _REELS, "size", "720x1280"),
        ("sora2", _WIDE, "size", "1280x720"),
    ],
)
def test_a_service_is_asked_for_the_shape_that_is_nearest(graph: str, size: Size, name: str, choice: str) -> None:
    assert filled(_graph(graph), Wish(prompt="x", size=size))[name] == choice


@pytest.mark.parametrize(("seconds", "asked"), [(2.4, 4), (4.0, 4), (4.1, 6), (30.0, 8)])
def test_a_service_that_sells_whole_seconds_is_asked_for_enough(seconds: float, asked: int) -> None:
    assert filled(_graph("veo3"), Wish(prompt="x", duration_s=seconds))["duration_s"] == asked


def test_no_picture_is_asked_of_a_model_much_larger_than_it_is_made_for() -> None:
    for name in ("z_image_turbo", "sdxl_brand", "wan21_i2v_480p", "animatediff_sd15"):
        graph = _graph(name)
        found = filled(graph, Wish(prompt="x", size=_REELS))
        width, height = found["width"], found["height"]

        assert isinstance(width, int) and isinstance(height, int)
        native = (graph.recipe.native_width_px or 0) * (graph.recipe.native_height_px or 0)
        assert 0.85 * native <= width * height <= 1.05 * native, name
        assert width / height == pytest.approx(9 / 16, rel=0.04), name


def test_what_a_person_wishes_stands_in_the_graph_that_is_sent() -> None:
    wish = Wish(
        prompt="a bottle", negative="hands", seed=7, steps=12, cfg=5.5, size=_REELS,
        more={"lora": "brand.safetensors", "lora_strength": 0.8},
    )  # fmt: skip
    graph = _graph("sdxl_brand")

    sent = graph.given(values := filled(graph, wish)).bound({**values}, prefix="x").nodes  # type: ignore[arg-type]  # no file among them

    def inputs(class_type: str) -> list[dict[str, Any]]:
        return [node["inputs"] for node in sent.values() if node["class_type"] == class_type]

    assert {one["text"] for one in inputs("CLIPTextEncode")} == {"a bottle", "hands"}
    assert [(one["seed"], one["steps"], one["cfg"]) for one in inputs("KSampler")] == [(7, 12, 5.5)]
    (lora,) = inputs("LoraLoader")
    assert (lora["lora_name"], lora["strength_model"]) == ("brand.safetensors", 0.8)


def test_a_wish_beyond_the_models_limits_is_brought_within_them() -> None:
    assert filled(_graph("svd"), Wish(motion_bucket=100_000))["motion_bucket"] == 255
