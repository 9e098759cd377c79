"""Where each scene's description is spoken: in the film as it is, or in one that stands still for it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ad_pipeline.media.description_fit import APART_S, EARLY_S, LATE_S, Span, gaps_between, place_in
from ad_pipeline.media.holding import Hold, held_s
from ad_pipeline.media.metering import Samples
from ad_pipeline.media.time import AUDIO_RATE_HZ, FILM
from ad_pipeline.media.timeline import Shot
from ad_pipeline.story.describing import Telling
from ad_pipeline.story.speaking import spoken_seconds

_LIKELY = 0.95
"""Estimates err to the long side."""

_CLEAR_FRAMES = 16
"""A picture stands still before its words fade and the next one comes into it, where its voice lets it."""


@dataclass(frozen=True, kw_only=True)
class Laid:
    """A version of a scene's description at its place."""

    text: str
    start_s: float
    end_s: float
    speed: float = 1.0


def planned(
    tellings: Sequence[Telling], shots: Sequence[Shot], taken: Sequence[Span], known: Mapping[str, Samples], *,
    film_s: float, only_known: bool = False,
) -> dict[str, Laid]:  # fmt: skip
    """For each scene its longest version that finds a place, in the film's order.

    `taken`: when others speak; `known`: what was spoken already, the rest is estimated.
    """
    used, laid = list(taken), dict[str, Laid]()
    for telling, shot in zip(tellings, shots, strict=True):
        gaps = gaps_between(
            used,
            start_s=max(0.0, FILM.seconds(shot.start_frame) - EARLY_S),
            end_s=min(film_s, FILM.seconds(shot.end_frame) + LATE_S),
        )
        for text in telling.versions:
            if only_known and text not in known:
                continue
            place = place_in(gaps, _length_s(text, telling, known))
            if place is not None:
                laid[telling.scene_id] = Laid(text=text, **vars(place))
                used.append((place.start_s, place.end_s))
                break
    return laid


def told_whole(
    tellings: Sequence[Telling], shots: Sequence[Shot], taken: Sequence[Span], known: Mapping[str, Samples], *,
    film_s: float,
) -> tuple[dict[str, Laid], tuple[Hold, ...]]:  # fmt: skip
    """Everything told at its own pace, behind the words of its scene; the picture waits as long as it must."""
    laid: dict[str, Laid] = {}
    holds: list[Hold] = []
    opens = [_last_word_s(shot, taken) for shot in shots]
    for place, (telling, shot) in enumerate(zip(tellings, shots, strict=True)):
        whole, open_s = telling.whole, opens[place]
        if whole not in known:
            continue
        shuts_s = min([a for a, _ in taken if a >= open_s] + opens[place + 1 :] + [film_s])
        length_s = len(known[whole]) / AUDIO_RATE_HZ
        start_s = held_s(open_s, holds) + APART_S
        laid[telling.scene_id] = Laid(text=whole, start_s=start_s, end_s=start_s + length_s)
        missing_s = length_s + 2 * APART_S - (shuts_s - open_s)
        if missing_s > 0:
            frame = _standing(shot, open_s, shuts_s)
            holds.append(Hold(frame=frame, frames=math.ceil(missing_s * FILM.per_second)))
    return laid, tuple(holds)


def _last_word_s(shot: Shot, taken: Sequence[Span]) -> float:
    """When the last word of a scene ends; when the scene begins, where nobody speaks in it."""
    start_s, end_s = FILM.seconds(shot.start_frame), FILM.seconds(shot.end_frame)
    return max([b for a, b in taken if start_s <= a < end_s] + [start_s])


def _standing(shot: Shot, open_s: float, shuts_s: float) -> int:
    """The frame that stays: one with nothing of the next picture in it, between the words before and those after."""
    # Words that end with a frame, but for a rounding, would count as behind a hold that begins there.
    first, last = math.floor(open_s * FILM.per_second + 1e-6) + 1, math.floor(shuts_s * FILM.per_second)
    return max(0, min(max(shot.end_frame - _CLEAR_FRAMES, first), last) - 1)


def _length_s(text: str, telling: Telling, known: Mapping[str, Samples]) -> float:
    if text in known:
        return len(known[text]) / AUDIO_RATE_HZ
    return spoken_seconds(text, telling.language) * _LIKELY
