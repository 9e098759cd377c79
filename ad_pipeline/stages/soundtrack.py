"""The film's sound: voices at their scenes, effects, music ducked beneath; mastered once for all formats."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ad_pipeline.checks.sound import check_sound
from ad_pipeline.checks.verdict import Verdict
from ad_pipeline.engines.contracts import Done, Engine, Estimate, Job, MusicRequest, SoundEngine
from ad_pipeline.media.loudness import Mastered, master
from ad_pipeline.media.sound import Mix, Placed, mix, read_sound
from ad_pipeline.media.time import AUDIO_RATE_HZ, FILM
from ad_pipeline.routing.route import decide
from ad_pipeline.sessions.keys import ArtifactKey
from ad_pipeline.sessions.store import Draft
from ad_pipeline.stages.making import Task
from ad_pipeline.stages.session_facts import SessionFacts, picked_input
from ad_pipeline.stages.sfx import sfx_key
from ad_pipeline.stages.voice import AIR_S, voice_key
from ad_pipeline.story.channels import loudness_target

MUSIC = ArtifactKey(kind="music")
MUSIC_VERSION = 1


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


class Soundtrack:
    """The session's mix, made when first asked for and kept for the other formats."""

    def __init__(self, facts: SessionFacts) -> None:
        self._facts = facts
        self._folder = tempfile.TemporaryDirectory(prefix="ad_pipeline_")

    @functools.cached_property
    def mixed(self) -> Mix:
        """Voices, effects and music at their places, before mastering."""
        facts = self._facts
        voices = [
            Placed(
                samples=read_sound(self._path(voice_key(shot.scene_id))), start_s=FILM.seconds(shot.start_frame) + AIR_S
            )
            for scene, shot in zip(facts.storyboard.scenes, facts.timeline.shots, strict=True)
            if scene.spoken and facts.brief.voice != "none"
        ]
        sfx = [
            Placed(samples=read_sound(self._path(sfx_key(shot.scene_id))), start_s=FILM.seconds(shot.start_frame))
            for shot in facts.timeline.shots
        ]
        length = round(facts.timeline.total_frames / FILM.per_second * AUDIO_RATE_HZ)
        return mix(length, voices=voices, sfx=sfx, music=read_sound(self._path(MUSIC)))

    @functools.cached_property
    def mastered(self) -> Mastered:
        """The AAC file at the channels' loudness, measured on itself."""
        target_lufs, peak_dbtp = loudness_target(self._facts.brief.channels)
        return master(
            self.mixed.master,
            target_lufs=target_lufs,
            peak_dbtp=peak_dbtp,
            target=Path(self._folder.name) / "sound.m4a",
        )

    def close(self) -> None:
        """Remove the working files."""
        self._folder.cleanup()

    def _path(self, key: ArtifactKey) -> Path:
        return self._facts.session.path_of(picked_input(self._facts.session, key))
