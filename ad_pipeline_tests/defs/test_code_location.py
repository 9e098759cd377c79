"""What Dagster sees: the golden list, the decisions of the sensors, ghosts, and the sweep."""

from __future__ import annotations

import dataclasses
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import pytest

from ad_pipeline.defs.assets import CHECKS
from ad_pipeline.defs.automation import (
    final_when_complete,
    finals_of_complete_sessions,
    one_run_per_scene,
    scenes_of_new_storyboards,
)
from ad_pipeline.defs.code_location import code_location
from ad_pipeline.defs.config import KeyImageConfig, MotionClipConfig, StoryboardConfig
from ad_pipeline.defs.driver import DRIVER_TAG
from ad_pipeline.defs.executor import PROCESS_TAG, process_mark
from ad_pipeline.defs.partitions import register, scene_partition
from ad_pipeline.defs.resources import MADE_BY_TAG
from ad_pipeline.defs.sweep import end_orphan_runs
from ad_pipeline.sessions.keys import Kind
from ad_pipeline.sessions.records import TakeRecord
from ad_pipeline.stages.progress import SCENE_KINDS, Finished
from ad_pipeline.stages.workplace import Wishes
from ad_pipeline_tests.sessions.writing import VOICE, commit
from ad_pipeline_tests.stages.sessions import a_workplace, open_ad


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


# asset | group | kinds | partitions | made from
_ASSETS = """
storyboard  | story  | json       | ad_sessions      |
key_image   | scenes | png        | ad_session|scene | storyboard
motion_clip | scenes | mp4        | ad_session|scene | key_image
voice       | scenes | wav        | ad_session|scene | storyboard
lipsync     | scenes | mp4        | ad_session|scene | motion_clip voice
sfx         | scenes | wav        | ad_session|scene | motion_clip
final_mp4   | film   | ffmpeg mp4 | ad_sessions      | lipsync sfx storyboard voice
"""


def test_the_assets_are_those_of_the_table() -> None:
    graph = code_location.resolve_asset_graph()
    found: dict[str, list[str]] = {}
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        partitions = node.partitions_def
        match partitions:
            case dg.MultiPartitionsDefinition():
                said = "|".join(partitions.partition_dimension_names)
            case dg.DynamicPartitionsDefinition():
                said = partitions.name or ""
            case _:
                said = "none"
        parents = " ".join(sorted(parent.to_user_string() for parent in node.parent_keys))
        found[key.to_user_string()] = [node.group_name, " ".join(sorted(node.kinds)), said, parents]
    wanted = [[cell.strip() for cell in line.split(" | ")] for line in _ASSETS.strip().splitlines()]

    assert found == {row[0]: [*row[1:4], row[4] if len(row) > 4 else ""] for row in [_padded(r) for r in wanted]}


def _padded(row: list[str]) -> list[str]:
    return [cell.rstrip(" |") for cell in row] + [""] * (5 - len(row))


def test_jobs_and_sensors_are_the_known_ones() -> None:
    repository = code_location.get_repository_def()
    repository.load_all_definitions()

    jobs = {job.name for job in repository.get_all_jobs() if not job.name.startswith("__")}
    assert jobs == {"make_ad", "make_storyboard", "make_scene", "make_final"}
    sensors = {sensor.name: sensor for sensor in repository.sensor_defs}
    assert set(sensors) == {"scenes_of_new_storyboards", "finals_of_complete_sessions"}
    assert {sensor.default_status for sensor in sensors.values()} == {dg.DefaultSensorStatus.RUNNING}
    assert {sensor.minimum_interval_seconds for sensor in sensors.values()} == {2}


def test_every_asset_speaks_to_producers_in_both_languages() -> None:
    graph = code_location.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        text = graph.get(key).description or ""
        assert any("가" <= letter <= "힣" for letter in text), key
        assert any(letter.isascii() and letter.isalpha() for letter in text.splitlines()[0]), key


def test_every_check_is_declared_for_its_asset() -> None:
    keys = code_location.resolve_asset_graph().asset_check_keys

    declared = {(key.asset_key.to_user_string(), key.name) for key in keys}
    assert declared == {(asset, name) for asset, names in CHECKS.items() for name in names}


def test_the_launchpad_opens_with_an_example() -> None:
    job = code_location.resolve_job_def("make_ad")

    assert dg.validate_run_config(job, job.run_config)["ops"]["ad"]["config"]["brief"]["brand_id"] == "laneige"


