"""Speech and the room that its scene has: faster by a little, then closer to the cuts, and never a word lost."""

from __future__ import annotations

from dataclasses import dataclass

AIR_S = 0.2
"""Silence that a voice keeps from the start and the end of its scene."""

LEAST_AIR_S = 0.05
FASTEST = 1.15
"""How much speech may be hurried, its pitch kept, before it sounds so."""


@dataclass(frozen=True, kw_only=True)
class Fit:
    """How speech goes into its scene. `surplus_s` over 0: it does not, by so much."""

    speed: float
    start_s: float
    surplus_s: float = 0.0


def fit(speech_s: float, room_s: float) -> Fit:
    """The gentlest way to say `speech_s` in a scene of `room_s`."""
    airy_s = room_s - 2 * AIR_S
    if speech_s <= airy_s:
        return Fit(speed=1.0, start_s=AIR_S)
    if airy_s > 0 and speech_s <= airy_s * FASTEST:
        return Fit(speed=speech_s / airy_s, start_s=AIR_S)
    shortest_s = speech_s / FASTEST
    air_s = (room_s - shortest_s) / 2
    if air_s >= LEAST_AIR_S:
        return Fit(speed=FASTEST, start_s=min(AIR_S, air_s))
    return Fit(speed=FASTEST, start_s=LEAST_AIR_S, surplus_s=2 * (LEAST_AIR_S - air_s))
