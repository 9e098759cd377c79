"""The storyboard: what is seen, said and written in each scene.

The field names are a published schema that other tools read and write; what we add is optional,
and keys that we do not know survive a round trip.
"""

from __future__ import annotations

import functools
import json
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ad_pipeline.errors import StoryboardRejected
from ad_pipeline.media.time import FILM
from ad_pipeline.story.border import checked, mapping_from_yaml
from ad_pipeline.story.brief import FEWEST_SCENES, LONGEST_S, MOST_SCENES
from ad_pipeline.story.formats import Format

SCHEMA_VERSION = 1

Purpose = Literal["hook", "problem", "solution", "social_proof", "cta", "story"]
MotionStyle = Literal[
    "gentle drift", "slow zoom-in", "parallax movement", "rotation + glow effect", "slide transition", "pulse effect"
]
Transition = Literal["cut", "dissolve", "fade_through_black", "slide", "wipe"]
ControlNetMode = Literal["depth", "canny", "lineart"]
Stage = Literal["storyboard", "key_image", "motion_clip", "voice", "lipsync", "sfx", "final_mp4"]

SHORTEST_SCENE_S = 0.5

SceneId = Annotated[str, Field(pattern=r"^scene_[0-9]{3}$")]

_PURPOSES: dict[str, Purpose] = {
    "hook": "hook", "attention": "hook", "hook/attention": "hook", "problem": "problem", "solution": "solution",
    "social proof": "social_proof", "social_proof": "social_proof", "proof": "social_proof", "cta": "cta",
    "call to action": "cta", "story": "story",
}  # fmt: skip


def purpose_named(value: Any) -> Any:
    """A purpose by any of its published names; anything else as it came."""
    return _PURPOSES.get(value.strip().lower(), value) if isinstance(value, str) else value


class Line(BaseModel):
    """One spoken line; the narration is the speaker `narrator`."""

    model_config = ConfigDict(frozen=True, extra="allow")

    speaker: str = Field(default="narrator", min_length=1, max_length=60)
    text: str = Field(min_length=1)
    emotion: str = Field(default="", max_length=60)


class Scene(BaseModel):
    """One shot of the ad."""

    model_config = ConfigDict(frozen=True, extra="allow")

    id: SceneId
    purpose: Purpose = "story"
    duration_seconds: float = Field(ge=SHORTEST_SCENE_S, le=LONGEST_S)
    narration: str = Field(default="", max_length=1000)
    onscreen_text: str = Field(default="", max_length=200)
    image_prompt: str = Field(default="", max_length=4000)
    description: str = Field(
        default="", max_length=400, description="what is seen and not said, for who does not see; in the ad's language"
    )
    motion_style: MotionStyle = "gentle drift"
    brand_elements: tuple[str, ...] = ()
    controlnet_mode: ControlNetMode | None = None
    lines: tuple[Line, ...] = ()
    speaker_on_camera: bool = False
    negative_prompt: str = Field(default="", max_length=4000)
    camera: str = ""
    motion_prompt: str = ""
    transition: Transition | None = Field(default=None, description="into the next scene; the ad's style when empty")
    source: str = Field(default="", description="own footage instead of a generated picture")
    sound: str = Field(
        default="",
        max_length=450,
        description="what is heard beside voice and music; what the picture suggests if empty",
    )
    local_only: bool = False
    seed: int | None = Field(default=None, ge=0, le=2**31 - 1)
    engines: dict[Stage, str] = Field(default_factory=dict, description="stage -> engine, against the route")

    @field_validator("purpose", mode="before")
    @classmethod
    def _by_any_name(cls, value: Any) -> Any:
        return purpose_named(value)

    @property
    def spoken(self) -> tuple[Line, ...]:
        """What is said, in order: the lines, else the narration as one line."""
        if self.lines:
            return self.lines
        return (Line(text=self.narration),) if self.narration.strip() else ()

    @property
    def number(self) -> int:
        """1 for scene_001."""
        return int(self.id[-3:])


class StoryMetadata(BaseModel):
    """What holds for the whole ad."""

    model_config = ConfigDict(frozen=True, extra="allow")

    bgm_mood: str = "calm_inspiring"
    transition_style: str = "smooth_fade"
    brand_colors: tuple[str, ...] = ()
    estimated_cost: str = "$0.00"
    estimated_time: float | None = Field(default=None, description="seconds")


