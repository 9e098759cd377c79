"""The sound of a cut: its parts read from the file, joined in phase and without a click."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.error import FFmpegError

from ad_pipeline.errors import MediaError
from ad_pipeline.media.encode import explained
from ad_pipeline.media.music_cut import Cut, Part
from ad_pipeline.media.sound import Samples
from ad_pipeline.media.time import AUDIO_RATE_HZ

PEAK = 10 ** (-4 / 20)

_SHORT_BLEND_S, _LONG_BLEND_S = 0.04, 0.24
"""A struck bar hides a short blend just before it; a held one needs a long blend around it."""
_BEFORE_HIT_S = 0.012
_HIT_RATIO = 1.4
_ALIKE_MS, _SHIFT_MS = 150, 20
_MARGIN_S = 0.3


@dataclass(frozen=True, kw_only=True)
class Spliced:
    """The bed (frames x 2, 48 kHz), and per seam how far the second part was moved to meet the first."""

    samples: Samples
    moved_s: tuple[float, ...]
    blends_s: tuple[float, ...]


def spliced(path: Path, cut: Cut) -> Spliced:
    """The bed, exactly as many samples as its length says.

    Raises:
        MediaError: the file cannot be read as far as the cut needs it.
    """
    return _joined(cut, _read(path, cut.parts))


def _joined(cut: Cut, sounds: Sequence[Samples]) -> Spliced:
    """`sounds` are the parts with `_MARGIN_S` before and after them, silence where the file has nothing."""
    count, margin = round(cut.length_s * AUDIO_RATE_HZ), _frames(_MARGIN_S)
    bed = np.zeros((count, 2), np.float32)
    moved, blends = list[float](), list[float]()
    for number, (part, sound) in enumerate(zip(cut.parts, sounds, strict=True)):
        at = round(part.at_s * AUDIO_RATE_HZ)
        if number == 0:
            body = sound[margin : margin + count - at]
            bed[at : at + len(body)] = body
            continue
        before = sounds[number - 1]
        left = before[len(before) - 2 * margin :]
        shift = _shift(left, sound[: 2 * margin])
        blend_s, lies = _blend(sound, margin + shift)
        first = at + lies
        entering = sound[margin + shift + lies :]
        leaving = left[margin + lies :]
        width = min(_frames(blend_s), len(leaving), count - first)
        body = entering[: count - first]
        bed[first:] = 0
        bed[first : first + len(body)] = body
        bed[first : first + width] = _blended(leaving[:width], entering[:width])
        moved.append(round(shift / AUDIO_RATE_HZ, 5))
        blends.append(blend_s)
    _fade(bed, cut)
    peak = max(float(bed.max(initial=0)), -float(bed.min(initial=0)))
    if peak > 1e-6:
        bed *= np.float32(PEAK / peak)
    return Spliced(samples=bed, moved_s=tuple(moved), blends_s=tuple(blends))


def _shift(left: Samples, entering: Samples) -> int:
    """By how many samples later the second part is taken, so that its hits meet those that would have come.

    First by how both rise and fall; then, where they are the same recording, to the sample.
    """
    middle, step = _frames(_MARGIN_S), AUDIO_RATE_HZ // 1000
    a, b = left.mean(axis=1), entering.mean(axis=1)
    bar = middle // step
    rough = step * _best_lag(_risen(a, step), _risen(b, step), (bar, bar), most=_SHIFT_MS, half=_ALIKE_MS, least=0.3)
    return rough + _best_lag(a, b, (middle, middle + rough), most=2 * step, half=60 * step, least=0.6)


def _risen(sound: Samples, step: int) -> Samples:
    """How loud each thousandth of a second is, its slow part left out."""
    whole = len(sound) // step * step
    loud = np.sqrt(np.mean(np.square(sound[:whole]).reshape(-1, step), axis=1))
    return np.asarray(loud - np.convolve(loud, np.ones(80) / 80, mode="same"), np.float32)


def _best_lag(a: Samples, b: Samples, places: tuple[int, int], *, most: int, half: int, least: float) -> int:
    """By how much the place in `b` has to move for the two to be most alike around theirs; 0 when they hardly are."""
    in_a, in_b = places
    half = min(half, in_a, len(a) - in_a, in_b - most, len(b) - in_b - most)
    if half < 8:
        return 0
    here = a[in_a - half : in_a + half]
    best, best_lag = least, 0
    for lag in sorted(range(-most, most + 1), key=abs):
        there = b[in_b + lag - half : in_b + lag + half]
        size = float(np.linalg.norm(here) * np.linalg.norm(there))
        alike = float(np.dot(here, there)) / size if size > 1e-9 else 0.0
        if alike > best + 1e-6:
            best, best_lag = alike, lag
    return best_lag


def _blend(sound: Samples, beat: int) -> tuple[float, int]:
    """How long the blend is, and where it begins against the bar: before a hit, around a held note."""
    around = _frames(0.05)
    before = float(np.sqrt(np.mean(np.square(sound[max(0, beat - around) : beat])) + 1e-12))
    after = float(np.sqrt(np.mean(np.square(sound[beat : beat + around])) + 1e-12))
    if after > _HIT_RATIO * before:
        return _SHORT_BLEND_S, -_frames(_SHORT_BLEND_S + _BEFORE_HIT_S)
    return _LONG_BLEND_S, -_frames(_LONG_BLEND_S / 2)


def _blended(leaving: Samples, entering: Samples) -> Samples:
    """From one to the other at the same power, also where both are the same sound and would add up to more."""
    turn = np.linspace(0, np.pi / 2, len(leaving), dtype=np.float32)[:, None]
    out, into = np.cos(turn), np.sin(turn)
    size = float(np.linalg.norm(leaving) * np.linalg.norm(entering))
    alike = max(0.0, float((leaving * entering).sum()) / size) if size > 1e-9 else 0.0
    return np.asarray((leaving * out + entering * into) / np.sqrt(1 + 2 * alike * out * into), np.float32)


def _fade(bed: Samples, cut: Cut) -> None:
    """The beginning and the end of the bed, faded in place."""
    first = max(0, round(cut.parts[0].at_s * AUDIO_RATE_HZ))
    rising = bed[first : first + _frames(cut.fade_in_s)]
    falling = bed[min(len(bed) - 1, _frames(cut.fade_from_s)) :]
    rising *= _swell(len(rising))[:, None]
    falling *= _swell(len(falling))[::-1, None]


def _swell(count: int) -> Samples:
    return np.sin(np.linspace(0, np.pi / 2, count, dtype=np.float32)) ** 2


def _read(path: Path, parts: Sequence[Part]) -> list[Samples]:
    """Each part with a margin on both sides; the file is read once, as far as is needed."""
    spans = [(_frames(part.from_s - _MARGIN_S), _frames(part.to_s + _MARGIN_S)) for part in parts]
    sounds = [np.zeros((stop - start, 2), np.float32) for start, stop in spans]
    place, last = 0, max(stop for _, stop in spans)
    try:
        with av.open(str(path)) as container:
            resampler = av.AudioResampler(format="fltp", layout="stereo", rate=AUDIO_RATE_HZ)
            for frame in container.decode(container.streams.audio[0]):
                for out in resampler.resample(frame):
                    block: Any = out.to_ndarray()
                    _taken(block.T, place, spans, sounds)
                    place += block.shape[1]
                if place >= last:
                    break
    except (FFmpegError, OSError, IndexError) as error:
        raise explained(error, "reading", path) from error
    if place < _frames(parts[-1].from_s):
        raise MediaError("{path} breaks off before the music ends", path=path.name)
    return sounds


def _taken(block: Samples, place: int, spans: Sequence[tuple[int, int]], sounds: Sequence[Samples]) -> None:
    for (start, stop), sound in zip(spans, sounds, strict=True):
        first, last = max(start, place), min(stop, place + len(block))
        if first < last:
            sound[first - start : last - start] = block[first - place : last - place]


def _frames(seconds: float) -> int:
    return round(seconds * AUDIO_RATE_HZ)
