"""Stage 4: the scene's lines are spoken; once for all formats."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ad_pipeline.checks.sound import check_sound
from ad_pipeline.checks.verdict import Verdict
from ad_pipeline.checks.voice import check_voice
from ad_pipeline.engines.contracts import Done, Engine, Estimate, Job
from ad_pipeline.engines.crafts.voice import VoiceEngine, VoiceRequest
from ad_pipeline.errors import EngineRefused
from ad_pipeline.media.time import AUDIO_RATE_HZ, FILM
from ad_pipeline.routing.route import decide
from ad_pipeline.sessions.keys import ArtifactKey
from ad_pipeline.sessions.records import TakeRecord
from ad_pipeline.sessions.store import Draft
from ad_pipeline.stages.making import Task, make
from ad_pipeline.stages.session_facts import SessionFacts, facts_of
from ad_pipeline.stages.workplace import RESUME, Wishes, Workplace

STAGE_VERSION = 1

AIR_S = 0.2
"""Silence that a voice keeps from the start and the end of its scene."""


def voice_key(scene_id: str) -> ArtifactKey:
    return ArtifactKey(kind="voice", scene_id=scene_id)


def make_voice(workplace: Workplace, session_id: str, scene_id: str, wishes: Wishes = RESUME) -> TakeRecord:
    """The scene's voice; silence of the scene's length where nobody speaks.

    Raises:
        InputRejected: no such session or scene.
        EngineError: no engine of the chain could speak it, or it does not fit its scene.
    """
    facts = facts_of(workplace, session_id)
    return make(workplace, facts.session, voice_task(facts, scene_id), wishes)


def voice_task(facts: SessionFacts, scene_id: str) -> Task:
    """What decides the scene's voice."""
    scene = facts.storyboard.scene(scene_id)
    room_s = FILM.seconds(facts.shot(scene_id).frames)
    kit_voice = facts.kit.voice
    silent = facts.brief.voice == "none" or not scene.spoken
    decision = decide("voice", brief=facts.brief, scene=scene)
    request = VoiceRequest(
        lines=() if silent else scene.spoken,
        language=facts.storyboard.language,
        longest_s=max(0.3, room_s - 2 * AIR_S),
        speed=kit_voice.speed,
        gender=kit_voice.gender,
        voice_id=facts.brief.voice if facts.brief.voice != "auto" else kit_voice.ids.get(decision.wanted.engine, ""),
        tone=facts.storyboard.tone or facts.kit.tone,
        seed=facts.seed_of(scene),
    )

    def work(engine: Engine, seed: int | None, draft: Draft, job: Job) -> Done:
        assert isinstance(engine, VoiceEngine)
        if not request.lines:
            return _silence(draft.path, room_s)
        try:
            done = engine.speak(replace(request, seed=seed or 0), draft.path, job)
        except EngineRefused as error:
            raise EngineRefused(
                "{scene_id}: {problem}", engine=error.engine, scene_id=scene.id, problem=error.message
            ) from error
        marks = [vars(mark) for mark in done.marks]
        return replace(done, details={**done.details, "marks": marks, "duration_s": done.duration_s})

    def check(draft: Draft, _: Done) -> Sequence[Verdict]:
        if not request.lines:
            return check_sound(draft.path, length_s=room_s)
        return check_voice(draft.path, longest_s=request.longest_s, text=" ".join(line.text for line in request.lines))

    def estimate(engine: Engine) -> Estimate:
        assert isinstance(engine, VoiceEngine)
        return engine.estimate_voice(request)

    return Task(
        key=voice_key(scene.id),
        stage_version=STAGE_VERSION,
        decision=decision,
        brief=facts.brief,
        inputs={},
        parameters={name: value for name, value in vars(request).items() if name != "seed"},
        seed=request.seed,
        work=work,
        check=check,
        estimate=estimate,
        wishes_used=("seed",),
    )


def _silence(target: Path, length_s: float) -> Done:
    with wave.open(str(target), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(AUDIO_RATE_HZ)
        file.writeframes(bytes(2 * round(length_s * AUDIO_RATE_HZ)))
    return Done(model="silence", details={"marks": [], "duration_s": length_s, "why": "nobody speaks in this scene"})
