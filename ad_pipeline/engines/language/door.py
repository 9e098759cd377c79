"""What a language server is asked and what it says, whichever protocol it speaks; nothing here knows a vendor."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ad_pipeline.errors import EngineUnavailable


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One message of the conversation after the instructions."""

    speaker: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One request. `prompt_tokens` is our own estimate of what instructions and turns take, rather too high."""

    instructions: str
    turns: tuple[Turn, ...]
    schema: Mapping[str, Any]
    schema_name: str
    most_tokens: int
    temperature: float
    seed: int
    prompt_tokens: int


@dataclass(frozen=True, kw_only=True)
class Said:
    """One whole answer. Tokens as the server counts them; None where it does not tell."""

    text: str
    ending: Literal["whole", "cut", "refused"] = "whole"
    refusal: str = ""
    thought: bool = False
    """Whether it thought in words of its own before it answered."""
    model: str = ""
    """Who answered, by the server's own word; a server with one model gives that one for every name."""
    input_tokens: int | None = None
    output_tokens: int | None = None


class Passing(Exception):
    """A fault that may be gone at the next try; `after_s` is how long the server asks to wait.

    `loads`: the server is there and still reads its model, which is no fault.
    """

    def __init__(self, error: EngineUnavailable, *, after_s: float | None = None, loads: bool = False) -> None:
        super().__init__(str(error))
        self.error = error
        self.after_s = after_s
        self.loads = loads


class Door(ABC):
    """The way to one model of one server, for one question."""

    @abstractmethod
    async def reply(self, ask: Ask, told: Callable[[str], None]) -> Said:
        """The answer's text, `told` piece by piece while it comes.

        Raises:
            Passing: what another try may cure.
            EngineRefused: what it will not.
        """

    @abstractmethod
    async def close(self) -> None:
        """Give up the connections."""
