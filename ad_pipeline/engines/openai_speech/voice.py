"""Voices of one's own speech server, or of a gateway: Kokoro, XTTS-v2 with a recording, Bark, Azure."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ad_pipeline.engines.contracts import Job
from ad_pipeline.engines.openai_speech.client import captioned_of, speech_of, why_missing
from ad_pipeline.engines.speech.engine import ServerVoice
from ad_pipeline.engines.speech.kept import Answer
from ad_pipeline.engines.speech.utterance import ToSay, WordTimes
from ad_pipeline.errors import EngineRefused, MediaError
from ad_pipeline.media.sound import read_sound
from ad_pipeline.media.time import AUDIO_RATE_HZ
from ad_pipeline.messages import Message
from ad_pipeline.story.said import marks_from_words

SHORTEST_REFERENCE_S, LONGEST_REFERENCE_S = 3.0, 60.0
"""XTTS-v2 wants 6 s and takes 3; of more than a minute it makes no more."""


class SpeechServerVoice(ServerVoice):
    """Speaks by one model of an OpenAI-compatible speech server."""

    form = "wav"

    def missing(self) -> Message | None:
        return why_missing(self.model.server)

    def asked(self, line: ToSay, voice: str, job: Job) -> Mapping[str, Any]:
        asked: dict[str, Any] = {
            "url": self.model.server.url,
            "model": self.model.name,
            "voice": voice,
            "text": line.text,
            "speed": round(min(self.talents.fastest, max(self.talents.slowest, line.pace)), 3),
            "language": line.language,
            "seed": line.seed,  # another take is another request, also where the server takes no seed
        }
        if self.talents.emotion == "instructions":
            asked["instructions"] = _instructions(line)
        if line.speaker.reference is not None and self.talents.cloning:
            self._check_reference(line.speaker.reference, line.name, job)
            asked["reference"] = line.speaker.reference_sha256
        return asked

    def bought(self, asked: Mapping[str, Any], line: ToSay, job: Job) -> Answer:
        fields: dict[str, Any] = {
            "model": asked["model"],
            "input": asked["text"],
            "voice": asked["voice"],
            "response_format": self.form,
        }
        if asked["speed"] != 1.0:
            fields["speed"] = asked["speed"]
        if asked.get("instructions"):
            fields["instructions"] = asked["instructions"]
        if self.model.language_code:
            fields["language"] = asked["language"]
        if self.model.seed:
            fields["seed"] = asked["seed"]
        if "reference" in asked and line.speaker.reference is not None:
            fields[self.model.reference_field] = base64.b64encode(line.speaker.reference.read_bytes()).decode()
        told: dict[str, Any] = {"charged_characters": len(asked["text"])}
        captioned = captioned_of(self.model, fields, job_id=job.job_id) if self.model.captioned_path else None
        if captioned:
            sound, told["words"] = captioned[0], list(captioned[1])
        else:
            sound = speech_of(self.model, fields, job_id=job.job_id)
        return Answer(sound=sound, told=told, cost_usd=self.price_usd(len(asked["text"])))

    def times(self, line: ToSay, told: Mapping[str, Any]) -> WordTimes | None:
        return marks_from_words(line.words, told.get("words", ()))

    def _check_reference(self, path: Path, speaker: str, job: Job) -> None:
        facts = {"engine": self.model.model_id, "job_id": job.job_id, "speaker": speaker, "file": path.name}
        try:
            seconds = len(read_sound(path, channels=1)) / AUDIO_RATE_HZ
        except MediaError as error:
            raise EngineRefused(
                "the voice of {speaker}: {file} is no recording that can be read ({reason})",
                **facts, reason=error.message,
            ) from error  # fmt: skip
        if not SHORTEST_REFERENCE_S <= seconds <= LONGEST_REFERENCE_S:
            raise EngineRefused(
                "the voice of {speaker}: {file} lasts {seconds:.1f} s; give a recording of {shortest:g} to "
                "{longest:g} s of clean speech",
                **facts, seconds=seconds, shortest=SHORTEST_REFERENCE_S, longest=LONGEST_REFERENCE_S,
            )  # fmt: skip


def _instructions(line: ToSay) -> str:
    said = [line.speaker.manner, line.feeling.says_en if line.feeling else ""]
    return " ".join(part for part in said if part)
