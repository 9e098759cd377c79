"""The WebSocket of one job: progress only, always drained.

A client that does not read blocks a ComfyUI's events for everybody, so the library's own thread
reads without limit and we take from its queue. Two sockets with one client id disturb each other
(the older one's late end takes the newer one's place away), so every submission has an id of its
own, and a connection is closed before its successor is opened.
"""

from __future__ import annotations

from contextlib import ExitStack

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from ad_pipeline.engines.comfy.events import ANNOUNCEMENT, Event, event
from ad_pipeline.engines.comfy.transport import Address

_OPEN_S, _CLOSE_S = 3.0, 0.5
_PING_S, _PONG_S = 20.0, 120.0
"""A server that loads a model may not answer a ping for a minute, and lives."""
_LARGEST_MESSAGE_BYTES = 64 * 1024 * 1024
_MOST_AT_ONCE = 500
"""A server that never stops talking must not keep us from asking it how the job is."""


class SocketGone(Exception):
    """It was not opened, or is no more; the job may be well all the same."""


class ProgressSocket:
    """Opened at once; `close` it."""

    def __init__(self, address: Address, client_id: str) -> None:
        self._open = ExitStack()
        try:
            self._socket = self._open.enter_context(
                connect(
                    address.socket_url(client_id),
                    additional_headers=address.headers,
                    ssl=address.tls(),
                    proxy=None if address.is_loopback else True,
                    compression=None,
                    open_timeout=_OPEN_S,
                    close_timeout=_CLOSE_S,
                    ping_interval=_PING_S,
                    ping_timeout=_PONG_S,
                    max_size=_LARGEST_MESSAGE_BYTES,
                    max_queue=None,
                )
            )
            self._socket.send(ANNOUNCEMENT)
        except (WebSocketException, OSError, ImportError, ValueError) as error:  # the last two: an odd proxy
            self.close()
            raise SocketGone(str(error)) from error

    def listen(self, longest_s: float) -> list[Event]:
        """Wait for a message, then take all that are there; empty when none came or none told anything.

        Raises:
            SocketGone: the connection ended.
        """
        told: list[Event] = []
        try:
            for _ in range(_MOST_AT_ONCE):
                seen = event(self._socket.recv(timeout=0 if told else longest_s))
                if seen is None and not told:
                    return told
                told += [seen] if seen else []
        except TimeoutError:
            pass
        except (WebSocketException, OSError) as error:
            if told:
                return told  # the next call tells that it ended
            raise SocketGone(str(error)) from error
        return told

    def close(self) -> None:
        self._open.close()
