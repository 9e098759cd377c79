"""The film's sound: voices at their scenes, effects, music ducked beneath; mastered once for all formats."""

from __future__ import annotations

import functools
import json
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ad_pipeline.checks.sound import check_sound
from ad_pipeline.checks.verdict import Verdict
from ad_pipeline.engines.contracts import Done, Engine, Estimate, Job
from ad_pipeline.engines.crafts.sound import MusicRequest, SoundEngine
from ad_pipeline.media.loudness import Loudness, Mastered, master
from ad_pipeline.media.sound import Mix, Placed, mix, read_sound
from ad_pipeline.media.time import AUDIO_RATE_HZ, FILM
from ad_pipeline.routing.route import decide
from ad_pipeline.sessions.files import write_whole
from ad_pipeline.sessions.fingerprint import fingerprint, sha256_of
from ad_pipeline.sessions.keys import ArtifactKey
from ad_pipeline.sessions.records import TakeRecord
from ad_pipeline.sessions.store import Draft
from ad_pipeline.stages.making import Task
from ad_pipeline.stages.session_facts import SessionFacts, picked_input
from ad_pipeline.stages.sfx import sfx_key
from ad_pipeline.stages.voice import AIR_S, voice_key
from ad_pipeline.story.channels import loudness_target

MUSIC = ArtifactKey(kind="music")
MUSIC_VERSION = 1
SOUND_VERSION = 2
"""Raise it when the same parts are mixed or mastered to another sound; kept ones are then left unused."""

_KEPT_SOUNDS = 3
_STALE_DRAFT_S = 3600


def music_task(facts: SessionFacts) -> Task:
    """What decides the ad's music: its mood, its length, and where the story turns."""
    board, timeline = facts.storyboard, facts.timeline
    starts = tuple(FILM.seconds(shot.start_frame) for shot in timeline.shots)
    length_s = FILM.seconds(timeline.total_frames)
    purposes = [scene.purpose for scene in board.scenes]
    request = MusicRequest(
        mood=board.metadata.bgm_mood,
        duration_s=length_s,
        scene_starts_s=starts,
        rise_at_s=starts[purposes.index("solution")] if "solution" in purposes else length_s * 0.4,
        ending_at_s=starts[purposes.index("cta")] if "cta" in purposes else starts[-1],
        seed=board.seed,
    )

    def work(engine: Engine, seed: int | None, draft: Draft, job: Job) -> Done:
        assert isinstance(engine, SoundEngine)
        return engine.render_music(replace(request, seed=seed or 0), draft.path, job)

    def check(draft: Draft, _: Done) -> Sequence[Verdict]:
        return check_sound(draft.path, length_s=length_s)

    def estimate(engine: Engine) -> Estimate:
        assert isinstance(engine, SoundEngine)
        return engine.estimate_sound(request)

    return Task(
        key=MUSIC,
        stage_version=MUSIC_VERSION,
        decision=decide("music", brief=facts.brief),
        brief=facts.brief,
        inputs={},
        parameters={name: value for name, value in vars(request).items() if name != "seed"},
        seed=request.seed,
        work=work,
        check=check,
        estimate=estimate,
    )


@dataclass(frozen=True, kw_only=True)
class FilmSound:
    """The mastered sound, and how far the music was lowered under the voices."""

    mastered: Mastered
    ducked_db: float


class Soundtrack:
    """The session's sound, made when first asked for; kept for the other formats and for cuts that change no sound."""

    def __init__(self, facts: SessionFacts) -> None:
        self._facts = facts
        self._folder = facts.session.folder / ".segments" / "sound"

    @functools.cached_property
    def sound(self) -> FilmSound:
        """Voices, effects and music as one AAC file at the channels' loudness, measured on itself."""
        target_lufs, peak_dbtp = loudness_target(self._facts.brief.channels)
        key = fingerprint(
            version=SOUND_VERSION,
            parts=[(part.kind, part.record.sha256, part.start_s) for part in self._parts],
            frames=self._facts.timeline.total_frames,
            target_lufs=target_lufs,
            peak_dbtp=peak_dbtp,
        )
        file, told = self._folder / f"{key}.m4a", self._folder / f"{key}.json"
        found = _kept(file, told)
        if found is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            mixed = self._mixed()
            draft = file.with_suffix(f".{uuid.uuid4().hex[:8]}.m4a")
            try:
                made = master(mixed.master, target_lufs=target_lufs, peak_dbtp=peak_dbtp, target=draft)
                draft.replace(file)
            finally:
                draft.unlink(missing_ok=True)
            found = FilmSound(mastered=replace(made, path=file), ducked_db=mixed.duck_db)
            _keep(found, told)
            self._prune()
        return found

    @functools.cached_property
    def _parts(self) -> tuple[_Part, ...]:
        facts, session = self._facts, self._facts.session
        parts = [_Part(kind="music", record=picked_input(session, MUSIC), start_s=0.0)]
        for scene, shot in zip(facts.storyboard.scenes, facts.timeline.shots, strict=True):
            start_s = FILM.seconds(shot.start_frame)
            parts.append(_Part(kind="sfx", record=picked_input(session, sfx_key(scene.id)), start_s=start_s))
            if scene.spoken and facts.brief.voice != "none":
                voice = picked_input(session, voice_key(scene.id))
                parts.append(_Part(kind="voice", record=voice, start_s=start_s + AIR_S))
        return tuple(parts)

    def _mixed(self) -> Mix:
        placed: dict[str, list[Placed]] = {"music": [], "sfx": [], "voice": []}
        for part in self._parts:
            samples = read_sound(self._facts.session.path_of(part.record))
            placed[part.kind].append(Placed(samples=samples, start_s=part.start_s))
        length = round(self._facts.timeline.total_frames / FILM.per_second * AUDIO_RATE_HZ)
        return mix(length, voices=placed["voice"], sfx=placed["sfx"], music=placed["music"][0].samples)

    def _prune(self) -> None:
        """The last few sounds stay; older ones go, and what a killed process left."""
        kept = sorted(self._folder.glob("*.json"), key=lambda told: told.stat().st_mtime, reverse=True)[:_KEPT_SOUNDS]
        names = {told.stem for told in kept}
        for file in self._folder.iterdir():
            young = time.time() - file.stat().st_mtime < _STALE_DRAFT_S
            if file.name.partition(".")[0] not in names and not (young and file.name.count(".") > 1):
                file.unlink(missing_ok=True)


@dataclass(frozen=True, kw_only=True)
class _Part:
    """One take at its place in the film."""

    kind: Literal["music", "sfx", "voice"]
    record: TakeRecord
    start_s: float


def _kept(file: Path, told: Path) -> FilmSound | None:
    """The sound as it was told, when the file still has the bytes that were measured."""
    try:
        facts = json.loads(told.read_text(encoding="utf-8"))
        if sha256_of(file) != facts["sha256"]:
            return None
        told.touch()
    except (OSError, ValueError, KeyError):
        return None
    mastered = Mastered(
        path=file,
        measurements=tuple(Loudness(**measured) for measured in facts["measurements"]),
        within_limits=facts["within_limits"],
        is_silent=facts["is_silent"],
    )
    return FilmSound(mastered=mastered, ducked_db=facts["ducked_db"])


def _keep(sound: FilmSound, told: Path) -> None:
    facts = {
        "sha256": sha256_of(sound.mastered.path),
        "measurements": [vars(measured) for measured in sound.mastered.measurements],
        "within_limits": sound.mastered.within_limits,
        "is_silent": sound.mastered.is_silent,
        "ducked_db": sound.ducked_db,
    }
    write_whole(told, json.dumps(facts))
