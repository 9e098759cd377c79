"""Places where the film stands still for a while: what that does to times, to frames, and to sounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ad_pipeline.media.time import AUDIO_RATE_HZ, FILM

Samples = NDArray[np.float32]

_SPLICE_S = 0.08


@dataclass(frozen=True, kw_only=True)
class Hold:
    """The picture of `frame` stays for `frames` more; counted in the film without holds."""

    frame: int
    frames: int

    @property
    def at_s(self) -> float:
        """When it begins: when the frame would have gone."""
        return FILM.seconds(self.frame + 1)

    @property
    def length_s(self) -> float:
        return FILM.seconds(self.frames)


def held_frame(frame: int, holds: Sequence[Hold]) -> int:
    """Where a frame lies in the film with its holds."""
    return frame + sum(hold.frames for hold in holds if hold.frame < frame)


def held_s(at_s: float, holds: Sequence[Hold]) -> float:
    """When something of the film happens in the film with its holds."""
    return at_s + sum(hold.length_s for hold in holds if hold.at_s <= at_s + 1e-6)


def in_pieces(samples: Samples, start_s: float, holds: Sequence[Hold]) -> list[tuple[Samples, float]]:
    """A sound that begins at `start_s` of the film, silent while the picture stands; each piece with its time there."""
    cuts = [round((hold.at_s - start_s) * AUDIO_RATE_HZ) for hold in holds]
    edges = [0, *sorted(cut for cut in cuts if 0 < cut < len(samples)), len(samples)]
    return [(samples[a:b], held_s(start_s + a / AUDIO_RATE_HZ, holds)) for a, b in zip(edges, edges[1:], strict=False)]


def played_through(music: Samples, holds: Sequence[Hold]) -> Samples:
    """Music that goes on while the picture stands: it plays again what it just played, or what comes, at a seam."""
    whole = music
    for hold in sorted(holds, key=lambda hold: hold.frame, reverse=True):  # the last first: earlier places stay
        at, more = round(hold.at_s * AUDIO_RATE_HZ), round(hold.length_s * AUDIO_RATE_HZ)
        whole = _jumped(whole, at, at - more) if at >= more else _jumped(whole, at + more, at)
    return whole


def _jumped(music: Samples, leave: int, enter: int) -> Samples:
    """The music up to sample `leave`, then on from `enter`; over a moment both are heard."""
    joined = np.concatenate([music[:leave], music[enter:]])
    fade = min(round(_SPLICE_S * AUDIO_RATE_HZ), len(music) - leave, len(music) - enter)
    if fade > 0:
        turn = np.linspace(0, np.pi / 2, fade, dtype=np.float32)[:, None]
        joined[leave : leave + fade] = music[enter : enter + fade] * np.sin(turn)
        joined[leave : leave + fade] += music[leave : leave + fade] * np.cos(turn)
    return joined
