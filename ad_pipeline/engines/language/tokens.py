"""How many tokens a text takes, without the model's tokenizer: between two bounds that hold for all of ours."""

from __future__ import annotations

import re

_SPACES = re.compile(r"\s+")


def _counted(text: str) -> tuple[int, int]:
    """Characters of English and code, and of all else; Korean takes several times as many tokens per character."""
    bare = _SPACES.sub(" ", text)
    plain = sum(1 for character in bare if character.isascii())
    return plain, len(bare) - plain


def at_least(text: str) -> int:
    """A bound that a whole reading exceeds: 7 letters, or 3 syllables, in one token (EXAONE reads Korean so well)."""
    plain, other = _counted(text)
    return int(plain / 7 + other / 3)


def at_most(text: str) -> int:
    """Room that is enough: 3 letters in one token, 1.5 tokens for a syllable (Qwen and Llama take about 0.7)."""
    plain, other = _counted(text)
    return int(plain / 3 + other * 1.5) + 64
