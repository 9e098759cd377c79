"""One question to its end: asked, mended where the answer will not do, tried again where a fault may pass.

The only place that retries: at most two repairs of the answer, and at most two more tries after passing faults, all
inside the question's time.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from ad_pipeline.engines.contracts import Job, Progress
from ad_pipeline.engines.crafts.language import Answer, Answered, Question
from ad_pipeline.engines.language import tokens
from ad_pipeline.engines.language.catalogue import LanguageModel
from ad_pipeline.engines.language.door import Ask, Door, Passing, Said, Turn
from ad_pipeline.engines.language.faults import Faults
from ad_pipeline.engines.language.grammar import grammar_of
from ad_pipeline.engines.language.partial import Listener, json_text
from ad_pipeline.errors import Cancelled, EngineError, EngineRefused, EngineUnavailable
from ad_pipeline.messages import say

REPAIRS = 2
MORE_TRIES = 2
LOOK_S = 0.1
"""How often a call looks whether it was stopped, or has gone on for too long."""
MOST_PROBLEMS = 8
LOADING_S = 60.0
"""How long one question waits for a server that still loads its model, as its own time allows."""
LOADING_PAUSE_S = 1.0

_MARKS = re.compile(r"<\||\[\||</?s>|\[/?INST\]|<(?:start|end)_of_turn>|<<SYS>>")
"""How the chat templates of Qwen, Llama, EXAONE, Mistral and Gemma mark whose turn it is."""

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class _Judged(Generic[Answer]):
    """One answer of the model, looked at: the value with its complaints, or what is wrong with it."""

    text: str
    value: Answer | None = None
    complaints: tuple[str, ...] = ()
    fault: EngineRefused | None = None
    to_model: str = ""
    """What the model is told to mend it; empty when it will do."""


@dataclass(kw_only=True)
class _Bill:
    """What the question has taken so far, over all its tries."""

    input_tokens: int = 0
    output_tokens: int = 0
    tries: int = 0
    waited_s: float = 0.0


class Asking(Generic[Answer]):
    """One question under way."""

    def __init__(
        self,
        question: Question[Answer],
        job: Job,
        model: LanguageModel,
        door: Door,
        *,
        idle_s: float,
        first_pause_s: float,
        began_s: float,
    ) -> None:
        self._question = question
        self._job = job
        self._model = model
        self._door = door
        self._faults = Faults(model)
        self._idle_s = idle_s
        self._first_pause_s = first_pause_s
        self._until_s = began_s + question.timeout_s
        self._bill = _Bill()
        self._faults_met = 0
        self._loaded_by_s = min(self._until_s, began_s + LOADING_S)
        self._answered_by = ""
        self._listener = Listener(question.heard)
        self._ask = _ask_of(question, model)

    async def answered(self, before: Callable[[], Coroutine[Any, Any, None]] | None = None) -> Answered[Answer]:
        """Ask, mend, and give the best; `before` is asked first, as a part of the question.

        Raises:
            EngineUnavailable, EngineRefused, Cancelled: as `LanguageEngine.ask` says.
        """
        needed = self._ask.prompt_tokens + self._ask.most_tokens
        sure = tokens.at_least(_all_text(self._ask)) + self._ask.most_tokens
        if sure > self._model.context_tokens:
            raise self._faults.prompt_too_long(tokens=needed, most=self._model.context_tokens)
        if before is not None:
            await self._tried(before)
        best: _Judged[Answer] | None = None
        repairs = 0
        while True:
            try:
                judged = self._judged(await self._said())
            except EngineError:
                if best is None:
                    raise
                break  # a mended answer did not come; there is one that stands
            if judged.value is not None and (best is None or len(judged.complaints) < len(best.complaints)):
                best = judged
            if not judged.to_model:
                break
            if repairs == REPAIRS:
                if best is None:
                    raise judged.fault or self._faults.answer_empty()
                break
            repairs += 1
            self._ask = replace(self._ask, turns=_with_reply(self._ask.turns[:1], judged))
        assert best is not None and best.value is not None
        return self._result(best, best.value, repairs)

    def _result(self, best: _Judged[Answer], value: Answer, repairs: int) -> Answered[Answer]:
        bill = self._bill
        details: dict[str, Any] = {"role": self._question.role, "repairs": repairs}
        if self._answered_by not in ("", self._model.name):
            details["answered_by"] = self._answered_by
        return Answered(
            answer=value,
            model=self._model.name,
            seed=self._question.seed if self._model.seed else None,
            seconds_waited=round(bill.waited_s, 3),
            cost_usd=self._cost_usd(bill.input_tokens, bill.output_tokens),
            attempts=bill.tries,
            input_tokens=bill.input_tokens,
            output_tokens=bill.output_tokens,
            repairs=repairs,
            complaints=best.complaints,
            details=details,
        )

    # --- one request --------------------------------------------------------------------------------

    async def _said(self) -> Said:
        async def once() -> Said:
            self._listener.restart()
            self._bill.tries += 1
            try:
                said = await self._door.reply(self._ask, self._listener)
            except BaseException:
                self._charge(None)
                raise
            self._charge(said)
            return said

        said = await self._tried(once)
        self._answered_by = said.model
        read, sent = said.input_tokens, tokens.at_least(_all_text(self._ask))
        if self._model.server.local and read and read < sent:
            raise self._faults.prompt_cut(read=read, sent=sent)
        if said.ending == "refused":
            raise self._faults.refusal(said.refusal)
        if said.ending == "cut" and said.thought and not said.text.strip():
            raise self._faults.only_thought(self._ask.most_tokens + self._model.thinking_tokens)
        return said

    def _charge(self, said: Said | None) -> None:
        """What one try took: as the server counts, else as we do; nothing where no word came."""
        if said is None and not self._listener.text:
            return
        text = said.text if said else self._listener.text
        read = said.input_tokens if said else None
        wrote = said.output_tokens if said else None
        input_tokens = self._ask.prompt_tokens if read is None else read
        output_tokens = tokens.at_most(text) if wrote is None else wrote
        self._bill.input_tokens += input_tokens
        self._bill.output_tokens += output_tokens
        cost_usd = self._cost_usd(input_tokens, output_tokens)
        if cost_usd:
            self._job.paid(cost_usd)

    def _cost_usd(self, input_tokens: int, output_tokens: int) -> float:
        return round(self._model.cost_usd(input_tokens=input_tokens, output_tokens=output_tokens), 6)

    # --- tries ----------------------------------------------------------------------------------------

    async def _tried(self, work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """The work's result; after a passing fault it is done again, at most twice for the whole question."""
        while True:
            try:
                return await self._watched(work())
            except Passing as fault:
                pause_s = self._pause_s(fault)
                if pause_s is None:
                    raise fault.error from fault
                await self._wait(pause_s, fault.error)

    def _pause_s(self, fault: Passing) -> float | None:
        """How long to wait before the next try; None where it is not worth one."""
        if fault.loads:
            pause_s, most_s = fault.after_s or LOADING_PAUSE_S, self._loaded_by_s
        else:
            pause_s = self._first_pause_s * 2**self._faults_met if fault.after_s is None else fault.after_s
            most_s = self._until_s
            self._faults_met += 1
        return pause_s if self._faults_met <= MORE_TRIES and time.monotonic() + pause_s < most_s else None

    async def _wait(self, pause_s: float, error: EngineUnavailable) -> None:
        note = say("tried again in {seconds:.1f} s: {why}", seconds=pause_s, why=error.message)
        self._job.report(Progress(fraction=0.0, note=note, waits=True))
        began_s = time.monotonic()
        await self._watched(asyncio.sleep(pause_s))
        self._bill.waited_s += time.monotonic() - began_s

    async def _watched(self, work: Coroutine[Any, Any, Result]) -> Result:
        """`work`, ended at once when the job is stopped, its time is over or the server has fallen silent."""
        task = asyncio.ensure_future(work)
        self._listener.last_piece_s = None
        try:
            while not task.done():
                self._check_on()
                await asyncio.wait({task}, timeout=min(LOOK_S, max(0.001, self._until_s - time.monotonic())))
            return task.result()
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task

    def _check_on(self) -> None:
        if self._job.should_stop():
            raise Cancelled("the work was stopped")
        now_s = time.monotonic()
        if now_s >= self._until_s:
            raise self._faults.too_slow(self._question.timeout_s)
        last_s = self._listener.last_piece_s
        if last_s is not None and now_s - last_s > self._idle_s:
            raise self._faults.went_silent(self._idle_s)

    # --- judging --------------------------------------------------------------------------------------

    def _judged(self, said: Said) -> _Judged[Answer]:
        text = json_text(said.text)
        if not said.text.strip():
            if said.ending == "cut":
                return self._cut(text, said)
            return _Judged(text="", fault=self._faults.answer_empty(), to_model="The answer was empty. Answer now.")
        try:
            value = self._question.answer.model_validate_json(text)
        except ValidationError as error:
            return self._cut(text, said) if said.ending == "cut" else self._invalid(text, error)
        complaints = tuple(self._question.complaints(value))
        return _Judged(text=text, value=value, complaints=complaints, to_model=_told(complaints))

    def _cut(self, text: str, said: Said) -> _Judged[Answer]:
        words = "The answer was too long and was cut off. Answer again from the start, and be much briefer."
        return _Judged(text=text[:200], fault=self._why_cut(said), to_model=words)

    def _why_cut(self, said: Said) -> EngineRefused:
        most, wrote = self._ask.most_tokens + self._model.thinking_tokens, said.output_tokens
        # Servers also end an answer where their context ends, which may be smaller than the list says.
        if self._model.server.local and wrote is not None and wrote < most:
            return self._faults.context_ended(wrote)
        return self._faults.answer_cut(self._ask.most_tokens)

    def _invalid(self, text: str, error: ValidationError) -> _Judged[Answer]:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        if found[0]["type"] == "json_invalid":
            words = f"That was no valid JSON ({found[0]['msg']}). Answer with the JSON object alone."
            return _Judged(text=text, fault=self._faults.no_json(text), to_model=words)
        problems = [f"{'.'.join(str(part) for part in one['loc']) or 'answer'}: {one['msg']}" for one in found]
        fault = self._faults.wrong_shape("; ".join(problems[:MOST_PROBLEMS]))
        return _Judged(text=text, fault=fault, to_model=_told(problems))


