"""The cut: clips on a timeline become one film, segment by segment.

A segment's file is named by what decides its bytes, so a film whose one clip changed renders two
segments anew and joins the rest as they are.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import cv2

from ad_pipeline.errors import Cancelled, MediaError
from ad_pipeline.media.blend import OverlayPainter, joined
from ad_pipeline.media.encode import DELIVERY, EncodeSettings, Planes, VideoWriter, read_planes
from ad_pipeline.media.join import join_segments
from ad_pipeline.media.side_by_side import best_order
from ad_pipeline.media.timeline import Segment, Timeline
from ad_pipeline.media.titles import Overlay
from ad_pipeline.values import Size

RENDERER_VERSION = 1
"""Raise it when the same inputs give other pixels; cached segments are then left unused."""

_SIDE_BY_SIDE = max(3, min(4, os.cpu_count() or 3))
"""Segments at a time, each in one thread. On two cores a third keeps both busy to the end: 4.3 s where two took 4.8.

Each holds some 70 MB, so more are not worth their memory.
"""

_KEPT_FILMS = 3
_STALE_DRAFT_S = 3600


@dataclass(frozen=True, kw_only=True)
class ClipFile:
    """A scene's clip and the sha256 of its bytes, as its record says."""

    path: Path
    sha256: str


@dataclass(frozen=True, kw_only=True)
class FilmDone:
    """A silent film, and which of its segments were made anew."""

    path: Path
    frames: int
    rendered: tuple[int, ...]
    reused: tuple[int, ...]
    seconds: float


def _never() -> bool:
    return False


def _silent(_: float) -> None:
    return None


def render_film(
    timeline: Timeline,
    clips: Mapping[str, ClipFile],
    overlays: Sequence[Overlay],
    *,
    size: Size,
    cache_dir: Path,
    target: Path,
    settings: EncodeSettings = DELIVERY,
    report: Callable[[float], None] = _silent,
    should_stop: Callable[[], bool] = _never,
) -> FilmDone:
    """Cut the film into `target` (mp4, no sound); segments are kept in `cache_dir`.

    `report` hears the share that is done, from several threads.

    Raises:
        MediaError: a clip is broken, too short or of another size; no half film stays.
        MachineLacks: the disk is full.
        Cancelled: `should_stop` said so.
    """
    began = time.monotonic()
    done = _cut(timeline, clips, overlays, size, cache_dir, target, settings, report, should_stop)
    return FilmDone(
        path=target,
        frames=timeline.total_frames,
        rendered=done,
        reused=tuple(i for i in range(len(timeline.shots)) if i not in done),
        seconds=time.monotonic() - began,
    )


def _cut(
    timeline: Timeline,
    clips: Mapping[str, ClipFile],
    overlays: Sequence[Overlay],
    size: Size,
    cache_dir: Path,
    target: Path,
    settings: EncodeSettings,
    report: Callable[[float], None],
    should_stop: Callable[[], bool],
) -> tuple[int, ...]:
    """Render what is missing and join all; returns the indices that were rendered."""
    missing = render_segments(
        timeline, clips, overlays, size=size, cache_dir=cache_dir, settings=settings, report=report,
        should_stop=should_stop,
    )  # fmt: skip
    files = _files(timeline, clips, overlays, size, cache_dir, settings)
    _prune(cache_dir, files)
    try:
        join_segments(files, target, frames=timeline.total_frames)
    except MediaError:
        if len(missing) == len(files):
            raise
        # A kept segment may be damaged: all of this film's go, and it is cut once more.
        for file in files:
            file.unlink(missing_ok=True)
        return _cut(timeline, clips, overlays, size, cache_dir, target, settings, report, should_stop)
    return missing


def render_segments(
    timeline: Timeline,
    clips: Mapping[str, ClipFile],
    overlays: Sequence[Overlay],
    *,
    size: Size,
    cache_dir: Path,
    settings: EncodeSettings = DELIVERY,
    report: Callable[[float], None] = _silent,
    should_stop: Callable[[], bool] = _never,
) -> tuple[int, ...]:
    """Only the segments that `cache_dir` lacks, for a film that is joined later; the indices of those rendered.

    Raises:
        MediaError, MachineLacks, Cancelled: as `render_film`.
    """
    cv2.setNumThreads(1)  # segments side by side already fill the cores; cv2's own threads only wait
    cache_dir.mkdir(parents=True, exist_ok=True)
    _sweep_drafts(cache_dir)
    segments = timeline.segments()
    files = _files(timeline, clips, overlays, size, cache_dir, settings)
    missing = [i for i, file in enumerate(files) if not file.is_file()]
    progress = _Progress(sum(segments[i].frames for i in missing), report, should_stop)

    def render(index: int) -> None:
        draft = files[index].with_suffix(f".{uuid.uuid4().hex[:8]}.part")
        render_segment(
            segments[index], clips, overlays, size=size, settings=settings, target=draft, tick=progress.frame_done
        )
        draft.replace(files[index])

    order = best_order([segments[index].frames for index in missing], lanes=_SIDE_BY_SIDE)
    _all_done(render, [missing[place] for place in order], progress)
    return tuple(missing)


