"""Is a voice file as promised: it fits its scene, it is heard, it is not clipped?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ad_pipeline.checks.film import longest_silence_s
from ad_pipeline.checks.verdict import Verdict
from ad_pipeline.media.sound import level_db, read_sound
from ad_pipeline.media.time import AUDIO_RATE_HZ, FILM

QUIETEST_DB = -45.0
LONGEST_PAUSE_S = 1.5
MOST_CLIPPED_SHARE = 0.0005
_SHORTEST_S_PER_CHARACTER = 0.03
"""33 characters a second: nobody says a text faster, so a shorter file misses words."""


def check_voice(path: Path, *, longest_s: float, text: str) -> tuple[Verdict, ...]:
    """Length (against the room and against the text), silence, clipping.

    Raises:
        MediaError: no sound that can be read.
    """
    samples = read_sound(path, channels=1)
    seconds = len(samples) / AUDIO_RATE_HZ
    spoken = sum(not c.isspace() for c in text)
    level = level_db(samples)
    pause_s = longest_silence_s(samples)
    clipped = float(np.mean(np.abs(samples) >= 0.999)) if samples.size else 0.0
    return (
        Verdict(
            name="length",
            passed=seconds <= longest_s + FILM.seconds(1),
            measured=f"{seconds:.2f} s",
            limit=f"at most {longest_s:.2f} s",
        ),
        Verdict(
            name="whole_text",
            passed=seconds >= spoken * _SHORTEST_S_PER_CHARACTER,
            measured=f"{seconds:.2f} s for {spoken} characters",
            limit=f"at least {spoken * _SHORTEST_S_PER_CHARACTER:.2f} s",
        ),
        Verdict(
            name="silence",
            passed=level > QUIETEST_DB and pause_s <= LONGEST_PAUSE_S,
            measured=f"{level:.1f} dB, longest pause {pause_s:.2f} s",
            limit=f"over {QUIETEST_DB:g} dB, pauses at most {LONGEST_PAUSE_S:g} s",
        ),
        Verdict(
            name="clipping",
            passed=clipped <= MOST_CLIPPED_SHARE,
            measured=f"{clipped:.3%} of samples",
            limit=f"at most {MOST_CLIPPED_SHARE:.2%}",
            severity="warning",
        ),
    )


def check_one_voice(heard: Mapping[str, Sequence[str]]) -> Verdict:
    """Whether everybody has one voice through the ad; `heard` is speaker -> the voices of all their scenes."""
    several = {name: list(dict.fromkeys(voices)) for name, voices in heard.items() if len(set(voices)) > 1}
    told = "; ".join(f"{name}: {', '.join(voices)}" for name, voices in several.items())
    return Verdict(
        name="one_voice",
        passed=not several,
        measured=told or f"{len(heard)} speakers",
        limit="one voice each; `rerun --upgrade` speaks what a weaker engine spoke again",
        severity="warning",
    )
