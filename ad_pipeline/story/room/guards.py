"""What no writer may slip into an ad, whoever told it to: strange links, other brands, orders of a page.

A page is written by strangers and a model may obey them. So what the team answers is held against the
brief, the kit and the facts: brand and link are never the model's to choose, and words that stood only in
a page's orders are not the ad's.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterable, Sequence
from importlib import resources
from urllib.parse import urlsplit

from ad_pipeline.messages import Message, worded
from ad_pipeline.story.hangul import is_hangul
from ad_pipeline.story.room.questions import Assignment

# ASCII: to Python a Hangul letter is part of a word, and Korean puts its particles right behind a link or a name.
_LINK = re.compile(
    r"\b(?:https?://|www\.)[^\s가-힣]+|\b[\w.+-]+@[\w-]+(?:\.\w+)+|(?<![\w.])(?:[a-z0-9-]{2,}\.)+(?:com|net|org|kr|co|io|shop|"
    r"store|me|app|biz|info|xyz|site|online|link|page|ly|gl|example|test|jp|cn|us|eu|tv|ai)\b(?:/[^\s가-힣]*)?",
    re.ASCII | re.IGNORECASE,
)
_PHONE = re.compile(r"(?<!\d)(?:\+?\d{1,3}[-. ])?(?:0\d{1,2}|1\d{3})[-. ]\d{3,4}(?:[-. ]\d{4})?(?!\d)")
_HANDLE = re.compile(r"(?<![\w@])[@＠#＃][\w가-힣_]{2,}")
_WORD = re.compile(r"[A-Za-z][A-Za-z'&+-]+|[가-힣]{2,}")
_EMOJI = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf\U0001f1e6-\U0001f1ff]")
_NAME = re.compile(r"\b[A-Z][A-Za-z]*[A-Z][A-Za-z]*\b|\b[A-Z][a-z]+(?:\s[A-Z][a-z]+)*\b", re.ASCII)
# Latin words that Korean copy borrows and that name nobody.
_KNOWN_LATIN = frozenset(
    "spf pa uv uva uvb ad aha bha pha ph ml mg am pm ok tv sns it bb cc diy new pro plus one day night skin lip eye "
    "hand body face hair glow water cream serum mask tint cushion oil gel foam mist toner essence ampoule sun "
    "hello hi yes no now go on up off all you your me my we our the and or of in to for with by is be at from this "
    "that more less only just every each ever always today tonight tomorrow morning afternoon evening moment time "
    "start begin fresh pure clear clean soft light bright deep calm warm cool dry dewy wet moist smooth silky velvet "
    "matte glossy shine shiny radiant healthy natural daily weekend holiday season spring summer autumn winter love "
    "life mood vibe style look color colour red pink coral rose nude beige brown black white blue green gold silver "
    "beauty make makeup care routine self touch feel feeling breathe relax rest dream smile happy joy free easy simple "
    "real true best sellers edition limited gift set kit sample size drop drops layer layers boost booster barrier "
    "balance balancing hydration hydra moisture vitamin collagen retinol cica aqua magic secret story".split()
)
# Words that orders are made of and an honest line may hold too.
_EVERYDAY = frozenset(
    "브랜드 이제부터 지금부터 오늘부터 사용자 시청자 소비자 고객님 여러분 프롬프트 시스템 인공지능 어시스턴트 "
    "광고문 슬로건 "
    "previous instructions instruction following assistant important customer customers everything anything "
    "something brand product website answer storyboard narration "
    "Ignore Instead Always Never Please System Assistant You Your".split()
)
_ENDINGS = (
    "으로",
    "에서",
    "에게",
    "까지",
    "부터",
    "처럼",
    "은",
    "는",
    "이",
    "가",
    "을",
    "를",
    "의",
    "에",
    "로",
    "와",
    "과",
    "도",
    "만",
)
"""Particles: a word of a page's orders counts with any of them."""


@functools.cache
def other_brands() -> tuple[str, ...]:
    """Brands of others that our models know."""
    text = (resources.files("ad_pipeline.story.room") / "other_brands.toml").read_text(encoding="utf-8")
    return tuple(tomllib.loads(text)["names"])


def strangers(text: str, given: Assignment, *, brands: Sequence[str]) -> tuple[Message, ...]:
    """What stands in `text` and has no business there, a sentence each. `brands`: names of all brands that we know."""
    return (
        *_links(text, given),
        *_other_brands(text, given, brands),
        *_tainted(text, given),
        *((worded("it holds an emoji; use words"),) if _EMOJI.search(text) else ()),
    )