def test_what_the_launchpad_says_reaches_the_stages() -> None:
    assert StoryboardConfig(reuse=True, upgrade=True).wishes() == Wishes(reuse=True, upgrade=True)
    assert StoryboardConfig().wishes() == Wishes(reuse=False)
    asked = KeyImageConfig(prompt="a jar", seed=3, width=720)
    assert asked.wishes() == Wishes(reuse=False, prompt="a jar", seed=3, width=720)
    clip = MotionClipConfig(frames=25, motion_bucket=200, reuse=True)
    assert clip.wishes().own == {"frames": 25, "motion_bucket": 200}
    with pytest.raises(ValueError):
        KeyImageConfig(steps=0)


def _done(*, finished: dict[str, tuple[Kind, ...]], finals: bool = False, sha: str = "a") -> Finished:
    record = TakeRecord.model_construct(sha256=sha)
    return Finished(
        storyboard=True,
        scene_ids=tuple(finished),
        scenes={scene_id: {kind: (record,) for kind in kinds} for scene_id, kinds in finished.items()},
        finals=(record,) if finals else (),
    )


def test_a_storyboard_opens_one_run_per_unfinished_scene() -> None:
    done = _done(finished={"scene_001": SCENE_KINDS, "scene_002": ("voice",), "scene_003": ()})

    asked = one_run_per_scene("ad", done, cause="17")

    assert [(r.partition_key, r.run_key) for r in asked] == [
        ("ad|scene_002", "ad/scene_002/17"), ("ad|scene_003", "ad/scene_003/17"),
    ]  # fmt: skip
    assert asked[0].run_config == {"ops": {kind: {"config": {"reuse": True}} for kind in SCENE_KINDS}}
    assert asked[0].tags[MADE_BY_TAG] == "pipeline"
    assert [r.run_key for r in one_run_per_scene("ad", done, cause="17")] == [r.run_key for r in asked]


def test_the_final_is_asked_for_once_per_set_of_scenes() -> None:
    whole = _done(finished={"scene_001": SCENE_KINDS, "scene_002": SCENE_KINDS})

    asked = final_when_complete("ad", whole)

    assert [r.partition_key for r in asked] == ["ad"]
    assert asked[0].run_key == final_when_complete("ad", whole)[0].run_key
    other = _done(finished={"scene_001": SCENE_KINDS, "scene_002": SCENE_KINDS}, sha="b")
    assert asked[0].run_key != final_when_complete("ad", other)[0].run_key
    new_text = dataclasses.replace(whole, storyboard_sha256="edited")
    assert asked[0].run_key != final_when_complete("ad", new_text)[0].run_key


def test_no_final_is_asked_for_too_early_or_twice() -> None:
    assert final_when_complete("ad", _done(finished={})) == []
    assert final_when_complete("ad", _done(finished={"scene_001": SCENE_KINDS, "scene_002": ()})) == []
    whole = {"scene_001": SCENE_KINDS}
    assert final_when_complete("ad", _done(finished=whole, finals=True)) == []


def _storyboard_run(instance: dg.DagsterInstance, session_id: str, **tags: str) -> str:
    result = code_location.resolve_job_def("make_storyboard").execute_in_process(
        instance=instance,
        partition_key=session_id,
        run_config={"ops": {"storyboard": {"config": {"reuse": True}}}},
        tags={MADE_BY_TAG: "pipeline", **tags},
    )
    assert result.success
    return result.run_id


def _tick(sensor: dg.SensorDefinition, instance: dg.DagsterInstance, cursor: str | None = None) -> Any:
    """One look of a sensor, as the daemon makes it."""
    context = dg.build_sensor_context(instance, cursor=cursor, repository_def=code_location.get_repository_def())
    with dg.partition_loading_context(dynamic_partitions_store=instance):
        return sensor.evaluate_tick(context)


def test_the_sensor_asks_for_the_scenes_of_a_new_storyboard_once(instance: dg.DagsterInstance, own_root: Path) -> None:
    open_ad(a_workplace(own_root))
    register(instance, "ad")
    _storyboard_run(instance, "ad")
    looked = _tick(scenes_of_new_storyboards, instance)

    assert [r.partition_key for r in looked.run_requests or ()] == ["ad|scene_001", "ad|scene_002"]
    assert looked.cursor
    again = _tick(scenes_of_new_storyboards, instance, cursor=looked.cursor)
    assert not again.run_requests
    assert set(instance.get_dynamic_partitions("scenes")) >= {"scene_001", "scene_002"}


def test_the_sensor_leaves_the_drivers_runs_alone(instance: dg.DagsterInstance, own_root: Path) -> None:
    open_ad(a_workplace(own_root))
    register(instance, "ad")
    _storyboard_run(instance, "ad", **{DRIVER_TAG: "pid 1"})

    for sensor in (scenes_of_new_storyboards, finals_of_complete_sessions):
        looked = _tick(sensor, instance)
        assert not looked.run_requests


