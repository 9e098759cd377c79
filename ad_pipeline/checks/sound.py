"""Is a music or effects file as promised: as long as asked, not clipped?"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ad_pipeline.checks.verdict import Verdict
from ad_pipeline.checks.voice import MOST_CLIPPED_SHARE
from ad_pipeline.media.sound import read_sound
from ad_pipeline.media.time import AUDIO_RATE_HZ, FILM


def check_sound(path: Path, *, length_s: float) -> tuple[Verdict, ...]:
    """Length and clipping; effects may well be silent.

    Raises:
        MediaError: no sound that can be read.
    """
    samples = read_sound(path)
    seconds = len(samples) / AUDIO_RATE_HZ
    clipped = float(np.mean(np.abs(samples) >= 0.999)) if samples.size else 0.0
    return (
        Verdict(
            name="length",
            passed=abs(seconds - length_s) <= FILM.seconds(1),
            measured=f"{seconds:.3f} s",
            limit=f"{length_s:.3f} s within a frame",
        ),
        Verdict(
            name="clipping",
            passed=clipped <= MOST_CLIPPED_SHARE,
            measured=f"{clipped:.3%} of samples",
            limit=f"at most {MOST_CLIPPED_SHARE:.2%}",
        ),
    )
