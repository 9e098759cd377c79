"""Stage 4: the scene's lines are spoken, each by its speaker, and fitted into the scene; once for all formats."""

from __future__ import annotations

import wave
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ad_pipeline.checks.sound import check_sound
from ad_pipeline.checks.verdict import Verdict
from ad_pipeline.checks.voice import check_voice
from ad_pipeline.engines.contracts import Done, Engine, Estimate, Job
from ad_pipeline.engines.crafts.voice import Mark, VoiceDone, VoiceEngine, VoiceRequest
from ad_pipeline.errors import DoesNotFit, EngineRefused, StrangeAnswer
from ad_pipeline.media.sound import read_sound, write_wav
from ad_pipeline.media.stretch import stretched
from ad_pipeline.media.time import AUDIO_RATE_HZ, FILM
from ad_pipeline.media.voice_fit import AIR_S, Fit, fit
from ad_pipeline.routing.route import Decision, decide
from ad_pipeline.sessions.keys import ArtifactKey
from ad_pipeline.sessions.records import TakeRecord
from ad_pipeline.sessions.store import Draft
from ad_pipeline.stages.cast import cast_of, for_engine
from ad_pipeline.stages.making import Task, current, make
from ad_pipeline.stages.session_facts import SessionFacts, facts_of
from ad_pipeline.stages.voice_quota import check_quota
from ad_pipeline.stages.workplace import RESUME, Wishes, Workplace
from ad_pipeline.story.emotions import feeling_of, feelings
from ad_pipeline.story.storyboard import Scene

STAGE_VERSION = 2


def voice_key(scene_id: str) -> ArtifactKey:
    return ArtifactKey(kind="voice", scene_id=scene_id)


def voice_start_s(record: TakeRecord) -> float:
    """When the voice begins in its scene, in seconds after the scene does."""
    return start_told(record.details)


def start_told(details: Mapping[str, Any]) -> float:
    """The same, from what the take tells."""
    return float(details.get("start_s", AIR_S))


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
    request = voice_request(facts, scene)
    decision = decide("voice", brief=facts.brief, scene=scene)

    def cast_for(engine: Engine) -> VoiceRequest:
        return _cast_for(engine, request, facts, decision)

    def work(engine: Engine, seed: int | None, draft: Draft, job: Job) -> Done:
        assert isinstance(engine, VoiceEngine)
        if not request.lines:
            return _silence(draft.path, room_s)
        try:
            asked = replace(cast_for(engine), seed=seed or 0)
            check_quota(
                facts, engine, asked, scene=scene, others=lambda other: _still_asked(facts, other, engine), job=job
            )
            done = engine.speak(asked, draft.path, job)
        except StrangeAnswer:
            raise  # it is no matter of the scene
        except EngineRefused as error:
            raise EngineRefused(
                "{scene_id}: {problem}", engine=error.engine, job_id=error.job_id, scene_id=scene.id,
                problem=error.message,
            ) from error  # fmt: skip
        return _fitted(done, draft.path, scene, room_s, engine=engine.facts.name)

    def check(draft: Draft, _: Done) -> Sequence[Verdict]:
        if not request.lines:
            return check_sound(draft.path, length_s=room_s)
        heard = check_voice(draft.path, longest_s=room_s, text=" ".join(line.text for line in request.lines))
        return (*heard, *_check_emotions(request))

    def estimate(engine: Engine) -> Estimate:
        assert isinstance(engine, VoiceEngine)
        return engine.estimate_voice(cast_for(engine))

    return Task(
        key=voice_key(scene.id),
        stage_version=STAGE_VERSION,
        decision=decision,
        brief=facts.brief,
        inputs={},
        parameters=_parameters(facts, request, room_s),
        seed=request.seed,
        work=work,
        check=check,
        estimate=estimate,
        wishes_used=("seed",),
    )


def _check_emotions(request: VoiceRequest) -> tuple[Verdict, ...]:
    """Are all feelings ones that we know? Nothing where the storyboard names none."""
    named = [line.emotion for line in request.lines if line.emotion.strip()]
    unknown = [emotion for emotion in named if feeling_of(emotion) is None]
    verdict = Verdict(
        name="emotions_known",
        passed=not unknown,
        measured=", ".join(dict.fromkeys(unknown)) if unknown else "all known",
        limit=", ".join(feeling.name for feeling in feelings()),
        severity="warning",
    )
    return (verdict,) if named else ()


