"""The workplace as a Dagster resource: what the environment describes, bound to one run."""

import dataclasses
import logging
import os
import time
from collections.abc import Callable
from math import inf

import dagster as dg

from ad_pipeline.defs.executor import should_stop
from ad_pipeline.defs.node_pools import NodeSlots
from ad_pipeline.messages import but_for_numbers
from ad_pipeline.sessions.keys import ArtifactKey
from ad_pipeline.sessions.records import MadeBy
from ad_pipeline.settings import Settings, settings_from_environment
from ad_pipeline.stages.workplace import StepReport, Workplace
from ad_pipeline.studio.links import glimpse_url

MADE_BY_TAG = "ad_pipeline/made_by"
URGENT_TAG = "ad_pipeline/urgent"
_TELL_EVERY_S = 1.0

_listener: list[Callable[[StepReport], None]] = []


def listen(hear: Callable[[StepReport], None]) -> None:
    """Send every report of this process to `hear` too: the driver's progress display."""
    _listener[:] = [hear]


def workplace_of(instance: dg.DagsterInstance) -> Workplace:
    """The workplace that the environment describes; jobs wait for GPUs in the instance's own database."""
    return Workplace.at(settings_of(instance))


def settings_of(instance: dg.DagsterInstance) -> Settings:
    """The environment's settings. Whoever shares an instance in Postgres shares the list of waiting jobs there too."""
    settings = settings_from_environment()
    if os.environ.get("AD_PIPELINE_DATABASE_URL"):
        return settings
    # Of Dagster's storages only those for Postgres have it; it holds the password, so it goes nowhere else.
    url = getattr(instance.event_log_storage, "postgres_url", "")
    return dataclasses.replace(settings, database_url=url) if url else settings


class WorkplaceResource(dg.ConfigurableResource[None]):
    """Where sessions lie and who pays; read from the environment (`AD_PIPELINE_*`) when a step starts."""

    def open(self, context: dg.AssetExecutionContext, *, made_by: MadeBy) -> Workplace:
        """The workplace of one step; its reports go to the run's log, at most one a second for each artifact."""
        run_id = context.run.run_id
        slots = NodeSlots(context.instance, run_id=run_id, step_key=context.get_step_execution_context().step.key)
        return dataclasses.replace(
            workplace_of(context.instance),
            report=Reporter(context.log, media_url=settings_from_environment().media_url),
            should_stop=lambda: should_stop(run_id),
            made_by=made_by,
            run_id=run_id,
            urgent=context.run.tags.get(URGENT_TAG) == "yes",
            hold=slots.hold,
        )


class Reporter:
    """Tells one step's news: to the run's log, and to whoever listens in this process."""

    def __init__(self, log: logging.Logger, *, media_url: str) -> None:
        self._log, self._media_url = log, media_url
        self._told: dict[tuple[object, ...], tuple[float, str]] = {}
        self._linked: set[tuple[object, ...]] = set()

    def __call__(self, report: StepReport) -> None:
        for hear in _listener:
            hear(report)
        now, who = time.monotonic(), (report.kind, report.format)
        words = but_for_numbers(report.note)
        if report.state == "working" and not report.written:
            told_s, told = self._told.get(who, (-inf, ""))
            # Other words are news at once: nothing may follow for long, e.g. while it waits in a node's queue.
            if words == told and now - told_s < _TELL_EVERY_S or report.fraction == 0.0 and not report.note:
                return
        self._told[who] = (now, words)
        place = " ".join(part for part in (report.scene_id, report.kind, report.format) if part)
        state = f"{report.fraction:.0%}" if report.state == "working" else report.state
        note = f" ({report.note})" if report.note else ""
        self._log.info(f"{place}: {state}{note}{self._link(report, who)}")

    def _link(self, report: StepReport, who: tuple[object, ...]) -> str:
        """Where it can be looked at, told once: the address stays."""
        if not report.glimpsed or who in self._linked:
            return ""
        self._linked.add(who)
        key = ArtifactKey(kind=report.kind, scene_id=report.scene_id, format=report.format)
        return f" {glimpse_url(self._media_url, report.session_id, key)}"
