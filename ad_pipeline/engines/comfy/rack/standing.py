"""Whether a node counts as up, from what was seen of it. Pure: events in, standing out.

One missed answer is no death, for a server that loads a model may be silent; two in a row are. A
node comes back by two good answers or one passed probe. A failed probe is believed until another
one passes, or until somebody's job ends well there: a server may answer while its card is gone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ad_pipeline.messages import Message

MISSES_TO_FALL, ANSWERS_TO_RISE = 2, 2
PROOF_LASTS_S = 900.0
"""A probe evicts the models that the last job loaded; so a node that did something lately is not asked."""
PROBE_AGAIN_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Answered:
    """It told its stats and queue. `is_idle`: nothing waits or runs; `proof_age_s`: since a job last ended well."""

    is_idle: bool
    proof_age_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class Missed:
    """It did not answer, or `is_wrong`: it answers as nobody's node does, which a person has to mend."""

    fault: Message
    is_wrong: bool = False


@dataclass(frozen=True, kw_only=True)
class ProbePassed:
    """It ran a job."""


@dataclass(frozen=True, kw_only=True)
class ProbeFailed:
    """It took a job and did not do it."""

    fault: Message


Seen = Answered | Missed | ProbePassed | ProbeFailed


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What counts; `fault` says why it is down, or what was seen last while it is still believed to be up."""

    is_up: bool = False
    is_wrong: bool = False
    """Down for a reason that does not pass by itself."""
    fault: Message | None = None
    since_s: float = 0.0
    is_known: bool = False
    answers: int = 0
    misses: int = 0
    probe_failed_s: float | None = None
    probed_s: float | None = None


def after(was: Standing, seen: Seen, *, now_s: float) -> Standing:
    """The standing once `seen` happened."""
    match seen:
        case Answered():
            return _answered(was, seen, now_s)
        case Missed():
            return _missed(was, seen, now_s)
        case ProbePassed():
            return replace(_up(was, now_s), probed_s=now_s)
        case ProbeFailed():
            down = replace(was, probed_s=now_s, probe_failed_s=now_s, answers=0)
            return _down(down, seen.fault, is_wrong=True, now_s=now_s)


def wants_probe(standing: Standing, seen: Answered, *, now_s: float) -> bool:
    """Whether the node, which just answered, should now show that it works."""
    if not seen.is_idle:
        return False
    probed_ago_s = float("inf") if standing.probed_s is None else now_s - standing.probed_s
    if standing.probe_failed_s is not None:
        return probed_ago_s >= PROBE_AGAIN_S
    proof_age_s = float("inf") if seen.proof_age_s is None else seen.proof_age_s
    return min(proof_age_s, probed_ago_s) >= PROOF_LASTS_S


def _answered(was: Standing, seen: Answered, now_s: float) -> Standing:
    now = replace(was, answers=was.answers + 1, misses=0)
    if was.probe_failed_s is not None:
        is_proven = seen.proof_age_s is not None and seen.proof_age_s < now_s - was.probe_failed_s
        return _up(now, now_s) if is_proven else now
    if was.is_up or not was.is_known or now.answers >= ANSWERS_TO_RISE:
        return _up(now, now_s)
    return now


def _missed(was: Standing, seen: Missed, now_s: float) -> Standing:
    now = replace(was, misses=was.misses + 1, answers=0)
    if was.is_up and now.misses < MISSES_TO_FALL:
        return replace(now, fault=seen.fault)
    # What it showed before counts no more: it may come back as another server, with another driver.
    return _down(replace(now, probed_s=None), seen.fault, is_wrong=seen.is_wrong, now_s=now_s)


def _up(was: Standing, now_s: float) -> Standing:
    since_s = was.since_s if was.is_up else now_s
    return replace(
        was, is_up=True, is_known=True, is_wrong=False, fault=None, misses=0, since_s=since_s, probe_failed_s=None
    )


def _down(was: Standing, fault: Message, *, is_wrong: bool, now_s: float) -> Standing:
    since_s = was.since_s if was.is_known and not was.is_up else now_s
    return replace(was, is_up=False, is_known=True, is_wrong=is_wrong, fault=fault, since_s=since_s)
