"""What no writer may slip into an ad, whoever told it to: strange links, other brands, orders of a page.

A page is written by strangers and a model may obey them. So what the team answers is held against the
brief, the kit and the facts: brand and link are never the model's to choose, and names that stood only in
a page's orders are not the ad's.
"""

from __future__ import annotations

import functools
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Sequence
from importlib import resources
from itertools import combinations
from urllib.parse import urlsplit

from ad_pipeline.messages import Message, worded
from ad_pipeline.story.brief import StoryLanguage
from ad_pipeline.story.hangul import is_hangul
from ad_pipeline.story.room.contacts import contacts_in, plain
from ad_pipeline.story.room.everyday import LATIN, OF_ORDERS, PARTICLES
from ad_pipeline.story.room.questions import Assignment

_WORD = re.compile(r"[A-Za-z][A-Za-z'&+-]+|[가-힣]{2,}")
_EMOJI = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf\U0001f1e6-\U0001f1ff]")
# ASCII, as Korean puts its particles right behind a Latin name and that is a word's end too.
_CAMEL = r"\b[A-Z]+[a-z]+[A-Z][A-Za-z]*"
_NAMES: dict[StoryLanguage, re.Pattern[str]] = {
    "ko": re.compile(rf"{_CAMEL}|\b[A-Z][A-Za-z]+(?=(?:{'|'.join(PARTICLES)}|예요)(?![가-힣]))", re.ASCII),
    "en": re.compile(_CAMEL, re.ASCII),
}
_SPACED = re.compile(r"(?<![가-힣])[가-힣](?:\s[가-힣]){2,}(?![가-힣])")
_QUOTED = r"[\"'“”‘’「」『』«»<>]([^\"'“”‘’「」『』«»<>]{2,40})[\"'“”‘’「」『』«»<>]"
_SHOP = r"공식\s?(?:몰|스토어|샵|사이트|계정)|쇼핑몰|닷컴"
# What an order itself marks as a name: in quotes, before and behind such words, or as what shall be praised.
_ORDERED = re.compile(
    rf"{_QUOTED}|([가-힣]{{2,}})\s?(?:{_SHOP}|브랜드|링크)|"
    r"(?:브랜드|이름|상호)(?:명|\s이름)?(?:은|는|을|를|이|가)?\s([가-힣]{3,})|"
    r"([가-힣]{3,}?)(?:을|를)\s(?:언급|추천|홍보|소개|광고)|"
    r"(?<=[a-z,:가-힣] )([A-Z][A-Za-z&+-]{3,}(?:\s[A-Z][A-Za-z&+-]+)*)|"
    r"\b([A-Z]{4,})\b|([a-z0-9-]{4,})\.[a-z]{2,}",
    re.ASCII,
)
# The same in a page's common text, where quotes hold honest sentences too.
_ON_PAGE = re.compile(rf"{_QUOTED}(?=\s?(?:이라는|라는|이라고|라고))|([가-힣]{{3,}})\s?(?:{_SHOP})")
_SHORT_NAME = 3


@functools.cache
def other_brands() -> tuple[str, ...]:
    """Brands of others that our models know."""
    return (*_listed("names"), *_listed("written_so"))


@functools.cache
def _listed(key: str) -> tuple[str, ...]:
    text = (resources.files("ad_pipeline.story.room") / "other_brands.toml").read_text(encoding="utf-8")
    return tuple(tomllib.loads(text)[key])


def strangers(text: str, given: Assignment, *, brands: Sequence[str]) -> tuple[Message, ...]:
    """What stands in `text` and has no business there, a sentence each. `brands`: names of all brands that we know."""
    seen = plain(text)
    closed = _SPACED.sub(lambda spaced: re.sub(r"\s", "", spaced.group()), seen)
    hidden = any(unicodedata.category(letter) in ("Cf", "Co") for letter in text)
    return (
        *_links(seen, given),
        *_other_brands(f"{seen}\n{closed}" if closed != seen else seen, given, brands),
        *_tainted(seen, given),
        *((worded("it holds an emoji; use words"),) if _EMOJI.search(seen) else ()),
        *((worded("it holds letters that nobody sees; leave them out"),) if hidden else ()),
    )


def unknown_names(text: str, given: Assignment) -> tuple[str, ...]:
    """Latin names that neither the brief, the kit nor the facts know.

    A name is written LikeThis or has a Korean particle right behind it; a capital alone is a headline's.
    """
    own = _own_words(given) | LATIN
    found = dict.fromkeys(name.group() for name in _NAMES[given.language].finditer(plain(text)))
    return tuple(name for name in found if name.lower() not in own and not (name.isupper() and len(name) < 4))


def names_product(texts: Iterable[str], given: Assignment) -> bool:
    """Whether the brand or the product is named in any of them: by a name, or by two words of the product's."""
    names = {_squeezed(name) for name in (given.brief.product, given.kit.name, given.kit.name_ko, given.kit.wordmark)}
    telling = [word for word in given.brief.product.split() if not re.search(r"\d", word) and word.lower() != "no."]
    pairs = {_squeezed(a + b) for a, b in combinations(telling, 2)} if len(telling) > 1 else set[str]()
    names |= pairs | {_squeezed("".join(telling))}
    return any(name in _squeezed(text) for text in texts for name in names if name)


