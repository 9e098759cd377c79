"""How every artifact is made: look it up, route it, pay for it, try, fall back, check, record.

This is the one place that retries and the one place that falls down the chain of engines, so that
no two layers multiply their attempts and no downgrade goes unmarked.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any

from ad_pipeline.checks.verdict import Verdict
from ad_pipeline.engines.contracts import Done, Engine, Estimate, Job, Progress, Written
from ad_pipeline.errors import (
    AdPipelineError,
    BudgetExceeded,
    Cancelled,
    DoesNotFit,
    EngineBusy,
    EngineError,
    EngineRefused,
    EngineUnavailable,
    NobodyThere,
)
from ad_pipeline.messages import user_language
from ad_pipeline.routing.catalogue import ModelRow
from ad_pipeline.routing.route import Decision
from ad_pipeline.sessions.fingerprint import fingerprint, job_id, plain
from ad_pipeline.sessions.glimpses import show
from ad_pipeline.sessions.keys import ArtifactKey
from ad_pipeline.sessions.records import Degraded, LicenceNote, TakeRecord, VerdictNote
from ad_pipeline.sessions.store import Draft, Session
from ad_pipeline.stages.account import Account
from ad_pipeline.stages.workplace import StepReport, StepState, Wishes, Workplace
from ad_pipeline.story.brief import Brief

GPU_ATTEMPTS = 3
LONGEST_PAUSE_S = 120.0
"""No service is waited for longer, whatever it asks for; the next engine is faster."""


def _unannounced(_: Engine, __: int | None, ___: Job) -> AbstractContextManager[object]:
    return contextlib.nullcontext()


@dataclass(frozen=True, kw_only=True)
class Task:
    """One artifact to make: what decides it, who may make it, how, and how it is judged.

    `parameters` are what the story and the brand decide; `work` gets the seed and the engine.
    """

    key: ArtifactKey
    stage_version: int
    decision: Decision
    brief: Brief
    inputs: Mapping[str, str]
    """artifact -> sha256 of what it is made from."""
    parameters: Mapping[str, Any]
    seed: int | None
    work: Callable[[Engine, int | None, Draft, Job], Done]
    check: Callable[[Draft, Done], Sequence[Verdict]]
    estimate: Callable[[Engine], Estimate] = field(default=lambda _: Estimate())
    announce: Callable[[Engine, int | None, Job], AbstractContextManager[object]] = field(default=_unannounced)
    """Lets whoever gives out turns know of the same work as `work` would ask for (see `announcing.py`)."""
    wishes_used: tuple[str, ...] = ()
    """Which of a person's wishes this stage heeds."""

    @property
    def basis(self) -> str:
        """What the story and the route decide, a person's own wishes left out."""
        wanted = self.decision.wanted
        return fingerprint(
            stage=self.key.kind,
            stage_version=self.stage_version,
            wanted=wanted.model_id,
            inputs=self.inputs,
            parameters=self.parameters,
            seed=self.seed,
        )


def current(session: Session, task: Task) -> TakeRecord | None:
    """The take that serves as it is: the picked one when it still follows from the story.

    A person's pick or wish stands as long as the story beneath it does not change.
    """
    picked = session.picked(task.key)
    if picked and picked.basis == task.basis and session.is_intact(picked):
        return picked
    return None


def make(workplace: Workplace, session: Session, task: Task, wishes: Wishes) -> TakeRecord:
    """The artifact's take: reused when nothing that decides it changed, else made now.

    Raises:
        EngineError: every engine of the chain failed; the last one's error.
        BudgetExceeded: the brief's budget does not cover any engine of the chain.
        Cancelled: the work was stopped.
    """
    found: TakeRecord | None = None
    if wishes.reuse and not _heeded(task, wishes):
        found = current(session, task) or _repicked(session, task)
        if found and not (wishes.upgrade and found.degraded):
            return _kept(workplace, session, task, found)
    seed = seed_of(session, task, wishes)
    faults: list[AdPipelineError] = []
    for row in task.decision.chain:
        if found and found.degraded and found.degraded.used == row.model_id:
            return _kept(workplace, session, task, found)  # nobody better was there: the take that exists stays
        try:
            return _made_by(workplace, session, task, wishes, row=row, seed=seed, faults=faults)
        except (EngineError, BudgetExceeded) as error:
            faults.append(error)
            if isinstance(error, DoesNotFit):
                break
            _tell(workplace, session, task, "working", note=_said(error), fraction=0.0)
    _tell(workplace, session, task, "failed", note=_said(faults[-1]))
    raise faults[-1]


def _kept(workplace: Workplace, session: Session, task: Task, found: TakeRecord) -> TakeRecord:
    _tell(workplace, session, task, "reused", note=f"v{found.take}")
    return found


