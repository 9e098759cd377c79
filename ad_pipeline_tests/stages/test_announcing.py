"""What a stage says of its work before it asks for it: only what will be made, under the same ids, and taken back."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from ad_pipeline.engines.contracts import Engine, Job
from ad_pipeline.errors import EngineRefused, EngineUnavailable
from ad_pipeline.stages.announcing import announced, make_all
from ad_pipeline.stages.coming import next_asked, wants_gpus
from ad_pipeline.stages.key_image import make_key_images
from ad_pipeline.stages.making import Task
from ad_pipeline.stages.opening import open_session
from ad_pipeline.stages.session_facts import facts_of
from ad_pipeline.stages.workplace import RESUME, Wishes
from ad_pipeline.story.formats import Format
from ad_pipeline_tests.stages.sessions import a_workplace, brief_text, open_ad
from ad_pipeline_tests.stages.test_making import GPU, KEY, OWN, FakeEngine, Studio, a_task, only


class Board:
    """Hears what is announced, and what of it still stands."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.standing: list[str] = []

    def announce(self, _: Engine, __: int | None, job: Job) -> AbstractContextManager[object]:
        return self._standing(job.job_id)

    @contextmanager
    def _standing(self, job_id: str) -> Generator[None, None, None]:
        self.heard.append(job_id)
        self.standing.append(job_id)
        try:
            yield
        finally:
            self.standing.remove(job_id)


def _tasks(board: Board, *formats: Format) -> list[Task]:
    return [
        dataclasses.replace(
            a_task(format=format_), key=dataclasses.replace(KEY, format=format_), announce=board.announce
        )
        for format_ in formats
    ]


def test_all_jobs_of_a_step_are_announced_under_the_ids_that_they_are_asked_under(tmp_path: Path) -> None:
    gpu, board = FakeEngine(GPU), Board()
    studio, tasks = Studio(tmp_path, gpu, FakeEngine(OWN)), _tasks(board, "9:16", "16:9", "1:1")

    records = make_all(studio.workplace, studio.session, [(task, RESUME) for task in tasks])

    assert board.heard == gpu.jobs == [record.job_id for record in records]
    assert not board.standing


def test_what_is_reused_is_not_announced(tmp_path: Path) -> None:
    board = Board()
    studio, tasks = Studio(tmp_path, FakeEngine(GPU), FakeEngine(OWN)), _tasks(board, "9:16", "16:9")
    kept = studio.make(tasks[0])

    with announced(studio.workplace, studio.session, [(task, RESUME) for task in tasks]):
        assert len(board.standing) == 1

    assert kept.job_id not in board.heard


def test_a_new_take_is_announced_with_its_own_seed(tmp_path: Path) -> None:
    gpu, board = FakeEngine(GPU), Board()
    studio, (task,) = Studio(tmp_path, gpu, FakeEngine(OWN)), _tasks(board, "9:16")
    studio.make(task)

    make_all(studio.workplace, studio.session, [(task, Wishes(reuse=False))])

    assert board.heard == gpu.jobs[1:]


def test_a_resumed_attempt_is_announced_as_the_one_that_was_out(tmp_path: Path) -> None:
    first, again, board = (
        FakeEngine(GPU, EngineUnavailable("{reason}", engine="comfyui", reason="busy"), KeyboardInterrupt()),
        FakeEngine(GPU),
        Board(),
    )
    (task,) = _tasks(board, "9:16")
    with pytest.raises(KeyboardInterrupt):
        Studio(tmp_path, first).make(task)
    studio = Studio(tmp_path, again, FakeEngine(OWN))

    make_all(studio.workplace, studio.session, [(task, RESUME)])

    assert board.heard == again.jobs == [first.jobs[1]]


def test_what_is_announced_is_taken_back_when_the_step_fails(tmp_path: Path) -> None:
    board = Board()
    studio = Studio(tmp_path, FakeEngine(GPU, EngineRefused("{reason}", engine="comfyui", reason="too large")))
    tasks = [only(GPU, task) for task in _tasks(board, "9:16", "16:9")]

    with pytest.raises(EngineRefused):
        make_all(studio.workplace, studio.session, [(task, RESUME) for task in tasks])

    assert len(board.heard) == 2
    assert not board.standing


def test_an_engine_that_is_not_there_is_passed_over_and_a_free_one_announces_nothing(tmp_path: Path) -> None:
    board = Board()
    studio = Studio(tmp_path, FakeEngine(OWN))

    make_all(studio.workplace, studio.session, [(task, RESUME) for task in _tasks(board, "9:16")])

    assert not board.heard


def test_only_a_route_that_leads_to_gpus_wants_them(tmp_path: Path) -> None:
    place = a_workplace(tmp_path)
    for quality in ("draft", "standard"):
        open_session(place, quality, brief_text(quality=quality), folder=tmp_path)
        open_ad(place, f"{quality}_written", quality=quality)

    wants = {
        name: wants_gpus(facts_of(place, name)) for name in ("draft", "standard", "draft_written", "standard_written")
    }

    assert wants == {"draft": False, "standard": True, "draft_written": False, "standard_written": True}


def test_a_scenes_next_work_is_the_first_that_is_not_done(tmp_path: Path) -> None:
    place = a_workplace(tmp_path)
    open_ad(place, formats=["9:16", "16:9"])
    facts = facts_of(place, "ad")

    first = next_asked(facts, "scene_001", lambda *_: RESUME)
    make_key_images(place, "ad", "scene_001")
    then = next_asked(facts, "scene_001", lambda *_: RESUME)
    anew = next_asked(facts, "scene_001", lambda _, kind: Wishes(reuse=kind != "key_image"))

    assert [str(task.key) for task, _ in first] == ["scene_001 key_image 9:16", "scene_001 key_image 16:9"]
    assert [str(task.key) for task, _ in then] == ["scene_001 motion_clip 9:16", "scene_001 motion_clip 16:9"]
    assert [task.key for task, _ in anew] == [task.key for task, _ in first]
