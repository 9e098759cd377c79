"""Every error the product raises, split by what the reader does next.

    AdPipelineError
      x InputRejected          the person changes what they gave: a field, a file, an id (exit 2)
        + BriefRejected          ... in the brief
        + KitRejected            ... in the brand kit
        + StoryboardRejected     ... in the storyboard
      x EngineError            carries .engine and .job_id
        + EngineUnavailable      a passing fault: try again later, or the next engine of the chain
            + OutOfMemory            ... a card had too little memory: less may fit
            + EngineBusy             ... and the service says when to come back
            + NobodyThere            ... and it was waited for long enough: the next engine of the chain
        + EngineRefused          this request will never work there: do not retry
            + DoesNotFit             ... nor on another: the person makes the text shorter or the scene longer
            + StrangeAnswer          ... something else answers there: a wrong address, or a proxy in its place
      x PageUnreadable         a product's page could not be read: the brief's own fields are used
      x BudgetExceeded         the brief's budget does not cover it: raise it or pick a cheaper route
      x MediaError             ffmpeg failed or a media file is broken
      x MachineLacks           the machine is short of something: a program, a font, disk space
      x Cancelled              a person stopped the work

A message is an English template with named facts. The template is also the key of its Korean
translation (`locale/ko/`), so the code reads in plain words and the rim chooses the language.
"""

from __future__ import annotations

from typing import Any

from ad_pipeline.messages import Message


class AdPipelineError(Exception):
    """Base of all; `message` can be rendered in another language at the rim."""

    def __init__(self, template: str, /, **facts: Any) -> None:
        self.message = Message(template, facts)
        super().__init__(str(self.message))

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions cross process borders; keyword facts would be lost by the default.
        return _rebuilt, (type(self), self.message, {k: v for k, v in vars(self).items() if k != "message"})


def _rebuilt(kind: type[AdPipelineError], message: Message, rest: dict[str, Any]) -> AdPipelineError:
    error = kind.__new__(kind)
    error.message = message
    error.args = (str(message),)
    vars(error).update(rest)
    return error


class InputRejected(AdPipelineError, ValueError):
    """What a person gave cannot be used; `field` names the place, e.g. `scenes[2].narration`.

    A ValueError too, so that pydantic's validators may raise it and say where they stood.
    """

    def __init__(self, template: str, /, *, field: str = "", **facts: Any) -> None:
        self.field = field
        super().__init__(template, field=field, **facts)

    def at(self, field: str) -> InputRejected:
        """The same refusal, with its place named where it was not."""
        if not self.field:
            self.field = field
            self.message = Message(self.message.template, {**self.message.facts, "field": field})
            self.args = (str(self.message),)
        return self


class BriefRejected(InputRejected):
    """The brief has to change."""


class KitRejected(InputRejected):
    """The brand kit has to change."""


class StoryboardRejected(InputRejected):
    """The storyboard has to change."""


class EngineError(AdPipelineError):
    """An engine did not do the work."""

    def __init__(self, template: str, /, *, engine: str, job_id: str = "", **facts: Any) -> None:
        self.engine = engine
        self.job_id = job_id
        super().__init__(template, engine=engine, job_id=job_id, **facts)


class EngineUnavailable(EngineError):
    """A passing fault; nothing was written."""


class OutOfMemory(EngineUnavailable):
    """The card had too little memory for the job: less may fit."""


class EngineBusy(EngineUnavailable):
    """The service has too much to do; `retry_after_s` is when it wants to be asked again."""

    def __init__(
        self, template: str, /, *, engine: str, job_id: str = "", retry_after_s: float = 0.0, **facts: Any
    ) -> None:
        super().__init__(template, engine=engine, job_id=job_id, **facts)
        self.retry_after_s = retry_after_s


class ResultGone(EngineUnavailable):
    """What was made is no longer there: it has to be made again."""


class NobodyThere(EngineUnavailable):
    """Nobody could do it for as long as anybody should wait; another attempt would wait as long again."""


class EngineRefused(EngineError):
    """This request will never work on this engine; nothing was written."""


class DoesNotFit(EngineRefused):
    """What was made has no room in its scene; another engine would not change that, so none is tried."""


class StrangeAnswer(EngineRefused):
    """What answers is not the engine: its address is wrong, or a proxy stands in for it while it is away."""


class PageUnreadable(AdPipelineError):
    """The product's page, or a picture on it, could not be read; nothing was kept of it."""


class BudgetExceeded(AdPipelineError):
    """The next paid step would cost more than what is left."""


class MediaError(AdPipelineError):
    """ffmpeg failed, or a media file is not what it should be."""


class MachineLacks(AdPipelineError):
    """The machine is short of something the work needs."""


class Cancelled(AdPipelineError):
    """A person, or the run that asked for the work, stopped it."""
