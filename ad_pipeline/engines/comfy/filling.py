"""What a graph's inputs get: whatever of the wishes it has a slot for, in the shape that the slot allows.

Graphs are data, and a person's own has whichever inputs it has; so nothing here knows a graph by name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ad_pipeline.engines.comfy.graphs import Graph
from ad_pipeline.engines.comfy.recipe import Slot, Value
from ad_pipeline.values import Size

_CALM = ("gentle drift", "slow zoom-in", "")
_MODULES = {
    # AnimateDiff's v3 keeps to the picture; v2 for SD 1.5 moves more.
    True: ("v3_sd15_mm.ckpt", "mm_sdxl_v10_beta.ckpt"),
    False: ("mm_sd_v15_v2.ckpt", "mm_sdxl_v10_beta.ckpt"),
}
_PAIR = re.compile(r"^(\d+)[x:](\d+)$")


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What somebody wants of a graph; what is None or empty is left to the graph's own default.

    `film_frames` at 24 fps are turned into as many frames as the model makes for them; `frames` are
    the model's own.
    """

    prompt: str = ""
    negative: str = ""
    seed: int = 0
    steps: int | None = None
    cfg: float | None = None
    size: Size | None = None
    exact_size: bool = False
    """The size as it is, for graphs that scale; else one of the same shape that the model is made for."""
    frames: int | None = None
    film_frames: int | None = None
    duration_s: float | None = None
    motion_style: str | None = None
    motion_bucket: int | None = None
    files: Mapping[str, Path] = field(default_factory=dict[str, Path])
    more: Mapping[str, Value] = field(default_factory=dict[str, Value])
    """Other inputs by name, e.g. a LoRA; left out where the graph has none of that name."""


def filled(graph: Graph, wish: Wish) -> dict[str, Value | Path]:
    """The values for `graph`, by the names of its inputs."""
    slots = graph.recipe.inputs
    found: dict[str, Value | Path] = {name: path for name, path in wish.files.items() if name in slots}
    plain: dict[str, Value | None] = {
        "prompt": wish.prompt or None,
        "negative": wish.negative or None,
        "seed": wish.seed,
        "steps": wish.steps,
        "cfg": wish.cfg,
        "motion_bucket": wish.motion_bucket,
        **wish.more,
    }
    found |= {
        name: _allowed(slots[name], value) for name, value in plain.items() if name in slots and value is not None
    }
    if "prompt" in slots and "prompt" not in found and slots["prompt"].default is None:
        found["prompt"] = ""
    if wish.size is not None:
        found |= _sized(graph, wish.size, exact=wish.exact_size)
    frames = _frames(graph, wish)
    if "frames" in slots and frames is not None:
        found["frames"] = frames
    if "duration_s" in slots and wish.duration_s is not None:
        found["duration_s"] = _lasting(slots["duration_s"], wish.duration_s)
    if "motion_module" in slots and wish.motion_style is not None:
        module = next(
            (one for one in _MODULES[wish.motion_style in _CALM] if one in slots["motion_module"].choices), None
        )
        found |= {"motion_module": module} if module else {}
    return found


def _sized(graph: Graph, size: Size, *, exact: bool) -> dict[str, Value]:
    """Width and height, or the choice of a shape that comes nearest."""
    slots = graph.recipe.inputs
    found: dict[str, Value] = {}
    width, height = (size.width_px, size.height_px) if exact else graph.recipe.size_for(size.width_px, size.height_px)
    if "width" in slots and "height" in slots:
        found = {"width": width, "height": height}
    for name in ("size", "aspect_ratio"):
        if name in slots and slots[name].kind == "choice":
            found[name] = min(slots[name].choices, key=lambda choice: _off(choice, size))
    return found


def _off(choice: str, size: Size) -> float:
    """How far the shape `720x1280` or `9:16` is from the wanted one; of equal shapes the larger is nearer."""
    pair = _PAIR.match(choice)
    if not pair:
        return math.inf
    width, height = int(pair[1]), int(pair[2])
    return abs(math.log(width / height * size.height_px / size.width_px)) - width * height * 1e-9


def _frames(graph: Graph, wish: Wish) -> int | None:
    slot = graph.recipe.inputs.get("frames")
    if slot is None:
        return None
    if wish.frames is not None:
        return slot.fitted(wish.frames)
    return graph.recipe.frames_for(wish.film_frames) if wish.film_frames is not None else None


def _lasting(slot: Slot, seconds: float) -> Value:
    """At least so long, where the slot allows it."""
    if slot.kind == "integer":
        return slot.fitted(math.ceil(seconds - 1e-6))
    return _allowed(slot, seconds)


def _allowed(slot: Slot, value: Value) -> Value:
    """A number brought within the slot's limits; anything else as it is, to be refused with its name."""
    if isinstance(value, str | bool):
        return value
    if slot.at_least is not None and value < slot.at_least:
        value = type(value)(slot.at_least)
    if slot.at_most is not None and value > slot.at_most:
        value = type(value)(slot.at_most)
    return float(value) if slot.kind == "number" else value
