"""The user's folder of music as tracks, and what in it cannot be used and why."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ad_pipeline.engines.library.sheet import NAME, key_of, sheet_in
from ad_pipeline.engines.library.sound_file import SOUND_SUFFIXES, sound_file
from ad_pipeline.engines.library.tracks import Track, plain, track_of
from ad_pipeline.errors import InputRejected, MediaError
from ad_pipeline.messages import Message, worded

MOST_FILES = 2000


@dataclass(frozen=True, kw_only=True)
class Library:
    """All tracks, by file name; and one sentence for each file or line that is wrong."""

    tracks: tuple[Track, ...]
    faults: tuple[Message, ...]


def library_in(folder: Path) -> Library:
    """The library in that folder and the folders in it; every file is opened, none is heard.

    Raises:
        InputRejected: there is no such folder, or its `music.csv` is no table.
    """
    if not folder.is_dir():
        raise InputRejected(
            "the music folder {folder} is not there; set AD_PIPELINE_MUSIC to a folder with audio files",
            folder=folder.name,
        )
    sheet = sheet_in(folder)
    files = dict(_files(folder))
    tracks, faults = list[Track](), list(sheet.faults)
    if len(files) >= MOST_FILES:
        faults.append(worded("the music folder has more than {limit} files; the rest is not used", limit=MOST_FILES))
    for key, written in sheet.names.items():
        if key not in files:
            faults.append(worded("{name} names {file!r}, which is not in the folder", name=NAME, file=written))
    for key, (file, path) in files.items():
        if key in sheet.refused:
            continue
        try:
            tracks.append(track_of(file, path, facts=sound_file(path), row=sheet.rows.get(key)))
        except MediaError as error:
            faults.append(error.message)
    return Library(tracks=tuple(tracks), faults=tuple(faults))


def holds_sound(folder: Path) -> bool:
    """Whether there is any file of music, by its name."""
    return next(_files(folder), None) is not None


def _files(folder: Path) -> Iterator[tuple[str, tuple[str, Path]]]:
    """Every file of music with its key and its name inside the folder; nothing that a link leads out to."""
    home, count = folder.resolve(), 0
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(here) / name
            if name.startswith(".") or path.suffix.lower() not in SOUND_SUFFIXES or count >= MOST_FILES:
                continue
            if not path.resolve().is_relative_to(home) or not path.is_file():
                continue
            count += 1
            file = path.relative_to(folder).as_posix()
            yield key_of(file), (plain(file), path)
