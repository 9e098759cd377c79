"""Who moves a still picture."""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from ad_pipeline.engines.contracts import Done, Engine, Estimate, Job
from ad_pipeline.values import Size


@dataclass(frozen=True, kw_only=True)
class MotionRequest:
    """A clip of exactly `frames` at 24 fps: the scene's frames plus its transitions' handles."""

    image: Path
    layers_dir: Path | None = None
    size: Size
    frames: int
    motion_style: str
    motion_prompt: str = ""
    prompt: str = ""
    negative_prompt: str = ""
    camera: str = ""
    seed: int
    motion_bucket: int | None = None
    model_frames: int | None = None
    """How many frames a model generates before interpolation; its own choice when None."""
    steps: int | None = None
    cfg: float | None = None


class MotionEngine(Engine):
    """Moves a still picture."""

    @abstractmethod
    def render_motion(self, request: MotionRequest, target: Path, job: Job) -> Done:
        """Write one mp4 (H.264, yuv420p BT.709, 24 fps constant, no sound) to `target`.

        Raises:
            EngineUnavailable: a passing fault; nothing was written.
            EngineRefused: this request will never work; nothing was written.
        """

    def announce_motion(self, request: MotionRequest, job: Job) -> AbstractContextManager[object]:
        """While this lasts, whoever gives out turns knows that this work will be asked for as `job`. Never raises."""
        return contextlib.nullcontext()

    def estimate_motion(self, request: MotionRequest) -> Estimate:
        return Estimate()
