"""The guide voice: espeak-ng in a child process, polished; for drafts, never for broadcast."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from ad_pipeline.engines.animatic.voice_polish import joined, polished, trimmed
from ad_pipeline.engines.animatic.wav import Samples, write_mono_16_bit
from ad_pipeline.engines.contracts import EngineFacts, Estimate, Job, Licence
from ad_pipeline.engines.crafts.voice import Mark, VoiceDone, VoiceEngine, VoiceRequest
from ad_pipeline.errors import EngineRefused, EngineUnavailable
from ad_pipeline.media.time import AUDIO_RATE_HZ
from ad_pipeline.messages import Message
from ad_pipeline.story.speaking import CLAUSE_PAUSE_S, LINE_PAUSE_S, SENTENCE_PAUSE_S
from ad_pipeline.story.spoken_form import clauses_of, spoken_form

FASTEST = 1.15
"""How much the guide voice may hurry to fit its scene."""

_CHILD = "ad_pipeline.engines.animatic.espeak_child"
_CHILD_TIMEOUT_S = 30
_WORDS_PER_MINUTE = {"ko": 215, "en": 175}
_SLOWEST_RATE, _FASTEST_RATE = 80, 450
_VOICES = {"ko": "ko", "en": "en-us"}
_VARIANTS = {"female": "+f3", "male": "+m3"}
_LIVELY = ("enthusiastic", "funny", "playful", "energetic", "excited")


@dataclass(frozen=True, kw_only=True)
class _Clause:
    text: str
    spoken: str
    pause_s: float
    speaker: str


class GuideVoice(VoiceEngine):
    """Speaks every line with one synthetic voice, in 0.1 s; robotic by nature and said to be."""

    facts = EngineFacts(
        name="animatic",
        model="espeak-ng 1.52",
        version="1",
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
            raise EngineRefused("there is nothing to say in {text!r}", engine="animatic", text=_all_text(request)[:80])
        samples, marks, speed = _fitted(clauses, request)
        job.checkpoint(0.9)
        write_mono_16_bit(samples, target)
        return VoiceDone(
            model=self.facts.model,
            marks=marks,
            duration_s=len(samples) / AUDIO_RATE_HZ,
            details={"speed": round(speed, 3), "guide_voice": True, "said": " ".join(c.spoken for c in clauses)},
        )


def _clauses(request: VoiceRequest) -> tuple[_Clause, ...]:
    found: list[_Clause] = []
    for line in request.lines:
        pieces = clauses_of(line.text)
        for at, text in enumerate(pieces):
            ends_sentence = text.rstrip()[-1:] in ".!?…。！？"
            pause_s = SENTENCE_PAUSE_S if ends_sentence else CLAUSE_PAUSE_S
            if at == len(pieces) - 1:
                pause_s = LINE_PAUSE_S
            spoken = spoken_form(text, request.language)
            if any(letter.isalnum() for letter in spoken):
                found.append(_Clause(text=text, spoken=spoken, pause_s=pause_s, speaker=line.speaker))
    return tuple(found)


def _fitted(clauses: Sequence[_Clause], request: VoiceRequest) -> tuple[Samples, tuple[Mark, ...], float]:
    """The speech, hurried up to `FASTEST` where its room is short."""
    hurry, surplus_s = 1.0, 0.0
    for _ in range(4):
        samples, marks = _spoken(clauses, request, hurry)
        surplus_s = len(samples) / AUDIO_RATE_HZ - request.longest_s
        if surplus_s <= 0:
            return samples, marks, request.speed * hurry
        if hurry >= FASTEST:
            break
        # The synthesizer's pace follows its rate only roughly: a little more than the proportion.
        hurry = min(FASTEST, hurry * (1 + surplus_s / request.longest_s) * 1.01) if request.longest_s > 0 else FASTEST
    raise EngineRefused(
        "the narration is {surplus_s:.1f} s too long for its {longest_s:.1f} s; shorten it: {text!r}",
        engine="animatic",
        surplus_s=max(0.05, surplus_s),
        longest_s=request.longest_s,
        text=_all_text(request)[:80],
    )


def _spoken(clauses: Sequence[_Clause], request: VoiceRequest, hurry: float) -> tuple[Samples, tuple[Mark, ...]]:
    rate_hz, dry = _asked(_child_request(clauses, request, hurry))
    voiced = [trimmed(samples, rate_hz) for samples in dry]
    pauses_s = [clause.pause_s / hurry for clause in clauses[:-1]] + [0.0]
    whole, starts_s = joined(voiced, pauses_s, rate_hz)
    if not len(whole):
        raise EngineRefused("there is nothing to say in {text!r}", engine="animatic", text=_all_text(request)[:80])
    marks = tuple(
        Mark(
            text=clause.text,
            start_s=round(start_s, 4),
            end_s=round(start_s + len(samples) / rate_hz, 4),
            speaker=clause.speaker,
        )
        for clause, start_s, samples in zip(clauses, starts_s, voiced, strict=True)
    )
    return polished(whole, rate_hz), marks


def _child_request(clauses: Sequence[_Clause], request: VoiceRequest, hurry: float) -> dict[str, object]:
    lively = any(word in request.tone.lower() for word in _LIVELY)
    rate = round(_WORDS_PER_MINUTE[request.language] * request.speed * hurry)
    return {
        "parent_pid": os.getpid(),
        "voice": _VOICES[request.language] + _VARIANTS.get(request.gender, _VARIANTS["female"]),
        "rate": min(_FASTEST_RATE, max(_SLOWEST_RATE, rate)),
        "pitch": 54 if lively else 48,
        "range": 62 if lively else 46,
        "word_gap": 0,
        "texts": [clause.spoken for clause in clauses],
    }


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


def _all_text(request: VoiceRequest) -> str:
    return " ".join(line.text for line in request.lines)
