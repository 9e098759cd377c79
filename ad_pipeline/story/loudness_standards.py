"""The loudness that each channel's standard asks for, and the one that a film for several channels gets."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import resources
from types import MappingProxyType

from ad_pipeline.media.loudness_target import LoudnessTarget

LEAST_TOLERANCE_LU = 0.5
"""No target is made narrower than this by the wishes of several channels."""

_ROWS = tomllib.loads(
    (resources.files("ad_pipeline.story") / "loudness_standards.toml").read_text(encoding="utf-8")
)  # fmt: skip
STANDARDS = MappingProxyType(
    {
        name: LoudnessTarget(name=name, **{key: value for key, value in row.items() if key != "checked_on"})
        for name, row in _ROWS.items()
    }
)


@dataclass(frozen=True, kw_only=True)
class SharedLoudness:
    """The one loudness of a film for several standards; `unmet` are those whose integrated loudness it misses."""

    target: LoudnessTarget
    unmet: tuple[LoudnessTarget, ...] = ()


def shared_loudness(standards: Sequence[LoudnessTarget]) -> SharedLoudness:
    """The first standard's loudness, moved inside its tolerance where that suits others too.

    Peaks are the strictest of all. A short-term limit counts where the film meets its standard.
    """
    first = standards[0]
    met, unmet = [first], list[LoudnessTarget]()
    low, high = _band(first)
    for other in dict.fromkeys(standards[1:]):
        lowest, highest = _band(other)
        if min(high, highest) - max(low, lowest) >= 2 * LEAST_TOLERANCE_LU:
            low, high = max(low, lowest), min(high, highest)
            met.append(other)
        else:
            unmet.append(other)
    has_room = low + LEAST_TOLERANCE_LU <= first.integrated_lufs <= high - LEAST_TOLERANCE_LU
    lufs = first.integrated_lufs if has_room else (low + high) / 2
    target = replace(
        first,
        integrated_lufs=lufs,
        tolerance_lu=min(high - lufs, lufs - low),
        true_peak_dbtp=min(each.true_peak_dbtp for each in standards),
        max_short_term_lufs=_lowest([each.max_short_term_lufs for each in met]),
        max_momentary_lufs=_lowest([each.max_momentary_lufs for each in met]),
    )
    return SharedLoudness(target=target, unmet=tuple(unmet))


def _band(standard: LoudnessTarget) -> tuple[float, float]:
    return standard.integrated_lufs - standard.tolerance_lu, standard.integrated_lufs + standard.tolerance_lu


def _lowest(limits: Sequence[float | None]) -> float | None:
    return min((limit for limit in limits if limit is not None), default=None)
