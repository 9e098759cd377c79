"""How strongly something begins at each moment of a piece of music, and which notes sound; read in blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from ad_pipeline.errors import MediaError
from ad_pipeline.media.encode import explained

RATE_HZ = 24_000
"""Beats are looked for at this rate, mono."""

FRAMES_PER_S = 100
CHROMA_PER_S = 20

_HOP, _WINDOW = RATE_HZ // FRAMES_PER_S, 1024
_CHROMA_HOP, _CHROMA_WINDOW = RATE_HZ // CHROMA_PER_S, 4096
BANDS = 40
_BLOCK_S = 10
_FLOOR_DB = -66.0
Curve = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Hearing:
    """A piece as its beats are looked for.

    `bands_db` is (frames, bands) at 100 frames a second, under 0 at the loudest; `chroma` is (frames, 12) at 20 a
    second, each of length 1, or 0 in silence. The first frame of either is the first moment of the piece.
    """

    duration_s: float
    bands_db: Curve
    chroma: Curve

    @property
    def levels_db(self) -> Curve:
        """How loud each frame is, in dB under the loudest."""
        power = np.power(10, self.bands_db / 10).sum(axis=1)
        return np.asarray(10 * np.log10(power / max(float(power.max(initial=0)), 1e-12) + 1e-7), np.float32)


def heard(path: Path) -> Hearing:
    """The piece in a sound file.

    Raises:
        MediaError: no readable sound.
    """
    return heard_in(_blocks(path), name=path.name)


def heard_in(blocks: Iterable[Curve], *, name: str = "") -> Hearing:
    """The same for sound that is already there: float32 mono at `RATE_HZ`, in pieces of any length."""
    bands = _Framed(window=_WINDOW, hop=_HOP, fold=_band_weights())
    chroma = _Framed(window=_CHROMA_WINDOW, hop=_CHROMA_HOP, fold=_chroma_weights())
    count = 0
    for block in blocks:
        count += len(block)
        bands.take(block)
        chroma.take(block)
    if not count:
        raise MediaError("{path} holds no sound", path=name)
    power = bands.closed()
    loudest = max(float(power.max(initial=0.0)), 1e-12)
    notes = np.sqrt(chroma.closed())
    length = np.linalg.norm(notes, axis=1, keepdims=True)
    return Hearing(
        duration_s=count / RATE_HZ,
        bands_db=np.maximum(10 * np.log10(power / loudest + 1e-12), _FLOOR_DB).astype(np.float32),
        chroma=np.asarray(notes / np.maximum(length, 1e-6 * max(1e-9, float(length.max(initial=0.0)))), np.float32),
    )


def onsets(hearing: Hearing, *, below: int = BANDS) -> Curve:
    """How much louder the lowest `below` bands get within 20 ms, their mean, in dB.

    A band is compared with the loudest of its neighbours before, so that vibrato is no onset; a few low bands are not.
    """
    bands = hearing.bands_db[:, :below]
    usual = np.pad(bands, ((2, 0), (1, 1)), mode="edge")
    usual[:2] = _FLOOR_DB
    before = usual[: len(bands), 1:-1]
    if below > 8:
        before = np.maximum(before, np.maximum(usual[: len(bands), :-2], usual[: len(bands), 2:]))
    return np.asarray(np.maximum(bands - before, 0).mean(axis=1), np.float32)


class _Framed:
    """Folded power spectra of a stream, one per hop; a frame's middle is at its own time."""

    def __init__(self, *, window: int, hop: int, fold: Curve) -> None:
        self._window, self._hop, self._fold = window, hop, fold
        self._shape = np.hanning(window).astype(np.float32)
        self._rest: Curve = np.zeros(window // 2, np.float32)
        self._made: list[Curve] = []

    def take(self, block: Curve) -> None:
        ready = np.concatenate([self._rest, block])
        frames = max(0, (len(ready) - self._window) // self._hop + 1)
        if frames:
            cut = np.lib.stride_tricks.sliding_window_view(ready, self._window)[: frames * self._hop : self._hop]
            spectrum = np.fft.rfft(cut * self._shape, axis=1)
            self._made.append(np.asarray((spectrum.real**2 + spectrum.imag**2) @ self._fold, np.float32))
        self._rest = ready[frames * self._hop :]

    def closed(self) -> Curve:
        self.take(np.zeros(self._window // 2, np.float32))
        return np.concatenate(self._made) if self._made else np.zeros((1, self._fold.shape[1]), np.float32)


def _band_weights() -> Curve:
    """Triangles, evenly spaced as the ear hears pitch, 30 Hz to 11 kHz."""
    bins_hz = np.fft.rfftfreq(_WINDOW, 1 / RATE_HZ)
    ends = np.asarray([2595 * np.log10(1 + hz / 700) for hz in (30.0, 11_000.0)])
    centres = 700 * (10 ** (np.linspace(ends[0], ends[1], BANDS + 2) / 2595) - 1)
    below, middle, above = centres[:-2], centres[1:-1], centres[2:]
    rising = (bins_hz[:, None] - below) / (middle - below)
    falling = (above - bins_hz[:, None]) / (above - middle)
    return np.maximum(0, np.minimum(rising, falling)).astype(np.float32)


def _chroma_weights() -> Curve:
    """Each bin to its nearest note, 100 to 2000 Hz, octaves folded."""
    bins_hz = np.fft.rfftfreq(_CHROMA_WINDOW, 1 / RATE_HZ)
    weights = np.zeros((len(bins_hz), 12), np.float32)
    for at in np.flatnonzero((bins_hz >= 100) & (bins_hz <= 2000)):
        weights[at, round(12 * np.log2(bins_hz[at] / 440)) % 12] = 1.0
    return weights


def _blocks(path: Path) -> Iterator[Curve]:
    """The file at `RATE_HZ`, mono, some seconds at a time."""
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise MediaError("{path} holds no sound", path=path.name)
            resampler = av.AudioResampler(format="fltp", layout="mono", rate=RATE_HZ)
            waiting: list[Any] = []
            for frame in container.decode(container.streams.audio[0]):
                waiting += [out.to_ndarray()[0] for out in resampler.resample(frame)]
                if sum(map(len, waiting)) >= _BLOCK_S * RATE_HZ:
                    yield np.concatenate(waiting)
                    waiting = []
            waiting += [out.to_ndarray()[0] for out in resampler.resample(None)]
    except (FFmpegError, OSError) as error:
        raise explained(error, "reading", path) from error
    if waiting:
        yield np.concatenate(waiting)
