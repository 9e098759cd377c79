"""Sound effects by ComfyUI: MMAudio listens to the clip, or to words where there is none."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from ad_pipeline.engines.comfy.filling import Wish, filled
from ad_pipeline.engines.comfy.graphs import Graph
from ad_pipeline.engines.comfy.part import ModelGraphs, announced_later, broken, facts_of, told, told_times
from ad_pipeline.engines.comfy.recipe import Slot, Value
from ad_pipeline.engines.comfy.workshop import Want, Workshop
from ad_pipeline.engines.contracts import Done, Job
from ad_pipeline.engines.crafts.sound import MusicRequest, SfxRequest, SoundEngine
from ad_pipeline.errors import EngineRefused, EngineUnavailable, MediaError
from ad_pipeline.media.conform import fit_sound, retimed
from ad_pipeline.media.time import FrameRate
from ad_pipeline.messages import Message

STAGE = "sfx"
_LISTENS = FrameRate(Fraction(25))
_SHORTEST_SHARE = 0.97
"""It shortens the sound without a word when it gets too few frames: less than this of the length is no success."""


class ComfySound(SoundEngine):
    """Effects that fit a clip, or words alone where the graph takes no clip; it composes no music."""

    def __init__(self, shop: Workshop, model: ModelGraphs) -> None:
        self._shop, self._model = shop, model
        self.facts = facts_of(model, shop)

    def missing(self) -> Message | None:
        return self._shop.missing(self._model.graph_for(None), stage=STAGE)

    def render_sfx(self, request: SfxRequest, target: Path, job: Job) -> Done:
        clip, raw = target.with_name(f"{target.name}.25.mp4"), target.with_name(f"{target.name}.flac")
        inputs = self._shop.graph(self._model.graph_for(None)).recipe.inputs
        asked_s = self._asked_s(inputs, request, job)
        try:
            if "video" in inputs:
                # A frame more than it will look at: with one too few the sound comes short.
                retimed(request.clip, clip, rate=_LISTENS, frames=_LISTENS.frames(asked_s) + 2)
            run = self._shop.run(job, replace(self._effects(request, clip), drafts={"sound": raw}))
            length_s = fit_sound(raw, target, seconds=request.duration_s)
        except MediaError as error:
            raise broken(error, self._model, job.job_id) from error
        finally:
            clip.unlink(missing_ok=True)
            raw.unlink(missing_ok=True)
        if length_s < request.duration_s * _SHORTEST_SHARE:
            target.unlink(missing_ok=True)
            raise EngineUnavailable(
                "{model} made {got:.2f} s of sound; {wanted:.2f} s were asked for",
                engine=self._model.engine, job_id=job.job_id, model=self._model.model_id, got=length_s,
                wanted=request.duration_s,
            )  # fmt: skip
        return Done(
            model=self.facts.model,
            seed=request.seed,
            details={**told([run]), "length_s": round(length_s, 3), "asked_s": asked_s, "said": request.prompt},
            **told_times([run], self._model),
        )

    def _asked_s(self, inputs: Mapping[str, Slot], request: SfxRequest, job: Job) -> float:
        """How long a sound to ask for: at least as long as the scene, and as the model can.

        Raises:
            EngineRefused: the model makes none so long; cut down to what it can, the scene would end in silence.
        """
        slot = inputs.get("duration_s")
        if slot is None:
            return request.duration_s
        if slot.at_most is not None and request.duration_s > slot.at_most:
            raise EngineRefused(
                "{model} makes at most {longest_s:g} s of sound, the scene lasts {duration_s:g} s: give it another "
                "engine for sfx, or make two scenes of it",
                engine=self._model.engine, job_id=job.job_id, model=self._model.model_id, longest_s=slot.at_most,
                duration_s=request.duration_s,
            )  # fmt: skip
        return max(request.duration_s, slot.at_least or 0.0)

    def announce_sfx(self, request: SfxRequest, job: Job) -> AbstractContextManager[object]:
        return self._shop.announced(job, [self._effects(request, request.clip)])

    def announce_later(self, job: Job, *, seconds: float) -> AbstractContextManager[object]:
        return announced_later(self._shop, self._model, job, stage=STAGE, seconds=seconds)

    def _effects(self, request: SfxRequest, clip: Path) -> Want:
        def fill(graph: Graph) -> dict[str, Value | Path]:
            return filled(
                graph,
                Wish(prompt=request.prompt, seed=request.seed, duration_s=request.duration_s, files={"video": clip}),
            )

        return Want(
            stage=STAGE, part="sound", graph=self._model.graph_for(None), fill=fill, share=(0.02, 0.98),
            estimate_s=request.duration_s,
        )  # fmt: skip

    def render_music(self, request: MusicRequest, target: Path, job: Job) -> Done:
        raise EngineRefused("{model} composes no music", engine=self._model.engine, model=self._model.model_id)