def _files(
    timeline: Timeline,
    clips: Mapping[str, ClipFile],
    overlays: Sequence[Overlay],
    size: Size,
    cache_dir: Path,
    settings: EncodeSettings,
) -> list[Path]:
    return [cache_dir / f"{_key(s, clips, overlays, size, settings)}.mp4" for s in timeline.segments()]


def render_segment(
    segment: Segment,
    clips: Mapping[str, ClipFile],
    overlays: Sequence[Overlay],
    *,
    size: Size,
    settings: EncodeSettings,
    target: Path,
    tick: Callable[[], None] = lambda: None,
) -> None:
    """Write one segment to `target`; `tick` is called after each frame and may raise to stop."""
    seen = [o for o in overlays if o.start_frame < segment.end_frame and segment.start_frame < o.end_frame]
    painters = [OverlayPainter(overlay, size) for overlay in seen]
    with VideoWriter(target, size=size, settings=settings) as film:
        for frame, planes in enumerate(_segment_frames(segment, clips, size, film.canvas), start=segment.start_frame):
            for painter in painters:
                painter.paint(planes, frame)
            film.write(planes)
            tick()


def _segment_frames(segment: Segment, clips: Mapping[str, ClipFile], size: Size, canvas: Planes) -> Iterator[Planes]:
    """The segment's frames without text; drawn on `canvas` where nothing is mixed."""
    shot = segment.shot
    after = read_planes(
        clips[shot.scene_id].path,
        start_frame=shot.clip_frame(segment.start_frame),
        frames=segment.frames,
        size=size,
        into=canvas,
    )
    if segment.before is not None:
        before = read_planes(
            clips[segment.before.scene_id].path,
            start_frame=segment.before.clip_frame(segment.start_frame),
            frames=segment.joint.frames,
            size=size,
        )
        for step, outgoing in enumerate(before):
            yield joined(outgoing, next(after), joint=segment.joint, step=step)
    yield from after


def _key(
    segment: Segment, clips: Mapping[str, ClipFile], overlays: Sequence[Overlay], size: Size, settings: EncodeSettings
) -> str:
    start = segment.start_frame
    before = segment.before
    decides = (
        RENDERER_VERSION,
        settings,
        size,
        segment.frames,
        (clips[segment.shot.scene_id].sha256, segment.shot.clip_frame(start)),
        (clips[before.scene_id].sha256, before.clip_frame(start), segment.joint) if before else None,
        [
            overlay.fingerprint(origin_frame=start)
            for overlay in overlays
            if overlay.start_frame < segment.end_frame and start < overlay.end_frame
        ],
    )
    return hashlib.sha256(repr(decides).encode()).hexdigest()


class _Progress:
    """Frames done over all threads; the place where a stop is noticed."""

    def __init__(self, frames: int, report: Callable[[float], None], should_stop: Callable[[], bool]) -> None:
        self._frames, self._report, self._should_stop = frames, report, should_stop
        self._done = 0
        self._lock = threading.Lock()
        self.stopped = threading.Event()

    def frame_done(self) -> None:
        with self._lock:
            self._done += 1
            if self._done % 12 == 0:
                self._report(self._done / self._frames)
        if self.stopped.is_set() or self._should_stop():
            self.stopped.set()
            raise Cancelled("the work was stopped")


def _all_done(render: Callable[[int], None], indices: Sequence[int], progress: _Progress) -> None:
    """Render all, or stop all at the first that fails and raise what it said."""
    if not indices:
        return
    with ThreadPoolExecutor(max_workers=_SIDE_BY_SIDE, thread_name_prefix="segment") as pool:
        futures = [pool.submit(render, index) for index in indices]
        done, waiting = wait(futures, return_when=FIRST_EXCEPTION)
        failed = [error for f in done if not f.cancelled() and (error := f.exception()) is not None]
        if failed:
            progress.stopped.set()
            for future in waiting:
                future.cancel()
            raise next((e for e in failed if not isinstance(e, Cancelled)), failed[0])


def _prune(cache_dir: Path, used: Sequence[Path]) -> None:
    """Keep this film's segments and those of its last few versions; the oldest go."""
    for file in used:
        with contextlib.suppress(OSError):
            file.touch()
    kept = sorted(cache_dir.glob("*.mp4"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in kept[_KEPT_FILMS * len(used) :]:
        file.unlink(missing_ok=True)


def _sweep_drafts(cache_dir: Path) -> None:
    """Remove what a killed process left half written."""
    for draft in cache_dir.glob("*.part"):
        if time.time() - draft.stat().st_mtime > _STALE_DRAFT_S:
            draft.unlink(missing_ok=True)
