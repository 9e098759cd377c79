"""How loud a finished film has to be, as values: no meter and no encoder is loaded for them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class LoudnessTarget:
    """What a broadcaster or a service asks of a film's sound, by ITU-R BS.1770 and EBU Tech 3341."""

    name: str
    title: str = ""
    source: str = ""
    integrated_lufs: float
    tolerance_lu: float
    true_peak_dbtp: float
    """At most."""
    max_short_term_lufs: float | None = None
    """Of any three seconds, at most."""
    max_momentary_lufs: float | None = None
    """Of any 0.4 s, at most."""
