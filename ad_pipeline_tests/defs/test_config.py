"""Run configs out of range: one sentence at the first attempt, where pydantic's own error would be retried."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from ad_pipeline.defs.config import KeyImageConfig, MotionClipConfig, PieceConfig, StoryboardConfig, TakeConfig


def _asset_of(kind: type[PieceConfig]) -> dg.AssetsDefinition:
    def piece(config: PieceConfig) -> None:
        assert config

    piece.__annotations__["config"] = kind
    return dg.asset(retry_policy=dg.RetryPolicy(max_retries=2))(piece)


@pytest.mark.parametrize(
    ("kind", "values", "said"),
    [
        (TakeConfig, {"seed": -1}, "field 'seed': Input should be greater than or equal to 0; got -1"),
        (StoryboardConfig, {"seed": 2**31}, "field 'seed': Input should be less than or equal to 2147483647"),
        (MotionClipConfig, {"motion_bucket": 999}, "field 'motion_bucket': Input should be less than or equal to 255"),
        (MotionClipConfig, {"frames": 0}, "field 'frames'"),
        (KeyImageConfig, {"width": 8}, "field 'width'"),
        (KeyImageConfig, {"prompt": "x" * 5000}, "field 'prompt': String should have at most 4000 characters"),
    ],
)
def test_a_value_out_of_range_fails_at_once_and_names_its_field(
    monkeypatch: pytest.MonkeyPatch, kind: type[PieceConfig], values: dict[str, Any], said: str
) -> None:
    monkeypatch.setenv("AD_PIPELINE_LANGUAGE", "en")
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [_asset_of(kind)],
            run_config={"ops": {"piece": {"config": values}}},
            raise_on_error=False,
            instance=instance,
        )

    failed = result.failure_data_for_node("piece")
    assert failed and failed.user_failure_data
    assert (failed.user_failure_data.description or "").startswith("run config, " + said)
    assert len(failed.user_failure_data.description or "") < 250
    assert not [event for event in result.all_events if event.is_step_restarted or event.is_step_up_for_retry]


def test_values_in_range_are_the_stages_wishes() -> None:
    wishes = MotionClipConfig(seed=7, motion_bucket=255, frames=24, reuse=True).wishes()

    assert (wishes.seed, wishes.motion_bucket, wishes.frames, wishes.reuse) == (7, 255, 24, True)
