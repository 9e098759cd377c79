"""Who speaks the description: the ad's own voice where it is free, else the guide voice; never the narrator's."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ad_pipeline.engines.contracts import Job
from ad_pipeline.engines.crafts.voice import Mark, Speaker, VoiceEngine, VoiceRequest
from ad_pipeline.engines.registry import Registry
from ad_pipeline.errors import AdPipelineError, Cancelled, EngineUnavailable
from ad_pipeline.media.description_fit import active_hops
from ad_pipeline.media.metering import Samples
from ad_pipeline.media.sound import read_sound
from ad_pipeline.media.time import AUDIO_RATE_HZ
from ad_pipeline.routing.route import decide
from ad_pipeline.stages.cast import NARRATOR, cast_of, for_engine
from ad_pipeline.stages.making import costs
from ad_pipeline.stages.session_facts import SessionFacts
from ad_pipeline.story.storyboard import Line

DESCRIBER = "description"
"""The speaker's name: a brand kit may give a voice of that name."""

_GUIDE = "animatic/guide-voice"
_EDGE_S = 0.02


class Describer:
    """Speaks texts, each once."""

    def __init__(self, facts: SessionFacts, engines: Registry) -> None:
        self._facts = facts
        self._speakers = _speakers(facts, engines)
        self._known: dict[str, Samples] = {}

    @property
    def decided_by(self) -> list[tuple[object, ...]]:
        """The engines that are asked, in order, and how each is to sound."""
        return [(e.facts.name, e.facts.model, e.facts.version, vars(who)) for e, who in self._speakers]

    @property
    def known(self) -> Mapping[str, Samples]:
        """What was spoken so far: 48 kHz mono, without silence around it."""
        return self._known

    @property
    def is_guide(self) -> bool:
        return self._speakers[0][0].facts.name == "animatic"

    @property
    def named(self) -> dict[str, Any]:
        """Who spoke, for the record."""
        facts = self._speakers[0][0].facts
        return {
            "engine": facts.name,
            "model": facts.model,
            "guide_voice": self.is_guide,
            "licence": facts.licence.name,
        }

    def speak(self, texts: Sequence[str], folder: Path, job: Job) -> None:
        """Make the texts known.

        Raises:
            EngineError: not even the guide voice could.
        """
        wanted = [text for text in dict.fromkeys(texts) if text not in self._known]
        while wanted:
            try:
                self._known |= self._spoken(wanted, folder, job)
                return
            except Cancelled:
                raise
            except AdPipelineError:
                if len(self._speakers) == 1:
                    raise
                # One voice for all of it: what another said is said again.
                wanted = list(dict.fromkeys([*self._known, *wanted]))
                self._known.clear()
                self._speakers = self._speakers[1:]

    def _spoken(self, texts: Sequence[str], folder: Path, job: Job) -> dict[str, Samples]:
        """All in one request: a voice takes as long to start as to speak."""
        engine, who = self._speakers[0]
        request = VoiceRequest(
            lines=tuple(Line(speaker=DESCRIBER, text=text) for text in texts),
            language=self._facts.storyboard.language,
            cast={DESCRIBER: who},
            tone="calm",
            lexicon=self._facts.kit.lexicon,
            seed=self._facts.storyboard.seed,
        )
        file = folder / f"{uuid.uuid4().hex}.wav"
        try:
            done = engine.speak(request, file, job)
            samples = read_sound(file, channels=1)
        finally:
            file.unlink(missing_ok=True)
        return dict(zip(texts, cut_by_marks(samples, done.marks, texts), strict=True))


def cut_by_marks(samples: Samples, marks: Sequence[Mark], texts: Sequence[str]) -> list[Samples]:
    """The sound of each text, by the words that the marks count; silence around it left out."""
    spans: list[tuple[float, float]] = []
    at = 0
    for text in texts:
        first, left = at, len(text.split())
        while left > 0 and at < len(marks):
            left -= len(marks[at].text.split())
            at += 1
        spans.append((marks[first].start_s, marks[at - 1].end_s) if at > first else (0.0, 0.0))
    middles = [(before[1] + after[0]) / 2 for before, after in pairwise(spans)]
    edges = [round(s * AUDIO_RATE_HZ) for s in (0.0, *middles)]
    return [_trimmed(samples[a:b]) for a, b in pairwise([*edges, len(samples)])]


def _speakers(facts: SessionFacts, engines: Registry) -> tuple[tuple[VoiceEngine, Speaker], ...]:
    """The guide voice is the last. A voice that is paid for is left to the ad's own words."""
    cast = cast_of(facts, (NARRATOR, DESCRIBER))
    who = cast[DESCRIBER]
    if who.gender == "any":
        who = replace(who, gender="female" if cast[NARRATOR].gender == "male" else "male")
    rows = decide("voice", brief=facts.brief).chain if facts.brief.quality != "draft" else ()
    language = facts.storyboard.language
    names = [
        row.model_id
        for row in rows
        if row.engine != "animatic" and not costs(row) and (not row.languages or language in row.languages)
    ]
    found: list[tuple[VoiceEngine, Speaker]] = []
    for name in (*names, _GUIDE):
        try:
            engine = engines.engine(name)
        except EngineUnavailable:
            if name == _GUIDE:
                raise
            continue  # its server does not run: no reason to leave the description out
        if isinstance(engine, VoiceEngine):
            found.append((engine, for_engine({DESCRIBER: who}, facts, engine.facts, wanted="")[DESCRIBER]))
    return tuple(found)


def _trimmed(samples: Samples) -> Samples:
    heard = np.flatnonzero(active_hops(samples)) if len(samples) else np.zeros(0)
    if not heard.size:
        return samples
    hop, edge = AUDIO_RATE_HZ // 100, round(_EDGE_S * AUDIO_RATE_HZ)
    return samples[max(0, int(heard[0]) * hop - edge) : (int(heard[-1]) + 1) * hop + edge]
