"""HTTP/1.1 and WebSocket on an asyncio stream, with the means to misbehave: cut, stall, trickle."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from websockets.frames import Frame, Opcode
from websockets.http11 import Request as Handshake
from websockets.protocol import State
from websockets.server import ServerProtocol

_REASONS = {200: "OK", 206: "Partial Content", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
            404: "Not Found", 500: "Internal Server Error"}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Request:
    """One HTTP request, its body read."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    head: bytes


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One HTTP answer. `claimed_bytes` overrides Content-Length; `bytes_per_s` trickles the body."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    claimed_bytes: int | None = None
    bytes_per_s: float | None = None


class CutOff(Exception):
    """The connection is cut without an answer."""


class NoHttp(Exception):
    """What comes is another protocol."""


def json_answer(value: Any, status: int = 200) -> Answer:
    return Answer(
        status=status,
        body=json.dumps(value).encode(),
        headers={"Content-Type": "application/json; charset=utf-8"},
    )


def in_trouble() -> Answer:
    """What aiohttp says when a handler raised."""
    return Answer(
        status=500,
        body=b"500 Internal Server Error\n\nServer got itself in trouble",
        headers={"Content-Type": "text/plain; charset=utf-8"},
    )


class Socket:
    """The server's end of one WebSocket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request) -> None:
        self.query = request.query
        self._reader, self._writer = reader, writer
        self._protocol = ServerProtocol(max_size=None)
        self._protocol.receive_data(request.head)
        for handshake in self._protocol.events_received():
            if isinstance(handshake, Handshake):
                self._protocol.send_response(self._protocol.accept(handshake))
        self._flush()

    def send(self, message: str | bytes) -> None:
        """One message; a connection that is gone swallows it."""
        if self._writer.is_closing() or self._protocol.state is not State.OPEN:
            return
        if isinstance(message, str):
            self._protocol.send_text(message.encode())
        else:
            self._protocol.send_binary(message)
        self._flush()

    def cut(self) -> None:
        self._writer.transport.abort()

    async def messages(self, take: Callable[[str], None]) -> None:
        """Hand over the client's texts until either side ends the connection."""
        while data := await self._reader.read(65536):
            self._protocol.receive_data(data)
            for frame in self._protocol.events_received():
                if isinstance(frame, Frame) and frame.opcode is Opcode.TEXT:
                    take(bytes(frame.data).decode())
            self._flush()
            if self._protocol.close_expected():
                break

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._writer.write(data)


Route = Callable[[Request], Awaitable[Answer]]
OnSocket = Callable[[Socket], Awaitable[None]]


async def serve_connection(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, route: Route, on_socket: OnSocket
) -> None:
    """Answer one connection's requests until it ends."""
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
        try:
            while True:
                request = await _request(reader)
                answer = await route(request)
                if request.headers.get("upgrade", "").lower() == "websocket" and answer.status == 200:
                    await on_socket(Socket(reader, writer, request))
                    break
                await _send(writer, answer)
        except CutOff:
            writer.transport.abort()
        except NoHttp:
            await _send(writer, Answer(status=400))
    writer.close()


async def _request(reader: asyncio.StreamReader) -> Request:
    begin = await reader.readexactly(1)
    if not begin.isalpha():
        raise NoHttp  # TLS, mostly
    head = begin + await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    method, target, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = int(headers.get("content-length", "0"))
    url = urlsplit(target)
    return Request(
        method=method,
        path=unquote(url.path),
        query=dict(parse_qsl(url.query, keep_blank_values=True)),
        headers=headers,
        body=await reader.readexactly(length) if length else b"",
        head=head,
    )


async def _send(writer: asyncio.StreamWriter, answer: Answer) -> None:
    length = len(answer.body) if answer.claimed_bytes is None else answer.claimed_bytes
    headers = {**answer.headers, "Content-Length": str(length)}
    lines = [f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Status')}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    if answer.bytes_per_s is None:
        writer.write(head + answer.body)
        await writer.drain()
    else:
        writer.write(head)
        portion = max(1, int(answer.bytes_per_s / 20))
        for start in range(0, len(answer.body), portion):
            writer.write(answer.body[start : start + portion])
            await writer.drain()
            await asyncio.sleep(0.05)
    if length > len(answer.body):
        writer.transport.abort()


def form(request: Request) -> dict[str, tuple[str, bytes]]:
    """The fields of a multipart form: name -> (file name or "", bytes)."""
    _, _, boundary = request.headers.get("content-type", "").partition("boundary=")
    fields: dict[str, tuple[str, bytes]] = {}
    for part in request.body.split(b"--" + boundary.strip('"').encode())[1:-1]:
        head, _, value = part.partition(b"\r\n\r\n")
        says = dict(
            (name, text.strip('"'))
            for name, _, text in (item.strip().partition("=") for item in head.decode().split(";"))
        )
        name = says.get("name", "").split('"')[0]
        filename = says.get("filename", "").split('"')[0]
        fields[name] = (filename, value.removesuffix(b"\r\n"))
    return fields
