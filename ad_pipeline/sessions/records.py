"""One record per take: what was made, by whom, from what, at what cost, and how good it is."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ad_pipeline.messages import Message
from ad_pipeline.sessions.keys import ArtifactKey, Kind
from ad_pipeline.story.formats import Format

RECORD_VERSION = 1

MadeBy = Literal["person", "pipeline"]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class LicenceNote(_Value):
    """Under what terms the engine's output may be used."""

    name: str
    paid_ads: Literal["yes", "no", "limited"]


class Degraded(_Value):
    """A weaker engine made it than the route wanted; `why` says in English what kept each better one."""

    wanted: str
    used: str
    why: str
    reasons: tuple[dict[str, Any], ...] = ()
    """The same as notes of messages, the wanted one's first."""

    def why_not_wanted(self) -> Message | str:
        """What kept the wanted one: the others' reasons are much the same."""
        try:
            message = Message.of_note(self.reasons[0])
            str(message)
        except (LookupError, TypeError, ValueError, AttributeError):  # a record of an older version, or a hand's work
            return self.why
        return message


class VerdictNote(_Value):
    """A check's answer, as the record keeps it."""

    name: str
    passed: bool
    measured: str
    limit: str
    severity: Literal["error", "warning"] = "error"
    note: str = ""


class SideFile(_Value):
    """A file (or folder) that belongs to the take: layers, captions, stems."""

    path: str
    sha256: str


class TakeRecord(_Value):
    """Everything that is known about one take of one artifact."""

    record_version: int = RECORD_VERSION
    session_id: str
    stage: Kind
    scene_id: str | None = None
    format: Format | None = None
    take: int
    path: str = Field(description="relative to the session's folder")
    sha256: str
    size_bytes: int
    files: dict[str, SideFile] = {}
    engine: str
    model: str
    version: str
    licence: LicenceNote
    graph: str = ""
    graph_version: str = ""
    seed: int | None = None
    parameters: dict[str, Any] = {}
    inputs: dict[str, str] = Field(default={}, description="artifact -> sha256")
    basis: str = Field(description="what the story and the route decide; a person's own wishes left out")
    fingerprint: str = Field(description="all that decides the result, wishes and seed included")
    seconds_waited: float = 0.0
    seconds_run: float = 0.0
    gpu_seconds: float = 0.0
    cost_reserved_usd: float = 0.0
    cost_settled_usd: float = 0.0
    node: str = ""
    attempts: int = 1
    job_id: str = ""
    degraded: Degraded | None = None
    verdicts: tuple[VerdictNote, ...] = ()
    details: dict[str, Any] = {}
    made_by: MadeBy = "pipeline"
    made_at: datetime
    run_id: str = ""

    @property
    def key(self) -> ArtifactKey:
        return ArtifactKey(kind=self.stage, scene_id=self.scene_id, format=self.format)

    @property
    def failed_checks(self) -> tuple[VerdictNote, ...]:
        """The checks that a customer would see failing."""
        return tuple(v for v in self.verdicts if not v.passed and v.severity == "error")

    @property
    def warnings(self) -> tuple[VerdictNote, ...]:
        """The checks that are a matter of taste, where they do not hold."""
        return tuple(v for v in self.verdicts if not v.passed and v.severity == "warning")


class Pick(_Value):
    """Which take of an artifact the film uses."""

    take: int
    by: MadeBy
    at: datetime
