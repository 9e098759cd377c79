"""The guide voice: espeak-ng in a child process, polished; for drafts, never for broadcast."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ad_pipeline.engines.animatic.voice_polish import joined, polished, trimmed
from ad_pipeline.engines.animatic.wav import Samples, write_mono_16_bit
from ad_pipeline.engines.contracts import EngineFacts, Estimate, Job, Licence
from ad_pipeline.engines.crafts.voice import Mark, Speaker, Talents, VoiceDone, VoiceEngine, VoiceRequest
from ad_pipeline.errors import EngineRefused, EngineUnavailable
from ad_pipeline.media.alignment import HeardClause, Piece, aligned_clauses
from ad_pipeline.media.time import AUDIO_RATE_HZ
from ad_pipeline.messages import Message
from ad_pipeline.story.emotions import feeling_of
from ad_pipeline.story.pacing import clause_pieces
from ad_pipeline.story.speaking import CLAUSE_PAUSE_S, LINE_PAUSE_S, SENTENCE_PAUSE_S
from ad_pipeline.story.spoken_form import clauses_of, spoken_form
from ad_pipeline.story.storyboard import Line

_CHILD = "ad_pipeline.engines.animatic.espeak_child"
_CHILD_TIMEOUT_S = 30
_WORDS_PER_MINUTE = {"ko": 215, "en": 175}
_SLOWEST_RATE, _FASTEST_RATE = 80, 450
_VOICES = {"ko": "ko", "en": "en-us"}
_LIVELY = ("enthusiastic", "funny", "playful", "energetic", "excited")

_VARIANTS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "female": {"young": ("+f4", "+f5"), "adult": ("+f3", "+f2"), "mature": ("+f2", "+f1")},
    "male": {"young": ("+m7", "+m5"), "adult": ("+m3", "+m1"), "mature": ("+m1", "+m2")},
}
"""Espeak's own variants that sound least apart from a person, by gender and age; the second for a second speaker."""


@dataclass(frozen=True, kw_only=True)
class _Clause:
    pieces: tuple[Piece, ...]
    spoken: str
    pause_s: float
    speaker: str
    settings: Mapping[str, Any]


class GuideVoice(VoiceEngine):
    """Speaks every line with a synthetic voice, in 0.1 s; robotic by nature and said to be."""

    facts = EngineFacts(
        name="animatic",
        model="espeak-ng 1.52",
        version="2",
        crafts=frozenset({"voice"}),
        licence=Licence(
            name="GPL-3.0-or-later (program); output unrestricted",
            paid_ads="yes",
            source="https://github.com/espeak-ng/espeak-ng/blob/master/COPYING",
            note="a guide voice: replace it before the ad is shown",
        ),
        local=True,
        languages=frozenset({"ko", "en"}),
        supports_seed=False,
        supports_timestamps=True,
    )
    talents = Talents(timestamps="clause", emotion="pace", slowest=0.5, fastest=2.0)

    def missing(self) -> Message | None:
        if find_spec("espeakng_loader"):
            return None
        return EngineUnavailable("the guide voice needs: pip install espeakng-loader", engine="animatic").message

    def estimate_voice(self, request: VoiceRequest) -> Estimate:
        return Estimate(seconds=0.3)

    def speak(self, request: VoiceRequest, target: Path, job: Job) -> VoiceDone:
        job.checkpoint(0.0)
        clauses = _clauses(request)
        if not clauses:
            text = " ".join(line.text for line in request.lines)
            raise EngineRefused("there is nothing to say in {text!r}", engine="animatic", text=text[:80])
        samples, marks = _spoken(clauses)
        job.checkpoint(0.9)
        write_mono_16_bit(samples, target)
        return VoiceDone(
            model=self.facts.model,
            marks=marks,
            duration_s=len(samples) / AUDIO_RATE_HZ,
            details={
                "guide_voice": True,
                "said": " ".join(clause.spoken for clause in clauses),
                "voices": {clause.speaker: clause.settings["voice"] for clause in clauses},
                "word_times": "by clause, shared by syllables and the sound",
            },
        )