class Storyboard(BaseModel):
    """The whole ad, scene by scene; the scenes' lengths sum to the ad's, frame exact."""

    model_config = ConfigDict(frozen=True, extra="allow")

    schema_version: int = SCHEMA_VERSION
    title: str = Field(min_length=1, max_length=200)
    duration_seconds: float
    format: Format = "9:16"
    formats: tuple[Format, ...] = ()
    language: Literal["ko", "en"] = "ko"
    written_language: Literal["ko", "en"] | None = Field(
        default=None, description="of onscreen_text; as spoken when empty"
    )
    seed: int = 7
    tone: str = ""
    persona: str = ""
    scenes: tuple[Scene, ...] = Field(min_length=FEWEST_SCENES, max_length=MOST_SCENES)
    metadata: StoryMetadata = StoryMetadata()

    @model_validator(mode="after")
    def _adds_up(self) -> Storyboard:
        ids = [scene.id for scene in self.scenes]
        twice = next((i for i in ids if ids.count(i) > 1), None)
        if twice:
            raise StoryboardRejected("scene id {scene_id!r} appears twice", field="scenes", scene_id=twice)
        whole, parts = FILM.frames(self.duration_seconds), sum(self.scene_frames)
        if whole != parts:
            raise StoryboardRejected(
                "the scenes last {parts:g} s together, but 'duration_seconds' says {whole:g} s; make them equal",
                field="duration_seconds",
                parts=FILM.seconds(parts),
                whole=self.duration_seconds,
            )
        if self.formats and self.format != self.formats[0]:
            raise StoryboardRejected(
                "'format' is {format!r}, but the first of 'formats' is {first!r}; make them equal",
                field="format",
                format=self.format,
                first=self.formats[0],
            )
        return self

    @property
    def all_formats(self) -> tuple[Format, ...]:
        """Every format the ad is made in, the main one first."""
        return self.formats or (self.format,)

    @property
    def written_in(self) -> Literal["ko", "en"]:
        """The language of what is written on the picture."""
        return self.written_language or self.language

    @property
    def scene_ids(self) -> tuple[str, ...]:
        return tuple(scene.id for scene in self.scenes)

    @property
    def scene_frames(self) -> tuple[int, ...]:
        """Each scene's frames on the final timeline."""
        return tuple(FILM.frames(scene.duration_seconds) for scene in self.scenes)

    def scene(self, scene_id: str) -> Scene:
        """The scene of that id.

        Raises:
            StoryboardRejected: there is none.
        """
        for scene in self.scenes:
            if scene.id == scene_id:
                return scene
        raise StoryboardRejected(
            "no scene {scene_id!r}; this ad has {known}",
            field="scene",
            scene_id=scene_id,
            known=", ".join(self.scene_ids),
        )

    def with_scene(self, scene: Scene) -> Storyboard:
        """The storyboard with the scene of the same id replaced."""
        scenes = tuple(scene if old.id == scene.id else old for old in self.scenes)
        return self.model_copy(update={"scenes": scenes})

    def to_json(self) -> str:
        """The storyboard as the file holds it."""
        return json.dumps(self.model_dump(mode="json", exclude_none=True), ensure_ascii=False, indent=2) + "\n"


@functools.lru_cache(maxsize=8)  # every stage asks
def storyboard_from_text(text: str) -> Storyboard:
    """The storyboard that a JSON (or YAML) text holds, upgraded to this version's schema.

    Raises:
        StoryboardRejected: naming the field, what came and what is allowed.
    """
    values = mapping_from_yaml(text, rejected=StoryboardRejected, what="storyboard")
    return checked(Storyboard, upgraded(values), rejected=StoryboardRejected, what="storyboard")


def upgraded(values: dict[str, Any]) -> dict[str, Any]:
    """`values` of any earlier schema as this version's; version 0 is the published schema without a number."""
    version = values.get("schema_version", 0)
    if not isinstance(version, int) or isinstance(version, bool) or version < 0:
        raise StoryboardRejected(
            "field 'schema_version': got {got!r}, expected a whole number", field="schema_version", got=version
        )
    if version > SCHEMA_VERSION:
        raise StoryboardRejected(
            "this storyboard has schema version {got}; this program reads up to {most}: upgrade the program",
            field="schema_version",
            got=version,
            most=SCHEMA_VERSION,
        )
    found = dict(values)
    if version == 0:
        found = _from_published(found)
    found["schema_version"] = SCHEMA_VERSION
    return found


def _from_published(values: dict[str, Any]) -> dict[str, Any]:
    """Earlier systems number scenes, call their text `text`, and give the length `total_duration`."""
    if "duration_seconds" not in values and "total_duration" in values:
        values["duration_seconds"] = values.pop("total_duration")
    scenes = values.get("scenes")
    if isinstance(scenes, list):
        values["scenes"] = [_scene_from_published(s, i) if isinstance(s, dict) else s for i, s in enumerate(scenes, 1)]
    return values


def _scene_from_published(scene: dict[str, Any], position: int) -> dict[str, Any]:
    found = dict(scene)
    if "id" not in found:
        number = found.pop("scene_number", position)
        found["id"] = f"scene_{int(number):03d}" if re.fullmatch(r"\d{1,3}", str(number)) else str(number)
    for old, new in (("text", "narration"), ("duration", "duration_seconds")):
        if new not in found and old in found:
            found[new] = found.pop(old)
    return found
