"""Whether an account's quota covers all that an ad still has to say there: looked at before the first of it is paid."""

from __future__ import annotations

from collections.abc import Callable

from ad_pipeline.engines.contracts import Job
from ad_pipeline.engines.crafts.voice import VoiceEngine, VoiceRequest
from ad_pipeline.errors import EngineError, EngineRefused
from ad_pipeline.stages.session_facts import SessionFacts
from ad_pipeline.story.storyboard import Scene


def check_quota(
    facts: SessionFacts,
    engine: VoiceEngine,
    request: VoiceRequest,
    *,
    scene: Scene,
    others: Callable[[Scene], VoiceRequest | None],
    job: Job,
) -> None:
    """Nothing where the quota covers this scene's `request` and what the `others` still ask of the same engine.

    Half a film in one voice and half in another is worth less than a film in one.

    Raises:
        EngineRefused: it does not.
    """
    needed = engine.characters_of(request, kept=job.kept)
    if not needed:
        return
    left = _left(engine)
    if left is None:
        return
    for other in facts.storyboard.scenes:
        asked = others(other) if other.id != scene.id else None
        needed += engine.characters_of(asked, kept=job.kept) if asked else 0
    if needed > left:
        raise EngineRefused(
            "the account of {model} has {left} characters left, what this ad still has to say takes {needed}; buy "
            "more, or choose another voice engine",
            engine=f"{engine.facts.name}/{engine.facts.model}",
            job_id=job.job_id,
            model=f"{engine.facts.name}/{engine.facts.model}",
            left=left,
            needed=needed,
        )


def _left(engine: VoiceEngine) -> int | None:
    """What is left; None where nobody says: a key may be allowed to speak and not to look at its account."""
    try:
        return engine.characters_left()
    except EngineError:
        return None
