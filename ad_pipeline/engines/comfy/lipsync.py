"""Lipsync by ComfyUI: LatentSync works at 25 fps, so the clip goes there and comes back frame by frame."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from ad_pipeline.engines.comfy.face import FaceLook, look_for_face
from ad_pipeline.engines.comfy.filling import Wish, filled
from ad_pipeline.engines.comfy.graphs import Graph
from ad_pipeline.engines.comfy.part import ModelGraphs, announced_later, broken, facts_of, told, told_times
from ad_pipeline.engines.comfy.protocol import ENGINE
from ad_pipeline.engines.comfy.recipe import Value
from ad_pipeline.engines.comfy.workshop import Want, Workshop
from ad_pipeline.engines.contracts import Done, Job
from ad_pipeline.engines.crafts.lipsync import LipsyncEngine, LipsyncRequest
from ad_pipeline.errors import EngineRefused, MediaError
from ad_pipeline.media.conform import retimed
from ad_pipeline.media.inlay import inlaid
from ad_pipeline.media.probe import probe
from ad_pipeline.media.sound import read_sound, write_wav
from ad_pipeline.media.time import AUDIO_RATE_HZ, FILM, FrameRate
from ad_pipeline.messages import Message

STAGE = "lipsync"
SPEECH = FrameRate(Fraction(25))
"""There and back no frame is lost: the nearest of 24 fps to the nearest of 25 fps is always the one it came from."""
_HEARD = 0.003


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
            spoken_s = _place_voice(request, voice, seconds=seconds)
            face = self._face(request, spoken_s, target, job)
            retimed(request.clip, clip, rate=SPEECH, frames=SPEECH.frames(seconds))
            run = self._shop.run(job, replace(self._lips(request, clip, voice), drafts={"film": spoken}))
            size = probe(request.clip).picture
            assert size is not None
            share = inlaid(
                spoken, request.clip, target, size=size.size, frames=request.frames,
                report=lambda done: job.checkpoint(0.95 + 0.05 * done),
            )  # fmt: skip
        except MediaError as error:
            target.unlink(missing_ok=True)
            raise broken(error, self._model, job.job_id) from error
        finally:
            for file in (clip, voice, spoken):
                file.unlink(missing_ok=True)
        runs = [run, face.ran] if face.ran else [run]
        return Done(
            model=self.facts.model,
            seed=request.seed,
            details={
                **told(runs),
                **face.told,
                "spoken_s": [round(one, 3) for one in spoken_s],
                "taken_share": round(share, 4),
            },
            **told_times(runs, self._model),
        )

    def _face(self, request: LipsyncRequest, spoken_s: tuple[float, float], target: Path, job: Job) -> FaceLook:
        """A look before the long job.

        Raises:
            EngineRefused: nobody's face is to be seen while somebody speaks.
        """
        first, last = (min(request.frames - 1, max(0, FILM.frames(one))) for one in spoken_s)
        frames = (first, (first + last) // 2, last)
        face = look_for_face(
            self._shop, request.clip, frames, job, scratch=target, stage=STAGE, share=(0.0, 0.05)
        )  # fmt: skip
        if face.ran and not any(face.found):
            raise EngineRefused(
                "no face was found in the clip at {moments} s, where the voice speaks: show the speaker from the front "
                "and nearer, or take speaker_on_camera from the scene; if a face is there, look into the log of "
                "node {node}: its detector answers the same when it fails",
                engine=self._model.engine, job_id=job.job_id, node=face.ran.node,
                moments=", ".join(f"{FILM.seconds(frame):.2f}" for frame in frames),
            )  # fmt: skip
        return face

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


def _place_voice(request: LipsyncRequest, target: Path, *, seconds: float) -> tuple[float, float]:
    """The voice at its place in the clip, as long as the clip: a longer one would be followed by frames played back.

    Gives when the first and the last of it is heard, in seconds after the clip begins.

    Raises:
        EngineRefused: nothing of it is heard within the clip; a model would make a mouth move for silence.
    """
    voice = read_sound(request.voice, channels=1)
    whole = np.zeros(round(seconds * AUDIO_RATE_HZ), np.float32)
    start = round(request.voice_start_s * AUDIO_RATE_HZ)
    part = voice[: max(0, len(whole) - start)]
    whole[start : start + len(part)] = part
    heard = np.flatnonzero(np.abs(whole) > _HEARD)
    if not len(heard):
        raise EngineRefused(
            "the voice is silent in this clip of {seconds:.2f} s: there is nothing for lips to follow",
            engine=ENGINE, seconds=seconds,
        )  # fmt: skip
    write_wav(target, whole, form="pcm16")
    return float(heard[0]) / AUDIO_RATE_HZ, float(heard[-1]) / AUDIO_RATE_HZ
