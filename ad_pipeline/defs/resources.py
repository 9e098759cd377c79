"""The workplace as a Dagster resource: what the environment describes, bound to one run."""

import dataclasses
import logging
import time
from collections.abc import Callable

import dagster as dg

from ad_pipeline.defs.executor import should_stop
from ad_pipeline.sessions.records import MadeBy
from ad_pipeline.settings import settings_from_environment
from ad_pipeline.stages.workplace import StepReport, Workplace

MADE_BY_TAG = "ad_pipeline/made_by"
URGENT_TAG = "ad_pipeline/urgent"
_TELL_EVERY_S = 1.0

_listener: list[Callable[[StepReport], None]] = []


def listen(hear: Callable[[StepReport], None]) -> None:
    """Send every report of this process to `hear` too: the driver's progress display."""
    _listener[:] = [hear]


class WorkplaceResource(dg.ConfigurableResource[None]):
    """Where sessions lie and who pays; read from the environment (`AD_PIPELINE_*`) when a step starts."""

    def open(self, context: dg.AssetExecutionContext, *, made_by: MadeBy) -> Workplace:
        """The workplace of one step; its reports go to the run's log, at most one a second for each artifact."""
        settings = settings_from_environment()
        run_id = context.run.run_id
        return dataclasses.replace(
            Workplace.at(settings),
            report=_Reporter(context.log),
            should_stop=lambda: should_stop(run_id),
            made_by=made_by,
            run_id=run_id,
            urgent=context.run.tags.get(URGENT_TAG) == "yes",
        )


class _Reporter:
    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._told: dict[tuple[object, ...], float] = {}

    def __call__(self, report: StepReport) -> None:
        for hear in _listener:
            hear(report)
        now, who = time.monotonic(), (report.kind, report.format)
        if report.state == "working" and not report.note and now - self._told.get(who, 0.0) < _TELL_EVERY_S:
            return
        if report.state == "working" and report.fraction == 0.0 and not report.note:
            return
        self._told[who] = now
        place = " ".join(part for part in (report.scene_id, report.kind, report.format) if part)
        state = f"{report.fraction:.0%}" if report.state == "working" else report.state
        self._log.info(f"{place}: {state}{f' ({report.note})' if report.note else ''}")
