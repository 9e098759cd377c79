"""What Dagster shows of a take: its picture, where it lies, who made it, and how good it is.

Dagster's pages show a picture in Markdown only from an http address (data: images and raw HTML are
stripped), so previews come from the media route.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationTargetMaterializationData
from dagster._core.execution.context.system import StepExecutionContext

from ad_pipeline.sessions.records import TakeRecord
from ad_pipeline.sessions.store import Session
from ad_pipeline.settings import Settings
from ad_pipeline.story.storyboard import Storyboard
from ad_pipeline.studio.links import file_url, preview_url

_CELL_CHARACTERS = 90
_MARKDOWN = re.compile(r"[\\`*_{}\[\]<>()#!|~&]")
_ASKS = {
    "bitrate": "Is the bit rate what the channels allow? 비트레이트가 기준 안인가.",
    "black": "Is no stretch black? 검은 화면이 없는가.",
    "brand_fit": "Could it only be this brand? 이 브랜드만의 광고인가.",
    "caption_speed": "Is there time to read the captions? 자막을 읽을 시간이 있는가.",
    "caption_times": "Is each caption inside its scene? 자막이 제 장면 안에 있는가.",
    "claim_safety": "Is nothing claimed that is forbidden or has no source? 금지되거나 근거 없는 표현이 없는가.",
    "claims_reviewed": "What does the reviewer say of its claims? 검토자가 본 표현의 안전성.",
    "clipping": "Does no sample clip? 소리가 깨지지 않는가.",
    "container_length": "Does the file say the same length? 파일에 적힌 길이가 맞는가.",
    "described_loudness": "Is the described version as loud as the ad? 화면 해설판의 음량이 광고와 같은가.",
    "description_apart": "Does the description speak over nobody? 해설이 대사와 겹치지 않는가.",
    "format": "Is it encoded as agreed? 인코딩 형식이 맞는가.",
    "frame_rate": "Constant 24 frames a second? 24 fps로 일정한가.",
    "frozen": "Does no stretch stand still? 멈춘 화면이 없는가.",
    "hook_strength": "Would somebody stop scrolling? 첫 1초에 손이 멈추는가.",
    "emotions_known": "Is every emotion one that is known? 아는 감정인가.",
    "legibility": "Can the words be read at a glance? 한눈에 읽히는가.",
    "length": "Is it as long as it should be? 길이가 맞는가.",
    "loudness": "As loud as its first channel asks, measured on the file? 음량이 첫 채널의 기준에 맞는가.",
    "narration_fits": "Does each narration fit its scene? 내레이션이 장면 안에 들어가는가.",
    "not_empty": "Is there something in the picture? 빈 그림이 아닌가.",
    "reading_speed": "Is there time to hear and read it? 듣고 읽을 시간이 있는가.",
    "silence": "Is no stretch silent that should not be? 뜻밖의 무음이 없는가.",
    "size": "Are its pixels the format's? 픽셀 크기가 맞는가.",
    "text_inside_safe_zone": "Does the text keep clear of the app's own buttons? 글자가 안전 영역 안에 있는가.",
    "tone_match": "Does it sound as the brand wants, 0.85 or more? 브랜드의 말투와 맞는가(0.85 이상).",
    "true_peak": "Is its true peak as low as its channels ask? 트루 피크가 채널의 기준 이하인가.",
    "unchanged": "Is it the clip it was made from, frame by frame? 원본 클립과 같은가.",
    "mouth_moves": "Does the mouth move while somebody speaks? 말하는 동안 입이 움직이는가.",
    "changed_region": "Is what changed no larger than a face? 바뀐 부분이 얼굴 크기를 넘지 않는가.",
    "one_voice": "Has everybody one voice through the ad? 한 사람이 끝까지 한 목소리인가.",
    "outside_region": "Is the rest of the picture as it was? 나머지 화면이 그대로인가.",
    "lips_in_time": "Do lips and voice go together? 입과 목소리가 맞는가.",
    "whole_text": "Is all of the text spoken? 대사를 끝까지 읽었는가.",
    "words_to_avoid": "Are the brand's words to avoid avoided? 금지어가 없는가.",
}
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
    facts["take"] = f"v{record.take}"
    facts |= _told({"format": record.format, "seed": record.seed})
    facts |= {"engine": record.engine, "model": record.model, **_gpu_facts(record)}
    facts |= {
        "seconds": record.seconds_run,
        "cost_usd": record.cost_settled_usd,
        "open": dg.MetadataValue.url(url),
        "path": dg.MetadataValue.path(str(session.path_of(record))),
        "size_mb": round(record.size_bytes / 1e6, 3),
        "licence": record.licence.name,
        "sha256": record.sha256,
    }
    facts |= _told({"graph": record.graph, "graph_version": record.graph_version, "job_id": record.job_id})
    if record.details:
        facts["details"] = dg.MetadataValue.json(record.details)
    return facts


def _gpu_facts(record: TakeRecord) -> Mapping[str, Any]:
    """Where a GPU did the work and how long that waited and ran; zeros are said too, they are answers."""
    if not record.node:
        return _told(
            {"seconds_waited": record.seconds_waited, "attempts": record.attempts if record.attempts > 1 else 0}
        )
    return {
        "node": record.node,
        "gpu": str(record.details.get("gpu", "")) or "?",
        "seconds_waited": record.seconds_waited,
        "gpu_seconds": record.gpu_seconds,
        "model_swaps": record.details.get("model_swaps", 0),
        "attempts": record.attempts,
    }


def _told(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value not in (None, "", 0.0)}


def storyboard_table(storyboard: Storyboard) -> dg.MetadataValue[Any]:
    """The storyboard as a person reads it: a row per scene."""
    rows = [
        (
            scene.id,
            f"{scene.duration_seconds:.2f}\N{NO-BREAK SPACE}s",
            scene.purpose,
            scene.onscreen_text,
            " / ".join(line.text for line in scene.spoken),
            scene.image_prompt,
        )
        for scene in storyboard.scenes
    ]
    return _table(("scene", "length", "purpose", "text 자막", "voice 내레이션", "picture 화면"), rows)


def writers_table(record: TakeRecord) -> Mapping[str, dg.MetadataValue[Any]]:
    """Who wrote a storyboard, role by role, and its review; nothing of one that a writers' room did not write."""
    steps: list[dict[str, Any]] = record.details.get("steps", [])
    if not steps:
        return {}
    wrote = [
        (
            step["role"],
            step["used"] + (" (degraded)" if step["degraded"] else ""),
            f"{step.get('seconds', 0.0):.1f}\N{NO-BREAK SPACE}s",
            str(step.get("input_tokens", 0) + step.get("output_tokens", 0)),
            f"${step.get('cost_usd', 0.0):.4f}",
        )
        for step in steps
    ]
    review: dict[str, dict[str, Any]] = record.details.get("review", {})
    scored = [(name, str(note["score"]), str(note["reason"])) for name, note in review.items()]
    return {
        "writers": _table(("role 역할", "model 모델", "time", "tokens", "cost"), wrote),
        "review": _table(("score 항목", "0–1", "reason 이유"), scored),
    }


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> dg.MetadataValue[Any]:
    lines = [head, ("---",) * len(head), *(tuple(map(_cell, row)) for row in rows)]
    return dg.MetadataValue.md("\n".join(f"| {' | '.join(line)} |" for line in lines))


