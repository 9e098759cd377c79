"""Proves that nothing leaves this machine: every way out but loopback fails, and is written down."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import Generator
from typing import Any
from unittest import mock


@contextlib.contextmanager
def only_loopback() -> Generator[list[str]]:
    """Inside, a connection or a look-up of a name that leads elsewhere raises OSError; the list says where to."""
    tried: list[str] = []
    connect, connect_ex, sendto = socket.socket.connect, socket.socket.connect_ex, socket.socket.sendto
    look_up = socket.getaddrinfo

    def check(host: object) -> None:
        if not _is_here(host):
            tried.append(str(host))
            raise PermissionError(f"a connection to {host} was tried")

    def guarded_connect(self: socket.socket, address: Any) -> None:
        check(_host_of(self, address))
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        check(_host_of(self, address))
        return connect_ex(self, address)

    def guarded_sendto(self: socket.socket, *arguments: Any) -> int:
        check(_host_of(self, arguments[-1]))
        return sendto(self, *arguments)

    def guarded_look_up(host: Any, *arguments: Any, **named: Any) -> Any:
        check(host.decode() if isinstance(host, bytes) else host)
        return look_up(host, *arguments, **named)

    with (
        mock.patch.object(socket.socket, "connect", guarded_connect),
        mock.patch.object(socket.socket, "connect_ex", guarded_connect_ex),
        mock.patch.object(socket.socket, "sendto", guarded_sendto),
        mock.patch.object(socket, "getaddrinfo", guarded_look_up),
    ):
        yield tried


def _host_of(own: socket.socket, address: Any) -> object:
    return address[0] if own.family in (socket.AF_INET, socket.AF_INET6) else None


def _is_here(host: object) -> bool:
    if host is None or host in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(host).split("%")[0]).is_loopback
    except ValueError:
        return False
