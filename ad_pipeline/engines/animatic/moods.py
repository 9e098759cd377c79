"""What a mood means in music: key, chords, tempo, instruments, rhythm."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Instrument = Literal["piano", "marimba", "harp", "guitar", "bells", "synth"]
Drums = Literal["none", "shaker", "light", "full", "toms"]

_MAJOR, _MINOR = (0, 4, 7), (0, 3, 7)
_MAJOR7, _MINOR7, _ADD9, _DOMINANT = (0, 4, 7, 11), (0, 3, 7, 10), (0, 4, 7, 14), (0, 4, 7, 10)

Chord = tuple[int, tuple[int, ...]]
"""Semitones above the key, and the notes above that."""


@dataclass(frozen=True, kw_only=True)
class Mood:
    """One way a bed can feel; `key` is a MIDI note, tempi are beats per minute."""

    name: str
    key: int
    chords: tuple[Chord, ...]
    home: Chord
    slowest: int
    fastest: int
    pluck: Instrument
    drums: Drums
    brightness: float
    steps: tuple[int, ...]
    """Which chord tone each eighth note of a bar plays; -1 rests."""
    room_s: float = 1.6
    words: tuple[str, ...] = ()


_ALL = (
    Mood(
        name="calm_inspiring", key=60, chords=((0, _ADD9), (7, _MAJOR), (9, _MINOR7), (5, _MAJOR7)), home=(0, _ADD9),
        slowest=74, fastest=94, pluck="piano", drums="shaker", brightness=0.2, steps=(0, 2, 3, 2, 1, 2, 3, 2),
        words=("calm", "inspir", "peace", "gentle", "soft", "relax", "hope", "차분", "잔잔", "평온", "영감"),
    ),
    Mood(
        name="bright_playful", key=62, chords=((0, _MAJOR), (9, _MINOR), (5, _MAJOR), (7, _MAJOR)), home=(0, _MAJOR),
        slowest=108, fastest=128, pluck="marimba", drums="light", brightness=0.4, steps=(0, -1, 2, 1, -1, 2, 3, -1),
        room_s=0.9,
        words=("bright", "playful", "fun", "cute", "happy", "cheer", "quirky", "발랄", "귀여", "신나", "유쾌"),
    ),
    Mood(
        name="elegant_luxury", key=57, chords=((0, _MINOR7), (8, _MAJOR7), (3, _MAJOR7), (10, _ADD9)), home=(0, _MINOR),
        slowest=64, fastest=82, pluck="harp", drums="none", brightness=0.3, steps=(0, 1, 2, 3, 4, 3, 2, 1),
        room_s=2.2,
        words=("elegant", "luxur", "premium", "classic", "grace", "refined", "고급", "우아", "럭셔리", "품격"),
    ),
    Mood(
        name="energetic_pop", key=54, chords=((0, _MINOR7), (8, _MAJOR), (3, _MAJOR), (10, _MAJOR)), home=(3, _MAJOR),
        slowest=112, fastest=130, pluck="synth", drums="full", brightness=0.7, steps=(0, 2, -1, 1, 3, -1, 2, 1),
        room_s=0.9,
        words=("energetic", "pop", "upbeat", "dance", "power", "urban", "trendy", "에너지", "활기", "강렬", "트렌디"),
    ),
    Mood(
        name="warm_acoustic", key=55, chords=((0, _ADD9), (7, _MAJOR), (9, _MINOR7), (5, _ADD9)), home=(0, _MAJOR),
        slowest=84, fastest=106, pluck="guitar", drums="shaker", brightness=0.2, steps=(0, 2, 1, 3, 0, 2, 1, 2),
        room_s=1.1,
        words=("warm", "acoustic", "cozy", "home", "family", "folk", "따뜻", "포근", "가족", "어쿠스틱"),
    ),
    Mood(
        name="dreamy_night", key=63, chords=((0, _MAJOR7), (2, _MAJOR), (9, _MINOR7), (7, _ADD9)), home=(0, _MAJOR7),
        slowest=66, fastest=86, pluck="bells", drums="none", brightness=0.1, steps=(0, -1, 2, -1, 3, -1, 1, 2),
        room_s=2.4,
        words=("dream", "night", "mystic", "ethereal", "romantic", "ambient", "몽환", "밤", "신비", "로맨틱"),
    ),
    Mood(
        name="fresh_clean", key=64, chords=((0, _ADD9), (4, _MINOR7), (5, _MAJOR7), (7, _MAJOR)), home=(0, _ADD9),
        slowest=96, fastest=114, pluck="marimba", drums="shaker", brightness=0.5, steps=(0, 2, -1, 3, 1, -1, 2, -1),
        room_s=1.3,
        words=("fresh", "clean", "water", "summer", "natural", "pure", "상쾌", "깨끗", "청량", "맑"),
    ),
    Mood(
        name="bold_cinematic", key=50, chords=((0, _MINOR), (8, _MAJOR), (5, _MINOR7), (7, _DOMINANT)),
        home=(0, _MINOR),
        slowest=78, fastest=98, pluck="piano", drums="toms", brightness=0.6, steps=(0, 0, 1, 0, 2, 0, 1, 0),
        room_s=2.0,
        words=("bold", "cinema", "epic", "dramatic", "confident", "strong", "웅장", "드라마", "대담", "자신감"),
    ),
)  # fmt: skip
MOODS = MappingProxyType({mood.name: mood for mood in _ALL})


def mood_of(wish: str) -> tuple[Mood, bool]:
    """The mood of that name, or the one whose words the wish holds most, and whether it was meant exactly."""
    name = "_".join(re.findall(r"[\w]+", wish.lower()))
    if name in MOODS:
        return MOODS[name], True
    scores = [sum(word in name for word in mood.words) for mood in _ALL]
    return _ALL[scores.index(max(scores))], False
