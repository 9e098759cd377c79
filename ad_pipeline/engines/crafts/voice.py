"""Who speaks a scene's lines."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ad_pipeline.engines.contracts import Done, Engine, Estimate, Job
from ad_pipeline.story.storyboard import Line


@dataclass(frozen=True, kw_only=True)
class VoiceRequest:
    """What one scene says; `longest_s` is the room it has."""

    lines: tuple[Line, ...]
    language: Literal["ko", "en"]
    longest_s: float
    speed: float = 1.0
    gender: str = "female"
    voice_id: str = ""
    tone: str = ""
    seed: int = 0


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
    """Speaks a scene's lines."""

    @abstractmethod
    def speak(self, request: VoiceRequest, target: Path, job: Job) -> VoiceDone:
        """Write one WAV (48 kHz, mono, 16-bit or float) to `target`.

        Raises:
            EngineUnavailable: a passing fault; nothing was written.
            EngineRefused: this request will never work, or does not fit `longest_s`; nothing was written.
        """

    def estimate_voice(self, request: VoiceRequest) -> Estimate:
        return Estimate()
