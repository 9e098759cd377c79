"""A speech server that answers to OpenAI's `/v1/audio/speech`, on a loopback socket: as Kokoro, OpenAI or XTTS do.

with SpeechServer(manner="kokoro") as server: ...
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from ad_pipeline_tests.speech.fake_server import Behaviour, FakeServer, Reply, Request, json_reply
from ad_pipeline_tests.speech.true_speech import encoded, true_speech

Manner = Literal["kokoro", "openai", "xtts"]
_TYPES = {
    "mp3": "audio/mpeg", "opus": "audio/opus", "aac": "audio/aac", "flac": "audio/flac", "wav": "audio/wav",
    "pcm": "audio/pcm",
}  # fmt: skip
_VARIANTS = ("+f2", "+f3", "+f4", "+m3", "+m1", "+m7")
_FIELDS = {"model", "input", "voice", "response_format", "speed"}
_MORE: dict[Manner, set[str]] = {
    "kokoro": {"lang_code", "stream"},
    "openai": {"instructions", "stream_format"},
    "xtts": {"language", "reference_audio"},
}


def too_many(retry_after: str | None = None) -> Behaviour:
    page = '{"error": {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}}'
    return Behaviour(status=429, page=page, headers={"retry-after": retry_after} if retry_after else {})


NO_CREDIT = Behaviour(
    status=429, page='{"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}'
)
LOADING = Behaviour(status=503, page='{"detail": "the model is loading"}')


class SpeechServer(FakeServer):
    """`voices` are the names that it has; an XTTS server takes a recording in `reference_audio` instead."""

    def __init__(
        self, *, manner: Manner = "kokoro", key: str = "", model: str = "kokoro", longest: int = 4096,
        voices: Sequence[str] = ("af_heart", "af_bella", "bf_emma", "am_michael", "am_fenrir", "bm_george"),
    ) -> None:  # fmt: skip
        super().__init__(key=key)
        self.manner: Manner = manner
        self.model, self.voices, self.longest = model, tuple(voices), longest

    @property
    def address(self) -> str:
        """What a client takes as its base."""
        return f"{self.url}/v1"

    def is_speech(self, request: Request) -> bool:
        return request.path == "/v1/audio/speech"

    def reply(self, request: Request, behaviour: Behaviour) -> Reply:
        if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
            return self._error(401, f"Incorrect API key provided: {request.headers.get('authorization', '')}")
        if request.path == "/v1/models":
            return json_reply({"object": "list", "data": [{"id": self.model, "object": "model"}]})
        if not self.is_speech(request):
            return json_reply({"detail": "Not Found"}, status=404)
        body = request.body
        refused = self._refused(body)
        return refused or self._speech(body, behaviour)

    def _refused(self, body: dict[str, Any]) -> Reply | None:
        unknown = set(body) - _FIELDS - _MORE[self.manner]
        if unknown:
            said = [{"type": "extra_forbidden", "loc": ["body", name], "msg": "Extra"} for name in sorted(unknown)]
            return json_reply({"detail": said}, status=422)
        if body["model"] != self.model:
            return self._error(404, f"The model `{body['model']}` does not exist")
        if not 0.25 <= body.get("speed", 1.0) <= 4.0:
            return self._error(400, "speed must be between 0.25 and 4.0")
        if len(body["input"]) > self.longest:
            return self._error(400, f"String should have at most {self.longest} characters")
        if self.manner == "xtts" and body.get("reference_audio"):
            if not base64.b64decode(body["reference_audio"]).startswith(b"RIFF"):
                return self._error(400, "reference_audio is no WAV")
        elif body["voice"] not in self.voices:
            return self._error(400, f"Voice {body['voice']} not found. Available voices: {', '.join(self.voices)}")
        return None

    def _speech(self, body: dict[str, Any], behaviour: Behaviour) -> Reply:
        name, form = body["voice"], body.get("response_format", "mp3")
        variant = _VARIANTS[self.voices.index(name) % len(_VARIANTS)] if name in self.voices else "+m2"
        speech = true_speech(body["input"], variant=variant, speed=body.get("speed", 1.0))
        samples = speech.samples
        if behaviour.sound == "silence":
            samples = np.zeros_like(samples)
        if behaviour.sound == "half":
            samples = samples[: len(samples) // 8]
        sound = encoded(samples, speech.rate_hz, form, streams=self.manner == "kokoro")
        if behaviour.sound == "none":
            sound = b""
        if behaviour.sound == "odd":
            sound = sound[:-4001]
        return Reply(body=sound, content_type=_TYPES[form], chunked=True)

    def _error(self, status: int, message: str) -> Reply:
        if self.manner == "openai":
            return json_reply({"error": {"message": message, "type": "invalid_request_error"}}, status=status)
        return json_reply({"detail": {"error": "invalid", "message": message}}, status=status)
