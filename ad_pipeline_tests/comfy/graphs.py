"""The graphs that the captures were taken with, and how a test talks to the server without our client."""

from __future__ import annotations

from typing import Any


def three_nodes(prefix: str = "probe", *, colour: int = 816307, size_px: int = 128) -> dict[str, Any]:
    """A picture made, scaled and saved."""
    return {
        "1": {
            "class_type": "EmptyImage",
            "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": colour},
        },
        "2": {
            "class_type": "ImageScale",
            "inputs": {
                "image": ["1", 0], "upscale_method": "bilinear", "width": size_px, "height": size_px,
                "crop": "disabled",
            },
        },
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": prefix}},
    }  # fmt: skip


def with_second(class_type: str, **inputs: Any) -> dict[str, Any]:
    """The same with another node in the middle."""
    graph = three_nodes()
    graph["2"] = {"class_type": class_type, "inputs": {"value": ["1", 0], **inputs}}
    return graph
