"""Who answers a question with a typed value."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from ad_pipeline.engines.contracts import Done, Engine, Estimate, Job

Answer = TypeVar("Answer", bound=BaseModel)


def _no_complaints(_: Any) -> Sequence[str]:
    return ()


def _unheard(_: Mapping[str, Any]) -> None:
    return None


@dataclass(frozen=True, kw_only=True)
class Question(Generic[Answer]):
    """What one role of the writers' room is asked; the answer is a value of the type `answer`."""

    role: str
    instructions: str
    """Who the model is and what it shall do."""
    text: str
    """What it is given to work on. What comes from outside stands in it as quoted data."""
    answer: type[Answer]
    complaints: Callable[[Answer], Sequence[str]] = _no_complaints
    """What is wrong with an answer, one English sentence each, for the model to mend; empty when it will do."""
    heard: Callable[[Mapping[str, Any]], None] = _unheard
    """Told the answer so far while it is written, as far as its JSON can be read; called from one thread only."""
    most_tokens: int = 2000
    temperature: float = 0.7
    seed: int = 7
    timeout_s: float = 180.0
    """For the whole question, its repairs included."""


@dataclass(frozen=True, kw_only=True)
class Answered(Done, Generic[Answer]):
    """The answer, and what it took; `complaints` are those that stood after the last repair."""

    answer: Answer
    input_tokens: int = 0
    output_tokens: int = 0
    repairs: int = 0
    complaints: tuple[str, ...] = ()


class LanguageEngine(Engine):
    """Answers a question with a typed value."""

    def estimate_question(self, question: Question[Any]) -> Estimate:
        """What one answer costs at most; a repair costs as much again."""
        return Estimate()

    def prepare(self) -> None:
        """Load what the first question needs; may run in another thread while somebody else is asked."""
        return

    @abstractmethod
    def ask(self, question: Question[Answer], job: Job) -> Answered[Answer]:
        """The model's answer, mended by it at most twice where it is no such value or has complaints.

        An answer of the right type that still has complaints is returned with them; `cost_usd` is what its tokens cost.

        Raises:
            EngineUnavailable: no server, no answer in time, too many requests: a passing fault.
            EngineRefused: the model is not there, the key is wrong, it refuses, or what it says is no such value.
            Cancelled: the work was stopped.
        """
