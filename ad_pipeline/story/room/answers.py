"""What each role of the writers' room answers, as typed values.

The field names and descriptions are part of the question: a model sees them in the schema. Scenes are
numbered from 1, and a role that works on scenes answers for each of them once, in order. Lengths here only keep
nonsense out; what fits a scene is a complaint, which a model can mend (`complaints.py`).
"""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ad_pipeline.story.storyboard import MotionStyle, Purpose, Transition, purpose_named


def _as_share(value: Any) -> Any:
    """Percent as a share: no grammar holds a model to 0..1."""
    return value / 100 if isinstance(value, int | float) and 1 < value <= 100 else value


def _as_seconds(value: Any) -> Any:
    """What no scene can last as what one can: the lengths are set to fit the ad anyway."""
    return min(60.0, max(0.5, value)) if isinstance(value, int | float) else value


Share = Annotated[float, BeforeValidator(_as_share), Field(ge=0, le=1)]
Seconds = Annotated[float, BeforeValidator(_as_seconds), Field(ge=0.5, le=60)]
NamedPurpose = Annotated[Purpose, BeforeValidator(purpose_named)]


def _trimmed(value: Any) -> Any:
    """Whole letters and plain spaces: no control, direction or zero-width character of a model reaches a film."""
    if not isinstance(value, str):
        return value
    whole = unicodedata.normalize("NFC", value)
    seen = (" " if c.isspace() else "" if unicodedata.category(c) in _UNSEEN else c for c in whole)
    return " ".join("".join(seen).split())


Text = Annotated[str, BeforeValidator(_trimmed)]


def _all_required(schema: dict[str, Any]) -> None:
    """A model that is held to a schema leaves out what it may: it is asked for every field, empty ones too."""
    schema["required"] = list(schema.get("properties", {}))


_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


class _Answer(BaseModel):
    """Fields that nobody asked for are left out: small models like to add some."""

    model_config = ConfigDict(frozen=True, extra="ignore", json_schema_extra=_all_required)


class Strategy(_Answer):
    """The strategist's: whom the ad speaks to, and the one thing it says."""

    audience: Text = Field(min_length=1, max_length=600, description="whom the ad speaks to, concretely")
    insight: Text = Field(min_length=1, max_length=600, description="what moves them, in their own terms")
    usp: Text = Field(min_length=1, max_length=600, description="why this product and no other")
    message: Text = Field(min_length=1, max_length=400, description="the single thing to remember, one sentence")
    facts: tuple[str, ...] = Field(default=(), max_length=4, description="ids of the facts worth telling, e.g. F2")


class PlannedScene(_Answer):
    """One scene as the planner wants it."""

    purpose: NamedPurpose = Field(description="hook, problem, solution, story, social_proof or cta")
    seconds: Seconds
    idea: Text = Field(min_length=1, max_length=1000, description="what happens and what the viewer shall feel")
    motion_style: MotionStyle = "gentle drift"
    shows_product: bool = False
    speaker_on_camera: bool = Field(default=False, description="a person speaks into the camera")


class ScenePlan(_Answer):
    """The planner's: the arc of the ad, scene by scene."""

    title: Text = Field(min_length=1, max_length=200)
    scenes: tuple[PlannedScene, ...] = Field(min_length=2, max_length=12)


class SceneCopy(_Answer):
    """What one scene says and writes."""

    scene: int = Field(ge=1, le=12)
    narration: Text = Field(default="", max_length=900, description="what the voice says; empty when nobody speaks")
    onscreen_text: Text = Field(
        default="", max_length=190, description="a few words to read; never the narration again"
    )
    facts: tuple[str, ...] = Field(default=(), max_length=3, description="ids of the facts that this scene states")


class Copy(_Answer):
    """The copywriter's: all words of the ad."""

    scenes: tuple[SceneCopy, ...] = Field(min_length=1, max_length=12)


class SceneDirection(_Answer):
    """How one scene looks and moves; in English, which image and video models understand best."""

    scene: int = Field(ge=1, le=12)
    shot: Text = Field(min_length=1, max_length=2000, description="what is seen: subject, place, light; in English")
    description: Text = Field(
        default="",
        max_length=1000,
        description="what is there, for a viewer who is blind: one short sentence in the ad's language",
    )
    camera: Text = Field(default="", max_length=200, description="e.g. close-up, low angle, top view")
    motion_prompt: Text = Field(default="", max_length=600, description="what moves, and how; in English")
    negative_prompt: Text = Field(default="", max_length=600)
    transition: Transition | None = Field(default=None, description="into the next scene")


class Direction(_Answer):
    """The video director's: one look for the whole ad, and a shot for each scene."""

    look: Text = Field(min_length=1, max_length=800, description="style, light and palette that all scenes share")
    person: Text = Field(default="", max_length=800, description="the one person of the ad, the same in all scenes")
    music_mood: Text = Field(default="", max_length=200, description="e.g. calm_inspiring, upbeat_playful")
    scenes: tuple[SceneDirection, ...] = Field(min_length=1, max_length=12)


class Judged(_Answer):
    """A score, 0 to 1, with the reason in a sentence."""

    score: Share
    reason: Text = Field(min_length=1, max_length=600)


class Review(_Answer):
    """The reviewer's: how good the ad is, and what to change."""

    tone_match: Judged = Field(description="does it sound as the brand wants?")
    brand_fit: Judged = Field(description="could it only be this brand and product?")
    claim_safety: Judged = Field(description="is all that it claims allowed and proven?")
    legibility: Judged = Field(description="can the written words be read at a glance?")
    reading_speed: Judged = Field(description="is there time to hear and read everything?")
    hook_strength: Judged = Field(description="would somebody stop scrolling in the first second?")
    advice: tuple[Text, ...] = Field(default=(), max_length=6, description="what the writer shall change, by scene")


class NotedClaim(_Answer):
    """A claim as a person told it."""

    text: Text = Field(min_length=1, max_length=300)
    source: Text = Field(min_length=1, max_length=300)


class BriefNotes(_Answer):
    """The listener's: what a person said of their brief; what they did not say is empty."""

    brand_id: str = ""
    product: Text = Field(default="", max_length=200)
    duration: float = Field(default=0.0, ge=0, le=600, description="seconds; 0 when not said")
    concept: Text = Field(default="", max_length=1000)
    target_audience: Text = Field(default="", max_length=500)
    goal: Text = Field(default="", max_length=500)
    tone: Text = Field(default="", max_length=100)
    channels: tuple[str, ...] = Field(default=(), max_length=6)
    claims: tuple[NotedClaim, ...] = Field(default=(), max_length=6)


SCORES = ("tone_match", "brand_fit", "claim_safety", "legibility", "reading_speed", "hook_strength")
"""What a review scores, the one that decides first."""
