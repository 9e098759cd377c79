"""What a server's own words of a fault are about, where its status does not tell."""

from __future__ import annotations

import re

_CONTEXT = re.compile(r"context (size|length|window)|exceed_context|context_length", re.IGNORECASE)
_FORM = re.compile(r"response_format|json_schema|json_object|tool_choice|\btools?\b|grammar|samplers", re.IGNORECASE)


def is_context_full(words: str) -> bool:
    """Whether a server says that the question is longer than what its model reads at once."""
    return _CONTEXT.search(words) is not None


def is_loading(status: int, words: str) -> bool:
    """Whether a server is there and still reads its model, as llama.cpp says it."""
    return status == 503 and "loading" in words.lower()


def is_about_the_form(words: str) -> bool:
    """Whether a server complains of how the answer is asked for: a schema, a tool."""
    return _FORM.search(words) is not None
