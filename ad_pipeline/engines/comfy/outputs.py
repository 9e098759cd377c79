"""Which files a job left on the server, wherever its nodes list them.

Nodes answer under their own keys: SaveImage and SaveVideo under `images`, sound under `audio`,
VideoHelperSuite under `gifs`; node packs invent more. A file is what has a filename.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal, cast

from ad_pipeline.errors import EngineRefused

Media = Literal["image", "video", "audio", "other"]
Place = Literal["output", "temp", "input"]

_PLACES = ("output", "temp", "input")
_MEDIA: Mapping[str, Media] = {
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tiff"), "image"),
    **dict.fromkeys((".mp4", ".webm", ".mkv", ".mov", ".avi"), "video"),
    **dict.fromkeys((".wav", ".flac", ".mp3", ".opus", ".ogg", ".m4a"), "audio"),
}


@dataclass(frozen=True, kw_only=True)
class OutputFile:
    """A file on the server: what GET /view needs, and the node that made it."""

    node_id: str
    filename: str
    subfolder: str
    place: Place
    media: Media


def output_files(outputs: Mapping[str, Any]) -> tuple[OutputFile, ...]:
    """All files of a job's `outputs`, in the nodes' order; each once.

    Raises:
        EngineRefused: a name leads out of the server's own folders.
    """
    return tuple(dict.fromkeys(_files(outputs)))


def _files(outputs: Mapping[str, Any]) -> Iterator[OutputFile]:
    for node_id, answers in outputs.items():
        if not isinstance(answers, dict):
            continue
        for listed in cast("dict[str, Any]", answers).values():
            if isinstance(listed, list):
                yield from (_file(str(node_id), entry) for entry in listed if _is_file(entry))


def _is_file(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("filename"), str) and bool(entry["filename"])


def _file(node_id: str, entry: Mapping[str, Any]) -> OutputFile:
    filename, subfolder, place = entry["filename"], entry.get("subfolder") or "", entry.get("type", "output")
    if not _stays_inside(filename) or "/" in filename or "\\" in filename:
        raise _leads_out(node_id, "filename", filename)
    if not isinstance(subfolder, str) or (subfolder and not _stays_inside(subfolder)):
        raise _leads_out(node_id, "subfolder", subfolder)
    if place not in _PLACES:
        raise _leads_out(node_id, "type", place)
    return OutputFile(
        node_id=node_id,
        filename=filename,
        subfolder=subfolder,
        place=place,
        media=_MEDIA.get(PurePosixPath(filename).suffix.lower(), "other"),
    )


def _stays_inside(name: str) -> bool:
    """Whether a relative path of plain names; Windows' separators and drives count as well."""
    parts = name.replace("\\", "/").split("/")
    return not (
        name.startswith(("/", "\\")) or ":" in parts[0] or ".." in parts or any(ord(letter) < 32 for letter in name)
    )


def _leads_out(node_id: str, field: str, value: object) -> EngineRefused:
    return EngineRefused(
        "the server answers for node {node_id} of the graph with the {field} {value!r}, which leads out of its output "
        "folder; nothing was fetched",
        engine="comfyui", node_id=node_id, field=field, value=str(value)[:200],
    )  # fmt: skip
