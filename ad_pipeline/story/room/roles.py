"""The roles of the writers' room and their prompts, which are files: one per role and language."""

from __future__ import annotations

import functools
import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from string import Template
from types import MappingProxyType
from typing import Literal, get_args

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


def instructions(role: Role, language: StoryLanguage, **slots: str) -> str:
    """The role's prompt with its slots filled in."""
    return Template(_prompt(role_facts()[role].prompt, language)).substitute(slots)


@functools.cache
def prompts_version(*roles: Role) -> str:
    """A short hash over the prompts of these roles in all languages: another one means another storyboard."""
    digest = hashlib.sha256()
    for role in roles or ROLES:
        for language in get_args(StoryLanguage):
            digest.update(_prompt(role_facts()[role].prompt, language).encode())
    return digest.hexdigest()[:12]


def tokens_about(text: str) -> int:
    """About how many tokens a model makes of `text`: a syllable of Hangul is nearly one, Latin letters share one."""
    hangul = sum(is_hangul(letter) for letter in text)
    return round(hangul / _HANGUL_PER_TOKEN + (len(text) - hangul) / _LATIN_PER_TOKEN)


@functools.cache
def _prompt(name: str, language: str) -> str:
    return (_folder() / "prompts" / f"{name}.{language}.md").read_text(encoding="utf-8")


def _folder() -> Traversable:
    return resources.files("ad_pipeline.story.room")
