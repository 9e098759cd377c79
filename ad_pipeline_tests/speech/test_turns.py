"""Who waits for a turn at a server says so."""

from __future__ import annotations

import contextlib
from pathlib import Path

from ad_pipeline.engines.contracts import Job, Progress
from ad_pipeline.engines.speech.catalogue import SpeechServer
from ad_pipeline.engines.speech.turns import turn


def test_who_waits_for_a_turn_is_told_whose(tmp_path: Path) -> None:
    server = SpeechServer(name="elevenlabs", kind="elevenlabs", url="http://127.0.0.1:9")
    told: list[Progress] = []
    first = contextlib.ExitStack()
    first.enter_context(turn(server, Job(job_id="a", kept=tmp_path)))

    def hear(progress: Progress) -> None:
        told.append(progress)
        first.close()

    with turn(server, Job(job_id="b", kept=tmp_path, report=hear)):
        pass

    assert told[0].waits
    assert told[0].note == "waits for a turn at elevenlabs"
