"""The layers of one picture as files: what the image engine leaves and the motion engine reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ad_pipeline.engines.animatic.drawing.canvas import Bytes
from ad_pipeline.values import Size

LAYERS_FILE = "layers.json"
_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One picture with alpha over the plate; places in plate pixels.

    `depth` is 0 at the plate and 1 at the lens. One that `stands` keeps its anchor where the
    plate has it, so that a product never slides over its ground. `scale` is plate pixels per
    picture pixel: blurred layers are kept at half size.
    """

    file: str
    left_px: int
    top_px: int
    depth: float
    anchor_x: float
    anchor_y: float
    stands: bool
    scale: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Layers:
    """How plate and layers lie, and what may move in the light."""

    canvas: Size
    frame_left_px: int
    frame_top_px: int
    size: Size
    layers: tuple[Layer, ...] = ()
    light_x: float = -1.0
    sweep: bool = False
    particles: str = ""
    seed: int = 0

    def to_dict(self) -> dict[str, Any]:
        return {"version": _VERSION, **asdict(self)}


def read_layers(folder: Path) -> Layers | None:
    """The layers in `folder`, or None where there are none of this version."""
    path = folder / LAYERS_FILE
    if not path.is_file():
        return None
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if found.pop("version") != _VERSION:
            return None
        found["canvas"], found["size"] = Size(**found["canvas"]), Size(**found["size"])
        found["layers"] = tuple(Layer(**layer) for layer in found["layers"])
        return Layers(**found)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def flattened(plate: Bytes, layers: Layers, pictures: Mapping[str, Bytes]) -> Bytes:
    """The plate with its layers laid over, cut to the film's frame.

    Blended in the codec's own tone scale and not in linear light, as the motion clip blends its
    planes: so the clip begins exactly as the key image looks.
    """
    left, top = layers.frame_left_px, layers.frame_top_px
    flat = plate[top : top + layers.size.height_px, left : left + layers.size.width_px].copy()
    for layer in layers.layers:
        picture = pictures[layer.file]
        if layer.scale != 1:
            size = (round(picture.shape[1] * layer.scale), round(picture.shape[0] * layer.scale))
            picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR), np.uint8)
        _lay(flat, picture, layer.left_px - left, layer.top_px - top)
    return flat


def _lay(flat: Bytes, picture: Bytes, left: int, top: int) -> None:
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + picture.shape[1], flat.shape[1]), min(top + picture.shape[0], flat.shape[0])
    if x1 <= x0 or y1 <= y0:
        return
    part = picture[y0 - top : y1 - top, x0 - left : x1 - left]
    share = np.asarray(part[..., 3] * np.float32(1 / 255), np.float32)
    above, under = np.ascontiguousarray(part[..., :3]), np.ascontiguousarray(flat[y0:y1, x0:x1])
    flat[y0:y1, x0:x1] = cv2.blendLinear(above, under, share, np.asarray(1 - share, np.float32))
