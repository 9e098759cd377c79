"""What a page says of its product for machines: JSON-LD, microdata, OpenGraph."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

_PRODUCT_TYPES = frozenset({"product", "productgroup", "individualproduct", "productmodel", "someproducts", "vehicle"})
_NOT_THIS_PRODUCT = frozenset(
    {"isRelatedTo", "isSimilarTo", "itemListElement", "review", "reviews", "isAccessoryOrSparePartFor", "itemReviewed"}
)
_LARGEST_SCRIPT = 1_000_000
_MOST_NODES, _MOST_PROPERTIES, _DEEPEST = 3000, 1000, 12
_INGREDIENT_NAMES = re.compile(r"전\s?성분|모든\s?성분|ingredient", re.IGNORECASE)
_CURRENCIES = {"원": "KRW", "₩": "KRW", "$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "円": "JPY", "元": "CNY"}
_SHARED = re.compile(r"(?:og|product):[\w:.-]{1,60}")
_AMOUNT = re.compile(r"\d{1,3}(?:[,.\s]\d{3})+(?:[.,]\d{1,2})?(?!\d)|\d+(?:[.,]\d{1,2})?(?!\d)")
_WHOLE_CURRENCIES = frozenset({"KRW", "JPY"})


@dataclass(frozen=True, kw_only=True)
class Told:
    """What one part of a page says of the product, raw; empty where it says nothing."""

    part: str
    name: str = ""
    brand: str = ""
    price: str = ""
    description: str = ""
    ingredients: str = ""
    images: tuple[str, ...] = field(default_factory=tuple)

    @property
    def is_product(self) -> bool:
        return bool(self.name or self.price)


def told_by_json_ld(tree: Any, url: str) -> Told:
    """The page's Product in JSON-LD; broken scripts are passed over."""
    from extruct.jsonld import JsonLdExtractor

    found: list[Any] = []
    for script in tree.iter("script"):
        kind = (script.get("type") or "").partition(";")[0].strip().lower()
        if kind != "application/ld+json" or len(script.text or "") > _LARGEST_SCRIPT:
            continue
        script.set("type", kind)
        # One script at a time: extruct gives up on all of them for the sake of a broken one.
        with contextlib.suppress(ValueError, TypeError, RecursionError, AttributeError):
            found += JsonLdExtractor().extract_items(script)
    return _told("JSON-LD", _product_of(found, url), url)


def told_by_microdata(tree: Any, url: str) -> Told:
    """The page's Product in microdata."""
    from extruct.w3cmicrodata import MicrodataExtractor

    nested = tree.xpath(f"boolean(//*[@itemscope][count(ancestor::*[@itemscope]) > {_DEEPEST}])")
    if nested or len(tree.xpath("//*[@itemprop]")) > _MOST_PROPERTIES:
        return Told(part="microdata")  # its search grows with the cube: 250 scopes in each other took 2 s
    with contextlib.suppress(ValueError, TypeError, RecursionError, AttributeError, KeyError):
        items = MicrodataExtractor().extract_items(tree, url)
        return _told("microdata", _product_of([_as_json_ld(item) for item in items], url), url)
    return Told(part="microdata")


def told_by_opengraph(tree: Any, url: str) -> Told:
    """What the page shows when it is shared."""
    from extruct.opengraph import OpenGraphExtractor

    for meta in tree.iter("meta"):  # many shops write name= where the standard says property=
        name = meta.get("name") or ""
        if meta.get("property") is None and _SHARED.fullmatch(name):
            meta.set("property", name)
    said: dict[str, list[str]] = {}
    with contextlib.suppress(ValueError, TypeError, AttributeError):
        for graph in OpenGraphExtractor().extract_items(tree, url):
            for name, value in graph["properties"]:
                said.setdefault(name.strip().lower(), []).append(str(value))
    first = {name: values[0].strip() for name, values in said.items() if values[0].strip()}
    amount = first.get("product:sale_price:amount") or first.get("product:price:amount") or first.get("og:price:amount")
    currency = first.get("product:price:currency") or first.get("og:price:currency") or ""
    images = [*said.get("og:image:secure_url", ()), *said.get("og:image", ()), *said.get("og:image:url", ())]
    return Told(
        part="OpenGraph",
        name=_without_site(first.get("og:title", ""), first.get("og:site_name", "")),
        brand=first.get("product:brand") or first.get("og:brand") or "",
        price=priced(amount or "", currency),
        description=first.get("og:description", ""),
        images=absolute(images, url),
    )


def is_product_page(tree: Any) -> bool:
    """Whether the page's own sharing data call it a product."""
    kinds = (meta.get("content", "") for meta in tree.iter("meta") if meta.get("property") == "og:type")
    return any("product" in kind.lower() for kind in kinds)


def priced(amount: object, currency: object) -> str:
    """`38,000 KRW` of what a page gives as amount and currency; empty when it is no price."""
    text, code = str(amount if amount is not None else "").strip()[:40], str(currency or "").strip().upper()[:10]
    for sign, name in _CURRENCIES.items():
        code = name if sign in code or (not code and sign in text) else code
    found = _AMOUNT.search(text)
    if not found or not re.fullmatch(r"[A-Z]{3}", code or "-"):
        return ""
    number = _number(found[0])
    if number is None or number <= 0:
        return ""
    whole = number == int(number) and (code in _WHOLE_CURRENCIES or "." not in found[0])
    return f"{number:,.0f} {code}" if whole else f"{number:,.2f} {code}"


