"""What a customer sees of a page: its lines in reading order, without what is hidden from them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

_BLOCKS = frozenset(
    """address article blockquote br caption dd details div dl dt fieldset figcaption figure form h1 h2 h3 h4 h5 h6 hr
    li main ol p pre section summary table tbody td tfoot th thead tr ul body""".split()
)
_NO_TEXT = frozenset(
    "script style template noscript iframe object embed svg canvas head title select option button textarea".split()
)
_AROUND = frozenset("nav header footer aside form dialog menu".split())
_AROUND_NAMES = re.compile(
    r"(?:^|[\s_-])(?:gnb|lnb|snb|nav\w*|menu|breadcrumb\w*|footer|cookie\w*|review\w*|qna|related\w*|recommend\w*|"
    r"upsell|sidebar|banner|popup|modal|cart|basket)(?:$|[\s_-])",
    re.IGNORECASE,
)
_HIDING_NAMES = frozenset(
    {"sr-only", "visually-hidden", "visuallyhidden", "screen-reader-text", "displaynone", "blind"}
)
_HIDING = re.compile(
    r"(?:^|[;\s])(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)"
    r"|opacity\s*:\s*0*\.?0+%?\s*(?:[;!]|$)"
    r"|(?:max-)?(?:height|width)\s*:\s*[01](?:px|em|rem)?\s*(?:[;!]|$)"
    r"|text-indent\s*:\s*-\d{3,}|(?:left|top|right)\s*:\s*-\d{3,}"
    r"|clip\s*:\s*rect\(\s*[01]|clip-path\s*:\s*(?:inset\(\s*(?:50|100)%|circle\(\s*0)"
    r"|transform\s*:\s*scale\(\s*0\s*\)|color\s*:\s*transparent)",
    re.IGNORECASE,
)
_FONT_SIZE = re.compile(r"font-size\s*:\s*(\d*\.?\d+)\s*(px|pt|em|rem|%)?", re.IGNORECASE)
_LEAST_FONT = {"px": 2.0, "pt": 2.0, "em": 0.15, "rem": 0.15, "%": 15.0, "": 0.01}
_COLOUR = re.compile(r"(?:^|;)\s*(background(?:-color)?|color)\s*:\s*([^;!]+)", re.IGNORECASE)
_RULE = re.compile(r"([^{}]{1,300})\{([^{}]{0,2000})\}")
_SIMPLE = re.compile(r"^\s*(?:[a-z]+)?([.#][\w-]+)\s*$", re.IGNORECASE)
_NAMED = {"white": (255, 255, 255), "black": (0, 0, 0), "snow": (255, 250, 250), "ivory": (255, 255, 240)}
_NUMBERS = re.compile(r"\d+")
_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CLOSE_COLOURS = 24
_MOST_STYLE, _MOST_UNSEEN = 300_000, 20_000

Rgb = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line as a customer reads it; `tag` is what it stands in, `around` is true in a shop's frame and reviews."""

    text: str
    tag: str
    around: bool


def take_out_unseen(tree: Any) -> list[str]:
    """Remove comments and hidden elements from the tree; what they said."""
    hiding = _hiding_selectors(tree)
    said: list[str] = []
    for element in list(tree.iter()):
        if not isinstance(element.tag, str):
            said.append(str(element.text or ""))
            _drop(element)
        elif element.tag not in ("html", "body", "head") and _is_hidden(element, hiding):
            said.append(element.text_content()[:_MOST_UNSEEN])
            _drop(element)
    return said


def _drop(element: Any) -> None:
    """Take an element out and leave the text that follows it."""
    parent = element.getparent()
    if parent is None:
        return
    before = element.getprevious()
    if element.tail:
        # lxml reads control characters that it refuses to write.
        if before is None:
            parent.text = _NO_XML.sub("", (parent.text or "") + element.tail)
        else:
            before.tail = _NO_XML.sub("", (before.tail or "") + element.tail)
        element.tail = None
    parent.remove(element)


def _is_hidden(element: Any, hiding: frozenset[str]) -> bool:
    if element.get("hidden") is not None or element.get("aria-hidden", "").strip().lower() == "true":
        return True
    names = {f".{name}" for name in element.get("class", "").split()} | {f"#{element.get('id', '')}"}
    if names & hiding or any(name[1:].lower() in _HIDING_NAMES for name in names):
        return True
    style = element.get("style", "")
    if style and (_hides(style) or _is_lost_in_colour(element, style)):
        return True
    return element.tag == "font" and _is_lost_in_colour(element, f"color:{element.get('color', '')}")


def _hides(declarations: str) -> bool:
    if _HIDING.search(declarations):
        return True
    size = _FONT_SIZE.search(declarations)
    return bool(size) and float(size[1]) < _LEAST_FONT[(size[2] or "").lower()]


