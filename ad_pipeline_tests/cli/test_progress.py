"""What a person sees while an ad is made: above all, why nothing moves."""

from __future__ import annotations

import io
import os
import signal
import sys
import time
from dataclasses import replace
from typing import Any

import pytest

from ad_pipeline.cli.progress import ProgressDisplay
from ad_pipeline.sessions.keys import Kind
from ad_pipeline.stages.workplace import StepReport, StepState

_DOWN = "no node can be used now; it waits up to {} s: node gpu0: http://gpu0:8188 cannot be reached [refused]"


def _report(state: StepState, note: str = "", *, scene: int = 1, kind: Kind = "key_image") -> StepReport:
    return StepReport(
        session_id="ad", scene_id=f"scene_{scene:03}", kind=kind, format="9:16", state=state, note=note, seconds=1.0
    )


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AD_PIPELINE_LANGUAGE", "en")


def test_a_wait_is_told_once_however_many_wait(capsys: pytest.CaptureFixture[str]) -> None:
    display = ProgressDisplay(quiet=False)

    for scene in (1, 2, 3):
        display.hear(_report("waiting", _DOWN.format(600 - scene), scene=scene))

    assert capsys.readouterr().err == f"scene_001 key_image 9:16: {_DOWN.format(599)}\n"


def test_a_wait_is_told_again_after_somebody_got_what_it_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    display = ProgressDisplay(quiet=False)

    ends: list[StepState] = ["degraded", "made", "made"]

    for scene, end in enumerate(ends, start=1):
        display.hear(_report("waiting", _DOWN, scene=scene))
        display.hear(_report("working", scene=scene))
        display.hear(_report(end, "v1", scene=scene))

    assert capsys.readouterr().err.splitlines() == [
        f"scene_001 key_image 9:16: {_DOWN}",
        "scene_001 key_image 9:16: degraded v1 1.00 s",
        "scene_002 key_image 9:16: made v1 1.00 s",
        f"scene_003 key_image 9:16: {_DOWN}",
        "scene_003 key_image 9:16: made v1 1.00 s",
    ]


def test_on_a_terminal_the_wait_stays_above_the_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "70")

    with ProgressDisplay(quiet=False) as display:
        display.hear(_report("waiting", "waits for a node: 3 before it on gpu0"))
        display.hear(_report("waiting", "waits for a node: 2 before it on gpu0"))
        display.hear(_report("working", kind="voice"))

    seen = capsys.readouterr().err
    assert seen.count("scene_001 key_image 9:16: waits for a node: 3 before it on gpu0") == 1
    assert "2 before it" not in seen
    assert "waits" in seen.splitlines()[-2]


def test_work_that_takes_long_says_in_a_log_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    display = ProgressDisplay(quiet=False, long_s=0.1)

    for step in (1, 2, 3):
        display.hear(replace(_report("working", f"KSampler, step {step} of 20"), fraction=step / 20))
        time.sleep(0.06)
    display.hear(_report("made", "v1"))

    assert capsys.readouterr().err.splitlines() == [
        "scene_001 key_image 9:16: 15% KSampler, step 3 of 20",
        "scene_001 key_image 9:16: made v1 1.00 s",
    ]


def test_on_a_terminal_the_step_and_the_time_left_stand_below_the_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "70")

    with ProgressDisplay(quiet=False) as display:
        display.hear(replace(_report("working", "KSampler, step 5 of 20, 12 s left"), fraction=0.25))

    assert "scene_001 key_image  KSampler, step 5 of 20, 12 s left" in capsys.readouterr().err


def test_asked_for_json_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressDisplay(quiet=True) as display:
        display.hear(_report("waiting", _DOWN))
        display.hear(_report("made"))

    assert not capsys.readouterr().err


class _Interrupting(io.RawIOBase):
    """A terminal at which Ctrl-C is hit while a line is written."""

    def __init__(self) -> None:
        self.written = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        if not self.written:
            os.kill(os.getpid(), signal.SIGINT)
        self.written += bytes(data)
        return len(data)


def test_an_interrupt_in_the_middle_of_a_line_is_a_stop_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = _Interrupting()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BufferedWriter(terminal), write_through=True))

    with ProgressDisplay(quiet=False) as display:
        display.hear(_report("waiting", _DOWN))

    assert display.stopped
    assert terminal.written.decode().splitlines()[0] == f"scene_001 key_image 9:16: {_DOWN}"
    assert "stopping: running work ends at its next safe point" in " ".join(terminal.written.decode().split())
