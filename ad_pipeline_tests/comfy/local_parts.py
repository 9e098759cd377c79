"""A folder that looks like ComfyUI's, whose main.py is our test server, and a torch that sees what it is told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parents[2]

_MAIN = f"""
import argparse, json, os, sys, time
from pathlib import Path

parser = argparse.ArgumentParser()
for name in ("listen", "output-directory", "input-directory", "temp-directory", "user-directory", "database-url"):
    parser.add_argument("--" + name)
parser.add_argument("--port", type=int)
parser.add_argument("--disable-auto-launch", action="store_true")
parser.add_argument("--lowvram", action="store_true")
told = parser.parse_args()
seen = {{name: os.environ.get(name) for name in ("CUDA_VISIBLE_DEVICES", "AD_PIPELINE_SECRET")}}
seen |= {{"pid": os.getpid(), "arguments": vars(told)}}
lives = Path(f"lives-{{told.port}}.jsonl")
with lives.open("a") as file:
    file.write(json.dumps(seen) + "\\n")
if Path("broken").exists():
    print("no kernel image is available for execution on the device")
    sys.exit(3)

sys.path.insert(0, {str(_HERE)!r})
from ad_pipeline_tests.comfy.server import ComfyServer

server = ComfyServer()
server.port = told.port
with server:
    while True:
        time.sleep(1)
"""


def comfy_folder(folder: Path) -> Path:
    """The folder; `broken` in it makes each server end at once."""
    folder.mkdir()
    (folder / "main.py").write_text(_MAIN, encoding="utf-8")
    return folder


def lives(folder: Path, port: int) -> list[dict[str, Any]]:
    """How the server of a port was started, each time that it was."""
    file = folder / f"lives-{port}.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def torch_that_sees(folder: Path, devices: Sequence[tuple[str, str, int]] | None) -> Path:
    """A folder for PYTHONPATH: its torch sees the (uuid, name, bytes), or cannot be imported for None."""
    folder.mkdir()
    text = "raise ImportError('No module named torch')"
    if devices is not None:
        text = (
            "from types import SimpleNamespace as N\n"
            f"_all = [N(uuid=u, name=n, total_memory=m) for u, n, m in {list(devices)!r}]\n"
            "__version__ = '2.13.0'\n"
            "cuda = N(is_available=lambda: bool(_all), device_count=lambda: len(_all),"
            " get_device_properties=lambda i: _all[i])\n"
        )
    (folder / "torch.py").write_text(text, encoding="utf-8")
    return folder
