"""Joining without encoding: segments into one film, film and sound into one file."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.error import FFmpegError
from av.stream import Disposition

from ad_pipeline.errors import AdPipelineError, MediaError
from ad_pipeline.media.encode import explained
from ad_pipeline.media.holding import Hold, held_frame
from ad_pipeline.media.time import FILM

_FASTSTART = {"movflags": "+faststart"}


def join_segments(segments: Sequence[Path], target: Path, *, frames: int) -> None:
    """One film of `frames` frames from segments that were encoded alike, by stream copy.

    Raises:
        MediaError: a segment is broken, or their frames do not add up.
        MachineLacks: the disk is full.
    """
    with _written(target) as film:
        stream: Any = None
        count = 0
        for path in segments:
            with _opened(path) as source:
                picture = source.streams.video[0]
                if stream is None:
                    stream = film.add_stream_from_template(picture)
                    stream.time_base = 1 / FILM.per_second
                for packet in source.demux(picture):
                    if packet.size:
                        packet.stream = stream
                        # Segments have no B-frames: the order of packets is the order of time.
                        _stamp(packet, pts=count, ticks=1, base=1 / FILM.per_second)
                        film.mux(packet)
                        count += 1
        if count != frames:
            raise MediaError(
                "the segments have {count} frames together; the film needs {frames}", count=count, frames=frames
            )


def mux(
    video: Path, audio: Path, target: Path, *, holds: Sequence[Hold] = (), language: str = "", described: bool = False
) -> None:
    """Film and sound in one mp4 by stream copy, index in front; the sound ends with the picture.

    Sound from before time 0 (the encoder's run-in) is left out, so that no edit list is needed
    and every player starts both at once. At a hold the picture stands still. `described`: the sound is
    marked as one that describes the picture.

    Raises:
        MediaError: a file is broken or misses its stream.
        MachineLacks: the disk is full.
    """
    with _written(target) as film, _opened(video) as picture, _opened(audio) as sound:
        if not picture.streams.video or not sound.streams.audio:
            raise MediaError("{video} must hold a picture and {audio} sound", video=video.name, audio=audio.name)
        seen, heard = picture.streams.video[0], sound.streams.audio[0]
        out_seen, out_heard = film.add_stream_from_template(seen), film.add_stream_from_template(heard)
        if language:
            out_heard.metadata["language"] = {"ko": "kor", "en": "eng"}.get(language, language)
        if described:
            out_heard.disposition = Disposition.default | Disposition.visual_impaired | Disposition.descriptions
        pictures = [p for p in picture.demux(seen) if p.size]
        length_s = Fraction(len(pictures) + sum(hold.frames for hold in holds)) / FILM.per_second
        for count, packet in enumerate(pictures):
            packet.stream = out_seen
            shown = 1 + sum(hold.frames for hold in holds if hold.frame == count)
            _stamp(packet, pts=held_frame(count, holds), ticks=shown, base=1 / FILM.per_second)
        sounds = [p for p in sound.demux(heard) if p.size and p.pts is not None and p.pts >= 0]
        sounds = [p for p in sounds if (p.pts or 0) * Fraction(p.time_base or 1) < length_s]
        sound_s = max(((p.pts or 0) + (p.duration or 0)) * Fraction(p.time_base or 1) for p in sounds) if sounds else 0
        if sound_s < length_s - 1 / FILM.per_second:
            raise MediaError(
                "{audio} lasts {sound_s:.2f} s; the film lasts {film_s:.2f} s",
                audio=audio.name,
                sound_s=float(sound_s),
                film_s=float(length_s),
            )
        for packet in sounds:
            packet.stream = out_heard
        for packet in sorted([*pictures, *sounds], key=lambda p: (p.dts or 0) * Fraction(p.time_base or 1)):
            film.mux(packet)


def _stamp(packet: Any, *, pts: int, ticks: int, base: Fraction) -> None:
    packet.time_base = base
    packet.pts = packet.dts = pts
    packet.duration = ticks


@contextlib.contextmanager
def _written(target: Path) -> Generator[Any]:
    """A container that is whole after the block, and gone when the block fails."""
    container: Any = None
    try:
        container = av.open(str(target), "w", format="mp4", options=_FASTSTART)
        yield container
        container.close()
    except BaseException as error:
        if container is not None:
            with contextlib.suppress(FFmpegError, OSError):
                container.close()
        target.unlink(missing_ok=True)
        if isinstance(error, (FFmpegError, OSError)) and not isinstance(error, AdPipelineError):
            raise explained(error, "writing", target) from error
        raise


@contextlib.contextmanager
def _opened(path: Path) -> Generator[Any]:
    try:
        container = av.open(str(path))
    except (FFmpegError, OSError) as error:
        raise explained(error, "reading", path) from error
    with container:
        yield container
