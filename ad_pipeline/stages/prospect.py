"""What an ad will likely take before it is made: who does what and why, for how much, in how long.

Costs come from the price tables. Times are what the same model took here before, else what our own engines
took where we measured them; of other people's models that made nothing here yet, nobody knows.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ad_pipeline.errors import InputRejected
from ad_pipeline.messages import Message
from ad_pipeline.routing.route import Decision, RoutedStage
from ad_pipeline.routing.times import usual_seconds
from ad_pipeline.sessions.records import TakeRecord
from ad_pipeline.sessions.store import SessionStore
from ad_pipeline.stages.estimates import all_decisions, pieces_of
from ad_pipeline.stages.session_facts import SessionFacts
from ad_pipeline.stages.workplace import Workplace

_SESSIONS_READ = 20
"""The newest sessions tell how long things take."""


@dataclass(frozen=True, kw_only=True)
class Prospect:
    """One route: a stage or a role, its model, how many pieces it makes, and what they take together."""

    stage: RoutedStage
    decision: Decision
    pieces: int
    cost_usd: float
    seconds: float | None
    """None where nothing of the kind was made here yet."""
    why_not_ready: Message | None

    @property
    def model_id(self) -> str:
        return self.decision.wanted.model_id


def prospects(workplace: Workplace, facts: SessionFacts) -> list[Prospect]:
    """Every route of the session, in film order, scenes of one route together."""
    took = seconds_taken(workplace.store)
    found: dict[tuple[str, str, str], list[Decision]] = defaultdict(list)
    for decision in all_decisions(facts.brief, facts.kit, facts.storyboard):
        found[decision.stage, decision.wanted.model_id, str(decision.reason)].append(decision)
    return [_prospect(workplace, facts, decisions, took) for decisions in found.values()]


def seconds_taken(store: SessionStore) -> Mapping[tuple[str, str], float]:
    """(stage, model) -> the median seconds of one take, over the newest sessions."""
    told: dict[tuple[str, str], list[float]] = defaultdict(list)
    newest = sorted(store.session_ids(), key=lambda name: _changed_s(store.session(name).folder), reverse=True)
    for session_id in newest[:_SESSIONS_READ]:
        for record in _readable(store, session_id):
            if not record.seconds_run or "taken_over_from" in record.details:
                continue  # nobody worked on it here: a person's edit, another session's take
            told[record.stage, f"{record.engine}/{record.model}"].append(record.seconds_run)
            told[record.stage, record.engine].append(record.seconds_run)
            for step in record.details.get("steps", ()) if record.stage == "storyboard" else ():
                if step.get("output_tokens"):
                    told[str(step["role"]), str(step["used"])].append(float(step.get("seconds", 0.0)))
    return {key: statistics.median(seconds) for key, seconds in told.items()}


def _changed_s(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:  # deleted meanwhile
        return 0.0


def _one_s(decision: Decision, took: Mapping[tuple[str, str], float]) -> float | None:
    """What one piece takes; an engine may call its model otherwise in its records, e.g. with a program's version."""
    model = decision.wanted
    known = took.get((decision.stage, model.model_id))
    if known is None and model.engine in ("animatic", "cut"):
        known = took.get((decision.stage, model.engine))
    return usual_seconds(decision.stage, model.model_id) if known is None else known


def _readable(store: SessionStore, session_id: str) -> Iterable[TakeRecord]:
    try:
        return store.session(session_id).records()
    except InputRejected:  # a record that somebody broke tells no times
        return ()


def _prospect(
    workplace: Workplace, facts: SessionFacts, decisions: Sequence[Decision], took: Mapping[tuple[str, str], float]
) -> Prospect:
    first = decisions[0]
    formats = pieces_of(first, facts.storyboard)
    one_s = _one_s(first, took)
    return Prospect(
        stage=first.stage,
        decision=first,
        pieces=len(decisions) * formats,
        cost_usd=round(sum(decision.cost_usd for decision in decisions), 4),
        seconds=None if one_s is None else round(one_s * len(decisions) * formats, 2),
        why_not_ready=workplace.engines.why_not(first.wanted.model_id) if first.wanted.crafts else None,
    )
