"""Any server that answers to OpenAI's `/v1/audio/speech`: one request, its errors as sentences with their fix."""

from __future__ import annotations

import base64
import socket
import threading
import time
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel

from ad_pipeline.engines.speech.catalogue import SpeechModel, SpeechServer, why_no_key
from ad_pipeline.engines.speech.waiting import retry_after_s
from ad_pipeline.errors import EngineBusy, EngineError, EngineRefused, EngineUnavailable, StrangeAnswer
from ad_pipeline.messages import Message, worded

TIMEOUT = httpx.Timeout(120.0, connect=5.0)
LARGEST_BYTES = 64_000_000
_LOOK_S, _LOOK_KEPT_S = 0.5, 5.0
_LIST_S = 3.0
_looked: dict[str, tuple[float, str]] = {}
_guard = threading.Lock()


def why_missing(server: SpeechServer) -> Message | None:
    """What keeps us from asking: no key, or nobody listens at its address (looked up at most every 5 s)."""
    if not server.url:
        return worded(
            "no address; give it a url under [servers.{server}] in voices.toml (AD_PIPELINE_VOICES)", server=server.name
        )
    no_key = why_no_key(server)
    if no_key:
        return no_key
    fault = _nobody_at(server) if server.local else ""
    if not fault:
        return None
    return worded(
        "no speech server answers at {url} ({reason}); start it, or write where it is under [servers.{server}] in "
        "voices.toml",
        url=server.url,
        reason=fault,
        server=server.name,
    )


