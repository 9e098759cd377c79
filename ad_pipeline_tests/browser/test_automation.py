"""The chain of sensors and a cancelled ad, through the web server that people use; no browser."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from ad_pipeline_tests.browser.serving import BRIEF, Ui, running_ui, until
from ad_pipeline_tests.comfy.machine import Behaviour
from ad_pipeline_tests.comfy.stocked import nodes_file, stocked

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    with running_ui(tmp_path_factory.mktemp("ui") / "root") as ui:
        yield ui


def test_a_storyboard_with_a_brief_becomes_a_film_by_the_sensors(ui: Ui) -> None:
    ui.add_session("chained")
    began = time.monotonic()
    ui.launch(
        "make_storyboard", {"ops": {"storyboard": {"config": {"brief": dict(BRIEF)}}}},
        partition="chained", assets=["storyboard"],
    )  # fmt: skip

    def finals() -> list[str]:
        return [run["runId"] for run in ui.runs(session="chained") if run["jobName"] == "make_final"]

    [final] = until(finals, within_s=150, what="the run of the final")
    assert ui.ended(final) == "SUCCESS"
    print(f"by the sensors: {time.monotonic() - began:.1f} s")
    runs = ui.runs(session="chained")
    assert [run["status"] for run in runs if run["jobName"] == "make_scene"] == ["SUCCESS"] * 3
    assert ui.takes("chained", "9x16/final.v*.mp4") == ["final.v1.mp4"]


def test_a_cancelled_ad_leaves_nothing_running(ui: Ui) -> None:
    before = len(ui.processes())
    parent = ui.launch("make_ad", {"ops": {"ad": {"config": {"session": "stopped", "brief": dict(BRIEF)}}}})

    def scene_at_work() -> bool:
        runs = ui.runs(session="stopped", parent_run=parent)
        return any(run["jobName"] == "make_scene" and run["status"] == "STARTED" for run in runs)

    until(scene_at_work, within_s=60, what="a scene at work")
    assert len(ui.processes()) > before

    ui.cancel(parent)

    assert ui.ended(parent, within_s=30) == "CANCELED"
    children = ui.runs(session="stopped", parent_run=parent)
    states = {run["jobName"]: run["status"] for run in children if run["status"] != "SUCCESS"}
    assert states == {"make_scene": "CANCELED"}
    # Python's own resource tracker of the code server may stay.
    until(lambda: len(_workers(ui.processes())) <= before, within_s=20, what="the end of the workers")


def test_a_cancelled_ad_takes_its_jobs_from_the_gpu_nodes(ui: Ui) -> None:
    with stocked(Behaviour(run_s=_long_where_it_samples)) as gpu:
        nodes = nodes_file(ui.root / "nodes.toml", {"gpu0": gpu})
        brief = {**BRIEF, "quality": "standard"}
        parent = ui.launch("make_ad", {"ops": {"ad": {"config": {"session": "on_gpus", "brief": brief}}}})

        def at_work() -> bool:
            running = gpu.machine.running
            return running is not None and _long_where_it_samples(running.graph) > 1.0

        until(at_work, within_s=60, what="a job that samples")
        ui.cancel(parent)
        until(lambda: gpu.machine.running is None, within_s=10, what="the end of the job")

        assert ui.ended(parent, within_s=30) == "CANCELED"
        ours = [job for job in gpu.machine.history.values() if _long_where_it_samples(job.graph) > 1.0]
        assert {job.status for job in ours} == {"cancelled"}
        assert not gpu.machine.pending
        nodes.unlink()


def _long_where_it_samples(graph: Mapping[str, Mapping[str, Any]]) -> float:
    return 120.0 if any(node["class_type"] == "KSampler" for node in graph.values()) else 0.05


def _workers(processes: list[psutil.Process]) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for process in processes:
        try:
            if "multiprocessing.resource_tracker" not in " ".join(process.cmdline()):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def test_a_killed_ui_leaves_no_server_behind(tmp_path: Path) -> None:
    with running_ui(tmp_path / "root") as ui:
        servers = ui.processes()
        assert len(servers) >= 3

        ui.process.kill()

        _, alive = psutil.wait_procs(servers, timeout=20)
        assert not alive


def test_a_new_session_without_a_brief_says_where_to_put_it(ui: Ui) -> None:
    ui.add_session("bare")
    run = ui.launch("make_storyboard", {}, partition="bare", assets=["storyboard"])

    assert ui.ended(run) == "FAILURE"
    assert ui.fault(run) == (
        "session 'bare' is new: give its brief in the config, under ops, storyboard, config, brief"
    )
