"""The roles of the writers' room and their prompts, which are files: one per role and language."""

from __future__ import annotations

import functools
import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template
from types import MappingProxyType
from typing import Literal, get_args

from ad_pipeline.errors import InputRejected
from ad_pipeline.story.brief import StoryLanguage
from ad_pipeline.story.hangul import is_hangul

Role = Literal["strategy", "scene_plan", "copy", "copy_polish", "direction", "review", "rewrite", "brief"]
ROLES: tuple[Role, ...] = get_args(Role)
WRITING_ROLES: tuple[Role, ...] = ("strategy", "scene_plan", "copy", "copy_polish", "direction", "review")
"""Those that write a storyboard, in order."""

_LATIN_PER_TOKEN, _HANGUL_PER_TOKEN = 3.6, 1.1


@dataclass(frozen=True, kw_only=True)
class RoleFacts:
    """How a role is asked, and what it usually takes in tokens."""

    prompt: str
    tokens: Mapping[Literal["input", "output"], int]
    most_tokens: int
    temperature: float
    timeout_s: float


@functools.cache
def role_facts() -> Mapping[Role, RoleFacts]:
    """All roles, by name."""
    rows = tomllib.loads((_folder() / "roles.toml").read_text(encoding="utf-8"))
    return MappingProxyType({role: RoleFacts(**rows[role]) for role in ROLES})


@dataclass(frozen=True)
class Prompts:
    """The prompts of all roles: a person's own from `folders`, else ours."""

    folders: tuple[Path, ...] = ()

    def instructions(self, role: Role, language: StoryLanguage, **slots: str) -> str:
        """The role's prompt with its slots filled in.

        Raises:
            InputRejected: a person's own prompt cannot be read or names a slot that its role has not.
        """
        name = f"{role_facts()[role].prompt}.{language}.md"
        try:
            return Template(self._text(name)).substitute(slots)
        except (KeyError, ValueError) as error:
            raise InputRejected(
                "the prompt {name} holds a $ that names no slot ({problem}); known: {known}; write $$ for a $",
                name=name, problem=error, known=", ".join(f"${slot}" for slot in slots),
            ) from error  # fmt: skip

    def version(self, *roles: Role, language: StoryLanguage) -> str:
        """A short hash over the prompts of these roles: another one means another storyboard."""
        names = [f"{role_facts()[role].prompt}.{language}.md" for role in roles]
        return hashlib.sha256("\0".join(map(self._text, names)).encode()).hexdigest()[:12]

    def _text(self, name: str) -> str:
        for folder in self.folders:
            path = folder / name
            if path.is_file():
                try:
                    return path.read_text(encoding="utf-8-sig")
                except (OSError, UnicodeDecodeError) as error:
                    raise InputRejected("{path} is no UTF-8 text", path=str(path)) from error
        return _ours(name)


def tokens_about(text: str) -> int:
    """About how many tokens a model makes of `text`: a syllable of Hangul is nearly one, Latin letters share one."""
    hangul = sum(is_hangul(letter) for letter in text)
    return round(hangul / _HANGUL_PER_TOKEN + (len(text) - hangul) / _LATIN_PER_TOKEN)


@functools.cache
def _ours(name: str) -> str:
    return (_folder() / "prompts" / name).read_text(encoding="utf-8")


def _folder() -> Traversable:
    return resources.files("ad_pipeline.story.room")
