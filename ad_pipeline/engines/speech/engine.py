"""What all voices that a server speaks have in common: one request for each line, kept, priced, checked before use."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ad_pipeline.engines.contracts import EngineFacts, Estimate, Job
from ad_pipeline.engines.crafts.voice import VoiceDone, VoiceEngine, VoiceRequest
from ad_pipeline.engines.speech.catalogue import SpeechModel
from ad_pipeline.engines.speech.choosing import voices_for
from ad_pipeline.engines.speech.decoding import speech_from
from ad_pipeline.engines.speech.kept import Answer, is_kept, once
from ad_pipeline.engines.speech.performing import performed
from ad_pipeline.engines.speech.turns import turn
from ad_pipeline.engines.speech.utterance import ToSay, Utterance, WordTimes, lines_to_say
from ad_pipeline.errors import EngineRefused, EngineUnavailable, MediaError
from ad_pipeline.media.sound import Samples, write_wav
from ad_pipeline.media.time import AUDIO_RATE_HZ

VERSION = "1"
LEAST_OF_EXPECTED = 0.3
"""A sound that is shorter than this share of what its words are expected to take was cut off."""


class ServerVoice(VoiceEngine):
    """One model of the list. Several threads may ask at once."""

    form: str
    """The format that is asked for."""

    def __init__(self, model: SpeechModel) -> None:
        self.model = model
        self.talents = model.talents
        self.facts = EngineFacts(
            name=model.model_id.split("/", 1)[0],
            model=model.model_id.split("/", 1)[1],
            version=VERSION,
            crafts=frozenset({"voice"}),
            licence=model.licence,
            local=model.local,
            languages=model.languages,
            tried_again=True,
            supports_seed=model.seed,
            supports_timestamps=model.talents.timestamps != "none",
            needs=(model.server.key_env,) if model.server.key_env else (),
        )

    @abstractmethod
    def asked(self, line: ToSay, voice: str, job: Job) -> Mapping[str, Any]:
        """Everything that decides what is spoken, as JSON values; `text` is what is sent."""

    @abstractmethod
    def bought(self, asked: Mapping[str, Any], line: ToSay, job: Job) -> Answer:
        """Ask the server; `cost_usd` is what it took.

        Raises:
            EngineUnavailable: a passing fault.
            EngineRefused: it will never work.
        """

    def times(self, line: ToSay, told: Mapping[str, Any]) -> WordTimes | None:
        """When each word is heard, where the server told it."""
        return None

    def least_s(self, line: ToSay, told: Mapping[str, Any]) -> float:
        """How long the sound of a line is at least, when all of it came."""
        expected_s = sum(piece.expected_s for piece in line.pieces)
        return LEAST_OF_EXPECTED * expected_s / max(1.0, line.pace)

    def sent(self, line: ToSay) -> str:
        """The line as it goes out."""
        return line.text

    def price_usd(self, characters: float) -> float:
        return round(characters * self.model.usd_per_1000_characters / 1000, 6)

    def characters_of(self, request: VoiceRequest, *, kept: Path | None = None) -> int:
        characters = sum(len(self.sent(line)) for line in self._unspoken(request, kept))
        return math.ceil(characters * self.model.credits_per_character)

    def estimate_voice(self, request: VoiceRequest) -> Estimate:
        lines = lines_to_say(request)
        characters = sum(len(self.sent(line)) for line in lines)
        return Estimate(cost_usd=self.price_usd(characters), seconds=3.0 * len(lines))

    def _unspoken(self, request: VoiceRequest, kept: Path | None) -> Sequence[ToSay]:
        lines = lines_to_say(request)
        if kept is None or not kept.is_dir():
            return lines
        voices, job = voices_for(request, self.model), Job(job_id="")
        return [line for line in lines if not is_kept(kept, self.asked(line, voices[line.name], job))]

    def speak(self, request: VoiceRequest, target: Path, job: Job) -> VoiceDone:
        if request.language not in self.model.languages:
            raise EngineRefused(
                "{model} speaks {speaks}, the ad {language}",
                engine=self.model.model_id,
                job_id=job.job_id,
                model=self.model.model_id,
                speaks=", ".join(sorted(self.model.languages)),
                language=request.language,
            )
        voices = voices_for(request, self.model)
        for line in lines_to_say(request):  # all of them, before the first is paid
            self._check_length(self.asked(line, voices[line.name], job)["text"], job)

        def utter(line: ToSay, job: Job) -> Utterance:
            return self._said(line, voices[line.name], job)

        done = performed(request, utter, job, engine=self.model.model_id)
        write_wav(target, done.samples)
        return VoiceDone(
            model=self.model.name,
            seed=request.seed if self.model.seed else None,
            cost_usd=done.cost_usd,
            marks=done.marks,
            duration_s=len(done.samples) / AUDIO_RATE_HZ,
            details={**done.details, "voices": {line.speaker: voices[line.speaker] for line in request.lines}},
        )

    def _said(self, line: ToSay, voice: str, job: Job) -> Utterance:
        asked = self.asked(line, voice, job)

        def buy() -> Answer:
            with turn(self.model.server, job):
                answer = self.bought(asked, line, job)
            try:
                self._heard(answer, line, job)
            except EngineUnavailable:
                job.paid(answer.cost_usd)  # it is lost, and taken all the same
                raise
            return answer

        answer = once(job, asked=asked, buy=buy)
        return Utterance(
            samples=self._heard(answer, line, job),
            times=self.times(line, answer.told),
            cost_usd=answer.cost_usd,
            details={
                "speaker": line.name,
                "voice": voice,
                "feeling": line.feeling.name if line.feeling and self.talents.emotion != "none" else "",
                "kept": answer.is_kept,
                **{name: value for name, value in answer.told.items() if name in ("request_id", "charged_characters")},
            },
        )

    def _check_length(self, text: str, job: Job) -> None:
        longest = self.talents.longest_text
        if longest is not None and len(text) > longest:
            raise EngineRefused(
                "the text has {characters} characters, {model} takes {longest} at once; shorten it or split it into "
                "lines",
                engine=self.model.model_id,
                job_id=job.job_id,
                characters=len(text),
                model=self.model.model_id,
                longest=longest,
            )

    def _heard(self, answer: Answer, line: ToSay, job: Job) -> Samples:
        try:
            samples = speech_from(answer.sound, form=self.form)
            lasts_s, least_s = len(samples) / AUDIO_RATE_HZ, self.least_s(line, answer.told)
            if lasts_s < least_s:
                raise MediaError(
                    "the sound is cut off: it lasts {lasts_s:.1f} s, its words at least {least_s:.1f} s",
                    lasts_s=lasts_s,
                    least_s=least_s,
                )
            return samples
        except MediaError as error:
            raise EngineUnavailable(
                "{model} sent no speech: {reason}",
                engine=self.model.model_id,
                job_id=job.job_id,
                model=self.model.model_id,
                reason=error.message,
            ) from error
