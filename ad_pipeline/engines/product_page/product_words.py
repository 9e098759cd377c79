"""What a page's own sentences say of the product: promises, ingredients, a price."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ad_pipeline.engines.product_page.orders import sentences_of
from ad_pipeline.engines.product_page.structured import priced
from ad_pipeline.engines.product_page.visible import Line

MOST_CLAIMS, LONGEST_CLAIM, SHORTEST_CLAIM = 20, 200, 5
MOST_INGREDIENTS, LONGEST_INGREDIENT = 150, 80

_PROMISE = re.compile(
    r"\d+(?:[.,]\d+)?\s?(?:%|％|퍼센트|배\b|배\s|시간|일\s?(?:만에|간|후|동안)|주\s?(?:만에|간|후|동안|사용)|명\b|겹|가지|hours?\b|days?\b|"
    r"weeks?\b|times\b|x\b|-hour|-in-1)"
    r"|\bSPF\s?\d|\bPA\+|\bpH\b"
    r"|효과|효능|개선|완화|진정|보습력|촉촉|탄력|미백|주름|지속|입증|검증|임상|인체\s?적용|테스트\s?(?:완료|통과)|인증|특허|수상|1위|"
    r"저자극|무첨가|무향|비건|증가|감소|강화|회복|보호|장벽"
    r"|\b(?:tested|certified|clinical\w*|proven|patent\w*|award\w*|hypoallergenic|dermatolog\w*|vegan|cruelty.free|"
    r"fragrance.free|paraben.free|non.comedogenic|reduc\w+|improv\w+|increas\w+|boost\w*|strengthen\w*|restor\w+|repair\w*|"
    r"protect\w*|soothe\w*|hydrat\w+|moisturi\w+|brighten\w*|lasts?|lasting|up to|guarantee\w*)\b",
    re.IGNORECASE,
)
_OF_THE_SALE = re.compile(
    r"원\s*(?:할인|적립)|\d\s*원|₩|\$\s?\d|배송|택배|할인|쿠폰|적립|포인트|교환|반품|환불|결제|카드|무이자|장바구니|구매|주문|재고|품절|사은품|"
    r"리뷰|후기|별점|평점|문의|회원|로그인|고객센터|이용약관|개인정보|사업자|저작권|만족도"
    r"|\b(?:shipping|delivery|coupon|discount|refund|returns?|checkout|add to (?:cart|bag)|in stock|sold out|reviews?|"
    r"rating|newsletter|sign up|log ?in|subscribe|privacy|copyright|gift card|pay later|off your|% off)\b",
    re.IGNORECASE,
)
_INGREDIENTS = re.compile(
    r"^\W{0,3}(?:전\s?성분(?:표|\s?표기|\s?정보)?|(?:화장품법에 따라 기재해야 하는\s?)?모든\s?성분"
    r"|(?:full |all |key )?ingredients?(?: list)?|성분)"
    r"(?:\s?\([^)]{0,40}\))?\s*(?:[:：\-–]\s*(?P<rest>.*))?$",
    re.IGNORECASE | re.DOTALL,
)
# 1,2-헥산다이올 is one name; so is Extract (Root, Leaf).
_BETWEEN = re.compile(r"\s*(?:,(?!\d)|(?<!\d),|[、،;·•ㆍ\n])\s*(?![^()]*\))")
_LONGEST_LIST, _MOST_LISTS = 10_000, 10
_LIST_TAGS = frozenset({"li", "td", "dd", "p"})
_WON = re.compile(
    r"(?:₩\s?\d{1,3}(?:,\d{3})+|\d{1,3}(?:,\d{3})+\s?원|(?:US)?\$\s?\d+(?:\.\d{2})?|€\s?\d+(?:[.,]\d{2})?)"
)
_NOT_THE_PRICE = re.compile(
    r"배송|적립|이상|쿠폰|할인액|포인트|무이자|shipping|over|save|off|coupon|points", re.IGNORECASE
)


def claims_of(texts: Iterable[str]) -> tuple[str, ...]:
    """The sentences that promise something of the product, word for word, each once."""
    found: dict[str, None] = {}
    for text in texts:
        for sentence in sentences_of(text):
            fits = SHORTEST_CLAIM <= len(sentence) <= LONGEST_CLAIM and sentence.count(",") < 8
            if fits and _PROMISE.search(sentence) and not _OF_THE_SALE.search(sentence):
                found[sentence] = None
    return tuple(found)[:MOST_CLAIMS]


def ingredients_in(lines: Sequence[Line]) -> str:
    """The list that stands under, beside or after the word for it; the longest when there are several."""
    found: list[str] = []
    for place, line in enumerate(lines):
        match = _INGREDIENTS.match(line.text[:_LONGEST_LIST])
        if not match or len(found) >= _MOST_LISTS:
            continue
        rest = (match["rest"] or "").strip()
        after = [
            later.text for later in lines[place + 1 : place + 200] if later.tag in _LIST_TAGS or later.tag == "div"
        ]
        candidates = [rest, *after[:2], _run_of_items(lines[place + 1 :])]
        found += [text for text in candidates if len(split_ingredients(text)) >= 3]
    return max(found, key=lambda text: len(split_ingredients(text)), default="")


def _run_of_items(lines: Sequence[Line]) -> str:
    """One ingredient a line, as a list has them."""
    items: list[str] = []
    for line in lines[:MOST_INGREDIENTS]:
        if line.tag != "li" or len(line.text) > LONGEST_INGREDIENT:
            break
        items.append(line.text)
    return "\n".join(items)


def split_ingredients(text: str) -> tuple[str, ...]:
    """The names in a list of ingredients."""
    text = text[:_LONGEST_LIST]  # the search for a bracket's end is quadratic
    match = _INGREDIENTS.match(text)
    body = match["rest"] if match and match["rest"] else text
    parts = (part.strip(" .*-\t") for part in _BETWEEN.split(body))
    return tuple(dict.fromkeys(p for p in parts if p and len(p) <= LONGEST_INGREDIENT))[:MOST_INGREDIENTS]


def price_in(lines: Iterable[Line]) -> str:
    """The first price among the product's own lines."""
    for line in lines:
        found = _WON.search(line.text)
        if found and not line.around and len(line.text) < 80 and not _NOT_THE_PRICE.search(line.text):
            return priced(found[0], "")
    return ""
