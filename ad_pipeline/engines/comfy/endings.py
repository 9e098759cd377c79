"""How a job may end, and what each end means for whoever asked for it."""

from __future__ import annotations

from dataclasses import dataclass

from ad_pipeline.engines.comfy.protocol import ENGINE, CancelledThere, Failed, Finished, Unknown
from ad_pipeline.errors import EngineRefused, EngineUnavailable, OutOfMemory


@dataclass(frozen=True, kw_only=True)
class Stalled:
    """Nothing moved for `idle_s`; the job was cancelled on its node."""

    node_id: str
    idle_s: float


JobEnd = Finished | Failed | CancelledThere | Unknown | Stalled
"""`Unknown` after a job was accepted: the server lost it, so it may be submitted again."""


def concluded(end: JobEnd, *, node_name: str, job_id: str) -> Finished:
    """The end of a job that went well; any other end as the error that says whether to try again.

    Raises:
        EngineUnavailable: out of memory, a broken card, a service out of reach, a stall, a job lost or interrupted.
        EngineRefused: the graph itself failed.
    """
    match end:
        case Finished():
            return end
        case Failed(fault="out_of_memory"):
            raise OutOfMemory(
                "node {name} ran out of memory in {class_type} (node {node_id} of the graph): {reason}",
                engine=ENGINE, job_id=job_id, name=node_name, class_type=end.class_type, node_id=end.node_id,
                reason=end.message,
            )  # fmt: skip
        case Failed(fault="device"):
            raise EngineUnavailable(
                "the card of node {name} failed in {class_type} (node {node_id} of the graph): {reason}",
                engine=ENGINE, job_id=job_id, name=node_name, class_type=end.class_type, node_id=end.node_id,
                reason=end.message,
            )  # fmt: skip
        case Failed(fault="service"):
            raise EngineUnavailable(
                "{class_type} (node {node_id} of the graph) did not reach its service from node {name}: {reason}",
                engine=ENGINE, job_id=job_id, name=node_name, class_type=end.class_type, node_id=end.node_id,
                reason=end.message,
            )  # fmt: skip
        case Failed():
            raise EngineRefused(
                "{class_type} (node {node_id} of the graph) failed on node {name}: {reason}",
                engine=ENGINE, job_id=job_id, name=node_name, class_type=end.class_type, node_id=end.node_id,
                reason=end.message,
            )  # fmt: skip
        case CancelledThere():
            raise EngineUnavailable(
                "the job was interrupted on node {name} by somebody else", engine=ENGINE, job_id=job_id, name=node_name
            )
        case Unknown():
            raise EngineUnavailable(
                "node {name} lost the job: it was restarted, or its queue was cleared",
                engine=ENGINE, job_id=job_id, name=node_name,
            )  # fmt: skip
        case Stalled():
            raise EngineUnavailable(
                "nothing moved on node {name} for {idle_s:.0f} s (node {node_id} of the graph); the job was cancelled",
                engine=ENGINE, job_id=job_id, name=node_name, idle_s=end.idle_s, node_id=end.node_id or "?",
            )  # fmt: skip
