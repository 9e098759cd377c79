"""What a warm worker process keeps loaded, and how it runs one order."""

from __future__ import annotations

import functools
import gc
import importlib
from collections.abc import Callable

import cv2
import dagster as dg
from dagster._core.definitions.partitions.utils.multi import get_tags_from_multi_partition_key

from ad_pipeline.defs import sqlite_storage
from ad_pipeline.defs.code_location import final_run, scene_run, storyboard_run
from ad_pipeline.defs.executor import PROCESS_TAG, process_mark
from ad_pipeline.defs.instance_books import InstanceBooks
from ad_pipeline.defs.partitions import scene_partition
from ad_pipeline.defs.resources import MADE_BY_TAG, listen
from ad_pipeline.defs.workers import RunOrder, RunResult
from ad_pipeline.engines.registry import import_built_in
from ad_pipeline.stages.workplace import StepReport
from ad_pipeline.story.spoken_form import spoken_form

import_built_in()  # once here, in the process that the workers are forked from
_ = sqlite_storage  # loads SQLAlchemy and Alembic, which Dagster itself would do in every worker

# The run's log has everything; the terminal belongs to the progress display.
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

_JOBS = {"storyboard": storyboard_run, "scene": scene_run, "final": final_run}


for job in _JOBS.values():
    job()  # resolved here, once for all workers
# What Dagster loads only when it opens an instance or starts a run.
for late in (
    "dagster._core.instance.factory",
    "dagster._core.instance.runs.run_domain",
    "dagster._core.secrets.env_file",
    "dagster._core.storage.root",
    "dagster._core.system_config.composite_descent",
    "dagster._core.workspace.autodiscovery",
    "upath.implementations.local",
):
    importlib.import_module(late)

# What is loaded now lives as long as the process: the collector need not walk it again in every
# worker, and forked pages stay shared.
gc.freeze()
gc.enable()


def load_crafts() -> None:
    """Load what only drawing and sound need; the first worker spares itself that and writes the storyboard."""
    for name in ("numpy.random", "numpy.fft", "av.subtitles.stream", "PIL.PngImagePlugin", "PIL.JpegImagePlugin"):
        importlib.import_module(name)
    for language in ("ko", "en"):
        spoken_form("1", language)  # reads the lexicon: 70 ms that no voice has to wait for


def begin(*, tell: Callable[[StepReport], None]) -> None:
    """Open the instance and send what stages report to `tell`."""
    cv2.setNumThreads(1)  # the workers themselves fill the cores
    listen(tell)
    _instance()


def books() -> InstanceBooks:
    """Dagster's books, as this process holds them."""
    return InstanceBooks(_instance())


def run(order: RunOrder) -> RunResult:
    """One Dagster run in this process, through the executor of the code location."""
    if order.opens:
        books().open_session(order.session_id)
    tags = {**order.tags, PROCESS_TAG: process_mark(), MADE_BY_TAG: order.tags.get(MADE_BY_TAG, "pipeline")}
    tags["dagster/partition"] = order.session_id
    if order.kind == "scene":
        partition = scene_partition(order.session_id, order.scene_id)
        # Both kinds of tag: by the dimensions alone the event would be recorded without a partition.
        tags |= {"dagster/partition": str(partition), **get_tags_from_multi_partition_key(partition)}
    # Entering the result as a context would start the run's resources a second time to read outputs.
    result = dg.execute_job(
        dg.reconstructable(_JOBS[order.kind]),
        instance=_instance(),
        run_config={**order.run_config, **_QUIET},
        tags=tags,
        raise_on_error=False,
    )
    if result.success:
        return RunResult(order=order, run_id=result.run_id, state="success")
    ended = _instance().get_run_by_id(result.run_id)
    canceled = ended is not None and ended.status == dg.DagsterRunStatus.CANCELED
    return RunResult(
        order=order, run_id=result.run_id, state="canceled" if canceled else "failure", fault=_fault(result)
    )


def _fault(result: dg.JobExecutionResult) -> str:
    """What the first failed step says, in the words of the error that caused it."""
    for event in result.filter_events(lambda event: event.is_step_failure):
        failure = event.step_failure_data
        if failure.user_failure_data and failure.user_failure_data.description:
            return failure.user_failure_data.description
        if failure.error:
            cause = failure.error.cause or failure.error
            return cause.message.strip().splitlines()[-1]
    return "the run ended without saying why"


@functools.cache
def _instance() -> dg.DagsterInstance:
    return dg.DagsterInstance.get()
