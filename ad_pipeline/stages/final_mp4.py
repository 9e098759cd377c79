"""Stage 7: clips, titles and sound become the finished ad, one file per format."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from ad_pipeline.checks.captions import check_captions
from ad_pipeline.checks.film import check_final
from ad_pipeline.checks.text import check_text_inside
from ad_pipeline.checks.verdict import Verdict
from ad_pipeline.checks.voice import check_one_voice
from ad_pipeline.engines.contracts import Done, Engine, Job
from ad_pipeline.engines.registry import Registry
from ad_pipeline.errors import AdPipelineError, Cancelled
from ad_pipeline.media.join import mux
from ad_pipeline.media.previews import thumbnail
from ad_pipeline.media.render import ClipFile, FilmDone, render_film, render_segments
from ad_pipeline.messages import Message
from ad_pipeline.routing.route import decide
from ad_pipeline.sessions.files import share
from ad_pipeline.sessions.keys import ArtifactKey
from ad_pipeline.sessions.records import TakeRecord
from ad_pipeline.sessions.store import Draft
from ad_pipeline.stages.description import Described, Description, check_description, tellings_of, told_of
from ad_pipeline.stages.key_image import key_image_key
from ad_pipeline.stages.lipsync import lipsync_key
from ad_pipeline.stages.making import Task, current, make
from ad_pipeline.stages.session_facts import SessionFacts, facts_of, picked_input
from ad_pipeline.stages.sfx import sfx_key
from ad_pipeline.stages.side_files import scene_times, write_captions, write_description
from ad_pipeline.stages.soundtrack import MUSIC, Soundtrack, music_task, unmet_note
from ad_pipeline.stages.titling import Titles, film_titles
from ad_pipeline.stages.voice import voice_key
from ad_pipeline.stages.workplace import RESUME, Wishes, Workplace
from ad_pipeline.story.channels import film_loudness
from ad_pipeline.story.formats import Format, folder_of, size_of

STAGE_VERSION = 3

THUMBNAIL = "thumbnail.jpg"


def final_key(format_: Format) -> ArtifactKey:
    return ArtifactKey(kind="final_mp4", format=format_)


def make_finals(
    workplace: Workplace, session_id: str, wishes: Wishes = RESUME, *, music_wishes: Wishes = RESUME
) -> tuple[TakeRecord, ...]:
    """The ad in every format, in their order; the sound is mixed and mastered once.

    Raises:
        InputRejected: no such session, or a scene is not finished.
        StoryboardRejected: a text does not fit its place.
    """
    facts = facts_of(workplace, session_id)
    music, desk = music_task(facts), _Desk(facts, workplace.engines)
    with ThreadPoolExecutor(1, thread_name_prefix="cut-ahead") as beside:
        if current(facts.session, music) is None or not music_wishes.reuse:
            # Without music there is no final yet either: cut while it is composed.
            desk.cutting = beside.submit(desk.cut_ahead, facts.storyboard.format, workplace.should_stop)
        make(workplace, facts.session, music, music_wishes)
        return tuple(make(workplace, facts.session, task, wishes) for task in final_tasks(facts, desk))


def final_tasks(facts: SessionFacts, desk: _Desk | None = None) -> tuple[Task, ...]:
    """What decides the finals, one per format; `desk` is needed only to make them."""
    return tuple(_task(facts, format_, desk) for format_ in facts.storyboard.all_formats)


class _Desk:
    """What the finals of one session share or need twice: the sound, each format's titles, what is cut already."""

    def __init__(self, facts: SessionFacts, engines: Registry) -> None:
        self._facts = facts
        self._description = Description(facts, engines)
        self.described: Described | None = None
        self.undescribed: Message | None = None
        self._titles: dict[Format, Titles] = {}
        self._titling = threading.Lock()
        self.soundtrack = Soundtrack(facts)
        self.cutting: Future[None] | None = None
        self._cut_ahead: dict[Format, tuple[int, ...]] = {}
        self._hear: Callable[[float], None] = lambda _: None

    def describe(self, job: Job) -> Described | None:
        """The described sounds, where the brief wishes them and the scenes have anything to tell."""
        if self._facts.brief.accessibility and any(telling.whole for telling in tellings_of(self._facts)):
            quiet = Job(job_id=job.job_id, should_stop=job.should_stop)  # the cut tells how far the film is
            try:
                self.described = self._description.described(quiet)
            except Cancelled:
                raise
            except AdPipelineError as error:  # the ad itself is whole without it
                self.undescribed = error.message
        return self.described

    def titles(self, format_: Format) -> Titles:
        """The format's titles, set when first asked for."""
        with self._titling:
            if format_ not in self._titles:
                self._titles[format_] = self._set(format_)
            return self._titles[format_]

    def cut_ahead(self, format_: Format, should_stop: Callable[[], bool]) -> None:
        """Render the format's segments before anybody asks for its film; a fault is met again by who asks."""
        with contextlib.suppress(AdPipelineError):
            self._cut_ahead[format_] = render_segments(
                self._facts.timeline, self.clips(format_), self.titles(format_).overlays, size=size_of(format_),
                cache_dir=self.segments(format_), report=lambda share: self._hear(share), should_stop=should_stop,
            )  # fmt: skip

    def film(self, format_: Format, target: Path, *, report: Callable[[float], None], job: Job) -> FilmDone:
        """The format's silent film, of what was cut ahead and the rest."""
        self._hear = report
        if self.cutting is not None:
            self.cutting.result()
        film = render_film(
            self._facts.timeline, self.clips(format_), self.titles(format_).overlays, size=size_of(format_),
            cache_dir=self.segments(format_), target=target, report=report, should_stop=job.should_stop,
        )  # fmt: skip
        ahead = self._cut_ahead.pop(format_, ())
        return replace(
            film,
            rendered=tuple(sorted({*film.rendered, *ahead})),
            reused=tuple(index for index in film.reused if index not in ahead),
        )

    def segments(self, format_: Format) -> Path:
        """Where the format's segments are kept."""
        return self._facts.session.folder / ".segments" / folder_of(format_)

    def clips(self, format_: Format) -> dict[str, ClipFile]:
        """The clips that the format's film is cut from, by scene."""
        session = self._facts.session
        picked = {id_: picked_input(session, lipsync_key(id_, format_)) for id_ in self._facts.storyboard.scene_ids}
        return {id_: ClipFile(path=session.path_of(take), sha256=take.sha256) for id_, take in picked.items()}

    def _set(self, format_: Format) -> Titles:
        facts, session = self._facts, self._facts.session
        scenes = facts.storyboard.scene_ids
        voices = {scene_id: picked_input(session, voice_key(scene_id)) for scene_id in scenes}
        return film_titles(
            facts,
            format_,
            pictures={id_: session.path_of(picked_input(session, key_image_key(id_, format_))) for id_ in scenes},
            voices={scene_id: record.details for scene_id, record in voices.items()},
        )