def voice_request(facts: SessionFacts, scene: Scene) -> VoiceRequest:
    """What the scene says, by whom; without lines where nobody speaks."""
    lines = () if facts.brief.voice == "none" else scene.spoken
    before, after = _around(facts, scene)
    return VoiceRequest(
        lines=lines,
        language=facts.storyboard.language,
        cast=cast_of(facts, [line.speaker for line in lines]),
        tone=facts.storyboard.tone or facts.kit.tone,
        lexicon=facts.kit.lexicon,
        before=before,
        after=after,
        # The ad's own seed: the same words, said the same way in two scenes, are paid once.
        seed=facts.storyboard.seed if scene.seed is None else scene.seed,
    )


def _cast_for(engine: Engine, request: VoiceRequest, facts: SessionFacts, decision: Decision) -> VoiceRequest:
    """The request as one engine is asked it."""
    return replace(request, cast=for_engine(request.cast, facts, engine.facts, wanted=decision.wanted.engine))


def _still_asked(facts: SessionFacts, scene: Scene, engine: Engine) -> VoiceRequest | None:
    """What a scene will ask of the engine that is its first choice too; None where its voice is there already."""
    task = voice_task(facts, scene.id)
    found = current(facts.session, task)
    if found and not found.degraded:
        return None
    if task.decision.wanted.model_id != f"{engine.facts.name}/{engine.facts.model}":
        return None
    return _cast_for(engine, voice_request(facts, scene), facts, task.decision)


def _around(facts: SessionFacts, scene: Scene) -> tuple[str, str]:
    """What is said in the scenes before and behind this one."""
    scenes = facts.storyboard.scenes
    place = facts.storyboard.scene_ids.index(scene.id)
    before = scenes[place - 1].spoken if place else ()
    after = scenes[place + 1].spoken if place + 1 < len(scenes) else ()
    return " ".join(line.text for line in before), " ".join(line.text for line in after)


def _parameters(facts: SessionFacts, request: VoiceRequest, room_s: float) -> Mapping[str, Any]:
    """All that decides the voice. What is said in other scenes does not: one that changes leaves this one alone."""
    kept = {name: value for name, value in vars(request).items() if name not in ("seed", "before", "after", "lexicon")}
    voices = {name: facts.kit.voices[name].ids for name in request.cast if name in facts.kit.voices}
    return {
        **kept,
        "room_s": room_s,
        "voice": facts.brief.voice,
        "voice_ids": {"narrator": facts.kit.voice.ids, **voices},
        "pronunciation": [entry for entry in request.lexicon.own if _is_said(entry.written, request)],
    }


def _is_said(written: str, request: VoiceRequest) -> bool:
    """Whether a word of the lexicon stands in the lines: a new entry shall not make all other scenes anew."""
    return any(written.casefold() in line.text.casefold() for line in request.lines)


def _fitted(done: VoiceDone, path: Path, scene: Scene, room_s: float, *, engine: str) -> Done:
    """The speech in its scene, hurried where it must be; its words' times go with it."""
    found = fit(done.duration_s, room_s)
    if found.surplus_s > 0:
        text = " ".join(line.text for line in scene.spoken)
        raise DoesNotFit(
            "{scene_id}: the voice is {surplus_s:.1f} s too long for its scene of {room_s:.1f} s, also when it "
            "hurries; shorten the text or give the scene more time: {text!r}",
            engine=engine,
            scene_id=scene.id,
            surplus_s=max(0.1, found.surplus_s),
            room_s=room_s,
            text=text[:80],
        )
    marks, duration_s = _hurried(done, path, found)
    details = {
        **done.details,
        "marks": [vars(mark) for mark in marks],
        "duration_s": duration_s,
        "start_s": round(found.start_s, 4),
        "speed": round(found.speed, 3),
    }
    return replace(done, details=details)


def _hurried(done: VoiceDone, path: Path, found: Fit) -> tuple[Sequence[Mark], float]:
    if found.speed == 1.0:
        return done.marks, done.duration_s
    samples = stretched(read_sound(path, channels=1), found.speed)
    write_wav(path, samples)
    marks = [
        replace(mark, start_s=round(mark.start_s / found.speed, 4), end_s=round(mark.end_s / found.speed, 4))
        for mark in done.marks
    ]
    return marks, len(samples) / AUDIO_RATE_HZ


def _silence(target: Path, length_s: float) -> Done:
    with wave.open(str(target), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(AUDIO_RATE_HZ)
        file.writeframes(bytes(2 * round(length_s * AUDIO_RATE_HZ)))
    return Done(
        model="silence",
        details={"marks": [], "duration_s": length_s, "start_s": 0.0, "why": "nobody speaks in this scene"},
    )
