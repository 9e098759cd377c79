"""Music and effects made by arithmetic: no samples, no licence to ask for."""

from __future__ import annotations

from pathlib import Path

from ad_pipeline.engines.animatic.music import composed
from ad_pipeline.engines.animatic.sfx import rendered
from ad_pipeline.engines.animatic.wav import write_stereo_float
from ad_pipeline.engines.contracts import Done, EngineFacts, Estimate, Job, Licence
from ad_pipeline.engines.crafts.sound import MusicRequest, SfxRequest, SoundEngine
from ad_pipeline.errors import EngineRefused

LONGEST_S = 300.0


class ProceduralSound(SoundEngine):
    """Composes a bed that follows the story, and small effects that follow the picture."""

    facts = EngineFacts(
        name="animatic",
        model="procedural",
        version="1",
        crafts=frozenset({"sound"}),
        licence=Licence(name="Apache-2.0", paid_ads="yes", note="composed by this program; no recordings"),
        local=True,
        max_duration_s=LONGEST_S,
    )

    def estimate_sound(self, request: SfxRequest | MusicRequest) -> Estimate:
        return Estimate(seconds=0.1 + 0.02 * request.duration_s)

    def render_sfx(self, request: SfxRequest, target: Path, job: Job) -> Done:
        job.checkpoint(0.0)
        _checked(request.duration_s)
        samples, heard, understood = rendered(request)
        job.checkpoint(0.9)
        write_stereo_float(samples, target)
        not_honoured = [request.prompt] if request.says_sound and not understood else []
        details = {"heard": heard, "understood": understood, "not_honoured": not_honoured}
        return Done(model=self.facts.model, seed=request.seed, details=details)

    def render_music(self, request: MusicRequest, target: Path, job: Job) -> Done:
        job.checkpoint(0.0)
        _checked(request.duration_s)
        samples, plan, exact = composed(request)
        job.checkpoint(0.9)
        write_stereo_float(samples, target)
        details = {
            "mood": plan.mood.name,
            "wanted_mood": request.mood,
            "mood_is_nearest": not exact,
            "beats_per_minute": round(60 / plan.beat_s, 2),
            "rise_s": round(plan.rise_s, 3),
            "last_chord_s": round(float(plan.last_chord_s), 3),
        }
        return Done(model=self.facts.model, seed=request.seed, details=details)


def _checked(duration_s: float) -> None:
    if not 0 < duration_s <= LONGEST_S:
        raise EngineRefused(
            "sound of {duration_s:g} s cannot be made; allowed: above 0 to {longest_s:g} s",
            engine="animatic",
            duration_s=duration_s,
            longest_s=LONGEST_S,
        )
