"""ElevenLabs through its own client: one request at a time, its errors as ours.

Its own repetitions are off: they sleep for up to a minute and cannot be stopped, and two of its calls have none.
Whoever asks us tries again, after the time that the service tells.
"""

from __future__ import annotations

import base64
import binascii
import json
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import httpx
from pydantic import ValidationError

from ad_pipeline.engines.elevenlabs.faults import Faults
from ad_pipeline.engines.speech.catalogue import SpeechServer, why_no_key
from ad_pipeline.errors import EngineError
from ad_pipeline.messages import Message, worded
from ad_pipeline.sessions.fingerprint import fingerprint

if TYPE_CHECKING:
    from elevenlabs.client import ElevenLabs
    from elevenlabs.core.request_options import RequestOptions

TIMEOUT = httpx.Timeout(120.0, connect=10.0)
_LEFT_KEPT_S = 60.0
_left: dict[str, tuple[float, int | EngineError | None]] = {}
_guard = threading.Lock()
_ONCE: RequestOptions = {"max_retries": 0}


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """What came of a text: the sound, when each character of it is heard, what it was counted as."""

    sound: bytes
    characters: tuple[str, ...]
    starts_s: tuple[float, ...]
    ends_s: tuple[float, ...]
    request_id: str
    charged_characters: int | None
    """What the service says it took of the quota; None where it does not say."""


def why_missing(server: SpeechServer) -> Message | None:
    """What keeps us from asking: the client's package, or the key."""
    if not find_spec("elevenlabs"):
        return worded("the package is missing: pip install 'ad_pipeline[elevenlabs]'")
    return why_no_key(server)


class Client:
    """One service, one key; may be used by several threads."""

    def __init__(self, server: SpeechServer, model_id: str) -> None:
        self._server, self._model_id = server, model_id

    def speak(
        self, *, voice: str, model: str, text: str, form: str, settings: Mapping[str, Any], job_id: str, **more: Any
    ) -> Spoken:
        """Speech with the time of each character; `more` are further fields of the request.

        Raises:
            EngineUnavailable: a passing fault.
            EngineRefused: it will never work; StrangeAnswer where something else answers.
        """
        with self._service(job_id, voice=voice, characters=len(text)) as (service, faults):
            from elevenlabs import VoiceSettings

            answer = service.text_to_speech.with_raw_response.convert_with_timestamps(
                voice,
                text=text,
                model_id=model,
                output_format=form,
                voice_settings=VoiceSettings(**settings) if settings else None,
                request_options=_ONCE,
                **more,
            )
            told = answer.data.alignment
            return Spoken(
                sound=_sound_of(answer.data.audio_base_64, faults),
                characters=tuple(told.characters) if told else (),
                starts_s=tuple(told.character_start_times_seconds) if told else (),
                ends_s=tuple(told.character_end_times_seconds) if told else (),
                request_id=answer.headers.get("request-id", ""),
                charged_characters=_count(answer.headers.get("character-cost")),
            )

    def effect(
        self, *, model: str, text: str, seconds: float, influence: float, form: str, job_id: str
    ) -> tuple[bytes, str]:
        """A sound effect as it came, and the request's id; same errors."""
        with (
            self._service(job_id, characters=len(text)) as (service, faults),
            service.text_to_sound_effects.with_raw_response.convert(
                text=text,
                model_id=model,
                duration_seconds=seconds,
                prompt_influence=influence,
                output_format=form,
                request_options=_ONCE,
            ) as answer,
        ):
            kind = answer.headers.get("content-type", "")
            if kind.startswith(("text/", "application/json")):
                raise faults.strange(kind)
            return b"".join(answer.data), answer.headers.get("request-id", "")

    def characters_left(self) -> int | None:
        """What is left of this month's characters; None where the account may go over them. Same errors."""
        with self._service("") as (service, _):
            account = service.user.subscription.get(request_options=_ONCE)
            beyond = account.max_credit_limit_extension
            if beyond == "unlimited":
                return None
            return max(0, int(account.character_limit) + int(beyond) - int(account.character_count))

    def voices(self) -> dict[str, str]:
        """id -> name of the voices that this key may use. Same errors."""
        with self._service("") as (service, _):
            return {voice.voice_id: voice.name or "" for voice in service.voices.get_all(request_options=_ONCE).voices}

    @contextmanager
    def _service(self, job_id: str, *, voice: str = "", characters: int = 0) -> Generator[tuple[ElevenLabs, Faults]]:
        from elevenlabs.client import ElevenLabs
        from elevenlabs.core.api_error import ApiError

        faults = Faults(model_id=self._model_id, server=self._server, job_id=job_id)
        with httpx.Client(timeout=TIMEOUT, follow_redirects=False) as wire:
            service = ElevenLabs(base_url=self._server.url, api_key=self._server.key(), httpx_client=wire)
            try:
                yield service, faults
            except ApiError as error:
                if error.status_code is not None and error.status_code < 400:
                    raise faults.strange(f"{error.status_code} {error.body!r}"[:80]) from error
                raise faults.refused(
                    error.status_code, error.body, error.headers or {}, voice=voice, characters=characters
                ) from error
            except (ValidationError, json.JSONDecodeError, AttributeError, TypeError, ValueError) as error:
                raise faults.strange(type(error).__name__) from error
            except httpx.HTTPError as error:
                raise faults.unreachable(str(error) or type(error).__name__) from error


def characters_left(client: Client, server: SpeechServer) -> int | None:
    """The same, asked once a minute for each key at most."""
    account = fingerprint(url=server.url, key=server.key())
    with _guard:
        asked_s, told = _left.get(account, (0.0, None))
        if not asked_s or time.monotonic() - asked_s > _LEFT_KEPT_S:
            try:
                told = client.characters_left()
            except EngineError as error:
                told = error
            _left[account] = time.monotonic(), told
    if isinstance(told, EngineError):
        raise told
    return told


def _sound_of(text: Any, faults: Faults) -> bytes:
    """What came of the sound; nothing where it broke off, as it is paid all the same."""
    if not isinstance(text, str):
        raise faults.strange("audio_base64")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _count(told: str | None) -> int | None:
    return int(told) if told and told.isdigit() else None
