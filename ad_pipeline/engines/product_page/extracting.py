"""A page's bytes become facts: what it says for machines first, what a customer reads next.

Nothing here touches the network. It runs in a process of its own (`extracting_child`): a page can be made
to keep a parser busy for minutes, or to crash it.
"""

from __future__ import annotations

import contextlib
import html
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal

from ad_pipeline.engines.product_page.decoding import decoded
from ad_pipeline.engines.product_page.orders import Sieve, harmless, is_speaking_address
from ad_pipeline.engines.product_page.product_words import (
    LONGEST_INGREDIENT,
    claims_of,
    ingredients_in,
    price_in,
    split_ingredients,
)
from ad_pipeline.engines.product_page.structured import (
    Told,
    absolute,
    is_product_page,
    told_by_json_ld,
    told_by_microdata,
    told_by_opengraph,
)
from ad_pipeline.engines.product_page.visible import Line, lines_of, take_out_unseen
from ad_pipeline.story.product_facts import ProductFacts

LONGEST_TEXT = 4000
MOST_IMAGES = 10
_LONGEST = {"name": 200, "brand": 100, "price": 40, "description": 1000}
_LEAST_LETTERS, _MOST_LINES, _MOST_PICTURES_SEEN = 120, 3000, 50
_MOST_ELEMENTS = 60_000
_SEPARATOR = re.compile(r"\s*[|:–—>·-]\s")
_TAG = re.compile(r"<[a-zA-Z/!]")
_SMALL_PICTURE = re.compile(r"(?:^|[/_.-])(?:icon|ico|logo|btn|button|sprite|blank|spacer|pixel|badge|banner|arrow|star)s?(?:[/_.-]|\d)", re.IGNORECASE)  # fmt: skip  # noqa: E501

Nothing = Literal["login", "empty"]


def page_facts(body: bytes, *, charset: str, url: str) -> ProductFacts | Nothing:
    """The facts of a page, or why it has none."""
    tree = _parsed(decoded(body, charset))
    if tree is None:
        return "empty"
    base = _base_of(tree, url)
    for_machines = [told_by_json_ld(tree, base), told_by_microdata(tree, base), told_by_opengraph(tree, base)]
    calls_itself_product = is_product_page(tree)
    asks_password = bool(tree.xpath("//input[translate(@type,'PASWORD','pasword')='password']"))
    sieve = Sieve()
    sieve.scan_unseen(take_out_unseen(tree))
    lines = lines_of(tree)
    for_machines[2] = _named_as_in_heading(for_machines[2], tree)
    told = [*for_machines, _told_by_text(tree, lines, base)]
    text = _readable(tree, lines)
    is_product = any(part.is_product for part in for_machines[:2]) or bool(told[2].price) or calls_itself_product
    if asks_password and not is_product and not told[3].price:
        return "login"
    facts = _collected(told, lines=lines, text=text, url=url, sieve=sieve)
    if not (is_product or facts.price or sum(map(str.isalpha, facts.text)) >= _LEAST_LETTERS):
        return "empty"
    return facts


def _parsed(text: str) -> Any:
    import lxml.etree
    import lxml.html

    # As bytes: lxml refuses a text that names an encoding of its own.
    parser = lxml.html.HTMLParser(encoding="utf-8", no_network=True, remove_pis=True, huge_tree=False)
    with contextlib.suppress(lxml.etree.LxmlError, ValueError, AssertionError):
        tree = lxml.html.document_fromstring(text.encode("utf-8", errors="replace"), parser=parser)
        if sum(1 for _ in tree.iter()) <= _MOST_ELEMENTS:
            return tree
    return None


def _base_of(tree: Any, url: str) -> str:
    """Where the page's relative addresses begin."""
    written = next((base.get("href") for base in tree.iter("base") if base.get("href")), "")
    return next(iter(absolute([written], url)), url) if written else url


def _told_by_text(tree: Any, lines: Sequence[Line], url: str) -> Told:
    headings = [" ".join(h.text_content().split()) for h in tree.iter("h1")]
    titles = [" ".join((t.text or "").split()) for t in tree.iter("title")]
    title = re.split(r"\s[|:–—-]\s", titles[0])[0] if titles else ""
    metas = [m.get("content", "") for m in tree.iter("meta") if (m.get("name") or "").lower() == "description"]
    return Told(
        part="text",
        name=next((h for h in headings if h), title),
        price=price_in(lines),
        description=next((m for m in metas if m.strip()), ""),
        ingredients=ingredients_in(lines),
        images=absolute(_pictures(tree)[:_MOST_PICTURES_SEEN], url),
    )


