"""Time as whole frames at an exact rate; seconds only at the borders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class FrameRate:
    """Frames per second, exact: `FrameRate(Fraction(24))`, `FrameRate(Fraction(30000, 1001))`."""

    per_second: Fraction

    def frames(self, seconds: float | Fraction) -> int:
        """The nearest whole number of frames."""
        return round(Fraction(seconds).limit_denominator(1_000_000) * self.per_second)

    def seconds(self, frames: int) -> float:
        """How long `frames` last."""
        return float(frames / self.per_second)

    def __str__(self) -> str:
        return str(self.per_second)


FILM = FrameRate(Fraction(24))
"""The rate of every clip and final."""

AUDIO_RATE_HZ = 48_000


def split_frames(total: int, weights: Sequence[float]) -> tuple[int, ...]:
    """`total` frames shared in proportion to `weights`, exactly; largest remainders first."""
    whole = sum(weights)
    shares = [total * weight / whole for weight in weights]
    frames = [int(share) for share in shares]
    by_remainder = sorted(range(len(shares)), key=lambda i: (frames[i] - shares[i], i))
    for i in by_remainder[: total - sum(frames)]:
        frames[i] += 1
    return tuple(frames)
