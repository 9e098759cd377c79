"""Asking the models of the writers' room: each role by its own route, paid for, never twice, every step noted.

What a role answered lies on the work's shelf until the storyboard is there: whoever goes on after a crash
finds it and neither asks nor pays again.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ad_pipeline.engines.comfy.recipe import narrowest
from ad_pipeline.engines.contracts import Job, Licence, Progress
from ad_pipeline.engines.crafts.language import Answer, Answered, LanguageEngine, Question
from ad_pipeline.errors import AdPipelineError, BudgetExceeded, EngineError, EngineUnavailable
from ad_pipeline.messages import Message, say, worded
from ad_pipeline.routing.catalogue import ModelRow, models
from ad_pipeline.routing.route import Decision, decide
from ad_pipeline.sessions.files import write_whole
from ad_pipeline.sessions.fingerprint import fingerprint, job_id
from ad_pipeline.stages.workplace import Workplace
from ad_pipeline.story.brief import Brief
from ad_pipeline.story.room.roles import Role, role_facts

_VERSION = 1
_MOST_ANSWERS = 3
"""An answer and two repairs."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """What one role did: who was wanted, who did it, what it took."""

    role: Role
    wanted: str
    used: str
    why: tuple[Message, ...] = ()
    """What kept each better one."""
    seconds: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    repairs: int = 0
    cost_usd: float = 0.0
    kept: bool = False
    """Answered before a crash, and not asked again."""
    note: str = ""

    @property
    def degraded(self) -> bool:
        return self.used != self.wanted

    def noted(self) -> dict[str, Any]:
        """As JSON values, for the record."""
        found = {name: value for name, value in vars(self).items() if name != "why" and value not in ("", 0, 0.0)}
        return {**found, "degraded": self.degraded, "why": [str(why) for why in self.why]}


@dataclass(kw_only=True)
class Team:
    """Those who are asked for one session; `steps` grows as they answer."""

    workplace: Workplace
    session_id: str
    brief: Brief
    shelf: Path
    job: Job
    seed: int
    steps: list[Step] = field(default_factory=list[Step])
    _gone: dict[str, AdPipelineError] = field(default_factory=dict[str, AdPipelineError])
    """Models that could not be reached: nobody waits for them once more."""
    _licences: dict[str, Licence] = field(default_factory=dict[str, Licence])
    _lost_usd: float = 0.0
    """What answers that came to nothing cost, since the last step was noted."""

    def ask(
        self,
        role: Role,
        *,
        instructions: str,
        text: str,
        answer: type[Answer],
        complaints: Callable[[Answer], Sequence[object]],
        heard: Callable[[Mapping[str, Any]], None],
        fraction: float,
        seed: int | None = None,
    ) -> Answer | None:
        """The answer of the best model that gives one; None where the route's last, who is no model, has to do it.

        Raises:
            Cancelled: the work was stopped.
        """
        decision = decide(role, brief=self.brief)
        facts = role_facts()[role]
        question = Question(
            role=role, instructions=instructions, text=text, answer=answer, heard=heard,
            seed=self.seed if seed is None else seed,
            complaints=lambda given: [str(complaint) for complaint in complaints(given)],
            most_tokens=facts.most_tokens, temperature=facts.temperature, timeout_s=facts.timeout_s,
        )  # fmt: skip
        faults: list[AdPipelineError] = []
        for row in decision.chain:
            if "language" not in row.crafts:
                # Whoever was ruled out by the brief is named too: it may be the reason that nobody was left.
                barred = [worded("{model}: {why}", model=p.model_id, why=p.why) for p in decision.passed_over]
                whys = (*barred, *_whys(faults))
                self._note(Step(role=role, wanted=decision.wanted.model_id, used=row.model_id, why=whys))
                return None
            self.job.report(Progress(fraction=fraction, note=say("{role}: {model}", role=role, model=row.model_id)))
            try:
                return self._answered(decision, row, question, faults, fraction)
            except (EngineError, BudgetExceeded) as error:
                faults.append(error)
                if isinstance(error, EngineUnavailable):
                    self._gone[row.model_id] = error
        raise AssertionError("unreachable: a chain ends with what is no model")

    def prepare(self, roles: Sequence[Role]) -> None:
        """Begin to load what the wanted models of these roles need, while the first of them are asked."""
        wanted = dict.fromkeys(decide(role, brief=self.brief).wanted.model_id for role in roles)
        threading.Thread(target=self._prepare, args=(list(wanted),), daemon=True).start()

    def _prepare(self, model_ids: Sequence[str]) -> None:
        for model_id in model_ids:
            with contextlib.suppress(EngineUnavailable):  # whoever asks it is told
                engine = self.workplace.engines.engine(model_id) if "language" in models()[model_id].crafts else None
                if isinstance(engine, LanguageEngine):
                    engine.prepare()

    @property
    def wrote(self) -> tuple[str, ...]:
        """The models that answered, each once."""
        return tuple(self._licences)

    @property
    def licence(self) -> Licence | None:
        """The narrowest of those who answered; None where nobody did."""
        terms = list(self._licences.values())
        if not terms:
            return None
        return Licence(
            name=", ".join(dict.fromkeys(licence.name for licence in terms)),
            paid_ads=narrowest([licence.paid_ads for licence in terms]),
        )

    def faults_of(self, role: Role) -> tuple[Message, ...]:
        """What kept the models of a role that was asked."""
        return next((step.why for step in reversed(self.steps) if step.role == role), ())

    def _answered(
        self, decision: Decision, row: ModelRow, question: Question[Answer], faults: Sequence[AdPipelineError],
        fraction: float,
    ) -> Answer:  # fmt: skip
        work = fingerprint(
            version=_VERSION, session=self.session_id, model=row.model_id, role=question.role, seed=question.seed,
            instructions=question.instructions, text=question.text, most_tokens=question.most_tokens,
            schema=question.answer.model_json_schema(), temperature=question.temperature,
        )  # fmt: skip
        role: Role = question.role  # type: ignore[assignment]  # a question takes any name, a team asks by its roles
        wanted = decision.wanted.model_id
        began_s = time.monotonic()
        kept = self._on_shelf(work, question.answer)
        if kept is None:
            answered = self._asked(row, question, work, fraction)
            self._put(work, row, answered)
            answer, spent, cost_usd = answered.answer, answered, answered.cost_usd
        else:
            (answer, cost_usd), spent = kept, None
            question.heard(answer.model_dump(mode="json"))
        self._licences[row.model_id] = row.licence
        self._note(
            Step(
                role=role, wanted=wanted, used=row.model_id, why=_whys(faults), kept=spent is None,
                seconds=round(time.monotonic() - began_s, 3),
                input_tokens=spent.input_tokens if spent else 0, output_tokens=spent.output_tokens if spent else 0,
                repairs=spent.repairs if spent else 0, cost_usd=cost_usd,
            )
        )  # fmt: skip
        return answer

    def _asked(self, row: ModelRow, question: Question[Answer], work: str, fraction: float) -> Answered[Answer]:
        if row.model_id in self._gone:
            raise self._gone[row.model_id]
        engine = self.workplace.engines.engine(row.model_id)
        assert isinstance(engine, LanguageEngine)
        account = _Account(self.workplace, self.session_id, row, question.role, work, self.brief.budget_usd)
        job = Job(
            job_id=account.job_id,
            work=work,
            group=self.session_id,
            report=lambda news: self.job.report(Progress(fraction=fraction, note=news.note, waits=news.waits)),
            should_stop=self.job.should_stop,
            paid=account.paid,
        )
        account.begin(engine.estimate_question(question).cost_usd)
        try:
            answered = engine.ask(question, job)
        except BaseException:
            account.end(0.0)
            self._lost_usd += account.paid_usd
            raise
        account.end(answered.cost_usd)
        return answered

    def _on_shelf(self, work: str, answer: type[Answer]) -> tuple[Answer, float] | None:
        """What was answered before a crash, and what it cost then."""
        try:
            notes = json.loads((self.shelf / f"{work[:32]}.answer.json").read_bytes())
            return answer.model_validate(notes["answer"]), float(notes["paid_usd"])
        except (OSError, ValueError, KeyError, TypeError, ValidationError):
            return None

    def _put(self, work: str, row: ModelRow, answered: Answered[Any]) -> None:
        self.shelf.mkdir(parents=True, exist_ok=True)
        notes = {
            "paid_usd": answered.cost_usd,
            "answer": answered.answer.model_dump(mode="json"),
        }
        write_whole(self.shelf / f"{work[:32]}.answer.json", json.dumps(notes, ensure_ascii=False))

    def _note(self, step: Step) -> None:
        self.steps.append(replace(step, cost_usd=round(step.cost_usd + self._lost_usd, 6)))
        self._lost_usd = 0.0


class _Account:
    """What one question may cost and did: set aside before it goes out, settled behind it. Free models have none."""

    def __init__(
        self, workplace: Workplace, session_id: str, row: ModelRow, role: str, work: str, budget_usd: float | None
    ) -> None:
        attempt = 1
        # One that was paid for and came to nothing is over; one that was out at a crash is taken up.
        while workplace.ledger.state_of(job_id(work, attempt)) == "settled":
            attempt += 1
        self.job_id = job_id(work, attempt)
        self._ledger, self._session_id, self._row, self._role = workplace.ledger, session_id, row, role
        self._budget_usd = budget_usd
        self.paid_usd = 0.0

    def paid(self, usd: float) -> None:
        """A vendor took it, whatever comes of the answer."""
        self.paid_usd += usd

    def begin(self, most_usd: float) -> None:
        """Set aside what it may cost at most, its repairs included: no answer overruns a budget."""
        if not self._is_free:
            self._ledger.reserve(
                job_id=self.job_id, session_id=self._session_id, engine=self._row.model_id, artifact=self._role,
                usd=round(_MOST_ANSWERS * most_usd, 6), budget_usd=self._budget_usd,
            )  # fmt: skip

    def end(self, cost_usd: float) -> None:
        if self._is_free:
            return
        spent_usd = max(cost_usd, self.paid_usd)
        if spent_usd:
            self._ledger.settle(self.job_id, usd=round(spent_usd, 6))
        else:
            self._ledger.release(self.job_id)

    @property
    def _is_free(self) -> bool:
        return not (self._row.usd_per_million_input or self._row.usd_per_million_output)


def _whys(faults: Sequence[AdPipelineError]) -> tuple[Message, ...]:
    return tuple(fault.message for fault in faults)
