"""A brief told in conversation: what a line says of it by rules alone, and what has to be asked still."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, get_args

import yaml

from ad_pipeline.errors import BriefRejected
from ad_pipeline.messages import Message, worded
from ad_pipeline.story.brief import LONGEST_S, SHORTEST_S, Brief, Claim, brief_from_values
from ad_pipeline.story.formats import Format
from ad_pipeline.story.room.answers import BriefNotes

Notes = dict[str, Any]

REQUIRED = ("brand_id", "product", "duration")
OPTIONAL = ("concept", "target_audience", "channels", "tone")
_FREE = ("product", "concept", "target_audience", "tone")
"""Fields that a person answers in their own words."""

# What names a channel wherever it is said, and what names it only where channels are spoken of: stories are told
# and skin is fed in many an idea.
_GRAM = r"(?:인스타(?:그램)?|instagram|insta|ig)\s*"
_CHANNELS = {
    "instagram_reels": (r"릴스|\breels?\b", r"인스타(?!\S*\s*(?:스토리|피드))|instagram(?!\s*(?:stor|feed))"),
    "instagram_stories": (rf"{_GRAM}(?:스토리|stor(?:y|ies)\b)", r"스토리|stor(?:y|ies)\b"),
    "instagram_feed": (rf"{_GRAM}(?:피드|feed\b)", r"피드|feed\b"),
    "tiktok": (r"틱톡|\btik\s?tok\b", r"틱톡"),
    "youtube_shorts": (r"쇼츠|숏츠|\byoutube shorts?\b", r"\bshorts?\b"),
    "youtube": (r"유튜브(?!\s?(?:쇼츠|숏츠))|\byoutube\b(?!\s?shorts?)", r"유튜브(?!\s?(?:쇼츠|숏츠))"),
}  # fmt: skip
_KIND = r"\s?(?:video|ad|film|format|spot)s?\b"
_FORMATS: dict[Format, str] = {
    "9:16": rf"(?<!\d)9\s?[:x]\s?16(?!\d)|세로(?:형|로|\s?(?:영상|화면|광고|비율))|vertical{_KIND}",
    "1:1": rf"(?<!\d)1\s?[:x]\s?1(?!\d)|정사각|square{_KIND}",
    "4:5": r"(?<!\d)4\s?[:x]\s?5(?!\d)",
    "16:9": rf"(?<!\d)16\s?[:x]\s?9(?!\d)|가로(?:형|로\b|\s?(?:영상|화면|광고|비율))"
    rf"|(?:landscape|wide(?:screen)?){_KIND}",
}
_NUMBER = r"(?<![\d.,$₩€#+-])(\d{1,4}(?:\.\d)?)"
# A length; not the seconds in which something works, nor somebody in their 20s.
_SECONDS = re.compile(
    rf"(?<!\bin )(?<!\bwithin )(?<!\bafter )(?<!\bevery ){_NUMBER}\s?-?\s?"
    r"(?:초(?!\s?(?:만에|안에|마다|동안|간격|후|뒤|급|보|기))|seconds?\b(?!\s+(?:later|after))|secs?\b|″)"
)
_BARE_SECONDS = re.compile(
    r"(?<!\btheir )(?<!\bthe )(?<!\bearly )(?<!\bmid )(?<!\blate )(?<!\bin )(?<!\band )(?<![\d.,$₩€#+-])"
    r"(\d{1,3}(?:\.\d)?)s\b"
)
_OF_AGE = re.compile(r"^\W*(?:\d|and\b|to\b|wom[ae]n|m[ae]n\b|people|girls|boys|audience|crowd|style|look|vibe)")
_MINUTE = re.compile(r"(?<!\d)1\s?(?:분(?!\s?(?:만에|안에|마다|동안|의|이면|은|만))|minute\b)(?!\s*\d)")
_LONE_NUMBER = re.compile(
    r"(?<![\d.,$₩€#%])(\d{1,3}(?:\.\d)?)(?![\d.,]*\d|\s?(?:%|원|만|천|개|ml|g\b|년|월|일|대|살|세\b|won|usd|kg))"
)
_QUOTED = re.compile(r"(?<!\w)[\"“'‘「『]([^\"“”'‘’「」『』]{2,60})[\"”'’」』](?!\w)")
_PRODUCT = re.compile(
    r"(?i)(?:(?:제품|상품)(?:명(?:은|이)?|\s?이름은|은|:)|\bproduct(?:'s name)?(?: is(?: called)?|:| called| named))"
    r"\s*:?\s*"
    r"([^,\n]{2,60}?)\s*(?:(?:이에요|예요|입니다|이고|이야|이며)(?![가-힣])[^,\n]*)?(?=[,\n]|\.(?:\s|$)|$)"
)
_LEAD = re.compile(
    r"(?i)^(?:it'?s called|it is called|it'?s|it is|called|named|(?:제품|상품)?\s?이름은|제품은|상품은)\s+"
)
_TAIL = re.compile(r"(?<=\S)\s*(?:이라고 해요|라고 해요|이에요|예요|입니다|이요)\s*[.!]?$")
_SOURCED = re.compile(
    r"(?i)^(?:(?:주장|클레임|표시\s?문구|claim)\s*[:：]\s*)?(?P<text>.+?)[\s(\[,;·—–-]*(?:출처|source)\s*[:：]\s*(?P<source>.+?)[)\]]?\s*$"
)
_NOTHING = re.compile(
    r"(?i)^\s*(?:없(?:음|어요?|습니다)|아니(?:요|오)?|패스|몰라요?|모르겠(?:어요|습니다)|상관\s?없(?:어요|음)|아무거나|알아서(?:\s?해\s?주세요)?"
    r"|no(?:ne|thing|pe)?|n/?a|skip|i?\s?do(?:n'?t| not) know|any(?:thing)?|whatever|-)?\s*[.!]*\s*$"
)
_MIND_CHANGED = re.compile(
    r"(?i)^\s*(?:아니(?:요|오|야|에요|라)?|아뇨|잠깐만?|참|다시|no"
    r"|nope|wait|actually|sorry|oh|hmm+|correction|instead|i meant?)\b[\s,.!:-]+"
)
_CHANGES = re.compile(r"(?i)바꿔|바꾸|바꿀|변경|대신|말고|정정|고쳐|\binstead\b|\bchange\b|\bmake it\b|\brather\b")
_LANGUAGES = {"ko": r"한국어로|한글로|\bin korean\b|korean ad\b", "en": r"영어로|영문으로|\bin english\b|english ad\b"}


def heard_in(line: str, *, asked: str, brands: Mapping[str, tuple[str, ...]], known: Mapping[str, Any] = {}) -> Notes:
    """What one line says. `brands`: id -> names; `known`: what was said before.

    An answer in a person's own words may hold a brand, a number or a channel that is part of an idea: there it
    changes nothing that is known, unless they say that they change it.
    """
    changes = bool(_MIND_CHANGED.match(line) or _CHANGES.search(line))
    said = _by_rules(line, asked=asked, brands=brands)
    notes = {name: value for name, value in said.items() if changes or asked not in _FREE or name not in known}
    claim = _SOURCED.match(line.strip())
    if claim:
        one = {"text": claim["text"].strip(" \"'“”‘’(["), "source": claim["source"].strip()}
        return {"claims": [*known.get("claims", ()), one]}
    named = _PRODUCT.search(line) or _QUOTED.search(line)
    if named and asked not in _FREE and (changes or "product" not in known or _PRODUCT.search(line)):
        notes["product"] = named[1].strip(" \"'“”‘’「」『』")
    if asked in _FREE and not _NOTHING.match(line):
        own = _own_words(line, asked=asked, brands=brands, changes=changes)
        if own:
            notes[asked] = own
    return notes


def is_nothing(line: str) -> bool:
    """Whether somebody says that there is nothing to say."""
    return bool(_NOTHING.match(line))


def believed(told: BriefNotes, said: str, *, brands: Mapping[str, tuple[str, ...]]) -> Notes:
    """What a model took down, as far as the person did say it: names and numbers must stand in their own words."""
    low = said.lower()
    notes: Notes = {}
    if told.brand_id in brands and _names_brand(low, told.brand_id, brands[told.brand_id]):
        notes["brand_id"] = told.brand_id
    if told.product and told.product.lower() in low:
        notes["product"] = told.product
    if told.duration and told.duration in {_seconds_in(line, asked="") for line in said.splitlines()}:
        notes["duration"] = told.duration
    channels = [name for name in told.channels if name in _CHANNELS and re.search("|".join(_CHANNELS[name]), low)]
    if channels:
        notes["channels"] = channels
    for name in ("concept", "target_audience", "goal", "tone"):
        text = str(getattr(told, name))
        if text and _mostly_said(text, low):
            notes[name] = text
    claims = [
        claim for claim in told.claims
        if claim.text.strip() and claim.source.strip() and claim.text.lower() in low and claim.source.lower() in low
    ]  # fmt: skip
    if claims:
        notes["claims"] = [Claim(text=claim.text, source=claim.source).model_dump() for claim in claims]
    return notes


def next_question(notes: Notes, *, asked: frozenset[str], brands: Mapping[str, tuple[str, ...]]) -> tuple[str, Message]:
    """The field to ask for next, with the question; ("", ...) when nothing is missing."""
    questions: dict[str, Callable[[], Message]] = {
        "brand_id": lambda: worded("Which brand? There are kits for: {brands}", brands=", ".join(brands)),
        "product": lambda: worded("What is the product called, exactly as the ad shall say it?"),
        "duration": lambda: worded(
            "How long shall it be? {least:g} to {most:g} seconds", least=SHORTEST_S, most=LONGEST_S
        ),
        "concept": lambda: worded("What is the idea? A picture or a feeling in a sentence or two (Enter: none)"),
        "target_audience": lambda: worded("Whom is it for? (Enter: everybody)"),
        "channels": lambda: worded("Where will it run? Reels, Stories, TikTok, Shorts, YouTube... (Enter: Reels)"),
        "tone": lambda: worded("What tone? E.g. professional, warm, casual, funny, enthusiastic (Enter: the brand's)"),
    }
    for name in REQUIRED:
        if name not in notes:
            return name, questions[name]()
    for name in OPTIONAL:
        if name not in notes and name not in asked:
            return name, questions[name]()
    return "", worded("Thank you, that is all.")


def why_wrong(notes: Notes) -> tuple[str, BriefRejected] | None:
    """The first field that no brief may hold, with the reason; None when all may."""
    stand_ins: Notes = {"brand_id": "x", "product": "x", "duration": SHORTEST_S}
    try:
        brief_from_values(stand_ins | notes)
    except BriefRejected as error:
        return error.field.split("[")[0].split(".")[0], error
    return None


def brief_yaml(notes: Notes) -> str:
    """The brief as a file."""
    known = [name for name in Brief.model_fields if name in notes]
    return yaml.safe_dump({name: notes[name] for name in known}, allow_unicode=True, sort_keys=False)


def _by_rules(line: str, *, asked: str, brands: Mapping[str, tuple[str, ...]]) -> Notes:
    """Brand, length, channels, formats and language, as far as the line names them."""
    low = line.lower()
    notes: Notes = {}
    named = [brand_id for brand_id, names in brands.items() if _names_brand(low, brand_id, names)]
    if named:
        notes["brand_id"] = (
            named[0] if len(named) == 1 else max(named, key=lambda name: _last_at(low, name, brands[name]))
        )
    seconds = _seconds_in(line, asked=asked)
    if seconds is not None:
        notes["duration"] = seconds
    loosely = asked == "channels"
    channels = [
        name for name, (sure, likely) in _CHANNELS.items() if re.search(f"{sure}|{likely}" if loosely else sure, low)
    ]
    if channels:
        notes["channels"] = channels
    formats = [name for name in get_args(Format) if re.search(_FORMATS[name], low)]
    if formats:
        notes["formats"] = formats
    for language, pattern in _LANGUAGES.items():
        if re.search(pattern, low):
            notes["language"] = language
    return notes


def _seconds_in(line: str, *, asked: str) -> float | None:
    """The length that a line names last: "not 15, 20 seconds"."""
    low = line.lower()
    found = [(match.start(), float(match[1])) for match in _SECONDS.finditer(low)]
    if asked != "target_audience":
        bare = [match for match in _BARE_SECONDS.finditer(low) if not _OF_AGE.match(low[match.end() :])]
        found += [(match.start(), float(match[1])) for match in bare]
    found += [(match.start(), 60.0) for match in _MINUTE.finditer(low)]
    if not found and asked == "duration":
        lone = _LONE_NUMBER.findall(low)
        return float(lone[0]) if len(lone) == 1 else None
    return max(found)[1] if found else None


def _own_words(line: str, *, asked: str, brands: Mapping[str, tuple[str, ...]], changes: bool) -> str:
    """The part of an answer that no rule understood; all of it, where no part is about something else."""
    text = " ".join(line.split())
    if changes and _by_rules(text, asked=asked, brands=brands):
        return ""  # about something else: "no, 20 seconds"
    quoted = _QUOTED.fullmatch(text.rstrip("."))
    text = quoted[1] if quoted else text
    parts = [part.strip() for part in re.split(r"[,;、]\s", text) if part.strip()]
    kept = [part for part in parts if not _is_of_rules(part, asked=asked, brands=brands)]
    if asked == "product":
        if text.endswith("?") or not re.search(r"\w", text):
            return ""
        return _TAIL.sub("", _LEAD.sub("", kept[0])) if kept else ""
    return text if len(kept) == len(parts) else ", ".join(kept)


def _is_of_rules(part: str, *, asked: str, brands: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether a part says no more than a length, a channel, a shape or a brand: in three words at most."""
    found = _by_rules(part, asked=asked, brands=brands)
    short = len(part.split()) <= 3
    is_only_brand = part.lower() in {name.lower() for names in brands.values() for name in names} | set(brands)
    return short and (bool(found.keys() - {"brand_id"}) or is_only_brand)


def _names_brand(low: str, brand_id: str, names: tuple[str, ...]) -> bool:
    return _last_at(low, brand_id, names) >= 0


def _last_at(low: str, brand_id: str, names: tuple[str, ...]) -> int:
    """Where a brand is named last, as a word of its own; -1 where it is not. A Korean name may carry a particle."""
    found = [
        match.start()
        for name in {brand_id, *names}
        if name
        for match in re.finditer(rf"(?<![a-z0-9가-힣]){re.escape(name.lower())}(?![a-z0-9])", low)
    ]
    return max(found, default=-1)


def _mostly_said(text: str, said: str) -> bool:
    words = re.findall(r"\w{2,}", text.lower())
    return bool(words) and sum(word in said for word in words) >= 0.6 * len(words)
