"""What the product says to people, in English or Korean.

The English template in the code is the key; the tables in `locale/ko/` map it to its Korean twin.
A template without a twin is shown in English, and a test finds it.
"""

from __future__ import annotations

import functools
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, Literal

Language = Literal["en", "ko"]

_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class Message:
    """A template with the facts that fill it; `str()` gives English."""

    template: str
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __str__(self) -> str:
        return self.template.format(**self.facts)

    def noted(self) -> dict[str, Any]:
        """As JSON values, for a record that is read in another language later."""
        facts = {
            name: fact.noted() if isinstance(fact, Message) else fact if isinstance(fact, int | float) else str(fact)
            for name, fact in self.facts.items()
        }
        return {"template": self.template, "facts": facts}

    @classmethod
    def of_note(cls, note: Mapping[str, Any]) -> Message:
        """What `noted` wrote down."""
        facts: dict[str, Any] = note["facts"]
        return cls(
            str(note["template"]),
            {name: cls.of_note(fact) if isinstance(fact, dict) else fact for name, fact in facts.items()},
        )

    def said_in(self, language: Language) -> str:
        """The message in `language`, or in English where no translation exists."""
        template = _korean().get(self.template, self.template) if language == "ko" else self.template
        facts = {
            name: fact.said_in(language) if isinstance(fact, Message) else fact for name, fact in self.facts.items()
        }
        return template.format(**facts)


def say(template: str, /, *, language: Language | None = None, **facts: Any) -> str:
    """`template` filled with `facts`, in the person's language."""
    return Message(template, facts).said_in(language or user_language())


def worded(template: str, /, **facts: Any) -> Message:
    """`template` with its facts, to be said later in whichever language."""
    return Message(template, facts)


def but_for_numbers(text: str) -> str:
    """`text` with every number alike: places in a line and seconds that are left make no other sentence."""
    return _NUMBER.sub("#", text)


def user_language() -> Language:
    """Korean when the locale says so, else English; `AD_PIPELINE_LANGUAGE` wins over the locale."""
    for name in ("AD_PIPELINE_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(name, "")
        if value:
            return "ko" if value.lower().startswith("ko") else "en"
    return "en"


@functools.cache
def _korean() -> Mapping[str, str]:
    twins: dict[str, str] = {}
    for table in (resources.files("ad_pipeline") / "locale" / "ko").iterdir():
        twins |= tomllib.loads(table.read_text(encoding="utf-8"))
    return twins
