"""ElevenLabs on a loopback socket: real speech with true times, answers held to the SDK's own models, its refusals.

with ElevenLabsServer(key="sk-1") as server: ...
server.behave([too_many("1"), GOOD])
"""

from __future__ import annotations

import base64
import itertools
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from elevenlabs.types import (
    AudioWithTimestampsResponse,
    GetVoicesResponse,
    HttpValidationError,
    Model,
    StreamingAudioChunkWithTimestampsResponse,
    Subscription,
)
from pydantic import BaseModel

from ad_pipeline_tests.speech.fake_server import Behaviour, FakeServer, Reply, Request, json_reply
from ad_pipeline_tests.speech.true_speech import Samples, TrueSpeech, encoded, true_speech

VOICES = {
    "EXAVITQu4vr4xnSDxMaL": "Sarah", "XrExE9yKIg1WjnnlVkGX": "Matilda", "cgSgspJ2msm6clMCkdW9": "Jessica",
    "pFZP5JQG7iQjIQuC4Bku": "Lily", "nPczCjzI2devNBz1zQrb": "Brian", "TX3LPaxmHKxFdv7VOQHJ": "Liam",
    "JBFqnCBsd6RMkjVDRZzb": "George",
}  # fmt: skip
_VARIANTS = ("+f2", "+f3", "+f4", "+f1", "+m3", "+m1", "+m7")
LONGEST = {"eleven_v3": 5000, "eleven_multilingual_v2": 10000, "eleven_flash_v2_5": 40000}
_SETTINGS = {"stability", "similarity_boost", "style", "use_speaker_boost", "speed"}
_FIELDS = {
    "text", "model_id", "language_code", "voice_settings", "pronunciation_dictionary_locators", "seed", "previous_text",
    "next_text", "previous_request_ids", "next_request_ids", "use_pvc_as_ivc", "apply_text_normalization",
    "apply_language_text_normalization", "audio_effects",
}  # fmt: skip
_BIG_PLAN_FORMS = ("pcm_44100", "pcm_48000", "wav_44100", "wav_48000", "mp3_44100_192")


def too_many(retry_after: str | None = None, *, word: str = "too_many_concurrent_requests") -> Behaviour:
    """429, with a Retry-After as it is written in HTTP."""
    page = json.dumps({"detail": {"status": word, "message": "Too many requests, slow down."}})
    return Behaviour(status=429, page=page, headers={"retry-after": retry_after} if retry_after else {})


def broken(status: int) -> Behaviour:
    return Behaviour(status=status, page=json.dumps({"detail": {"status": "system_busy", "message": "sorry"}}))


def held(model: type[BaseModel], value: Mapping[str, Any]) -> dict[str, Any]:
    """`value`, when the SDK's model knows all of its fields and lacks none."""
    known = {field.alias or name for name, field in model.model_fields.items()}
    assert set(value) <= known, f"{model.__name__} has no {sorted(set(value) - known)}"
    model.model_validate(value)
    return dict(value)


