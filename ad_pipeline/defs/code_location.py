"""Everything Dagster loads, in one object; `definitions.py` shows it to Dagster."""

from __future__ import annotations

import functools

import dagster as dg

from ad_pipeline.defs.assets import ASSETS
from ad_pipeline.defs.automation import SENSORS
from ad_pipeline.defs.executor import pinned_gpu_executor
from ad_pipeline.defs.jobs import JOBS
from ad_pipeline.defs.resources import WorkplaceResource

code_location = dg.Definitions(
    assets=ASSETS,
    jobs=JOBS,
    sensors=SENSORS,
    executor=pinned_gpu_executor,
    resources={"workplace": WorkplaceResource()},
)


@functools.cache
def _job(name: str) -> dg.JobDefinition:
    return code_location.resolve_job_def(name)


def storyboard_run() -> dg.JobDefinition:
    """The job of one storyboard, as worker processes load it."""
    return _job("make_storyboard")


def scene_run() -> dg.JobDefinition:
    """The job of one scene, as worker processes load it."""
    return _job("make_scene")


def final_run() -> dg.JobDefinition:
    """The job of one final, as worker processes load it."""
    return _job("make_final")
