"""The jobs: one run per storyboard, per scene, per final; and `make_ad`, which drives them all."""

from pathlib import Path
from typing import Any

import dagster as dg
import yaml
from pydantic import Field

from ad_pipeline.defs.executor import should_stop
from ad_pipeline.errors import AdPipelineError, Cancelled
from ad_pipeline.messages import user_language
from ad_pipeline.settings import settings_from_environment
from ad_pipeline.stages.launcher import Order
from ad_pipeline.stages.opening import open_session
from ad_pipeline.stages.workplace import StepReport, Workplace

SCENE_ASSETS = ("key_image", "motion_clip", "voice", "lipsync", "sfx")

storyboard_job = dg.define_asset_job("make_storyboard", selection=["storyboard"])
scene_job = dg.define_asset_job("make_scene", selection=list(SCENE_ASSETS))
final_job = dg.define_asset_job("make_final", selection=["final_mp4"])


class MakeAdConfig(dg.Config):
    """A whole ad from a brief, in one click."""

    session: str = Field(description="the ad's name and folder: small letters, digits, - and _")
    brief: dict[str, Any] | None = Field(default=None, description="the brief's fields; empty resumes the session")
    upgrade: bool = Field(default=False, description="try degraded artifacts again")
    urgent: bool = Field(default=False, description="its GPU jobs go before those that wait")


@dg.op(name="ad", description="Storyboard, every scene, and the final. 브리프 하나로 광고 전체를 만듭니다.")
def make_ad_op(context: dg.OpExecutionContext, config: MakeAdConfig) -> None:
    """Drives one ad; its storyboard, scenes and final are runs of their own, tagged with this one."""
    # Here, not above: the driver starts worker processes that import this module.
    from ad_pipeline.defs.books import Books
    from ad_pipeline.defs.driver import SESSION_TAG, make_ad

    context.instance.add_run_tags(context.run_id, {SESSION_TAG: config.session})
    place = Workplace.at(settings_from_environment())
    try:
        if config.brief:
            text = yaml.safe_dump(config.brief, allow_unicode=True, sort_keys=False)
            open_session(place, config.session, text, folder=place.store.root)
        outcome = make_ad(
            Books(Path(context.instance.root_directory), instance=context.instance),
            place,
            Order(
                session_id=config.session, upgrade=config.upgrade, urgent=config.urgent, parent_run_id=context.run_id
            ),
            should_stop=lambda: should_stop(context.run_id),
            report=lambda report: _log(context, report),
        )
    except Cancelled as error:
        raise dg.DagsterExecutionInterruptedError(str(error)) from error
    except AdPipelineError as error:
        raise dg.Failure(description=error.message.said_in(user_language()), allow_retries=False) from error
    for line in outcome.lines():
        context.log.info(line)
    if outcome.failures:
        raise dg.Failure(description="\n".join(str(failure) for failure in outcome.failures), allow_retries=False)


def _log(context: dg.OpExecutionContext, report: StepReport) -> None:
    if report.state != "working":
        place = " ".join(part for part in (report.scene_id, report.kind, report.format) if part)
        context.log.info(f"{place}: {report.state} {report.note}".rstrip())


_EXAMPLE = {
    "session": "my_first_ad",
    "brief": {
        "brand_id": "laneige",
        "product": "워터 글로우 세럼",
        "concept": "건조한 사무실에서도 물을 머금은 듯 맑은 피부",
        "target_audience": "20대 후반 직장인",
        "goal": "신제품 인지와 첫 구매",
        "duration": 15,
        "tone": "professional_warm",
        "channels": ["instagram_reels"],
    },
}


# The Launchpad opens with this brief, ready to be changed.
@dg.job(
    name="make_ad",
    config={"ops": {"ad": {"config": _EXAMPLE}}},
    description="A brief becomes a finished ad. 브리프를 Launchpad에 넣고 실행하세요.",
)
def make_ad_job() -> None:
    make_ad_op()


JOBS = [storyboard_job, scene_job, final_job, make_ad_job]
