"""The writers' room against a server that plays its models: who is asked, what comes of it, what is said of it."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import pytest

from ad_pipeline.engines.contracts import Written
from ad_pipeline.errors import BriefRejected, InputRejected
from ad_pipeline.messages import Message
from ad_pipeline.stages.storyboard import make_storyboard
from ad_pipeline.stages.workplace import StepReport
from ad_pipeline.story.personas import personas
from ad_pipeline.story.room.answers import BriefNotes, Copy, Direction, Review, ScenePlan, Strategy
from ad_pipeline.story.speaking import fits
from ad_pipeline_tests.language.dialects import Asked
from ad_pipeline_tests.language.guard import only_loopback
from ad_pipeline_tests.room.conftest import Placed
from ad_pipeline_tests.room.rooms import ROLES_ASKED, used_by_role, written
from ad_pipeline_tests.room.writers import copy_in, direction, plan, review, role_of, writing

pytestmark = pytest.mark.slow


def test_a_team_of_local_models_writes_a_storyboard(placed: Placed) -> None:
    with writing() as server:
        record, facts = written(placed(local=server))
        roles = [role_of(asked) for asked in server.asked]

    board = facts.storyboard
    assert roles == ROLES_ASKED
    assert (record.engine, record.model, record.degraded) == ("room", "qwen2.5-7b", None)
    assert (record.licence.name, record.licence.paid_ads) == ("Apache-2.0", "yes")
    assert board.title == "오후의 한 방울"
    assert [scene.purpose for scene in board.scenes] == ["hook", "problem", "solution", "story", "cta"]
    assert sum(board.scene_frames) == 15 * 24
    assert all(fits(scene.narration, scene.duration_seconds, "ko") for scene in board.scenes)
    assert "워터 글로우 세럼" in board.scenes[2].narration
    assert record.details["review"]["tone_match"] == {"score": 0.92, "reason": "scene 2 sounds like them"}
    assert {v.name: v.passed for v in record.verdicts}["tone_match"] is True


def test_all_scenes_share_one_look_and_the_product_is_described_alike(placed: Placed) -> None:
    with writing() as server:
        _, facts = written(placed(local=server))

    prompts = [scene.image_prompt for scene in facts.storyboard.scenes]
    assert all("soft morning light, pale blue palette, clean glass" in prompt for prompt in prompts)
    assert all(
        ("glass dropper bottle of 워터 글로우 세럼" in prompt) == (at in (2, 4)) for at, prompt in enumerate(prompts)
    )
    assert len(set(prompts)) == 5
    assert facts.storyboard.metadata.brand_colors == facts.kit.palette.colours


def test_the_same_person_stands_in_every_scene_that_shows_one(placed: Placed) -> None:
    def with_faces(asked: Asked) -> dict[str, Any]:
        told = direction(asked)
        told["scenes"][1]["shot"] = "she looks up from her desk"
        told["scenes"][3]["shot"] = "her hand on the glass"
        return told

    with writing({"direction": with_faces}) as server:
        _, facts = written(placed(local=server))

    shown = ["a woman in her late twenties" in scene.image_prompt for scene in facts.storyboard.scenes]
    assert shown == [False, True, False, True, False]


def test_strategy_polish_and_review_go_to_the_cloud_where_the_brief_wants_both(placed: Placed) -> None:
    with writing() as local, writing() as cloud:
        workplace = placed(local=local, cloud=cloud)
        record, _ = written(workplace, engine_preference="hybrid", budget_usd=1.0)
        here, there = [role_of(a) for a in local.asked], [(role_of(a), a.dialect) for a in cloud.asked]

    assert here == ["scene_plan", "copy", "direction"]
    assert there == [("strategy", "openai"), ("copy_polish", "anthropic"), ("review", "openai")]
    assert used_by_role(record) == {
        "strategy": "openai/gpt-6.1-sol", "scene_plan": "ollama/qwen2.5-7b", "copy": "ollama/qwen2.5-7b",
        "copy_polish": "anthropic/claude", "direction": "ollama/qwen2.5-7b", "review": "openai/gpt-6.1-terra",
    }  # fmt: skip
    assert record.degraded is None
    assert set(record.licence.name.split(", ")) == {"OpenAI terms", "Apache-2.0", "Anthropic terms"}


def test_what_the_clouds_took_is_in_the_ledger_and_the_record(placed: Placed) -> None:
    with writing() as local, writing() as cloud:
        workplace = placed(local=local, cloud=cloud)
        record, _ = written(workplace, engine_preference="hybrid", budget_usd=1.0)

    spent = workplace.ledger.spent("ad")
    steps = {step["role"]: step.get("cost_usd", 0.0) for step in record.details["steps"]}
    assert steps["strategy"] > 0 and steps["copy_polish"] > 0 and steps["review"] > 0 == steps["scene_plan"]
    assert spent.reserved_usd == 0
    assert spent.settled_usd == pytest.approx(sum(steps.values()), abs=2e-6)
    assert record.cost_settled_usd == pytest.approx(spent.settled_usd, abs=2e-6)


def test_a_budget_that_covers_no_cloud_keeps_the_work_here_and_says_so(placed: Placed) -> None:
    with writing() as local, writing() as cloud:
        record, _ = written(placed(local=local, cloud=cloud), engine_preference="hybrid", budget_usd=0.0001)

        assert cloud.asked == []
    assert used_by_role(record)["strategy"] == "ollama/qwen2.5-7b"
    assert record.degraded and "raise 'budget_usd'" in record.degraded.why


def test_a_budget_of_nothing_with_cloud_is_refused_before_any_call(placed: Placed) -> None:
    with writing() as server, pytest.raises(BriefRejected, match="'budget_usd': it is 0"):
        written(placed(local=server, cloud=server), engine_preference="cloud", budget_usd=0)

    assert server.requests == []


def test_local_never_sends_a_byte_to_a_cloud(placed: Placed) -> None:
    with writing() as local, writing() as cloud, only_loopback() as tried:
        record, _ = written(placed(local=local, cloud=cloud), engine_preference="local", quality="premium")

        assert cloud.requests == []
    assert tried == []
    assert {*used_by_role(record).values()} == {"ollama/qwen2.5-7b", "room/as-drafted"}


def test_local_goes_without_a_model_rather_than_to_a_cloud(placed: Placed) -> None:
    with writing() as cloud, only_loopback() as tried:
        record, _ = written(placed(cloud=cloud), engine_preference="local", quality="premium")

        assert cloud.requests == []
    assert tried == []
    assert record.degraded and record.degraded.used == "animatic/template-writer"


def test_the_writer_rewrites_until_the_tone_is_right(placed: Placed) -> None:
    with writing({"copy": _other_each_time(), "review": review(0.7, 0.8, 0.9)}) as server:
        record, facts = written(placed(local=server))
        again = [asked.text for asked in server.asked if role_of(asked) == "copy"][1:]

    assert [version["tone_match"] for version in record.details["versions"]] == [0.7, 0.8, 0.9]
    assert facts.storyboard.scenes[0].onscreen_text == "말 3"
    assert len(again) == 2 and all("scene 2: warmer" in text and "tone match 0." in text for text in again)


def test_after_two_rewrites_the_best_version_wins_and_its_score_is_a_failed_check(placed: Placed) -> None:
    with writing({"copy": _other_each_time(), "review": review(0.8, 0.6, 0.7)}) as server:
        record, facts = written(placed(local=server))

        assert [role_of(a) for a in server.asked].count("copy") == 3
    assert facts.storyboard.scenes[0].onscreen_text == "말 1"
    verdict = next(v for v in record.verdicts if v.name == "tone_match")
    assert (verdict.passed, verdict.severity) == (False, "warning")
    assert verdict.measured.startswith("0.80: ")


def test_no_score_is_kinder_than_what_is_measured(placed: Placed) -> None:
    wordy = "하루종일 마른바람속에서도 맑은얼굴로 웃는나를위한 시간"

    def quiet_but_wordy(asked: Asked) -> dict[str, Any]:
        told = copy_in("ko")(asked)
        for line in told["scenes"]:
            line["narration"] = ""
        told["scenes"][0]["onscreen_text"], told["scenes"][4]["onscreen_text"] = wordy, "라네즈"
        return told

    with writing({"copy": quiet_but_wordy, "review": review(0.95)}) as server:
        record, facts = written(placed(local=server), duration=6, claims=[], scene_count=5)

    assert facts.storyboard.scenes[0].onscreen_text == wordy
    speed = record.details["review"]["reading_speed"]
    assert speed["score"] < 0.9
    assert speed["reason"].startswith("measured: at most") and "scene 1 is reading_speed" in speed["reason"]


def test_without_any_model_the_template_writer_writes_and_the_score_is_not_run(placed: Placed) -> None:
    record, facts = written(placed())

    assert record.degraded
    assert (record.degraded.wanted, record.degraded.used) == ("room/writers", "animatic/template-writer")
    assert "ollama serve" in record.degraded.why
    assert not any(v.name == "tone_match" for v in record.verdicts)
    assert len(facts.storyboard.scenes) == 5


def test_a_reviewer_who_fails_leaves_no_number(placed: Placed) -> None:
    with writing({"review": "I will not."}) as server:
        record, facts = written(placed(local=server))

    assert {note["score"] for note in record.details["review"].values()} == {"not run"}
    assert record.degraded and "review by room/not-reviewed instead of ollama/qwen2.5-7b" in record.degraded.why
    assert facts.storyboard.scenes[0].onscreen_text == "마른 오후"


def test_a_plan_that_is_no_plan_is_ours_and_the_model_writes_for_it(placed: Placed) -> None:
    with writing({"scene_plan": "no"}) as server:
        record, facts = written(placed(local=server))

    board = facts.storyboard
    assert used_by_role(record)["scene_plan"] == "animatic/template-writer"
    assert board.scenes[0].narration == "오후 세 시, 마음도 마르죠."
    assert board.scenes[-1].purpose == "cta"
    assert record.degraded and record.degraded.used == "room/qwen2.5-7b + template-writer"


def test_pictures_that_nobody_directed_are_our_own_writers(placed: Placed) -> None:
    with writing({"direction": "no"}) as server:
        record, facts = written(placed(local=server))

    assert used_by_role(record)["direction"] == "animatic/template-writer"
    assert "Laneige brand look" in facts.storyboard.scenes[2].image_prompt
    assert facts.storyboard.scenes[2].narration == "워터 글로우 세럼, 물처럼 맑게."


def _other_each_time() -> Any:
    written_before: list[int] = []

    def copy(asked: Asked) -> dict[str, Any]:
        written_before.append(1)
        told = copy_in("ko")(asked)
        told["scenes"][0]["onscreen_text"] = f"말 {len(written_before)}"
        return told

    return copy


def test_every_scene_is_told_the_moment_it_is_decided(placed: Placed, reports: list[StepReport]) -> None:
    with writing() as server:
        written(placed(local=server))

    news = [report.written for report in reports if report.written]
    told = [(one.role, one.scene) for one in news]
    assert told == [(role, scene) for role in ("scene_plan", "copy", "direction") for scene in range(1, 6)]
    assert news[5] == Written(
        role="copy", scene=1, decided={"narration": "오후 세 시, 마음도 마르죠.", "onscreen_text": "마른 오후"}
    )


@pytest.mark.parametrize("brand_id", ["sulwhasoo", "hera"])
def test_english_ads_are_asked_for_in_english(placed: Placed, brand_id: str) -> None:
    with writing(language="en") as server:
        record, facts = written(
            placed(local=server), brand_id=brand_id, product="Dew Serum", concept="morning after rain", language="en",
            claims=[], duration=20,
        )  # fmt: skip
        systems = [asked.system for asked in server.asked]

    assert all("Answer" in text or "Write" in text for text in systems)
    assert record.degraded is None, record.degraded
    assert facts.storyboard.scenes[0].narration == "Three o'clock again."


def test_the_director_hears_how_each_scenes_image_model_wants_its_prompt(placed: Placed) -> None:
    with writing() as server:
        written(placed(local=server), quality="premium", engine_preference="local")
        asked = next(asked for asked in server.asked if role_of(asked) == "direction")

    assert "30 to 80 words" in asked.system  # Z-Image, which draws most scenes
    rows = asked.text.split("SCENES", 1)[1].splitlines()[1:]
    assert [("write this shot otherwise" in row) for row in rows] == [False] * 5

    with writing() as server:
        workplace = placed(local=server, cloud=server)
        written(workplace, quality="premium", budget_usd=5.0, seed=8)
        asked = next(asked for asked in server.asked if role_of(asked) == "direction")

    rows = asked.text.split("SCENES", 1)[1].splitlines()[1:]
    assert ["as for an art director" in row for row in rows] == [False, False, False, False, True]


def test_a_speaker_on_camera_looks_like_the_persona(placed: Placed) -> None:
    def speaking(asked: Asked) -> dict[str, Any]:
        told = plan(asked)
        told["scenes"][1]["speaker_on_camera"] = True
        return told

    with writing({"scene_plan": speaking}) as server:
        _, facts = written(placed(local=server), persona="comedian")
        asked = next(asked for asked in server.asked if role_of(asked) == "direction")

    assert personas()["comedian"].look in asked.text
    assert [scene.speaker_on_camera for scene in facts.storyboard.scenes] == [False, True, False, False, False]


def test_an_ad_for_both_is_spoken_in_korean_and_written_in_english(placed: Placed) -> None:
    def both(asked: Asked) -> dict[str, Any]:
        told = copy_in("ko")(asked)
        for line, english in zip(told["scenes"], copy_in("en")(asked)["scenes"], strict=True):
            line["onscreen_text"] = english["onscreen_text"]
        return told

    with writing({"copy": both}) as server:
        record, facts = written(placed(local=server), language="both", claims=[])
        system = next(asked.system for asked in server.asked if role_of(asked) == "copy")

    board = facts.storyboard
    assert "onscreen_text는 영어로" in system
    assert (board.language, board.written_language, board.written_in) == ("ko", "en", "en")
    assert record.degraded is None, record.degraded
    assert (board.scenes[0].narration, board.scenes[0].onscreen_text) == ("오후 세 시, 마음도 마르죠.", "A dry hour")


def test_the_template_writer_writes_for_both_too(placed: Placed) -> None:
    _, facts = written(placed(), language="both", quality="draft", claims=[])

    board = facts.storyboard
    assert all(any("가" <= letter <= "힣" for letter in scene.narration) for scene in board.scenes)
    shown = [scene.onscreen_text.replace("워터 글로우 세럼", "") for scene in board.scenes]
    assert all(text.isascii() for text in shown), shown
    assert sum(bool(text.strip()) for text in shown) >= 3


def test_a_plan_ends_with_the_call_to_action_and_proves_nothing_without_facts(placed: Placed) -> None:
    def astray(asked: Asked) -> dict[str, Any]:
        told = plan(asked)
        for scene, purpose in zip(told["scenes"], ("cta", "social_proof", "solution", "cta", "story"), strict=True):
            scene["purpose"] = purpose
        return told

    with writing({"scene_plan": astray}) as server:
        record, facts = written(placed(local=server), claims=[])

    purposes = [scene.purpose for scene in facts.storyboard.scenes]
    assert purposes == ["hook", "story", "solution", "story", "cta"]
    assert any("no call to action" in line for line in record.details["set_right"])


def test_a_plan_of_another_number_of_scenes_than_the_client_wants_is_not_used(placed: Placed) -> None:
    def short(asked: Asked) -> dict[str, Any]:
        told = plan(asked)
        return {**told, "scenes": told["scenes"][:3]}

    with writing({"scene_plan": short}) as server:
        workplace = placed(local=server)
        record, facts = written(workplace, scene_count=6)
        assert len(facts.storyboard.scenes) == 6
        free, free_facts = written(workplace, seed=8)

    assert record.degraded and "make exactly 6" in record.details["ours"][0]
    assert len(free_facts.storyboard.scenes) == 3
    assert not any("make exactly" in line for line in free.details["ours"])


def test_a_draft_says_who_speaks_and_why_too(placed: Placed) -> None:
    record, facts = written(placed(), quality="draft")

    assert facts.storyboard.persona in personas()
    assert record.details["persona"] == facts.storyboard.persona
    why = Message.of_note(record.details["persona_why"])
    assert facts.storyboard.persona in str(why)
    assert why.said_in("ko") != str(why)


def test_lengths_and_scores_that_no_grammar_bounds_are_read_as_they_were_meant(placed: Placed) -> None:
    def unbound(asked: Asked) -> dict[str, Any]:
        told = plan(asked)
        for scene, seconds in zip(told["scenes"], (-5, 82, 0, 3, 3), strict=True):
            scene["seconds"] = seconds
        return told

    def percent(asked: Asked) -> dict[str, Any]:
        told = review(0.9)(asked)
        told["tone_match"]["score"] = 91
        return told

    with writing({"scene_plan": unbound, "review": percent}) as server:
        record, facts = written(placed(local=server))

    assert record.details["review"]["tone_match"]["score"] == 0.91
    assert sum(facts.storyboard.scene_frames) == 15 * 24
    assert facts.storyboard.scenes[1].duration_seconds == max(s.duration_seconds for s in facts.storyboard.scenes)
    assert not any(asked.is_repair for asked in server.asked)


def test_every_field_of_an_answer_is_asked_for() -> None:
    for answer in (Strategy, ScenePlan, Copy, Direction, Review, BriefNotes):
        schema = answer.model_json_schema()
        for part in (schema, *schema.get("$defs", {}).values()):
            if "properties" in part:
                assert part["required"] == list(part["properties"]), answer


@pytest.mark.parametrize("odd", ["\x1b[31m", "\u202e", "\u200b", "\ufeff", "\u00ad", "\x00", "\U000e0041"])
def test_no_unseen_character_of_a_model_reaches_the_storyboard(placed: Placed, odd: str) -> None:
    def strange(asked: Asked) -> dict[str, Any]:
        told = copy_in("ko")(asked)
        told["scenes"][1] |= {"narration": f"괜찮아요, {odd}숨을 골라요.", "onscreen_text": f"숨 {odd}고르기"}
        return told

    with writing({"copy": strange}) as server:
        _, facts = written(placed(local=server))

    assert odd.strip("[31m") not in facts.storyboard.to_json()
    assert "숨" in facts.storyboard.scenes[1].onscreen_text


def test_letters_that_came_in_pieces_are_whole(placed: Placed) -> None:
    def pieces(asked: Asked) -> dict[str, Any]:
        told = copy_in("ko")(asked)
        told["scenes"][1]["narration"] = unicodedata.normalize("NFD", "괜찮아요, 숨을 골라요.")
        return told

    with writing({"copy": pieces}) as server:
        record, facts = written(placed(local=server))

    assert facts.storyboard.scenes[1].narration == "괜찮아요, 숨을 골라요."
    assert record.degraded is None


def test_a_template_storyboard_says_which_roles_were_asked_in_vain(placed: Placed) -> None:
    record, _ = written(placed())

    assert [step["role"] for step in record.details["steps"]] == ["strategy", "scene_plan", "copy"]
    assert all("ollama serve" in step["why"][0] for step in record.details["steps"])
    assert {note["score"] for note in record.details["review"].values()} == {"not run"}


def test_a_model_that_the_licence_rules_out_is_named_as_the_reason(placed: Placed, tmp_path: Path) -> None:
    with writing() as server:
        workplace = placed(local=server)
        own = tmp_path / "models.toml"
        own.write_text(own.read_text() + '[use]\nlocal = "ollama/exaone3.5-7.8b"\n', encoding="utf-8")
        record, _ = written(workplace, engine_preference="local")

        assert server.asked == []
    assert record.degraded and "EXAONE AI Model License" in record.degraded.why


def test_a_claim_of_the_brief_that_the_law_forbids_is_told_and_in_no_question(placed: Placed) -> None:
    with writing() as server:
        record, _ = written(placed(local=server), claims=[{"text": "여드름 완치", "source": "자사"}])
        asked = [question.first_text for question in server.asked]

    assert not any("완치" in text for text in asked)
    verdict = next(v for v in record.verdicts if v.name == "claim_safety")
    assert not verdict.passed and "brief: 여드름 완치" in verdict.measured


def test_a_prompt_that_cannot_be_filled_is_told_before_anybody_is_asked(
    placed: Placed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "director.ko.md").write_text("당신은 감독입니다. $budget", encoding="utf-8")
    monkeypatch.setenv("AD_PIPELINE_PROMPTS", str(tmp_path / "prompts"))

    with writing() as server, pytest.raises(InputRejected, match=r"director.ko.md holds a \$ that names no slot"):
        written(placed(local=server))

    assert server.asked == []


def test_a_prompt_of_another_language_or_of_a_role_that_is_not_asked_changes_nothing(
    placed: Placed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "prompts").mkdir()
    with writing() as server:
        workplace = placed(local=server)
        first, _ = written(workplace)
        (tmp_path / "prompts" / "copywriter.en.md").write_text("You write. $tone", encoding="utf-8")
        (tmp_path / "prompts" / "editor.ko.md").write_text("다듬습니다. $tone", encoding="utf-8")
        monkeypatch.setenv("AD_PIPELINE_PROMPTS", str(tmp_path / "prompts"))

        assert make_storyboard(workplace, "ad") == first


def test_the_narrowest_licence_of_all_who_wrote_is_the_storyboards(placed: Placed, tmp_path: Path) -> None:
    with writing() as server, writing() as cloud:
        workplace = placed(local=server, cloud=cloud)
        own = tmp_path / "models.toml"
        own.write_text(own.read_text() + '[use]\nlocal = "ollama/llama3.1-8b"\n', encoding="utf-8")
        server.models.append("llama3.1:8b")
        record, _ = written(workplace, engine_preference="hybrid", budget_usd=2.0)

    assert record.licence.paid_ads == "limited"
    assert "Llama 3.1 Community License" in record.licence.name
