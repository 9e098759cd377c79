"""What a file of the library is before it is heard: sound that can be decoded, how long, and its own tags."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import av
from av.error import FFmpegError

from ad_pipeline.errors import MediaError
from ad_pipeline.media.encode import explained

SOUND_SUFFIXES = frozenset({".mp3", ".m4a", ".m4p", ".mp4", ".aac", ".wav", ".flac", ".ogg", ".oga", ".opus"})

_BOXED = frozenset({".m4a", ".m4p", ".mp4"})
_PROTECTED = frozenset({b"drms", b"enca", b"p608"})
"""Sample entries of sound that FairPlay or Common Encryption (Widevine, PlayReady) locks."""
_HOLDS_BOXES = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl"})
_MOST_BOXES = 4000


@dataclass(frozen=True, kw_only=True)
class SoundFile:
    """`duration_s` is None where the file does not tell; `tags` have lower-case names."""

    duration_s: float | None
    tags: Mapping[str, str]


def sound_file(path: Path) -> SoundFile:
    """The facts of one file, told by its head and its first sound.

    Raises:
        MediaError: empty, protected, broken, or no sound.
    """
    try:
        if not path.stat().st_size:
            raise MediaError("{path} is an empty file", path=path.name)
        if path.suffix.lower() == ".m4p" or (path.suffix.lower() in _BOXED and _is_protected(path)):
            raise MediaError(
                "{path} is protected against copying (DRM) and cannot be played here; take a file without protection",
                path=path.name,
            )
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise MediaError("{path} holds no sound", path=path.name)
            stream = container.streams.audio[0]
            tags = {key.lower(): value for held in (container, stream) for key, value in held.metadata.items()}
            told_s = container.duration / av.time_base if container.duration else None
            if next(container.decode(stream), None) is None:
                raise MediaError("{path} holds no sound", path=path.name)
    except (FFmpegError, OSError, ValueError) as error:
        raise explained(error, "reading", path) from error
    return SoundFile(duration_s=told_s, tags=tags)


def _is_protected(path: Path) -> bool:
    """Whether a sound track's sample entry is one that is locked."""
    with path.open("rb") as file:
        return any(kind in _PROTECTED for kind in _sample_entries(file, path.stat().st_size))


def _sample_entries(file: BinaryIO, size: int) -> Iterator[bytes]:
    """The kinds of all sample entries of an MP4 file."""
    ends, at = [size], 0
    for _ in range(_MOST_BOXES):
        while ends and at + 8 > ends[-1]:
            at = ends.pop()
        if not ends:
            return
        file.seek(at)
        length, kind = struct.unpack(">I4s", file.read(8).ljust(8, b"\0"))
        head = 8
        if length == 1:
            length, head = struct.unpack(">Q", file.read(8).ljust(8, b"\0"))[0], 16
        end = ends[-1] if length == 0 else at + length
        if length and length < head:
            return
        if kind == b"stsd":
            entry = file.read(16)
            yield entry[12:16]
            at = end
        elif kind in _HOLDS_BOXES:
            ends.append(min(end, ends[-1]))
            at += head
        else:
            at = end