def _clauses(request: VoiceRequest) -> tuple[_Clause, ...]:
    found: list[_Clause] = []
    variants = _variants(request)
    for line in request.lines:
        settings = _settings(line, request, variants[line.speaker])
        texts = clauses_of(line.text)
        pieces = clause_pieces(line.text, request.language, request.lexicon)
        for at, (text, words) in enumerate(zip(texts, pieces, strict=True)):
            ends_sentence = text.rstrip()[-1:] in ".!?…。！？"
            pause_s = SENTENCE_PAUSE_S if ends_sentence else CLAUSE_PAUSE_S
            if at == len(pieces) - 1:
                pause_s = LINE_PAUSE_S
            spoken = spoken_form(text, request.language, request.lexicon)
            if any(letter.isalnum() for letter in spoken):
                found.append(
                    _Clause(pieces=words, spoken=spoken, pause_s=pause_s, speaker=line.speaker, settings=settings)
                )
    return tuple(found)


def _variants(request: VoiceRequest) -> dict[str, str]:
    """speaker -> variant; two speakers of one kind get two, as long as there are two; the same ones in every scene."""
    chosen: dict[str, str] = {}
    for name in dict.fromkeys([*request.cast, *(line.speaker for line in request.lines)]):
        chosen[name] = _variant(request.speaker(name), taken=tuple(chosen.values()))
    return chosen


def _variant(speaker: Speaker, *, taken: Sequence[str]) -> str:
    gender = speaker.gender
    if gender == "any":
        gender = "male" if any(variant in taken for variant in _of_gender("female")) else "female"
    fitting = _VARIANTS[gender][speaker.age]
    free = [variant for variant in (*fitting, *_of_gender(gender)) if variant not in taken]
    return free[0] if free else fitting[0]


def _of_gender(gender: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(variant for kind in _VARIANTS[gender].values() for variant in kind))


def _settings(line: Line, request: VoiceRequest, variant: str) -> Mapping[str, Any]:
    feeling = feeling_of(line.emotion)
    lively = any(word in request.tone.lower() for word in _LIVELY)
    pace = request.speaker(line.speaker).speed * (feeling.pace if feeling else 1.0)
    rate = round(_WORDS_PER_MINUTE[request.language] * pace)
    return {
        "voice": _VOICES[request.language] + variant,
        "rate": min(_FASTEST_RATE, max(_SLOWEST_RATE, rate)),
        "pitch": round((54 if lively else 48) * (feeling.pitch if feeling else 1.0)),
        "range": 62 if lively else 46,
    }


def _spoken(clauses: Sequence[_Clause]) -> tuple[Samples, tuple[Mark, ...]]:
    rate_hz, dry = _asked(
        {
            "parent_pid": os.getpid(),
            "word_gap": 0,
            "texts": [{"text": clause.spoken, **clause.settings} for clause in clauses],
        }
    )
    voiced = [trimmed(samples, rate_hz) for samples in dry]
    whole, starts_s = joined(voiced, [*(clause.pause_s for clause in clauses[:-1]), 0.0], rate_hz)
    if not len(whole):
        said = " ".join(clause.spoken for clause in clauses)
        raise EngineRefused("there is nothing to say in {text!r}", engine="animatic", text=said[:80])
    warm = polished(whole, rate_hz)
    marks: list[Mark] = []
    for clause, start_s, samples in zip(clauses, starts_s, voiced, strict=True):
        heard = HeardClause(start_s=start_s, end_s=start_s + len(samples) / rate_hz, pieces=clause.pieces)
        marks += [
            Mark(text=word.text, start_s=round(word.start_s, 4), end_s=round(word.end_s, 4), speaker=clause.speaker)
            for word in aligned_clauses([heard], warm)
        ]
    return warm, tuple(marks)


def _asked(request: dict[str, object]) -> tuple[int, list[Samples]]:
    """The child's samples per text; it is killed with this process, and after 30 s."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", _CHILD],
            input=json.dumps(request).encode(),
            capture_output=True,
            timeout=_CHILD_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise EngineUnavailable(
            "the guide voice did not answer within {limit_s} s", engine="animatic", limit_s=_CHILD_TIMEOUT_S
        ) from error
    except OSError as error:
        raise EngineUnavailable("the guide voice did not start: {why}", engine="animatic", why=str(error)) from error
    head, _, raw = done.stdout.partition(b"\n")
    if done.returncode != 0 or not head:
        why = json.loads(head)["error"] if head else done.stderr.decode(errors="replace").strip()[-200:]
        raise EngineUnavailable(
            "the guide voice failed (status {status}): {why}", engine="animatic", status=done.returncode, why=why
        )
    answer = json.loads(head)
    whole: Samples = np.frombuffer(raw, "<i2").astype(np.float32) / np.float32(32768)
    ends: list[int] = np.cumsum(answer["lengths"]).tolist()
    spoken = [whole[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    return int(answer["rate_hz"]), spoken
