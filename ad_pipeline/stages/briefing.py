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
from ad_pipeline.stages.team import Team
from ad_pipeline.stages.workplace import Workplace
from ad_pipeline.story.brief import Brief, StoryLanguage
from ad_pipeline.story.brief_talk import REQUIRED, Notes, believed, brief_yaml, heard_in, next_question, why_wrong
from ad_pipeline.story.channels import CHANNELS
from ad_pipeline.story.room.answers import BriefNotes

_STAND_IN = Brief(brand_id="brief", product="-", duration=15)
"""No brief is there yet that could say who may be asked: a conversation stays on this machine."""


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
        told = heard_in(line, asked=self._now, brands=self._brands)
        if line.strip() and not self._deaf:
            told |= self._by_model()
        self._asked.add(self._now)
        wrong = why_wrong(told)
        while wrong and wrong[0] in told:
            del told[wrong[0]]
            self.notes |= told
            return wrong[1]
        self.notes |= told
        return None

    def text(self) -> str:
        """The brief as a file holds it."""
        return brief_yaml(self.notes)

    def _by_model(self) -> Notes:
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
            return {}
        return believed(answer, said, brands=self._brands)
