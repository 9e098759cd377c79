"""HTTP to one ComfyUI server: where it is, how long to wait, and what each fault means for the caller.

Nothing is tried again here. What may pass (refused, timed out, 5xx) is `EngineUnavailable`; what a
person has to change (address, certificate, login) is `EngineRefused`, in one sentence.
"""

from __future__ import annotations

import ipaddress
import json
import ssl
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from ad_pipeline.engines.comfy.protocol import ENGINE, shortened
from ad_pipeline.errors import EngineError, EngineRefused, EngineUnavailable, InputRejected, StrangeAnswer

CONNECT_S = 5.0
ANSWER_S = 60.0
"""A server that loads a large model may hold its own lock, and its answers, for many seconds."""
CANCEL_S = 5.0
"""Whoever stops the work should not wait for a server that hangs."""
LARGEST_ANSWER_BYTES = 256 * 1024 * 1024
"""The queue of a busy server holds every graph; an address that streams a radio never ends."""


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a node is. `auth` is the whole Authorization header; `auth_variable` names where it was read from.

    `certificate` is a file with the authority that signed the node's certificate, where it is no public one.
    """

    name: str
    url: str
    auth: str = field(default="", repr=False)
    auth_variable: str = ""
    certificate: Path | None = None

    def __post_init__(self) -> None:
        if not _is_address(self.url):
            raise InputRejected(
                "node {name}: the url {url!r} is not one of a ComfyUI; expected e.g. http://127.0.0.1:8188",
                field=f"nodes.{self.name}.url",
                name=self.name,
                url=self.url,
            )
        parts = urlsplit(self.url)
        if parts.username or parts.password:
            raise InputRejected(
                "node {name}: the url holds a password; give it as an Authorization header in the environment",
                field=f"nodes.{self.name}.url",
                name=self.name,
            )

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": self.auth} if self.auth else {}

    @property
    def is_loopback(self) -> bool:
        """Whether the node is on this machine, where no proxy of the environment has a say."""
        host = urlsplit(self.url).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"

    def tls(self) -> ssl.SSLContext | None:
        """Whom a secure connection trusts, where that is not the usual authorities."""
        if self.certificate is None or not self.url.startswith("https:"):
            return None
        try:
            return ssl.create_default_context(cafile=self.certificate)
        except OSError as error:  # an SSLError is one
            raise InputRejected(
                "node {name}: the certificate {file} cannot be used: {reason}",
                field=f"nodes.{self.name}.certificate", name=self.name, file=str(self.certificate),
                reason=error.strerror or str(error),
            ) from error  # fmt: skip

    def socket_url(self, client_id: str) -> str:
        """Where the WebSocket of one client is."""
        return f"ws{self.url.rstrip('/').removeprefix('http')}/ws?clientId={client_id}"


def _is_address(url: str) -> bool:
    try:
        parsed, port = httpx.URL(url), urlsplit(url).port
    except (httpx.InvalidURL, ValueError):
        return False
    is_plain = not (parsed.query or parsed.fragment or " " in url)
    return parsed.scheme in ("http", "https") and bool(parsed.host) and port != 0 and is_plain


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Status and body: JSON where it was JSON, else text."""

    status: int
    body: Any


