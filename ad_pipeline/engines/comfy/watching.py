"""Watch one job until it ended, moved or not.

/api/jobs is the truth; the WebSocket only makes the wait short and tells how far the job is. So a
socket that is silent, cut, doubled or never opened changes how soon we know, not what we know.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from ad_pipeline.engines.comfy.endings import JobEnd, Stalled
from ad_pipeline.engines.comfy.events import Event, JobProgress, after, weights_of
from ad_pipeline.engines.comfy.progress_socket import ProgressSocket, SocketGone
from ad_pipeline.engines.comfy.protocol import (
    CancelledThere,
    Failed,
    Finished,
    JobState,
    Pending,
    Running,
    Unknown,
)
from ad_pipeline.engines.comfy.transport import Address
from ad_pipeline.errors import Cancelled, EngineError, EngineUnavailable, StrangeAnswer

REPORT_EVERY_S = 1.0
STALL_S = 300.0
BLIND_STALLS = 6
"""Without a working socket a job that moves looks like one that stands: it gets so many times longer."""
UNREACHABLE_S = 30.0
_SOCKETLESS_S = 0.04
"""A job that is done by then needs no socket: opening and closing one costs as much as a cached job."""
_STOP_CHECK_S = 0.25
_LEAST_SHARE = 0.05
_FIRST_STEP = 2
"""At the first one the server may not have told yet what it did before."""
_SETTLING_S = 0.02
_FIRST_POLL_S, _LONGEST_BLIND_POLL_S, _POLL_IN_LINE_S, _POLL_WITH_SOCKET_S = 0.001, 2.0, 1.0, 5.0
_FIRST_SOCKET_PAUSE_S, _LONGEST_SOCKET_PAUSE_S = 0.25, 30.0
_QUIET_S, _LONGEST_QUIET_S = 20.0, 320.0


class Watched(Protocol):
    """What a watch needs of a node."""

    @property
    def address(self) -> Address: ...

    def state(self, job_id: str) -> JobState: ...

    def cancel(self, job_id: str) -> bool: ...

    def client_id(self, job_id: str) -> str: ...


def watch(
    node: Watched,
    job_id: str,
    *,
    report: Callable[[JobProgress], None],
    should_stop: Callable[[], bool],
    graph: Mapping[str, Any] | None = None,
    stall_s: float = STALL_S,
    unreachable_s: float = UNREACHABLE_S,
    report_every_s: float = REPORT_EVERY_S,
) -> JobEnd:
    """Wait for the job's end, telling `report` how far it is, at most once in `report_every_s`.

    Leaving by any error or interruption cancels the job on its node, where that can be reached.

    Raises:
        Cancelled: `should_stop` said so.
        EngineUnavailable: the node could not be reached for `unreachable_s`.
    """
    progress = JobProgress(job_id=job_id, weights=weights_of(graph or {}))
    watching = _Watch(
        node, progress, report=report, should_stop=should_stop, stall_s=stall_s, unreachable_s=unreachable_s,
        report_every_s=report_every_s,
    )  # fmt: skip
    try:
        return watching.until_ended()
    except BaseException:
        cancel_quietly(node, job_id)  # whoever tries again does so under another id: this one would run for nobody
        raise
    finally:
        watching.close()


def cancel_quietly(node: Watched, job_id: str) -> None:
    """Cancel what may not be there any more, on a node that may not answer."""
    with contextlib.suppress(EngineError):
        node.cancel(job_id)


class _Watch:
    """The state of one watch; times are of time.monotonic."""

    def __init__(
        self, node: Watched, progress: JobProgress, *, report: Callable[[JobProgress], None],
        should_stop: Callable[[], bool], stall_s: float, unreachable_s: float, report_every_s: float,
    ) -> None:  # fmt: skip
        now = time.monotonic()
        self._node, self._progress = node, progress
        self._report, self._should_stop = report, should_stop
        self._stall_s, self._unreachable_s, self._report_every_s = stall_s, unreachable_s, report_every_s
        self._socket: ProgressSocket | None = None
        self._open_socket_at, self._socket_pause_s = now + _SOCKETLESS_S, _FIRST_SOCKET_PAUSE_S
        self._polls_since, self._poll_at = now, now + _FIRST_POLL_S
        self._unreachable_since: float | None = None
        self._runs_since: float | None = None
        self._moved_at = self._heard_at = self._opened_at = now
        self._hears_job = False
        """Whether this connection has told anything of our job."""
        self._quiet_s = self._shortest_quiet_s = min(_QUIET_S, stall_s / 4)
        self._first_seen: tuple[float, float] | None = None
        self._idle_seen_at: float | None = None
        self._reported: JobProgress | None = None
        self._report_at = self._poll_at  # nothing is told before the first answer

    def close(self) -> None:
        if self._socket:
            self._socket.close()
        self._socket = None

    def until_ended(self) -> JobEnd:
        while True:
            if self._should_stop():
                raise Cancelled("the work was stopped")
            now = time.monotonic()
            if now >= self._poll_at:
                end = self._polled(now)
                if end:
                    return end
            if self._is_stalled(now):
                cancel_quietly(self._node, self._progress.job_id)
                return Stalled(node_id=self._progress.node_id, idle_s=now - self._moved_at)
            self._tend_socket(now)
            self._tell(now)  # may take its time: right after it the socket is read, before anything is judged
            self._listen(min(self._poll_at - time.monotonic(), _STOP_CHECK_S))

    # --- the truth ----------------------------------------------------------------------------

    def _polled(self, now: float) -> JobEnd | None:
        try:
            state = self._node.state(self._progress.job_id)
        except (EngineUnavailable, StrangeAnswer):  # it took the job; a proxy may answer for it while it restarts
            self._unreachable_since = self._unreachable_since or now
            if now - self._unreachable_since >= self._unreachable_s:
                raise
            self._poll_later()
            return None
        self._unreachable_since = None
        match state:
            case Pending(ahead=ahead):
                self._progress = replace(self._progress, ahead=ahead)
                self._moved_at = self._heard_at = now
            case Running():
                if self._runs_since is None:
                    self._runs_since = self._moved_at = self._heard_at = now
                self._progress = replace(self._progress, ahead=None)
            case Finished() | Failed() | CancelledThere() | Unknown():
                return state
        self._poll_later()
        return None

    def _poll_later(self) -> None:
        """Ask again after a fifth of the time waited so far, so that an end is noticed in proportion."""
        now = time.monotonic()  # the answer took its time, too: a busy server is not asked without a pause
        pause_s = min(max(_FIRST_POLL_S, (now - self._polls_since) / 5), _LONGEST_BLIND_POLL_S)
        if self._hears_job and not self._progress.left:
            pause_s = _POLL_WITH_SOCKET_S
        elif self._socket and self._progress.ahead:
            pause_s = max(pause_s, _POLL_IN_LINE_S)  # its beginning will be told; a thousand may wait
        self._poll_at = now + pause_s

    # --- the socket ---------------------------------------------------------------------------

    def _tend_socket(self, now: float) -> None:
        """Open the socket when it is due, and anew when it has been silent for too long."""
        if self._socket:
            is_quiet = self._runs_since is not None and now - self._heard_at >= self._quiet_s
            if not is_quiet:
                return
            # A new connection is told at once which node runs: that tells a dead socket from a slow job.
            self._quiet_s = min(2 * self._quiet_s, _LONGEST_QUIET_S)
            self._heard_at = now
            self._drop_socket(now, again_s=0.0)
        if now >= self._open_socket_at and not self._unreachable_since:
            try:
                self._socket = ProgressSocket(self._node.address, self._node.client_id(self._progress.job_id))
                self._socket_pause_s, self._opened_at = _FIRST_SOCKET_PAUSE_S, now
            except (SocketGone, EngineUnavailable, StrangeAnswer):
                self._drop_socket(now)

    def _drop_socket(self, now: float, *, again_s: float | None = None) -> None:
        self.close()
        self._hears_job = False
        self._open_socket_at = now + (self._socket_pause_s if again_s is None else again_s)
        self._socket_pause_s = min(2 * self._socket_pause_s, _LONGEST_SOCKET_PAUSE_S)

    def _listen(self, longest_s: float) -> None:
        longest_s = max(0.0, longest_s)
        if not self._socket:
            opens_in_s = self._open_socket_at - time.monotonic()
            time.sleep(min(longest_s, opens_in_s) if opens_in_s > 0 else longest_s)
            return
        try:
            events = self._socket.listen(longest_s)
        except SocketGone:
            now = time.monotonic()
            self._drop_socket(now)
            self._poll_at = min(self._poll_at, now)  # a dying server cuts its sockets first
            return
        for event in events:
            self._take(event)

    def _take(self, event: Event) -> None:
        if event.job_id not in ("", self._progress.job_id):
            return
        now = time.monotonic()
        was, self._progress = self._progress, after(self._progress, event)
        self._hears_job, self._heard_at = True, now
        self._runs_since = self._runs_since or now
        if self._progress != was:
            self._moved_at, self._quiet_s = now, self._shortest_quiet_s
        if self._progress.settled and not was.settled:
            self._poll_at = self._polls_since = now
        elif self._progress.left and not was.left:
            self._poll_at, self._polls_since = now + _SETTLING_S, now

    # --- what is told and when it is given up ---------------------------------------------------

    def _tell(self, now: float) -> None:
        if now < self._report_at or self._progress == self._reported:
            return
        self._reported, self._report_at = self._progress, now + self._report_every_s
        self._report(replace(self._progress, eta_s=self._left_s(now)))

    def _left_s(self, now: float) -> float | None:
        """How long it will still take, at the speed since we first saw steps: loading models tells nothing of it."""
        fraction = self._progress.fraction
        if self._runs_since is None or not (self._first_seen or self._progress.step >= _FIRST_STEP):
            return None
        self._first_seen = self._first_seen or (self._moved_at, fraction)
        since, then = self._first_seen
        if fraction >= 1.0 or fraction - then < _LEAST_SHARE:
            return None
        left_s = (self._moved_at - since) * (1 - fraction) / (fraction - then)
        return max(0.0, left_s - (now - self._moved_at))  # between two steps it counts down

    def _is_stalled(self, now: float) -> bool:
        if self._runs_since is None or self._unreachable_since or not self._is_idle(now):
            self._idle_seen_at = None
            return False
        # Seen twice, with the socket read in between: after a pause of our own its news lies unread.
        self._idle_seen_at = self._idle_seen_at or now
        return now - self._idle_seen_at >= min(_STOP_CHECK_S, self._stall_s / 4)

    def _is_idle(self, now: float) -> bool:
        idle_s = now - self._moved_at
        if self._hears_job and now - self._opened_at >= self._stall_s / 2:
            return idle_s >= self._stall_s
        # Nothing was told, or not for long enough to tell a job that stands from a message missed.
        return idle_s >= BLIND_STALLS * self._stall_s