def unknown_names(text: str, given: Assignment) -> tuple[str, ...]:
    """Latin names in Korean copy that neither the brief, the kit nor the facts know: brands are written so."""
    if given.language != "ko":
        return ()
    own = _own_words(given)
    found = dict.fromkeys(name.group() for name in _NAME.finditer(text))
    return tuple(
        name for name in found if not all(part.lower() in own | _KNOWN_LATIN for part in name.split()) and len(name) > 2
    )


def names_product(texts: Iterable[str], given: Assignment) -> bool:
    """Whether the brand or the product is named anywhere, by any of its names or the telling part of it."""
    said = _squeezed(" ".join(texts))
    names = [given.brief.product, given.kit.name, given.kit.name_ko, *_halves(given.brief.product)]
    return any(_squeezed(name) in said for name in names if name)


def _links(text: str, given: Assignment) -> list[Message]:
    host = urlsplit(given.brief.product_url).hostname or ""
    found = [match.group() for pattern in (_LINK, _PHONE, _HANDLE) for match in pattern.finditer(text)]
    asked = _asked(given)
    return [
        worded(
            "it holds {link!r}, which is no part of the brief; an ad's link is the client's, so leave it out", link=link
        )
        for link in dict.fromkeys(found)
        if link.lower() not in asked and not (host and link.lower().removeprefix("www.") == host.removeprefix("www."))
    ]


def _other_brands(text: str, given: Assignment, brands: Sequence[str]) -> list[Message]:
    own = {_squeezed(name) for name in (given.kit.name, given.kit.name_ko, given.brief.brand_id)}
    others = [*brands, *((given.page.brand,) if given.page and given.page.brand else ())]
    asked = _asked(given)
    said = text.lower()
    return [
        worded("it names {brand!r}, which is another brand; this ad is for {own}", brand=brand, own=given.kit.name)
        for brand in dict.fromkeys(others)
        if len(brand) > 1
        and _squeezed(brand) not in own
        and _stands_in(brand.lower(), said)
        and brand.lower() not in asked
    ]


def _tainted(text: str, given: Assignment) -> list[Message]:
    """Words that stood in a page's orders and nowhere that counts."""
    if not given.page or not given.page.orders:
        return []
    own = _own_words(given)
    tainted = {_bare(word) for order in given.page.orders for word in _WORD.findall(order)} - own
    found = [
        word
        for word in dict.fromkeys(_WORD.findall(text))
        if _is_telling(word)
        and _bare(word) not in own | _EVERYDAY
        and word not in _EVERYDAY
        and _is_of(_bare(word), tainted)
    ]
    return [
        worded("it says {word!r}, which only stands in orders that somebody hid in the product page", word=word)
        for word in found
    ]


def _is_of(word: str, others: Iterable[str]) -> bool:
    """Whether it is one of them; a Korean word also where one of them only ends otherwise (상점의, 상점입니다)."""
    if is_hangul(word[0]):
        return any(other.startswith(word) for other in others)
    return word in others


def _is_telling(word: str) -> bool:
    """Names and rare words; everyday words stand in orders too."""
    if is_hangul(word[0]):
        return len(_bare(word)) >= 3
    return (word[0].isupper() and len(word) > 3) or len(word) > 7


def _own_words(given: Assignment) -> frozenset[str]:
    page = given.page
    texts = [_asked(given), *(fact.text for fact in given.facts)]
    if page:
        texts += [page.name, page.description, page.text]
    return frozenset(_bare(word) for text in texts for word in _WORD.findall(text))


def _asked(given: Assignment) -> str:
    """All words of the client's own, small."""
    brief, kit = given.brief, given.kit
    own = (
        brief.product, brief.concept, brief.target_audience, brief.goal, brief.brand_id, kit.name, kit.name_ko,
        kit.wordmark, kit.tagline, kit.tagline_ko, kit.cta, kit.cta_ko, *(claim.text for claim in brief.claims),
    )  # fmt: skip
    return " ".join(own).lower()


def _bare(word: str) -> str:
    low = word.lower()
    if is_hangul(low[0]):
        ending = next((e for e in _ENDINGS if low.endswith(e) and len(low) - len(e) >= 2), "")
        return low.removesuffix(ending)
    return low


def _stands_in(name: str, said: str) -> bool:
    if name.isascii():
        return bool(re.search(rf"(?<![a-z]){re.escape(name)}(?![a-z])", said))
    return bool(re.search(rf"(?<![가-힣]){re.escape(name)}", said))


def _squeezed(text: str) -> str:
    return re.sub(r"\W+", "", text).lower()


def _halves(product: str) -> list[str]:
    """What one calls a product for short: its name without the last word, or without the first."""
    words = product.split()
    return [" ".join(words[:-1]), " ".join(words[1:])] if len(words) > 2 else []
