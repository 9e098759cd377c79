"""Do captions stay in their scenes, and is there time to read them?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ad_pipeline.checks.verdict import Verdict
from ad_pipeline.media.captions import Cue

READ_PER_S = {"ko": 12.0, "en": 20.0}
"""Characters that adults read in a second, spaces counted, as subtitles are made for them."""

_ROUNDING_S = 0.002


def check_captions(
    cues: Sequence[Cue], scenes: Sequence[tuple[float, float]], language: Literal["ko", "en"]
) -> tuple[Verdict, ...]:
    """`scenes`: when each begins and ends. The quickest and the first stray cue are named by their number."""
    strays = [at for at, cue in enumerate(cues, 1) if not any(_is_in(cue, scene) for scene in scenes)]
    over = [at for at, (a, b) in enumerate(zip(cues, cues[1:], strict=False), 1) if b.start_s < a.end_s - _ROUNDING_S]
    rates = {_per_s(cue): at for at, cue in enumerate(cues, 1)}
    fastest, most = max(rates, default=0.0), READ_PER_S[language]
    told = [f"caption {at} leaves its scene" for at in strays] + [f"caption {at} runs into the next" for at in over]
    return (
        Verdict(
            name="caption_times",
            passed=not told,
            measured="; ".join(told) or f"{len(cues)} of {len(cues)} inside",
            limit="each inside its scene, none over another",
        ),
        Verdict(
            name="caption_speed",
            passed=fastest <= most,
            measured=f"{fastest:.1f} characters a second" + (f" in caption {rates[fastest]}" if cues else ""),
            limit=f"at most {most:g}",
            severity="warning",
            note="captions follow the voice: say less in that scene, or give it more time" if fastest > most else "",
        ),
    )


def _is_in(cue: Cue, scene: tuple[float, float]) -> bool:
    return scene[0] - _ROUNDING_S <= cue.start_s and cue.end_s <= scene[1] + _ROUNDING_S


def _per_s(cue: Cue) -> float:
    return len(" ".join(cue.bare_lines)) / max(0.001, cue.end_s - cue.start_s)
