"""The client against a server that does as it should, and against what is no ComfyUI."""

from __future__ import annotations

import shutil
import signal
import threading
import time
from pathlib import Path

import pytest

from ad_pipeline.engines.comfy.client import ComfyNode
from ad_pipeline.engines.comfy.events import JobProgress
from ad_pipeline.engines.comfy.outputs import OutputFile
from ad_pipeline.engines.comfy.protocol import CancelledThere, Finished, Pending, Running, Unknown
from ad_pipeline.engines.comfy.transport import Address, Transport
from ad_pipeline.errors import Cancelled, EngineRefused, EngineUnavailable, InputRejected
from ad_pipeline_tests.comfy.graphs import three_nodes, with_second
from ad_pipeline_tests.comfy.jobs import ended, finished, is_picture, new_id, until
from ad_pipeline_tests.comfy.server import ComfyServer
from ad_pipeline_tests.comfy.websites import endless, page, self_signed, website


def test_a_graph_becomes_a_file(node: ComfyNode, tmp_path: Path) -> None:
    done = finished(node)

    count = node.download(done.outputs[0], tmp_path / "draft.png")

    assert is_picture(tmp_path / "draft.png")
    assert count == (tmp_path / "draft.png").stat().st_size
    assert done.run_s >= 0.0


# --- never twice --------------------------------------------------------------------------------


def test_a_job_that_the_server_has_is_taken_up_and_not_sent_again(server: ComfyServer, node: ComfyNode) -> None:
    server.behaviour.run_s = 0.2
    waiting, running = new_id(), new_id()
    for job_id in (running, waiting):
        node.submit(job_id, three_nodes(job_id))
    until(lambda: node.state(running) == Running())

    again = [node.submit(job_id, three_nodes(job_id)) for job_id in (running, waiting)]
    ended(node, waiting)
    later = node.submit(running, three_nodes(running))

    assert [one.taken_up for one in (*again, later)] == [True, True, True]
    assert [one.state for one in again] == [Running(), Pending(ahead=1)]
    assert isinstance(later.state, Finished)
    assert server.submitted() == 2


def test_another_process_takes_a_running_job_up_and_hears_how_far_it_is(server: ComfyServer, node: ComfyNode) -> None:
    server.behaviour.run_s, server.behaviour.steps = 0.5, 12
    job_id = new_id()
    node.submit(job_id, three_nodes())
    reports: list[JobProgress] = []

    with ComfyNode(node.address) as second:
        end = ended(second, job_id, reports=reports, graph=three_nodes(), report_every_s=0.05)

    assert isinstance(end, Finished)
    assert any(0.0 < report.fraction < 1.0 for report in reports)
    assert server.submitted() == 1


def test_a_job_that_failed_before_is_sent_again(server: ComfyServer, node: ComfyNode) -> None:
    server.behaviour.fail = 1
    job_id = new_id()
    node.submit(job_id, three_nodes())
    ended(node, job_id)

    again = node.submit(job_id, three_nodes())

    assert not again.taken_up
    assert isinstance(ended(node, job_id), Finished)


def test_an_answer_that_is_lost_is_no_job_lost(server: ComfyServer, node: ComfyNode) -> None:
    for fault in ("queue_then_500", "queue_then_cut"):
        setattr(server.faults, fault, 1)
        job_id = new_id()

        sent = node.submit(job_id, three_nodes(fault))

        assert not isinstance(sent.state, Unknown)
        assert isinstance(ended(node, job_id), Finished)
    assert (server.submitted(), len(server.machine.runs)) == (2, 2)


def test_a_job_of_which_nothing_can_be_learnt_after_it_was_sent_is_not_left_running(
    server: ComfyServer, node: ComfyNode
) -> None:
    server.behaviour.run_s = 30.0
    server.faults.queue_then_500 = 1
    server.faults.questions_500_after_prompt = True

    with pytest.raises(EngineUnavailable, match="answers 500"):
        node.submit(new_id(), three_nodes())

    assert server.submitted() == 1
    until(lambda: not server.machine.running and not server.machine.pending)


def test_an_urgent_job_goes_first_and_carries_its_notes(server: ComfyServer, node: ComfyNode) -> None:
    finished(node, three_nodes("first"))  # takes the number 0, which has no other sign
    server.behaviour.run_s = 0.1
    running, later, urgent = new_id(), new_id(), new_id()
    node.submit(running, three_nodes(running, colour=1))
    node.submit(later, three_nodes(later, colour=2))
    node.submit(urgent, three_nodes(urgent, colour=3), front=True, extra={"ad_pipeline": {"graph": "key_image"}})
    notes = {job.job_id: job.extra.get("ad_pipeline") for job in node.queue().pending}

    ended(node, later)

    order = [job_id for job_id, _, _ in server.machine.runs]
    assert notes[urgent] == {"graph": "key_image"}
    assert order.index(urgent) < order.index(later)


