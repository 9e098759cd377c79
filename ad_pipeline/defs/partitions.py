"""Sessions and scenes as Dagster's partitions."""

from __future__ import annotations

import warnings

import dagster as dg

# Partition mappings and partitioned checks are beta and preview; Dagster is pinned exactly for that.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
warnings.filterwarnings("ignore", category=dg.PreviewWarning)

SESSION_DIMENSION = "ad_session"
SCENE_DIMENSION = "scene"

ad_sessions = dg.DynamicPartitionsDefinition(name="ad_sessions")
scenes = dg.DynamicPartitionsDefinition(name="scenes")

# Keys read `session|scene`. A cross product has ghosts: a session has no scene_007 because another
# one has. Every scene asset skips its ghosts, and completeness is decided from the storyboard.
session_scenes = dg.MultiPartitionsDefinition({SESSION_DIMENSION: ad_sessions, SCENE_DIMENSION: scenes})

to_session = dg.MultiToSingleDimensionPartitionMapping(partition_dimension_name=SESSION_DIMENSION)


def scene_partition(session_id: str, scene_id: str) -> dg.MultiPartitionKey:
    """The partition of one scene of one session."""
    return dg.MultiPartitionKey({SESSION_DIMENSION: session_id, SCENE_DIMENSION: scene_id})


def scene_of(context: dg.AssetExecutionContext) -> tuple[str, str]:
    """(session, scene) of the partition at work."""
    key = context.partition_key
    assert isinstance(key, dg.MultiPartitionKey)
    return key.keys_by_dimension[SESSION_DIMENSION], key.keys_by_dimension[SCENE_DIMENSION]


def register(instance: dg.DagsterInstance, session_id: str, scene_ids: tuple[str, ...] = ()) -> None:
    """Make the session and its scenes known to Dagster; known ones stay."""
    _add(instance, ad_sessions, (session_id,))
    _add(instance, scenes, scene_ids)


def _add(instance: dg.DagsterInstance, partitions: dg.DynamicPartitionsDefinition, keys: tuple[str, ...]) -> None:
    name = partitions.name
    assert name
    known = set(instance.get_dynamic_partitions(name))
    new = [key for key in keys if key not in known]
    if new:
        instance.add_dynamic_partitions(name, new)
