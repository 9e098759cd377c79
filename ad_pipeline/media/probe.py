"""What a film or sound file really is, read from its packets and not from its name."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.error import FFmpegError

from ad_pipeline.errors import MediaError
from ad_pipeline.media.encode import explained
from ad_pipeline.media.time import FrameRate
from ad_pipeline.values import Size


@dataclass(frozen=True, kw_only=True)
class PictureFacts:
    """The film's picture; `tags` are colour space, primaries, transfer and range as named by H.273."""

    size: Size
    rate: FrameRate
    is_constant_rate: bool
    starts_at_s: float
    frames: int
    codec: str
    profile: str
    pix_fmt: str
    tags: tuple[int, int, int, int]
    bitrate_bps: int

    @property
    def is_bt709(self) -> bool:
        """BT.709 throughout, limited range."""
        return self.tags == (1, 1, 1, 1)


@dataclass(frozen=True, kw_only=True)
class SoundFacts:
    """The film's sound."""

    codec: str
    rate_hz: int
    channels: int
    duration_s: float
    starts_at_s: float


@dataclass(frozen=True, kw_only=True)
class MediaFacts:
    """A file: its picture, its sound (either may be missing), and the file around them."""

    duration_s: float
    bytes: int
    picture: PictureFacts | None
    sound: SoundFacts | None
    is_faststart: bool
    """The index lies before the samples, so that a player can begin at once."""


def probe(path: Path) -> MediaFacts:
    """The facts of a film or sound file; reads all packets and decodes none.

    Raises:
        MediaError: missing, or no film or sound that can be read.
    """
    try:
        with av.open(str(path)) as container:
            streams = [*container.streams.video[:1], *container.streams.audio[:1]]
            if not streams:
                raise MediaError("{path} holds neither picture nor sound", path=path.name)
            packets: dict[int, list[Any]] = {s.index: [] for s in streams}
            for packet in container.demux(streams):
                if packet.size:
                    packets[packet.stream.index].append(packet)
            picture = _picture_of(container.streams.video[0], packets) if container.streams.video else None
            sound = _sound_of(container.streams.audio[0], packets) if container.streams.audio else None
            duration_s = (container.duration or 0) / av.time_base
    except (FFmpegError, OSError) as error:
        raise explained(error, "reading", path) from error
    return MediaFacts(
        duration_s=duration_s,
        bytes=path.stat().st_size,
        picture=picture,
        sound=sound,
        is_faststart=_is_faststart(path),
    )


def _picture_of(stream: Any, packets: dict[int, list[Any]]) -> PictureFacts:
    own = packets[stream.index]
    times = sorted(p.pts for p in own if p.pts is not None)
    base = Fraction(stream.time_base or 1)
    steps = {b - a for a, b in zip(times, times[1:], strict=False)}
    rate = Fraction(stream.average_rate or stream.guessed_rate or 0)
    if len(steps) == 1:
        rate = 1 / (steps.copy().pop() * base)
    context = stream.codec_context
    seconds = float(len(own) / rate) if rate else 0.0
    return PictureFacts(
        size=Size(width_px=context.width, height_px=context.height),
        rate=FrameRate(rate),
        is_constant_rate=len(steps) <= 1,
        starts_at_s=float(times[0] * base) if times else 0.0,
        frames=len(own),
        codec=context.name,
        profile=context.profile or "",
        pix_fmt=context.pix_fmt or "",
        tags=(
            int(context.colorspace),
            int(context.color_primaries),
            int(context.color_trc),
            int(context.color_range),
        ),
        bitrate_bps=round(sum(p.size for p in own) * 8 / seconds) if seconds else 0,
    )


def _sound_of(stream: Any, packets: dict[int, list[Any]]) -> SoundFacts:
    own = [p for p in packets[stream.index] if p.pts is not None]
    base = Fraction(stream.time_base or 1)
    end = max(((p.pts + (p.duration or 0)) for p in own), default=0)
    return SoundFacts(
        codec=stream.codec_context.name,
        rate_hz=stream.codec_context.sample_rate,
        channels=stream.codec_context.channels,
        duration_s=float(end * base),
        starts_at_s=float(own[0].pts * base) if own else 0.0,
    )


def _is_faststart(path: Path) -> bool:
    """Whether `moov` comes before `mdat` among the file's outer boxes; False for other kinds of file."""
    with path.open("rb") as file:
        for _ in range(64):
            head = file.read(8)
            if len(head) < 8:
                return False
            size, kind = struct.unpack(">I4s", head)
            if kind in (b"moov", b"mdat"):
                return kind == b"moov"
            if size == 1:
                size = struct.unpack(">Q", file.read(8).ljust(8, b"\0"))[0] - 8
            if size < 8:
                return False
            file.seek(size - 8, 1)
    return False
