"""Where a description may be spoken: between the words of others, near its scene, hurried a little where it must be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ad_pipeline.media.ducking import PerHop, active_db, decibels, hops_of
from ad_pipeline.media.metering import Samples, power_of

FASTEST = 1.25
"""More than the ad's own voices may be hurried: who listens to descriptions is used to faster speech."""

APART_S = 0.12
"""Silence between a description and anybody else's words."""

EARLY_S, LATE_S = 0.5, 0.4
"""How far a description may reach beyond its scene: a picture may be told a moment before it is there."""

_PAUSE_DB = -32.0
_LEAST_DB = -60.0
_JOINED_S = 0.25
"""A shorter silence is a breath inside somebody's speech."""

Span = tuple[float, float]
"""From when to when, in seconds of the film."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """When a description begins, and how fast it is said."""

    start_s: float
    end_s: float
    speed: float


def active_hops(samples: Samples) -> PerHop:
    """1 for each 10 ms of a voice (n,) in which it is heard, else 0."""
    power = hops_of(power_of([np.stack([samples, samples], axis=1)]))
    levels = decibels(power)
    return (levels > max(active_db(power) + _PAUSE_DB, _LEAST_DB)).astype(np.float64)


def spoken_spans(active: PerHop, start_s: float) -> list[Span]:
    """When a voice that begins at `start_s` of the film is heard; breaths are part of it."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], active, [0]])))
    spans: list[Span] = []
    for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        begins, ends = start_s + first / 100, start_s + end / 100
        if spans and begins - spans[-1][1] < _JOINED_S:
            spans[-1] = (spans[-1][0], ends)
        else:
            spans.append((begins, ends))
    return spans


def gaps_between(taken: Sequence[Span], *, start_s: float, end_s: float) -> list[Span]:
    """Where nobody speaks from `start_s` to `end_s`, apart from those who do."""
    gaps: list[Span] = []
    at = start_s
    for begins, ends in sorted(taken):
        if begins - APART_S > at:
            gaps.append((at, min(begins - APART_S, end_s)))
        at = max(at, ends + APART_S)
        if at >= end_s:
            break
    if at < end_s:
        gaps.append((at, end_s))
    return [gap for gap in gaps if gap[1] > gap[0]]


def place_in(gaps: Sequence[Span], length_s: float) -> Place | None:
    """The gap in which `length_s` of speech is hurried least, the first of equals; None where none holds it."""
    best: Place | None = None
    for begins, ends in gaps:
        speed = max(1.0, length_s / (ends - begins))
        if speed <= FASTEST and (best is None or speed < best.speed - 1e-6):
            best = Place(start_s=begins, end_s=begins + length_s / speed, speed=speed)
    return best
