"""Who turns a brief into a storyboard."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from ad_pipeline.engines.contracts import Done, Engine, Estimate, Job
from ad_pipeline.story.brand_kit import BrandKit
from ad_pipeline.story.brief import Brief
from ad_pipeline.story.storyboard import Purpose, Storyboard


@dataclass(frozen=True, kw_only=True)
class StoryRequest:
    """A brief and its brand; the storyboard must last the brief's length, frame exact."""

    brief: Brief
    kit: BrandKit
    seed: int
    scenes: tuple[tuple[Purpose, float], ...] = ()
    """Scenes that are decided already, with about how long each is in seconds; empty: the writer's choice."""


class StoryEngine(Engine):
    """Turns a brief into a storyboard."""

    @abstractmethod
    def write_storyboard(self, request: StoryRequest, job: Job) -> tuple[Storyboard, Done]:
        """Write the scenes.

        Raises:
            EngineUnavailable: a passing fault.
            EngineRefused: this brief will never work on this engine.
        """

    def estimate_story(self, request: StoryRequest) -> Estimate:
        return Estimate()