def _number(text: str) -> float | None:
    plain = text.replace(" ", "").replace("\xa0", "")
    last = max(plain.rfind(","), plain.rfind("."))
    if last >= 0 and len(plain) - last - 1 == 3 and plain.count(plain[last]) >= 1 and plain[last] == ",":
        last = -1
    if last >= 0 and len(plain) - last - 1 == 3:  # 38.000: a German thousand
        last = -1
    digits = re.sub(r"[.,]", "", plain[:last] if last >= 0 else plain)
    with contextlib.suppress(ValueError):
        return float(f"{digits}.{plain[last + 1 :]}" if last >= 0 else digits)
    return None


def absolute(addresses: Iterable[object], base: str) -> tuple[str, ...]:
    """The http(s) addresses among them, absolute, each once."""
    found: dict[str, None] = {}
    for address in addresses:
        with contextlib.suppress(ValueError):
            url = urljoin(base, str(address).strip()).partition("#")[0]
            parts = urlsplit(url)
            drawn = parts.path.lower().endswith((".svg", ".ico"))
            if parts.scheme in ("http", "https") and parts.hostname and len(url) <= 2000 and not drawn:
                found[url.replace(" ", "%20")] = None
    return tuple(found)


def _product_of(items: Iterable[Any], url: str) -> Mapping[str, Any]:
    """The product that the page is about: the one that names its address, else the first."""
    products = [node for node in _nodes(items) if _types(node) & _PRODUCT_TYPES]
    path = urlsplit(url).path.rstrip("/")
    for product in products:
        own = product.get("url") or product.get("@id") or ""
        if isinstance(own, str) and path and urlsplit(own).path.rstrip("/") == path:
            return product
    return products[0] if products else {}


def _nodes(items: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    queue: list[tuple[Any, int]] = [(item, 0) for item in items]
    for _ in range(_MOST_NODES):
        if not queue:
            return
        value, depth = queue.pop(0)
        if isinstance(value, list) and depth < _DEEPEST:
            queue += [(part, depth + 1) for part in value[:200]]
        elif isinstance(value, dict):
            yield value
            if depth < _DEEPEST:
                queue += [(part, depth + 1) for name, part in value.items() if name not in _NOT_THIS_PRODUCT]


def _types(node: Mapping[str, Any]) -> set[str]:
    return {str(kind).rstrip("/").rpartition("/")[2].lower() for kind in _listed(node.get("@type"))}


def _as_json_ld(item: Any, depth: int = 0) -> Any:
    """Microdata in JSON-LD's shape, so that one reader serves both."""
    if isinstance(item, list):
        return [_as_json_ld(part, depth) for part in item]
    if not isinstance(item, dict) or depth > _DEEPEST:
        return item
    if "properties" not in item:
        return item.get("value", "")
    inner = {name: _as_json_ld(value, depth + 1) for name, value in item["properties"].items()}
    return {"@type": item.get("type", ""), **inner}


def _told(part: str, product: Mapping[str, Any], url: str) -> Told:
    if not product:
        return Told(part=part)
    variants = [variant for variant in _listed(product.get("hasVariant"))[:20] if isinstance(variant, dict)]
    pictured = next((held for held in (product, *variants) if held.get("image")), product)
    return Told(
        part=part,
        name=_word(product.get("name")),
        brand=_word(product.get("brand") or product.get("manufacturer")),
        price=_price_of(product),
        description=_word(product.get("description")),
        ingredients=_ingredients_of(product),
        images=absolute([address for image in _listed(pictured.get("image")) for address in _image(image)], url),
    )


def _ingredients_of(product: Mapping[str, Any]) -> str:
    for name in ("ingredients", "activeIngredient"):
        if product.get(name):
            return ", ".join(_word(part) for part in _listed(product[name]))
    for more in _listed(product.get("additionalProperty")):
        if isinstance(more, dict) and _INGREDIENT_NAMES.search(_word(more.get("name"))):
            return ", ".join(_word(part) for part in _listed(more.get("value")))
    return ""


def _price_of(product: Mapping[str, Any]) -> str:
    holders = [*_listed(product.get("offers"))]
    for variant in _listed(product.get("hasVariant"))[:20]:
        holders += _listed(variant.get("offers")) if isinstance(variant, dict) else []
    for offer in (o for o in holders if isinstance(o, dict)):
        specifications = [s for s in _listed(offer.get("priceSpecification")) if isinstance(s, dict)]
        for held in (offer, *specifications, *(o for o in _listed(offer.get("offers")) if isinstance(o, dict))):
            amount = held.get("price") if held.get("price") not in (None, "") else held.get("lowPrice")
            currency = held.get("priceCurrency") or offer.get("priceCurrency")
            found = priced(_word(amount), _word(currency))
            if found:
                return found
    return ""


def _image(image: Any) -> list[str]:
    if isinstance(image, dict):
        return [_word(image.get(name)) for name in ("contentUrl", "url", "@id") if image.get(name)][:1]
    return [image] if isinstance(image, str) and image.strip() else []


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _word(value: Any) -> str:
    """The text of a value, whichever of the usual shapes it has."""
    for _ in range(_DEEPEST):
        if isinstance(value, list):
            value = value[0] if value else ""
        elif isinstance(value, dict):
            value = value.get("name") or value.get("@value") or value.get("value") or ""
        else:
            break
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value).strip()


def _without_site(title: str, site: str) -> str:
    """`Serum | Shop` without the shop."""
    if site and title.rstrip().endswith(site):
        return title.rstrip()[: -len(site)].rstrip().rstrip("|:-–—·").rstrip() or title
    return title
