"""The film's sound: voices at their scenes, effects, music ducked beneath; mastered once for all formats."""

from __future__ import annotations

import functools
import itertools
import json
import math
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ad_pipeline.checks.sound import check_sound
from ad_pipeline.checks.verdict import Verdict
from ad_pipeline.engines.contracts import Done, Engine, Estimate, Job
from ad_pipeline.engines.crafts.sound import MusicRequest, SoundEngine
from ad_pipeline.media.holding import Hold, held_s, in_pieces, played_through
from ad_pipeline.media.loudness import Loudness, master
from ad_pipeline.media.loudness_target import LoudnessTarget
from ad_pipeline.media.sound import ACCESSIBLE, BALANCE, Mix, Placed, mix, read_sound, write_wav
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
from ad_pipeline.stages.voice import voice_key, voice_start_s
from ad_pipeline.story.channels import CHANNELS, film_loudness, unmet_channels

MUSIC = ArtifactKey(kind="music")
MUSIC_VERSION = 1
SOUND_VERSION = 3
"""Raise it when the same parts are mixed or mastered to another sound; kept ones are then left unused."""

SOUND, STEMS = "sound", ("voice", "music", "sfx")
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
        for_paid_ads=facts.brief.commercial,
        seed=board.seed,
    )
    decision = decide("music", brief=facts.brief)
    # The composer's music is the same for paid ads and others.
    not_decided_by = {"seed"} if decision.wanted.engine == "library" else {"seed", "for_paid_ads"}

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
        decision=decision,
        brief=facts.brief,
        inputs={},
        parameters={name: value for name, value in vars(request).items() if name not in not_decided_by},
        seed=request.seed,
        work=work,
        check=check,
        estimate=estimate,
        wishes_used=("seed",),
    )


@dataclass(frozen=True, kw_only=True)
class FilmSound:
    """The mastered sound, its stems, and what was measured of both."""

    path: Path
    stems: Mapping[str, Path]
    """`voice`, `music`, `sfx`: WAV files that add up to the sound as it was before it was encoded."""
    measurements: tuple[Loudness, ...]
    """One per encoding."""
    kept: int
    """Which of them is the file's."""
    within_limits: bool
    is_silent: bool
    ducked_db: float
    speech_over_music_lu: float
    speech_over_sfx_lu: float

    @property
    def loudness(self) -> Loudness:
        return self.measurements[self.kept]

    def told(self, facts: SessionFacts) -> dict[str, Any]:
        """All of it for the record of the film, with what was asked and whose wish it does not meet."""
        channels = facts.brief.channels
        return {
            "loudness_target": vars(film_loudness(channels).target),
            "loudness_measured": [_finite(vars(found)) for found in self.measurements],
            "loudness_kept": self.kept,
            "loudness_within_limits": self.within_limits,
            "loudness_unmet": _unmet(facts),
            "music_ducked_db": round(self.ducked_db, 2),
            **_finite(
                {"speech_over_music_lu": self.speech_over_music_lu, "speech_over_sfx_lu": self.speech_over_sfx_lu}
            ),
            "stems": list(self.stems),
        }


def unmet_note(facts: SessionFacts) -> str:
    """Which of the brief's channels ask for another loudness than the film has; empty when none does."""
    asked = "; ".join(f"{name} ({asks})" for name, asks in _unmet(facts).items())
    return f"not as loud as these channels ask: {asked}; make an ad of its own for them" if asked else ""


def _unmet(facts: SessionFacts) -> dict[str, str]:
    standards = {name: CHANNELS[name].loudness for name in unmet_channels(facts.brief.channels)}
    return {name: f"{asks.title}: {asks.integrated_lufs:g} LUFS" for name, asks in standards.items()}


