"""How an artifact is made: reuse, attempts, the chain, the budget, seeds, and what the record tells."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ad_pipeline.checks.verdict import Verdict
from ad_pipeline.engines.contracts import Done, Engine, EngineFacts, Estimate, Job, Licence, Progress
from ad_pipeline.engines.registry import Registry
from ad_pipeline.errors import BudgetExceeded, Cancelled, EngineRefused, EngineUnavailable, NobodyThere
from ad_pipeline.ledger.ledger import Ledger
from ad_pipeline.messages import Message
from ad_pipeline.routing.route import decide
from ad_pipeline.sessions.keys import ArtifactKey
from ad_pipeline.sessions.records import TakeRecord
from ad_pipeline.sessions.store import Draft, Session, SessionStore
from ad_pipeline.stages.making import GPU_ATTEMPTS, Task, current, make
from ad_pipeline.stages.workplace import RESUME, StepReport, Wishes, Workplace
from ad_pipeline.story.storyboard import Scene
from ad_pipeline_tests.story.samples import a_brief

KEY = ArtifactKey(kind="key_image", scene_id="scene_001", format="9:16")
PAID, GPU, OWN = "openai/gpt-image-2", "comfyui/z_image_turbo", "animatic/compositor"
PERSON = Wishes(reuse=False)


class FakeEngine(Engine):
    """Keeps the contract; says of each job what the test wants: a text to write, or an error to raise."""

    def __init__(self, model_id: str, *answers: object, version: str = "1", cost_usd: float = 0.0) -> None:
        name, model = model_id.split("/")
        self.facts = EngineFacts(
            name=name, model=model, version=version, crafts=frozenset({"image"}),
            licence=Licence(name="test", paid_ads="yes"), local=True,
        )  # fmt: skip
        self.jobs: list[str] = []
        self.seeds: list[int | None] = []
        self.cost_usd = cost_usd
        self._answers: Iterator[object] = iter(answers or ("picture",) * 20)

    def draw(self, target: Path, seed: int | None, job: Job) -> Done:
        self.jobs.append(job.job_id)
        self.seeds.append(seed)
        answer = next(self._answers)
        if isinstance(answer, BaseException):
            raise answer
        target.write_text(f"{answer} by {self.facts.name} with {seed}")
        return Done(model=self.facts.model, seed=seed, cost_usd=self.cost_usd, gpu_seconds=1.5,
                    details={"graph": "g", "why": answer})  # fmt: skip


def _down(engine: str = GPU) -> EngineUnavailable:
    return EngineUnavailable("{engine} is not ready: {missing}", engine=engine, missing="it is busy")


def _refused(engine: str = GPU) -> EngineRefused:
    return EngineRefused("{engine} refused: {reason}", engine=engine, reason="too large")


class Studio:
    """A workplace with fakes, and a task that asks them."""

    def __init__(self, root: Path, *engines: FakeEngine, **changes: Any) -> None:
        self.reports: list[StepReport] = []
        self.workplace = Workplace(
            store=SessionStore(root),
            ledger=Ledger(root / "ledger.sqlite"),
            engines=Registry(more={f"{e.facts.name}/{e.facts.model}": e for e in engines}),
            report=self.reports.append,
            first_pause_s=0.0,
            **changes,
        )
        self.session: Session = self.workplace.session("ad")

    def make(self, task: Task, wishes: Wishes = RESUME) -> TakeRecord:
        return make(self.workplace, self.session, task, wishes)


def _no_verdicts(_: Draft, __: Done) -> Sequence[Verdict]:
    return ()


def a_task(
    *,
    quality: str = "standard",
    budget_usd: float | None = None,
    cta: bool = False,
    check: Callable[[Draft, Done], Sequence[Verdict]] = _no_verdicts,
    **parameters: Any,
) -> Task:
    """A picture to make; `cta` at premium wants the paid engine. The chain is cut to those with a double here."""
    brief = a_brief(quality=quality, budget_usd=budget_usd)
    scene = Scene(id="scene_001", purpose="cta" if cta else "hook", duration_seconds=3)
    decision = decide("key_image", brief=brief, scene=scene)
    ours = tuple(row for row in decision.chain if row.model_id in (PAID, GPU, OWN))

    def work(engine: Engine, seed: int | None, draft: Draft, job: Job) -> Done:
        assert isinstance(engine, FakeEngine)
        return engine.draw(draft.path, seed, job)

    return Task(
        key=KEY,
        stage_version=1,
        decision=dataclasses.replace(decision, chain=ours),
        brief=brief,
        inputs={"input_image": "abc"},
        parameters={"prompt": "a bottle"} | parameters,
        seed=100,
        work=work,
        check=check,
        estimate=lambda engine: Estimate(cost_usd=0.08 if engine.facts.name == "openai" else 0.0),
        wishes_used=("seed", "prompt"),
    )


def test_a_passing_fault_is_tried_again_under_another_job(tmp_path: Path) -> None:
    gpu = FakeEngine(GPU, _down(), _down(), "picture")
    studio = Studio(tmp_path, gpu)

    record = studio.make(a_task())

    assert (record.engine, record.attempts, record.degraded) == ("comfyui", 3, None)
    assert len(set(gpu.jobs)) == 3
    assert record.job_id == gpu.jobs[2]
    states = {entry.job_id: entry.state for entry in studio.workplace.ledger.entries("ad")}
    assert states == {gpu.jobs[0]: "released", gpu.jobs[1]: "released", gpu.jobs[2]: "settled"}
    assert studio.workplace.ledger.spent("ad").gpu_seconds == 1.5


def test_after_a_crash_the_job_that_was_out_is_asked_for_again(tmp_path: Path) -> None:
    first, again = FakeEngine(GPU, _down(), KeyboardInterrupt()), FakeEngine(GPU, "picture")
    with pytest.raises(KeyboardInterrupt):
        Studio(tmp_path, first).make(a_task())

    record = Studio(tmp_path, again).make(a_task())

    assert again.jobs == [first.jobs[1]]
    assert record.attempts == 1


def test_after_all_attempts_failed_the_next_ones_have_ids_of_their_own(tmp_path: Path) -> None:
    down, up = FakeEngine(GPU, *[_down()] * GPU_ATTEMPTS), FakeEngine(GPU, "picture")
    with pytest.raises(EngineUnavailable):
        Studio(tmp_path, down).make(only(GPU, a_task()))

    Studio(tmp_path, up).make(only(GPU, a_task()))

    assert up.jobs[0] not in down.jobs


def only(model_id: str, task: Task) -> Task:
    """The task with no engine behind the one named."""
    chain = tuple(row for row in task.decision.chain if row.model_id == model_id)
    return dataclasses.replace(task, decision=dataclasses.replace(task.decision, chain=chain))


def test_an_engine_that_stays_down_falls_to_the_next_and_says_so(tmp_path: Path) -> None:
    gpu, own = FakeEngine(GPU, *[_down()] * GPU_ATTEMPTS), FakeEngine(OWN)
    studio = Studio(tmp_path, gpu, own)

    record = studio.make(a_task())

    assert len(gpu.jobs) == GPU_ATTEMPTS
    assert record.degraded
    told = record.degraded
    assert (told.wanted, told.used, told.why) == (GPU, OWN, "comfyui/z_image_turbo is not ready: it is busy")
    assert (record.engine, record.attempts) == ("animatic", 1)
    assert studio.reports[-1].state == "degraded"
    assert studio.workplace.ledger.spent("ad").committed_usd == 0


def test_nobody_there_is_not_waited_for_again(tmp_path: Path) -> None:
    gone = NobodyThere("no node could be used for {seconds} s", engine=GPU, seconds=600)
    gpu, own = FakeEngine(GPU, gone), FakeEngine(OWN)
    studio = Studio(tmp_path, gpu, own)

    record = studio.make(a_task())

    assert (len(gpu.jobs), record.engine) == (1, "animatic")
    assert studio.workplace.ledger.state_of(gpu.jobs[0]) == "released"


def test_what_a_person_waits_for_is_told_as_waiting(tmp_path: Path) -> None:
    class Queued(FakeEngine):
        def draw(self, target: Path, seed: int | None, job: Job) -> Done:
            job.report(Progress(fraction=0.0, note="2 before it", waits=True))
            return super().draw(target, seed, job)

    studio = Studio(tmp_path, Queued(GPU, _down(), "picture"))

    studio.make(a_task())

    told = [(report.state, report.note) for report in studio.reports if report.note]
    down = "comfyui/z_image_turbo is not ready: it is busy"
    assert told == [
        ("waiting", "2 before it"), ("waiting", down), ("waiting", "2 before it"), ("made", "v1")
    ]  # fmt: skip


def test_why_a_weaker_engine_made_it_is_kept_for_every_language(tmp_path: Path) -> None:
    missing = EngineUnavailable("there is no graph {graph}", engine=GPU, graph="x").message
    fault = EngineRefused("{engine} is not ready: {missing}", engine=GPU, missing=missing)
    studio = Studio(tmp_path, FakeEngine(GPU, fault), FakeEngine(OWN))

    studio.make(a_task())

    record = studio.session.picked(KEY)
    assert record and record.degraded
    why = record.degraded.why_not_wanted()
    assert isinstance(why, Message)
    assert record.degraded.why == str(why) == f"{GPU} is not ready: there is no graph x"
    assert why.said_in("ko") == fault.message.said_in("ko") != str(why)
    spoilt = record.degraded.model_copy(update={"reasons": ({"template": "{0}", "facts": {}},)})
    assert spoilt.why_not_wanted() == record.degraded.why


def test_an_engine_that_this_version_lacks_falls_to_the_next_at_once(tmp_path: Path) -> None:
    record = Studio(tmp_path, FakeEngine(OWN)).make(a_task())

    assert record.degraded
    assert record.degraded.wanted == GPU
    assert "not part of this version" in record.degraded.why


def test_a_refusal_is_never_tried_again(tmp_path: Path) -> None:
    gpu, own = FakeEngine(GPU, _refused()), FakeEngine(OWN)

    record = Studio(tmp_path, gpu, own).make(a_task())

    assert len(gpu.jobs) == 1
    assert record.degraded
    assert record.degraded.why == "comfyui/z_image_turbo refused: too large"


def test_this_machines_own_engine_is_tried_once(tmp_path: Path) -> None:
    own = FakeEngine(OWN, _down(OWN), "picture")
    studio = Studio(tmp_path, own)

    with pytest.raises(EngineUnavailable, match="animatic/compositor is not ready"):
        studio.make(a_task(quality="draft"))

    assert len(own.jobs) == 1
    assert studio.reports[-1].state == "failed"
    assert not studio.session.takes(KEY)
    assert studio.workplace.ledger.entries("ad") == ()


def test_when_the_budget_is_spent_a_free_engine_takes_over(tmp_path: Path) -> None:
    paid, gpu, own = FakeEngine(PAID, cost_usd=0.08), FakeEngine(GPU), FakeEngine(OWN)
    studio = Studio(tmp_path, paid, gpu, own)
    bought = studio.make(a_task(quality="premium", cta=True, budget_usd=0.1))
    assert (bought.engine, bought.cost_reserved_usd, bought.cost_settled_usd) == ("openai", 0.08, 0.08)

    second = studio.make(a_task(quality="premium", cta=True, budget_usd=0.1, prompt="another"))

    assert len(paid.jobs) == 1
    assert second.engine == "comfyui"
    assert second.degraded
    assert "$0.02 of the budget of $0.10 is left" in second.degraded.why
    assert studio.workplace.ledger.spent("ad").settled_usd == 0.08


def test_a_budget_that_covers_no_engine_is_the_error(tmp_path: Path) -> None:
    studio = Studio(tmp_path, FakeEngine(PAID))
    task = a_task(quality="premium", cta=True, budget_usd=0.01)
    only_paid = dataclasses.replace(task, decision=dataclasses.replace(task.decision, chain=task.decision.chain[:1]))

    with pytest.raises(BudgetExceeded, match="costs about"):
        studio.make(only_paid)


def test_what_follows_from_the_story_as_it_is_is_not_made_again(tmp_path: Path) -> None:
    own = FakeEngine(OWN)
    studio = Studio(tmp_path, own)
    first = studio.make(a_task(quality="draft"))

    again = studio.make(a_task(quality="draft"))

    assert again == first
    assert len(own.jobs) == 1
    assert (studio.reports[-1].state, studio.reports[-1].note) == ("reused", "v1")
    assert current(studio.session, a_task(quality="draft")) == first
    assert current(studio.session, a_task(quality="draft", prompt="new")) is None


def test_a_changed_byte_is_made_again(tmp_path: Path) -> None:
    studio = Studio(tmp_path, FakeEngine(OWN))
    first = studio.make(a_task(quality="draft"))
    studio.session.path_of(first).write_text("x")

    again = studio.make(a_task(quality="draft"))

    assert again.take == 2
    assert again.seed == first.seed


def test_a_story_that_changes_back_finds_its_old_take(tmp_path: Path) -> None:
    own = FakeEngine(OWN)
    studio = Studio(tmp_path, own)
    first = studio.make(a_task(quality="draft"))
    studio.make(a_task(quality="draft", prompt="new"))

    back = studio.make(a_task(quality="draft"))

    assert back == first
    assert studio.session.picked(KEY) == first
    assert len(own.jobs) == 2


def test_a_person_who_asks_anew_gets_the_next_seed(tmp_path: Path) -> None:
    own = FakeEngine(OWN)
    studio = Studio(tmp_path, own, made_by="person")

    seeds = [studio.make(a_task(quality="draft"), PERSON).seed for _ in range(3)]

    assert seeds == [100, 101, 102]
    assert [record.take for record in studio.session.takes(KEY)] == [1, 2, 3]
    assert {record.made_by for record in studio.session.takes(KEY)} == {"person"}


def test_a_wished_seed_or_prompt_makes_a_take_that_resume_keeps(tmp_path: Path) -> None:
    own = FakeEngine(OWN)
    studio = Studio(tmp_path, own)
    studio.make(a_task(quality="draft"))

    wished = studio.make(a_task(quality="draft"), Wishes(reuse=False, seed=7, prompt="a jar", cfg=3.0))

    assert wished.seed == 7
    assert wished.parameters["prompt"] == "a jar"
    assert "cfg" not in wished.parameters  # this stage does not heed it
    assert studio.make(a_task(quality="draft")) == wished
    assert len(own.jobs) == 2


def test_a_persons_pick_survives_resume(tmp_path: Path) -> None:
    own = FakeEngine(OWN)
    studio = Studio(tmp_path, own)
    first = studio.make(a_task(quality="draft"))
    studio.make(a_task(quality="draft"), PERSON)
    studio.session.pick(KEY, 1, by="person")

    assert studio.make(a_task(quality="draft")) == first
    assert studio.session.picked(KEY) == first
    assert len(own.jobs) == 2


def test_upgrade_tries_only_what_is_degraded(tmp_path: Path) -> None:
    gpu, own = FakeEngine(GPU, _refused(), "picture"), FakeEngine(OWN)
    studio = Studio(tmp_path, gpu, own)
    weaker = studio.make(a_task())
    assert weaker.degraded
    assert studio.make(a_task()) == weaker  # resume keeps it

    better = studio.make(a_task(), Wishes(upgrade=True))

    assert (better.take, better.engine, better.degraded) == (2, "comfyui", None)
    assert studio.make(a_task(), Wishes(upgrade=True)) == better
    assert len(gpu.jobs) == 2


def test_a_stopped_work_leaves_nothing(tmp_path: Path) -> None:
    gpu = FakeEngine(GPU)
    studio = Studio(tmp_path, gpu, FakeEngine(OWN), should_stop=lambda: True)

    with pytest.raises(Cancelled):
        studio.make(a_task())

    assert gpu.jobs == []
    assert not studio.session.takes(KEY)
    assert not list((studio.session.folder / ".drafts").iterdir())
    assert studio.workplace.ledger.spent("ad").committed_usd == 0


def test_a_stop_during_the_pause_is_heeded(tmp_path: Path) -> None:
    stopped: list[bool] = []
    gpu = FakeEngine(GPU, _down())
    studio = Studio(tmp_path, gpu, should_stop=lambda: bool(stopped))
    studio.workplace = dataclasses.replace(studio.workplace, first_pause_s=60.0)
    draw = gpu.draw

    def draw_then_stop(target: Path, seed: int | None, job: Job) -> Done:
        stopped.append(True)
        return draw(target, seed, job)

    gpu.draw = draw_then_stop  # type: ignore[method-assign]
    with pytest.raises(Cancelled):
        studio.make(a_task())
    assert len(gpu.jobs) == 1


def test_the_checks_answers_are_kept_in_the_record(tmp_path: Path) -> None:
    def check(draft: Draft, done: Done) -> Sequence[Verdict]:
        assert draft.path.is_file()
        assert done.model == "compositor"
        return [
            Verdict(name="size", passed=True, measured="10", limit="10"),
            Verdict(name="black", passed=False, measured="90 %", limit="5 %", note="look at it"),
            Verdict(name="taste", passed=False, measured="grey", limit="bright", severity="warning"),
        ]

    studio = Studio(tmp_path, FakeEngine(OWN))
    studio.make(a_task(quality="draft", check=check))

    record = studio.session.picked(KEY)
    assert record
    assert [(v.name, v.passed, v.note) for v in record.verdicts][:2] == [
        ("size", True, ""), ("black", False, "look at it"),
    ]  # fmt: skip
    assert [v.name for v in record.failed_checks] == ["black"]


def test_the_record_tells_all_that_decided_it(tmp_path: Path) -> None:
    studio = Studio(tmp_path, FakeEngine(OWN, version="7"), run_id="run-1")

    record = studio.make(a_task(quality="draft"))

    assert (record.engine, record.model, record.version, record.run_id) == ("animatic", "compositor", "7", "run-1")
    assert record.inputs == {"input_image": "abc"}
    assert record.parameters == {"prompt": "a bottle"}
    assert record.graph == "g"
    assert (record.licence.name, record.licence.paid_ads) == ("ours", "yes")
    assert record.fingerprint != record.basis


def test_what_decides_the_result_decides_the_basis() -> None:
    base = a_task()
    assert a_task().basis == base.basis
    assert a_task(budget_usd=5.0).basis == base.basis
    changed = [
        a_task(prompt="other"),
        a_task(quality="draft"),
        dataclasses.replace(base, seed=101),
        dataclasses.replace(base, inputs={"input_image": "abd"}),
        dataclasses.replace(base, stage_version=2),
        dataclasses.replace(base, key=ArtifactKey(kind="motion_clip", scene_id="scene_001", format="9:16")),
    ]
    assert len({base.basis, *(task.basis for task in changed)}) == len(changed) + 1
