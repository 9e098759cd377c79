"""A trial job: that a node answers does not tell that its card and its worker still work."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Mapping
from typing import Any

from ad_pipeline.engines.comfy.client import ComfyNode
from ad_pipeline.engines.comfy.protocol import ENGINE, Failed, Finished, Pending
from ad_pipeline.engines.comfy.rack.standing import ProbeFailed, ProbePassed
from ad_pipeline.engines.comfy.watching import cancel_quietly
from ad_pipeline.errors import EngineRefused, EngineUnavailable
from ad_pipeline.messages import Message

PROBE_S = 20.0
"""The first use of a card after its driver slept may take seconds."""
_POLL_S = 0.05


def probed(
    node: ComfyNode, *, extra: Mapping[str, Any], longest_s: float = PROBE_S
) -> ProbePassed | ProbeFailed | None:
    """Have an idle node blur a tiny picture, on its card; None when others were quicker or it fell silent."""
    try:
        try:
            job_id = _submitted(node, _tiny_graph(blurred=True), extra)
        except EngineRefused:  # a server without that node class is none the worse
            job_id = _submitted(node, _tiny_graph(blurred=False), extra)
        return _outcome(node, job_id, longest_s)
    except EngineRefused as error:
        return _failed(node, error.message)
    except EngineUnavailable:
        return None


def _submitted(node: ComfyNode, graph: Mapping[str, Any], extra: Mapping[str, Any]) -> str:
    """The job's id, a new one each time: what was refused may be half queued still, and must not be taken for this."""
    job_id = str(uuid.uuid4())
    node.submit(job_id, graph, extra=extra)
    return job_id


def _outcome(node: ComfyNode, job_id: str, longest_s: float) -> ProbePassed | ProbeFailed | None:
    give_up_s = time.monotonic() + longest_s
    while time.monotonic() < give_up_s:
        match node.state(job_id):
            case Finished():
                return ProbePassed()
            case Failed(message=message):
                return _failed(node, message)
            case Pending(ahead=ahead) if ahead:
                cancel_quietly(node, job_id)
                return None
            case _:
                time.sleep(_POLL_S)
    cancel_quietly(node, job_id)
    late = EngineUnavailable(
        "node {name} answers, but a trial job did not end in {limit_s:.0f} s",
        engine=ENGINE, job_id=job_id, name=node.address.name, limit_s=longest_s,
    )  # fmt: skip
    return ProbeFailed(fault=late.message)


def _failed(node: ComfyNode, reason: Message | str) -> ProbeFailed:
    failed = EngineUnavailable(
        "node {name} answers, but it failed a trial job: {reason}",
        engine=ENGINE, name=node.address.name, reason=reason,
    )  # fmt: skip
    return ProbeFailed(fault=failed.message)


def _tiny_graph(*, blurred: bool) -> dict[str, Any]:
    """Core nodes only; another colour each time, or the node would take the result from its cache."""
    colour = random.randrange(1 << 24)
    graph: dict[str, Any] = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": colour}},
        "3": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    }
    if blurred:  # ComfyUI blurs on the card; making and saving a picture happens on the CPU
        graph["2"] = {"class_type": "ImageBlur", "inputs": {"image": ["1", 0], "blur_radius": 1, "sigma": 1.0}}
        graph["3"]["inputs"]["images"] = ["2", 0]
    return graph
