"""Who makes a mouth follow a voice."""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from ad_pipeline.engines.contracts import Done, Engine, Estimate, Job


@dataclass(frozen=True, kw_only=True)
class LipsyncRequest:
    """A clip whose speaker's mouth shall follow the voice; `voice_start_s` is where it begins in the clip."""

    clip: Path
    voice: Path
    voice_start_s: float
    frames: int
    seed: int


class LipsyncEngine(Engine):
    """Makes a mouth follow a voice."""

    @abstractmethod
    def sync_lips(self, request: LipsyncRequest, target: Path, job: Job) -> Done:
        """Write the clip with the same frames, rate and size to `target`.

        Raises:
            EngineUnavailable: a passing fault; nothing was written.
            EngineRefused: no face, or this request will never work; nothing was written.
        """

    def announce_lipsync(self, request: LipsyncRequest, job: Job) -> AbstractContextManager[object]:
        """While this lasts, whoever gives out turns knows that this work will be asked for as `job`. Never raises."""
        return contextlib.nullcontext()

    def estimate_lipsync(self, request: LipsyncRequest) -> Estimate:
        return Estimate()
