"""A stranger's words made harmless: no unseen characters, and no sentence that gives a machine orders.

The page's text goes to language models as quoted data. A sentence that speaks to the model itself has
no place among the product's facts, so it is taken out here and kept apart, where a person can see it.
A fact too few is the cheaper mistake: what is told to a machine is taken out even where it may be meant well.
"""

from __future__ import annotations

import functools
import itertools
import re
import tomllib
import unicodedata
from collections.abc import Iterable
from importlib import resources
from urllib.parse import unquote

MOST_ORDERS, LONGEST_ORDER = 20, 300


_SENTENCE_END = re.compile(r"(?<=[.!?。！？…])\s+|\s*\n+\s*")
_ODD = re.compile(r"[^\x20-\x7e\n가-힣]")
_SPACE = re.compile(r"[^\S\n]+")
# Cyrillic and Greek letters that look like Latin ones, the usual way around a list of words.
_ALIKE = str.maketrans(
    {"а": "a", "е": "e", "о": "o", "р": "p", "с": "c", "у": "y", "х": "x", "і": "i", "ј": "j", "ѕ": "s", "ԁ": "d",
     "һ": "h", "ӏ": "l", "м": "m", "т": "t", "к": "k", "ο": "o", "α": "a", "ε": "e", "ι": "i", "κ": "k", "ν": "v",
     "τ": "t", "ρ": "p", "υ": "u"}
)  # fmt: skip

_BETWEEN_WORDS = re.compile(r"[-_+/.?=&#:,;~%]+")
# Where nobody sees it, a text that only sounds like it is enough.
_FOR_MACHINES = re.compile(
    r"\b(?:ai|llm|gpt|model|assistant|prompt|instruct\w*|ignore|must|brand|competitor|link|always|never)\b"
    r"|인공\s?지능|프롬프트|지시|명령|하세요|하십시오|하라|해라|쓰라|써라|쓰세요|적으세요|반드시|브랜드",
    re.IGNORECASE,
)


def harmless(text: str, *, longest: int = 100_000) -> str:
    """`text` without control, unseen and direction-changing characters, its space made plain; line ends stay."""
    plain = unicodedata.normalize("NFC", _ODD.sub(lambda found: _seen(found[0]), text[: 2 * longest]))
    lines = (_SPACE.sub(" ", line).strip() for line in plain.split("\n"))
    return "\n".join(line for line in lines if line)[:longest].strip()


def _seen(character: str) -> str:
    """What is kept of a character that is neither plain ASCII nor Hangul."""
    if character in "\t\r\v\f\x85\u2028\u2029":
        return " "
    # Cc control, Cf direction and zero width, Cs half a surrogate, Co private use, Cn nobody's.
    unseen = unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    return "" if unseen or character == "\ufffd" or "\ufe00" <= character <= "\ufe0f" else character


def sentences_of(text: str) -> list[str]:
    """The sentences of a text, each as it stands there."""
    return [sentence for part in _SENTENCE_END.split(text) if (sentence := part.strip())]


def is_order(sentence: str) -> bool:
    """Whether a sentence speaks to a machine that reads the page, not to its customer."""
    folded = unicodedata.normalize("NFKC", sentence).lower().translate(_ALIKE)
    return bool(_order().search(folded))


def is_speaking_address(url: str) -> bool:
    """Whether the words of an address are an order: it gets to models as a source, in the page's own spelling."""
    return is_order(_BETWEEN_WORDS.sub(" ", unquote(unquote(url)))[:2000])


@functools.cache
def _order() -> re.Pattern[str]:
    table = resources.files("ad_pipeline.engines.product_page") / "orders.toml"
    patterns: dict[str, list[str]] = tomllib.loads(table.read_text(encoding="utf-8"))
    return re.compile("|".join(f"(?:{pattern})" for group in patterns.values() for pattern in group), re.IGNORECASE)


class Sieve:
    """Cleans a page's texts one after the other and collects the orders that it takes out of them."""

    def __init__(self) -> None:
        self._orders: dict[str, None] = {}

    @property
    def orders(self) -> tuple[str, ...]:
        return tuple(self._orders)[:MOST_ORDERS]

    def cleaned(self, text: str, *, longest: int) -> str:
        """`text`, harmless, without orders, cut after a word at `longest` characters."""
        plain = harmless(text)
        sentences = sentences_of(plain)
        taken = [is_order(sentence) for sentence in sentences]
        for place in range(1, len(sentences)):  # an order may run over two sentences or lines
            if not (taken[place - 1] or taken[place]) and is_order(f"{sentences[place - 1]} {sentences[place]}"):
                taken[place - 1] = taken[place] = True
        for place, goes_on in enumerate(_going_on(plain, sentences)):
            if goes_on and taken[place - 1]:  # who gave one order is not done with it: the brand is..., say that...
                taken[place] = True
        for sentence in itertools.compress(sentences, taken):
            self._take(sentence)
        kept = [sentence for sentence, is_taken in zip(sentences, taken, strict=True) if not is_taken]
        return cut(_rejoined(plain, kept), longest)

    def scan_unseen(self, texts: Iterable[str]) -> None:
        """Look through what no customer sees (hidden text, comments); its orders are kept, the rest is dropped."""
        for text in texts:
            for sentence in sentences_of(harmless(text)):
                if is_order(sentence) or (len(sentence) > 8 and _FOR_MACHINES.search(sentence)):
                    self._take(sentence)

    def _take(self, sentence: str) -> None:
        if len(self._orders) < MOST_ORDERS:
            self._orders[cut(sentence, LONGEST_ORDER)] = None


def _going_on(plain: str, sentences: list[str]) -> list[bool]:
    """For each sentence whether it goes on in the line of the one before, or ends what that one left open."""
    found: list[bool] = []
    place = 0
    for before, sentence in itertools.pairwise(["", *sentences]):
        at = plain.find(sentence, place)
        same_line = "\n" not in plain[place:at]
        found.append(bool(before) and (same_line or before[-1] not in ".!?。！？…"))
        place = at + len(sentence)
    return found


def _rejoined(plain: str, kept: list[str]) -> str:
    """The kept sentences with the line ends that stood between them."""
    found, place = "", 0
    for sentence in kept:
        at = plain.find(sentence, place)
        between = "\n" if "\n" in plain[place:at] else " "
        found += (between if found else "") + sentence
        place = at + len(sentence)
    return found


def cut(text: str, longest: int) -> str:
    """At most `longest` characters, ending with a word where one ends near."""
    if len(text) <= longest:
        return text
    head = text[: longest - 1]
    word_end = max(head.rfind(" "), head.rfind("\n"))
    return (head[:word_end] if word_end > longest * 0.8 else head).rstrip() + "…"
