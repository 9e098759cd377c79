"""Words that a person gives to a model, looked at before anything is made."""

from __future__ import annotations

import unicodedata

from ad_pipeline.errors import InputRejected

MOST_CHARACTERS = 4000
_UNREADABLE = ("Cc", "Cs")
"""Control characters, and bytes of a command line that are no UTF-8."""


def check_words(text: str, field: str) -> None:
    """Look whether a model, a record and a log can take the words.

    Raises:
        InputRejected: a character that nobody reads, or too many of them.
    """
    wrong = next((c for c in text if unicodedata.category(c) in _UNREADABLE and not c.isspace()), "")
    if wrong:
        raise InputRejected("{field} holds the control character U+{code:04X}; remove it", field=field, code=ord(wrong))
    if len(text) > MOST_CHARACTERS:
        raise InputRejected(
            "{field} has {got} characters, at most {most} are read", field=field, got=len(text), most=MOST_CHARACTERS
        )
