"""Taking down a brief from a conversation: by a local model where one answers, by rules always."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ad_pipeline.engines.contracts import Job
from ad_pipeline.errors import BriefRejected
from ad_pipeline.messages import Message
from ad_pipeline.stages.assignments import own_prompts
from ad_pipeline.stages.kits import brands_here
from ad_pipeline.stages.opening import checked_brief
from ad_pipeline.stages.team import Team
from ad_pipeline.stages.workplace import Workplace
from ad_pipeline.story.brief import Brief, StoryLanguage
from ad_pipeline.story.brief_talk import (
    REQUIRED,
    Notes,
    believed,
    brief_yaml,
    heard_in,
    is_nothing,
    next_question,
    why_wrong,
)
from ad_pipeline.story.channels import CHANNELS
from ad_pipeline.story.room.answers import BriefNotes

_STAND_IN = Brief(brand_id="brief", product="-", duration=15)
"""No brief is there yet that could say who may be asked: a conversation stays on this machine."""
_TEXTS = ("product", "concept", "target_audience", "goal", "tone")
_MOST_TRIES = 2
"""So often is asked for a field that a brief can do without, while the answers are about something else."""


@dataclass(kw_only=True)
class Briefing:
    """One conversation. `hear` takes a line and answers what was wrong with it, if anything."""

    workplace: Workplace
    language: StoryLanguage
    notes: Notes = field(default_factory=Notes)
    why_no_model: tuple[Message, ...] = ()
    """Why only rules listen; empty while a model does."""
    _said: list[str] = field(default_factory=list[str])
    _asked: set[str] = field(default_factory=set[str])
    """Fields that were answered, or that nobody has an answer to."""
    _tries: dict[str, int] = field(default_factory=dict[str, int])
    _now: str = ""
    _deaf: bool = False

    def __post_init__(self) -> None:
        self._brands: Mapping[str, tuple[str, ...]] = brands_here(self.workplace.brands)

    @property
    def is_whole(self) -> bool:
        return not self.missing and not self.question()[0]

    @property
    def missing(self) -> tuple[str, ...]:
        """Fields that a brief cannot do without."""
        return tuple(name for name in REQUIRED if name not in self.notes)

    def question(self) -> tuple[str, Message]:
        """The field that is asked for next, and the question."""
        self._now, asked = next_question(self.notes, asked=frozenset(self._asked), brands=self._brands)
        return self._now, asked

    def hear(self, line: str) -> BriefRejected | None:
        """Take a line down; what no brief may hold is told back and not kept."""
        self._said.append(line.strip())
        told = heard_in(line, asked=self._now, brands=self._brands, known=self.notes)
        if line.strip() and not self._deaf:
            told = self._with_model(told, line)
        self._tries[self._now] = self._tries.get(self._now, 0) + 1
        first: BriefRejected | None = None
        while wrong := self._why_wrong(self.notes | told):
            field, error = wrong
            first = first or error
            if told.pop(field, None) is None:  # no single field of it is to blame
                told = {}
                break
        self.notes |= told
        if self._now in told or is_nothing(line) or self._tries[self._now] >= _MOST_TRIES:
            self._asked.add(self._now)
        return first

    def text(self) -> str:
        """The brief as a file holds it."""
        return brief_yaml(self.notes)

    def _why_wrong(self, notes: Notes) -> tuple[str, BriefRejected] | None:
        """As `why_wrong`, and what no font draws: an ad writes these words."""
        wrong = why_wrong(notes)
        if wrong or not self._brands:
            return wrong
        text = brief_yaml(
            {"brand_id": next(iter(self._brands)), "product": "-", "duration": _STAND_IN.duration} | notes
        )
        try:
            checked_brief(self.workplace, text, folder=Path.cwd())
        except BriefRejected as error:
            return error.field.split("[")[0], error
        return None

    def _with_model(self, told: Notes, line: str) -> Notes:
        """The rules' notes of this line, bettered by the model's.

        Its words of a text are the better ones: the rules take a line as it stands. Of what is known already it
        changes only what this line speaks of: it hears all of the conversation, the old lines too.
        """
        noted = self._by_model()
        if noted is None:
            return told
        now = believed(noted, line, brands=self._brands)
        ever = believed(noted, "\n".join(self._said), brands=self._brands)
        missing = {name: value for name, value in ever.items() if name not in self.notes and name not in told}
        texts = {name: value for name, value in now.items() if name in told and name in _TEXTS}
        changed = {name: value for name, value in now.items() if name in _TEXTS and name in self.notes}
        return missing | told | changed | texts

    def _by_model(self) -> BriefNotes | None:
        said = "\n".join(self._said)
        with tempfile.TemporaryDirectory(prefix="ad-pipeline-") as shelf:
            team = Team(
                workplace=self.workplace, session_id="briefing", brief=_STAND_IN, shelf=Path(shelf),
                job=Job(job_id="briefing", should_stop=self.workplace.should_stop), seed=_STAND_IN.seed,
            )  # fmt: skip
            answer = team.ask(
                "brief",
                instructions=own_prompts().instructions(
                    "brief", self.language, brands=", ".join(self._brands), channels=", ".join(CHANNELS)
                ),
                text=f"CONVERSATION, the client's lines:\n{said}", answer=BriefNotes,
                complaints=lambda _: (), heard=lambda _: None, fraction=0.0,
            )  # fmt: skip
        if answer is None:
            self._deaf, self.why_no_model = True, team.faults_of("brief")
        return answer
