"""Dagster's books as an instance holds them: what the driver writes into them, and what it looks up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import dagster as dg
from dagster._core.definitions.data_version import DATA_VERSION_TAG

from ad_pipeline.defs.node_pools import free_pools, name_pools
from ad_pipeline.defs.partitions import register, scene_partition
from ad_pipeline.defs.resources import workplace_of
from ad_pipeline.defs.sweep import end_orphan_runs
from ad_pipeline.stages.progress import SCENE_KINDS
from ad_pipeline.stages.workplace import Workplace


class InstanceBooks:
    """The books of one instance."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance

    def open_session(self, session_id: str) -> None:
        """Make the session known, and end what dead processes left of any."""
        register(self.instance, session_id)
        end_orphan_runs(self.instance)

    def register_scenes(self, session_id: str, scene_ids: Sequence[str]) -> None:
        """Make the session's scenes known."""
        register(self.instance, session_id, tuple(scene_ids))

    def end_orphan_runs(self) -> None:
        """End the runs whose process is gone."""
        end_orphan_runs(self.instance)

    def gpu_workplace(self, nodes: Sequence[str]) -> Workplace:
        """The workplace as workers have it, with the nodes' pools named before they are used."""
        name_pools(self.instance, nodes)
        free_pools(self.instance)
        return workplace_of(self.instance)

    def versions(self, session_id: str, scene_ids: Sequence[str]) -> Mapping[tuple[str, str], str]:
        """(asset, scene or "") -> the data version last recorded; what was never recorded is not in it."""
        of_session = {session_id: ""}
        of_scenes = {str(scene_partition(session_id, scene_id)): scene_id for scene_id in scene_ids}
        asked = {"storyboard": of_session, "final_mp4": of_session, **dict.fromkeys(SCENE_KINDS, of_scenes)}
        return {
            (asset, place): version
            for asset, places in asked.items()
            if places
            for place, version in self._seen(asset, places).items()
        }

    def _seen(self, asset: str, places: Mapping[str, str]) -> dict[str, str]:
        tags = self.instance.event_log_storage.get_latest_tags_by_partition(
            dg.AssetKey(asset),
            dg.DagsterEventType.ASSET_MATERIALIZATION,
            tag_keys=[DATA_VERSION_TAG],
            asset_partitions=list(places),
        )
        return {places[partition]: own[DATA_VERSION_TAG] for partition, own in tags.items() if DATA_VERSION_TAG in own}
