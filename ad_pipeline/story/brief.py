"""The brief: what a producer asks for. Everything else follows from it."""

from __future__ import annotations

import functools
import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ad_pipeline.errors import BriefRejected
from ad_pipeline.story.border import checked, mapping_from_yaml, nearest
from ad_pipeline.story.channels import CHANNELS
from ad_pipeline.story.formats import Format

Quality = Literal["draft", "standard", "premium"]
EnginePreference = Literal["auto", "local", "cloud", "hybrid"]
StoryLanguage = Literal["ko", "en"]

SHORTEST_S, LONGEST_S = 6.0, 60.0
FEWEST_SCENES, MOST_SCENES = 2, 12

Word = Annotated[str, Field(max_length=200)]
Line = Annotated[str, Field(max_length=1000)]

_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_HANGUL = re.compile(r"[\uac00-\ud7a3\u1100-\u11ff\u3131-\u318e]")
_SPACE = re.compile(r"\s")
_LONGEST_URL = 2000
# Bidirectional overrides and other control characters could make a caption read as something else.
_UNSAFE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069\ufeff]")


class Claim(BaseModel):
    """Something the ad may say about the product, with who says so."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    text: Line = Field(min_length=1)
    source: Line = Field(min_length=1, description="who measured it, where it is published")


class Brief(BaseModel):
    """What a producer asks for: brand, product, length, channels, and how it should feel."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    brand_id: str = Field(description="which brand kit, e.g. laneige")
    product: Word = Field(min_length=1, description="the product's name as the ad says it")
    duration: float = Field(description="length of the ad in seconds, 6 to 60")
    concept: Line = Field(default="", description="the idea of the ad in one or two sentences")
    target_audience: Line = ""
    goal: Line = ""
    tone: Word = Field(default="", description="e.g. professional_warm; the kit's tone when empty")
    channels: tuple[str, ...] = Field(default=("instagram_reels",), min_length=1)
    language: Literal["auto", "ko", "en", "both"] = "auto"
    formats: tuple[Format, ...] = Field(default=("9:16",), min_length=1)
    persona: Word = "auto"
    product_image: str = Field(default="", description="a PNG with alpha or a photo, path relative to the brief")
    product_url: str = Field(default="", description="the product's page; its facts and picture are used")
    claims: tuple[Claim, ...] = ()
    scene_count: int | None = Field(default=None, ge=FEWEST_SCENES, le=MOST_SCENES)
    seed: int = Field(default=7, ge=0, le=2**31 - 1)
    quality: Quality = "draft"
    engine_preference: EnginePreference = "auto"
    budget_usd: float | None = Field(default=None, ge=0)
    commercial: bool = True
    allow_degraded: bool = True
    local_only: bool = False
    accessibility: bool = Field(default=False, description="also a film whose pictures are described aloud")
    voice: Word = Field(default="auto", description="auto, none (music only), or a voice of the engine")

    @model_validator(mode="before")
    @classmethod
    def _one_or_many(cls, values: Any) -> Any:
        """`format: "9:16"` and `channels: tiktok` are lists of one."""
        if not isinstance(values, dict):
            return values
        given = dict(values)
        if "format" in given:
            if "formats" in given:
                raise BriefRejected("the brief has both 'format' and 'formats'; keep one", field="formats")
            given["formats"] = given.pop("format")
        for name in ("formats", "channels", "claims"):
            if isinstance(given.get(name), (str, dict)):
                given[name] = [given[name]]
        return given

    @model_validator(mode="after")
    def _is_payable(self) -> Brief:
        if self.engine_preference == "cloud" and self.budget_usd == 0:
            raise BriefRejected(
                "field 'budget_usd': it is 0, and engine_preference: cloud wants paid engines; raise it, or say "
                "engine_preference: local",
                field="budget_usd",
            )
        return self

    @field_validator("*", mode="after")
    @classmethod
    def _readable(cls, value: Any) -> Any:
        for text in _texts(value):
            found = _UNSAFE.search(text)
            if found:
                raise BriefRejected(
                    "field {field!r} holds the control character U+{code:04X} at position {position}; remove it",
                    code=ord(found[0]),
                    position=found.start() + 1,
                )
        return value

    @field_validator("brand_id")
    @classmethod
    def _is_slug(cls, value: str) -> str:
        if not _SLUG.fullmatch(value):
            raise BriefRejected(
                "field 'brand_id': got {got!r}, expected small letters, digits, - and _ (e.g. laneige)",
                field="brand_id",
                got=value[:80],
            )
        return value

    @field_validator("duration")
    @classmethod
    def _is_makeable(cls, value: float) -> float:
        if not SHORTEST_S <= value <= LONGEST_S:
            raise BriefRejected(
                "field 'duration': got {got:g} s, allowed {least:g} to {most:g} s",
                field="duration",
                got=value,
                least=SHORTEST_S,
                most=LONGEST_S,
            )
        return value

    @field_validator("product_url")
    @classmethod
    def _is_web_address(cls, value: str) -> str:
        """Only what no network is needed for; what may be asked is decided when the page is read."""
        if not value:
            return value
        try:
            parts = urlsplit(value)
            good = parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and not _SPACE.search(value)
            secret = parts.username is not None or parts.password is not None
        except ValueError:
            good, secret = False, False
        if secret:
            raise BriefRejected(
                "field 'product_url' holds a user or a password; give an address that anybody may open",
                field="product_url",
            )
        if not good or len(value) > _LONGEST_URL:
            raise BriefRejected(
                "field 'product_url': got {got!r}, expected the address of a page, like https://shop.example/product/12",
                field="product_url",
                got=value[:80],
            )
        return value

    @field_validator("channels")
    @classmethod
    def _are_known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for channel in value:
            if channel not in CHANNELS:
                guess = nearest(channel, CHANNELS)
                raise BriefRejected(
                    "field 'channels': got {got!r}, allowed: {allowed}"
                    + ("; did you mean {guess!r}?" if guess else ""),
                    field="channels",
                    got=channel[:80],
                    allowed=", ".join(CHANNELS),
                    guess=guess,
                )
        return tuple(dict.fromkeys(value))

    @field_validator("formats")
    @classmethod
    def _once_each(cls, value: tuple[Format, ...]) -> tuple[Format, ...]:
        return tuple(dict.fromkeys(value))

    @property
    def main_format(self) -> Format:
        """The format that plain names (`final.mp4`) point at: the first one asked for."""
        return self.formats[0]

    @property
    def story_language(self) -> StoryLanguage:
        """The language that the ad speaks: as asked, else Korean when the brief holds Hangul."""
        if self.language == "both":
            return "ko"
        if self.language != "auto":
            return self.language
        return "ko" if _HANGUL.search(" ".join((self.product, self.concept, self.target_audience, self.goal))) else "en"

    @property
    def written_language(self) -> StoryLanguage:
        """The language of what is written on the picture; `both` is spoken in Korean and written in English."""
        return "en" if self.language == "both" else self.story_language


@functools.lru_cache(maxsize=8)  # every stage asks, and YAML is slow
def brief_from_text(text: str) -> Brief:
    """The brief that a YAML or JSON text holds.

    Raises:
        BriefRejected: naming the field, what came and what is allowed.
    """
    return checked(
        Brief, mapping_from_yaml(text, rejected=BriefRejected, what="brief"), rejected=BriefRejected, what="brief"
    )


def brief_from_values(values: dict[str, Any]) -> Brief:
    """The same from a mapping, as the Launchpad gives it."""
    return checked(Brief, values, rejected=BriefRejected, what="brief")


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, tuple):
        return [text for item in value for text in _texts(item)]
    if isinstance(value, Claim):
        return [value.text, value.source]
    return []
