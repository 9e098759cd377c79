"""The arc of an ad: which scenes it has, and how long each lasts."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ad_pipeline.media.time import FILM, split_frames
from ad_pipeline.story.brief import FEWEST_SCENES, MOST_SCENES, Brief
from ad_pipeline.story.storyboard import Purpose

SHORTEST_S = 1.0
"""A scene that nobody can take in is no scene."""

_WEIGHTS: dict[Purpose, float] = {
    "hook": 0.9, "problem": 1.0, "solution": 1.3, "story": 1.0, "social_proof": 1.15, "cta": 0.95
}  # fmt: skip
# seconds of the ad -> scenes: quick cuts in a bumper, calmer ones in a minute
_COUNTS = ((7.0, 3), (11.0, 4), (18.0, 5), (24.0, 6), (32.0, 7), (40.0, 8), (50.0, 10), (61.0, 12))


def purposes_for(brief: Brief) -> tuple[Purpose, ...]:
    """Hook, problem, solution, proof, call to action; shorter ads drop parts, longer ones tell more."""
    count = brief.scene_count or next(n for seconds, n in _COUNTS if brief.duration <= seconds)
    count = max(FEWEST_SCENES, min(MOST_SCENES, count))
    short: dict[int, tuple[Purpose, ...]] = {
        2: ("hook", "cta"),
        3: ("hook", "solution", "cta"),
        4: ("hook", "solution", "social_proof", "cta") if brief.claims else ("hook", "problem", "solution", "cta"),
    }
    if count in short:
        return short[count]
    more = count - 5
    before, after = more // 3, more - more // 3 - more // 4
    last = more - before - after
    story: tuple[Purpose, ...] = ("story",)
    return ("hook", *story * before, "problem", "solution", *story * after, "social_proof", *story * last, "cta")


def shares_s(purposes: Sequence[Purpose], duration_s: float) -> tuple[float, ...]:
    """About how long each scene may be, by its weight."""
    whole = sum(_WEIGHTS[p] for p in purposes)
    return tuple(duration_s * _WEIGHTS[p] / whole for p in purposes)


def paced(
    purposes: Sequence[Purpose], needed_s: Sequence[float], duration_s: float, *, wished_s: Sequence[float] = ()
) -> tuple[int, ...]:
    """Frames per scene: what its words need, and a share of what is left; the sum is exact.

    The needs must fit `duration_s` together. `wished_s`: how long each should be, by its purpose when not given.
    """
    total = FILM.frames(duration_s)
    shortest = min(FILM.frames(SHORTEST_S), total // len(needed_s))
    least = [max(shortest, math.ceil(need * FILM.per_second)) for need in needed_s]
    left = total - sum(least)
    shares = wished_s or shares_s(purposes, duration_s)
    wishes = [max(0.0, FILM.frames(s) - n) + 0.01 for s, n in zip(shares, least, strict=True)]
    return tuple(n + more for n, more in zip(least, split_frames(left, wishes), strict=True))


def room_left_s(needed_s: Sequence[float], duration_s: float) -> float:
    """What remains of the ad when each scene has what its words need; negative when they do not fit."""
    shortest_s = min(SHORTEST_S, duration_s / len(needed_s))
    return duration_s - sum(max(shortest_s, need + 1 / 24) if need else shortest_s for need in needed_s)
