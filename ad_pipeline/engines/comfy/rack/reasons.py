"""Why nobody can have a node, as one sentence for a person, however many nodes there are."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy.exc import SQLAlchemyError

from ad_pipeline.engines.comfy.graphs import Graph
from ad_pipeline.engines.comfy.protocol import ENGINE
from ad_pipeline.engines.comfy.rack.fitness import Verdict
from ad_pipeline.errors import EngineRefused, EngineUnavailable, NobodyThere
from ad_pipeline.messages import Message, say


def cannot(graph: Graph, verdicts: Sequence[Verdict | None]) -> EngineRefused | None:
    """Why none of the nodes will ever run the graph; None when one can, or when one has not said."""
    if any(verdict is None or verdict.is_fit or verdict.is_passing for verdict in verdicts):
        return None
    reasons = _told_once([verdict.why.message for verdict in verdicts if verdict and verdict.why])
    if not reasons:
        return no_nodes()
    return EngineRefused(
        "no node can run graph {graph}: {reasons}", engine=ENGINE, graph=graph.name, reasons=joined(reasons)
    )


def no_nodes() -> EngineRefused:
    """There is nowhere to run anything."""
    return EngineRefused(
        "there is no GPU node; list one in nodes.toml in the sessions folder (see docs/gpu.md)", engine=ENGINE
    )


def place_in_line(ahead: int, nodes: Collection[str]) -> str:
    """What somebody hears who waits for one of these nodes."""
    where = next(iter(nodes)) if len(nodes) == 1 else say("{count} nodes", count=len(nodes))
    if not ahead:
        return say("waits for a node: it is next on {where}", where=where)
    return say("waits for a node: {ahead} before it on {where}", ahead=ahead, where=where)


def joined(messages: Sequence[Message]) -> Message:
    """One message after the other, each once."""
    distinct = {str(message): message for message in messages}
    *first, last = distinct.values()
    for message in reversed(first):
        last = EngineUnavailable("{first}; {rest}", engine=ENGINE, first=message, rest=last).message
    return last


def no_list(error: SQLAlchemyError) -> NobodyThere:
    """The database is away, and was for as long as anybody waits."""
    return NobodyThere("the list of waiting jobs cannot be reached: {reason}", engine=ENGINE, reason=_cause(error))


def list_away(error: SQLAlchemyError, *, limit_s: float) -> str:
    """What somebody hears while the database is away."""
    return say(
        "the list of waiting jobs cannot be reached; it is tried for {limit_s:.0f} s: {reason}",
        limit_s=limit_s, reason=_cause(error),
    )  # fmt: skip


def _cause(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error).splitlines()[0]


def _told_once(messages: Sequence[Message]) -> list[Message]:
    """A file that is missing on every node of a rack is named once."""
    found: dict[str, list[Message]] = {}
    for message in messages:
        found.setdefault(str(message.facts.get("reasons", message)), []).append(message)
    return [alike[0] if len(alike) == 1 else _of_all(alike) for alike in found.values()]


def _of_all(alike: Sequence[Message]) -> Message:
    names = ", ".join(str(other.facts.get("name", "")) for other in alike[1:])
    return EngineRefused("{reason} (the same on {names})", engine=ENGINE, reason=alike[0], names=names).message
