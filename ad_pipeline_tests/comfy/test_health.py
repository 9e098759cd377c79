"""The state of a node: when it counts as down and when as up again, and how rarely it is asked."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import accumulate

import pytest

from ad_pipeline.engines.comfy.client import ComfyNode
from ad_pipeline.engines.comfy.rack.config import NodeConfig
from ad_pipeline.engines.comfy.rack.health import HealthWatch, NodeHealth, marked
from ad_pipeline.engines.comfy.rack.probing import probed
from ad_pipeline.engines.comfy.rack.standing import (
    Answered,
    Missed,
    ProbeFailed,
    ProbePassed,
    Seen,
    Standing,
    after,
    wants_probe,
)
from ad_pipeline.messages import Message
from ad_pipeline_tests.comfy.graphs import three_nodes, with_second
from ad_pipeline_tests.comfy.jobs import finished, new_id, until
from ad_pipeline_tests.comfy.server import ComfyServer

_IDLE, _WORKED = Answered(is_idle=True), Answered(is_idle=True, proof_age_s=5.0)
_MISSED, _WRONG = Missed(fault=Message("gone")), Missed(fault=Message("no login"), is_wrong=True)
_FAILED = ProbeFailed(fault=Message("no card"))


def _standings(events: Sequence[Seen]) -> list[Standing]:
    """After each event, one every three seconds."""
    timed = enumerate(events, start=1)
    return list(accumulate(timed, lambda was, at: after(was, at[1], now_s=at[0] * 3.0), initial=Standing()))[1:]


@pytest.mark.parametrize(
    ("events", "ups"),
    [
        ([_IDLE], "u"),
        ([_MISSED], "d"),
        ([_IDLE, _MISSED, _IDLE, _MISSED, _IDLE], "uuuuu"),
        ([_IDLE, _MISSED, _MISSED, _IDLE, _IDLE], "uuddu"),
        ([_IDLE, _MISSED, _MISSED, _IDLE, _MISSED, _IDLE], "uudddd"),
        ([_IDLE, _MISSED, _MISSED, ProbePassed()], "uudu"),
        ([_IDLE, _FAILED, _IDLE, _IDLE, _IDLE, ProbePassed()], "uddddu"),
        ([_IDLE, _FAILED, Answered(is_idle=True, proof_age_s=1.0)], "udu"),
        ([_IDLE, _FAILED, Answered(is_idle=True, proof_age_s=60.0)], "udd"),
    ],
)
def test_when_a_node_is_up(events: list[Seen], ups: str) -> None:
    assert "".join("u" if standing.is_up else "d" for standing in _standings(events)) == ups


def test_a_standing_keeps_its_fault_and_since_when() -> None:
    up, shaken, down, still_down = _standings([_IDLE, _MISSED, _WRONG, _WRONG])

    assert (up.fault, up.since_s) == (None, 3.0)
    assert (str(shaken.fault), shaken.is_up, shaken.since_s) == ("gone", True, 3.0)
    assert (str(down.fault), down.is_wrong, down.since_s) == ("no login", True, 9.0)
    assert still_down.since_s == 9.0


def test_only_an_idle_node_that_did_nothing_lately_is_tried() -> None:
    new, up = Standing(), Standing(is_up=True, is_known=True, probed_s=1000.0)
    down, broken = Standing(is_known=True), Standing(is_known=True, probed_s=1000.0, probe_failed_s=1000.0)

    assert wants_probe(new, _IDLE, now_s=0.0)
    assert not wants_probe(new, _WORKED, now_s=0.0)
    assert not wants_probe(new, Answered(is_idle=False), now_s=0.0)
    assert not wants_probe(up, _IDLE, now_s=1100.0)
    assert wants_probe(up, _IDLE, now_s=2000.0)
    assert not wants_probe(up, _WORKED, now_s=2000.0)
    assert wants_probe(down, _IDLE, now_s=0.0)
    assert not wants_probe(broken, _WORKED, now_s=1010.0)
    assert wants_probe(broken, _WORKED, now_s=1040.0)


# --- against a server ---------------------------------------------------------------------------


@pytest.fixture
def nodes(server: ComfyServer) -> list[NodeConfig]:
    return [NodeConfig(name="gpu0", url=server.url)]


@pytest.fixture
def watch(nodes: list[NodeConfig]) -> Iterator[HealthWatch]:
    """Asks as often as it is looked at, so that no test waits."""
    watch = HealthWatch(lambda: nodes, every_s=0.0, answer_s=2.0)
    yield watch
    watch.close()


def _seen(watch: HealthWatch) -> NodeHealth:
    return watch.look()["gpu0"]


def test_an_idle_node_is_tried_once_and_then_believed(server: ComfyServer, watch: HealthWatch) -> None:
    first, second = _seen(watch), _seen(watch)

    assert first.state == second.state == "available"
    assert first.stats is not None and first.stats.version == "0.33.0"
    assert len(server.machine.runs) == 1


def test_a_second_process_sees_that_the_node_was_tried(server: ComfyServer, nodes: list[NodeConfig]) -> None:
    for _ in range(3):
        watch = HealthWatch(lambda: nodes, every_s=0.0)
        assert _seen(watch).state == "available"
        watch.close()

    assert len(server.machine.runs) == 1


def test_a_busy_node_is_not_tried_and_tells_whose_jobs_it_has(
    server: ComfyServer, node: ComfyNode, watch: HealthWatch
) -> None:
    node.submit(new_id(), with_second("TestSleep", seconds=30.0))
    node.submit(new_id(), three_nodes(), extra=marked("z_image_turbo"))
    until(lambda: server.machine.running is not None)

    health = _seen(watch)

    assert (health.state, health.running, health.pending, health.ours, health.backlog) == ("busy", 1, 1, 1, 2)
    assert server.submitted() == 2


def test_a_node_remembers_the_last_graph(node: ComfyNode, watch: HealthWatch) -> None:
    job_id = new_id()
    node.submit(job_id, three_nodes(), extra=marked("z_image_turbo"))
    node.watch(job_id, report=lambda _: None, should_stop=lambda: False)

    assert _seen(watch).last_graph == "z_image_turbo"
    finished(node)
    assert _seen(watch).last_graph == ""


def test_one_missed_answer_is_no_death_and_two_are(server: ComfyServer, watch: HealthWatch) -> None:
    states = [_seen(watch).state]
    server.faults.errors_500 = 1
    states += [_seen(watch).state, _seen(watch).state]
    server.die()
    states += [_seen(watch).state, _seen(watch).state]
    fault = _seen(watch).fault
    server.revive()
    states += [_seen(watch).state]

    assert states == ["available"] * 4 + ["unavailable", "available"]
    assert "node gpu0" in str(fault) and "cannot be reached" in str(fault)


def test_a_card_that_fails_is_found_out_although_the_server_answers(server: ComfyServer, watch: HealthWatch) -> None:
    server.behaviour.fail = 1

    broken, again = _seen(watch), _seen(watch)

    assert broken.state == again.state == "error"
    assert "failed a trial job: RuntimeError: mat1 and mat2" in str(broken.fault)
    assert len(server.machine.runs) == 1  # it is tried again after half a minute, not at each look


def test_a_trial_job_that_never_ends_is_taken_back(server: ComfyServer, node: ComfyNode) -> None:
    server.behaviour.stall = True

    result = probed(node, extra={}, longest_s=0.3)

    assert isinstance(result, ProbeFailed)
    assert "did not end in 0 s" in str(result.fault)
    until(lambda: server.machine.running is None)


def test_a_server_without_the_blur_is_tried_all_the_same(node: ComfyNode) -> None:
    assert isinstance(probed(node, extra={}), ProbePassed)  # the captured classes have no ImageBlur


def test_a_trial_job_that_was_refused_is_not_sent_again_under_its_id(server: ComfyServer, node: ComfyNode) -> None:
    probed(node, extra={})

    asked_first = [request for request in server.requests if request.startswith("GET /api/jobs/")]
    assert server.submitted() == 2
    assert len(set(asked_first)) >= 2


def test_a_draining_node_is_neither_tried_nor_hidden(server: ComfyServer) -> None:
    nodes = [NodeConfig(name="gpu0", url=server.url, draining=True)]
    watch = HealthWatch(lambda: nodes, every_s=0.0)

    assert (_seen(watch).state, _seen(watch).is_up) == ("draining", True)
    assert server.submitted() == 0
    watch.close()


def test_a_login_that_is_wrong_is_an_error_and_not_a_passing_fault(server: ComfyServer, watch: HealthWatch) -> None:
    server.faults.authorization = "Bearer x"

    health = _seen(watch)

    assert health.state == "error"
    assert "wants a login (401)" in str(health.fault)


def test_a_node_that_hangs_holds_no_other_and_is_not_asked_again_meanwhile(server: ComfyServer) -> None:
    with ComfyServer() as hanging:
        hanging.faults.answer_delay_s = 30.0
        nodes = [NodeConfig(name="hangs", url=hanging.url), NodeConfig(name="gpu0", url=server.url)]
        watch = HealthWatch(lambda: nodes, every_s=0.0, answer_s=30.0)

        began_s = time.monotonic()
        seen = [watch.look(wait_s=0.5) for _ in range(3)]
        took_s = time.monotonic() - began_s
        watch.close()

        assert [health["gpu0"].state for health in seen] == ["available"] * 3
        assert seen[0]["hangs"].state == "unavailable"
        assert "has not answered yet" in str(seen[0]["hangs"].fault)
        assert took_s < 10.0
        assert len(hanging.requests) == 1


def test_however_many_ask_a_node_is_asked_once_in_a_while(server: ComfyServer, nodes: list[NodeConfig]) -> None:
    watch = HealthWatch(lambda: nodes, every_s=60.0)
    for _ in range(50):
        watch.look()
        watch.health("gpu0")
    watch.close()

    assert server.requests.count("GET /system_stats") == 1


def test_nodes_come_and_go_while_it_watches(server: ComfyServer, nodes: list[NodeConfig], watch: HealthWatch) -> None:
    watch.look()
    with ComfyServer() as other:
        nodes.append(NodeConfig(name="gpu1", url=other.url))
        both = watch.look()
        del nodes[0]
        one = watch.look()

    assert (list(both), list(one)) == (["gpu0", "gpu1"], ["gpu1"])
    assert both["gpu1"].state == "available"
    assert "no node 'gpu0' is listed" in str(watch.health("gpu0").fault)