def test_the_node_remembers_what_it_ran_last(node: ComfyNode) -> None:
    assert node.last_extra() == {}
    job_id = new_id()
    node.submit(job_id, three_nodes(), extra={"ad_pipeline": {"graph": "wan"}})
    ended(node, job_id)

    assert node.last_extra()["ad_pipeline"] == {"graph": "wan"}


# --- watching -----------------------------------------------------------------------------------


def test_progress_grows_and_tells_when_it_will_be_done(server: ComfyServer, node: ComfyNode) -> None:
    server.behaviour.run_s, server.behaviour.steps = 0.5, 23
    reports: list[JobProgress] = []

    finished(node, reports=reports, graph=three_nodes(), report_every_s=0.2)

    fractions = [report.fraction for report in reports]
    assert fractions == sorted(fractions)
    assert 2 <= len(reports) <= 5  # not more often than asked for
    assert reports[-1].steps == 23
    assert reports[-1].eta_s is not None
    assert 0 < reports[-1].eta_s < 3


def test_a_waiting_job_tells_how_many_come_before_it(server: ComfyServer, node: ComfyNode) -> None:
    server.behaviour.run_s = 0.2
    first, second = new_id(), new_id()
    node.submit(first, three_nodes("a"))
    node.submit(second, three_nodes("b", colour=2))
    until(lambda: node.state(first) == Running())
    reports: list[JobProgress] = []

    ended(node, second, reports=reports)

    assert reports[0].ahead == 1


def test_stopping_the_work_cancels_the_job_on_the_node(server: ComfyServer, node: ComfyNode) -> None:
    server.behaviour.run_s = 30.0
    job_id = new_id()
    node.submit(job_id, three_nodes())
    until(lambda: node.state(job_id) == Running())
    stop = threading.Timer(0.1, lambda: None)
    stop.start()

    with pytest.raises(Cancelled):
        ended(node, job_id, should_stop=lambda: not stop.is_alive())

    until(lambda: node.state(job_id) == CancelledThere())


def test_a_listener_that_leaves_cancels_the_job_too(server: ComfyServer, node: ComfyNode) -> None:
    server.behaviour.run_s = 30.0
    job_id = new_id()
    node.submit(job_id, three_nodes())

    def leave(_: JobProgress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        node.watch(job_id, report=leave, should_stop=lambda: False)

    until(lambda: not isinstance(node.state(job_id), Running | Pending))


def test_cancelling_tells_whether_there_was_anything_to_cancel(server: ComfyServer, node: ComfyNode) -> None:
    server.behaviour.run_s = 30.0
    running, waiting = new_id(), new_id()
    node.submit(running, three_nodes("a"))
    node.submit(waiting, three_nodes("b", colour=2))
    until(lambda: node.state(running) == Running())

    assert [node.cancel(waiting), node.cancel(running), node.cancel(new_id())] == [True, True, False]
    until(lambda: node.state(running) == CancelledThere())
    assert node.state(waiting) == Unknown()


def test_a_server_from_before_the_jobs_route_is_served_as_well(server: ComfyServer, node: ComfyNode) -> None:
    server.faults.no_jobs_route = True
    server.behaviour.run_s = 0.2
    first, second = new_id(), new_id()
    node.submit(first, three_nodes("a"))
    node.submit(second, three_nodes("b", colour=2))
    until(lambda: node.state(first) == Running())

    assert node.state(second) == Pending(ahead=1)
    assert isinstance(ended(node, first), Finished)
    assert node.cancel(second)
    until(lambda: node.state(second) in (Unknown(), CancelledThere()))
    assert node.state(new_id()) == Unknown()


def test_a_server_that_gives_ids_of_its_own_is_too_old_and_its_job_is_not_left_running(
    server: ComfyServer, node: ComfyNode
) -> None:
    server.faults.own_ids = True
    server.behaviour.run_s = 30.0

    with pytest.raises(EngineRefused, match="its ComfyUI is too old"):
        node.submit(new_id(), three_nodes())

    until(lambda: not server.machine.running and not server.machine.pending)


def test_a_submission_that_is_interrupted_leaves_no_job(server: ComfyServer, node: ComfyNode) -> None:
    server.behaviour.run_s = 30.0
    server.faults.prompt_delay_s = 0.3
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.15)
    try:
        with pytest.raises(KeyboardInterrupt):
            node.submit(new_id(), three_nodes())
    finally:
        signal.signal(signal.SIGALRM, before)

    assert server.submitted() == 1
    until(lambda: not server.machine.running and not server.machine.pending)


