"""Real speech whose word times are known: each word spoken apart by the guide voice and laid at a known place."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ad_pipeline.engines.animatic.voice import _asked  # pyright: ignore[reportPrivateUsage]
from ad_pipeline.engines.animatic.voice_polish import polished, trimmed
from ad_pipeline.media.sound import Samples
from ad_pipeline.story.said import SaidWord, said_words
from ad_pipeline.story.spoken_form import clauses_of

_HEAD_S = 0.02
"""What `trimmed` leaves of the silence before a word."""


@dataclass(frozen=True, kw_only=True)
class Speaker:
    """One way the guide voice can sound; `half` says whether limits were tuned on it."""

    half: Literal["tuned on", "measured on"]
    variant: str
    words_per_minute: int
    pitch: int
    pitch_range: int = 50


# Voices, rates and pitches of the halves have nothing in common.
SPEAKERS: dict[str, tuple[Speaker, ...]] = {
    "ko": (
        Speaker(half="tuned on", variant="+f3", words_per_minute=215, pitch=48),
        Speaker(half="tuned on", variant="+m1", words_per_minute=250, pitch=40),
        Speaker(half="measured on", variant="+m3", words_per_minute=230, pitch=35),
        Speaker(half="measured on", variant="+f2", words_per_minute=190, pitch=60, pitch_range=70),
    ),
    "en": (
        Speaker(half="tuned on", variant="+f3", words_per_minute=175, pitch=48),
        Speaker(half="tuned on", variant="+m1", words_per_minute=205, pitch=40),
        Speaker(half="measured on", variant="+m3", words_per_minute=190, pitch=35),
        Speaker(half="measured on", variant="+f2", words_per_minute=155, pitch=60, pitch_range=70),
    ),
}


@dataclass(frozen=True, kw_only=True)
class LaidWord:
    """A word, its true times in seconds from the start of the sound, and the clause that it stands in."""

    word: SaidWord
    start_s: float
    end_s: float
    clause: int


@dataclass(frozen=True, kw_only=True)
class LaidLine:
    """A line as it was spoken: mono, 48 kHz, and the truth about it."""

    text: str
    language: Literal["ko", "en"]
    samples: Samples
    words: tuple[LaidWord, ...]


def laid_line(text: str, language: Literal["ko", "en"], speaker: Speaker, *, seed: int) -> LaidLine:
    """`text` by `speaker`: hardly a gap between the words of a clause, a pause behind most clauses."""
    clauses = [said_words(clause, language) for clause in clauses_of(text)]
    spoken = [word.said for words in clauses for word in words if word.said]
    rate_hz, dry = _asked(
        {
            "parent_pid": os.getpid(),
            "voice": {"ko": "ko", "en": "en-us"}[language] + speaker.variant,
            "rate": speaker.words_per_minute,
            "pitch": speaker.pitch,
            "range": speaker.pitch_range,
            "word_gap": 0,
            "texts": spoken,
        }
    )
    sounds = iter([trimmed(samples, rate_hz) for samples in dry])
    chance = random.Random(f"{seed} {text} {speaker.variant}")
    laid: list[LaidWord] = []
    parts: list[Samples] = [_silence(chance.uniform(0.0, 0.08), rate_hz)]
    at = len(parts[0])
    for number, words in enumerate(clauses):
        for place, word in enumerate(words):
            if not word.said:
                now_s = laid[-1].end_s if laid else 0.0
                laid.append(LaidWord(word=word, start_s=now_s, end_s=now_s, clause=number))
                continue
            sound = next(sounds)
            start_s = at / rate_hz + _HEAD_S
            laid.append(
                LaidWord(word=word, start_s=start_s, end_s=(at + len(sound)) / rate_hz - _HEAD_S, clause=number)
            )
            last = place == len(words) - 1
            gap = _silence(gap_s(chance, words[-1].written if last else "", last=last), rate_hz)
            # `trimmed` leaves 20 ms at both ends: half of it goes, or no two words would ever touch.
            kept = sound[: len(sound) - int(_HEAD_S * rate_hz)]
            parts += [kept, gap]
            at += len(kept) + len(gap)
    return LaidLine(text=text, language=language, samples=polished(np.concatenate(parts), rate_hz), words=tuple(laid))


def gap_s(chance: random.Random, written: str, *, last: bool) -> float:
    """The silence behind a word, of which `written` is the text where it is a clause's `last`."""
    if not last:
        # Now and then a speaker hesitates where nothing ends.
        return chance.uniform(0.12, 0.25) if chance.random() < 0.04 else chance.uniform(0.0, 0.035)
    if written.rstrip("\"'”’)").endswith((".", "!", "?", "…")):
        return chance.uniform(0.28, 0.65)
    # One comma in six is read over.
    return chance.uniform(0.0, 0.05) if chance.random() < 1 / 6 else chance.uniform(0.12, 0.32)


def _silence(seconds: float, rate_hz: int) -> Samples:
    return np.zeros(int(seconds * rate_hz), np.float32)


def laid_lines(
    texts: Sequence[str], language: Literal["ko", "en"], half: Literal["tuned on", "measured on"]
) -> list[LaidLine]:
    """Every text by every speaker of that half."""
    return [
        laid_line(text, language, speaker, seed=7)
        for speaker in SPEAKERS[language]
        if speaker.half == half
        for text in texts
    ]
