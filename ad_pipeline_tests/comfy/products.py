"""The files that the test server's output nodes leave: real, tiny, of the size, length and rate the graph asks for."""

from __future__ import annotations

import functools
import io
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
from PIL import Image

from ad_pipeline_tests.comfy.faces import mesh, spoken_film
from ad_pipeline_tests.comfy.lengths import Uploaded, footage

Graph = Mapping[str, Mapping[str, Any]]

_KEYS = {
    "SaveImage": ("images", "png"),
    "PreviewImage": ("images", "png"),
    "SaveImageAdvanced": ("images", "png"),
    "SaveVideo": ("images", "mp4"),
    "SaveAudio": ("audio", "flac"),
    "SaveAudioAdvanced": ("audio", "flac"),
    "VHS_VideoCombine": ("gifs", "mp4"),
}


@dataclass(frozen=True, kw_only=True)
class Product:
    """One file of an output node, and the key under which the node lists it."""

    key: str
    suffix: str
    data: bytes


def product(graph: Graph, node_id: str, uploaded: Uploaded) -> Product | None:
    """What the node leaves; None for a node that leaves no file."""
    key, suffix = _KEYS.get(graph[node_id]["class_type"], ("", ""))
    width, height = int(_upstream(graph, node_id, "width", 64)), int(_upstream(graph, node_id, "height", 64))
    match suffix:
        case "png":
            looked_at = _file_above(graph, node_id, "MediaPipe-FaceMeshPreprocessor", "image")
            data = mesh(uploaded(looked_at)) if looked_at else picture(width, height, subject=subject(graph))
        case "mp4":
            shot = footage(graph, node_id, uploaded)
            data = _spoken(graph, node_id, uploaded) or film(shot.width, shot.height, shot.frames, shot.rate or 24.0)
        case "flac":
            data = sound(_sound_s(graph, node_id, uploaded))
        case _:
            return None
    return Product(key=key, suffix=suffix, data=data)


def _spoken(graph: Graph, node_id: str, uploaded: Uploaded) -> bytes | None:
    """LatentSync's film, where the graph has one and the clip shows a face."""
    clip = _file_above(graph, node_id, "LatentSyncNode", "video")
    return (
        spoken_film(uploaded(clip), uploaded(_file_above(graph, node_id, "LatentSyncNode", "audio"))) if clip else None
    )


def _file_above(graph: Graph, node_id: str, class_type: str, name: str) -> str:
    """The file that comes in by an input `name` above the first node of that class above `node_id`; "" without."""
    above = [node_id]
    for one in above:
        above += [value[0] for value in graph[one]["inputs"].values() if isinstance(value, list) and value[0] in graph]
    start = next((one for one in above if graph[one]["class_type"] == class_type), None)
    if start is None:
        return ""
    files = (_upstream_text(graph, one, name) for one in above[above.index(start) :])
    return next((file for file in files if file), "")


def _upstream_text(graph: Graph, node_id: str, name: str) -> str:
    value = graph[node_id]["inputs"].get(name)
    return value if isinstance(value, str) else ""


def subject(graph: Graph) -> int:
    """What a picture shows: another one for other values, so that no file can pass for another job's."""
    values = [
        (node["class_type"], [pair for pair in sorted(node.get("inputs", {}).items()) if pair[0] != "filename_prefix"])
        for _, node in sorted(graph.items())
    ]
    return zlib.crc32(repr(values).encode())


def _sound_s(graph: Graph, node_id: str, uploaded: Uploaded) -> float:
    """As long as asked; MMAudio's comes shorter, without a word, where the clip has too few frames."""
    wanted = _upstream(graph, node_id, "duration", 1.0)
    sampler = next((node for node in graph.values() if node["class_type"] == "MMAudioSampler"), None)
    if sampler is None or not isinstance(sampler["inputs"].get("images"), list):
        return wanted
    return min(wanted, footage(graph, sampler["inputs"]["images"][0], uploaded).frames / 25)


def _upstream(graph: Graph, node_id: str, name: str, otherwise: float) -> float:
    """The nearest plain value of input `name` at the node or above it."""
    nodes, seen = [node_id], set[str]()
    while nodes:
        node_id = nodes.pop(0)
        if node_id in seen or node_id not in graph:
            continue
        seen.add(node_id)
        inputs = graph[node_id].get("inputs", {})
        if isinstance(inputs.get(name), int | float):
            return inputs[name]
        nodes += [value[0] for value in inputs.values() if isinstance(value, list) and value]
    return otherwise


@functools.lru_cache(maxsize=32)
def picture(width: int, height: int, *, subject: int = 0) -> bytes:
    """A PNG with a slope of red on a ground that `subject` colours."""
    row = np.linspace(0, 255, width, dtype=np.uint8)
    ground = (96 + subject % 128, 96 + subject // 128 % 128)
    pixels = np.dstack([np.tile(row, (height, 1)), np.full((height, width, 2), ground, np.uint8)])
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png", compress_level=1)
    return file.getvalue()


@functools.lru_cache(maxsize=32)
def film(width: int, height: int, frames: int, rate: float) -> bytes:
    """An H.264 mp4 without sound."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(rate).limit_denominator(1001))
        stream.width, stream.height, stream.pix_fmt = width - width % 2, height - height % 2, "yuv420p"
        stream.options = {"preset": "ultrafast"}
        for number in range(frames):
            # A slope that travels: no two frames are alike, however the film is cut.
            row = (np.linspace(0, 512, stream.width) + number * 7) % 512
            slope = np.where(row < 256, row, 511 - row).astype(np.uint8)
            pixels = np.ascontiguousarray(np.broadcast_to(slope[None, :, None], (stream.height, stream.width, 3)))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return file.getvalue()


@functools.lru_cache(maxsize=32)
def sound(seconds: float) -> bytes:
    """A FLAC of a quiet tone, mono, 24 kHz."""
    tone = (np.sin(np.arange(int(seconds * 24000)) * 0.1) * 3000).astype(np.int16)
    file = io.BytesIO()
    with av.open(file, "w", format="flac") as container:
        stream = container.add_stream("flac", rate=24000, layout="mono")
        stream.format = "s16"  # type: ignore[attr-defined]  # av's stub lacks it
        for start in range(0, len(tone), 4096):
            frame = av.AudioFrame.from_ndarray(tone[None, start : start + 4096], format="s16", layout="mono")
            frame.sample_rate = 24000
            frame.pts = start
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()
