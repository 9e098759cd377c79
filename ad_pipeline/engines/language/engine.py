"""A language model of the list as an engine: one question, one event loop, nothing kept open in between."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

from ad_pipeline.engines.contracts import EngineFacts, Estimate, Job
from ad_pipeline.engines.crafts.language import Answer, Answered, LanguageEngine, Question
from ad_pipeline.engines.language import tokens
from ad_pipeline.engines.language.asking import Asking
from ad_pipeline.engines.language.catalogue import LanguageModel
from ad_pipeline.engines.language.door import Door
from ad_pipeline.engines.language.faults import Faults
from ad_pipeline.engines.language.ollama_door import OllamaDoor
from ad_pipeline.engines.language.vendor_door import VendorDoor, load_vendor
from ad_pipeline.engines.language.wire import strangers_behind
from ad_pipeline.errors import Cancelled, EngineUnavailable
from ad_pipeline.messages import Message, worded

IDLE_S = 45.0
"""A model that has begun to write and then says nothing for so long has hung; before its first word it may load."""
FIRST_PAUSE_S = 0.4
"""Before the second try where the server does not say how long; twice as long before the third."""
VERSION = "1"

Result = TypeVar("Result")


class ListedModel(LanguageEngine):
    """One model of the list. Several threads may ask at once."""

    def __init__(self, model: LanguageModel, *, idle_s: float = IDLE_S, first_pause_s: float = FIRST_PAUSE_S) -> None:
        self.model = model
        self._idle_s = idle_s
        self._first_pause_s = first_pause_s
        self._faults = Faults(model)
        self.facts = EngineFacts(
            name=model.model_id,
            model=model.name,
            version=f"{VERSION} {model.name}",
            crafts=frozenset({"language"}),
            licence=model.licence,
            local=model.local,
            supports_seed=model.seed,
            needs=(model.server.key_env,) if model.server.key_env else (),
        )

    def prepare(self) -> None:
        """Load what the first question needs, which takes a second for a cloud model; may run in another thread."""
        if self.model.server.kind != "ollama":
            load_vendor(self.model.server.kind)

    def missing(self) -> Message | None:
        server = self.model.server
        if self.model.has_ended():
            return worded(
                "its vendor took {name} away on {day}; choose another under [use] in {file}",
                name=self.model.name,
                day=str(self.model.ends),
                file=self.model.book.name,
            )
        if server.key_env and not server.key():
            return worded("it needs a key in the environment variable {variable}", variable=server.key_env)
        return None

    def estimate_question(self, question: Question[Any]) -> Estimate:
        """What one answer costs at most: its repairs would cost as much again, each."""
        prompt = tokens.at_most(question.instructions) + tokens.at_most(question.text)
        most = question.most_tokens + self.model.thinking_tokens
        return Estimate(cost_usd=self.model.cost_usd(input_tokens=prompt, output_tokens=most))

    def ask(self, question: Question[Answer], job: Job) -> Answered[Answer]:
        missing = self.missing()
        if missing:
            raise EngineUnavailable("{engine} is not ready: {missing}", engine=self.model.model_id, missing=missing)
        why_not_local = self.model.why_not_local()
        if why_not_local:
            raise self._faults.not_local(why_not_local)
        if job.should_stop():
            raise Cancelled("the work was stopped")
        return _run(self._asked(question, job, time.monotonic()))

    async def _asked(self, question: Question[Answer], job: Job, began_s: float) -> Answered[Answer]:
        door = self._door(question.timeout_s)
        try:
            asking = Asking(
                question,
                job,
                self.model,
                door,
                idle_s=self._idle_s,
                first_pause_s=self._first_pause_s,
                began_s=began_s,
            )

            async def look() -> None:
                await self._check_strangers()
                if isinstance(door, OllamaDoor):
                    await door.look()

            return await asking.answered(look if self.model.server.local or isinstance(door, OllamaDoor) else None)
        finally:
            await door.close()

    def _door(self, timeout_s: float) -> Door:
        kind = OllamaDoor if self.model.server.kind == "ollama" else VendorDoor
        try:
            return kind(self.model, self._faults, timeout_s=timeout_s)
        except (ImportError, ValueError) as error:
            raise self._faults.bad_proxy(error) from error

    async def _check_strangers(self) -> None:
        if not self.model.server.local:
            return
        try:
            strangers = await strangers_behind(self.model.server.url)
        except OSError:
            return  # the request itself says that nobody is there
        if strangers:
            raise self._faults.not_local(self._faults.why_stranger(strangers[0]))


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    """`work` in a loop of its own. Not `asyncio.run`: that waits for the thread that looks up a name, even when
    the call was stopped."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(work)
    finally:
        try:
            left = asyncio.all_tasks(loop)
            for task in left:
                task.cancel()
            if left:
                loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()
