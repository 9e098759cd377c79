"""A small shop on a socket: answers bytes by path, written out by hand, so that it can misbehave as real ones do."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import httpcore

from ad_pipeline.engines.product_page.connecting import Resolver

Talk = Callable[[socket.socket], None]
"""Writes an answer of its own to the connection."""
Answer = bytes | Talk


def answer(
    body: bytes | str,
    *,
    kind: str = "text/html; charset=utf-8",
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """A whole HTTP answer."""
    raw = body.encode() if isinstance(body, str) else body
    more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    named = f"Content-Type: {kind}\r\n" if kind else ""
    head = f"HTTP/1.1 {status} Said\r\n{named}Content-Length: {len(raw)}\r\nConnection: close\r\n{more}\r\n"
    return head.encode() + raw


def redirect(target: str, *, status: int = 302) -> bytes:
    """An answer that leads elsewhere."""
    return answer("", status=status, headers={"Location": target})


@dataclass(kw_only=True)
class Shop:
    """A server of a few paths; `asked` keeps the requests, as they came."""

    port: int
    scheme: str = "http"
    pages: dict[str, Answer] = field(default_factory=dict[str, Answer])
    asked: list[str] = field(default_factory=list[str])
    heads: list[str] = field(default_factory=list[str])

    @property
    def host_port(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, path: str = "/product/1") -> str:
        return f"{self.scheme}://{self.host_port}{path}"

    def times(self, path: str) -> int:
        """How often a path was asked for."""
        return self.asked.count(path)


@contextlib.contextmanager
def open_shop(pages: Mapping[str, Answer], *, tls: ssl.SSLContext | None = None) -> Generator[Shop]:
    """The shop, for as long as the block lasts; what it does not have is answered by 404."""
    listener = socket.create_server(("127.0.0.1", 0))
    shop = Shop(port=listener.getsockname()[1], pages=dict(pages), scheme="https" if tls else "http")
    closing = threading.Event()

    def serve() -> None:
        while not closing.is_set():
            connection, _ = listener.accept()
            threading.Thread(target=_served, args=(connection, shop, tls), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield shop
    finally:
        closing.set()
        socket.create_connection(listener.getsockname()).close()  # wakes it
        thread.join()
        listener.close()


def _served(raw: socket.socket, shop: Shop, tls: ssl.SSLContext | None) -> None:
    # A client that has enough hangs up in the middle; that is its right.
    with raw, contextlib.suppress(OSError):
        raw.settimeout(10)
        connection = tls.wrap_socket(raw, server_side=True) if tls else raw
        with connection:
            head = b""
            while b"\r\n\r\n" not in head:
                piece = connection.recv(65536)
                if not piece:
                    return
                head += piece
            path = head.split(b" ", 2)[1].decode("ascii", "replace")
            shop.asked.append(path)
            shop.heads.append(head.decode("latin-1"))
            found = shop.pages.get(path, shop.pages.get(path.partition("?")[0]))
            if callable(found):
                found(connection)
            else:
                connection.sendall(found if found is not None else answer("no such page", status=404))


class PretendWeb(httpcore.SyncBackend):
    """A web of public numbers that lead to servers of this machine; `numbers` are those that were connected to."""

    def __init__(self, servers: Mapping[str, Shop]) -> None:
        self._servers = servers
        self.numbers: list[str] = []

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        self.numbers.append(host)
        return super().connect_tcp("127.0.0.1", self._servers[host].port, timeout, local_address, socket_options)


def names(table: Mapping[str, Sequence[str] | Sequence[Sequence[str]]]) -> Resolver:
    """A name service that knows these; of several answers each is given once, the last one for ever."""
    given: dict[str, int] = {}

    def resolve(host: str, port: int) -> Sequence[str]:
        answers = table[host]
        if answers and not isinstance(answers[0], str):
            place = given.get(host, 0)
            given[host] = place + 1
            return cast("Sequence[str]", answers[min(place, len(answers) - 1)])
        return cast("Sequence[str]", answers)

    return resolve
