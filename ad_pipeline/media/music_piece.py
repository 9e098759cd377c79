"""What a cut of a piece of music has to know of it: its beats, how loud and in which notes, and how it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ad_pipeline.media.beats import BEATS_VERSION, Beats, beats_in
from ad_pipeline.media.onsets import CHROMA_PER_S, FRAMES_PER_S, Curve, Hearing, heard, onsets

PIECE_VERSION = 100 * BEATS_VERSION + 1
"""Raise it when the same piece is heard in another way; kept hearings are then left unused."""

_SILENT_DB = -50.0
_USUAL_RANGE_DB = 10.0
"""A last chord is about as loud as the piece was; the last note of a fade-out is not."""
_RINGS_OUT_DB = 18.0
_SHORTEST_RING_S = 0.25


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One piece of music, as `music_cut` needs it.

    `levels_db` (under the loudest moment) and `notes` (12 numbers each) are one per beat, from it to the next.
    """

    duration_s: float
    sounds_until_s: float
    """Where silence begins."""
    loud_until_s: float
    """Where it begins to fade out, or ends."""
    last_hit_s: float | None = None
    """The last chord that then rings out; None for a piece that fades out, or breaks off as a loop does."""
    beats: Beats = field(default_factory=Beats)
    levels_db: tuple[float, ...] = ()
    notes: tuple[tuple[float, ...], ...] = ()

    @property
    def ring_s(self) -> float:
        """How long its last chord sounds."""
        return 0.0 if self.last_hit_s is None else self.sounds_until_s - self.last_hit_s

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of_dict(cls, told: Mapping[str, Any]) -> Piece:
        """What `to_dict` gave, also after JSON made lists of its tuples.

        Raises:
            KeyError, TypeError, ValueError: it is no such thing.
        """
        beats: dict[str, Any] = dict(told["beats"])
        beats |= {name: tuple(beats[name]) for name in ("times_s", "downbeats")}
        plain: dict[str, Any] = dict(told)
        plain["beats"] = Beats(**beats)
        plain["levels_db"] = tuple(plain["levels_db"])
        plain["notes"] = tuple(tuple(row) for row in plain["notes"])
        return cls(**plain)


def piece_of(path: Path, *, told_bpm: float | None = None) -> Piece:
    """The piece in a sound file; three minutes take about half a second.

    Raises:
        MediaError: no readable sound.
    """
    return piece_in(heard(path), told_bpm=told_bpm)


def piece_in(hearing: Hearing, *, told_bpm: float | None = None) -> Piece:
    """The piece that was heard."""
    beats = beats_in(hearing, told_bpm=told_bpm)
    levels = _smoothed(hearing.levels_db)
    sounding = np.flatnonzero(levels > _SILENT_DB)
    last = int(sounding[-1]) + 1 if len(sounding) else 0
    usual_db = float(np.median(levels[sounding])) if len(sounding) else _SILENT_DB
    loud = np.flatnonzero(levels > usual_db - _USUAL_RANGE_DB)
    edges = _edges(beats, hearing)
    return Piece(
        duration_s=round(hearing.duration_s, 4),
        sounds_until_s=round(min(hearing.duration_s, last / FRAMES_PER_S), 4),
        loud_until_s=round(min(hearing.duration_s, (int(loud[-1]) + 1) / FRAMES_PER_S if len(loud) else 0.0), 4),
        last_hit_s=_last_hit_s(hearing, levels, last, usual_db, beats),
        beats=beats,
        levels_db=tuple(round(float(value), 1) for value in _means(levels[:, None], edges, FRAMES_PER_S)[:, 0]),
        notes=tuple(
            tuple(round(float(note), 3) for note in row) for row in _means(hearing.chroma, edges, CHROMA_PER_S)
        ),
    )


def _last_hit_s(hearing: Hearing, levels: Curve, last: int, usual_db: float, beats: Beats) -> float | None:
    """The last strong onset, where it is loud and dies away after."""
    curve = onsets(hearing)[:last]
    inner = curve[1:-1]
    tops = 1 + np.flatnonzero((inner >= curve[:-2]) & (inner > curve[2:]) & (inner > 2.0))
    if not len(tops):
        return None
    strong = tops[curve[tops] > 0.4 * float(np.percentile(curve[tops], 85))]
    hit = int(strong[-1])
    loud_db = float(levels[hit : hit + 30].max())
    dies_db = loud_db - float(levels[max(hit, last - 6) : last].mean())
    if (
        (last - hit) / FRAMES_PER_S < _SHORTEST_RING_S
        or loud_db < usual_db - _USUAL_RANGE_DB
        or dies_db < _RINGS_OUT_DB
    ):
        return None
    # A chord that is rolled begins on its beat, before its last note.
    near = [at for at in beats.times_s if -0.35 <= at - hit / FRAMES_PER_S <= 0.07]
    return round(near[-1] if near else hit / FRAMES_PER_S, 4)


def _smoothed(levels: Curve) -> Curve:
    return np.asarray(np.convolve(np.pad(levels, 3, mode="edge"), np.ones(7) / 7, mode="valid"), np.float32)


def _edges(beats: Beats, hearing: Hearing) -> list[float]:
    return [*beats.times_s, hearing.duration_s] if beats.times_s else []


def _means(curve: Curve, edges_s: list[float], per_s: int) -> Curve:
    """The mean of every stretch between edges."""
    if not edges_s:
        return np.zeros((0, curve.shape[1]), np.float32)
    at = np.clip(np.rint(np.asarray(edges_s) * per_s).astype(int), 0, len(curve))
    sums = np.concatenate([np.zeros((1, curve.shape[1])), np.cumsum(curve, axis=0, dtype=np.float64)])
    return np.asarray((sums[at[1:]] - sums[at[:-1]]) / np.maximum(at[1:] - at[:-1], 1)[:, None], np.float32)
