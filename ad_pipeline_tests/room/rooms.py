"""Sessions that a writers' room writes, for tests."""

from __future__ import annotations

import json
from typing import Any

from ad_pipeline.sessions.records import TakeRecord
from ad_pipeline.stages.opening import open_session
from ad_pipeline.stages.session_facts import SessionFacts, facts_of
from ad_pipeline.stages.storyboard import make_storyboard
from ad_pipeline.stages.workplace import Workplace

TEAM_BRIEF: dict[str, Any] = {
    "brand_id": "laneige", "product": "워터 글로우 세럼", "duration": 15, "quality": "standard", "seed": 7,
    "concept": "건조한 사무실에서도 물을 머금은 듯 맑은 피부", "tone": "professional_warm",
    "claims": [{"text": "3일 사용 후 92%가 촉촉함에 만족", "source": "자사 조사 2026, 30명"}],
}  # fmt: skip
ROLES_ASKED = ["strategy", "scene_plan", "copy", "direction", "review"]


def written(workplace: Workplace, **changes: Any) -> tuple[TakeRecord, SessionFacts]:
    """The session `ad` with its storyboard."""
    text = json.dumps(TEAM_BRIEF | changes, ensure_ascii=False)
    open_session(workplace, "ad", text, folder=workplace.store.root)
    return make_storyboard(workplace, "ad"), facts_of(workplace, "ad")


def used_by_role(record: TakeRecord) -> dict[str, str]:
    return {step["role"]: step["used"] for step in record.details["steps"]}
