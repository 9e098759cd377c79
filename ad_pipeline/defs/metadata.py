"""What Dagster shows of a take: its picture, where it lies, who made it, and how good it is.

Dagster's pages show a picture in Markdown only from an http address (data: images and raw HTML are
stripped), so previews come from the media route.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from ad_pipeline.sessions.records import TakeRecord
from ad_pipeline.sessions.store import Session
from ad_pipeline.settings import Settings
from ad_pipeline.studio.links import file_url, preview_url

_PICTURED = {"key_image", "motion_clip", "lipsync", "voice", "sfx", "final_mp4"}


def metadata_of(records: Sequence[TakeRecord], session: Session, settings: Settings) -> dict[str, Any]:
    """The metadata of one materialization; the main format's facts first, others under their format's name."""
    found: dict[str, Any] = {}
    for place, record in enumerate(records):
        prefix = "" if place == 0 else f"{record.format} "
        found |= {f"{prefix}{name}": value for name, value in _facts(record, session, settings).items()}
    if any(record.degraded for record in records):
        found = {"degraded": _degraded(records), **found}
    return found


def _facts(record: TakeRecord, session: Session, settings: Settings) -> Mapping[str, Any]:
    url = file_url(settings.media_url, session.session_id, record.path)
    facts: dict[str, Any] = {}
    if record.stage in _PICTURED:
        picture = preview_url(settings.media_url, session.session_id, record)
        facts["preview"] = dg.MetadataValue.md(f"[![preview]({picture})]({url})")
    facts |= {
        "take": f"v{record.take}",
        "path": dg.MetadataValue.path(str(session.path_of(record))),
        "open": dg.MetadataValue.url(url),
        "sha256": record.sha256,
        "seconds": record.seconds_run,
        "engine": record.engine,
        "model": record.model,
        "licence": record.licence.name,
        "cost_usd": record.cost_settled_usd,
        "size_mb": round(record.size_bytes / 1e6, 3),
    }
    optional = {"format": record.format, "seed": record.seed, "node": record.node, "graph": record.graph}
    optional |= {
        "graph_version": record.graph_version,
        "seconds_waited": record.seconds_waited,
        "job_id": record.job_id,
    }
    facts |= {name: value for name, value in optional.items() if value not in (None, "", 0.0)}
    if record.attempts > 1:
        facts["attempts"] = record.attempts
    if record.details:
        facts["details"] = dg.MetadataValue.json(record.details)
    return facts


def _degraded(records: Sequence[TakeRecord]) -> dg.MetadataValue[Any]:
    lines = [
        f"**degraded** {record.format or ''}: wanted `{record.degraded.wanted}`, used `{record.degraded.used}`: "
        f"{record.degraded.why}"
        for record in records
        if record.degraded
    ]
    return dg.MetadataValue.md("\n\n".join(lines))


def check_results(records: Sequence[TakeRecord], checks: Mapping[str, Sequence[str]]) -> list[dg.AssetCheckResult]:
    """The records' verdicts as asset checks; a check holds when all its verdicts hold in every format."""
    results: list[dg.AssetCheckResult] = []
    for name, others in checks.items():
        found = [(r, v) for r in records for v in r.verdicts if v.name == name or v.name in others]
        if not found:
            continue
        failed = [verdict for _, verdict in found if not verdict.passed]
        severe = not failed or any(verdict.severity == "error" for verdict in failed)
        results.append(
            dg.AssetCheckResult(
                check_name=name,
                passed=not failed,
                severity=dg.AssetCheckSeverity.ERROR if severe else dg.AssetCheckSeverity.WARN,
                description="; ".join(dict.fromkeys(verdict.note for verdict in failed if verdict.note)) or None,
                metadata={
                    f"{record.format} {verdict.name}" if len(records) > 1 else verdict.name: (
                        f"{verdict.measured} (limit {verdict.limit})"
                    )
                    for record, verdict in found
                },
            )
        )
    return results
