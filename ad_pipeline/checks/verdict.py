"""The answer of a check: what was measured, against which limit, and whether it holds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One check's answer; an `error` is what a customer would see, a `warning` is taste."""

    name: str
    passed: bool
    measured: str
    limit: str
    severity: Severity = "error"
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)
