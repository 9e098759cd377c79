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

_CHANNELS = {
    "instagram_reels": r"릴스|reels?\b",
    "instagram_stories": r"스토리|stor(?:y|ies)\b",
    "instagram_feed": r"피드|feed\b",
    "tiktok": r"틱톡|tik\s?tok",
    "youtube_shorts": r"쇼츠|숏츠|shorts?\b",
    "youtube": r"유튜브(?!\s?(?:쇼츠|숏츠))|youtube(?!\s?shorts?)",
}
_FORMATS: dict[Format, str] = {
    "9:16": r"9\s?[:x]\s?16|세로|vertical", "1:1": r"\b1\s?[:x]\s?1\b|정사각|square", "4:5": r"\b4\s?[:x]\s?5\b",
    "16:9": r"16\s?[:x]\s?9|가로|landscape|widescreen",
}  # fmt: skip
_DURATION = re.compile(r"(\d{1,2}(?:\.\d)?)\s?(?:초|seconds?\b|secs?\b|s\b|″|\")")
_QUOTED = re.compile(r"[\"“'‘「『]([^\"”'’」』]{2,60})[\"”'’」』]")
_PRODUCT = re.compile(
    r"(?i)(?:제품(?:명|은|이름은)?|상품(?:명|은)?|product(?: is|:| called)?)\s*[:은는]?\s*([^,.\n]{2,60})"
)
_NOTHING = re.compile(r"(?i)^\s*(?:없(?:음|어요?)|아니(?:요|오)?|패스|no(?:ne|thing)?|skip|-)?\s*$")


def heard_in(line: str, *, asked: str, brands: Mapping[str, tuple[str, ...]]) -> Notes:
    """What one line says; all of it answers the question that was `asked`, if any. `brands`: id -> names."""
    notes: Notes = {}
    low = line.lower()
    for brand_id, names in brands.items():
        if any(name.lower() in low for name in (brand_id, *names) if name):
            notes["brand_id"] = brand_id
    seconds = _DURATION.search(low) or (re.fullmatch(r"\s*(\d{1,2}(?:\.\d)?)\s*", low) if asked == "duration" else None)
    if seconds:
        notes["duration"] = float(seconds[1])
    channels = [name for name, pattern in _CHANNELS.items() if re.search(pattern, low)]
    if channels:
        notes["channels"] = channels
    formats = [name for name in get_args(Format) if re.search(_FORMATS[name], low)]
    if formats:
        notes["formats"] = formats
    named = _PRODUCT.search(line) or _QUOTED.search(line)
    if named and asked != "product":
        notes["product"] = named[1].strip()
    if asked in ("product", "concept", "target_audience", "tone") and not _NOTHING.match(line):
        notes[asked] = " ".join(line.split())
    return notes


def believed(told: BriefNotes, said: str, *, brands: Mapping[str, tuple[str, ...]]) -> Notes:
    """What a model took down, as far as the person did say it: names and numbers must stand in their own words."""
    low = said.lower()
    notes: Notes = {}
    if told.brand_id in brands:
        notes["brand_id"] = told.brand_id
    if told.product and told.product.lower() in low:
        notes["product"] = told.product
    if told.duration and re.search(rf"(?<![\d.]){told.duration:g}(?![\d.])", low):
        notes["duration"] = told.duration
    notes |= {"channels": [name for name in told.channels if name in _CHANNELS]} if told.channels else {}
    for name in ("concept", "target_audience", "goal", "tone"):
        text = str(getattr(told, name))
        if text and _mostly_said(text, low):
            notes[name] = text
    claims = [claim for claim in told.claims if claim.text.lower() in low and claim.source.lower() in low]
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


def _mostly_said(text: str, said: str) -> bool:
    words = re.findall(r"\w{2,}", text.lower())
    return bool(words) and sum(word in said for word in words) >= 0.6 * len(words)