class Transport:
    """Requests to one node; safe to share between threads."""

    def __init__(
        self, address: Address, *, answer_s: float = ANSWER_S, largest_answer_bytes: int = LARGEST_ANSWER_BYTES
    ) -> None:
        self.address = address
        self._answer_s, self._largest_answer_bytes = answer_s, largest_answer_bytes
        try:
            self._client = httpx.Client(
                base_url=address.url,
                headers={**address.headers, "Accept-Encoding": "identity"},
                timeout=httpx.Timeout(answer_s, connect=min(answer_s, CONNECT_S)),
                trust_env=not address.is_loopback,
                # Reading the usual certificates takes 20 ms that plain http need not pay.
                verify=address.tls() or address.url.startswith("https:"),
                limits=httpx.Limits(max_keepalive_connections=8, keepalive_expiry=30),
            )
        except (ImportError, ValueError, httpx.InvalidURL) as error:
            raise InputRejected(
                "node {name}: the proxy that the environment names (HTTP_PROXY, ALL_PROXY...) cannot be used: {reason}",
                field="HTTP_PROXY", name=address.name, reason=shortened(str(error)),
            ) from error  # fmt: skip

    def close(self) -> None:
        self._client.close()

    def get(self, path: str, *, job_id: str = "", params: Mapping[str, str] | None = None) -> Answer:
        """A question; asking twice does no harm."""
        return self._asked("GET", path, job_id, params=params)

    def post(self, path: str, told: Mapping[str, Any], *, job_id: str = "", answer_s: float | None = None) -> Answer:
        """A request with a JSON body; `answer_s` where its answer is not worth the usual patience."""
        body = json.dumps(told, separators=(",", ":")).encode()
        more = {} if answer_s is None else {"timeout": answer_s}
        return self._asked("POST", path, job_id, content=body, headers={"Content-Type": "application/json"}, **more)

    def send_file(self, path: str, *, form: Mapping[str, str], file: tuple[str, Any]) -> Answer:
        """A multipart form with one file under `image`, read while it is sent."""
        return self._asked("POST", path, "", data=dict(form), files={"image": file})

    def _asked(self, method: str, path: str, job_id: str, **more: Any) -> Answer:
        with self._explained(job_id), self._client.stream(method, path, **more) as got:
            return self._answer(got, self._read(got, job_id), job_id)

    def _read(self, got: httpx.Response, job_id: str) -> bytes:
        """The whole body, unless it is none that a ComfyUI would send."""
        give_up_s = time.monotonic() + 2 * self._answer_s
        body = bytearray()
        for chunk in got.iter_bytes():
            body += chunk
            if len(body) > self._largest_answer_bytes:
                raise self.no_comfyui("an answer without an end", job_id=job_id)
            if time.monotonic() > give_up_s:
                raise httpx.ReadTimeout("it answers too slowly", request=got.request)
        return bytes(body)

    def size_there(self, path: str, *, params: Mapping[str, str]) -> int | None:
        """How many bytes the file has there, asked without fetching it; None when it is not there."""
        first = {"Range": "bytes=0-0"}
        with self._explained(""), self._client.stream("GET", path, params=params, headers=first) as got:
            _, _, whole = got.headers.get("content-range", "").partition("/")
            return int(whole) if got.status_code == 206 and whole.isdigit() else None

    @contextmanager
    def stream(self, path: str, *, job_id: str, params: Mapping[str, str]) -> Generator[httpx.Response, None, None]:
        """An answer whose body is read piece by piece; only its status 404 is left to the caller."""
        with self._explained(job_id), self._client.stream("GET", path, params=params) as got:
            if got.status_code not in (200, 404):
                self._answer(got, self._read(got, job_id), job_id)
                raise self.no_comfyui(f"GET {path}: {got.status_code}", job_id=job_id)
            yield got

    def no_comfyui(self, saw: str, *, job_id: str = "") -> StrangeAnswer:
        """What answers there is something else."""
        return StrangeAnswer(
            "node {name}: {url} does not answer like a ComfyUI ({saw}); check the address",
            engine=ENGINE, job_id=job_id, name=self.address.name, url=self.address.url, saw=shortened(saw),
        )  # fmt: skip

    def _answer(self, got: httpx.Response, body: bytes, job_id: str) -> Answer:
        name, url, status = self.address.name, self.address.url, got.status_code
        if status in (401, 403, 407):
            raise self._no_entry(status, job_id)
        if status >= 500 or status == 429:
            raise EngineUnavailable(
                "node {name}: {url} answers {status}: {reason}",
                engine=ENGINE, job_id=job_id, name=name, url=url, status=status, reason=shortened(_text(body)),
            )  # fmt: skip
        if 300 <= status < 400:
            raise self.no_comfyui(f"{status} -> {got.headers.get('location', '')}", job_id=job_id)
        if not got.headers.get("content-type", "").startswith("application/json"):
            return Answer(status=status, body=_text(body))
        try:
            return Answer(status=status, body=json.loads(body))
        except (ValueError, RecursionError) as error:
            raise self.no_comfyui("broken JSON", job_id=job_id) from error

    def _no_entry(self, status: int, job_id: str) -> EngineRefused:
        name, url, variable = self.address.name, self.address.url, self.address.auth_variable
        if self.address.auth:
            return EngineRefused(
                "node {name}: {url} refuses the login ({status}) that {variable} holds; put its whole Authorization "
                "header there",
                engine=ENGINE, job_id=job_id, name=name, url=url, status=status, variable=variable or "auth",
            )  # fmt: skip
        return EngineRefused(
            "node {name}: {url} wants a login ({status}); put its Authorization header into an environment variable, "
            "and the variable's name into nodes.toml as authorization_env",
            engine=ENGINE, job_id=job_id, name=name, url=url, status=status,
        )  # fmt: skip

    @contextmanager
    def _explained(self, job_id: str) -> Generator[None, None, None]:
        try:
            yield
        except httpx.HTTPError as error:
            raise self._meaning(error, job_id) from error
        except RuntimeError as error:
            if not self._client.is_closed:
                raise
            # Another thread closed the node: the work is being ended.
            raise EngineUnavailable(
                "node {name} is not used any longer", engine=ENGINE, job_id=job_id, name=self.address.name
            ) from error

    def _meaning(self, error: httpx.HTTPError, job_id: str) -> EngineError:
        name, url = self.address.name, self.address.url
        tls = _tls_fault(error)
        if isinstance(tls, ssl.SSLCertVerificationError):
            return EngineRefused(
                "node {name}: the certificate of {url} is not trusted ({reason}); give the file of the authority that "
                "signed it as certificate in nodes.toml",
                engine=ENGINE, job_id=job_id, name=name, url=url, reason=shortened(tls.verify_message),
            )  # fmt: skip
        if tls and tls.reason in _NO_TLS_THERE:
            return EngineRefused(
                "node {name}: {url} speaks no https; is it {plain}?",
                engine=ENGINE, job_id=job_id, name=name, url=url, plain=url.replace("https:", "http:", 1),
            )  # fmt: skip
        if tls:
            return EngineRefused(
                "node {name}: no secure connection to {url}: {reason}",
                engine=ENGINE, job_id=job_id, name=name, url=url, reason=shortened(tls.reason or str(tls)),
            )  # fmt: skip
        if isinstance(error, httpx.TimeoutException):
            return EngineUnavailable(
                "node {name}: {url} did not answer in time", engine=ENGINE, job_id=job_id, name=name, url=url
            )
        return EngineUnavailable(
            "node {name}: {url} cannot be reached: {reason}",
            engine=ENGINE, job_id=job_id, name=name, url=url, reason=shortened(str(error) or type(error).__name__),
        )  # fmt: skip


_NO_TLS_THERE = ("WRONG_VERSION_NUMBER", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")


def _tls_fault(error: BaseException | None) -> ssl.SSLError | None:
    """What TLS complained of, somewhere below; None for any other fault."""
    while error is not None:
        if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return None  # the other side hung up, as a dying server does
        if isinstance(error, ssl.SSLError):
            return error
        error = error.__cause__ or error.__context__
    return None


def _text(body: bytes) -> str:
    return body.decode("utf-8", errors="replace")
