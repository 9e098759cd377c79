"""One clip made anew makes only its own lipsync and effects stale, and the final; an unchanged redo stays fresh."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.definitions.events import AssetKeyPartitionKey
from dagster._core.definitions.partitions.context import partition_loading_context
from dagster._core.loader import LoadingContextForTest

from ad_pipeline.defs.automation import finals_of_complete_sessions
from ad_pipeline.defs.code_location import code_location
from ad_pipeline.defs.partitions import register, scene_partition
from ad_pipeline.stages.progress import SCENE_KINDS
from ad_pipeline.stages.storyboard import edit_scene
from ad_pipeline_tests.stages.sessions import a_workplace, open_ad

pytestmark = pytest.mark.slow

_SCENES = ("scene_001", "scene_002")


def _made(instance: dg.DagsterInstance, job: str, partition: str, *, only: str = "", **config: object) -> None:
    kinds = [only] if only else list(SCENE_KINDS) if job == "make_scene" else [job.removeprefix("make_")]
    result = code_location.resolve_job_def(job).execute_in_process(
        instance=instance,
        partition_key=partition,
        asset_selection=[dg.AssetKey(kind) for kind in kinds],
        run_config={"ops": {kind: {"config": {"reuse": not config, **config}} for kind in kinds}},
    )
    assert result.success


def _stale(instance: dg.DagsterInstance) -> set[tuple[str, str]]:
    graph = code_location.resolve_asset_graph()
    found: set[tuple[str, str]] = set()
    with partition_loading_context(dynamic_partitions_store=instance):
        resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
        for scene_id in _SCENES:
            partition = str(scene_partition("ad", scene_id))
            for kind in SCENE_KINDS:
                key = AssetKeyPartitionKey(dg.AssetKey(kind), partition)
                if resolver.get_status(key.asset_key, key.partition_key) != StaleStatus.FRESH:
                    found.add((kind, scene_id))
    return found


def test_a_changed_clip_makes_only_what_is_made_from_it_stale(own_root: Path) -> None:
    open_ad(a_workplace(own_root))
    with dg.DagsterInstance.ephemeral() as instance:
        register(instance, "ad", _SCENES)
        _made(instance, "make_storyboard", "ad")
        for scene_id in _SCENES:
            _made(instance, "make_scene", scene_partition("ad", scene_id))
        assert _stale(instance) == set()

        _made(instance, "make_scene", scene_partition("ad", "scene_001"), only="motion_clip")
        assert _stale(instance) == set()  # made again from the same: the same bytes

        _made(instance, "make_scene", scene_partition("ad", "scene_001"), only="motion_clip", motion_bucket=255)
        assert _stale(instance) == {("lipsync", "scene_001"), ("sfx", "scene_001")}

        _made(instance, "make_scene", scene_partition("ad", "scene_001"), only="lipsync")
        _made(instance, "make_scene", scene_partition("ad", "scene_001"), only="sfx")
        assert _stale(instance) == set()


def test_a_text_that_changes_the_cut_alone_asks_for_a_new_final(own_root: Path) -> None:
    place = a_workplace(own_root)
    open_ad(place)
    with dg.DagsterInstance.ephemeral() as instance:
        register(instance, "ad", _SCENES)
        _made(instance, "make_storyboard", "ad")
        for scene_id in _SCENES:
            _made(instance, "make_scene", scene_partition("ad", scene_id))
        first = _tick(instance)
        assert [request.partition_key for request in first.run_requests or ()] == ["ad"]
        _made(instance, "make_final", "ad", only="final_mp4")
        assert not _tick(instance, cursor=first.cursor).run_requests

        edit_scene(place, "ad", "scene_001", {"onscreen_text": "새 문구"})
        _made(instance, "make_storyboard", "ad")

        second = _tick(instance, cursor=first.cursor)
        assert [request.partition_key for request in second.run_requests or ()] == ["ad"]
        assert second.run_requests[0].run_key != first.run_requests[0].run_key


def _tick(instance: dg.DagsterInstance, cursor: str | None = None) -> Any:
    context = dg.build_sensor_context(instance, cursor=cursor, repository_def=code_location.get_repository_def())
    with partition_loading_context(dynamic_partitions_store=instance):
        return finals_of_complete_sessions.evaluate_tick(context)