def _told(problems: Sequence[str]) -> str:
    if not problems:
        return ""
    lines = "\n".join(f"- {problem}" for problem in problems[:MOST_PROBLEMS])
    return f"This has to be mended:\n{lines}\nGive the whole answer again, mended; leave the rest as it is."


def _with_reply(turns: tuple[Turn, ...], judged: _Judged[Any]) -> tuple[Turn, ...]:
    """The question, the last answer and what is wrong with it; older answers would only fill the context."""
    return (*turns, Turn(speaker="assistant", text=judged.text or "{}"), Turn(speaker="user", text=judged.to_model))


def _defused(text: str) -> str:
    """The text with every mark broken that would end its message: own servers take such words for the real mark."""
    return _MARKS.sub(lambda mark: f"{mark[0][0]} {mark[0][1:]}", text)


def _ask_of(question: Question[Any], model: LanguageModel) -> Ask:
    is_own = model.server.local or model.server.kind == "ollama"
    text = _defused(question.text) if is_own else question.text
    schema = question.answer.model_json_schema()
    instructions = question.instructions
    # Own servers hold the model to the schema without showing it: what a field is for, it reads here.
    if model.answers in ("json", "prompt") or is_own:
        shown = json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
        instructions += f"\n\nAnswer with one JSON object of this JSON schema, and nothing else:\n{shown}"
    return Ask(
        instructions=instructions,
        turns=(Turn(speaker="user", text=text),),
        schema=grammar_of(schema) if is_own else schema,
        schema_name=question.answer.__name__,
        most_tokens=question.most_tokens,
        temperature=question.temperature,
        seed=question.seed,
        prompt_tokens=tokens.at_most(instructions) + tokens.at_most(text),
    )


def _all_text(ask: Ask) -> str:
    return "\n".join([ask.instructions, *(turn.text for turn in ask.turns)])
