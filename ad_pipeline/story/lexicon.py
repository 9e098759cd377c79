"""How words are said that are not said as they are written: names, ingredients, English in Korean text.

General entries are data (`lexicon.toml`); a brand's own entries win over them.
"""

from __future__ import annotations

import functools
import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal

from ad_pipeline.errors import KitRejected

MOST_LETTERS = 60
MOST_ENTRIES = 200

_LATIN = r"A-Za-z\u00c0-\u024f"
_HANGUL = re.compile(r"[\uac00-\ud7a3]")
_SAID = {"ko": re.compile(r"[\uac00-\ud7a3 .,'-]+"), "en": re.compile(r"[A-Za-z .,'-]+")}
_PARTICLES = (
    r"은|는|이|가|을|를|의|와|과|도|만|로|으로|에|에서|에게|께|부터|까지|처럼|보다|랑|이랑|하고|라면|이라면|라고|이라고|라는|"
    r"이라는|예요|이에요|입니다|이다|야|이야|아|여"
)
# (before, behind) by whether the word begins in Hangul: a Korean word ends before a particle; a Latin one is whole,
# but SPF50 holds SPF, and 3CE is not in 13CE.
_BORDERS = {
    True: (
        r"(?<![\uac00-\ud7a3])",
        rf"(?![\uac00-\ud7a3])|(?=(?:{_PARTICLES})(?![\uac00-\ud7a3]{{2}}))",
    ),
    False: (
        rf"(?<![{_LATIN}0-9])",
        rf"(?<=[{_LATIN}])(?![{_LATIN}])|(?<=\d)(?!\d)|(?<![{_LATIN}0-9])",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Pronunciation:
    """`written` and how it is said: Hangul words for a Korean text, Latin words for an English one.

    An empty one says that the language reads it as it is written.
    """

    written: str
    ko: str = ""
    en: str = ""

    def said(self, language: Literal["ko", "en"]) -> str:
        return self.ko if language == "ko" else self.en


@dataclass(frozen=True, kw_only=True)
class Lexicon:
    """The brand's own entries over the general ones; of one source the longest match wins."""

    own: tuple[Pronunciation, ...] = ()

    def said(self, written: str, language: Literal["ko", "en"]) -> str:
        """How the whole of `written` is said; empty when no entry knows it."""
        key = _key(written)
        return (_known(self.own, language).get(key) if self.own else "") or _generally_known(language).get(key, "")

    def pattern(self, language: Literal["ko", "en"], source: Literal["own", "general"]) -> str:
        """A regular expression (without groups) that matches where an entry of that source stands as a word."""
        return _pattern(self.own if source == "own" else general_entries(), language)


GENERAL = Lexicon()


def lexicon_of(pronunciation: Mapping[str, Any]) -> Lexicon:
    """The lexicon of a brand kit's `pronunciation`: {written: said} or {written: {ko: said, en: said}}.

    A plain `said` is Korean when it is in Hangul and English otherwise.

    Raises:
        KitRejected: naming the entry, what came and what is expected.
    """
    if len(pronunciation) > MOST_ENTRIES:
        raise KitRejected(
            "field {field!r}: {got} entries, at most {most}; keep the words that are said wrong",
            field="pronunciation", got=len(pronunciation), most=MOST_ENTRIES,
        )  # fmt: skip
    return Lexicon(own=tuple(_entry(str(written), said) for written, said in pronunciation.items()))


@functools.cache
def general_entries() -> tuple[Pronunciation, ...]:
    """What `lexicon.toml` holds, and each of its words the other way round."""
    source = resources.files("ad_pipeline.story").joinpath("lexicon.toml").read_text(encoding="utf-8")
    entries: dict[str, Pronunciation] = {}
    for table in tomllib.loads(source).values():
        for written, said in table.items():
            ko, en = (said, "") if isinstance(said, str) else (said["ko"], said["en"])
            entries[_key(written)] = Pronunciation(written=written, ko=ko, en=en)
    for entry in tuple(entries.values()):
        if len(entry.ko) > 1:
            entries.setdefault(_key(entry.ko), Pronunciation(written=entry.ko, en=entry.en or entry.written))
    return tuple(entries.values())


def _entry(written: str, said: object) -> Pronunciation:
    written = unicodedata.normalize("NFC", " ".join(written.split()))
    field = f"pronunciation.{written[:MOST_LETTERS]}"
    if not any(letter.isalnum() for letter in written):
        raise KitRejected(
            "field {field!r}: {got!r} is no word; write the word as it stands in your texts",
            field=field, got=written[:80],
        )  # fmt: skip
    _check_plain(written, field)
    if isinstance(said, Mapping):
        return _in_two(written, {str(key): value for key, value in said.items()}, field)
    text = _checked(said, "", field)
    return Pronunciation(written=written, **{"ko" if _HANGUL.search(text) else "en": text})


def _in_two(written: str, said: Mapping[str, object], field: str) -> Pronunciation:
    other = sorted(set(said) - {"ko", "en"})
    if other or not said:
        raise KitRejected(
            "field {field!r}: got {got!r}, expected how it is said: a word, or ko and en with a word each",
            field=field, got=", ".join(other),
        )  # fmt: skip
    return Pronunciation(
        written=written, **{key: _checked(value, key, f"{field}.{key}") for key, value in said.items()}
    )


def _checked(said: object, language: str, field: str) -> str:
    text = unicodedata.normalize("NFC", " ".join(said.split())) if isinstance(said, str) else ""
    if not text:
        raise KitRejected(
            "field {field!r}: got {got!r}, expected how it is said: a word, or ko and en with a word each",
            field=field, got=said if isinstance(said, str) else type(said).__name__,
        )  # fmt: skip
    _check_plain(text, field)
    wanted = language or ("ko" if _HANGUL.search(text) else "en")
    if not _SAID[wanted].fullmatch(text) or not any(letter.isalpha() for letter in text):
        raise KitRejected(
            "field {field!r}: {got!r} cannot be read aloud; write {wanted} with numbers as words",
            field=field, got=text, wanted="Hangul" if wanted == "ko" else "Latin letters",
        )  # fmt: skip
    return text


def _check_plain(text: str, field: str) -> None:
    if len(text) > MOST_LETTERS:
        raise KitRejected(
            "field {field!r}: {got} letters, at most {most}; give one word or name, not a sentence",
            field=field, got=len(text), most=MOST_LETTERS,
        )  # fmt: skip
    bad = next((c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn") or c in "<>{}[]\\|"), "")
    if bad:
        raise KitRejected(
            "field {field!r} holds the character U+{code:04X}; write plain words without markup",
            field=field, code=ord(bad),
        )  # fmt: skip


@functools.lru_cache(64)
def _known(entries: tuple[Pronunciation, ...], language: Literal["ko", "en"]) -> Mapping[str, str]:
    return {_key(entry.written): entry.said(language) for entry in entries if entry.said(language)}


@functools.cache
def _generally_known(language: Literal["ko", "en"]) -> Mapping[str, str]:
    # Hashing 600 entries on each look-up would cost more than all the rest.
    return _known(general_entries(), language)


@functools.lru_cache(64)
def _pattern(entries: tuple[Pronunciation, ...], language: Literal["ko", "en"]) -> str:
    """Words by their first letter, of those that begin alike the longest first: 300 names cost little at any place."""
    by_first: dict[str, list[str]] = {}
    for word in sorted((entry.written for entry in entries if entry.said(language)), key=len, reverse=True):
        by_first.setdefault(word[0].casefold(), []).append(word)
    parts: list[str] = []
    for is_hangul, (before, behind) in _BORDERS.items():
        firsts = {first: words for first, words in by_first.items() if bool(_HANGUL.match(first)) == is_hangul}
        buckets = [f"{re.escape(first)}(?:{'|'.join(map(_rest, words))})" for first, words in firsts.items()]
        if buckets:
            parts.append(f"{before}(?:{'|'.join(buckets)})(?:{behind})")
    return "|".join(parts)


def _rest(word: str) -> str:
    """What follows the first letter."""
    return r"\s+".join(re.escape(part) for part in word.split()).removeprefix(re.escape(word[0]))


def _key(written: str) -> str:
    return " ".join(unicodedata.normalize("NFC", written).casefold().split())
