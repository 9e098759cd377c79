"""What the tests of the client do with a job, in one word each."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from ad_pipeline.engines.comfy.client import ComfyNode
from ad_pipeline.engines.comfy.endings import JobEnd, concluded
from ad_pipeline.engines.comfy.events import JobProgress
from ad_pipeline.engines.comfy.protocol import Finished
from ad_pipeline_tests.comfy.graphs import three_nodes


def new_id() -> str:
    return str(uuid.uuid4())


def ended(node: ComfyNode, job_id: str, *, reports: list[JobProgress] | None = None, **more: Any) -> JobEnd:
    """Watch to the end; nobody stops it."""
    heard = [] if reports is None else reports
    return node.watch(job_id, report=heard.append, should_stop=more.pop("should_stop", lambda: False), **more)


def finished(node: ComfyNode, nodes: Mapping[str, Any] | None = None, **more: Any) -> Finished:
    """Submit and watch; the good end."""
    job_id = new_id()
    node.submit(job_id, nodes or three_nodes())
    return concluded(ended(node, job_id, **more), node_name="gpu0", job_id=job_id)


def is_picture(path: Path) -> bool:
    """Whether the whole file decodes."""
    try:
        with Image.open(path) as image:
            image.load()
    except OSError:
        return False
    return True


def until(is_so: Callable[[], bool], *, longest_s: float = 5.0) -> None:
    """Wait for something that another thread does."""
    give_up = time.monotonic() + longest_s
    while not is_so():
        assert time.monotonic() < give_up, "it never happened"
        time.sleep(0.005)
