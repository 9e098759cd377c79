"""What goes wrong between us and ElevenLabs, each as one sentence with its fix; never with the key in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from ad_pipeline.engines.speech.catalogue import SpeechServer
from ad_pipeline.engines.speech.waiting import retry_after_s
from ad_pipeline.errors import EngineBusy, EngineError, EngineRefused, EngineUnavailable, StrangeAnswer

_PASSING = (408, 409, 425)
_QUOTA = ("quota_exceeded", "insufficient_credits", "payment_required", "free_users_not_allowed")
_VOICE = ("voice_not_found", "invalid_voice_id", "voice_does_not_exist")
_LENGTH = ("max_character_limit_exceeded", "text_too_long")


@dataclass(frozen=True, kw_only=True)
class Faults:
    """The faults of one model of the service."""

    model_id: str
    server: SpeechServer
    job_id: str = ""

    def refused(
        self, status: int | None, body: Any, headers: Mapping[str, str], *, voice: str = "", characters: int = 0
    ) -> EngineError:
        """What an answer with that status means."""
        word, said = _detail(body)
        if status is not None and 300 <= status < 500 and said.lstrip().startswith("<"):
            return self.strange(f"{status}, a web page")
        facts = {"engine": self.model_id, "job_id": self.job_id}
        if status == 429:
            return EngineBusy(
                "ElevenLabs has too many requests from this key ({reason})",
                **facts,
                retry_after_s=retry_after_s(headers),
                reason=self.server.reason(said or word or "429"),
            )
        if status is None or status in _PASSING or status >= 500:
            return EngineBusy(
                "ElevenLabs failed ({status}): {reason}",
                **facts,
                retry_after_s=retry_after_s(headers),
                status=status or 0,
                reason=self.server.reason(said or "-"),
            )
        if word in _QUOTA or status == 402:
            return EngineRefused(
                "the ElevenLabs account does not cover it ({reason}); buy credits, or choose another voice engine",
                **facts,
                reason=self.server.reason(said or word),
            )
        if status == 401 and word in ("missing_permissions",):
            return EngineRefused(
                "the key in {variable} may not do this ({reason}); give it the permission text to speech",
                **facts,
                variable=self.server.key_env,
                reason=self.server.reason(said),
            )
        if status in (401, 403) and word not in _VOICE:
            return EngineRefused(
                "ElevenLabs refuses the key in {variable} ({status}): {reason}",
                **facts,
                variable=self.server.key_env,
                status=status,
                reason=self.server.reason(said or word or "-"),
            )
        if word in _VOICE or (status == 404 and voice):
            return self.no_voice(voice)
        if word in _LENGTH:
            return EngineRefused(
                "the text has {characters} characters, more than {model} takes at once; shorten it or split it into "
                "lines",
                **facts,
                characters=characters,
                model=self.model_id,
            )
        return EngineRefused(
            "ElevenLabs refuses the request ({status}): {reason}",
            **facts,
            status=status,
            reason=self.server.reason(said or word or "-"),
        )

    def no_voice(self, voice: str) -> EngineRefused:
        return EngineRefused(
            "ElevenLabs has no voice {voice!r} for this key; name one of yours in the brand kit under voice.ids",
            engine=self.model_id,
            job_id=self.job_id,
            voice=self.server.reason(voice),
        )

    def unreachable(self, reason: object) -> EngineUnavailable:
        return EngineUnavailable(
            "{url} cannot be reached ({reason}); check the network of this machine",
            engine=self.model_id,
            job_id=self.job_id,
            url=self.server.url,
            reason=self.server.reason(reason),
        )

    def strange(self, reason: object) -> StrangeAnswer:
        return StrangeAnswer(
            "{url} does not answer like ElevenLabs ({reason}); is the address right, is there a proxy?",
            engine=self.model_id,
            job_id=self.job_id,
            url=self.server.url,
            reason=self.server.reason(reason),
        )


def _detail(body: Any) -> tuple[str, str]:
    """(its word, its sentence): `detail` is an object, a text, or a list of what is wrong with fields."""
    detail: Any = cast(Mapping[str, Any], body).get("detail") if isinstance(body, Mapping) else body
    if isinstance(detail, Mapping):
        found = cast(Mapping[str, Any], detail)
        return str(found.get("status") or found.get("code") or ""), str(found.get("message") or "")
    if isinstance(detail, list):
        wrong = [item for item in cast(list[Any], detail) if isinstance(item, Mapping)]
        said = (f"{'.'.join(map(str, item.get('loc', ())))}: {item.get('msg', '')}" for item in wrong)
        return "", "; ".join(said)
    return "", str(detail or "")