def _links(text: str, given: Assignment) -> list[Message]:
    host = (urlsplit(given.brief.product_url).hostname or "").removeprefix("www.")
    asked = _asked(given)
    return [
        worded(
            "it holds {link!r}, which is no part of the brief; an ad's link is the client's, so leave it out", link=link
        )
        for link in contacts_in(text)
        if link.lower() not in asked and not (host and link.lower().removeprefix("www.") == host)
    ]


def _other_brands(text: str, given: Assignment, brands: Sequence[str]) -> list[Message]:
    own = {_squeezed(name) for name in (given.kit.name, given.kit.name_ko, given.brief.brand_id)} - {""}
    asked = _asked(given)
    return [
        worded("it names {brand!r}, which is another brand; this ad is for {own}", brand=brand, own=given.kit.name)
        for brand in dict.fromkeys([*brands, *_brands_of_page(given, own)])
        if len(brand) > 1 and _squeezed(brand) not in own and _stands_in(brand, text) and brand.lower() not in asked
    ]


def _brands_of_page(given: Assignment, own: set[str]) -> list[str]:
    """The page's brand where it is not ours, and each part of it that has another script: `샤디코 SHADYCO`."""
    told = plain(given.page.brand).strip() if given.page else ""
    if not told or any(name in _squeezed(told) for name in own):
        return []
    parts = [part.strip() for part in re.findall(r"[가-힣][가-힣\s]*|[A-Za-z][A-Za-z\s&'.-]*", told)]
    return [told, *(part for part in parts if len(part) > 2)]


def _tainted(text: str, given: Assignment) -> list[Message]:
    """Names that stood in a page's orders, or that the page wants said, and nowhere that counts."""
    page = given.page
    if not page:
        return []
    marked = [_ORDERED.findall(order) for order in page.orders]
    marked += [_ON_PAGE.findall(part) for part in (page.text, page.description)]
    told = " ".join(" ".join(groups) for found in marked for groups in found)
    own = _own_words(given) | LATIN | OF_ORDERS
    names = {_bare(word) for word in _WORD.findall(plain(told)) if _is_telling(word)} - own
    found = [word for word in dict.fromkeys(_WORD.findall(text)) if _bare(word) not in own and _is_of(word, names)]
    return [
        worded("it says {word!r}, which only stands in orders that somebody hid in the product page", word=word)
        for word in found
    ]


def _is_of(word: str, names: Iterable[str]) -> bool:
    """Whether it is one of them; a Korean name also where one of them only ends otherwise (상점의, 상점입니다)."""
    bare = _bare(word)
    if is_hangul(word[0]):
        return len(bare) >= _SHORT_NAME and any(name.startswith(bare) or bare.startswith(name) for name in names)
    return bare in names


def _is_telling(word: str) -> bool:
    return len(_bare(word)) >= _SHORT_NAME if is_hangul(word[0]) else len(word) > _SHORT_NAME


def _own_words(given: Assignment) -> frozenset[str]:
    """Words of the client, of the facts and of the product's name; the rest of a page is nobody's own."""
    texts = [_asked(given), *(fact.text for fact in given.facts), given.page.name if given.page else ""]
    return frozenset(_bare(word) for text in texts for word in _WORD.findall(plain(text)))


def _asked(given: Assignment) -> str:
    """All words of the client's own, small."""
    brief, kit = given.brief, given.kit
    own = (
        brief.product, brief.concept, brief.target_audience, brief.goal, brief.brand_id, kit.name, kit.name_ko,
        kit.wordmark, kit.tagline, kit.tagline_ko, kit.cta, kit.cta_ko, *(claim.text for claim in brief.claims),
    )  # fmt: skip
    return plain(" ".join(own)).lower()


def _bare(word: str) -> str:
    low = word.lower()
    if is_hangul(low[0]):
        ending = next((e for e in PARTICLES if low.endswith(e) and len(low) - len(e) >= 2), "")
        return low.removesuffix(ending)
    return low


def _stands_in(name: str, text: str) -> bool:
    """Whole words; a short Korean name has to end there or take a particle (헤라 is no 헤라클레스)."""
    if name in _listed("written_so"):
        return bool(re.search(rf"(?<![A-Za-z]){re.escape(name)}(?![A-Za-z])", _unaccented(text)))
    small, said = _unaccented(name).lower(), _unaccented(text).lower()
    if name.isascii():
        return bool(re.search(rf"(?<![a-z]){re.escape(small)}(?![a-z])", said))
    end = "" if len(name) > _SHORT_NAME else rf"(?:{'|'.join(PARTICLES)}|예요|이에요|입니다)?(?![가-힣])"
    return bool(re.search(rf"(?<![가-힣]){re.escape(small)}{end}", said))


def _unaccented(text: str) -> str:
    return unicodedata.normalize("NFC", re.sub(r"[\u0300-\u036f]", "", unicodedata.normalize("NFD", text)))


def _squeezed(text: str) -> str:
    return re.sub(r"\W+", "", plain(text)).lower()