def _nobody_at(server: SpeechServer) -> str:
    """Why nobody answers, in the machine's words; empty where somebody does."""
    with _guard:
        at_s, fault = _looked.get(server.url, (0.0, ""))
        if at_s and time.monotonic() - at_s < _LOOK_KEPT_S:
            return fault
        parts = urlsplit(server.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            socket.create_connection((parts.hostname or "", port), timeout=_LOOK_S).close()
            fault = ""
        except OSError as error:
            fault = error.strerror or str(error) or type(error).__name__
        _looked[server.url] = time.monotonic(), fault
        return fault


def listed_models(server: SpeechServer) -> tuple[str, ...]:
    """The models that a server names, for who looks whether all is well; none where it names none."""
    headers = {"authorization": f"Bearer {server.key()}"} if server.key() else {}
    try:
        with httpx.Client(timeout=_LIST_S, trust_env=not server.local) as client:
            answer: Any = client.get(f"{server.url}/models", headers=headers).raise_for_status().json()
        return tuple(str(row["id"]) for row in answer["data"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return ()


def speech_of(model: SpeechModel, fields: Mapping[str, Any], *, job_id: str) -> bytes:
    """The sound that the server makes of `fields`, its JSON request.

    Raises:
        EngineUnavailable: a passing fault.
        EngineRefused: it will never work; StrangeAnswer where something else answers.
    """
    response, body = _posted(model, f"{model.server.url}/audio/speech", fields, job_id=job_id)
    _check(model, response, body, fields, job_id=job_id)
    kind = response.headers.get("content-type", "")
    if kind.startswith(("text/", "application/json")):
        raise _strange(model, f"{response.status_code} {kind}", job_id=job_id)
    return body


def captioned_of(
    model: SpeechModel, fields: Mapping[str, Any], *, job_id: str
) -> tuple[bytes, tuple[tuple[str, float, float], ...]] | None:
    """The sound, and when each word is heard (word, start, end); None where the server has no such door.

    As Kokoro-FastAPI gives it, at the model's `captioned_path`, which lies beside `/v1`. Same errors.
    """
    root = model.server.url.removesuffix("/v1")
    wanted = {**fields, "stream": False, "return_timestamps": True}
    response, body = _posted(model, f"{root}{model.captioned_path}", wanted, job_id=job_id)
    if response.status_code in (404, 405) and "voice" not in _said(body).lower():
        return None
    _check(model, response, body, wanted, job_id=job_id)
    try:
        told = _Captioned.model_validate_json(body)
        sound = base64.b64decode(told.audio, validate=True)
    except ValueError as error:  # pydantic's and binascii's are such
        kind = response.headers.get("content-type", "")
        raise _strange(model, f"{response.status_code} {kind}", job_id=job_id) from error
    return sound, tuple((word.word, word.start_time, word.end_time) for word in told.timestamps or ())


class _Heard(BaseModel):
    word: str
    start_time: float
    end_time: float


class _Captioned(BaseModel):
    audio: str
    timestamps: list[_Heard] | None = None


def _posted(
    model: SpeechModel, url: str, fields: Mapping[str, Any], *, job_id: str
) -> tuple[httpx.Response, bytes]:  # fmt: skip
    """The server's answer, good or not."""
    server = model.server
    headers = {"authorization": f"Bearer {server.key()}"} if server.key() else {}
    try:
        with (
            httpx.Client(timeout=TIMEOUT, trust_env=not server.local, follow_redirects=False) as client,
            client.stream("POST", url, json=dict(fields), headers=headers) as response,
        ):
            body = _read(response, model, job_id)
    except httpx.HTTPError as error:
        raise EngineUnavailable(
            "{url} broke off or does not answer ({reason})", engine=model.model_id, job_id=job_id, url=server.url,
            reason=server.reason(str(error) or type(error).__name__),
        ) from error  # fmt: skip
    return response, body


def _check(
    model: SpeechModel, response: httpx.Response, body: bytes, fields: Mapping[str, Any], *, job_id: str
) -> None:
    status, kind = response.status_code, response.headers.get("content-type", "")
    is_page = kind.startswith("text/html") and status < 500
    if status != 200 and not is_page and status >= 400:
        raise _refused(model, response, body, voice=str(fields.get("voice", "")), job_id=job_id)
    if status != 200 or is_page:
        raise _strange(model, f"{status} {kind}", job_id=job_id)


def _strange(model: SpeechModel, reason: str, *, job_id: str) -> StrangeAnswer:
    return StrangeAnswer(
        "{url} does not answer like a speech server ({reason}); is the address right, is there a proxy?",
        engine=model.model_id, job_id=job_id, url=model.server.url, reason=model.server.reason(reason),
    )  # fmt: skip


def _read(response: httpx.Response, model: SpeechModel, job_id: str) -> bytes:
    body = bytearray()
    for piece in response.iter_bytes():
        body += piece
        if len(body) > LARGEST_BYTES:
            raise EngineRefused(
                "{url} sends more than {limit} bytes for one line", engine=model.model_id, job_id=job_id,
                url=model.server.url, limit=LARGEST_BYTES,
            )  # fmt: skip
    return bytes(body)


def _refused(model: SpeechModel, response: httpx.Response, body: bytes, *, voice: str, job_id: str) -> EngineError:
    server, status = model.server, response.status_code
    said = server.reason(_said(body))
    facts = {"engine": model.model_id, "job_id": job_id}
    if status == 402 or "insufficient_quota" in body[:2000].decode("utf-8", "replace"):
        return EngineRefused(
            "the account at {url} does not cover it ({reason}); pay there, or choose another voice engine", **facts,
            url=server.url, reason=said,
        )  # fmt: skip
    if status == 429 or status >= 500 or status in (408, 409, 425):
        return EngineBusy(
            "{url} failed ({status}): {reason}", **facts, retry_after_s=retry_after_s(response.headers),
            url=server.url, status=status, reason=said,
        )  # fmt: skip
    if status in (401, 403):
        return EngineRefused(
            "{url} refuses the key in {variable} ({status}): {reason}", **facts, url=server.url, status=status,
            variable=server.key_env or "key_env", reason=said,
        )  # fmt: skip
    if status == 404 and "voice" not in said.lower():
        return EngineRefused(
            "{url} has no model {name} or no /audio/speech ({reason}); write another name under "
            "[models.{model!r}] in {file}",
            **facts, url=server.url, name=model.name, reason=said, model=model.model_id, file=model.book.name,
        )  # fmt: skip
    if "voice" in said.lower():
        return EngineRefused(
            "{url} has no voice {voice!r} ({reason}); name another in the brand kit under voice.ids, or in {file}",
            **facts, url=server.url, voice=voice, reason=said, file=model.book.name,
        )  # fmt: skip
    return EngineRefused(
        "{url} refuses the request ({status}): {reason}", **facts, url=server.url, status=status, reason=said
    )


def _said(body: bytes) -> str:
    """Its own words: OpenAI's `error.message`, FastAPI's `detail`, else the text."""
    try:
        told: Any = httpx.Response(200, content=body).json()
    except ValueError:
        return body[:400].decode("utf-8", "replace")
    if isinstance(told, dict):
        found = cast(dict[str, Any], told)
        error: Any = found.get("error", found.get("detail", found))
        if isinstance(error, dict):
            error = cast(dict[str, Any], error).get("message", error)
        return str(error)
    return str(told)
