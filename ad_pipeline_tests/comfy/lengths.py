"""How many frames a graph's film has, node by node, as ComfyUI's own nodes count them."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import av

Graph = Mapping[str, Mapping[str, Any]]
Uploaded = Callable[[str], bytes]
"""An input file by the name that loader nodes use."""

_PASSED_ON = ("images", "image", "samples", "latent_image", "pixels", "video", "start_image", "init_image")


@dataclass(frozen=True)
class Footage:
    """Batches of frames of one size; `rate` is 0 where nothing said one."""

    batches: tuple[int, ...]
    width: int
    height: int
    rate: float = 0.0

    @property
    def frames(self) -> int:
        return sum(self.batches)


def footage(graph: Graph, node_id: str, uploaded: Uploaded) -> Footage:
    """What comes out of a node that handles pictures."""
    node = graph[node_id]
    inputs = node["inputs"]

    def above(*names: str) -> Footage:
        for name in names:
            if isinstance(inputs.get(name), list) and inputs[name][0] in graph:
                return footage(graph, inputs[name][0], uploaded)
        return Footage((1,), 64, 64)

    match node["class_type"]:
        case "LoadVideo" | "VHS_LoadVideo":
            return _filmed(uploaded(str(inputs.get("file", inputs.get("video")))))
        case "Veo3VideoGenerationNode":
            return Footage((int(inputs["duration_seconds"]) * 24,), 720, 1280, 24.0)
        case "OpenAIVideoSora2":
            width, height = map(int, str(inputs["size"]).split("x"))
            return Footage((int(inputs["duration"]) * 30,), width, height, 30.0)
        case "EmptyImage" | "EmptyLatentImage" | "EmptySD3LatentImage":
            return Footage((int(inputs["batch_size"]),), int(inputs["width"]), int(inputs["height"]))
        case "WanImageToVideo":
            return Footage((int(inputs["length"]),), int(inputs["width"]), int(inputs["height"]))
        case "SVD_img2vid_Conditioning":
            return Footage((int(inputs["video_frames"]),), int(inputs["width"]), int(inputs["height"]))
        case "ImageScale":
            found = above("image")
            return Footage(found.batches, int(inputs["width"]), int(inputs["height"]), found.rate)
        case "RepeatLatentBatch" | "RepeatImageBatch":
            found = above("samples", "image")
            return Footage((found.frames * int(inputs["amount"]),), found.width, found.height)
        case "FrameInterpolate":
            found = above("images")
            return Footage(_each(found, lambda n: (n - 1) * int(inputs["multiplier"]) + 1), found.width, found.height)
        case "RebatchImages":
            found, size = above("images"), int(inputs["batch_size"])
            whole, rest = divmod(found.frames, size)
            return Footage((size,) * whole + ((rest,) if rest else ()), found.width, found.height)
        case "ImageFromBatch":
            found = above("image")
            return Footage(_each(found, lambda n: min(n, int(inputs["length"]))), found.width, found.height)
        case "CreateVideo":
            found, fps = above("images"), inputs["fps"]
            rate = float(fps) if not isinstance(fps, list) else above_rate(graph, fps[0], uploaded)
            return Footage(found.batches, found.width, found.height, rate)
        case _:
            return above(*_PASSED_ON)


def above_rate(graph: Graph, node_id: str, uploaded: Uploaded) -> float:
    """The rate of the film that a node took apart."""
    return footage(graph, node_id, uploaded).rate or 24.0


def _each(found: Footage, count: Callable[[int], int]) -> tuple[int, ...]:
    return tuple(count(batch) for batch in found.batches)


@functools.lru_cache(maxsize=32)
def _filmed(data: bytes) -> Footage:
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.video[0]
        frames = sum(1 for _ in container.decode(stream))
        return Footage((frames,), stream.width, stream.height, float(stream.average_rate or 24))
