"""Who makes effects and music."""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from ad_pipeline.engines.contracts import Done, Engine, Estimate, Job


@dataclass(frozen=True, kw_only=True)
class SfxRequest:
    """Effects for one clip; times are seconds from the start of the scene on the timeline.

    `prompt` describes the picture, or with `says_sound` what shall be heard.
    """

    clip: Path
    duration_s: float
    prompt: str = ""
    says_sound: bool = False
    purpose: str = "story"
    motion_style: str = "gentle drift"
    transition_in: str = "cut"
    opens: bool = False
    closes: bool = False
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class MusicRequest:
    """A bed for the whole ad: where scenes start, where the story turns, how long it lasts."""

    mood: str
    duration_s: float
    scene_starts_s: tuple[float, ...]
    rise_at_s: float
    """When the solution comes."""
    ending_at_s: float
    """When the call to action comes."""
    for_paid_ads: bool = True
    """Only music whose licence allows paid ads will do."""
    seed: int = 0


class SoundEngine(Engine):
    """Makes effects and music."""

    @abstractmethod
    def render_sfx(self, request: SfxRequest, target: Path, job: Job) -> Done:
        """Write one WAV (48 kHz stereo, float) of `duration_s` to `target`.

        Raises:
            EngineUnavailable: a passing fault; nothing was written.
            EngineRefused: this request will never work; nothing was written.
        """

    @abstractmethod
    def render_music(self, request: MusicRequest, target: Path, job: Job) -> Done:
        """Write one WAV (48 kHz stereo, float) of `duration_s` to `target`; same errors."""

    def announce_sfx(self, request: SfxRequest, job: Job) -> AbstractContextManager[object]:
        """While this lasts, whoever gives out turns knows that this work will be asked for as `job`. Never raises."""
        return contextlib.nullcontext()

    def estimate_sound(self, request: SfxRequest | MusicRequest) -> Estimate:
        return Estimate()
