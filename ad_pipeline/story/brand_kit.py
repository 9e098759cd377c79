"""The brand kit: colours with roles, wordmark, fonts, voice, words to avoid."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ad_pipeline.errors import KitRejected
from ad_pipeline.story.border import checked, mapping_from_yaml
from ad_pipeline.story.lexicon import Lexicon, lexicon_of

_HEX = re.compile(r"#[0-9A-Fa-f]{6}")


def _colour(value: object) -> str:
    if value is None:
        # To YAML an unquoted #7C4D3A is a comment, so the field arrives empty.
        raise KitRejected('field {field!r} is empty; write the colour in quotes: "#7C4D3A"')
    found = str(value).strip()
    if not _HEX.fullmatch(found):
        raise KitRejected("field {field!r}: got {got!r}, expected a colour like #7C4D3A", got=found[:80])
    return found.upper()


Colour = Annotated[str, BeforeValidator(_colour)]


class Palette(BaseModel):
    """The brand's colours by what they do; hex sRGB."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    background: Colour
    surface: Colour
    primary: Colour
    accent: Colour
    text: Colour
    text_on_primary: Colour = "#FFFFFF"

    @property
    def colours(self) -> tuple[str, ...]:
        """All distinct colours, the background first."""
        return tuple(dict.fromkeys((self.background, self.surface, self.primary, self.accent, self.text)))


class Fonts(BaseModel):
    """Font files by role: a name of the package's own fonts, or a path relative to the kit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    headline: str = "Pretendard-Bold"
    body: str = "Pretendard-Regular"
    caption: str = "Pretendard-SemiBold"


class KitVoice(BaseModel):
    """How the brand sounds: hints that each voice engine reads in its own way."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gender: Literal["female", "male", "any"] = "female"
    age: Literal["young", "adult", "mature"] = "adult"
    speed: float = Field(default=1.0, ge=0.7, le=1.3)
    ids: dict[str, str] = Field(default_factory=dict, description="engine, or engine/model -> voice id")
    reference: str = Field(
        default="", description="a recording of the voice for engines that clone; path relative to the kit"
    )


class Lora(BaseModel):
    """A fine-tune that carries the brand's look."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    strength: float = Field(default=0.8, ge=0, le=2)
    trigger: str = ""


class BrandKit(BaseModel):
    """One brand: what its ads look and sound like."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    brand_id: str
    name: str = Field(min_length=1, max_length=60)
    name_ko: str = Field(default="", max_length=60)
    sample: bool = Field(default=False, description="true: values are ours for demonstration, not the brand's own")
    palette: Palette
    wordmark: str = Field(
        default="", max_length=40, description="drawn when there is no logo file; the name when empty"
    )
    logo: str = Field(default="", description="PNG with alpha, path relative to the kit")
    fonts: Fonts = Fonts()
    voice: KitVoice = KitVoice()
    voices: dict[str, KitVoice] = Field(
        default_factory=dict, max_length=20, description="who speaks beside the narrator: the speaker's name -> voice"
    )
    pronunciation: dict[str, str | dict[str, str]] = Field(
        default_factory=dict, description="a word as it is written -> how it is said, or {ko: ..., en: ...}"
    )
    tone: str = "professional_warm"
    bgm_mood: str = "calm_inspiring"
    words_to_avoid: tuple[str, ...] = ()
    tagline: str = Field(default="", max_length=80)
    tagline_ko: str = Field(default="", max_length=80)
    cta: str = Field(default="", max_length=40)
    cta_ko: str = Field(default="", max_length=40)
    lora: Lora | None = None
    elements: dict[str, str] = Field(default_factory=dict, description="brand element name -> image path")

    def named_in(self, language: str) -> str:
        """The brand's name in the ad's language."""
        return self.name_ko if language == "ko" and self.name_ko else self.name

    @functools.cached_property
    def lexicon(self) -> Lexicon:
        """How the brand's own words are said, over the general ones."""
        return lexicon_of(self.pronunciation)

    @property
    def mark(self) -> str:
        """What to draw where a logo belongs and no logo file exists."""
        return self.wordmark or self.name.upper()


@functools.lru_cache(maxsize=8)  # every stage asks, and YAML is slow
def kit_from_text(text: str, *, folder: Path) -> BrandKit:
    """The kit that a YAML text holds; `folder` is where its relative paths start.

    Raises:
        KitRejected: naming the field, what came and what is allowed.
    """
    values = mapping_from_yaml(text, rejected=KitRejected, what="brand kit")
    kit = checked(BrandKit, _with_paths(values, folder), rejected=KitRejected, what="brand kit")
    lexicon_of(kit.pronunciation)
    return kit


def _with_paths(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Relative file names become absolute, so that nobody has to remember where the kit lay."""
    found = dict(values)
    if isinstance(found.get("logo"), str) and found["logo"]:
        found["logo"] = str(folder / found["logo"])
    if isinstance(found.get("elements"), dict):
        found["elements"] = {k: str(folder / v) for k, v in found["elements"].items() if isinstance(v, str)}
    for voice in (found.get("voice"), *(voices.values() if isinstance(voices := found.get("voices"), dict) else ())):
        if isinstance(voice, dict) and isinstance(voice.get("reference"), str) and voice["reference"]:
            voice["reference"] = str(folder / voice["reference"])
    if isinstance(found.get("fonts"), dict):
        found["fonts"] = {
            role: str(folder / name) if isinstance(name, str) and "." in name else name
            for role, name in found["fonts"].items()
        }
    return found
