"""Connected speech: whole clauses by the guide voice's synthesizer, whose own word events are the truth."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from ad_pipeline.engines.animatic.voice_polish import polished
from ad_pipeline.media.sound import Samples
from ad_pipeline.story.said import SaidWord, said_words
from ad_pipeline.story.spoken_form import clauses_of
from ad_pipeline_tests.bench.laid_words import SPEAKERS, LaidLine, LaidWord, Speaker, gap_s

_LOUD = 0.006


def fluent_lines(
    texts: Sequence[str], language: Literal["ko", "en"], half: Literal["tuned on", "measured on"]
) -> list[LaidLine]:
    """Every text by every speaker of that half."""
    return [
        fluent_line(text, language, speaker) for speaker in SPEAKERS[language] if speaker.half == half for text in texts
    ]


def fluent_line(text: str, language: Literal["ko", "en"], speaker: Speaker) -> LaidLine:
    """`text` by `speaker`, its clauses spoken in one breath each."""
    clauses = [said_words(clause, language) for clause in clauses_of(text)]
    spoken = [" ".join(word.said for word in words if word.said) for words in clauses]
    rate_hz, answers = _asked(spoken, language, speaker)
    chance = random.Random(f"{text} {speaker.variant}")
    laid: list[LaidWord] = []
    parts: list[Samples] = []
    at = 0
    for number, (words, (samples, events)) in enumerate(zip(clauses, answers, strict=True)):
        loud = np.flatnonzero(np.abs(samples) > _LOUD)
        first, last = int(loud[0]), int(loud[-1])
        starts = [(max(0, start - first) + at) / rate_hz for start in _starts(words, events)]
        ends = [*starts[1:], (at + last - first) / rate_hz]
        laid += [
            LaidWord(word=word, start_s=start, end_s=max(start, end), clause=number)
            for word, start, end in zip(words, starts, ends, strict=True)
        ]
        silence = np.zeros(int(gap_s(chance, words[-1].written, last=True) * rate_hz), np.float32)
        parts += [samples[first:last], silence]
        at += last - first + len(silence)
    return LaidLine(text=text, language=language, samples=polished(np.concatenate(parts), rate_hz), words=tuple(laid))


def _starts(words: Sequence[SaidWord], events: Sequence[tuple[int, int]]) -> list[int]:
    """The sample at which each word begins; where the synthesizer ran two words together, between its neighbours."""
    found: list[int | None] = []
    position = 0
    for word in words:
        near = min(events, key=lambda event: abs(event[0] - position))
        found.append(near[1] if word.said and abs(near[0] - position) <= 1 else None)
        position += len(word.said) + 1 if word.said else 0
    found[0] = 0 if found[0] is None else found[0]
    known = [(at, start) for at, start in enumerate(found) if start is not None]
    return [round(float(np.interp(at, *zip(*known, strict=True)))) for at in range(len(words))]


def _asked(
    texts: Sequence[str], language: str, speaker: Speaker
) -> tuple[int, list[tuple[Samples, list[tuple[int, int]]]]]:
    request = {
        "voice": {"ko": "ko", "en": "en-us"}[language] + speaker.variant,
        "rate": speaker.words_per_minute,
        "pitch": speaker.pitch,
        "texts": list(texts),
    }
    done = subprocess.run(
        [sys.executable, "-m", "ad_pipeline_tests.bench.word_events_child"],
        input=json.dumps(request).encode(), capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    head, _, raw = done.stdout.partition(b"\n")
    answer: dict[str, Any] = json.loads(head)
    whole: Samples = np.frombuffer(raw, "<i2").astype(np.float32) / np.float32(32768)
    found: list[tuple[Samples, list[tuple[int, int]]]] = []
    at = 0
    for told in answer["texts"]:
        samples = whole[at : at + told["length"]]
        found.append((samples, [(int(position), int(start)) for position, start in told["words"]]))
        at += told["length"]
    return int(answer["rate_hz"]), found