def _named_as_in_heading(told: Told, tree: Any) -> Told:
    """`Serum : Shop` as a heading of the page says it: `Serum`."""
    for heading in tree.iter("h1", "h2", "h3"):
        text = " ".join(heading.text_content().split())
        rest = told.name.removeprefix(text) if text else told.name
        if rest != told.name and _SEPARATOR.match(rest):
            return replace(told, name=text)
    return told


def _pictures(tree: Any) -> list[str]:
    found: list[str] = []
    for img in tree.iter("img"):
        address = next(
            (img.get(name) for name in ("data-src", "data-original", "ec-data-src", "src") if img.get(name)), ""
        )
        sides = [
            int(side) for name in ("width", "height") if (side := img.get(name) or "").isdecimal() and len(side) < 6
        ]
        if address and not address.startswith("data:") and not _SMALL_PICTURE.search(address) and min(sides, default=999) >= 100:  # fmt: skip  # noqa: E501
            found.append(address)
    return found


def _readable(tree: Any, lines: Sequence[Line]) -> str:
    """The page's own lines, outside the shop's frame; of a long page what trafilatura takes for its main text."""
    own = "\n".join(line.text for line in lines if not line.around) or "\n".join(line.text for line in lines)
    if len(own) <= LONGEST_TEXT:  # nothing has to be chosen, and trafilatura takes 0.2 s to load
        return own
    import trafilatura

    with contextlib.suppress(ValueError, TypeError, AttributeError, RecursionError, LookupError):
        chosen = trafilatura.extract(tree, include_comments=False, include_tables=True, favor_recall=True) or ""
        return chosen if len(chosen) >= LONGEST_TEXT // 3 else own
    return own


def _collected(told: Sequence[Told], *, lines: Sequence[Line], text: str, url: str, sieve: Sieve) -> ProductFacts:
    found: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for field, longest in _LONGEST.items():
        for part in told:
            value = sieve.cleaned(_unmarked(getattr(part, field), sieve), longest=longest)
            if field != "description":
                value = value.replace("\n", " ")
            if value and field not in found:  # the others are sieved too: their orders are to be seen
                found[field], sources[field] = value, part.part
    for part in told:
        names = split_ingredients(sieve.cleaned(_unmarked(part.ingredients, sieve), longest=8000))
        if names and "ingredients" not in found:
            found["ingredients"], sources["ingredients"] = tuple(n[:LONGEST_INGREDIENT] for n in names), part.part
    images = [(a, part.part) for part in told for a in part.images if not is_speaking_address(a)]
    if images:
        found["images"] = tuple(dict.fromkeys(harmless(address) for address, _ in images))[:MOST_IMAGES]
        sources["images"] = images[0][1]
    described = found.get("description", "")
    own = [sieve.cleaned(line.text, longest=1000) for line in lines[:_MOST_LINES] if not line.around]
    claims = claims_of([described, *own])
    if claims:
        found["claims"] = claims
        sources["claims"] = sources["description"] if claims_of([described])[:1] == claims[:1] else "text"
    found["text"] = sieve.cleaned(text[: 3 * LONGEST_TEXT], longest=LONGEST_TEXT)
    if found["text"]:
        sources["text"] = "text"
    if is_speaking_address(url):
        url = url.partition("?")[0]
        url = "/".join(url.split("/")[:3]) if is_speaking_address(url) else url
    read_at = datetime.now(UTC).isoformat(timespec="seconds")
    return ProductFacts(**found, url=url, orders=sieve.orders, sources=sources, read_at=read_at)


def _unmarked(text: str, sieve: Sieve) -> str:
    """A text of a data field that was written as HTML, as text; what is hidden in it goes through the sieve."""
    if not _TAG.search(text):
        text = html.unescape(text)  # many shops escape the HTML that they put into JSON
    if not _TAG.search(text):
        return text
    import lxml.etree
    import lxml.html

    with contextlib.suppress(lxml.etree.LxmlError, ValueError, AssertionError):
        fragment = lxml.html.fragment_fromstring(text[:100_000], create_parent=True)
        sieve.scan_unseen(take_out_unseen(fragment))
        return "\n".join(line.text for line in lines_of(fragment))
    return ""
