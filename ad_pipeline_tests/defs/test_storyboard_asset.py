"""The storyboard in Dagster: written by a team, what is shown of it, its checks, and other words from the Launchpad."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ad_pipeline.defs.code_location import code_location
from ad_pipeline.stages.opening import open_session
from ad_pipeline.stages.session_facts import facts_of
from ad_pipeline_tests.room.rooms import TEAM_BRIEF
from ad_pipeline_tests.room.writers import listed, review, writing
from ad_pipeline_tests.stages.sessions import a_workplace

pytestmark = pytest.mark.slow


@pytest.fixture
def opened(own_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A session with a brief that wants a team."""
    monkeypatch.setenv("AD_PIPELINE_MODELS", str(own_root / "models.toml"))
    own_root.mkdir(exist_ok=True)
    open_session(a_workplace(own_root), "ad", json.dumps(TEAM_BRIEF, ensure_ascii=False), folder=own_root)
    return own_root


def _storyboard(instance: dg.DagsterInstance, **config: Any) -> dg.ExecuteInProcessResult:
    if "ad" not in instance.get_dynamic_partitions("ad_sessions"):
        instance.add_dynamic_partitions("ad_sessions", ["ad"])
    return code_location.resolve_job_def("make_storyboard").execute_in_process(
        instance=instance, partition_key="ad", run_config={"ops": {"storyboard": {"config": config}}},
        raise_on_error=False,
    )  # fmt: skip


def _checks(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {found.check_name: found.passed for found in result.get_asset_check_evaluations()}


def test_who_wrote_it_and_how_it_was_reviewed_is_shown_and_checked(opened: Path) -> None:
    with writing({"review": review(0.8, 0.7)}) as server, dg.DagsterInstance.ephemeral() as instance:
        listed(opened / "models.toml", local=server.url)
        result = _storyboard(instance)

    assert result.success
    shown = result.asset_materializations_for_node("storyboard")[0].metadata
    writers, reviewed = shown["writers"].value, shown["review"].value
    assert "| copy | ollama/qwen2" in str(writers).replace("\\", "")
    assert "| tone\\_match | 0.8 | scene 2 sounds like them |" in str(reviewed)
    assert _checks(result) == {"length": True, "words_to_avoid": True, "claim_safety": True, "tone_match": False}
    told = next(e for e in result.get_asset_check_evaluations() if e.check_name == "tone_match")
    assert told.severity == dg.AssetCheckSeverity.WARN
    assert "brand_fit" in told.metadata


def test_the_runs_log_tells_every_scene_as_it_is_decided(opened: Path) -> None:
    with writing() as server, dg.DagsterInstance.ephemeral() as instance:
        listed(opened / "models.toml", local=server.url)
        result = _storyboard(instance)
        told = [record.user_message for record in instance.all_logs(result.run_id)]

    for number in range(1, 6):
        assert any(f"(direction {number}: water drops on a window" in line for line in told)
        assert any(f"(copy {number}: " in line for line in told)


def test_without_a_model_the_tone_is_not_judged(opened: Path) -> None:
    listed(opened / "models.toml")
    with dg.DagsterInstance.ephemeral() as instance:
        result = _storyboard(instance)

    assert result.success
    assert "tone_match" not in _checks(result)
    assert "degraded" in result.asset_materializations_for_node("storyboard")[0].metadata


def test_one_scenes_words_are_changed_from_the_launchpad(opened: Path) -> None:
    with writing() as server, dg.DagsterInstance.ephemeral() as instance:
        listed(opened / "models.toml", local=server.url)
        _storyboard(instance)
        result = _storyboard(instance, rewrite="더 포근하게", scene="scene_002")

    scenes = facts_of(a_workplace(opened), "ad").storyboard.scenes
    assert result.success
    assert [scene.narration for scene in scenes][:2] == ["오후 세 시, 마음도 마르죠.", "세라마이드처럼 포근하게."]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"rewrite": "warmer", "scene": "scene_009"}, "no scene 'scene_009'"),
        ({"rewrite": "", "scene": "scene_002"}, "say what to change"),
        ({"rewrite": "warmer"}, "no scene ''"),
    ],
)
def test_a_wrong_wish_is_one_sentence_and_changes_nothing(opened: Path, config: dict[str, str], said: str) -> None:
    with writing() as server, dg.DagsterInstance.ephemeral() as instance:
        listed(opened / "models.toml", local=server.url)
        _storyboard(instance)
        before = facts_of(a_workplace(opened), "ad").storyboard
        result = _storyboard(instance, **config)

    assert not result.success
    failure = result.failure_data_for_node("storyboard")
    assert failure and failure.error and said in failure.error.message
    assert facts_of(a_workplace(opened), "ad").storyboard == before
