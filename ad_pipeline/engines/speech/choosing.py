"""Which voice of a model somebody gets: the one that the brand names, else the first that sounds like them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ad_pipeline.engines.crafts.voice import Speaker, VoiceRequest
from ad_pipeline.engines.speech.catalogue import Language, ListedVoice, SpeechModel
from ad_pipeline.errors import EngineRefused


def voices_for(request: VoiceRequest, model: SpeechModel) -> Mapping[str, str]:
    """speaker -> voice id. Two speakers without a voice of their own get two voices, as long as there are two.

    The request's cast is gone through in its order, so that somebody who speaks in two scenes keeps their voice.

    Raises:
        EngineRefused: the model's list names no voice.
    """
    chosen: dict[str, str] = {}
    for name in dict.fromkeys([*request.cast, *(line.speaker for line in request.lines)]):
        speaker = request.speaker(name)
        chosen[name] = speaker.voice_id or _listed(speaker, model, request.language, taken=tuple(chosen.values()))
    return chosen


def _listed(speaker: Speaker, model: SpeechModel, language: Language, *, taken: Sequence[str]) -> str:
    speaking = [voice for voice in model.voices if not voice.languages or language in voice.languages]
    if not speaking:
        raise EngineRefused(
            "{model} has no voice to choose from; name one in the brand kit under voice.ids, or in {file}",
            engine=model.model_id,
            model=model.model_id,
            file=model.book.name,
        )
    return min(speaking, key=lambda voice: (voice.id in taken, _unlike(voice, speaker))).id


def _unlike(voice: ListedVoice, speaker: Speaker) -> int:
    """A voice of another gender is further off than one of another age."""
    other_gender = "any" not in (voice.gender, speaker.gender) and voice.gender != speaker.gender
    return 2 * other_gender + (voice.age != speaker.age)
