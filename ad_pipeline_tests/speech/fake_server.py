"""What both speech servers of the tests are made of: a socket, what came, how the next answers go."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self
from urllib.parse import parse_qs, urlsplit

Sound = Literal["whole", "silence", "half", "odd", "none"]


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """What happens to one request for speech; the plain one is a good answer at once."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    page: str | None = None
    """What stands in the place of an answer."""
    content_type: str = "application/json"
    sound: Sound = "whole"
    """`half`: it ends in the middle of the words; `odd`: in the middle of a sample."""
    alignment: Literal["true", "null", "other"] = "true"
    cuts_base64: bool = False
    closes_after: int | None = None
    """So many bytes of the body, then the connection breaks."""
    waits_s: float = 0.0


GOOD = Behaviour()
HTML_PAGE = Behaviour(page="<html><body>Please sign in</body></html>", content_type="text/html; charset=utf-8")
NOT_FOUND_PAGE = Behaviour(status=404, page="<html>no such host</html>", content_type="text/html")
BAD_GATEWAY = Behaviour(status=502, page="<html>bad gateway</html>", content_type="text/html")
BREAKS_OFF = Behaviour(closes_after=200)
SILENT = Behaviour(sound="silence")
HALF = Behaviour(sound="half")


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request, as it came."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        return json.loads(self.raw)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What goes back."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    chunked: bool = False


def json_reply(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status=status, body=json.dumps(value, ensure_ascii=False).encode(), headers=headers or {})


class FakeServer:
    """A server on a loopback socket, to be used in a `with`."""

    def __init__(self, *, key: str = "") -> None:
        self.key = key
        self.requests: list[Request] = []
        self.most_at_once = 0
        self.waits_s = 0.0
        """How long every request for speech takes."""
        self._at_once = 0
        self._behaviours: list[Behaviour] = []
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._http = _Listener(("127.0.0.1", 0), _Handler)
        self._http.it = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def behave(self, behaviours: Sequence[Behaviour]) -> None:
        """How the next requests for speech go; the good way after them."""
        with self._lock:
            self._behaviours = list(behaviours)

    @property
    def spoken(self) -> list[Request]:
        """Every request for speech, in order."""
        return [request for request in self.requests if self.is_speech(request)]

    def is_speech(self, request: Request) -> bool:
        raise NotImplementedError

    def reply(self, request: Request, behaviour: Behaviour) -> Reply:
        raise NotImplementedError

    # --- from the handler's threads -------------------------------------------------------------

    def handled(self, request: Request) -> tuple[Reply, Behaviour]:
        if not self.is_speech(request):
            return self.reply(request, GOOD), GOOD
        with self._lock:
            behaviour = self._behaviours.pop(0) if self._behaviours else GOOD
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            self._closing.wait(behaviour.waits_s or self.waits_s)
            if behaviour.page is not None:
                page = behaviour.page.encode()
                return Reply(
                    status=behaviour.status, body=page, content_type=behaviour.content_type, headers=behaviour.headers
                ), behaviour
            return self.reply(request, behaviour), behaviour
        finally:
            with self._lock:
                self._at_once -= 1


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    it: FakeServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        return None

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        assert isinstance(self.server, _Listener)
        parts = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=parts.path,
            query={name: values[0] for name, values in parse_qs(parts.query).items()},
            headers={name.lower(): value for name, value in self.headers.items()},
            raw=self.rfile.read(int(self.headers.get("content-length", 0))),
        )
        self.server.it.requests.append(request)
        reply, behaviour = self.server.it.handled(request)
        self.send_response(reply.status)
        self.send_header("content-type", reply.content_type)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.chunked:
            self.send_header("transfer-encoding", "chunked")
        else:
            self.send_header("content-length", str(len(reply.body)))
        self.end_headers()
        if behaviour.closes_after is not None:
            self.wfile.write(reply.body[: behaviour.closes_after])
            self.close_connection = True
        elif reply.chunked:
            for at in range(0, len(reply.body), 4096):
                piece = reply.body[at : at + 4096]
                self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.wfile.write(reply.body)
