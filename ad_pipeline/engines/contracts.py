"""One small contract per craft, so that a session may mix vendors.

An engine gets values and target paths; it never sees a session, a partition key or Dagster.
What a vendor can do, costs and forbids is data (`EngineFacts`), never an `if` on its name.
"""

from __future__ import annotations

import contextlib
import time
from abc import ABC
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ad_pipeline.errors import Cancelled
from ad_pipeline.messages import Message

Craft = Literal["story", "language", "image", "motion", "voice", "lipsync", "sound"]
PaidAds = Literal["yes", "no", "limited"]


@dataclass(frozen=True, kw_only=True)
class Licence:
    """Under what terms an engine's output may be used."""

    name: str
    paid_ads: PaidAds
    source: str = ""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class EngineFacts:
    """What an engine is and can do, as data; routing and stages read this."""

    name: str
    model: str
    version: str
    crafts: frozenset[Craft]
    licence: Licence
    local: bool
    """True when nothing leaves this machine or the user's own network."""
    languages: frozenset[str] = frozenset()
    """Languages a voice or story engine handles; empty for any."""
    supports_seed: bool = True
    supports_layers: bool = False
    supports_timestamps: bool = False
    max_duration_s: float | None = None
    tried_again: bool = False
    """A passing fault is worth another attempt, also where none costs anything: a server that is just busy."""
    needs: tuple[str, ...] = ()
    """What must be configured first, for `doctor`: e.g. environment names."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a request will likely cost, before it is made."""

    cost_usd: float = 0.0
    seconds: float = 0.0
    gpu_seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Glimpse:
    """What unfinished work looks like so far: a small picture that decodes."""

    suffix: Literal[".jpg", ".png"]
    picture: bytes


@dataclass(frozen=True, kw_only=True)
class Written:
    """One scene of a storyboard that is being written, as far as a role has decided it."""

    role: str
    scene: int
    """1 for scene_001."""
    decided: Mapping[str, str]
    """Field -> value: `purpose`, `seconds` and `idea` of a plan, `narration` and `onscreen_text`, `shot`."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far one job is; `fraction` is 0..1. `waits`: nothing is done now, and `note` says what for."""

    fraction: float
    note: str = ""
    waits: bool = False
    glimpse: Glimpse | None = None
    """Only when it is another than before."""
    written: Written | None = None
    """A scene's words, the moment they are decided."""


def _silent(_: Progress) -> None:
    return None


def _never() -> bool:
    return False


def _unpaid(_: float) -> None:
    return None


@dataclass(frozen=True, kw_only=True)
class Job:
    """One piece of work in an engine's hands.

    `job_id` is a UUID derived from the artifact's fingerprint and attempt: the same work asks
    under the same id after a crash, so that an engine with a server takes up the job it finds.
    """

    job_id: str
    work: str = ""
    """The same for every attempt at one artifact: another attempt may go elsewhere."""
    group: str = ""
    """What is waited for together: the session."""
    urgent: bool = False
    is_last: bool = True
    """No other attempt follows where this one fails."""
    shelf: Path | None = None
    """A folder for what is finished of the work, kept from attempt to attempt until all of it is.

    For each thing there a JSON file says what it cost (`cost_usd`), and under which job's id (`account`).
    """
    kept: Path | None = None
    """A folder of the workplace for what was bought once and serves any session that asks for the same."""
    report: Callable[[Progress], None] = _silent
    should_stop: Callable[[], bool] = _never
    paid: Callable[[float], None] = _unpaid
    """Told what a service took, in USD, when it has taken it: also where the attempt then fails."""
    hold: Callable[[str], AbstractContextManager[object]] = contextlib.nullcontext
    """Entered with a node's name for as long as the job has it: whoever watches the cards sees it in use."""

    def pause(self, seconds: float) -> None:
        """Wait; leave by `Cancelled` as soon as the work is stopped."""
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            if self.should_stop():
                raise Cancelled("the work was stopped")
            time.sleep(0.05)

    def checkpoint(self, fraction: float, note: str = "") -> None:
        """Report progress; leave by `Cancelled` when the work was stopped."""
        if self.should_stop():
            raise Cancelled("the work was stopped")
        self.report(Progress(fraction=fraction, note=note))


@dataclass(frozen=True, kw_only=True)
class Lesser:
    """What made it in place of the engine's own model, and why: weaker, so what it made is degraded."""

    model_id: str
    licence: Licence
    why: Message


@dataclass(frozen=True, kw_only=True)
class Done:
    """What every engine says of its finished work."""

    model: str
    seed: int | None = None
    seconds_waited: float = 0.0
    gpu_seconds: float = 0.0
    cost_usd: float = 0.0
    node: str = ""
    attempts: int = 1
    lesser: Lesser | None = None
    licence: Licence | None = None
    """Where it is not the engine's own: the narrowest of those who took part."""
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """JSON values for the record: e.g. which words of the prompt were honoured."""


class Engine(ABC):
    """A part that does one or more crafts."""

    facts: EngineFacts

    def missing(self) -> Message | None:
        """What keeps this engine from working here, as a sentence with its fix; None when ready."""
        return None

    def announce_later(self, job: Job, *, seconds: float) -> AbstractContextManager[object]:
        """While this lasts, whoever gives out turns knows that work of this kind will come, about `seconds` of film.

        For work that has no name yet, as what it is made from is not there: `job` is no job that is asked for.
        """
        return contextlib.nullcontext()