# --- refusals -----------------------------------------------------------------------------------


def test_a_partly_valid_graph_is_refused_and_what_runs_of_it_is_cancelled(server: ComfyServer, node: ComfyNode) -> None:
    server.faults.partly_valid = True
    server.behaviour.run_s = 30.0
    job_id = new_id()

    with pytest.raises(EngineRefused, match=r"node 4 \(SaveImage\), input filename_prefix: Required input is missing"):
        node.submit(job_id, three_nodes())

    until(lambda: not isinstance(node.state(job_id), Running | Pending))


def test_a_graph_that_fails_names_its_node(node: ComfyNode) -> None:
    with pytest.raises(
        EngineRefused, match=r"TestSyncError \(node 2 of the graph\) failed on node gpu0: .*Intentional"
    ):
        finished(node, with_second("TestSyncError"))


def test_an_unknown_class_is_named(node: ComfyNode) -> None:
    with pytest.raises(EngineRefused, match="NoSuchNode.*may not be installed"):
        node.submit(new_id(), {"1": {"class_type": "NoSuchNode", "inputs": {}}})


# --- files --------------------------------------------------------------------------------------


def test_a_file_is_sent_once_whatever_its_name(server: ComfyServer, node: ComfyNode, tmp_path: Path) -> None:
    for name, data in (("a.png", b"one"), ("b.PNG", b"one"), ("c.png", b"two")):
        (tmp_path / name).write_bytes(data)

    names = [node.upload(tmp_path / name) for name in ("a.png", "b.PNG", "c.png")]

    assert names[0] == names[1] != names[2]
    assert names[0].startswith("ad_pipeline/")
    assert server.requests.count("POST /upload/image") == 2
    assert sorted(server.uploads.values()) == [b"one", b"two"]


def test_a_large_file_that_another_process_sent_is_not_sent_again(
    server: ComfyServer, node: ComfyNode, tmp_path: Path
) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"x" * 100_000)
    name = node.upload(tmp_path / "clip.mp4")

    with ComfyNode(node.address) as second:
        assert second.upload(tmp_path / "clip.mp4") == name
    assert server.requests.count("POST /upload/image") == 1


def test_a_half_sent_file_is_sent_whole(server: ComfyServer, node: ComfyNode, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"x" * 100_000)
    name = node.upload(tmp_path / "clip.mp4").removeprefix("ad_pipeline/")
    server.uploads["input", "ad_pipeline", name] = b"x" * 50_000

    with ComfyNode(node.address) as second:
        second.upload(tmp_path / "clip.mp4")

    assert len(server.uploads["input", "ad_pipeline", name]) == 100_000


def test_a_file_too_large_for_a_server_is_refused_unread(node: ComfyNode, tmp_path: Path) -> None:
    with (tmp_path / "huge.mp4").open("wb") as file:
        file.truncate(200_000_000)

    with pytest.raises(EngineRefused, match="huge.mp4 has 200 MB"):
        node.upload(tmp_path / "huge.mp4")


def test_the_node_tells_its_classes_and_cards(node: ComfyNode) -> None:
    assert "SaveVideo" in node.object_info()
    stats = node.system_stats()
    assert (stats.version, stats.devices[0].kind) == ("0.33.0", "cpu")


# --- what is no ComfyUI -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:8188", "ftp://host", "http://", "http://host:8188/?token=1", "http://a b", "http://host:99999",
     "http://[::1", "http://host:port", "http://host\n"],
)  # fmt: skip
def test_a_url_that_cannot_be_one_is_refused_by_its_field(url: str) -> None:
    with pytest.raises(InputRejected, match="gpu7") as refused:
        Address(name="gpu7", url=url)

    assert refused.value.field == "nodes.gpu7.url"


def test_a_password_in_the_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(InputRejected) as refused:
        Address(name="gpu0", url="http://me:secret@host:8188")

    assert "secret" not in str(refused.value)
    assert "secret" not in repr(Address(name="gpu0", url="http://host", auth="Bearer secret"))


