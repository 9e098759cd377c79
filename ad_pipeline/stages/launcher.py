"""The one door to work: a web page, a sensor or the command line starts, watches and cancels here.

Nobody behind this door needs to know Dagster.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ad_pipeline.messages import but_for_numbers, say
from ad_pipeline.sessions.records import TakeRecord
from ad_pipeline.stages.workplace import Wishes

WorkState = Literal["queued", "processing", "completed", "failed", "cancelled"]


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to make: the whole ad, with a person's wishes for single stages of single scenes."""

    session_id: str
    wishes: Mapping[str, Mapping[str, Wishes]] = field(default_factory=dict[str, Mapping[str, Wishes]])
    """scene id -> asset -> wishes; all else is reused when nothing that decides it changed."""
    music: Wishes | None = None
    """Another piece of music for the whole ad."""
    upgrade: bool = False
    only_scene: str = ""
    """With `upgrade`: only this scene's artifacts are tried again."""
    urgent: bool = False
    """Its GPU jobs go before those that wait."""
    parent_run_id: str = ""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One run that failed, in a producer's words."""

    place: str
    fault: str

    def __str__(self) -> str:
        # Some faults name their scene themselves.
        return self.fault if self.fault.startswith(f"{self.place}:") else f"{self.place}: {self.fault}"


def degraded_lines(records: Sequence[TakeRecord]) -> list[str]:
    """What weaker engines made, alike things in one line."""
    found: dict[tuple[str, str, str], list[TakeRecord]] = {}
    for record in records:
        if record.degraded:
            alike = but_for_numbers(str(record.degraded.why_not_wanted()))  # so many seconds of waiting
            found.setdefault((record.degraded.used, record.degraded.wanted, alike), []).append(record)
    lines: list[str] = []
    for (used, wanted, _), made in found.items():
        artifacts, degraded = ", ".join(str(record.key) for record in made), made[0].degraded
        if degraded:
            lines.append(
                say(
                    "degraded: {used} made {artifacts}; {wanted} was wanted: {why}",
                    used=used, artifacts=artifacts, wanted=wanted, why=degraded.why_not_wanted(),
                )
            )  # fmt: skip
    return lines


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How the ad ended: its finals, what failed, what a weaker engine made."""

    session_id: str
    finals: tuple[TakeRecord, ...] = ()
    failures: tuple[Failure, ...] = ()
    degraded: tuple[TakeRecord, ...] = ()
    nothing_to_do: bool = False

    def lines(self) -> list[str]:
        """The outcome for a log."""
        lines = [f"{record.format}: {record.path}" for record in self.finals]
        failed = [say("failed: {failure}", failure=str(failure)) for failure in self.failures]
        return lines + degraded_lines(self.degraded) + failed


@dataclass(frozen=True, kw_only=True)
class WorkStatus:
    """How far a piece of work is; `progress` is 0..1, `eta_seconds` None while nobody can tell."""

    work_id: str
    session_id: str
    status: WorkState
    progress: float
    current_step: str
    scenes_completed: int
    scenes_total: int
    eta_seconds: float | None = None
    fault: str = ""


class Launcher(ABC):
    """Starts, watches and cancels the making of an ad."""

    @abstractmethod
    def start(self, order: Order) -> str:
        """Begin the work and return its id; the session's brief must lie in the store already.

        Raises:
            InputRejected: no such session.
            EngineUnavailable: nobody there takes the work.
        """

    @abstractmethod
    def status(self, work_id: str) -> WorkStatus:
        """How far it is.

        Raises:
            InputRejected: no such work.
        """

    @abstractmethod
    def cancel(self, work_id: str) -> bool:
        """Ask it to stop; True when it was still running. Finished artifacts stay."""
