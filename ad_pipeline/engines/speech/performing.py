"""A scene's lines, one after the other by whoever can say them: levelled, with pauses, each word with its time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ad_pipeline.engines.contracts import Job
from ad_pipeline.engines.crafts.voice import Mark, VoiceRequest
from ad_pipeline.engines.speech.utterance import ToSay, Utterance, WordTimes, lines_to_say
from ad_pipeline.errors import EngineRefused
from ad_pipeline.media.alignment import aligned
from ad_pipeline.media.sound import Samples
from ad_pipeline.media.time import AUDIO_RATE_HZ
from ad_pipeline.media.voice_chain import spoken_level
from ad_pipeline.story.speaking import LINE_PAUSE_S

LEVEL = 0.1
"""Each line's level while it speaks (-20 dBFS): two voices of one service differ by several dB."""
MOST_PEAK = 0.89
_QUIET = 0.004
_KEPT_S = 0.03
_EDGE_S = 0.006


@dataclass(frozen=True, kw_only=True)
class Performance:
    """All lines as one sound (mono, 48 kHz), and when each word is heard."""

    samples: Samples
    marks: tuple[Mark, ...]
    cost_usd: float
    details: Mapping[str, Any]


def performed(request: VoiceRequest, utter: Callable[[ToSay, Job], Utterance], job: Job, *, engine: str) -> Performance:
    """Let `utter` speak each line of the request.

    Raises:
        EngineRefused: nothing in the lines is spoken.
        EngineError: what `utter` raises.
    """
    lines = lines_to_say(request)
    if not lines:
        text = " ".join(line.text for line in request.lines)
        raise EngineRefused("there is nothing to say in {text!r}", engine=engine, text=text[:80])
    heard: list[Utterance] = []
    for at, line in enumerate(lines):
        job.checkpoint(at / len(lines))
        heard.append(utter(line, job))
    return _joined(lines, heard)


def _joined(lines: Sequence[ToSay], heard: Sequence[Utterance]) -> Performance:
    parts: list[Samples] = []
    marks: list[Mark] = []
    at = 0
    for place, (line, utterance) in enumerate(zip(lines, heard, strict=True)):
        samples, cut_s = _trimmed(utterance.samples)
        times = _shifted(utterance.times, -cut_s, len(samples) / AUDIO_RATE_HZ) or _found(line, samples)
        start_s = at / AUDIO_RATE_HZ
        marks += [
            Mark(text=text, start_s=round(start_s + a, 4), end_s=round(start_s + b, 4), speaker=line.name)
            for text, a, b in times
        ]
        pause = round(LINE_PAUSE_S * AUDIO_RATE_HZ) if place < len(lines) - 1 else 0
        parts += [_levelled(samples), np.zeros(pause, np.float32)]
        at += len(samples) + pause
    return Performance(
        samples=np.concatenate(parts),
        marks=tuple(marks),
        cost_usd=round(sum(utterance.cost_usd for utterance in heard), 6),
        details={
            "said": [line.text for line in lines],
            "lines": [dict(utterance.details) for utterance in heard],
            "word_times": "from the engine" if all(u.times for u in heard) else "found in the sound",
        },
    )


def _trimmed(samples: Samples) -> tuple[Samples, float]:
    """Without the silence at both ends, but for 30 ms; and how many seconds went at the front."""
    loud = np.flatnonzero(np.abs(samples) > _QUIET)
    if not len(loud):
        return samples, 0.0
    kept = round(_KEPT_S * AUDIO_RATE_HZ)
    start, end = max(0, int(loud[0]) - kept), int(loud[-1]) + kept
    piece = np.array(samples[start:end], np.float32)
    fade = min(len(piece) // 2, round(_EDGE_S * AUDIO_RATE_HZ))
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    piece[:fade] *= ramp
    piece[len(piece) - fade :] *= ramp[::-1]
    return piece, start / AUDIO_RATE_HZ


def _shifted(times: WordTimes | None, by_s: float, length_s: float) -> WordTimes:
    def inside(at_s: float) -> float:
        return min(max(0.0, at_s + by_s), length_s)

    return tuple((text, inside(start), inside(end)) for text, start, end in times or ())


def _found(line: ToSay, samples: Samples) -> WordTimes:
    """The words' times as the sound itself tells them."""
    return tuple((placed.text, placed.start_s, placed.end_s) for placed in aligned(samples, line.pieces))


def _levelled(samples: Samples) -> Samples:
    level = spoken_level(samples)
    peak = float(np.abs(samples).max())
    if peak <= 0:
        return samples
    return (samples * min(LEVEL / level, MOST_PEAK / peak)).astype(np.float32)
