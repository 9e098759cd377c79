"""From written text to spans that are said otherwise: one pass over the text, the first rule that fits wins.

Every span remembers where it stood, so that the times of said words go back to written ones.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from ad_pipeline.story.lexicon import GENERAL, Lexicon

Language = Literal["ko", "en"]
ATTACHED = "\u2060"
"""A said word that begins with it follows the one before without a space."""

Read = Callable[[str], str]
"""A part of a text (the name in an address, read), as it is said."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What `pattern` matches is said as `reader` gives it: one word or more, without space at the ends."""

    pattern: str
    reader: Callable[[re.Match[str], Read], str]


@dataclass(frozen=True, kw_only=True)
class Span:
    """`text[start:end]` is said as `said`."""

    start: int
    end: int
    said: str


_NAME = r"[A-Za-z0-9\uac00-\ud7a3_]"
_ENDS = r"com|net|org|kr|io|shop|store|me|app|jp|cn|uk|us|eu|info|beauty|biz|tv|ai|ly"
_HOST = rf"(?:[A-Za-z0-9-]+\.)+(?:{_ENDS})(?![A-Za-z0-9-]|\.[A-Za-z])"
_DOT = {"ko": "닷", "en": "dot"}
_AT = {"ko": "골뱅이", "en": "at"}
_SLASH = {"ko": "슬래시", "en": "slash"}
_HASHTAG = {"ko": "해시태그", "en": "hashtag"}
_SPELLED_ENDS = {"com": "컴", "net": "넷", "shop": "샵", "store": "스토어", "org": "오알지", "co": "씨오"}


@functools.cache
def address_rules(language: Language) -> tuple[Rule, ...]:
    """E-mail and web addresses, handles and hashtags."""

    def host(match: str, read: Read) -> str:
        *names, last = match.lower().removeprefix("www.").split(".")
        said = [_SPELLED_ENDS["co"] if name == "co" and language == "ko" else _pieces(name, read) for name in names] + [
            _end(last, language, read)
        ]
        if language == "ko" and last in ("com", "net"):
            return f"{f' {_DOT[language]} '.join(said[:-1])} {_DOT[language]}{said[-1]}"
        return f" {_DOT[language]} ".join(said)

    def mail(match: re.Match[str], read: Read) -> str:
        return f"{_pieces(match[1], read)} {_AT[language]} {host(match[2], read)}"

    def web(match: re.Match[str], read: Read) -> str:
        path = [_pieces(part, read) for part in re.split(r"[?#]", match[2] or "")[0].split("/")]
        return f" {_SLASH[language]} ".join([host(match[1], read), *filter(None, path)])

    def handle(match: re.Match[str], read: Read) -> str:
        return f"{_AT[language]} {_pieces(match[1], read)}"

    def hashtag(match: re.Match[str], read: Read) -> str:
        if match[1].isdigit() and len(match[1]) < 3:
            return read(f"No.{match[1]}")
        # Of a row of hashtags the word is said once.
        follows = re.search(rf"#{_NAME}+\s*$", match.string[: match.start()])
        said = _pieces(match[1], read)
        return said if follows else f"{_HASHTAG[language]} {said}"

    return (
        Rule(pattern=rf"([A-Za-z0-9._+-]+)@({_HOST})", reader=mail),
        Rule(pattern=rf"(?<![\w@.-])(?:https?://)?({_HOST})(/[^\s,!)\]]*[^\s,.!?)\]]|/)?", reader=web),
        Rule(pattern=rf"(?<![\w])@({_NAME}(?:[\w.]*{_NAME})?)", reader=handle),
        Rule(pattern=rf"(?<![\w&])#({_NAME}+)", reader=hashtag),
    )


def spans(text: str, language: Language, lexicon: Lexicon) -> Iterator[Span]:
    """The parts of `text` (NFC) that are not said as they stand, in order and without overlap."""
    master, rules = _compiled(language)
    own = _own(language, lexicon)
    addresses = len(address_rules(language))

    def read(part: str) -> str:
        return " ".join(_said(part, spans(part, language, lexicon)).split())

    at = 0
    while True:
        match = master.search(text, at)
        brand = own.search(text, at) if own else None
        place = int((match.lastgroup or "r-1")[1:]) if match else -1
        # The brand's own words win, but for those that stand in an address.
        if brand and (not match or brand.start() < match.start() + (0 if 0 <= place < addresses else 1)):
            match, place = brand, -1
        if not match:
            return
        said = lexicon.said(match[0], language) if place < 0 else _by_rule(rules[place], text, match.start(), read)
        at = max(match.end(), at + 1)
        yield Span(start=match.start(), end=match.end(), said=said)


def rules_of(language: Language) -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
    """(rules before the general lexicon, rules behind it)."""
    # Each language's rules stand in a module of their own, and both need `Rule` from here.
    from ad_pipeline.story import saying_en, saying_ko

    return (saying_ko if language == "ko" else saying_en).RULES


@functools.cache
def _compiled(language: Language) -> tuple[re.Pattern[str], tuple[Rule, ...]]:
    """All rules in one expression, each a group that is named by its place."""
    early, late = rules_of(language)
    rules = (*address_rules(language), *early, *late)
    # In Korean most places are inside of words that no rule begins with.
    guard = r"(?=제|[^\s\uac00-\ud7a3])" if language == "ko" else r"(?!\s)"
    parts = [f"(?P<r{at}>{guard}{_ungrouped(rule.pattern)})" for at, rule in enumerate(rules)]
    parts.insert(len(rules) - len(late), f"(?:{GENERAL.pattern(language, 'general')})")
    return re.compile("|".join(parts), re.IGNORECASE), rules


@functools.lru_cache(64)
def _own(language: Language, lexicon: Lexicon) -> re.Pattern[str] | None:
    pattern = lexicon.pattern(language, "own")
    return re.compile(pattern, re.IGNORECASE) if pattern else None


def _by_rule(rule: Rule, text: str, start: int, read: Read) -> str:
    again = re.compile(rule.pattern, re.IGNORECASE).match(text, start)
    return rule.reader(again, read) if again else ""


def _ungrouped(pattern: str) -> str:
    """The same pattern without captures, so that `lastgroup` names the rule."""
    return re.sub(r"(?<!\\)\((?!\?)", "(?:", pattern)


def _said(text: str, found: Iterator[Span]) -> str:
    out, at = "", 0
    for span in found:
        out += text[at : span.start] + (span.said[1:] if span.said.startswith(ATTACHED) else f" {span.said}") + " "
        at = span.end
    return out + text[at:]


def _pieces(name: str, read: Read) -> str:
    """A name in an address: its words apart, CamelCase too."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z\uac00-\ud7a3])(?=\d)|[_.+-]+", " ", name)
    return read(" ".join(re.sub(r"[^\w\s]", " ", apart).split()))


def _end(last: str, language: Language, read: Read) -> str:
    if language == "ko":
        return _SPELLED_ENDS.get(last) or read(last.upper())
    return (
        last
        if last in ("com", "net", "org", "shop", "store", "me", "app", "info", "beauty")
        else " ".join(last.upper())
    )
