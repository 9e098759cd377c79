"""The voices of ElevenLabs: the brand's or the character's, with the line's feeling, and the time of each letter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ad_pipeline.engines.contracts import Job
from ad_pipeline.engines.elevenlabs.client import Client, characters_left, why_missing
from ad_pipeline.engines.elevenlabs.faults import Faults
from ad_pipeline.engines.speech.catalogue import SpeechModel
from ad_pipeline.engines.speech.engine import ServerVoice
from ad_pipeline.engines.speech.kept import Answer
from ad_pipeline.engines.speech.utterance import ToSay, WordTimes
from ad_pipeline.messages import Message
from ad_pipeline.story.said import marks_from_characters

_MOST_SEED = 4294967295
_VOICE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LAST_BREATH_S = 0.3
_DEFAULTS = {"stability": 0.5, "similarity_boost": 0.75, "style": 0.0}


class ElevenLabsVoice(ServerVoice):
    """Speaks by one model of ElevenLabs."""

    # Bare samples, of all plans: an MP3 adds a lead-in that decoders do not always take off, and every time is late.
    form = "pcm_24000"

    def __init__(self, model: SpeechModel) -> None:
        super().__init__(model)
        self._client = Client(model.server, model.model_id)

    def missing(self) -> Message | None:
        return why_missing(self.model.server)

    def characters_left(self) -> int | None:
        return characters_left(self._client, self.model.server)

    def asked(self, line: ToSay, voice: str, job: Job) -> Mapping[str, Any]:
        if not _VOICE_ID.fullmatch(voice):  # it becomes a part of an address
            raise Faults(model_id=self.model.model_id, server=self.model.server, job_id=job.job_id).no_voice(voice)
        return {
            "url": self.model.server.url,
            "model": self.model.name,
            "voice": voice,
            "text": self.sent(line),
            "form": self.form,
            "settings": self._settings(line),
            "seed": line.seed % _MOST_SEED,
            "language": line.language,
        }

    def bought(self, asked: Mapping[str, Any], line: ToSay, job: Job) -> Answer:
        more: dict[str, Any] = {}
        if self.model.stitching:
            # What is said around it only shades the voice. It does not stand in `asked`: a change in another scene
            # shall not make this one be paid again.
            around = {"previous_text": line.before, "next_text": line.after}
            more |= {name: text for name, text in around.items() if text}
        if self.model.seed:
            more["seed"] = asked["seed"]
        if self.model.language_code:
            more["language_code"] = asked["language"]
        spoken = self._client.speak(
            voice=asked["voice"],
            model=asked["model"],
            text=asked["text"],
            form=asked["form"],
            settings=asked["settings"],
            job_id=job.job_id,
            **more,
        )
        charged: float = len(asked["text"]) * self.model.credits_per_character
        if spoken.charged_characters is not None:
            charged = spoken.charged_characters
        told = {
            "characters": list(spoken.characters),
            "starts_s": list(spoken.starts_s),
            "ends_s": list(spoken.ends_s),
            "request_id": spoken.request_id,
            "charged_characters": charged,
        }
        cost_usd = self.price_usd(charged / self.model.credits_per_character)
        return Answer(sound=spoken.sound, told=told, cost_usd=cost_usd)

    def times(self, line: ToSay, told: Mapping[str, Any]) -> WordTimes | None:
        return marks_from_characters(line.words, told["characters"], told["starts_s"], told["ends_s"])

    def least_s(self, line: ToSay, told: Mapping[str, Any]) -> float:
        """What the letters' own times say, but for a last breath."""
        last_s = max(told["ends_s"], default=0.0) - _LAST_BREATH_S
        return max(super().least_s(line, told), last_s if self.times(line, told) else 0.0)

    def sent(self, line: ToSay) -> str:
        """The words, with the feeling as an audio tag where the model reads such tags."""
        if line.feeling and self.talents.emotion == "audio_tags":
            return f"[{line.feeling.tag}] {line.text}"
        return line.text

    def _settings(self, line: ToSay) -> dict[str, float | bool]:
        """The character's own, shaded by the line's feeling or the ad's tone; only those that the model takes."""
        wanted: dict[str, float | bool] = {**_DEFAULTS, **line.speaker.hints, "use_speaker_boost": True}
        shade, weight = line.mood, 0.5
        if line.feeling and self.talents.emotion == "settings":
            shade, weight = line.feeling, 1.0
        if shade:
            wanted["stability"] = _share(wanted["stability"] + weight * shade.stability)
            wanted["style"] = _share(wanted["style"] + weight * shade.style)
        wanted["speed"] = round(min(self.talents.fastest, max(self.talents.slowest, line.pace)), 3)
        if self.model.stabilities:
            wanted["stability"] = min(self.model.stabilities, key=lambda step: abs(step - wanted["stability"]))
        return {name: value for name, value in wanted.items() if name in self.model.settings}


def _share(value: float) -> float:
    return round(min(1.0, max(0.0, value)), 3)
