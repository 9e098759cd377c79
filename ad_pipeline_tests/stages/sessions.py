"""Sessions that tests begin with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ad_pipeline.ledger.ledger import Ledger
from ad_pipeline.sessions.store import SessionStore
from ad_pipeline.stages.opening import open_session
from ad_pipeline.stages.storyboard import make_storyboard
from ad_pipeline.stages.workplace import Workplace


def a_workplace(root: Path, **changes: Any) -> Workplace:
    """The tools of one run, under `root`."""
    return Workplace(store=SessionStore(root), ledger=Ledger(root / "ledger.sqlite"), **changes)


def brief_text(**changes: Any) -> str:
    """A short brief as a file holds it."""
    values: dict[str, Any] = {
        "brand_id": "etude",
        "product": "체리 립 틴트",
        "duration": 6,
        "concept": "젤리처럼 톡 튀는 입술",
        "channels": ["tiktok"],
        "scene_count": 2,
        "seed": 3,
    }
    return json.dumps(values | changes, ensure_ascii=False)


def open_ad(workplace: Workplace, session_id: str = "ad", **changes: Any) -> str:
    """A session with its storyboard; nothing else is made."""
    open_session(workplace, session_id, brief_text(**changes), folder=workplace.store.root)
    make_storyboard(workplace, session_id)
    return session_id
