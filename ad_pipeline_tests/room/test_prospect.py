"""What an ad will likely take: who, for how much, in how long."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from typing import Any

import pytest

from ad_pipeline.routing.catalogue import models
from ad_pipeline.routing.route import decide
from ad_pipeline.sessions.keys import ArtifactKey
from ad_pipeline.sessions.store import Session
from ad_pipeline.stages.opening import open_session
from ad_pipeline.stages.prospect import Prospect, prospects, seconds_taken
from ad_pipeline.stages.session_facts import STORYBOARD, SessionFacts, facts_of
from ad_pipeline.stages.storyboard import make_storyboard
from ad_pipeline.stages.workplace import Workplace
from ad_pipeline_tests.language.behaviour import BAD_JSON
from ad_pipeline_tests.room.conftest import Placed
from ad_pipeline_tests.room.writers import writing
from ad_pipeline_tests.sessions.writing import commit
from ad_pipeline_tests.stages.sessions import brief_text, open_ad

pytestmark = pytest.mark.slow


def _told(workplace: Workplace, **brief: Any) -> tuple[SessionFacts, list[Prospect]]:
    """The prospects of a brief whose storyboard is written in another quality, which takes no model."""
    open_ad(workplace, formats=brief.get("formats", ["9:16"]))
    open_session(workplace, "ad", brief_text(**brief), folder=workplace.store.root)
    facts = facts_of(workplace, "ad")
    return facts, prospects(workplace, facts)


def _of(found: Sequence[Prospect], stage: str) -> list[Prospect]:
    return [one for one in found if one.stage == stage]


def test_a_draft_costs_nothing_and_its_times_are_known(placed: Placed) -> None:
    _, found = _told(placed())

    assert [one.stage for one in found] == [
        "storyboard", "key_image", "motion_clip", "voice", "lipsync", "sfx", "music", "final_mp4",
    ]  # fmt: skip
    assert sum(one.cost_usd for one in found) == 0
    assert all(one.seconds is not None and one.why_not_ready is None for one in found)


@pytest.mark.parametrize("formats", [["9:16"], ["9:16", "1:1", "16:9"]])
def test_a_picture_is_paid_for_once_in_each_format_and_a_voice_once(placed: Placed, formats: list[str]) -> None:
    facts, found = _told(placed(), quality="premium", engine_preference="cloud", formats=formats, budget_usd=50)
    paid = [one for one in _of(found, "key_image") if one.cost_usd]
    characters = sum(len(scene.narration) for scene in facts.storyboard.scenes)

    assert paid, "no picture costs anything: ask for others"
    for one in paid:
        assert one.cost_usd == pytest.approx(models()[one.model_id].cost_usd * one.pieces, abs=0.001)
    for one in _of(found, "voice"):
        assert one.cost_usd == pytest.approx(models()[one.model_id].cost_usd * characters / 1000, abs=0.001)
    assert sum(one.pieces for one in _of(found, "key_image")) == 2 * len(formats)
    assert sum(one.pieces for one in _of(found, "voice")) == 2


def test_each_role_of_a_hybrid_ad_has_its_own_price(placed: Placed) -> None:
    with writing() as local, writing() as cloud:
        facts, found = _told(
            placed(local=local, cloud=cloud), quality="standard", engine_preference="hybrid", budget_usd=5
        )

    roles = {one.stage: one for one in found[:6]}
    assert list(roles) == ["strategy", "scene_plan", "copy", "copy_polish", "direction", "review"]
    assert not _of(found, "storyboard")
    assert [roles[name].cost_usd > 0 for name in roles] == [True, False, False, True, False, True]
    assert sum(one.cost_usd for one in roles.values()) == pytest.approx(
        decide("storyboard", brief=facts.brief).cost_usd, abs=0.0006
    )
    assert not _asked(local) and not _asked(cloud), "a prospect asks no model"


def _asked(server: Any) -> list[Any]:
    return list(server.asked)


def test_scenes_of_one_route_stand_together_and_others_apart(placed: Placed) -> None:
    workplace = placed()
    open_ad(workplace)
    facts = facts_of(workplace, "ad")
    board = facts.storyboard
    other = board.scenes[0].model_copy(update={"engines": {"key_image": "comfyui/sdxl_brand"}})
    facts.__dict__["storyboard"] = board.with_scene(other)

    pictures = _of(prospects(workplace, facts), "key_image")

    assert [(one.model_id, one.pieces) for one in pictures] == [("comfyui/sdxl_brand", 1), ("animatic/compositor", 1)]
    assert pictures[0].seconds is None and pictures[0].why_not_ready
    assert str(pictures[0].decision.reason) == "the storyboard names it"


def _take(session: Session, seconds: float, **changes: Any) -> None:
    key = ArtifactKey(kind="key_image", scene_id="scene_001", format="9:16")
    commit(session, key, f"{seconds}", seconds_run=seconds, **changes)


def test_times_are_what_the_same_model_took_here_before(placed: Placed) -> None:
    workplace = placed()
    open_ad(workplace)
    for name, seconds in (("one", 40.0), ("two", 2.0), ("three", 50.0)):
        _take(workplace.session(name), seconds)

    (pictures,) = _of(prospects(workplace, facts_of(workplace, "ad")), "key_image")

    assert pictures.seconds == 2 * 40.0


def test_what_nobody_worked_on_tells_no_time(placed: Placed) -> None:
    workplace = placed()
    _take(workplace.session("one"), 9.0)
    _take(workplace.session("one"), 0.0)
    source = workplace.session("one")
    record = source.takes(ArtifactKey(kind="key_image", scene_id="scene_001", format="9:16"))[0]
    for name in ("two", "three"):
        workplace.session(name).take_over(record, source)
    _take(workplace.session("one"), 3.0)

    assert seconds_taken(workplace.store)["key_image", "animatic/compositor"] == 6.0


def test_a_broken_record_tells_no_time_and_stops_nothing(placed: Placed) -> None:
    workplace = placed()
    open_ad(workplace)
    _take(workplace.session("one"), 9.0)
    _take(workplace.session("two"), 5.0)
    (workplace.session("one").folder / "records" / "key_image.v9.json").write_text("{", encoding="utf-8")

    assert seconds_taken(workplace.store)["key_image", "animatic/compositor"] == 5.0


def test_roles_take_as_long_as_they_took(placed: Placed) -> None:
    with writing() as server:
        workplace = placed(local=server)
        open_session(workplace, "ad", brief_text(quality="standard", brand_id="laneige", product="세럼", duration=12),
                     folder=workplace.store.root)  # fmt: skip
        record = make_storyboard(workplace, "ad")
    steps = {step["role"]: step for step in record.details["steps"]}

    found = {one.stage: one.seconds for one in prospects(workplace, facts_of(workplace, "ad"))}

    assert found["strategy"] == pytest.approx(steps["strategy"]["seconds"], abs=0.006)
    assert found["copy_polish"] == 0.0
    assert found["motion_clip"] is None


def test_a_model_that_said_nothing_usable_tells_no_time(placed: Placed) -> None:
    with writing() as server:
        server.behave([BAD_JSON] * 99)
        workplace = placed(local=server)
        open_ad(workplace, quality="standard")

    assert ("strategy", "ollama/qwen2.5-7b") not in seconds_taken(workplace.store)


def test_a_hundred_sessions_are_read_quickly(placed: Placed) -> None:
    workplace = placed()
    open_ad(workplace)
    for number in range(10):
        _take(workplace.session("ad"), 1.0 + number)
    for number in range(100):
        shutil.copytree(workplace.session("ad").folder, workplace.store.root / f"copy_{number}", symlinks=True)
    facts = facts_of(workplace, "ad")
    assert facts.session.picked(STORYBOARD)
    prospects(workplace, facts)

    took_s: list[float] = []
    for _ in range(5):
        began_s = time.perf_counter()
        prospects(workplace, facts)
        took_s.append(time.perf_counter() - began_s)

    assert min(took_s) < 0.05


def test_formats_that_a_hand_added_are_counted_and_paid_for(placed: Placed) -> None:
    facts, before = _told(placed(), quality="premium", engine_preference="cloud", budget_usd=50)
    facts.__dict__["storyboard"] = facts.storyboard.model_copy(update={"formats": ("9:16", "1:1")})

    after = prospects(placed(), facts)

    pieces = [sum(one.pieces for one in _of(found, "key_image")) for found in (before, after)]
    costs = [sum(one.cost_usd for one in _of(found, "key_image")) for found in (before, after)]
    assert pieces == [2, 4]
    assert costs[0] > 0 and costs[1] == pytest.approx(2 * costs[0], abs=0.001)
