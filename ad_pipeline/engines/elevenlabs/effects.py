"""Sound effects from words, by ElevenLabs; it composes no music here."""

from __future__ import annotations

from pathlib import Path

from ad_pipeline.engines.contracts import Done, EngineFacts, Estimate, Job
from ad_pipeline.engines.crafts.sound import MusicRequest, SfxRequest, SoundEngine
from ad_pipeline.engines.elevenlabs.client import Client, why_missing
from ad_pipeline.engines.speech.catalogue import EffectsModel
from ad_pipeline.engines.speech.kept import Answer, once
from ad_pipeline.engines.speech.turns import turn
from ad_pipeline.errors import EngineRefused, EngineUnavailable, MediaError
from ad_pipeline.media.conform import fit_sound
from ad_pipeline.messages import Message

VERSION = "1"
FORM = "mp3_44100_128"
"""Of all plans, stereo; the little silence that an MP3 begins with is nothing to an effect."""
_INFLUENCE = 0.45
_SHORTEST_SHARE = 0.9


class ElevenLabsEffects(SoundEngine):
    """Makes a scene's effects from what its picture shows. Several threads may ask at once."""

    def __init__(self, model: EffectsModel) -> None:
        self._model = model
        self._client = Client(model.server, model.model_id)
        self.facts = EngineFacts(
            name=model.model_id.split("/", 1)[0],
            model=model.name,
            version=VERSION,
            crafts=frozenset({"sound"}),
            licence=model.licence,
            local=False,
            supports_seed=False,
            max_duration_s=model.longest_s,
            needs=(model.server.key_env,),
        )

    def missing(self) -> Message | None:
        return why_missing(self._model.server)

    def estimate_sound(self, request: SfxRequest | MusicRequest) -> Estimate:
        return Estimate(cost_usd=self._model.usd_per_effect, seconds=8.0)

    def render_sfx(self, request: SfxRequest, target: Path, job: Job) -> Done:
        job.checkpoint(0.0)
        if request.duration_s > self._model.longest_s:
            raise EngineRefused(
                "sound of {duration_s:g} s cannot be made; allowed: above 0 to {longest_s:g} s",
                engine=self._model.model_id, job_id=job.job_id, duration_s=request.duration_s,
                longest_s=self._model.longest_s,
            )  # fmt: skip
        seconds = max(self._model.shortest_s, round(request.duration_s, 2))
        text = _wish(request)[: self._model.longest_text]
        asked = {
            "url": self._model.server.url, "model": self._model.name, "text": text, "seconds": seconds, "form": FORM,
            "seed": request.seed,
        }  # fmt: skip

        def buy() -> Answer:
            with turn(self._model.server, job):
                sound, request_id = self._client.effect(
                    model=self._model.name, text=text, seconds=seconds, influence=_INFLUENCE, form=FORM,
                    job_id=job.job_id,
                )  # fmt: skip
            try:
                self._fitted(sound, request, target, job)
            except EngineUnavailable:
                job.paid(self._model.usd_per_effect)  # it is lost, and taken all the same
                raise
            return Answer(sound=sound, told={"request_id": request_id}, cost_usd=self._model.usd_per_effect)

        answer = once(job, asked=asked, buy=buy)
        length_s = self._fitted(answer.sound, request, target, job)
        return Done(
            model=self._model.name,
            cost_usd=answer.cost_usd,
            details={"said": text, "length_s": round(length_s, 3), "kept": answer.is_kept, **answer.told},
        )

    def render_music(self, request: MusicRequest, target: Path, job: Job) -> Done:
        raise EngineRefused("{model} composes no music", engine=self._model.model_id, model=self._model.model_id)

    def _fitted(self, sound: bytes, request: SfxRequest, target: Path, job: Job) -> float:
        """The sound at the scene's length; how long it was."""
        raw = target.with_name(f"{target.name}.raw.mp3")
        try:
            raw.write_bytes(sound)
            length_s = fit_sound(raw, target, seconds=request.duration_s)
        except MediaError as error:
            raise EngineUnavailable(
                "{model} sent no sound: {reason}", engine=self._model.model_id, job_id=job.job_id,
                model=self._model.model_id, reason=error.message,
            ) from error  # fmt: skip
        finally:
            raw.unlink(missing_ok=True)
        if length_s < request.duration_s * _SHORTEST_SHARE:
            target.unlink(missing_ok=True)
            raise EngineUnavailable(
                "{model} made {got:.2f} s of sound; {wanted:.2f} s were asked for", engine=self._model.model_id,
                job_id=job.job_id, model=self._model.model_id, got=length_s, wanted=request.duration_s,
            )  # fmt: skip
        return length_s


def _wish(request: SfxRequest) -> str:
    """What shall be heard: effects of what is seen, and nothing that the mix brings itself."""
    parts = ["Sound effects only, no music, no voices."]
    if request.opens:
        parts.append("It opens a commercial.")
    if request.closes:
        parts.append("It closes a commercial, with a soft finish.")
    parts.append(request.prompt)
    return " ".join(part for part in parts if part.strip())