def _made_by(
    workplace: Workplace, session: Session, task: Task, wishes: Wishes, *, row: ModelRow, seed: int | None,
    faults: Sequence[AdPipelineError],
) -> TakeRecord:  # fmt: skip
    engine = workplace.engines.engine(row.model_id)
    decides = decides_of(task, engine, row=row, seed=seed, wishes=wishes)
    work = work_of(session, task, decides)
    account = _account(workplace, session, task, row, work) if costs(row) else None
    started = time.monotonic()
    with session.drafting(task.key) as draft:
        done, attempts, made_as = _tried(
            workplace, session, task, engine=engine, seed=seed, work=work, account=account, draft=draft
        )
        # A job that was taken up waited before this process began.
        run_s = max(0.0, time.monotonic() - started - done.seconds_waited)
        verdicts = task.check(draft, done)
        degraded = _degraded(task, row, done, faults)
        licence = done.licence or (done.lesser.licence if done.lesser else row.licence)
        estimate = task.estimate(engine)
        record = session.commit(
            draft,
            made_by=workplace.made_by,
            facts={
                "engine": row.engine,
                "model": done.lesser.model_id.split("/", 1)[1] if done.lesser else done.model,
                "version": engine.facts.version,
                "licence": LicenceNote(name=licence.name, paid_ads=licence.paid_ads),
                "graph": str(done.details.get("graph", "")),
                "graph_version": str(done.details.get("graph_version", "")),
                "seed": seed if done.seed is None else done.seed,
                "parameters": {**plain(task.parameters), **plain(_heeded(task, wishes))},
                "inputs": dict(task.inputs),
                "basis": task.basis,
                "fingerprint": decides,
                "seconds_waited": round(done.seconds_waited, 3),
                "seconds_run": round(run_s, 3),
                "gpu_seconds": done.gpu_seconds,
                "cost_reserved_usd": estimate.cost_usd,
                "cost_settled_usd": done.cost_usd,
                "node": done.node,
                "attempts": attempts,
                "job_id": made_as,
                "degraded": degraded,
                "verdicts": tuple(VerdictNote(**verdict.to_dict()) for verdict in verdicts),
                "details": plain(done.details),
                "run_id": workplace.run_id,
            },
        )
    if account:
        account.close()
    state: StepState = "degraded" if degraded else "made"
    _tell(workplace, session, task, state, note=f"v{record.take}", seconds=time.monotonic() - started)
    return record


def _degraded(task: Task, row: ModelRow, done: Done, faults: Sequence[AdPipelineError]) -> Degraded | None:
    """What kept the wanted model from making it: faults of those before, and what the engine itself fell back on."""
    wanted = task.decision.wanted.model_id
    used = done.lesser.model_id if done.lesser else row.model_id
    if used == wanted:
        return None
    whys = [*(fault.message for fault in faults), *([done.lesser.why] if done.lesser else [])]
    return Degraded(
        wanted=wanted,
        used=used,
        why="; ".join(dict.fromkeys(str(why) for why in whys)),
        reasons=tuple({str(why): why.noted() for why in whys}.values()),
    )


def _tried(
    workplace: Workplace, session: Session, task: Task, *, engine: Engine, seed: int | None, work: str,
    account: Account | None, draft: Draft,
) -> tuple[Done, int, str]:  # fmt: skip
    """The engine's work, in how many attempts, under which id; a passing fault is tried again where that can help."""
    first = first_attempt(workplace, session, work) if account else 1
    last = first + (GPU_ATTEMPTS if account or engine.facts.tried_again else 1) - 1

    def report(progress: Progress) -> None:
        _tell_progress(workplace, session, task, draft, progress)

    for attempt in range(first, last + 1):
        job = replace(job_of(workplace, session, work, attempt), report=report, is_last=attempt == last)
        if account:
            job = replace(job, paid=account.paid)
            account.begin(job.job_id, usd=task.estimate(engine).cost_usd)
        try:
            job.checkpoint(0.0)
            done = task.work(engine, seed, draft, job)
        except EngineUnavailable as error:
            is_over = attempt == last or isinstance(error, NobodyThere)
            if account:
                account.fail(is_over=is_over)
            if is_over:
                raise
            _tell(workplace, session, task, "waiting", note=_said(error), fraction=0.0)
            # A little apart, so that all who failed together do not come back together.
            pause_s = workplace.first_pause_s * 2 ** (attempt - first) * random.uniform(0.75, 1.25)
            wished_s = error.retry_after_s if isinstance(error, EngineBusy) else 0.0
            job.pause(max(pause_s, min(wished_s, LONGEST_PAUSE_S)))
            continue
        except EngineRefused:
            if account:
                account.fail(is_over=True)
            raise
        except Cancelled:
            if account:
                account.stop()
            raise
        if account:
            account.end(done)
        return done, attempt - first + 1, job.job_id
    raise AssertionError("unreachable: the last attempt returns or raises")


