"""What a shop's robots.txt allows our program."""

from __future__ import annotations

AGENT = "ad-pipeline"
"""Our honest name: a shop can shut us out by it."""

MOST_ROBOTS_BYTES = 500 * 1024
"""As much as RFC 9309 wants to be read at least."""


class Robots:
    """The rules of one shop; an empty text allows everything."""

    def __init__(self, text: str) -> None:
        from protego import Protego  # Python's own reader knows no wildcards, and takes the first rule, not the longest

        self._rules = Protego.parse(text)

    def allows(self, url: str) -> bool:
        return bool(self._rules.can_fetch(url, AGENT))
