"""What a stage needs to do its work, and what it tells others while it does."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Literal

from ad_pipeline.engines.comfy.place import Place
from ad_pipeline.engines.contracts import Written
from ad_pipeline.engines.registry import Registry
from ad_pipeline.ledger.ledger import Ledger
from ad_pipeline.sessions.keys import Kind
from ad_pipeline.sessions.records import MadeBy
from ad_pipeline.sessions.store import Session, SessionStore
from ad_pipeline.settings import Settings
from ad_pipeline.story.formats import Format

StepState = Literal["waiting", "working", "made", "reused", "degraded", "failed", "skipped"]


@dataclass(frozen=True, kw_only=True)
class StepReport:
    """One line of news about one artifact."""

    session_id: str
    kind: Kind
    scene_id: str | None = None
    format: Format | None = None
    state: StepState
    fraction: float = 0.0
    note: str = ""
    seconds: float = 0.0
    glimpsed: bool = False
    """What it looks like so far can be seen: see `sessions.glimpses`."""
    written: Written | None = None
    """Words of a storyboard's scene that were just decided."""


def _unheard(_: StepReport) -> None:
    return None


def _go_on() -> bool:
    return False


@dataclass(frozen=True, kw_only=True)
class Workplace:
    """The tools of one run: where sessions lie, who does the work, who pays, who listens."""

    store: SessionStore
    ledger: Ledger
    brands: tuple[str, ...] = ()
    engines: Registry = field(default_factory=Registry)
    report: Callable[[StepReport], None] = _unheard
    should_stop: Callable[[], bool] = _go_on
    made_by: MadeBy = "pipeline"
    run_id: str = ""
    urgent: bool = False
    """Its GPU jobs go before those that wait."""
    hold: Callable[[str], AbstractContextManager[object]] = contextlib.nullcontext
    """Entered with a GPU node's name for as long as a job has it."""
    first_pause_s: float = 2.0
    """Before a passing fault is tried again; doubled each time."""

    @classmethod
    def at(cls, settings: Settings) -> Workplace:
        """The workplace that the environment describes."""
        return cls(
            store=SessionStore(settings.root),
            ledger=Ledger(settings.root / "ledger.sqlite"),
            brands=tuple(str(folder) for folder in settings.brands),
            engines=Registry(
                comfy=Place(
                    nodes=settings.nodes, graphs=settings.graphs, database_url=settings.database_url,
                    service_key=settings.comfy_key,
                )
            ),
        )  # fmt: skip

    def session(self, session_id: str) -> Session:
        return self.store.session(session_id)


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What a person asks of one materialization, against or beyond the storyboard."""

    reuse: bool = True
    """Take what exists when nothing that decides it changed; False makes a new take (next seed)."""
    upgrade: bool = False
    """Try degraded artifacts again."""
    seed: int | None = None
    prompt: str | None = None
    negative_prompt: str | None = None
    steps: int | None = None
    cfg: float | None = None
    width: int | None = None
    height: int | None = None
    frames: int | None = None
    motion_bucket: int | None = None
    edit: str | None = None
    """Change the picked picture by these words instead of making one."""
    edited_sha256: str | None = None
    """The picture that is edited; the stage says which, so that the same words on another are other work."""

    @property
    def own(self) -> dict[str, object]:
        """The wishes that change the result."""
        kept = {name: value for name, value in vars(self).items() if name not in ("reuse", "upgrade")}
        return {name: value for name, value in kept.items() if value is not None}


RESUME = Wishes()