def _account(workplace: Workplace, session: Session, task: Task, row: ModelRow, work: str) -> Account:
    return Account(
        workplace.ledger, session.shelf(work), session_id=session.session_id, engine=row.model_id,
        artifact=str(task.key), budget_usd=task.brief.budget_usd,
    )  # fmt: skip


def costs(row: ModelRow) -> bool:
    """Whether its work is paid for or takes a GPU: then it has an account, and is tried more than once."""
    return row.gpu or not row.local


def decides_of(task: Task, engine: Engine, *, row: ModelRow, seed: int | None, wishes: Wishes) -> str:
    """Everything that decides what this engine makes of the task."""
    return fingerprint(
        basis=task.basis, engine=row.model_id, version=engine.facts.version, seed=seed, wishes=_heeded(task, wishes)
    )


def work_of(session: Session, task: Task, decides: str) -> str:
    """The work of all attempts at this artifact: two sessions of one brief each have an account of their own."""
    return fingerprint(session=session.session_id, artifact=str(task.key), decides=decides)


def job_of(workplace: Workplace, session: Session, work: str, attempt: int) -> Job:
    """One attempt, as an engine sees it."""
    return Job(
        job_id=job_id(work, attempt),
        work=work,
        shelf=session.shelf(work),
        kept=workplace.store.root / ".bought",
        group=session.session_id,
        urgent=workplace.urgent,
        hold=workplace.hold,
        should_stop=workplace.should_stop,
    )


def first_attempt(workplace: Workplace, session: Session, work: str) -> int:
    """The attempt to begin with: after a crash the one that was out then, so that its job is found and not paid twice.

    One that failed is released in the ledger. One that was paid is over too, unless the work still has its shelf:
    then no take came of it yet, and what it made lies there or with its engine.
    """
    attempt, is_open = 1, session.shelf(work).is_dir()
    while (state := workplace.ledger.state_of(job_id(work, attempt))) is not None:
        if state == "reserved" or (state == "settled" and is_open):
            break
        attempt += 1
    return attempt


def standing(session: Session, task: Task, wishes: Wishes) -> TakeRecord | None:
    """The take that follows from the story as it is now, where the wishes let one stand."""
    if not wishes.reuse or _heeded(task, wishes):
        return None
    return current(session, task) or _older(session, task)


def _older(session: Session, task: Task) -> TakeRecord | None:
    """A take that is not the picked one, but follows from the story as it is now."""
    made = reversed(session.takes(task.key))
    return next((record for record in made if record.basis == task.basis and session.is_intact(record)), None)


def _repicked(session: Session, task: Task) -> TakeRecord | None:
    """An older take, made the picked one again."""
    older = _older(session, task)
    return session.pick(task.key, older.take, by="pipeline") if older else None


def seed_of(session: Session, task: Task, wishes: Wishes) -> int | None:
    """The wished seed; else the story's own, moved on by one for every take that a person asks anew."""
    if task.seed is None:
        return None
    if wishes.seed is not None and "seed" in task.wishes_used:
        return wishes.seed
    made_before = sum(record.basis == task.basis for record in session.takes(task.key))
    return (task.seed + (0 if wishes.reuse else made_before)) % 2**31


def _heeded(task: Task, wishes: Wishes) -> dict[str, object]:
    return {name: value for name, value in wishes.own.items() if name in task.wishes_used}


def _tell_progress(workplace: Workplace, session: Session, task: Task, draft: Draft, progress: Progress) -> None:
    state: StepState = "waiting" if progress.waits else "working"
    glimpse = progress.glimpse
    if glimpse:
        show(draft, glimpse.suffix, glimpse.picture)
    _tell(
        workplace, session, task, state, note=progress.note, fraction=progress.fraction, glimpsed=glimpse is not None,
        written=progress.written,
    )  # fmt: skip


def _said(error: AdPipelineError) -> str:
    return error.message.said_in(user_language())


def _tell(
    workplace: Workplace, session: Session, task: Task, state: StepState, *, note: str = "", fraction: float = 1.0,
    seconds: float = 0.0, glimpsed: bool = False, written: Written | None = None,
) -> None:  # fmt: skip
    workplace.report(
        StepReport(
            session_id=session.session_id,
            kind=task.key.kind,
            scene_id=task.key.scene_id,
            format=task.key.format,
            state=state,
            fraction=fraction,
            note=note,
            seconds=round(seconds, 3),
            glimpsed=glimpsed,
            written=written,
        )
    )
