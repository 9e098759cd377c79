"""Small ads with a storyboard by hand, whose voices a server of the tests speaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ad_pipeline.ledger.ledger import Ledger
from ad_pipeline.sessions.records import TakeRecord
from ad_pipeline.sessions.store import SessionStore
from ad_pipeline.stages.opening import open_session
from ad_pipeline.stages.session_facts import facts_of
from ad_pipeline.stages.storyboard import keep_edit
from ad_pipeline.stages.voice import make_voice
from ad_pipeline.stages.workplace import Wishes, Workplace
from ad_pipeline.story.storyboard import Storyboard
from ad_pipeline_tests.stages.sessions import brief_text

_KIT = """
brand_id: nameless
name: Nameless
palette:
  {background: "#FFE9F0", surface: "#FFFFFF", primary: "#C2185B", accent: "#FF8FB3", text: "#5A1033"}
"""


def a_studio(root: Path, *, kit: str = "", **changes: Any) -> Workplace:
    """A workplace with a brand of its own; `kit` is more of its YAML."""
    brands = root / "brands"
    brands.mkdir(parents=True, exist_ok=True)
    (brands / "nameless.yaml").write_text(_KIT + kit, encoding="utf-8")
    return Workplace(
        store=SessionStore(root / "root"), ledger=Ledger(root / "ledger.sqlite"), brands=(str(brands),),
        first_pause_s=0.0, **changes,
    )  # fmt: skip


def an_ad(
    workplace: Workplace, *scenes: str | Sequence[Mapping[str, str]], session_id: str = "ad", seconds: float = 3.0,
    persona: str = "friendly_expert", more: Mapping[int, Mapping[str, Any]] | None = None, **brief: Any,
) -> None:  # fmt: skip
    """An English ad at premium quality whose scenes say that, `seconds` each; `more` are further fields by scene."""
    given: dict[str, Any] = {"language": "en", "quality": "premium"} | brief
    text = brief_text(brand_id="nameless", duration=seconds * len(scenes), scene_count=len(scenes), **given)
    open_session(workplace, session_id, text, folder=workplace.store.root)
    put_board(workplace, *scenes, session_id=session_id, seconds=seconds, persona=persona, more=more)


def put_board(
    workplace: Workplace, *scenes: str | Sequence[Mapping[str, str]], session_id: str = "ad", seconds: float = 3.0,
    persona: str = "friendly_expert", more: Mapping[int, Mapping[str, Any]] | None = None,
) -> None:  # fmt: skip
    """The storyboard as a person writes it."""
    facts = facts_of(workplace, session_id)
    rows = [
        {"id": f"scene_{n:03}", "duration_seconds": seconds}
        | ({"narration": said} if isinstance(said, str) else {"lines": list(said)})
        | dict((more or {}).get(n, {}))
        for n, said in enumerate(scenes, 1)
    ]
    language = facts.brief.story_language
    board = Storyboard.model_validate(
        {"title": "Ad", "duration_seconds": seconds * len(scenes), "language": language, "persona": persona,
         "seed": facts.brief.seed, "scenes": rows}
    )  # fmt: skip
    keep_edit(workplace, facts, board, what={})


def voiced(workplace: Workplace, number: int = 1, *, session_id: str = "ad", **wishes: Any) -> TakeRecord:
    return make_voice(workplace, session_id, f"scene_{number:03}", Wishes(**wishes))
