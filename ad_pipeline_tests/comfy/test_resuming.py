"""After a crash: a job that a killed process had on a node is found there, and not sent to another as well."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil

from ad_pipeline.engines.comfy.rack.processes import own_mark
from ad_pipeline.engines.comfy.rack.waiting_list import Entry, NodeView, WaitingList
from ad_pipeline_tests.comfy.rack_parts import ask, database_in, gpu, listed, racked, stage_graph


def _dead_mark() -> str:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        started_s = psutil.Process(process.pid).create_time()
    return f"{own_mark().rsplit('/', 2)[0]}/{process.pid}/{started_s:.2f}"


def test_a_resumed_job_goes_to_its_node_though_that_has_not_answered_yet(tmp_path: Path) -> None:
    asked = ask(estimate_s=1.0)
    entry = Entry(
        job_id=asked.job_id, work=asked.work, graph="key_image", models="m", stage="key_image",
        nodes=frozenset({"gpu1"}),
    )  # fmt: skip
    killed = WaitingList(database_in(tmp_path), mark=_dead_mark())
    killed.exchange(come=[entry], views={"gpu1": NodeView(name="gpu1")})
    killed.close()

    with gpu() as one, gpu() as two, racked(listed(one, two), tmp_path) as rack:
        # What the nodes can run is known, so the job is listed at once; how they are is being asked.
        assert not rack.missing(stage_graph("key_image"), stage="key_image")
        with rack.turn(asked) as turn:
            assert turn.name == "gpu1"
