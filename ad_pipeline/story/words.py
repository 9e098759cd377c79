"""Whether a text says a word."""

from __future__ import annotations

import re


def says(text: str, word: str) -> bool:
    """Whether `word` stands in `text`, whatever its case; a Latin word counts only as a whole word."""
    low, bare = text.lower(), word.strip().lower()
    if bare.isascii():
        return bool(bare) and bool(re.search(rf"(?<![a-z]){re.escape(bare)}(?![a-z])", low))
    return bare in low
