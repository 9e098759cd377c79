"""What Dagster knows a take by. Without Dagster, for those who only compare."""

from __future__ import annotations

from collections.abc import Sequence

from ad_pipeline.sessions.fingerprint import fingerprint
from ad_pipeline.sessions.records import TakeRecord


def data_version_of(records: Sequence[TakeRecord]) -> str:
    """The sha256 of the file; of all formats' files together when there are several."""
    return records[0].sha256 if len(records) == 1 else fingerprint(files=[record.sha256 for record in records])