def test_a_storyboard_of_a_session_that_is_gone_stops_no_other(instance: dg.DagsterInstance, own_root: Path) -> None:
    import shutil

    place = a_workplace(own_root)
    for session_id in ("gone", "here"):
        open_ad(place, session_id)
        register(instance, session_id)
        _storyboard_run(instance, session_id)
    shutil.rmtree(own_root / "gone")

    looked = _tick(scenes_of_new_storyboards, instance)

    assert [r.partition_key for r in looked.run_requests or ()] == ["here|scene_001", "here|scene_002"]


def test_a_ghost_partition_ends_well_and_records_nothing(instance: dg.DagsterInstance, own_root: Path) -> None:
    open_ad(a_workplace(own_root))
    register(instance, "ad", ("scene_001", "scene_002", "scene_007"))

    result = code_location.resolve_job_def("make_scene").execute_in_process(
        instance=instance, partition_key=scene_partition("ad", "scene_007")
    )

    assert result.success
    for kind in SCENE_KINDS:
        assert instance.get_materialized_partitions(dg.AssetKey(kind)) == set()
    assert not [e for e in result.all_events if e.event_type_value.startswith("ASSET_CHECK_EVALUATION") and "planned"
                not in e.event_type_value.lower()]  # fmt: skip
    assert not list((own_root / "ad" / "scenes").glob("scene_007"))


def test_a_wish_that_cannot_be_met_fails_in_a_producers_words(instance: dg.DagsterInstance, own_root: Path) -> None:
    register(instance, "nobody")

    result = code_location.resolve_job_def("make_storyboard").execute_in_process(
        instance=instance, partition_key="nobody", raise_on_error=False
    )

    assert not result.success
    failure = next(e for e in result.all_events if e.is_step_failure).step_failure_data.user_failure_data
    assert failure
    assert "session 'nobody' is new" in (failure.description or "")


def _dead_process_mark() -> str:
    ended = subprocess.Popen([sys.executable, "-c", "pass"])
    ended.wait()
    return f"{socket.gethostname()}/{ended.pid}/1.00"


def _run_in(instance: dg.DagsterInstance, status: dg.DagsterRunStatus, mark: str | None) -> str:
    tags = {PROCESS_TAG: mark} if mark else {}
    run = instance.create_run_for_job(code_location.resolve_job_def("make_ad"), status=status, tags=tags)
    return run.run_id


def test_runs_of_dead_processes_are_ended_and_those_of_living_ones_stay(instance: dg.DagsterInstance) -> None:
    started, canceling = dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING
    dead = _dead_process_mark()
    orphan = _run_in(instance, started, dead)
    cancelled = _run_in(instance, canceling, dead)
    reused_pid = _run_in(instance, started, f"{socket.gethostname()}/{os.getpid()}/1.00")
    alive = _run_in(instance, started, process_mark())
    elsewhere = _run_in(instance, started, dead.replace(socket.gethostname(), "another-host"))
    unmarked = _run_in(instance, started, None)
    finished = _run_in(instance, dg.DagsterRunStatus.SUCCESS, dead)

    ended = end_orphan_runs(instance)

    status = {run.run_id: run.status.value for run in instance.get_runs()}
    assert set(ended) == {orphan, cancelled, reused_pid}
    assert (status[orphan], status[cancelled], status[reused_pid]) == ("FAILURE", "CANCELED", "FAILURE")
    assert {status[r] for r in (alive, elsewhere, unmarked)} == {"STARTED"}
    assert status[finished] == "SUCCESS"
    assert end_orphan_runs(instance) == []
    assert psutil.pid_exists(os.getpid())


def test_a_check_holds_when_it_holds_in_every_format(own_root: Path) -> None:
    from ad_pipeline.defs.metadata import check_results
    from ad_pipeline.sessions.records import VerdictNote

    session = a_workplace(own_root).session("ad")
    good = VerdictNote(name="size", passed=True, measured="10", limit="10")
    bad = VerdictNote(name="size", passed=False, measured="9", limit="10", note="too small")
    taste = VerdictNote(name="black", passed=False, measured="9", limit="1", severity="warning")
    records = [
        commit(session, VOICE, "one", verdicts=(good, taste)),
        commit(session, VOICE, "two", verdicts=(bad,)),
    ]

    results = {
        result.check_name: result
        for result in check_results(records, {"size": ("sharpness",), "black": (), "length": ()})
    }

    assert set(results) == {"size", "black"}
    assert (results["size"].passed, results["size"].severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert results["size"].description == "too small"
    assert (results["black"].passed, results["black"].severity) == (False, dg.AssetCheckSeverity.WARN)
