"""GPU nodes as pools on Dagster's Concurrency page: shown while a job has them, never in anybody's way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from ad_pipeline.defs.code_location import code_location
from ad_pipeline.defs.driver import MOST_WORKERS, WORKERS, worker_count
from ad_pipeline.defs.home import open_instance
from ad_pipeline.defs.node_pools import SLOTS, NodeSlots, free_pools, name_pools, settle_slots
from ad_pipeline.defs.partitions import register, scene_partition
from ad_pipeline.defs.resources import MADE_BY_TAG
from ad_pipeline.defs.sweep import end_orphan_runs
from ad_pipeline.settings import Settings, settings_from_environment
from ad_pipeline.stages.coming import listed_nodes
from ad_pipeline_tests.comfy.stocked import nodes_file, stocked
from ad_pipeline_tests.defs.test_code_location import _dead_process_mark, _run_in
from ad_pipeline_tests.stages.sessions import a_workplace, open_ad


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.fixture
def instance(home: Path) -> Iterator[dg.DagsterInstance]:
    with open_instance(Settings(root=home, brands=(), media_url="", nodes=home / "nodes.toml")) as instance:
        yield instance


def _claimed(instance: dg.DagsterInstance, node: str = "gpu0") -> list[tuple[str, str]]:
    info = instance.event_log_storage.get_concurrency_info(f"gpu/{node}")
    return [(slot.run_id, slot.step_key) for slot in info.claimed_slots]


def _until(is_so: Callable[[], bool]) -> None:
    give_up_s = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < give_up_s
        time.sleep(0.02)


def test_a_node_that_is_held_shows_its_step_and_is_free_afterwards(instance: dg.DagsterInstance) -> None:
    run_id = _run_in(instance, dg.DagsterRunStatus.STARTED, None)

    with NodeSlots(instance, run_id=run_id, step_key="key_image").hold("gpu0"):
        _until(lambda: bool(_claimed(instance)))
        held = _claimed(instance)
    settle_slots()

    assert held == [(run_id, "key_image")]
    assert not _claimed(instance)
    assert instance.event_log_storage.get_concurrency_info("gpu/gpu0").slot_count == SLOTS


def test_more_jobs_than_slots_wait_for_nothing(instance: dg.DagsterInstance) -> None:
    run_id, began_s = _run_in(instance, dg.DagsterRunStatus.STARTED, None), time.monotonic()
    slots = [NodeSlots(instance, run_id=run_id, step_key=f"step_{number}") for number in range(4)]

    with slots[0].hold("gpu0"), slots[1].hold("gpu0"), slots[2].hold("gpu0"), slots[3].hold("gpu0"):
        assert time.monotonic() - began_s < 0.5
        settle_slots()
        assert len(_claimed(instance)) == SLOTS
    settle_slots()

    assert not _claimed(instance)
    assert not instance.event_log_storage.get_concurrency_info("gpu/gpu0").pending_steps


def test_the_listed_nodes_have_their_pools_when_the_instance_is_opened(home: Path) -> None:
    (home / "nodes.toml").write_text('[[node]]\nname = "studio-4090"\nurl = "http://127.0.0.1:1"\n')
    settings = Settings(root=home, brands=(), media_url="", nodes=home / "nodes.toml")

    with open_instance(settings) as instance:
        instance.event_log_storage.set_concurrency_slots("gpu/studio-4090", 1)
    with open_instance(settings) as instance:
        limits = {limit.name: limit.limit for limit in instance.event_log_storage.get_pool_limits()}

    assert limits == {"gpu/studio-4090": 1}, "what a person set in the UI stays"


def test_without_a_list_of_nodes_there_are_no_pools(instance: dg.DagsterInstance) -> None:
    assert not instance.event_log_storage.get_pool_limits()


def test_a_list_that_cannot_be_read_has_no_nodes(home: Path) -> None:
    (home / "nodes.toml").write_text("[[node]]\nname = 3\n")

    assert listed_nodes(Settings(root=home, brands=(), media_url="", nodes=home / "nodes.toml")) == ()


def test_what_killed_processes_held_is_freed_and_what_runs_keeps_its_slot(instance: dg.DagsterInstance) -> None:
    ended = _run_in(instance, dg.DagsterRunStatus.SUCCESS, None)
    orphan = _run_in(instance, dg.DagsterRunStatus.STARTED, _dead_process_mark())
    alive = _run_in(instance, dg.DagsterRunStatus.STARTED, None)
    for node, run_id in (("gpu0", ended), ("gpu1", orphan), ("gpu2", alive), ("gpu3", "of-no-run-at-all")):
        name_pools(instance, [node])
        instance.event_log_storage.claim_concurrency_slot(f"gpu/{node}", run_id, "key_image")

    end_orphan_runs(instance)
    free_pools(instance)

    assert [_claimed(instance, f"gpu{number}") for number in range(4)] == [[], [], [(alive, "key_image")], []]


def test_a_database_that_is_broken_is_nobodys_business(
    instance: dg.DagsterInstance, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    slots = NodeSlots(instance, run_id="run", step_key="key_image")
    instance.dispose()
    for file in (home / "home" / "history" / "runs").glob("index.db*"):
        file.write_bytes(b"no database")
    caplog.clear()

    with slots.hold("gpu0"):
        pass
    settle_slots()
    name_pools(instance, ["gpu0"])
    free_pools(instance)

    assert "the GPU nodes' slots cannot be shown" in caplog.text
    assert "cannot be named" in caplog.text


def test_a_rack_has_a_worker_for_each_node_and_one_more() -> None:
    assert [worker_count(nodes) for nodes in (0, 1, 2, 4, 8, 100)] == [WORKERS, WORKERS, WORKERS, 5, 9, MOST_WORKERS]


@pytest.mark.slow
def test_a_gpu_step_shows_its_node_while_it_runs_and_tells_all_about_it(own_root: Path) -> None:
    with stocked() as server:
        open_ad(a_workplace(own_root), quality="standard")
        nodes_file(own_root / "nodes.toml", {"gpu0": server})
        server.behaviour.run_s = 0.5
        with open_instance(settings_from_environment()) as instance:
            register(instance, "ad", ("scene_001", "scene_002"))
            seen: list[list[tuple[str, str]]] = []
            result = _made(instance, seen)
            left = _claimed(instance)

    assert result.success
    assert [(result.run_id, "key_image")] in seen
    assert not left
    told = result.asset_materializations_for_node("key_image")[0].metadata
    assert (told["node"].value, told["gpu"].value, told["attempts"].value) == ("gpu0", "cpu", 1)
    assert told["model_swaps"].value == 2
    assert 0.9 < float(str(told["gpu_seconds"].value)) < 3
    assert float(str(told["seconds_waited"].value)) >= 0
    assert "preview" in told


def _made(instance: dg.DagsterInstance, seen: list[list[tuple[str, str]]]) -> dg.ExecuteInProcessResult:
    """The key image of a scene; `seen` gets what is claimed meanwhile."""
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.05):
            seen.append(_claimed(instance))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        return code_location.resolve_job_def("make_scene").execute_in_process(
            instance=instance, partition_key=scene_partition("ad", "scene_001"),
            asset_selection=[dg.AssetKey("key_image")], run_config={"ops": {"key_image": {"config": {"reuse": True}}}},
            tags={MADE_BY_TAG: "pipeline"},
        )  # fmt: skip
    finally:
        ended.set()
        looking.join()
