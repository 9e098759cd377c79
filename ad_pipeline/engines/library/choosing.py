"""Which track an ad takes: one that may be used and is long enough, of the nearest mood, by the seed among equals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from ad_pipeline.engines.library.moods import FARTHEST, distance, moods_in
from ad_pipeline.engines.library.tracks import Track
from ad_pipeline.messages import Message, worded


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A track that may be used; `apart` is how far its mood lies from the wanted one, 0 for the same."""

    track: Track
    apart: float


@dataclass(frozen=True, kw_only=True)
class Passed:
    """A track that may not be used here, and why."""

    file: str
    why: Message


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Tracks in the order in which they are tried, and those that were passed over.

    `variant` counts up when every track of the best mood had its turn: then another passage of the first is due.
    """

    order: tuple[Candidate, ...]
    passed: tuple[Passed, ...]
    variant: int = 0


def chosen(
    tracks: Sequence[Track], *, mood: str, length_s: float, for_paid_ads: bool, today: date, seed: int
) -> Choice:
    """The order for one ad: nearest mood first, and among equals each seed begins with another."""
    wanted = moods_in(mood)
    passed, fitting = list[Passed](), list[Candidate]()
    for track in sorted(tracks, key=lambda track: track.file):
        why = _why_not(track, length_s=length_s, for_paid_ads=for_paid_ads, today=today)
        if why:
            passed.append(Passed(file=track.file, why=why))
        else:
            # A wish that names no mood of ours is met by none: then all are equal.
            fitting.append(Candidate(track=track, apart=distance(wanted, track.moods) if wanted else FARTHEST))
    best = min((candidate.apart for candidate in fitting), default=0.0)
    equals = [candidate for candidate in fitting if candidate.apart == best]
    others = sorted((candidate for candidate in fitting if candidate.apart > best), key=lambda other: other.apart)
    turn = seed % len(equals) if equals else 0
    return Choice(
        order=(*equals[turn:], *equals[:turn], *others),
        passed=tuple(passed),
        variant=seed // len(equals) if equals else 0,
    )


def usable_in_paid_ads(track: Track, today: date) -> bool:
    """Whether its licence is told, allows paid ads, and has not ended."""
    return _forbidden(track, today) is None


def _why_not(track: Track, *, length_s: float, for_paid_ads: bool, today: date) -> Message | None:
    if for_paid_ads and (why := _forbidden(track, today)):
        return why
    if track.duration_s is not None and track.duration_s < length_s:
        return worded(
            "it lasts {music_s:.1f} s, and the ad {length_s:.1f} s", music_s=track.duration_s, length_s=length_s
        )
    return None


def _forbidden(track: Track, today: date) -> Message | None:
    row = track.row
    if not row.licence:
        return worded("music.csv names no licence for it, and the ad is commercial")
    if row.paid_ads != "yes":
        return worded("music.csv does not say paid_ads yes for it, and the ad is commercial")
    if row.expires and row.expires < today:
        return worded("its licence ended on {expires}", expires=row.expires.isoformat())
    return None
