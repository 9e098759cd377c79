"""Ending runs whose process is gone: after `kill -9` Dagster leaves them STARTED, slots taken."""

from __future__ import annotations

import socket

import dagster as dg

from ad_pipeline.defs.executor import PROCESS_TAG
from ad_pipeline.engines.comfy.rack.processes import start_of

_UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def end_orphan_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark runs of dead processes as failed (or canceled, where that was asked) and free their slots.

    Only runs of this machine are judged: another host's processes cannot be seen from here.
    """
    ended: list[str] = []
    for run in instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED)):
        mark = run.tags.get(PROCESS_TAG, "")
        if not mark or _is_alive(mark):
            continue
        if run.status == dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, message="its process was gone")
        else:
            instance.report_run_failed(run, message="its process was killed; what it had finished is kept")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        ended.append(run.run_id)
    return ended


def _is_alive(mark: str) -> bool:
    host, pid, started = mark.rsplit("/", 2)
    if host != socket.gethostname():
        return True
    return start_of(int(pid)) == started
