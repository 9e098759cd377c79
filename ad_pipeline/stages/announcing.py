"""What a stage will make, said before it is asked for, so that the order of the jobs can follow what is loaded.

A job is announced under the id that it will be asked under, and taken back when its stage has
ended, however it did. Work that needs no GPU and no account costs nothing here.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from ad_pipeline.engines.contracts import Engine, Job
from ad_pipeline.errors import EngineUnavailable
from ad_pipeline.sessions.records import TakeRecord
from ad_pipeline.sessions.store import Session
from ad_pipeline.stages.making import Task, costs, decides_of, first_attempt, job_of, make, seed_of, standing, work_of
from ad_pipeline.stages.workplace import Wishes, Workplace

Asked = tuple[Task, Wishes]
"""A task, and what is wished of it."""


@dataclass(frozen=True, kw_only=True)
class FirstTry:
    """Who will be asked first for a task, with which seed, and as which job."""

    engine: Engine
    seed: int | None
    job: Job


def is_kept(session: Session, task: Task, wishes: Wishes) -> bool:
    """Whether `make` would find that the work is done already; a weaker engine's take may still be tried again."""
    found = standing(session, task, wishes)
    return found is not None and not (wishes.upgrade and found.degraded)


def first_try(workplace: Workplace, session: Session, task: Task, wishes: Wishes) -> FirstTry | None:
    """What `make` would ask for first; None where that needs no GPU and no account, or the work is done.

    It looks whether the engines of the chain are ready, as `make` does, and changes nothing.
    """
    if not any(costs(row) for row in task.decision.chain) or is_kept(session, task, wishes):
        return None
    found, seed = standing(session, task, wishes), seed_of(session, task, wishes)
    for row in task.decision.chain:
        if not costs(row) or (found and found.degraded and found.degraded.used == row.model_id):
            return None
        try:
            engine = workplace.engines.engine(row.model_id)
        except EngineUnavailable:
            continue
        decides = decides_of(task, engine, row=row, seed=seed, wishes=wishes)
        work = work_of(session, task, decides)
        job = job_of(workplace, session, work, first_attempt(workplace, session, work))
        return FirstTry(engine=engine, seed=seed, job=job)
    return None


@contextmanager
def announced(workplace: Workplace, session: Session, asked: Sequence[Asked]) -> Generator[None, None, None]:
    """While this lasts, whoever gives out turns knows of those of the tasks that will really be made."""
    with ExitStack() as until_ended:
        for task, wishes in asked:
            first = first_try(workplace, session, task, wishes)
            if first:
                until_ended.enter_context(task.announce(first.engine, first.seed, first.job))
        yield


def make_all(workplace: Workplace, session: Session, asked: Sequence[Asked]) -> tuple[TakeRecord, ...]:
    """The take of each task in turn (see `making.make`); all of them are announced at once."""
    with announced(workplace, session, asked):
        return tuple(make(workplace, session, task, wishes) for task, wishes in asked)
