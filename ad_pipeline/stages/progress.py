"""What of a session is finished, decided from the storyboard and the records alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ad_pipeline.errors import InputRejected
from ad_pipeline.sessions.keys import Kind
from ad_pipeline.sessions.records import TakeRecord
from ad_pipeline.stages.final_mp4 import final_tasks
from ad_pipeline.stages.key_image import key_image_tasks
from ad_pipeline.stages.launcher import WorkState, WorkStatus
from ad_pipeline.stages.lipsync import lipsync_tasks
from ad_pipeline.stages.making import Task, current
from ad_pipeline.stages.motion_clip import motion_clip_tasks
from ad_pipeline.stages.session_facts import STORYBOARD, SessionFacts, facts_of
from ad_pipeline.stages.sfx import sfx_task
from ad_pipeline.stages.soundtrack import music_task
from ad_pipeline.stages.storyboard import hand_edited, standing_storyboard, storyboard_bases
from ad_pipeline.stages.voice import voice_task
from ad_pipeline.stages.workplace import Workplace

_SCENE_TASKS: dict[Kind, Callable[[SessionFacts, str], Sequence[Task]]] = {
    "key_image": lambda facts, scene_id: key_image_tasks(facts, scene_id),
    "motion_clip": lambda facts, scene_id: motion_clip_tasks(facts, scene_id),
    "voice": lambda facts, scene_id: [voice_task(facts, scene_id)],
    "lipsync": lambda facts, scene_id: lipsync_tasks(facts, scene_id),
    "sfx": lambda facts, scene_id: [sfx_task(facts, scene_id)],
}
SCENE_KINDS: tuple[Kind, ...] = tuple(_SCENE_TASKS)


@dataclass(frozen=True, kw_only=True)
class Finished:
    """The takes that serve as they are: by scene and artifact, and for the whole session."""

    storyboard: bool
    scenes: dict[str, dict[Kind, tuple[TakeRecord, ...]]]
    finals: tuple[TakeRecord, ...]
    scene_ids: tuple[str, ...]
    storyboard_sha256: str = ""

    def scene_is(self, scene_id: str) -> bool:
        """Whether every artifact of the scene serves as it is."""
        return set(self.scenes.get(scene_id, {})) == set(SCENE_KINDS)

    @property
    def scenes_are(self) -> bool:
        return bool(self.scene_ids) and all(self.scene_is(scene_id) for scene_id in self.scene_ids)

    @property
    def whole(self) -> bool:
        return self.storyboard and self.scenes_are and bool(self.finals)


def finished(workplace: Workplace, session_id: str) -> Finished:
    """What of the session serves as it is; nothing is made.

    Raises:
        InputRejected: no such session.
    """
    facts = facts_of(workplace, session_id)
    board = facts.session.picked(STORYBOARD)
    if not board or not standing_storyboard(facts) or hand_edited(facts.session):
        return Finished(storyboard=False, scenes={}, finals=(), scene_ids=())
    scene_ids = facts.storyboard.scene_ids
    scenes = {scene_id: _finished_scene(facts, scene_id) for scene_id in scene_ids}
    found = Finished(storyboard=True, scenes=scenes, finals=(), scene_ids=scene_ids)
    finals = _served(facts, lambda: final_tasks(facts)) if found.scenes_are else ()
    return Finished(storyboard=True, scenes=scenes, finals=finals, scene_ids=scene_ids, storyboard_sha256=board.sha256)


def work_status(
    workplace: Workplace, *, work_id: str, session_id: str, state: WorkState, fault: str = ""
) -> WorkStatus:
    """How far the session's ad is, as a piece of work in `state` sees it."""
    done = finished(workplace, session_id)
    total = len(done.scene_ids)
    parts = sum(len(done.scenes.get(scene_id, {})) for scene_id in done.scene_ids)
    share = 1.0 if done.whole or state == "completed" else 0.9 * parts / (total * len(SCENE_KINDS)) if total else 0.0
    step = "storyboard" if not done.storyboard else "final_mp4" if done.scenes_are else "scenes"
    return WorkStatus(
        work_id=work_id,
        session_id=session_id,
        status=state,
        progress=round(share, 3),
        current_step="" if state in ("completed", "failed", "cancelled") else step,
        scenes_completed=sum(done.scene_is(scene_id) for scene_id in done.scene_ids),
        scenes_total=total,
        fault=fault,
    )


def stands(facts: SessionFacts, record: TakeRecord) -> bool:
    """Whether the take follows from the story and the other picked takes as they are; a pick of it lasts.

    Raises:
        InputRejected: something that it is made from was not made yet.
    """
    match record.stage:
        case "brief" | "input_image" | "product_facts":
            return True
        case "storyboard":
            return record.basis in storyboard_bases(facts)
        case "music":
            tasks: Sequence[Task] = [music_task(facts)]
        case "final_mp4":
            tasks = final_tasks(facts)
        case _:
            tasks = _SCENE_TASKS[record.stage](facts, record.scene_id or "")
    return any(task.key == record.key and task.basis == record.basis for task in tasks)


def _finished_scene(facts: SessionFacts, scene_id: str) -> dict[Kind, tuple[TakeRecord, ...]]:
    found: dict[Kind, tuple[TakeRecord, ...]] = {}
    for kind, tasks in _SCENE_TASKS.items():
        records = _served(facts, lambda tasks=tasks: tasks(facts, scene_id))
        if records:
            found[kind] = records
    return found


def _served(facts: SessionFacts, tasks: Callable[[], Sequence[Task]]) -> tuple[TakeRecord, ...]:
    """The records that serve all tasks, or nothing; a stage whose input is missing is not finished."""
    try:
        records = [current(facts.session, task) for task in tasks()]
    except InputRejected:
        return ()
    return tuple(r for r in records if r) if all(records) else ()
