"""HTTP to a language server: nothing is followed elsewhere, and a local one is asked without any proxy."""

from __future__ import annotations

import asyncio
import functools
import math
import socket
import ssl
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import certifi

from ad_pipeline.engines.language.catalogue import Server
from ad_pipeline.engines.locality import is_own_address

if TYPE_CHECKING:
    import httpx2

CONNECT_S = 5.0
LARGEST_ANSWER_BYTES = 16_000_000
"""A long answer is some 100 kB; an address that streams a radio never ends."""


@dataclass(kw_only=True)
class Seen:
    """What the last response was, before anybody read it."""

    status: int = 0
    content_type: str = ""
    location: str = ""
    after_s: float | None = None
    """How long the server asks to wait before the next try."""

    @property
    def is_web_page(self) -> bool:
        """A proxy, a login or a router answers: no language server speaks HTML."""
        return self.content_type.startswith(("text/html", "application/xhtml"))

    @property
    def sends_elsewhere(self) -> str:
        """The host that a redirect names; empty where the answer is none."""
        if not 300 <= self.status < 400:
            return ""
        return urlsplit(self.location).hostname or self.location or "?"


def seconds_to_wait(retry_after: str, *, now: datetime) -> float | None:
    """What a Retry-After says, a number of seconds or a time of day; None when it says nothing that can be read."""
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            at = parsedate_to_datetime(retry_after)
        except ValueError:
            return None
        seconds = (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None


def client_for(server: Server, *, timeout_s: float, seen: Seen) -> httpx2.AsyncClient:
    """A client for one question; `seen` is kept up to date with what answers.

    Raises:
        ImportError, ValueError: the proxy that the environment names cannot be used.
    """
    import httpx2

    class Limited(httpx2.AsyncByteStream):
        def __init__(self, inner: httpx2.AsyncByteStream) -> None:
            self._inner = inner

        async def __aiter__(self) -> AsyncGenerator[bytes]:
            left = LARGEST_ANSWER_BYTES
            async for piece in self._inner:
                left -= len(piece)
                if left < 0:
                    raise httpx2.ReadError(f"more than {LARGEST_ANSWER_BYTES // 1_000_000} MB came")
                yield piece

        async def aclose(self) -> None:
            await self._inner.aclose()

    async def look(response: httpx2.Response) -> None:
        if isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = Limited(response.stream)
        seen.status = response.status_code
        seen.content_type = response.headers.get("content-type", "").lower()
        seen.location = response.headers.get("location", "")
        seen.after_s = seconds_to_wait(response.headers.get("retry-after", ""), now=datetime.now(UTC))

    return httpx2.AsyncClient(
        timeout=httpx2.Timeout(timeout_s, connect=min(CONNECT_S, timeout_s)),
        trust_env=not server.local,
        follow_redirects=False,
        verify=trusted_by(server),
        # Unpacked on the way, a small answer could be a large one; packed, a stream comes in lumps.
        headers={"accept-encoding": "identity"},
        event_hooks={"response": [look]},
    )


def trusted_by(server: Server) -> ssl.SSLContext:
    """Whose certificates count; nobody's for a plain address, which asks for none."""
    return _certificates() if server.url.startswith("https") else _no_certificates()


@functools.cache
def _certificates() -> ssl.SSLContext:
    """Those of the machine (SSL_CERT_FILE names more) and of certifi: a bare container has none of its own."""
    # 20 ms, so once per process and not for each question.
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


@functools.cache
def _no_certificates() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


async def strangers_behind(url: str) -> list[str]:
    """Addresses outside the own network that the name in `url` leads to now; a name of one's own may be taken over."""
    parts = urlsplit(url)
    found = await asyncio.get_running_loop().getaddrinfo(parts.hostname, parts.port, type=socket.SOCK_STREAM)
    addresses = {str(place[0]).split("%")[0] for *_, place in found}
    return sorted(address for address in addresses if not is_own_address(address))
