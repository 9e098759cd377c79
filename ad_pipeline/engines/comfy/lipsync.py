"""Lipsync by ComfyUI: LatentSync works at 25 fps, so the clip goes there and comes back frame by frame."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from ad_pipeline.engines.comfy.filling import Wish, filled
from ad_pipeline.engines.comfy.graphs import Graph
from ad_pipeline.engines.comfy.part import ModelGraphs, announced_later, broken, facts_of, told, told_times
from ad_pipeline.engines.comfy.recipe import Value
from ad_pipeline.engines.comfy.workshop import Want, Workshop
from ad_pipeline.engines.contracts import Done, Job
from ad_pipeline.engines.crafts.lipsync import LipsyncEngine, LipsyncRequest
from ad_pipeline.errors import MediaError
from ad_pipeline.media.conform import join_films, retimed
from ad_pipeline.media.probe import probe
from ad_pipeline.media.sound import read_sound, write_wav
from ad_pipeline.media.time import AUDIO_RATE_HZ, FILM, FrameRate
from ad_pipeline.messages import Message

STAGE = "lipsync"
SPEECH = FrameRate(Fraction(25))


class ComfyLipsync(LipsyncEngine):
    """Makes the mouth of a clip follow the voice."""

    def __init__(self, shop: Workshop, model: ModelGraphs) -> None:
        self._shop, self._model = shop, model
        self.facts = facts_of(model, shop)

    def missing(self) -> Message | None:
        return self._shop.missing(self._model.graph_for(None), stage=STAGE)

    def sync_lips(self, request: LipsyncRequest, target: Path, job: Job) -> Done:
        clip, voice = target.with_name(f"{target.name}.25.mp4"), target.with_name(f"{target.name}.voice.wav")
        spoken = target.with_name(f"{target.name}.spoken.mp4")
        seconds = FILM.seconds(request.frames)
        try:
            retimed(request.clip, clip, rate=SPEECH, frames=SPEECH.frames(seconds))
            _place_voice(request, voice, seconds=seconds)
            run = self._shop.run(job, replace(self._lips(request, clip, voice), drafts={"film": spoken}))
            size = probe(request.clip).picture
            assert size is not None
            join_films([spoken], target, size=size.size, frames=request.frames)
        except MediaError as error:
            target.unlink(missing_ok=True)
            raise broken(error, self._model, job.job_id) from error
        finally:
            for file in (clip, voice, spoken):
                file.unlink(missing_ok=True)
        return Done(
            model=self.facts.model,
            seed=request.seed,
            details={**told([run]), "face": "not checked"},
            **told_times([run], self._model),
        )

    def announce_lipsync(self, request: LipsyncRequest, job: Job) -> AbstractContextManager[object]:
        return self._shop.announced(job, [self._lips(request, request.clip, request.voice)])

    def announce_later(self, job: Job, *, seconds: float) -> AbstractContextManager[object]:
        return announced_later(self._shop, self._model, job, stage=STAGE, seconds=seconds)

    def _lips(self, request: LipsyncRequest, clip: Path, voice: Path) -> Want:
        def fill(graph: Graph) -> dict[str, Value | Path]:
            return filled(graph, Wish(seed=request.seed, files={"video": clip, "audio": voice}))

        return Want(
            stage=STAGE, part="lips", graph=self._model.graph_for(None), fill=fill, share=(0.05, 0.95),
            estimate_s=FILM.seconds(request.frames),
        )  # fmt: skip


def _place_voice(request: LipsyncRequest, target: Path, *, seconds: float) -> None:
    """The voice at its place in the clip, as long as the clip: a longer one would be followed by frames played back."""
    voice = read_sound(request.voice, channels=1)
    whole = np.zeros(round(seconds * AUDIO_RATE_HZ), np.float32)
    start = round(request.voice_start_s * AUDIO_RATE_HZ)
    part = voice[: max(0, len(whole) - start)]
    whole[start : start + len(part)] = part
    write_wav(target, whole, form="pcm16")