def _cell(text: str) -> str:
    """Text that stays inside its cell: what Markdown would take for its own is escaped."""
    shown = text if len(text) <= _CELL_CHARACTERS else f"{text[: _CELL_CHARACTERS - 1]}…"
    return _MARKDOWN.sub(r"\\\g<0>", re.sub(r"[ \t\r\n]+", " ", shown.strip()))


def check_description(name: str, others: Sequence[str]) -> str:
    """What a check asks, in English and Korean, with what is measured beside it."""
    return " ".join(_ASKS[asked] for asked in (name, *others))


def _degraded(records: Sequence[TakeRecord]) -> dg.MetadataValue[Any]:
    lines = [
        f"**degraded** {record.format or ''}: wanted `{record.degraded.wanted}`, used `{record.degraded.used}`: "
        f"{record.degraded.why}"
        for record in records
        if record.degraded
    ]
    return dg.MetadataValue.md("\n\n".join(lines))


class _Told(dg.AssetCheckResult):
    """Looks its materialization up once for all checks of a step, where Dagster's own reads it anew each time."""

    def _get_target_materialization_data(
        self, step_context: StepExecutionContext, check_key: dg.AssetCheckKey
    ) -> AssetCheckEvaluationTargetMaterializationData | None:
        if step_context not in _targets:
            _targets[step_context] = super()._get_target_materialization_data(step_context, check_key)
        return _targets[step_context]


_targets: WeakKeyDictionary[StepExecutionContext, AssetCheckEvaluationTargetMaterializationData | None] = (
    WeakKeyDictionary()
)


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
            _Told(
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