def test_another_website_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    with website(page()) as url, ComfyNode(Address(name="gpu0", url=url)) as node:
        for ask in (
            node.system_stats,
            node.object_info,
            node.queue,
            lambda: node.state(new_id()),
            lambda: node.submit(new_id(), three_nodes()),
        ):
            with pytest.raises(EngineRefused, match="does not answer like a ComfyUI"):
                ask()
        with pytest.raises(EngineRefused, match="does not take the file"):
            node.upload(tmp_path / "a.png")


def test_an_answer_without_an_end_is_not_read_to_it() -> None:
    with website(endless()) as url:
        there = Transport(Address(name="gpu0", url=url), largest_answer_bytes=1_000_000)
        with pytest.raises(EngineRefused, match="an answer without an end"):
            there.get("/system_stats")
        there.close()


def test_an_answer_that_trickles_is_not_waited_for_to_its_end() -> None:
    with (
        website(endless(pause_s=0.02, portion_bytes=10)) as url,
        ComfyNode(Address(name="gpu0", url=url), answer_s=0.2) as node,
        pytest.raises(EngineUnavailable, match="did not answer in time"),
    ):
        node.system_stats()


def test_a_file_that_does_not_say_how_long_it_is_is_refused_at_the_limit(tmp_path: Path) -> None:
    file = OutputFile(node_id="1", filename="a.mp4", subfolder="", place="output", media="video")
    with (
        website(endless()) as url,
        ComfyNode(Address(name="gpu0", url=url)) as node,
        pytest.raises(EngineRefused, match=r"\(a.mp4\); at most 0.0 GB"),
    ):
        node.download(file, tmp_path / "draft.mp4", largest_bytes=1_000_000)

    assert list(tmp_path.iterdir()) == []


def test_a_slow_file_is_left_as_soon_as_the_work_is_stopped(tmp_path: Path) -> None:
    file = OutputFile(node_id="1", filename="a.mp4", subfolder="", place="output", media="video")
    stop = threading.Timer(0.1, lambda: None)
    stop.start()
    began = time.monotonic()
    with (
        website(endless(pause_s=0.02, portion_bytes=100)) as url,
        ComfyNode(Address(name="gpu0", url=url)) as node,
        pytest.raises(Cancelled),
    ):
        node.download(file, tmp_path / "draft.mp4", should_stop=lambda: not stop.is_alive())

    assert time.monotonic() - began < 1.0


def test_a_proxy_that_cannot_be_used_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "nonsense://proxy")

    with pytest.raises(InputRejected, match="node far: the proxy that the environment names .*nonsense"):
        ComfyNode(Address(name="far", url="http://192.0.2.1:8188"))


def test_a_node_that_another_thread_closed_is_no_crash(node: ComfyNode) -> None:
    node.close()

    with pytest.raises(EngineUnavailable, match="gpu0 is not used any longer"):
        node.queue()


def test_a_login_is_asked_for_by_the_name_of_its_variable(server: ComfyServer) -> None:
    server.faults.authorization = "Bearer right"

    with (
        ComfyNode(Address(name="gpu0", url=server.url, auth="Bearer wrong", auth_variable="RACK_AUTH")) as node,
        pytest.raises(EngineRefused, match=r"refuses the login \(401\) that RACK_AUTH holds") as refused,
    ):
        node.system_stats()

    assert "wrong" not in str(refused.value)
    with ComfyNode(Address(name="gpu0", url=server.url, auth="Bearer right")) as node:
        server.behaviour.run_s = 0.4
        assert isinstance(finished(node), Finished)


def test_nobody_listening_is_a_passing_fault(server: ComfyServer, node: ComfyNode) -> None:
    server.die()

    with pytest.raises(EngineUnavailable, match="gpu0.*cannot be reached"):
        node.submit(new_id(), three_nodes())
    server.revive()


def test_https_where_none_is_spoken_is_said_so(server: ComfyServer) -> None:
    with (
        ComfyNode(Address(name="gpu0", url=server.url.replace("http", "https"))) as node,
        pytest.raises(EngineRefused, match="speaks no https; is it http://127"),
    ):
        node.system_stats()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="a certificate is made with openssl")
def test_a_certificate_that_nobody_signed_is_refused(tmp_path: Path) -> None:
    with (
        ComfyServer(tls=self_signed(tmp_path)) as server,
        ComfyNode(Address(name="gpu0", url=server.url)) as node,
        pytest.raises(EngineRefused, match="certificate of https://.* is not trusted"),
    ):
        node.system_stats()
