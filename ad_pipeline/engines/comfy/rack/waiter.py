"""Who waits for a node in this process, and what of it is still to be written into the list."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ad_pipeline.engines.comfy.graphs import Graph
from ad_pipeline.engines.comfy.rack.entries import Entry, Lease, Left
from ad_pipeline.errors import Cancelled


@dataclass(eq=False, kw_only=True)
class Waiter:
    """One job of this process, from its ask until it gives its node back."""

    graph: Graph
    entry: Entry
    should_stop: Callable[[], bool]
    entered_s: float = field(default_factory=time.monotonic)
    woken: threading.Event = field(default_factory=threading.Event)
    lease: Lease | None = None
    error: Exception | None = None
    news: str = ""
    is_listed: bool = False
    gives_up_s: float | None = None
    """On time.monotonic: until then it waits for nodes that are all down; None while one is up."""
    limit_s: float = 0.0
    """How long that was when it began."""

    def listed(self, now_s: float) -> Entry:
        """What is written of it into the list now, on time.monotonic."""
        return replace(self.entry, waited_s=now_s - self.entered_s)

    def fail(self, error: Exception) -> None:
        self.error = error
        self.woken.set()

    def tell(self, news: str) -> None:
        """What keeps it waiting; told when it is new."""
        if news and news != self.news:
            self.news = news
            self.woken.set()

    def is_stopped(self) -> bool:
        """Whether it was stopped, or failed before; a caller whose question fails is told so, the others go on."""
        try:
            if self.should_stop():
                self.fail(Cancelled("the work was stopped"))
        except Exception as error:  # the caller's own code
            self.fail(error)
        return self.error is not None


@dataclass(kw_only=True)
class Tray:
    """What the next transaction has to write."""

    come: dict[str, Waiter] = field(default_factory=dict[str, Waiter])
    gone: list[tuple[Left, threading.Event]] = field(default_factory=list[tuple[Left, threading.Event]])
    planned: list[Entry] = field(default_factory=list[Entry])
    unplanned: list[str] = field(default_factory=list[str])
    settled: dict[str, bool] = field(default_factory=dict[str, bool])

    def __bool__(self) -> bool:
        return bool(self.come or self.gone or self.planned or self.unplanned or self.settled)

    def put_back(self, other: Tray) -> None:
        """What `other` could not write comes first."""
        self.come = other.come | self.come
        self.gone = other.gone + self.gone
        self.planned, self.unplanned = other.planned + self.planned, other.unplanned + self.unplanned
        self.settled = other.settled | self.settled

    def written(self) -> None:
        """Whoever waits for it to be written may go on."""
        for _, written in self.gone:
            written.set()