def _hiding_selectors(tree: Any) -> frozenset[str]:
    """Classes and ids that the page's own style sheet hides; rules for some screens only do not count."""
    sheet = "\n".join(node.text or "" for node in tree.iter("style"))[:_MOST_STYLE]
    sheet = re.sub(r"/\*.*?\*/", "", sheet, flags=re.DOTALL)
    found: set[str] = set()
    for selectors, declarations in _RULE.findall(_without_media(sheet)):
        if _hides(declarations):
            found |= {match[1] for part in selectors.split(",") if (match := _SIMPLE.match(part))}
    return frozenset(found)


def _without_media(sheet: str) -> str:
    kept: list[str] = []
    depth, outer = 0, False
    for part in re.split(r"([{}])", sheet):
        if part == "{":
            outer = outer or (depth == 0 and bool(kept) and "@" in kept[-1])
            depth += 1
        elif part == "}":
            depth = max(0, depth - 1)
            if depth == 0 and outer:
                outer = False
                continue
        if not outer:
            kept.append(part)
    return "".join(kept)


def _is_lost_in_colour(element: Any, style: str) -> bool:
    """White on white, as far as inline styles tell; a page without a background is white."""
    own = dict((name.lower(), value) for name, value in _COLOUR.findall(style))
    ink = _rgb(own.get("color", ""))
    if ink is None:
        return False
    paper, above = _paper(style, element), element.getparent()
    while paper is None and above is not None:
        paper, above = _paper(above.get("style", ""), above), above.getparent()
    if isinstance(paper, str):  # a picture, a gradient: nobody can tell
        return False
    return max(abs(a - b) for a, b in zip(ink, paper or (255, 255, 255), strict=True)) <= _CLOSE_COLOURS


def _paper(style: str, element: Any) -> Rgb | str | None:
    """The background that an element sets: its colour, or what else it says; None when it sets none."""
    said = [value for name, value in _COLOUR.findall(style) if name.lower().startswith("background")]
    said = said or ([element.get("bgcolor")] if element.get("bgcolor") else [])
    return (_rgb(said[-1]) or str(said[-1])) if said else None


def _rgb(text: str) -> Rgb | None:
    word = text.strip().lower()
    if word in _NAMED:
        return _NAMED[word]
    if word.startswith("#") and len(word) in (4, 7):
        pairs = [c * 2 for c in word[1:]] if len(word) == 4 else [word[1:3], word[3:5], word[5:7]]
        try:
            return int(pairs[0], 16), int(pairs[1], 16), int(pairs[2], 16)
        except ValueError:
            return None
    if word.startswith("rgb"):
        numbers = [int(n) for n in _NUMBERS.findall(word)[:3]]
        return (numbers[0], numbers[1], numbers[2]) if len(numbers) == 3 else None
    return None


def lines_of(tree: Any) -> list[Line]:
    """The page's lines in reading order; `tree` without its hidden parts."""
    body = tree.find(".//body") if tree.tag == "html" else tree
    return list(_joined(_pieces(body if body is not None else tree)))


def _pieces(root: Any) -> Iterator[tuple[str, str, bool] | None]:
    """Pieces of text with the block they stand in; None where a line ends. A stack: pages nest deeper than Python."""
    stack: list[tuple[Any, str, bool, bool]] = [(root, "body", False, False)]
    while stack:
        element, tag, around, is_tail = stack.pop()
        if element is None:
            yield None
            continue
        if is_tail:
            yield from _text(element.tail, tag, around=around)
            continue
        if not isinstance(element.tag, str) or element.tag in _NO_TEXT:
            continue
        is_block = element.tag in _BLOCKS or element.tag in _AROUND
        inner = element.tag if is_block and element.tag != "br" else tag
        inside = around or _is_around(element)
        if is_block:
            yield None
        yield from _text(element.text, inner, around=inside)
        if is_block:
            stack.append((None, "", False, False))
        for child in reversed(element):
            stack.append((child, inner, inside, True))
            stack.append((child, inner, inside, False))


def _is_around(element: Any) -> bool:
    """The shop's frame, other products, reviews; never what holds the page's heading, whatever it is called."""
    if element.tag not in _AROUND and not _AROUND_NAMES.search(_names(element)):
        return False
    return element.tag in ("header", "nav") or element.find(".//h1") is None


def _names(element: Any) -> str:
    return f"{element.get('class', '')} {element.get('id', '')}"


def _text(text: str | None, tag: str, *, around: bool) -> Iterator[tuple[str, str, bool]]:
    if text:
        yield text, tag, around


def _joined(pieces: Iterable[tuple[str, str, bool] | None]) -> Iterator[Line]:
    held: list[tuple[str, str, bool]] = []
    for piece in (*pieces, None):
        if piece is not None:
            held.append(piece)
            continue
        text = " ".join("".join(part for part, _, _ in held).split())
        if text:
            yield Line(text=text, tag=held[-1][1], around=held[-1][2])
        held = []
