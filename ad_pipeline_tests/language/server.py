"""A language server for tests, on a loopback socket: OpenAI's, Ollama's and Anthropic's protocols, faults on demand.

    with LanguageServer(answer={"scenes": []}) as server: ...          # one answer to everything
    with LanguageServer(roles={"strategist": {...}, "copywriter": copy_of}) as server: ...

A role is a word in the instructions, of whatever case. An answer is a value (a dict, a pydantic model, a text), or a
function of what is asked (`dialects.Asked`). `server.behave([too_many("1"), GOOD])` says how the next requests go.
"""

from __future__ import annotations

import json
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import BaseModel

from ad_pipeline_tests.language.behaviour import GOOD, LOADING, Behaviour
from ad_pipeline_tests.language.dialects import (
    PATHS,
    Answering,
    Asked,
    Dialect,
    closing,
    fault,
    opening,
    piece_of,
    tokens_of,
    whole,
)

Answer = Callable[[Asked], Any] | Mapping[str, Any] | BaseModel | str


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request, as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def asked(self) -> Asked:
        """What it asks for; only for requests for an answer."""
        return Asked(dialect=PATHS[self.path], headers=self.headers, body=json.loads(self.body))


class LanguageServer:
    """One server that speaks all three protocols; `models` are the names that it has (empty: all that are asked for).

    `serves` is the one model that answers under its own name whatever name is asked for, as llama.cpp does it, which
    lists it without a key too; `forms` are the words of OpenAI's `response_format` that the server knows;
    `thinks_tokens` are what the model thinks before an answer where nobody tells it not to.
    `key` is what a request has to bring; `remote` names models that it passes on, with the host, as Ollama does.
    """

    def __init__(
        self,
        answer: Answer = "{}",
        *,
        roles: Mapping[str, Answer] | None = None,
        models: Sequence[str] = (),
        key: str = "",
        remote: Mapping[str, str] | None = None,
        serves: str = "",
        forms: Sequence[str] = ("text", "json_object", "json_schema"),
        thinks_tokens: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.answer = answer
        self.roles = dict(roles or {})
        self.models = [serves] if serves else list(models)
        self.serves = serves
        self.forms = frozenset(forms)
        self.thinks_tokens = thinks_tokens
        self.key = key
        self.remote = dict(remote or {})
        self.loads = False
        """Whether it still reads its model, and has no list of models either."""
        self.requests: list[Request] = []
        self.sent: list[tuple[float, str]] = []
        """Each piece of an answer, and when it was sent, on time.monotonic."""
        self.hung_up = 0
        """How often a client left while the server hung or wrote."""
        self.closing = threading.Event()
        self._behaviours: list[Behaviour] = []
        self._lock = threading.Lock()
        self._http = _Listener(("127.0.0.1", 0), _Handler)
        self._http.server = self
        self._scheme = "https" if tls else "http"
        if tls:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._http.server_address[1]}"

    @property
    def asked(self) -> list[Asked]:
        """Every request for an answer, in order."""
        return [request.asked for request in self.requests if request.method == "POST" and request.path in PATHS]

    def behave(self, behaviours: Sequence[Behaviour]) -> None:
        """How the next requests for an answer go; the good way after them."""
        with self._lock:
            self._behaviours = list(behaviours)

    def asked_of(self, role: str) -> list[Asked]:
        """The requests whose instructions hold that word."""
        return [asked for asked in self.asked if role.lower() in asked.system.lower()]

    # --- from the handler's threads -------------------------------------------------------------

    def next_behaviour(self) -> Behaviour:
        with self._lock:
            return self._behaviours.pop(0) if self._behaviours else GOOD

    def text_for(self, asked: Asked) -> str:
        """What the model says when all is well."""
        told = next((said for role, said in self.roles.items() if role.lower() in asked.system.lower()), self.answer)
        found: Any = told(asked) if callable(told) else told
        if isinstance(found, BaseModel):
            return found.model_dump_json(by_alias=True)
        return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    server: LanguageServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that left is no news; anything else is a fault of the test server."""
        import sys

        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    @property
    def _it(self) -> LanguageServer:
        assert isinstance(self.server, _Listener)
        return self.server.server

    def log_message(self, format: str, *args: Any) -> None:
        return None

    def do_GET(self) -> None:
        path = self._note()
        if self._it.loads:
            return self._page(LOADING.status, str(LOADING.page))
        if self._it.serves and path != "/v1/models" and not self._has_key():
            return self._page(401, fault("openai", 401, "Invalid API Key"))
        if path == "/api/tags":
            listed = [{"name": name, "model": name} for name in self._it.models]
            listed += [{"name": name, "model": name, "remote_host": host} for name, host in self._it.remote.items()]
            self._page(200, json.dumps({"models": listed}))
        elif path in ("/v1/models", "/models"):
            if not self._has_key() and not self._it.serves:
                return self._page(401, fault("openai", 401, "Incorrect API key provided", code="invalid_api_key"))
            listed = [{"id": name, "object": "model", "type": "model"} for name in self._it.models]
            self._page(200, json.dumps({"object": "list", "data": listed, "has_more": False}))
        elif path == "/api/version":
            self._page(200, '{"version": "0.40.12"}')
        else:
            self._page(404, "404 page not found", "text/plain")
        return None

    def do_POST(self) -> None:
        path = self._note()
        dialect = PATHS.get(path)
        if dialect is None:
            return self._page(404, "404 page not found", "text/plain")
        asked = self._it.requests[-1].asked if self._it.requests[-1].path == path else self._last(path)
        behaviour = self._it.next_behaviour()
        if behaviour.hangs_before:
            return self._hang()
        if behaviour.page is not None:
            return self._page(behaviour.status, behaviour.page, behaviour.content_type, behaviour.headers)
        if not self._has_key():
            return self._page(401, fault(dialect, 401, "Incorrect API key provided", code="invalid_api_key"))
        if asked.form and asked.form not in self._it.forms:
            return self._page(500, fault(dialect, 500, f"response_format.type: no {asked.form} is known here"))
        if self._it.serves:
            asked = replace(asked, body={**asked.body, "model": self._it.serves})
        if self._it.models and not {asked.model, f"{asked.model}:latest"} & {*self._it.models, *self._it.remote}:
            return self._page(404, fault(dialect, 404, _no_model(dialect, asked.model), code="model_not_found"))
        return self._answer(asked, behaviour)

    def _last(self, path: str) -> Asked:
        return next(request for request in reversed(self._it.requests) if request.path == path).asked

    def _note(self) -> str:
        path = urlsplit(self.path).path
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._it.requests.append(Request(method=self.command, path=path, headers=headers, body=body))
        return path

    def _has_key(self) -> bool:
        given = (self.headers.get("authorization", "").removeprefix("Bearer "), self.headers.get("x-api-key", ""))
        return not self._it.key or self._it.key in given

    def _page(
        self, status: int, body: str, kind: str = "application/json", headers: Mapping[str, str] | None = None
    ) -> None:
        raw = body.encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def _answer(self, asked: Asked, behaviour: Behaviour) -> None:
        text = self._it.text_for(asked) if behaviour.text is None else behaviour.text
        said = Answering(
            text=text,
            ending=behaviour.ending,
            input_tokens=asked.tokens if behaviour.input_tokens is None else behaviour.input_tokens,
            output_tokens=tokens_of(text) if behaviour.output_tokens is None else behaviour.output_tokens,
            tells_usage=behaviour.tells_usage,
        )
        if self._it.thinks_tokens and asked.thinks:
            said = replace(said, thought="Wait. " * 20)
            room = int(asked.body.get("max_tokens", 0)) - self._it.thinks_tokens
            if room < 0:
                said = replace(said, text="", ending="length", output_tokens=asked.body["max_tokens"])
        if not asked.streams:
            return self._page(200, json.dumps(whole(asked, said)))
        self.send_response(200)
        self.send_header("content-type", "application/x-ndjson" if asked.dialect == "ollama" else "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        try:
            self._stream(asked, said, behaviour)
        except OSError:
            self._it.hung_up += 1
            self.close_connection = True
        return None

    def _stream(self, asked: Asked, said: Answering, behaviour: Behaviour) -> None:
        for line in opening(asked, said):
            self._chunk(line)
        size = behaviour.piece_characters
        pieces = [said.text[at : at + size] for at in range(0, len(said.text), size)]
        for number, piece in enumerate(pieces):
            if number == behaviour.stops_after:
                return self._stop(behaviour)
            if behaviour.pieces_per_s and self._it.closing.wait(1 / behaviour.pieces_per_s):
                return None
            self._it.sent.append((time.monotonic(), piece))
            self._chunk(piece_of(asked, piece, said))
        for line in closing(asked, said):
            self._chunk(line)
        self.wfile.write(b"0\r\n\r\n")
        return None

    def _stop(self, behaviour: Behaviour) -> None:
        if behaviour.stops_by == "hang":
            return self._hang()
        if behaviour.stops_by == "end":
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True
        return None

    def _chunk(self, text: str) -> None:
        raw = text.encode()
        self.wfile.write(f"{len(raw):x}\r\n".encode() + raw + b"\r\n")

    def _hang(self) -> None:
        """Say nothing more until the client leaves or the test is over."""
        self.close_connection = True
        while not self._it.closing.is_set():
            readable, _, _ = select.select([self.connection], [], [], 0.02)
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                self._it.hung_up += 1
                return


def _no_model(dialect: Dialect, name: str) -> str:
    if dialect == "ollama":
        return f"model '{name}' not found"
    return f"model: {name}" if dialect == "anthropic" else f"The model `{name}` does not exist"
