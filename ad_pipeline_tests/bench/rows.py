"""One measure of the bench, and the report that lists them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HEAD = ("what", "value", "unit", "ratio", "limit", "holds", "baseline")


@dataclass(frozen=True, kw_only=True)
class Row:
    """`ratio` is of this run; the limit is on the ratio where there is one, else on the value."""

    name: str
    value: float
    unit: str
    ratio: float | None = None
    ratio_to: str = ""
    limit: float | None = None

    @property
    def holds(self) -> bool:
        return self.limit is None or (self.value if self.ratio is None else self.ratio) <= self.limit

    def cells(self, baseline: Mapping[str, str]) -> tuple[str, ...]:
        """The row as texts, in the order of `HEAD`."""
        ratio = "" if self.ratio is None else f"{self.ratio:.2f} x {self.ratio_to}"
        limit = "" if self.limit is None else f"{self.limit:g}{' x' if self.ratio is not None else ' ' + self.unit}"
        holds = "" if self.limit is None else "yes" if self.holds else "NO"
        return (self.name, f"{self.value:.2f}", self.unit, ratio, limit, holds, baseline.get(self.name, ""))


def table(rows: Sequence[Row], baseline: Mapping[str, str]) -> str:
    """A Markdown table; also readable in a terminal."""
    cells = [HEAD, *(row.cells(baseline) for row in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(HEAD))]
    lines = [
        "| " + " | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) + " |" for line in cells
    ]
    rule = "| " + " | ".join("-" * width for width in widths) + " |"
    return "\n".join([lines[0], rule, *lines[1:]])


def earlier(report: Path) -> dict[str, str]:
    """Name -> value and unit of the last report; the baseline of the next one."""
    if not report.is_file():
        return {}
    found = re.findall(r"^\| ([^|]+?) +\| +([0-9.]+) +\| +([^|]+?) +\|", report.read_text(encoding="utf-8"), re.M)
    return {name: f"{value} {unit}" for name, value, unit in found}


def report_text(
    rows: Sequence[Row], baseline: Mapping[str, str], *, facts: Sequence[str], warnings: Sequence[str]
) -> str:
    """The whole of `docs/benchmarks.md`."""
    warned = "".join(f"\n> **Warning:** {text}\n" for text in warnings)
    listed = "\n".join(f"- {fact}" for fact in facts)
    return f"""# Benchmarks

Written by `make bench`; do not edit. Ratios are within one run on one machine, so trust them more than
the seconds. The floor is one ffmpeg process that encodes the finished film's own frames, from a raw file,
with the final's own settings. The baseline is what the report before this one said.
{warned}
{listed}

{table(rows, baseline)}
"""
