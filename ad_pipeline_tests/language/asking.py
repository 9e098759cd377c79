"""Questions as the writers' room asks them, small, and engines that ask a server of the tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from ad_pipeline.engines.contracts import Job, Licence, Progress
from ad_pipeline.engines.crafts.language import Answered, Question
from ad_pipeline.engines.language.catalogue import Answers, Effort, Kind, LanguageModel, Server
from ad_pipeline.engines.language.engine import ListedModel

KINDS: tuple[Kind, ...] = ("ollama", "openai", "anthropic")
NAME = "writer:7b"
KEY_VARIABLE = "AD_PIPELINE_TEST_KEY"


class Scene(BaseModel):
    """One scene of an answer."""

    id: str
    picture: str
    seconds: float = Field(ge=0.5, le=20)


class Scenes(BaseModel):
    """An answer."""

    title: str
    scenes: list[Scene] = Field(min_length=1)


def scenes(count: int = 3, *, seconds: float = 3.5) -> dict[str, Any]:
    """A good answer."""
    told = [
        {"id": f"scene_{number:03}", "picture": "유리병에 맺힌 물방울, soft light", "seconds": seconds}
        for number in range(1, count + 1)
    ]
    return {"title": "물방울 하나", "scenes": told}


def listed(
    kind: Kind,
    url: str,
    *,
    answers: Answers = "schema",
    local: bool | None = None,
    key_env: str = "",
    name: str = NAME,
    prices: tuple[float, float] = (0.0, 0.0),
    temperature: bool = True,
    seed: bool = True,
    effort: Effort | None = None,
    context_tokens: int = 32768,
) -> LanguageModel:
    """A row of the list for a server at `url`."""
    is_local = local if local is not None else kind == "ollama"
    base = f"{url}/v1" if kind == "openai" else url
    server = Server(name=kind, kind=kind, url=base, key_env=key_env, local=is_local)
    return LanguageModel(
        model_id=f"{kind}/writer",
        server=server,
        name=name,
        licence=Licence(name="test", paid_ads="yes"),
        usd_per_million_input=prices[0],
        usd_per_million_output=prices[1],
        context_tokens=context_tokens,
        answers=answers,
        temperature=temperature,
        seed=seed,
        effort=effort,
        book=Path("models.toml"),
    )


@dataclass(kw_only=True)
class Watched:
    """A job and what was heard of it."""

    notes: list[str] = field(default_factory=list[str])
    paid_usd: list[float] = field(default_factory=list[float])
    should_stop: Callable[[], bool] = lambda: False

    @property
    def job(self) -> Job:
        return Job(job_id="job-1", report=self._report, paid=self.paid_usd.append, should_stop=self.should_stop)

    def _report(self, progress: Progress) -> None:
        self.notes.append(progress.note)


def question(
    *,
    text: str = "Brief: 세라마이드 크림, 30초.",
    instructions: str = "You are the scene planner.",
    complaints: Callable[[Scenes], Sequence[str]] = lambda _: (),
    heard: Callable[[Mapping[str, Any]], None] = lambda _: None,
    timeout_s: float = 20.0,
    most_tokens: int = 2000,
) -> Question[Scenes]:
    """A question for scenes."""
    return Question(
        role="planner",
        instructions=instructions,
        text=text,
        answer=Scenes,
        complaints=complaints,
        heard=heard,
        timeout_s=timeout_s,
        most_tokens=most_tokens,
    )


def asked(
    model: LanguageModel, watched: Watched | None = None, *, idle_s: float = 20.0, **told: Any
) -> Answered[Scenes]:
    """The model's answer to a question."""
    return ListedModel(model, idle_s=idle_s, first_pause_s=0.02).ask(question(**told), (watched or Watched()).job)
