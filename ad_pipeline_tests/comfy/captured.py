"""What a real ComfyUI 0.33.0 answered (2026-11-20), read from `captures/`.

`object_info.json` there is the server's own description, cut to the node classes that our graphs use.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FACE_MESH = "MediaPipe-FaceMeshPreprocessor"
_FOLDER = Path(__file__).parent / "captures"


def captured(name: str) -> Any:
    """One capture's JSON."""
    return json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def body(name: str) -> Any:
    """The body of a captured answer."""
    return captured(name)["body"]


def status(name: str) -> int:
    """The HTTP status of a captured answer."""
    return captured(name)["status"]


def node_classes() -> dict[str, Any]:
    """The captured node classes, and one that the capturing server lacked, as its pack's source declares it."""
    mesh = {
        "input": {
            "required": {"image": ["IMAGE"]},
            "optional": {
                "max_faces": ["INT", {"default": 10, "min": 1, "max": 50, "step": 1}],
                "min_confidence": ["FLOAT", {"default": 0.5, "min": 0.1, "max": 1.0, "step": 0.01}],
                "resolution": ["INT", {"default": 512, "min": 64, "max": 16384, "step": 64}],
            },
        },
        "input_order": {"required": ["image"], "optional": ["max_faces", "min_confidence", "resolution"]},
        "output": ["IMAGE"], "output_is_list": [False], "output_name": ["IMAGE"], "output_node": False,
        "name": FACE_MESH, "display_name": "MediaPipe Face Mesh", "description": "",
        "python_module": "custom_nodes.comfyui_controlnet_aux",
        "category": "ControlNet Preprocessors/Faces and Poses Estimators",
    }  # fmt: skip
    return {**captured("object_info"), FACE_MESH: mesh}