class ElevenLabsServer(FakeServer):
    """`left` are the account's credits; `plan` starter takes no 44.1 kHz samples; `may` are the key's permissions."""

    def __init__(
        self, *, key: str = "sk-eleven", left: int = 100_000, plan: str = "creator",
        may: Sequence[str] = ("text_to_speech", "sound_generation", "user_read", "voices_read", "models_read"),
    ) -> None:  # fmt: skip
        super().__init__(key=key)
        self.left, self.plan, self.may = left, plan, frozenset(may)
        self.charged = 0

    def is_speech(self, request: Request) -> bool:
        return request.method == "POST"

    def reply(self, request: Request, behaviour: Behaviour) -> Reply:
        if request.headers.get("xi-api-key") != self.key:
            return _refusal(401, "invalid_api_key", "Invalid API key")
        match request.path.strip("/").split("/"):
            case ["v1", "text-to-speech", voice, *how]:
                return self._may("text_to_speech") or self._speech(request, behaviour, voice, "/".join(how))
            case ["v1", "sound-generation"]:
                return self._may("sound_generation") or self._effect(request, behaviour)
            case ["v1", "voices"]:
                rows = [{"voice_id": id_, "name": name, "category": "premade"} for id_, name in VOICES.items()]
                return self._may("voices_read") or json_reply(held(GetVoicesResponse, {"voices": rows}))
            case ["v1", "user", "subscription"]:
                return self._may("user_read") or json_reply(self._subscription())
            case ["v1", "models"]:
                rows = [held(Model, {"model_id": name, "can_do_text_to_speech": True}) for name in LONGEST]
                return self._may("models_read") or json_reply(rows)
            case _:
                return json_reply({"detail": "Not Found"}, status=404)

    def _may(self, what: str) -> Reply | None:
        if what in self.may:
            return None
        return _refusal(401, "missing_permissions", f"The API key you used is missing the permission {what}.")

    def _speech(self, request: Request, behaviour: Behaviour, voice: str, how: str) -> Reply:
        body, form = request.body, request.query.get("output_format", "mp3_44100_128")
        refused = _wrong_fields(body, _FIELDS) or self._refused(body, voice, form)
        if refused:
            return refused
        speech = true_speech(
            body["text"], variant=_VARIANTS[list(VOICES).index(voice)],
            speed=(body.get("voice_settings") or {}).get("speed") or 1.0,
        )  # fmt: skip
        headers = self._charge(len(body["text"]), body["model_id"])
        sound = _as_told(encoded(_heard(speech.samples, behaviour), speech.rate_hz, form), behaviour)
        if how in ("", "stream"):
            return Reply(body=sound, content_type="audio/mpeg", headers=headers, chunked=True)
        if how == "with-timestamps":
            return json_reply(held(AudioWithTimestampsResponse, _timed(sound, speech, behaviour)), headers=headers)
        if how == "stream/with-timestamps":
            line = json.dumps(held(StreamingAudioChunkWithTimestampsResponse, _timed(sound, speech, behaviour)))
            return Reply(body=line.encode() + b"\n\n", headers=headers, chunked=True)
        return json_reply({"detail": "Not Found"}, status=404)

    def _refused(self, body: Mapping[str, Any], voice: str, form: str) -> Reply | None:
        model, text, settings = body.get("model_id"), str(body["text"]), body.get("voice_settings") or {}
        if voice not in VOICES:
            return _refusal(404, "voice_not_found", f"A voice with voice_id {voice} was not found.")
        if model not in LONGEST:
            return _refusal(400, "model_not_found", f"A model with model ID {model} does not exist.")
        if len(text) > LONGEST[model]:
            return _refusal(400, "max_character_limit_exceeded", "The text is too long for this model.")
        if form in _BIG_PLAN_FORMS and self.plan != "pro":
            return _refusal(403, "output_format_not_allowed", f"{form} is only allowed on the Pro plan and above.")
        if model == "eleven_v3":
            if "previous_text" in body or "next_text" in body:
                return _refusal(400, "unsupported_model", "previous_text is not yet supported with eleven_v3.")
            if set(settings) - {"stability"}:
                return _refusal(400, "unsupported_model", f"eleven_v3 takes no {sorted(settings)}.")
            if settings.get("stability") not in (None, 0.0, 0.5, 1.0):
                return _refusal(400, "invalid_ttd_stability", "Must be one of: [0.0, 0.5, 1.0]")
        if model == "eleven_multilingual_v2" and "language_code" in body:
            return _refusal(400, "unsupported_language", "This model does not support language_code.")
        ranges = {"speed": (0.7, 1.2)}
        for name, value in settings.items():
            low, high = ranges.get(name, (0.0, 1.0))
            if name not in _SETTINGS or not low <= value <= high:
                return _refusal(400, "invalid_voice_settings", f"{name}={value} is not allowed.")
        if self._price(len(text), str(model)) > self.left:
            said = f"You have {self.left} credits remaining, while {len(text)} credits are required for this request."
            return _refusal(401, "quota_exceeded", said)
        return None

    def _price(self, characters: int, model: str) -> int:
        return -(-characters // 2) if "flash" in model else characters

    def _charge(self, characters: int, model: str) -> dict[str, str]:
        cost = self._price(characters, model)
        self.left -= cost
        self.charged += cost
        return {
            "request-id": uuid.uuid4().hex, "character-cost": str(cost), "current-concurrent-requests": "1",
            "maximum-concurrent-requests": "5",
        }  # fmt: skip

    def _effect(self, request: Request, behaviour: Behaviour) -> Reply:
        body = request.body
        wrong = _wrong_fields(body, {"text", "loop", "duration_seconds", "prompt_influence", "model_id"})
        if wrong:
            return wrong
        seconds = body.get("duration_seconds") or 4.0
        if not 0.5 <= seconds <= 30:
            return _refusal(400, "invalid_generation_settings", "duration_seconds must be between 0.5 and 30.")
        chance = np.random.default_rng(len(body["text"]))
        noise = (0.2 * chance.standard_normal(round(seconds * 44100))).astype(np.float32)
        sound = _as_told(
            encoded(_heard(noise, behaviour), 44100, request.query.get("output_format", "mp3_44100_128")), behaviour
        )
        return Reply(body=sound, content_type="audio/mpeg", headers=self._charge(200, "effects"), chunked=True)

    def _subscription(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            "tier": self.plan, "character_count": self.charged, "character_limit": self.left + self.charged,
            "max_credit_limit_extension": 0, "can_extend_character_limit": False,
            "allowed_to_extend_character_limit": False, "voice_slots_used": 1, "professional_voice_slots_used": 0,
            "professional_voice_slots_used_in_workspace": 0, "voice_limit": 30, "voice_add_edit_counter": 0,
            "professional_voice_limit": 1, "can_extend_voice_limit": False, "can_use_instant_voice_cloning": True,
            "can_use_professional_voice_cloning": True, "current_overage": {"amount": "0", "currency": "usd"},
            "status": "active", "open_invoices": [], "has_open_invoices": False,
        }  # fmt: skip
        return held(Subscription, told)


def _timed(sound: bytes, speech: TrueSpeech, behaviour: Behaviour) -> dict[str, Any]:
    text = base64.b64encode(sound).decode()
    told: dict[str, Any] | None = {
        "characters": list(speech.characters),
        "character_start_times_seconds": list(speech.starts_s),
        "character_end_times_seconds": list(speech.ends_s),
    }
    if behaviour.alignment == "other":
        told = {
            "characters": list("zqx"), "character_start_times_seconds": [0, 0.1, 0.2],
            "character_end_times_seconds": [0.1, 0.2, 0.3],
        }  # fmt: skip
    if behaviour.alignment == "null":
        told = None
    return {
        "audio_base64": text[: len(text) // 2 * 2 - 3] if behaviour.cuts_base64 else text,
        "alignment": told,
        "normalized_alignment": told,
    }


def _heard(samples: Samples, behaviour: Behaviour) -> Samples:
    if behaviour.sound == "silence":
        return np.zeros_like(samples)
    return samples[: len(samples) // 2] if behaviour.sound == "half" else samples


def _as_told(sound: bytes, behaviour: Behaviour) -> bytes:
    if behaviour.sound == "none":
        return b""
    return sound[: len(sound) // 2 * 2 - 1] if behaviour.sound == "odd" else sound


def _refusal(status: int, word: str, message: str) -> Reply:
    return json_reply({"detail": {"status": word, "message": message}}, status=status)


def _wrong_fields(body: Mapping[str, Any], known: set[str]) -> Reply | None:
    missing = [
        {"type": "missing", "loc": ["body", "text"], "msg": "Field required"}
        for _ in itertools.repeat(0, not body.get("text"))
    ]
    wrong = [{"type": "extra_forbidden", "loc": ["body", name], "msg": "Unknown"} for name in sorted(set(body) - known)]
    if not (missing or wrong):
        return None
    return json_reply(held(HttpValidationError, {"detail": [*missing, *wrong]}), status=422)
