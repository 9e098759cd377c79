"""Who speaks a scene's lines."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ad_pipeline.engines.contracts import Done, Engine, Estimate, Job
from ad_pipeline.story.lexicon import GENERAL, Lexicon
from ad_pipeline.story.storyboard import Line

Timestamps = Literal["none", "clause", "word", "character"]
Emotion = Literal["none", "pace", "settings", "audio_tags", "instructions"]
"""How an engine is told a line's emotion; `pace` is no more than rate and pitch."""


@dataclass(frozen=True, kw_only=True)
class Talents:
    """What a voice engine can do."""

    timestamps: Timestamps = "none"
    emotion: Emotion = "none"
    slowest: float = 1.0
    fastest: float = 1.0
    """Its own range of speeds; what is asked beyond it is not done."""
    cloning: bool = False
    """Whether it speaks with the voice of a recording."""
    longest_text: int | None = None
    """Characters of one request."""


@dataclass(frozen=True, kw_only=True)
class Speaker:
    """How somebody sounds, for engines to read each in its own way.

    `voice_id` is the engine's own name for a voice; without one it chooses by gender and age.
    `hints` are settings on ElevenLabs' scale (stability, similarity_boost, style: 0 to 1; speed: a factor).
    """

    voice_id: str = ""
    gender: Literal["female", "male", "any"] = "any"
    age: Literal["young", "adult", "mature"] = "adult"
    speed: float = 1.0
    hints: Mapping[str, float] = field(default_factory=dict[str, float])
    manner: str = ""
    """In words, for engines that take instructions."""
    reference: Path | None = None
    """A recording of the voice, for engines that clone."""
    reference_sha256: str = ""


@dataclass(frozen=True, kw_only=True)
class VoiceRequest:
    """What one scene says, and who says it; `before` and `after` are what is said around it.

    `cast` knows each speaker of the lines.
    """

    lines: tuple[Line, ...]
    language: Literal["ko", "en"]
    cast: Mapping[str, Speaker]
    tone: str = ""
    lexicon: Lexicon = GENERAL
    before: str = ""
    after: str = ""
    seed: int = 0

    def speaker(self, name: str) -> Speaker:
        """Who says the lines of that name."""
        return self.cast.get(name) or Speaker()


@dataclass(frozen=True, kw_only=True)
class Mark:
    """When a piece of text is heard: seconds from the start of the file."""

    text: str
    start_s: float
    end_s: float
    speaker: str = "narrator"


@dataclass(frozen=True, kw_only=True)
class VoiceDone(Done):
    """`marks` in order of time, one per clause or word; `duration_s` of the whole file."""

    marks: tuple[Mark, ...]
    duration_s: float


class VoiceEngine(Engine):
    """Speaks a scene's lines, at the speakers' own pace: fitting them into their scene is the stage's work."""

    talents: Talents = Talents()

    @abstractmethod
    def speak(self, request: VoiceRequest, target: Path, job: Job) -> VoiceDone:
        """Write one WAV (48 kHz, mono, 16-bit or float) to `target`.

        Raises:
            EngineUnavailable: a passing fault; nothing was written.
            EngineRefused: this request will never work; nothing was written.
        """

    def estimate_voice(self, request: VoiceRequest) -> Estimate:
        return Estimate()

    def characters_of(self, request: VoiceRequest, *, kept: Path | None = None) -> int:
        """What the request takes of a quota of characters; what lies in `kept` (see `Job`) takes nothing."""
        return 0

    def characters_left(self) -> int | None:
        """What is left of the quota; None where there is none, or nobody says.

        Raises:
            EngineError: the service could not be asked.
        """
        return None
