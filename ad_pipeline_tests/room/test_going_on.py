"""Going on after a stop, a hang, another prompt or a better writer: nobody is asked twice for the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ad_pipeline.errors import Cancelled
from ad_pipeline.stages.key_image import make_key_images
from ad_pipeline.stages.progress import finished
from ad_pipeline.stages.session_facts import facts_of
from ad_pipeline.stages.storyboard import make_storyboard
from ad_pipeline.stages.voice import make_voice
from ad_pipeline.stages.workplace import StepReport, Wishes
from ad_pipeline_tests.language.behaviour import BAD_JSON, HANGS
from ad_pipeline_tests.language.dialects import Asked
from ad_pipeline_tests.room.conftest import Placed
from ad_pipeline_tests.room.rooms import ROLES_ASKED, used_by_role, written
from ad_pipeline_tests.room.writers import copy_in, role_of, writing

pytestmark = pytest.mark.slow


def test_what_was_answered_before_a_stop_is_not_asked_again(placed: Placed, reports: list[StepReport]) -> None:
    with writing() as server:
        first = placed(local=server, should_stop=lambda: any("review" in report.note for report in reports))
        server.behave([])
        with pytest.raises(Cancelled):
            written(first)
        before = [role_of(asked) for asked in server.asked]
        record = make_storyboard(placed(local=server), "ad")
        after = [role_of(asked) for asked in server.asked][len(before) :]

    assert set(before) >= {"strategy", "scene_plan", "copy", "direction"}
    assert after == ["review"]
    assert [step["role"] for step in record.details["steps"] if step.get("kept")] == [*ROLES_ASKED[:3], "direction"]
    assert not first.session("ad").shelf("writers_room").exists()


def test_a_server_that_hangs_is_left_for_the_next_of_the_route(placed: Placed) -> None:
    with writing() as local, writing() as cloud:
        workplace = placed(local=local, cloud=cloud)
        local.behave([BAD_JSON] * 3)
        record, _ = written(workplace, budget_usd=1.0)

    assert used_by_role(record)["strategy"] == "openai/gpt-6.1-sol"
    assert used_by_role(record)["copy"] == "ollama/qwen2.5-7b"
    assert record.degraded


def test_a_stop_ends_a_hanging_question_at_once(placed: Placed, reports: list[StepReport]) -> None:
    with writing() as server:
        server.behave([HANGS])
        workplace = placed(local=server, should_stop=lambda: len(server.asked) > 0)

        with pytest.raises(Cancelled):
            written(workplace)


def test_another_prompt_makes_another_storyboard_but_no_edit_is_lost(
    placed: Placed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "prompts"
    own.mkdir()
    with writing() as server:
        workplace = placed(local=server)
        first, _ = written(workplace)
        (own / "copywriter.ko.md").write_text(
            "목소리가 하는 말과 화면에 쓰는 말을 씁니다. 말투: $tone", encoding="utf-8"
        )
        monkeypatch.setenv("AD_PIPELINE_PROMPTS", str(own))
        second = make_storyboard(workplace, "ad")
        asked = [a.system for a in server.asked if role_of(a) == "copy"]
        plain = workplace.session("ad").folder / "storyboard.json"
        plain.write_text(plain.read_text(encoding="utf-8").replace("마른 오후", "메마른 오후"), encoding="utf-8")
        edited = make_storyboard(workplace, "ad")
        (own / "copywriter.ko.md").write_text("목소리가 하는 말과 그리고 다른 말을 씁니다.", encoding="utf-8")
        kept = make_storyboard(workplace, "ad")
        anew = make_storyboard(workplace, "ad", Wishes(reuse=False))

    assert (first.take, second.take, edited.take, kept.take, anew.take) == (1, 2, 3, 3, 4)
    assert asked[1].startswith("목소리가 하는 말과 화면에 쓰는 말을 씁니다. 말투: professional_warm")


def test_the_same_brief_and_models_ask_nothing_again(placed: Placed) -> None:
    with writing() as server:
        workplace = placed(local=server)
        first, _ = written(workplace)
        before = len(server.requests)

        assert make_storyboard(workplace, "ad") == first
        assert len(server.requests) == before


def test_an_upgrade_asks_nobody_while_the_one_who_was_missed_is_missing_still(placed: Placed) -> None:
    with writing() as server:
        workplace = placed(local=server)
        first, _ = written(workplace, engine_preference="hybrid")
        before = len(server.requests)

        again = make_storyboard(workplace, "ad", Wishes(upgrade=True))

        assert len(server.requests) == before
    assert first.degraded and "OPENAI_API_KEY" in first.degraded.why
    assert again == first


def test_an_upgrade_takes_the_better_writer_when_it_is_there(placed: Placed) -> None:
    with writing() as server, writing() as cloud:
        written(placed(local=server), engine_preference="hybrid")

        better = make_storyboard(placed(local=server, cloud=cloud), "ad", Wishes(upgrade=True))

    assert (better.take, better.degraded) == (2, None)


def test_another_prompt_makes_no_picture_of_an_unchanged_scene_anew(
    placed: Placed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "prompts"
    own.mkdir()
    changed = _spoiled_narration(2)
    with writing(
        {"copy": lambda asked: changed(asked) if "새 방식" in asked.system else copy_in("ko")(asked)}
    ) as server:
        workplace = placed(local=server)
        written(workplace)
        before = [make_key_images(workplace, "ad", scene)[0] for scene in ("scene_001", "scene_002")]
        voices = [make_voice(workplace, "ad", scene) for scene in ("scene_001", "scene_002")]
        told = "목소리가 하는 말과 화면에 쓰는 말을 씁니다. 새 방식으로. $tone"
        (own / "copywriter.ko.md").write_text(told, encoding="utf-8")
        monkeypatch.setenv("AD_PIPELINE_PROMPTS", str(own))
        record = make_storyboard(workplace, "ad")
        done = finished(workplace, "ad").scenes

    assert record.take == 2
    assert [done[scene].get("key_image") for scene in ("scene_001", "scene_002")] == [(before[0],), (before[1],)]
    assert done["scene_001"].get("voice") == (voices[0],)
    assert "voice" not in done["scene_002"]


def _spoiled_narration(scene: int) -> Any:
    def copy(asked: Asked) -> dict[str, Any]:
        told = copy_in("ko")(asked)
        told["scenes"][scene - 1]["narration"] = "숨을 한 번, 천천히."
        return told

    return copy


def test_a_team_s_storyboard_stays_where_a_prompt_changed_and_no_model_answers(
    placed: Placed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "prompts"
    own.mkdir()
    with writing() as server:
        first, facts = written(placed(local=server))
        words = facts.storyboard
    (own / "copywriter.ko.md").write_text("목소리가 하는 말과 다른 말을 씁니다. $tone", encoding="utf-8")
    monkeypatch.setenv("AD_PIPELINE_PROMPTS", str(own))
    alone = placed()

    kept = make_storyboard(alone, "ad")

    assert facts_of(alone, "ad").storyboard == words
    assert (first.take, kept.take, kept.engine, kept.model) == (1, 2, "room", "qwen2.5-7b")
    assert kept.degraded and "the storyboard that is there stays" in kept.degraded.why
    assert make_storyboard(alone, "ad") == kept
    with writing() as server:
        better = make_storyboard(placed(local=server), "ad", Wishes(upgrade=True))
    assert (better.take, better.degraded) == (3, None)


def test_a_changed_brief_is_written_anew_also_without_a_model(placed: Placed) -> None:
    with writing() as server:
        written(placed(local=server))

    record, facts = written(placed(), concept="비 온 뒤의 아침")

    assert (record.take, record.engine) == (2, "animatic")
    assert record.degraded
