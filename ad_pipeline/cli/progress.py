"""The progress display: a row per scene, a mark per artifact, on standard error."""

from __future__ import annotations

import signal
import sys
import threading
import time
from types import FrameType
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ad_pipeline.messages import but_for_numbers, say
from ad_pipeline.stages.workplace import StepReport

_COLUMNS = ("key_image", "voice", "motion_clip", "lipsync", "sfx")
_MOST_NOTES = 8
_LONG_S = 10.0
"""On no terminal, work that takes longer says how far it is, so often."""
_MARKS = {"made": ("●", "green"), "reused": ("○", "green"), "degraded": ("◐", "yellow"), "failed": ("✗", "red")}


class ProgressDisplay:
    """Shows reports as they come; on no terminal, one line per finished artifact, and now and then of what takes long.

    What somebody waits for is a line of its own, which stays: told once, however many wait for it, and
    again only after somebody got it. Ctrl-C is remembered in `stopped` for the driver to act on, so
    that it can end its workers in order.
    """

    def __init__(self, *, quiet: bool, long_s: float = _LONG_S) -> None:
        self._long_s = long_s
        self._console = Console(file=sys.stderr)
        self._quiet = quiet
        self._live: Live | None = None
        self._cells: dict[tuple[str, str], StepReport] = {}
        self._whole: dict[str, StepReport] = {}
        self._told: set[str] = set()
        """What the person knows is waited for."""
        self._waited: set[str] = set()
        self._told_s: dict[str, float] = {}
        """When it was last told how far each work is, or since when it is worked on."""
        self._lock = threading.Lock()
        self.stopped = False
        self._answer = threading.Thread(target=self._say_stopping, daemon=True)
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> ProgressDisplay:
        self._before = {ask: signal.signal(ask, self._interrupted) for ask in (signal.SIGINT, signal.SIGTERM)}
        if not self._quiet and self._console.is_terminal:
            self._live = Live(self._picture(), console=self._console, refresh_per_second=8, transient=False)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.stopped:
            self._answer.join(1.0)
        if self._live:
            self._live.update(self._picture())
            self._live.stop()
        for ask, before in self._before.items():
            signal.signal(ask, before)

    def hear(self, report: StepReport) -> None:
        """Take one report; called from the thread that reads the workers' queue."""
        with self._lock:
            if report.scene_id:
                self._cells[report.scene_id, report.kind] = report
            else:
                self._whole[report.kind] = report
            line = self._line(report)
        if line and not self._quiet:
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)
        if self._live:
            self._live.update(self._picture())

    def _line(self, report: StepReport) -> str:
        """What is said of it in words; empty for what is only seen."""
        place = " ".join(part for part in (report.scene_id, report.kind, report.format) if part)
        if report.state == "waiting":
            self._waited.add(place)
            alike = but_for_numbers(report.note)  # a place in the line, the seconds that are left
            if alike in self._told:
                return ""
            self._told.add(alike)
            return f"{place}: {report.note}"
        if report.state == "made" and place in self._waited:
            self._told.clear()  # the wait was worth it; another one is news
        if self._live:
            return ""
        if report.state == "working":
            return self._now_and_then(report, place)
        self._told_s.pop(place, None)
        return f"{place}: {say(report.state)} {report.note} {report.seconds:.2f} s"

    def _now_and_then(self, report: StepReport, place: str) -> str:
        now_s = time.monotonic()
        if now_s - self._told_s.setdefault(place, now_s) < self._long_s or not report.note:
            return ""
        self._told_s[place] = now_s
        return f"{place}: {report.fraction:.0%} {report.note}"

    def _interrupted(self, _signal: int, _frame: FrameType | None) -> None:
        if self.stopped:
            raise KeyboardInterrupt  # a second Ctrl-C does not wait for order
        self.stopped = True
        # In a thread: this one may be in the middle of a line, and a stream cannot be written to from within itself.
        self._answer.start()

    def _say_stopping(self) -> None:
        self._console.print(say("stopping: running work ends at its next safe point (Ctrl-C again to leave at once)"))

    def _picture(self) -> Group:
        table = Table(box=None, pad_edge=False, show_header=True, header_style="dim")
        table.add_column("")
        for kind in _COLUMNS:
            table.add_column(kind)
        with self._lock:
            scene_ids = sorted({scene_id for scene_id, _ in self._cells})
            for scene_id in scene_ids:
                table.add_row(scene_id, *(_cell(self._cells.get((scene_id, kind))) for kind in _COLUMNS))
            whole = [Text.assemble(f"{kind}  ", _cell(report)) for kind, report in self._whole.items()]
            notes = [_note(report) for report in self._cells.values() if report.state == "working" and report.note]
        return Group(*whole, table, *notes[:_MOST_NOTES]) if scene_ids else Group(*whole)


def _note(report: StepReport) -> Text:
    """Where work on a GPU is: its step, and how long it will still take."""
    words = f"{report.scene_id} {report.kind}  {report.note}"
    return Text(words, style="dim", no_wrap=True, overflow="ellipsis")


def _cell(report: StepReport | None) -> Text:
    if report is None:
        return Text("·", style="dim")
    if report.state == "waiting":
        return Text(say("waits"), style="yellow")
    if report.state == "working":
        return Text(f"{report.fraction:4.0%}", style="cyan")
    mark, style = _MARKS.get(report.state, ("?", ""))
    return Text(f"{mark} {report.seconds:.1f} s" if report.state != "reused" else mark, style=style)
