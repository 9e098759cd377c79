"""Sensors: a storyboard asks for its scenes, complete scenes ask for the final.

The decisions are plain functions; the sensors only wire them. Runs of the driver are left alone:
it chains its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from ad_pipeline.defs.driver import DRIVER_TAG, SESSION_TAG
from ad_pipeline.defs.jobs import SCENE_ASSETS, final_job, scene_job
from ad_pipeline.defs.partitions import register, scene_partition
from ad_pipeline.defs.resources import MADE_BY_TAG
from ad_pipeline.errors import AdPipelineError
from ad_pipeline.sessions.fingerprint import fingerprint
from ad_pipeline.settings import settings_from_environment
from ad_pipeline.stages.progress import Finished, finished
from ad_pipeline.stages.workplace import Workplace

MADE_OF_TAG = "ad_pipeline/made_of"

_EVERY_S = 2
_MOST_EVENTS = 200


def one_run_per_scene(session_id: str, done: Finished, *, cause: str) -> list[dg.RunRequest]:
    """Ask for every unfinished scene of one session; `cause` keeps a repeated tick from asking twice."""
    ops = {kind: {"config": {"reuse": True}} for kind in SCENE_ASSETS}
    return [
        dg.RunRequest(
            run_key=f"{session_id}/{scene_id}/{cause}",
            partition_key=scene_partition(session_id, scene_id),
            run_config={"ops": ops},
            tags={SESSION_TAG: session_id, MADE_BY_TAG: "pipeline"},
        )
        for scene_id in done.scene_ids
        if not done.scene_is(scene_id)
    ]


def made_of(done: Finished) -> str:
    """What a final would be cut from. The storyboard too: a new text on the picture changes the cut alone."""
    takes = [r.sha256 for scene in done.scenes.values() for takes in scene.values() for r in takes]
    return fingerprint(storyboard=done.storyboard_sha256, takes=takes)


def final_when_complete(session_id: str, done: Finished, *, ended: int = 0) -> list[dg.RunRequest]:
    """Ask for the final when every scene of the storyboard is finished and no final follows from them yet.

    `ended` counts the runs that ended for the same takes: a failed one may be asked for again, one
    that still runs may not.
    """
    if not done.scenes_are or done.finals:
        return []
    return [
        dg.RunRequest(
            run_key=f"{session_id}/{made_of(done)}/{ended}",
            partition_key=session_id,
            run_config={"ops": {"final_mp4": {"config": {"reuse": True}}}},
            tags={SESSION_TAG: session_id, MADE_BY_TAG: "pipeline", MADE_OF_TAG: made_of(done)},
        )
    ]


@dg.sensor(
    job=scene_job,
    minimum_interval_seconds=_EVERY_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="A new storyboard asks for one run per scene. 새 콘티가 나오면 장면마다 실행을 시작합니다.",
)
def scenes_of_new_storyboards(context: dg.SensorEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
    """One run per scene of each storyboard made since the last look."""
    asked: list[dg.RunRequest] = []
    for event in _new_events(context, ["storyboard"]):
        done = _finished(event)
        if done:
            session_id = event.partition_key or ""
            register(context.instance, session_id, done.scene_ids)
            asked += one_run_per_scene(session_id, done, cause=str(event.storage_id))
    return asked or dg.SkipReason("no new storyboard")


@dg.sensor(
    job=final_job,
    minimum_interval_seconds=_EVERY_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Complete scenes ask for the final. 모든 장면이 끝나면 최종 영상을 만듭니다.",
)
def finals_of_complete_sessions(context: dg.SensorEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
    """The final of each session whose last scene was finished since the last look."""
    asked: dict[str, list[dg.RunRequest]] = {}
    for event in _new_events(context, ["storyboard", "lipsync", "sfx", "voice"]):
        session_id = (event.partition_key or "").split("|")[0]
        if session_id not in asked:
            done = _finished(event)
            asked[session_id] = _final_of(context.instance, session_id, done) if done else []
    requests = [request for of_session in asked.values() for request in of_session]
    return requests or dg.SkipReason("no session became complete")


SENSORS = [scenes_of_new_storyboards, finals_of_complete_sessions]


def _new_events(context: dg.SensorEvaluationContext, assets: Sequence[str]) -> list[dg.EventLogRecord]:
    """Materializations since the cursor that no driver made, the oldest first."""
    after = int(context.cursor) if context.cursor else None
    found: list[dg.EventLogRecord] = []
    seen_up_to: list[int] = []
    for asset in assets:
        records = context.instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=dg.AssetKey(asset), after_storage_id=after),
            limit=_MOST_EVENTS,
            ascending=True,
        ).records
        found += records
        if len(records) == _MOST_EVENTS:
            seen_up_to.append(records[-1].storage_id)
    if not found:
        return []
    # With more than one page of one asset, the rest of it waits for the next tick.
    upto = min(seen_up_to, default=max(event.storage_id for event in found))
    context.update_cursor(str(upto))
    found = sorted((event for event in found if event.storage_id <= upto), key=lambda event: event.storage_id)
    return [event for event in found if not _is_drivers(context.instance, event.run_id)]


def _final_of(instance: dg.DagsterInstance, session_id: str, done: Finished) -> list[dg.RunRequest]:
    runs = instance.get_runs(dg.RunsFilter(tags={MADE_OF_TAG: made_of(done)})) if done.scenes_are else []
    return final_when_complete(session_id, done, ended=sum(run.is_finished for run in runs))


def _is_drivers(instance: dg.DagsterInstance, run_id: str) -> bool:
    run = instance.get_run_by_id(run_id)
    return run is not None and DRIVER_TAG in run.tags


def _finished(event: dg.EventLogRecord) -> Finished | None:
    """What of the event's session is finished; None when its folder is gone."""
    session_id = (event.partition_key or "").split("|")[0]
    try:
        return finished(Workplace.at(settings_from_environment()), session_id)
    except AdPipelineError:
        return None