class Soundtrack:
    """The session's sound, made when first asked for; kept for the other formats and for cuts that change no sound.

    `accessible`: all else stays 20 LU under the voice while it speaks.
    """

    def __init__(self, facts: SessionFacts, *, accessible: bool = False) -> None:
        self._facts = facts
        self._balance = ACCESSIBLE if accessible else BALANCE
        self._folder = facts.session.folder / ".segments" / "sound"

    @functools.cached_property
    def sound(self) -> FilmSound:
        """Voices, effects and music as one AAC file at the channels' loudness, measured on itself."""
        aim = film_loudness(self._facts.brief.channels).target
        key = fingerprint(
            version=SOUND_VERSION,
            parts=self.decided_by,
            frames=self._facts.timeline.total_frames,
            aim=vars(aim),
            balance=vars(self._balance),
        )
        told = self._folder / f"{key}.json"
        found = _kept(self._folder, key, told)
        if found is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            found = self._made(key, aim)
            _keep(found, told)
            self._prune()
        return found

    @property
    def decided_by(self) -> list[tuple[object, ...]]:
        """The takes that the sound is mixed of, each at its place."""
        return [(part.kind, part.record.sha256, part.start_s, part.raw) for part in self._parts]

    def voices(self) -> Iterator[Placed]:
        """Each scene's voice as its engine gave it, where the film has it."""
        return self._placed("voice")

    def mixed(self, *, also: Iterable[Placed] = (), holds: Sequence[Hold] = ()) -> Mix:
        """The parts of the sound before it is mastered.

        `also`: other voices beside the scenes'. At the `holds` the film stands still: its sounds wait, music goes on.
        """
        frames = self._facts.timeline.total_frames + sum(hold.frames for hold in holds)
        music = next(part for part in self._parts if part.kind == "music")
        return mix(
            round(frames / FILM.per_second * AUDIO_RATE_HZ),
            voices=itertools.chain(_moved(self.voices(), holds), also),
            sfx=_cut(self._placed("sfx"), holds),
            music=played_through(read_sound(self._facts.session.path_of(music.record)), holds),
            balance=self._balance,
        )

    def _made(self, key: str, aim: LoudnessTarget) -> FilmSound:
        mixed = self.mixed()
        files = _files(self._folder, key)
        drafts = _files(self._folder, f"{key}.{uuid.uuid4().hex[:8]}")
        try:
            made = master(*mixed.parts, aim=aim, target=drafts[SOUND])
            for stem, samples in zip(STEMS, mixed.parts, strict=True):
                write_wav(drafts[stem], samples, curve=made.curve)
            for name, draft in drafts.items():
                draft.replace(files[name])
        finally:
            for draft in drafts.values():
                draft.unlink(missing_ok=True)
        return FilmSound(
            path=files[SOUND],
            stems={stem: files[stem] for stem in STEMS},
            measurements=made.measurements,
            kept=made.kept,
            within_limits=made.within_limits,
            is_silent=made.is_silent,
            ducked_db=mixed.duck_db,
            speech_over_music_lu=mixed.speech_over_music_lu,
            speech_over_sfx_lu=mixed.speech_over_sfx_lu,
        )

    @functools.cached_property
    def _parts(self) -> tuple[_Part, ...]:
        facts, session = self._facts, self._facts.session
        parts = [_Part(kind="music", record=picked_input(session, MUSIC), start_s=0.0)]
        for scene, shot in zip(facts.storyboard.scenes, facts.timeline.shots, strict=True):
            start_s = FILM.seconds(shot.start_frame)
            parts.append(_Part(kind="sfx", record=picked_input(session, sfx_key(scene.id)), start_s=start_s))
            if scene.spoken and facts.brief.voice != "none":
                voice = picked_input(session, voice_key(scene.id))
                after_s = voice_start_s(voice)
                # The guide voice is polished where it is made.
                raw = not voice.details.get("guide_voice", False)
                parts.append(_Part(kind="voice", record=voice, start_s=start_s + after_s, raw=raw))
        return tuple(parts)

    def _placed(self, kind: Literal["sfx", "voice"]) -> Iterator[Placed]:
        """One sound after the other, so that not all of them are held at once."""
        for part in self._parts:
            if part.kind == kind:
                samples = read_sound(self._facts.session.path_of(part.record), channels=1 if kind == "voice" else 2)
                yield Placed(samples=samples, start_s=part.start_s, raw=part.raw)

    def _prune(self) -> None:
        """The last few sounds stay; older ones go, and what a killed process left."""
        kept = sorted(self._folder.glob("*.json"), key=lambda told: told.stat().st_mtime, reverse=True)[:_KEPT_SOUNDS]
        names = {told.stem for told in kept}
        for file in self._folder.iterdir():
            young = time.time() - file.stat().st_mtime < _STALE_DRAFT_S
            key, _, rest = file.name.partition(".")
            is_draft = rest.partition(".")[0] not in (*STEMS, "m4a", "json")
            if key not in names and not (young and is_draft):
                file.unlink(missing_ok=True)


@dataclass(frozen=True, kw_only=True)
class _Part:
    """One take at its place in the film."""

    kind: Literal["music", "sfx", "voice"]
    record: TakeRecord
    start_s: float
    raw: bool = False


def _moved(voices: Iterable[Placed], holds: Sequence[Hold]) -> Iterator[Placed]:
    """Each voice at its time in the film with holds; none begins while the film stands."""
    return (replace(voice, start_s=held_s(voice.start_s, holds)) for voice in voices)


def _cut(sounds: Iterable[Placed], holds: Sequence[Hold]) -> Iterator[Placed]:
    for sound in sounds:
        for samples, start_s in in_pieces(sound.samples, sound.start_s, holds):
            yield replace(sound, samples=samples, start_s=start_s)


def _files(folder: Path, name: str) -> dict[str, Path]:
    """The sound and its stems, by what they are."""
    return {SOUND: folder / f"{name}.m4a"} | {stem: folder / f"{name}.{stem}.wav" for stem in STEMS}


def _kept(folder: Path, key: str, told: Path) -> FilmSound | None:
    """The sound as it was told, when its files still have the bytes that were measured."""
    files = _files(folder, key)
    try:
        facts = json.loads(told.read_text(encoding="utf-8"))
        if any(sha256_of(files[name]) != digest for name, digest in facts.pop("sha256").items()):
            return None
        measurements = tuple(Loudness(**measured) for measured in facts.pop("measurements"))
        found = FilmSound(
            path=files[SOUND], stems={stem: files[stem] for stem in STEMS}, measurements=measurements, **facts
        )
        told.touch()
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found


def _keep(sound: FilmSound, told: Path) -> None:
    facts = {name: value for name, value in vars(sound).items() if name not in ("path", "stems")}
    facts["sha256"] = {name: sha256_of(path) for name, path in [(SOUND, sound.path), *sound.stems.items()]}
    facts["measurements"] = [vars(measured) for measured in sound.measurements]
    write_whole(told, json.dumps(facts))


def _finite(levels: Mapping[str, float]) -> dict[str, float | None]:
    """None for what has no level: silence, or a window that the sound is too short for."""
    return {name: round(level, 2) if math.isfinite(level) else None for name, level in levels.items()}
