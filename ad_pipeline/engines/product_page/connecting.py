"""Connections that end in time and lead nowhere but to the address that was checked."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpcore

from ad_pipeline.engines.product_page.addresses import PageAddress, check_port, check_public, literal_of
from ad_pipeline.errors import PageUnreadable

Resolver = Callable[[str, int], Sequence[str]]
"""Host and port -> the IP addresses that they have now."""

_MOST_TRIED = 3


class Deadline:
    """The time that is left of a budget for a whole piece of work, however many steps it takes."""

    def __init__(self, budget_s: float) -> None:
        self.budget_s = budget_s
        self._ends = time.monotonic() + budget_s

    @property
    def left_s(self) -> float:
        return self._ends - time.monotonic()

    def some_left_s(self) -> float:
        """What is left; raises PageUnreadable when nothing is."""
        left_s = self.left_s
        if left_s <= 0:
            raise self.over()
        return left_s

    def over(self) -> PageUnreadable:
        return PageUnreadable(
            "it took longer than {budget_s:g} s in all; try again later, or give a lighter page",
            budget_s=self.budget_s,
        )


def resolved(host: str, port: int) -> Sequence[str]:
    """What the system's name service says of a host."""
    return list(dict.fromkeys(str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


@dataclass(frozen=True, kw_only=True)
class Web:
    """The network as a reading sees it: who knows the numbers of a name, who connects to a number."""

    resolve: Resolver = resolved
    backend: httpcore.NetworkBackend = field(default_factory=httpcore.SyncBackend)


class GuardedBackend(httpcore.NetworkBackend):
    """Looks a host up once, checks every address it has, and connects to one of those very addresses.

    Checked any earlier, a name could point elsewhere by the time of the connection. TLS still asks the
    certificate for the host's name: httpcore passes that on by itself.
    """

    def __init__(self, address: PageAddress, *, deadline: Deadline, web: Web, hosts: Iterable[str]) -> None:
        self._address = address
        self._deadline = deadline
        self._web = web
        self._hosts = frozenset(hosts)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        numbers = self._checked_numbers(host, port)[:_MOST_TRIED]
        for place, number in enumerate(numbers):
            share_s = self._deadline.some_left_s() / (len(numbers) - place)
            try:
                stream = self._web.backend.connect_tcp(number, port, share_s, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if place == len(numbers) - 1:
                    raise
            else:
                return _TimedStream(stream, self._deadline)
        raise httpcore.ConnectError(f"{host} has no address")

    def connect_unix_socket(self, path: str, timeout: float | None = None, socket_options: Any = None) -> Any:
        raise httpcore.UnsupportedProtocol("pages are read over TCP alone")

    def _checked_numbers(self, host: str, port: int) -> Sequence[str]:
        allowed = f"{host}:{port}" in self._hosts
        check_port(self._address, self._hosts)
        literal = host if allowed and ":" in host else None if allowed else literal_of(host)
        numbers = [literal] if literal else self._looked_up(host, port)
        if not allowed:
            check_public(numbers, host=host)
        return numbers

    def _looked_up(self, host: str, port: int) -> Sequence[str]:
        """The host's addresses, in time: the system's own look-up may take half a minute and cannot be stopped."""
        found: list[Sequence[str]] = []

        def look() -> None:
            try:
                found.append(self._web.resolve(host, port))
            except (OSError, UnicodeError):
                found.append(())

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        thread.join(self._deadline.some_left_s())
        if not found:
            raise self._deadline.over()
        if not found[0]:
            raise PageUnreadable("no name server knows {host!r}; check the address", host=host[:100])
        return found[0]


class _TimedStream(httpcore.NetworkStream):
    """Every step gets what is left of the budget: a server that sends one byte a second never times out by itself."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._deadline.some_left_s())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._deadline.some_left_s())

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        secured = self._inner.start_tls(ssl_context, server_hostname, self._deadline.some_left_s())
        return _TimedStream(secured, self._deadline)

    def close(self) -> None:
        self._inner.close()

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
