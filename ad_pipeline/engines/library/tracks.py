"""A track of the library and what is known of it: from `music.csv`, its name, its folder, its own tags."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path, PurePosixPath

from ad_pipeline.engines.contracts import PaidAds
from ad_pipeline.engines.library.moods import moods_in
from ad_pipeline.engines.library.sound_file import SoundFile

LONGEST_TEXT = 200

_BPM = re.compile(r"(?<!\d)(\d{2,3})(?:[.,]\d+)?[ _-]?bpm(?![a-z])", re.IGNORECASE)
_LIKELY_BPM = (40.0, 240.0)


@dataclass(frozen=True, kw_only=True)
class Row:
    """What `music.csv` says of one file; None and "" where it says nothing."""

    title: str = ""
    artist: str = ""
    mood: str = ""
    bpm: float | None = None
    licence: str = ""
    paid_ads: PaidAds | None = None
    source: str = ""
    credit: str = ""
    expires: date | None = None


@dataclass(frozen=True, kw_only=True)
class Track:
    """One piece; `file` is its path inside the library, with slashes. `row` has the terms."""

    file: str
    path: Path
    title: str
    artist: str
    moods: tuple[str, ...]
    bpm: float | None
    duration_s: float | None
    row: Row = field(default_factory=Row)


def track_of(file: str, path: Path, *, facts: SoundFile, row: Row | None = None) -> Track:
    """The track, as whoever says most of it says: the CSV, then the file's name, then its folder and its tags."""
    row = row or Row()
    named = _from_name(PurePosixPath(file).stem)
    folders = " ".join(PurePosixPath(file).parts[:-1])
    tagged = " ".join(facts.tags.get(name, "") for name in ("mood", "tmoo", "genre"))
    moods = next((found for text in (row.mood, named.mood, folders, tagged) if (found := moods_in(text))), ())
    return Track(
        file=file,
        path=path,
        title=row.title or plain(facts.tags.get("title", "")) or named.title or plain(PurePosixPath(file).stem),
        artist=row.artist or plain(facts.tags.get("artist", "")) or named.artist,
        moods=moods,
        bpm=row.bpm or named.bpm or _tagged_bpm(facts.tags),
        duration_s=facts.duration_s,
        row=row,
    )


def plain(text: str) -> str:
    """One line of text from outside: no control characters, not endless, composed as Korean is usually typed."""
    shown = "".join(" " if unicodedata.category(c)[0] == "C" else c for c in unicodedata.normalize("NFC", text))
    return " ".join(shown.split())[:LONGEST_TEXT]


def likely_bpm(text: str) -> float | None:
    """A tempo that music can have; None for anything else."""
    try:
        bpm = float(text.replace(",", "."))
    except ValueError:
        return None
    return bpm if _LIKELY_BPM[0] <= bpm <= _LIKELY_BPM[1] else None


@dataclass(frozen=True, kw_only=True)
class _Named:
    title: str
    artist: str
    mood: str
    bpm: float | None


def _from_name(stem: str) -> _Named:
    """`calm - Morning Light`, `Some Artist - Morning Light`, `upbeat_120bpm_morning_light`."""
    found = _BPM.search(stem)
    rest = _BPM.sub("", stem)
    first, dash, after = rest.partition(" - ")
    if dash and after.strip():
        is_mood = bool(moods_in(first))
        return _Named(
            title=plain(after.strip(" -_")),
            artist="" if is_mood else plain(first.strip(" -_")),
            mood=first if is_mood else after,
            bpm=likely_bpm(found.group(1)) if found else None,
        )
    words = [word for word in re.split(r"[_\s]+", rest) if word.strip("-")]
    left = [word for word in words if not moods_in(word)] if "_" in rest else words
    title = " ".join(left) if left else " ".join(words)
    return _Named(title=plain(title), artist="", mood=rest, bpm=likely_bpm(found.group(1)) if found else None)


def _tagged_bpm(tags: Mapping[str, str]) -> float | None:
    return next((bpm for name in ("tbpm", "bpm", "tmpo") if (bpm := likely_bpm(tags.get(name, "")))), None)
