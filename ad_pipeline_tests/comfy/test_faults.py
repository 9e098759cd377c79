"""One test per fault over a real socket: what may pass ends well, what may not says so, no job runs twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ad_pipeline.engines.comfy.client import ComfyNode
from ad_pipeline.engines.comfy.endings import Stalled, concluded
from ad_pipeline.engines.comfy.events import JobProgress
from ad_pipeline.engines.comfy.outputs import OutputFile
from ad_pipeline.engines.comfy.protocol import CancelledThere, Failed, Finished, Running, Unknown
from ad_pipeline.errors import Cancelled, EngineRefused, EngineUnavailable
from ad_pipeline_tests.comfy.graphs import three_nodes
from ad_pipeline_tests.comfy.jobs import ended, finished, is_picture, new_id, until
from ad_pipeline_tests.comfy.server import ComfyServer

pytestmark = pytest.mark.slow


@pytest.fixture
def done(node: ComfyNode) -> Iterator[OutputFile]:
    """The picture of a job that ended well."""
    yield finished(node).outputs[0]


def _running(node: ComfyNode, graph: Any = None) -> str:
    job_id = new_id()
    node.submit(job_id, graph or three_nodes())
    until(lambda: node.state(job_id) == Running())
    return job_id


# --- the WebSocket ------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["silent", "refused", "doubled"])
def test_a_socket_that_fails_changes_nothing_of_the_end(server: ComfyServer, node: ComfyNode, fault: Any) -> None:
    server.faults.socket = fault
    server.behaviour.run_s = 0.4

    began = time.monotonic()
    done = finished(node)

    assert done.outputs
    assert time.monotonic() - began < 0.4 + 1.2
    assert server.submitted() == 1


def test_a_socket_that_is_cut_again_and_again_is_opened_again(server: ComfyServer, node: ComfyNode) -> None:
    server.faults.cut_socket_after = 8
    server.behaviour.run_s, server.behaviour.steps = 1.0, 40
    reports: list[JobProgress] = []

    finished(node, reports=reports, report_every_s=0.05)

    assert server.requests.count("GET /ws") >= 2
    assert any(report.steps for report in reports)


def test_messages_told_twice_are_no_progress(server: ComfyServer, node: ComfyNode) -> None:
    server.faults.socket = "doubled"
    server.behaviour.stall = True

    end = ended(node, _running(node), stall_s=0.3)

    assert isinstance(end, Stalled)


# --- jobs that do not end well ------------------------------------------------------------------


def test_out_of_memory_is_a_passing_fault_that_names_the_node(server: ComfyServer, node: ComfyNode) -> None:
    server.behaviour.out_of_memory = 1
    job_id = new_id()
    node.submit(job_id, three_nodes())

    end = ended(node, job_id)

    assert isinstance(end, Failed)
    assert end.fault == "out_of_memory"
    with pytest.raises(EngineUnavailable, match=r"gpu0 ran out of memory in ImageScale \(node 2"):
        concluded(end, node_name="gpu0", job_id=job_id)
    node.free()
    assert finished(node).outputs


def test_a_job_that_stands_still_is_cancelled(server: ComfyServer, node: ComfyNode) -> None:
    server.behaviour.stall = True
    job_id = _running(node)

    began = time.monotonic()
    end = ended(node, job_id, stall_s=0.5)

    assert isinstance(end, Stalled)
    assert (end.node_id, end.idle_s) == ("2", pytest.approx(0.9, abs=0.5))
    assert time.monotonic() - began < 3.0
    until(lambda: node.state(job_id) == CancelledThere())


def test_a_slow_job_that_moves_is_not_cancelled(server: ComfyServer, node: ComfyNode) -> None:
    server.behaviour.run_s, server.behaviour.steps = 0.7, 14

    assert finished(node, stall_s=0.3).outputs


def test_a_listener_that_is_slow_itself_takes_no_moving_job_for_a_still_one(
    server: ComfyServer, node: ComfyNode
) -> None:
    server.behaviour.run_s, server.behaviour.steps = 0.6, 12
    job_id = _running(node)

    end = node.watch(
        job_id, report=lambda _: time.sleep(0.35), should_stop=lambda: False, stall_s=0.3, report_every_s=0.0
    )

    assert isinstance(end, Finished)


def test_a_slow_job_behind_a_dead_socket_is_given_longer(server: ComfyServer, node: ComfyNode) -> None:
    server.faults.socket = "silent"
    server.behaviour.run_s = 0.6

    assert finished(node, stall_s=0.2).outputs


def test_a_job_that_stands_still_behind_a_dead_socket_is_cancelled_in_the_end(
    server: ComfyServer, node: ComfyNode
) -> None:
    server.faults.socket = "silent"
    server.behaviour.stall = True

    end = ended(node, _running(node), stall_s=0.1)

    assert isinstance(end, Stalled)
    assert end.idle_s >= 6 * 0.1


def test_waiting_is_no_standing_still(server: ComfyServer, node: ComfyNode) -> None:
    server.behaviour.run_s, server.behaviour.steps = 0.6, 12
    _running(node)
    job_id = new_id()
    node.submit(job_id, three_nodes("b"))

    assert isinstance(ended(node, job_id, stall_s=0.3), Finished)


def test_a_job_that_somebody_else_interrupts_may_be_tried_again(server: ComfyServer, node: ComfyNode) -> None:
    server.behaviour.run_s = 30.0
    job_id = _running(node)

    def interrupt() -> None:
        with ComfyNode(node.address) as other:
            other.cancel(job_id)

    somebody = threading.Timer(0.1, interrupt)
    somebody.start()

    end = ended(node, job_id)

    somebody.join()
    assert end == CancelledThere()
    with pytest.raises(EngineUnavailable, match="by somebody else"):
        concluded(end, node_name="gpu0", job_id=job_id)


# --- nodes that go away -------------------------------------------------------------------------


def test_a_node_that_dies_and_comes_back_empty_has_lost_the_job(server: ComfyServer, node: ComfyNode) -> None:
    server.behaviour.run_s = 30.0
    job_id = _running(node)

    def die_and_revive() -> None:
        server.die()
        time.sleep(0.1)
        server.revive()

    killer = threading.Timer(0.1, die_and_revive)
    killer.start()

    end = ended(node, job_id)

    killer.join()
    assert end == Unknown()
    server.behaviour.run_s = 0.0
    assert not node.submit(job_id, three_nodes()).taken_up
    assert isinstance(ended(node, job_id), Finished)


def test_a_node_that_dies_for_good_is_given_up_after_a_while(server: ComfyServer, node: ComfyNode) -> None:
    server.behaviour.run_s = 30.0
    job_id = _running(node)
    killer = threading.Timer(0.2, server.die)
    killer.start()

    began = time.monotonic()
    with pytest.raises(EngineUnavailable, match="cannot be reached"):
        ended(node, job_id, unreachable_s=0.3)

    killer.join()
    assert time.monotonic() - began < 3.0
    server.revive()


def test_a_few_errors_while_watching_are_sat_out(server: ComfyServer, node: ComfyNode) -> None:
    server.behaviour.run_s = 0.5
    job_id = _running(node)
    server.faults.errors_500 = 3

    assert isinstance(ended(node, job_id), Finished)


def test_a_proxy_that_answers_for_a_node_which_restarts_is_sat_out(server: ComfyServer, node: ComfyNode) -> None:
    server.behaviour.run_s = 0.6
    job_id = _running(node)
    server.faults.away, server.faults.socket = True, "silent"
    back = threading.Timer(0.4, lambda: setattr(server.faults, "away", False))
    back.start()

    assert isinstance(ended(node, job_id), Finished)
    back.join()


def test_a_proxy_that_answers_for_good_ends_the_wait(server: ComfyServer, node: ComfyNode) -> None:
    server.behaviour.run_s = 30.0
    job_id = _running(node)
    server.faults.away = True

    with pytest.raises(EngineRefused, match="does not answer like a ComfyUI"):
        ended(node, job_id, unreachable_s=0.3)


def test_a_job_that_is_given_up_is_not_left_running(server: ComfyServer, node: ComfyNode) -> None:
    server.behaviour.run_s = 30.0
    job_id = _running(node)
    server.faults.questions_500 = True

    with pytest.raises(EngineUnavailable, match="answers 500"):
        ended(node, job_id, unreachable_s=0.2)

    server.faults.questions_500 = False
    until(lambda: node.state(job_id) == CancelledThere())


def test_an_error_while_sending_is_not_tried_again_here(server: ComfyServer, node: ComfyNode) -> None:
    server.faults.errors_500 = 1

    with pytest.raises(EngineUnavailable, match="answers 500: 500 Internal Server Error"):
        node.submit(new_id(), three_nodes())

    assert server.submitted() == 0


# --- files that go wrong ------------------------------------------------------------------------


def test_a_cached_result_whose_file_is_gone_is_made_again(server: ComfyServer, node: ComfyNode, tmp_path: Path) -> None:
    job_id = new_id()
    node.submit(job_id, three_nodes())
    gone = concluded(ended(node, job_id), node_name="gpu0", job_id=job_id).outputs[0]
    server.machine.files.clear()

    with pytest.raises(EngineUnavailable, match="no longer has its result probe_00001_.png"):
        node.download(gone, tmp_path / "draft.png", job_id=job_id)

    assert not (tmp_path / "draft.png").exists()
    assert not node.submit(job_id, three_nodes()).taken_up
    again = concluded(ended(node, job_id), node_name="gpu0", job_id=job_id)
    assert not again.cached
    node.download(again.outputs[0], tmp_path / "draft.png", job_id=job_id)
    assert is_picture(tmp_path / "draft.png")


def test_a_corrupt_file_arrives_as_it_is_for_the_check_to_find(
    server: ComfyServer, node: ComfyNode, tmp_path: Path
) -> None:
    server.behaviour.corrupt_files = True

    node.download(finished(node).outputs[0], tmp_path / "draft.png")

    assert not is_picture(tmp_path / "draft.png")


def test_a_file_of_two_gigabytes_is_refused_before_it_is_read(
    server: ComfyServer, node: ComfyNode, done: OutputFile, tmp_path: Path
) -> None:
    server.faults.view_claims_bytes = 2_000_000_000

    with pytest.raises(EngineRefused, match=r"made a file of 2.0 GB \(probe_00001_.png\); at most 1.0 GB"):
        node.download(done, tmp_path / "draft.png")

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_ends_early_leaves_nothing(
    server: ComfyServer, node: ComfyNode, done: OutputFile, tmp_path: Path
) -> None:
    server.faults.view_claims_bytes = 100_000

    with pytest.raises(EngineUnavailable, match="cannot be reached"):
        node.download(done, tmp_path / "draft.png")

    assert list(tmp_path.iterdir()) == []


def test_a_slow_download_arrives_and_can_be_stopped(
    server: ComfyServer, node: ComfyNode, done: OutputFile, tmp_path: Path
) -> None:
    node.download(done, tmp_path / "fast.png")
    size = (tmp_path / "fast.png").stat().st_size
    server.faults.view_bytes_per_s = size / 0.15

    node.download(done, tmp_path / "slow.png")

    assert (tmp_path / "slow.png").read_bytes() == (tmp_path / "fast.png").read_bytes()
    with pytest.raises(Cancelled):
        node.download(done, tmp_path / "stopped.png", should_stop=lambda: True)
    assert not (tmp_path / "stopped.png").exists()


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "..\\x.png"])
def test_a_name_that_leads_out_is_refused_and_nothing_is_fetched(
    server: ComfyServer, node: ComfyNode, name: str
) -> None:
    server.faults.evil_filename = name

    with pytest.raises(EngineRefused, match="leads out of its output folder"):
        finished(node)

    assert "GET /view" not in server.requests