def _task(facts: SessionFacts, format_: Format, desk: _Desk | None) -> Task:
    board, session = facts.storyboard, facts.session
    clips = {scene.id: picked_input(session, lipsync_key(scene.id, format_)) for scene in board.scenes}
    voices = {scene.id: picked_input(session, voice_key(scene.id)) for scene in board.scenes}
    inputs = {f"lipsync.{scene_id}": record.sha256 for scene_id, record in clips.items()}
    inputs |= {f"voice.{scene_id}": record.sha256 for scene_id, record in voices.items()}
    inputs |= {f"sfx.{scene.id}": picked_input(session, sfx_key(scene.id)).sha256 for scene in board.scenes}
    inputs["music"] = picked_input(session, MUSIC).sha256
    loudness_target = film_loudness(facts.brief.channels).target

    def work(engine: Engine, seed: int | None, draft: Draft, job: Job) -> Done:
        assert desk is not None
        track = desk.soundtrack
        silent = draft.folder / "silent.mp4"
        with ThreadPoolExecutor(2) as beside:
            # The sound is mastered while titles are set and the film is cut.
            mastering = beside.submit(lambda: track.sound)
            describing = beside.submit(desk.describe, job) if format_ == board.format else None
            titles = desk.titles(format_)
            film = desk.film(format_, silent, report=lambda share: job.checkpoint(0.9 * share), job=job)
            closing = facts.timeline.shots[-1]
            still = closing.start_frame + closing.frames // 2
            picturing = beside.submit(lambda: thumbnail(silent, at_frame=still, target=draft.side(THUMBNAIL)))
            sound = mastering.result()
            mux(silent, sound.path, draft.path)
            write_captions(facts, format_, titles.cues, draft)
            described = describing.result() if describing else None
            if format_ == board.format:
                # All formats have one sound: its stems and what describes the ad lie beside the main one's film.
                for stem, path in sound.stems.items():
                    share(path, draft.side(f"stem_{stem}.wav"))
                write_description(facts, described, silent, draft)
            picturing.result()
        return Done(
            model="planar",
            details={
                "segments_rendered": list(film.rendered),
                "segments_reused": list(film.reused),
                **sound.told(facts),
                **({"description": told_of(facts, described)} if format_ == board.format else {}),
            },
        )

    def check(draft: Draft, _: Done) -> Sequence[Verdict]:
        assert desk is not None
        verdicts = check_final(
            draft.path,
            size=size_of(format_),
            frames=facts.timeline.total_frames,
            loudness_target=loudness_target,
            # The film's sound is the mastered file's own packets: measured once, on those bytes.
            loudness=desk.soundtrack.sound.loudness,
            loudness_note=unmet_note(facts),
        )
        titles = desk.titles(format_)
        described = check_description(desk.described, loudness_target, why_not=desk.undescribed)
        return [
            *verdicts,
            check_text_inside(titles.places, facts.safe_box(format_)),
            check_one_voice(_voices_heard(voices)),
            *check_captions(titles.cues, scene_times(facts), board.language),
            *(described if format_ == board.format else ()),
        ]

    return Task(
        key=final_key(format_),
        stage_version=STAGE_VERSION,
        decision=decide("final_mp4", brief=facts.brief),
        brief=facts.brief,
        inputs=inputs,
        parameters=_parameters(facts, format_),
        seed=None,
        work=work,
        check=check,
    )


def _voices_heard(voices: Mapping[str, TakeRecord]) -> dict[str, list[str]]:
    """speaker -> who spoke them, scene by scene."""
    heard: dict[str, list[str]] = {}
    for record in voices.values():
        for name, voice in record.details.get("voices", {}).items():
            heard.setdefault(name, []).append(f"{record.engine}/{record.model} {voice}")
    return heard


def _parameters(facts: SessionFacts, format_: Format) -> dict[str, Any]:
    """What the cut itself reads of the story."""
    main = {"description": [telling.versions for telling in tellings_of(facts)]}
    if facts.brief.accessibility:
        main["accessibility"] = [("spoken",)]
    return {
        **(main if format_ == facts.storyboard.format else {}),
        "format": format_,
        "timeline": facts.timeline,
        "texts": [(scene.onscreen_text, scene.brand_elements, scene.purpose) for scene in facts.storyboard.scenes],
        "language": facts.storyboard.language,
        "channels": facts.brief.channels,
        "loudness": vars(film_loudness(facts.brief.channels).target),
        "kit": facts.kit,
        "voice": facts.brief.voice,
    }
