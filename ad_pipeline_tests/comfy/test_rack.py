"""The rack on real servers: who gets which node, across processes, deaths and changes of the list."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ad_pipeline.engines.comfy.client import ComfyNode
from ad_pipeline.engines.comfy.graphs import Graph
from ad_pipeline.engines.comfy.rack.config import NodeConfig
from ad_pipeline.engines.comfy.rack.desk import Desk
from ad_pipeline.engines.comfy.rack.entries import Entry, Left
from ad_pipeline.engines.comfy.rack.fitness import Fitness
from ad_pipeline.engines.comfy.rack.health import HealthWatch
from ad_pipeline.engines.comfy.rack.rack import Ask, Rack
from ad_pipeline.engines.comfy.rack.waiter import Waiter
from ad_pipeline.engines.comfy.rack.waiting_list import WaitingList
from ad_pipeline.engines.comfy.running import run_graph
from ad_pipeline.engines.comfy.transport import Address
from ad_pipeline.engines.contracts import Job, Progress
from ad_pipeline.errors import Cancelled, EngineRefused, EngineUnavailable, NobodyThere, OutOfMemory
from ad_pipeline_tests.comfy.jobs import is_picture, new_id, until
from ad_pipeline_tests.comfy.rack_parts import Listed, ask, database_in, gpu, listed, racked, run_on, stage_graph
from ad_pipeline_tests.comfy.server import ComfyServer


class _Holder:
    """Takes a turn in a thread and keeps it until told."""

    def __init__(self, rack: Rack, asked: Ask) -> None:
        self.given = threading.Event()
        self._release = threading.Event()
        self.node = ""
        self._rack, self._asked = rack, asked
        self.stopped = threading.Event()
        self.notes: list[str] = []
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._hold, daemon=True)
        self._thread.start()

    def _hold(self) -> None:
        def report(progress: Progress) -> None:
            self.notes.append(progress.note)

        try:
            with self._rack.turn(self._asked, report=report, should_stop=self.stopped.is_set) as turn:
                self.node = turn.name
                self.given.set()
                self._release.wait(20)
        except Exception as error:
            self.error = error

    def release(self) -> None:
        self._release.set()
        self._thread.join(10)

    def ended(self) -> Exception | None:
        self._thread.join(10)
        assert not self._thread.is_alive()
        return self.error


def _client(folder: Path, servers: Sequence[ComfyServer], jobs: list[dict[str, Any]]) -> subprocess.Popen[str]:
    told = {
        "nodes": {f"gpu{number}": server.url for number, server in enumerate(servers)},
        "folder": str(folder), "jobs": jobs,
    }  # fmt: skip
    command = [sys.executable, "-m", "ad_pipeline_tests.comfy.rack_client", json.dumps(told)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_turn_runs_a_job_and_tells_the_node_what_it_loaded(tmp_path: Path) -> None:
    with gpu() as server, racked(listed(server), tmp_path) as rack:
        asked = ask("lipsync")

        with rack.turn(asked) as turn:
            draft = run_on(turn, asked, tmp_path, seconds=0.01)

        assert is_picture(draft)
        assert (turn.name, turn.swapped, turn.front) == ("gpu0", True, False)
        assert turn.node.last_extra()["ad_pipeline"] == {"graph": "lipsync"}


def test_the_next_job_waits_on_the_node_while_one_runs_and_nobody_else(tmp_path: Path) -> None:
    with gpu() as server, racked(listed(server), tmp_path) as rack:
        first, second, third = (_Holder(rack, ask()) for _ in range(3))
        until(lambda: sum(one.given.is_set() for one in (first, second, third)) == 2)
        time.sleep(0.1)
        waits = next(one for one in (first, second, third) if not one.given.is_set())
        has = next(one for one in (first, second, third) if one.given.is_set())

        has.release()

        assert waits.given.wait(5)
        for one in (first, second, third):
            one.release()


def test_the_models_that_are_loaded_decide_the_order(tmp_path: Path) -> None:
    with gpu(load_s=0.05) as one, gpu(load_s=0.05) as two, racked(listed(one, two), tmp_path) as rack:
        asks = [ask(stage, estimate_s=0.05) for _ in range(8) for stage in ("key_image", "lipsync")]

        def made(asked: Ask) -> None:
            with rack.turn(asked) as turn:
                run_on(turn, asked, tmp_path, seconds=0.05)

        with ThreadPoolExecutor(len(asks)) as threads:
            list(threads.map(made, asks))

        assert len(one.machine.runs) + len(two.machine.runs) == 16
        assert one.machine.model_loads + two.machine.model_loads <= 4


def test_what_no_node_can_run_is_refused_with_what_is_missing(tmp_path: Path) -> None:
    with gpu(models=("key_image",)) as one, gpu(models=("key_image",)) as two:
        nodes = listed(one, two)
        with racked(nodes, tmp_path) as rack:
            missing = r"lipsync.safetensors is not there; get it from https://.*gpu1"
            with pytest.raises(EngineRefused, match=missing), rack.turn(ask("lipsync")):
                pass

            assert not rack.missing()
            assert not rack.missing(stage_graph("key_image"))
            assert "lipsync.safetensors" in str(rack.missing(stage_graph("lipsync")))
            nodes.nodes = [replace(node, stages=("sfx",), vram_gb=12.0) for node in nodes.nodes]
            with pytest.raises(EngineRefused, match="gpu0 is kept for sfx"), rack.turn(ask("key_image")):
                pass
            assert "needs 24 GB of GPU memory" in str(rack.missing(stage_graph("key_image", vram_gb=24)))
            nodes.nodes = []
            assert "nodes.toml" in str(rack.missing())
            with pytest.raises(EngineRefused, match=r"nodes\.toml"), rack.turn(ask()):
                pass


def test_a_node_whose_certificate_or_classes_are_nonsense_is_no_wait_without_end(tmp_path: Path) -> None:
    (tmp_path / "own.pem").write_text("no certificate", encoding="utf-8")
    with gpu() as server, gpu() as other:
        other.classes = {"TestLoader": {"input": {"required": 5}}, "TestRun": None, "SaveImage": []}
        nodes = listed(server, other)
        nodes.nodes[0] = replace(nodes.nodes[0], url="https://127.0.0.1:9", certificate=tmp_path / "own.pem")
        with racked(nodes, tmp_path) as rack, pytest.raises(EngineRefused) as caught, rack.turn(ask()):
            pass

    assert "the certificate" in str(caught.value) and "own.pem" in str(caught.value)
    assert "gpu1" in str(caught.value)


def test_a_stage_goes_only_to_the_nodes_that_are_pinned_to_it(tmp_path: Path) -> None:
    with gpu() as one, gpu() as two:
        nodes = listed(one, two)
        nodes.nodes[0] = replace(nodes.nodes[0], stages=("sfx",))
        nodes.nodes[1] = replace(nodes.nodes[1], graphs=("key_image",))
        with racked(nodes, tmp_path) as rack:
            holders = [_Holder(rack, ask(stage)) for stage in ("sfx", "key_image", "sfx", "key_image")]
            until(lambda: all(one.given.is_set() for one in holders))

            assert [one.node for one in holders] == ["gpu0", "gpu1", "gpu0", "gpu1"]
            for one_holder in holders:
                one_holder.release()


@pytest.mark.slow
def test_when_all_nodes_are_down_it_waits_and_says_so_once_then_gives_up(tmp_path: Path) -> None:
    with gpu() as server, racked(listed(server), tmp_path, patience_s=2.0) as rack:
        with rack.turn(ask()):
            pass
        server.die()
        until(lambda: rack_state(rack) == "unavailable")
        holder = _Holder(rack, ask())

        error = holder.ended()

        server.revive()
    assert isinstance(error, NobodyThere)
    assert "cannot be reached" in str(error)
    assert len(holder.notes) == 1
    assert "no node can be used now" in holder.notes[0]


@pytest.mark.slow
def test_who_comes_late_does_not_wait_for_dead_nodes_all_over_again(tmp_path: Path) -> None:
    with gpu() as server, racked(listed(server), tmp_path, patience_s=20.0) as rack:
        server.die()
        first = _Holder(rack, ask("motion_clip"))
        until(lambda: bool(first.notes))
        time.sleep(2.0)

        late = _Holder(rack, ask("key_image"))
        until(lambda: bool(late.notes))
        server.revive()

        assert first.notes[0].startswith("no node can be used now; it waits up to 20 s: node gpu0")
        assert late.notes[0].startswith("no node can be used now; it waits up to 1")
        for one in (first, late):
            assert one.given.wait(10)
            one.release()


def rack_state(rack: Rack) -> str:
    return rack._health.health("gpu0").state  # pyright: ignore[reportPrivateUsage]  # the test's own watch


def both_known(rack: Rack) -> None:
    """Until the first answers are there, a rack of two is a rack of one."""
    holders = [_Holder(rack, ask()) for _ in range(4)]
    until(lambda: all(one.given.is_set() for one in holders))
    for one in holders:
        one.release()


def test_a_node_that_comes_back_is_used(tmp_path: Path) -> None:
    with gpu() as server:
        server.die()
        with racked(listed(server), tmp_path) as rack:
            holder = _Holder(rack, ask())
            assert not holder.given.wait(0.5)

            server.revive()

            until(holder.given.is_set, longest_s=15)
            holder.release()


def test_a_node_that_dies_gives_its_work_to_another(tmp_path: Path) -> None:
    with gpu() as one, gpu() as two, racked(listed(one, two), tmp_path) as rack:
        servers, nodes = {"gpu0": one, "gpu1": two}, list[str]()
        both_known(rack)

        def attempt(number: int) -> None:
            asked = ask(job_id=new_id(), work="scene 1")
            with rack.turn(asked) as turn:
                nodes.append(turn.name)
                if not number:
                    servers[turn.name].die()
                bound = asked.graph.bound({"seconds": 0.01, "seed": number}, prefix="x")
                run_graph(turn.node, bound, Job(job_id=asked.job_id), {"picture": tmp_path / "a.png"})

        with pytest.raises(EngineUnavailable):
            attempt(0)
        attempt(1)
        servers[nodes[0]].revive()

    assert sorted(nodes) == ["gpu0", "gpu1"]
    assert is_picture(tmp_path / "a.png")


def test_where_memory_ran_out_the_smaller_graph_may_still_go(tmp_path: Path) -> None:
    with gpu() as one, gpu() as two, racked(listed(one, two), tmp_path) as rack:
        both_known(rack)
        large, smaller = (replace(stage_graph("key_image"), name=name) for name in ("large", "smaller"))

        def node_for(graph: Graph) -> str:
            with rack.turn(ask(work="scene 1", graph=graph, estimate_s=5.0)) as turn:
                return turn.name

        with pytest.raises(OutOfMemory), rack.turn(ask(work="scene 1", graph=large, estimate_s=5.0)) as turn:
            raise OutOfMemory("it did not fit", engine="comfyui")

        assert node_for(smaller) == turn.name, "it has the models loaded"
        assert node_for(large) != turn.name


@pytest.mark.slow
def test_who_was_taken_for_dead_while_it_slept_is_listed_again(tmp_path: Path) -> None:
    with gpu() as server, ComfyNode(Address(name="gpu0", url=server.url)) as node:
        nodes = listed(server)
        health = HealthWatch(nodes, every_s=0.2, may_probe=False)
        desk = Desk(
            open_list=lambda: WaitingList(database_in(tmp_path), heartbeat_s=0.1), nodes=nodes, health=health,
            fitness=Fitness(lambda _: node), comfy=lambda _: node, patience_s=60.0, look_every_s=0.01,
        )  # fmt: skip
        graph = stage_graph("key_image")
        entries = [Entry(job_id=new_id(), work="", graph="g", models="m", stage="key_image") for _ in range(3)]
        waiters = [Waiter(graph=graph, entry=entry, should_stop=lambda: False) for entry in entries]
        for waiter in waiters:
            desk.enter(waiter)
        until(lambda: sum(waiter.lease is not None for waiter in waiters) == 2)

        with sqlite3.connect(tmp_path / "rack.sqlite") as rows:  # what a sweep of another host does
            rows.execute("DELETE FROM rack_jobs WHERE state = 'waiting'")
            rows.execute("UPDATE rack_jobs SET state = 'orphan', process = ''")
            rows.execute("DELETE FROM rack_processes")
        rows.close()
        desk.leave(Left(job_id=next(waiter for waiter in waiters if waiter.lease).entry.job_id))

        until(lambda: all(waiter.lease for waiter in waiters))
        desk.close()
        health.close()


def test_a_cancelled_job_is_no_fault_of_its_node(tmp_path: Path) -> None:
    with gpu() as one, gpu() as two, racked(listed(one, two), tmp_path) as rack:
        nodes: list[str] = []

        with pytest.raises(Cancelled), rack.turn(ask(work="scene 1")) as turn:
            nodes.append(turn.name)
            raise Cancelled("the work was stopped")
        with rack.turn(ask(work="scene 1")) as turn:
            nodes.append(turn.name)

    assert nodes[0] == nodes[1]


def test_who_is_stopped_while_it_waits_leaves_the_list(tmp_path: Path) -> None:
    with gpu() as server, racked(listed(server), tmp_path) as rack:
        holders = [_Holder(rack, ask()) for _ in range(2)]
        until(lambda: all(one.given.is_set() for one in holders))
        stopped, waits = _Holder(rack, ask()), _Holder(rack, ask())
        time.sleep(0.1)

        stopped.stopped.set()

        assert isinstance(stopped.ended(), Cancelled)
        holders[0].release()
        assert waits.given.wait(5)
        for one in (*holders, waits):
            one.release()


@pytest.mark.slow
def test_whoever_waits_is_told_how_many_are_before_it(tmp_path: Path) -> None:
    with gpu() as server, racked(listed(server), tmp_path) as rack:
        holders = [_Holder(rack, ask()) for _ in range(2)]
        until(lambda: all(one.given.is_set() for one in holders))
        first = _Holder(rack, ask())
        until(lambda: bool(first.notes))
        second = _Holder(rack, ask())

        until(lambda: bool(second.notes))

        assert first.notes == ["waits for a node: it is next on gpu0"]
        assert second.notes == ["waits for a node: 1 before it on gpu0"]
        for one in (*holders, first, second):
            one.release()


def test_urgent_goes_before_all_that_wait_and_to_the_front(tmp_path: Path) -> None:
    with gpu() as server, racked(listed(server), tmp_path) as rack:
        order: list[str] = []

        def made(name: str, urgent: bool) -> None:
            asked = ask(estimate_s=0.15, urgent=urgent)
            with rack.turn(asked) as turn:
                run_on(turn, asked, tmp_path, seconds=0.15)
                order.append(name)

        with ThreadPoolExecutor(8) as threads:
            running: list[Future[None]] = [threads.submit(made, f"ordinary {number}", False) for number in range(5)]
            until(lambda: bool(server.machine.running) and len(server.machine.pending) == 1)
            running.append(threads.submit(made, "urgent", True))
            for one in running:
                one.result()

    assert order.index("urgent") <= 1


def test_a_draining_node_gets_nothing_new(tmp_path: Path) -> None:
    with gpu() as one, gpu() as two:
        nodes = listed(one, two)
        with racked(nodes, tmp_path) as rack:
            with rack.turn(ask()) as turn:
                nodes.nodes = [replace(node, draining=node.name == turn.name) for node in nodes.nodes]
                drained = turn.name
            time.sleep(0.4)
            holders = [_Holder(rack, ask()) for _ in range(2)]
            until(lambda: all(one.given.is_set() for one in holders))

            assert drained not in {one.node for one in holders}
            for holder in holders:
                holder.release()


def test_a_node_that_is_added_while_jobs_wait_is_used(tmp_path: Path) -> None:
    with gpu() as one, gpu() as two:
        nodes = listed(one)
        with racked(nodes, tmp_path) as rack:
            holders = [_Holder(rack, ask()) for _ in range(3)]
            until(lambda: sum(one.given.is_set() for one in holders) == 2)

            nodes.nodes.append(NodeConfig(name="new", url=two.url))

            until(lambda: all(one.given.is_set() for one in holders))
            assert {one.node for one in holders} == {"gpu0", "new"}
            for holder in holders:
                holder.release()


def test_the_same_job_is_not_made_twice_at_once(tmp_path: Path) -> None:
    with gpu() as server, racked(listed(server), tmp_path) as rack:
        asked = ask()

        again = pytest.raises(EngineUnavailable, match="being made by this process")
        with rack.turn(asked), again, rack.turn(asked):
            pass

        with rack.turn(asked) as turn:
            assert turn.name == "gpu0"


@pytest.mark.slow
def test_a_database_that_cannot_be_reached_is_waited_for_and_then_named(tmp_path: Path) -> None:
    (tmp_path / "rack.sqlite").mkdir()
    with gpu() as server, racked(listed(server), tmp_path, patience_s=0.2) as rack:
        holder = _Holder(rack, ask())

        error = holder.ended()

    assert isinstance(error, NobodyThere)
    assert [note.partition(": ")[0] for note in holder.notes] == [
        "the list of waiting jobs cannot be reached; it is tried for 0 s"
    ]
    assert "the list of waiting jobs cannot be reached: unable to open database file" in str(error)


def test_closing_ends_whoever_waits(tmp_path: Path) -> None:
    with gpu() as server:
        with racked(listed(server), tmp_path) as rack:
            holders = [_Holder(rack, ask()) for _ in range(3)]
            until(lambda: sum(one.given.is_set() for one in holders) == 2)
            waits = next(one for one in holders if not one.given.is_set())
        assert isinstance(waits.ended(), Cancelled)
        for one in holders:
            one.release()


def test_announcing_never_blocks_and_needs_no_node(tmp_path: Path) -> None:
    asks = [ask(session_id="s") for _ in range(200)]
    with racked(Listed(), tmp_path) as rack:
        began_s = time.monotonic()
        rack.announce(asks)
        rack.withdraw(one.job_id for one in asks)
        assert time.monotonic() - began_s < 0.1


@pytest.mark.slow
def test_two_processes_never_put_a_third_job_on_a_node(tmp_path: Path) -> None:
    with gpu() as one, gpu() as two:
        jobs = [{"job_id": new_id(), "seconds": 0.05} for _ in range(24)]
        most = 0
        clients = [_client(tmp_path, (one, two), part) for part in (jobs[:12], jobs[12:])]
        while any(client.poll() is None for client in clients):
            for server in (one, two):
                most = max(most, len(server.machine.pending) + bool(server.machine.running))
            time.sleep(0.002)
        told = [json.loads(line) for client in clients for line in client.communicate()[0].splitlines()]

        done = [line["node"] for line in told if line["what"] == "done"]
        assert len(done) == 24
        assert set(done) == {"gpu0", "gpu1"}
        assert most <= 2
        assert len(one.machine.runs) + len(two.machine.runs) == 24


@pytest.mark.slow
def test_a_killed_process_finds_its_job_on_the_same_node_and_frees_the_rest(tmp_path: Path) -> None:
    with gpu() as one, gpu() as two:
        job_id = new_id()
        client = _client(tmp_path, (one, two), [{"job_id": job_id, "seconds": 1.5}])
        assert client.stdout
        node = json.loads(client.stdout.readline())["node"]
        server = {"gpu0": one, "gpu1": two}[node]
        until(lambda: server.machine.running is not None)

        client.kill()
        client.communicate()
        with racked(listed(one, two), tmp_path) as rack:
            asked = ask(job_id=job_id)
            with rack.turn(asked) as turn:
                bound = asked.graph.bound({"seconds": 1.5, "seed": 1}, prefix="x")
                fetched = run_graph(turn.node, bound, Job(job_id=job_id), {"picture": tmp_path / "a.png"})

            assert turn.name == node
            assert fetched.taken_up
            assert server.submitted() == 1
            assert is_picture(tmp_path / "a.png")
