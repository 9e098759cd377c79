"""Pieces of music whose beats are known: clicks, and drums with chords."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 24_000

Sound = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Song:
    """Mono sound at 24 kHz, and when its beats and bars are."""

    samples: NDArray[np.float32]
    beats_s: tuple[float, ...]
    bars_s: tuple[float, ...] = ()


# Per drum: (beat of the bar, how loud).
PATTERNS: Mapping[str, tuple[int, Mapping[str, Sequence[tuple[float, float]]]]] = MappingProxyType(
    {
        "rock": (4, {
            "kick": [(0, 1), (2, 1), (2.5, 0.7)], "snare": [(1, 1), (3, 1)], "hat": [(i / 2, 0.7) for i in range(8)],
        }),
        "four": (4, {
            "kick": [(i, 1) for i in range(4)], "snare": [(1, 0.7), (3, 0.7)],
            "hat": [(i + 0.5, 1) for i in range(4)],
        }),
        "funk": (4, {
            "kick": [(0, 1), (1.75, 0.7), (2.5, 0.8)], "snare": [(1, 1), (3, 1), (2.25, 0.2)],
            "hat": [(i / 4, 0.8 - 0.3 * (i % 2)) for i in range(16)],
        }),
        "waltz": (3, {"kick": [(0, 1)], "snare": [(1, 0.5), (2, 0.5)], "hat": [(i, 0.5) for i in range(3)]}),
    }
)  # fmt: skip


def clicks(bpm: float, seconds: float, *, seed: int, swing: float = 0.0, jitter_s: float = 0.0) -> Song:
    """A click on every beat, and with `swing` (part of a beat) a softer one between; `jitter_s` late or early."""
    chance = np.random.default_rng(seed)
    out = 0.01 * chance.standard_normal(round(seconds * RATE_HZ))
    beats = np.arange(0.3, seconds - 0.2, 60 / bpm)
    for at in beats:
        _put(out, _click(), at + chance.normal(0, jitter_s), 1.0)
        if swing:
            _put(out, _click(), at + swing * 60 / bpm + chance.normal(0, jitter_s), 0.5)
    return Song(samples=out.astype(np.float32), beats_s=tuple(map(float, beats)))


def band(
    pattern: str, bpm: float, seconds: float, *, seed: int, noise: float = 0.03, drift: float = 0.0, ends: bool = False
) -> Song:
    """Drums, and a chord on every bar; the tempo wanders by `drift`; `ends` gives it a last chord."""
    per_bar, hits = PATTERNS[pattern]
    chance = np.random.default_rng(seed)
    out = noise * chance.standard_normal(round(seconds * RATE_HZ))
    beats, bars, at = list[float](), list[float](), 0.37
    stop_s = seconds - (4.0 if ends else 0.3)
    while at < stop_s or (ends and len(beats) % per_bar):
        beat_s = 60 / bpm * (1 + drift * float(np.sin(2 * np.pi * at / 40)))
        place = len(beats) % per_bar
        if place == 0:
            _put_chord(out, at, beat_s * per_bar, (0, 7, 9, 5)[len(bars) % 4])
            bars.append(at)
        for drum, times in hits.items():
            for beat, loud in times:
                if place <= beat < place + 1:
                    late_s = chance.normal(0, 0.004)
                    _put(
                        out,
                        _drum(drum, chance),
                        at + (beat - place) * beat_s + late_s,
                        loud * chance.uniform(0.85, 1.1),
                    )
        beats.append(at)
        at += beat_s
    if ends:
        _put_chord(out, at, 3.0, 0)
        _put(out, _drum("kick", chance), at, 1.0)
        beats.append(at)
        bars.append(at)
    return Song(samples=out.astype(np.float32), beats_s=tuple(beats), bars_s=tuple(bars))


def pad(seconds: float) -> NDArray[np.float32]:
    """Long notes that swell and fade: no beat anywhere."""
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    notes = [
        np.sin(2 * np.pi * hz * t + at) * (1 + 0.5 * np.sin(2 * np.pi * t / (7 + at) + at))
        for at, hz in enumerate((110, 165, 220, 277, 330, 440))
    ]
    return (0.1 * np.sum(notes, axis=0)).astype(np.float32)


def f_measure(found: Sequence[float], true: Sequence[float], *, window_s: float = 0.07) -> float:
    """How well two lists of times agree, 0..1; each time is used once."""
    left, hits = list(found), 0
    for at in true:
        near = next((other for other in left if abs(other - at) <= window_s), None)
        if near is not None:
            left.remove(near)
            hits += 1
    return 2 * hits / max(1, len(found) + len(true))


def _put(out: Sound, sound: Sound, at_s: float, gain: float) -> None:
    start = max(0, round(at_s * RATE_HZ))
    room = out[start : start + len(sound)]
    room += gain * sound[: len(room)]


def _time(seconds: float) -> Sound:
    return np.arange(round(seconds * RATE_HZ)) / RATE_HZ


def _click() -> Sound:
    t = _time(0.03)
    return np.sin(2 * np.pi * 1800 * t) * np.exp(-150 * t)


def _drum(name: str, chance: np.random.Generator) -> Sound:
    if name == "kick":
        t = _time(0.25)
        return np.sin(2 * np.pi * (48 * t + 2.2 * (1 - np.exp(-28 * t)))) * np.exp(-12 * t)
    if name == "snare":
        t = _time(0.18)
        return (0.5 * chance.standard_normal(len(t)) + 0.4 * np.sin(2 * np.pi * 190 * t)) * np.exp(-22 * t)
    t = _time(0.05)
    return 0.35 * np.diff(chance.standard_normal(len(t)), prepend=0) * np.exp(-80 * t)


def _put_chord(out: Sound, at_s: float, seconds: float, step: int) -> None:
    t = _time(seconds)
    for note in (48, 60, 64, 67):
        hz = 440 * 2 ** ((note + step - 69) / 12)
        tone = np.sum([np.sin(2 * np.pi * hz * part * t) / part for part in (1, 2, 3)], axis=0)
        _put(out, tone * np.exp(-2.5 * t) * np.minimum(1, t / 0.005), at_s, 0.12)
