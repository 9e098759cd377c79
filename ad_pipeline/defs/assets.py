"""The seven assets of an ad, in film order.

Each body reads its key, calls one stage, and returns what was made. The docstrings are what
producers read in the UI, in Korean and English.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import dagster as dg
import yaml

from ad_pipeline.defs.config import (
    FinalConfig,
    KeyImageConfig,
    MotionClipConfig,
    SfxConfig,
    StoryboardConfig,
    TakeConfig,
)
from ad_pipeline.defs.metadata import check_description, check_results, metadata_of, storyboard_table, writers_table
from ad_pipeline.defs.node_pools import settle_slots
from ad_pipeline.defs.partitions import ad_sessions, register, scene_of, session_scenes, to_session
from ad_pipeline.defs.resources import MADE_BY_TAG, WorkplaceResource
from ad_pipeline.defs.versions import data_version_of
from ad_pipeline.errors import AdPipelineError, BriefRejected, Cancelled
from ad_pipeline.messages import user_language
from ad_pipeline.sessions.records import MadeBy, TakeRecord
from ad_pipeline.sessions.store import Session
from ad_pipeline.settings import settings_from_environment
from ad_pipeline.stages.final_mp4 import make_finals
from ad_pipeline.stages.key_image import make_key_images
from ad_pipeline.stages.lipsync import make_lipsyncs
from ad_pipeline.stages.motion_clip import make_motion_clips
from ad_pipeline.stages.opening import open_session
from ad_pipeline.stages.product_page import page_line
from ad_pipeline.stages.rewriting import rewrite_scene
from ad_pipeline.stages.session_facts import SessionFacts, facts_of
from ad_pipeline.stages.sfx import make_sfx
from ad_pipeline.stages.storyboard import make_storyboard
from ad_pipeline.stages.voice import make_voice
from ad_pipeline.stages.workplace import Wishes, Workplace

# Asset checks cost Dagster three events each, so what belongs together is one check: its first name
# is the check's, the others are measured with it and shown in its metadata.
CHECKS: dict[str, dict[str, tuple[str, ...]]] = {
    "storyboard": {
        "length": ("narration_fits",), "words_to_avoid": (), "claim_safety": (),
        "tone_match": ("brand_fit", "claims_reviewed", "legibility", "reading_speed", "hook_strength"),
    },
    "key_image": {"size": ("format", "not_empty")},
    "motion_clip": {"size": ("format",), "frame_rate": (), "length": (), "black": (), "frozen": ()},
    "voice": {"length": ("whole_text",), "silence": ("clipping", "emotions_known")},
    "lipsync": {
        "length": ("unchanged", "size", "format", "frame_rate", "black", "frozen"),
        "mouth_moves": ("changed_region", "outside_region", "lips_in_time"),
    },
    "sfx": {"length": ("clipping",)},
    "final_mp4": {
        "size": ("format",), "frame_rate": (), "length": ("container_length",), "bitrate": (),
        "loudness": ("described_loudness",), "true_peak": (), "black": (), "frozen": (),
        "silence": ("description_apart", "one_voice"), "text_inside_safe_zone": ("caption_times", "caption_speed"),
    },
}  # fmt: skip
"""Every check of every asset; the stages measure them and the records keep the answers."""


def _stage_asset(
    *, partitions_def: dg.PartitionsDefinition[Any], deps: Sequence[dg.AssetDep | str], group: str, kinds: set[str]
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """An asset that may turn out to be a ghost, with its checks in the same step.

    `skippable` and `can_subset` let the body return nothing: the step succeeds, its downstream and
    its checks are skipped and nothing is recorded. (`@asset(output_required=False)` cannot: its
    checks' outputs stay required.)
    """

    def decorate(body: Callable[..., Any]) -> dg.AssetsDefinition:
        name = body.__name__
        spec = dg.AssetSpec(
            name,
            deps=list(deps),
            group_name=group,
            kinds=kinds,
            description=inspect.cleandoc(body.__doc__ or ""),
            skippable=True,
            code_version="1",
        )
        checks = [
            dg.AssetCheckSpec(
                check, asset=name, partitions_def=partitions_def, description=check_description(check, others)
            )
            for check, others in CHECKS[name].items()
        ]
        return dg.multi_asset(
            name=name, specs=[spec], check_specs=checks, partitions_def=partitions_def, can_subset=True
        )(body)

    return decorate


@_stage_asset(partitions_def=ad_sessions, deps=(), group="story", kinds={"json"})
def storyboard(context: dg.AssetExecutionContext, config: StoryboardConfig, workplace: WorkplaceResource) -> Any:
    """What is seen, said and written in each scene.

    장면마다 무엇을 보여 주고, 말하고, 쓰는지를 정한 콘티입니다. 새 세션이면 Launchpad의 `brief`에 브리프를 넣으세요.

    A new session needs a `brief` in the Launchpad; an open one keeps its own. Editing
    `storyboard.json` by hand is fine: the next run takes it as a new take. `rewrite` and `scene`
    change the words of one scene only.
    """

    def make(place: Workplace) -> list[TakeRecord]:
        session_id = context.partition_key
        if config.brief:
            text = yaml.safe_dump(config.brief, allow_unicode=True, sort_keys=False)
            open_session(place, session_id, text, folder=settings_from_environment().root)
        elif not place.store.session(session_id).exists:
            raise BriefRejected(
                "session {session_id!r} is new: give its brief in the config, under ops, storyboard, config, brief",
                field="brief",
                session_id=session_id,
            )
        if config.rewrite or config.scene:
            record = rewrite_scene(place, session_id, config.scene, config.rewrite)
        else:
            record = make_storyboard(place, session_id, config.wishes())
        register(context.instance, session_id, facts_of(place, session_id).storyboard.scene_ids)
        return [record]

    yield from _materialized(context, workplace, "storyboard", context.partition_key, make)


@_stage_asset(
    partitions_def=session_scenes,
    deps=[dg.AssetDep("storyboard", partition_mapping=to_session)],
    group="scenes",
    kinds={"png"},
)
def key_image(context: dg.AssetExecutionContext, config: KeyImageConfig, workplace: WorkplaceResource) -> Any:
    """The still picture that a scene moves from, without text; one per format.

    장면이 움직이기 시작하는 정지 이미지입니다. 글자는 편집에서 얹습니다. 다시 만들면 새 테이크(v2, v3…)가 생깁니다.

    Set `prompt`, `seed`, `steps`, `cfg` or the size to make this one take differ from the storyboard.
    """
    yield from _scene(
        context, workplace, "key_image", config.wishes(), lambda place, s, scene, w: make_key_images(place, s, scene, w)
    )


@_stage_asset(partitions_def=session_scenes, deps=["key_image"], group="scenes", kinds={"mp4"})
def motion_clip(context: dg.AssetExecutionContext, config: MotionClipConfig, workplace: WorkplaceResource) -> Any:
    """The key image in motion: the scene's frames plus what its transitions overlap.

    키 이미지를 움직이게 한 클립입니다. 장면 길이에 앞뒤 전환 구간을 더한 만큼 만듭니다.
    """
    yield from _scene(
        context,
        workplace,
        "motion_clip",
        config.wishes(),
        lambda place, s, scene, w: make_motion_clips(place, s, scene, w),
    )


@_stage_asset(
    partitions_def=session_scenes,
    deps=[dg.AssetDep("storyboard", partition_mapping=to_session)],
    group="scenes",
    kinds={"wav"},
)
def voice(context: dg.AssetExecutionContext, config: TakeConfig, workplace: WorkplaceResource) -> Any:
    """The scene's spoken lines; in a draft, a guide voice.

    장면의 내레이션입니다. 초안에서는 가이드 음성으로 읽습니다. 말이 없는 장면은 무음으로 채웁니다.
    """
    yield from _scene(
        context, workplace, "voice", config.wishes(), lambda place, s, scene, w: [make_voice(place, s, scene, w)]
    )


@_stage_asset(partitions_def=session_scenes, deps=["motion_clip", "voice"], group="scenes", kinds={"mp4"})
def lipsync(context: dg.AssetExecutionContext, config: TakeConfig, workplace: WorkplaceResource) -> Any:
    """The clip that the final is cut from; where a speaker is on camera, the mouth follows the voice.

    최종 편집에 쓰는 클립입니다. 화면에 말하는 사람이 있으면 입 모양을 음성에 맞추고, 없으면 그대로 넘깁니다.
    """
    yield from _scene(
        context, workplace, "lipsync", config.wishes(), lambda place, s, scene, w: make_lipsyncs(place, s, scene, w)
    )


@_stage_asset(partitions_def=session_scenes, deps=["motion_clip"], group="scenes", kinds={"wav"})
def sfx(context: dg.AssetExecutionContext, config: SfxConfig, workplace: WorkplaceResource) -> Any:
    """Sound effects that follow the clip's motion and transitions.

    클립의 움직임과 장면 전환에 맞춘 효과음입니다.
    """
    yield from _scene(
        context, workplace, "sfx", config.wishes(), lambda place, s, scene, w: [make_sfx(place, s, scene, w)]
    )


@_stage_asset(
    partitions_def=ad_sessions,
    deps=[
        dg.AssetDep("storyboard"),
        dg.AssetDep("lipsync", partition_mapping=to_session),
        dg.AssetDep("voice", partition_mapping=to_session),
        dg.AssetDep("sfx", partition_mapping=to_session),
    ],
    group="film",
    kinds={"mp4", "ffmpeg"},
)
def final_mp4(context: dg.AssetExecutionContext, config: FinalConfig, workplace: WorkplaceResource) -> Any:
    """The finished ad, one file per format, with captions and thumbnail beside it.

    완성된 광고 영상입니다. 비율마다 파일 하나씩, 자막(SRT·VTT)과 썸네일이 함께 나옵니다.
    """
    yield from _materialized(
        context,
        workplace,
        "final_mp4",
        context.partition_key,
        lambda place: make_finals(place, context.partition_key, config.wishes(), music_wishes=config.music_wishes()),
    )


def _scene(
    context: dg.AssetExecutionContext,
    workplace: WorkplaceResource,
    name: str,
    wishes: Wishes,
    make: Callable[[Workplace, str, str, Wishes], Sequence[TakeRecord]],
) -> Any:
    session_id, scene_id = scene_of(context)

    def for_real_scenes(place: Workplace) -> Sequence[TakeRecord]:
        if scene_id not in facts_of(place, session_id).storyboard.scene_ids:
            context.log.info(f"{session_id} has no {scene_id}: nothing to make")
            return ()
        return make(place, session_id, scene_id, wishes)

    yield from _materialized(context, workplace, name, session_id, for_real_scenes)


def _materialized(
    context: dg.AssetExecutionContext,
    workplace: WorkplaceResource,
    name: str,
    session_id: str,
    make: Callable[[Workplace], Sequence[TakeRecord]],
) -> Any:
    made_by: MadeBy = "pipeline" if context.run.tags.get(MADE_BY_TAG) == "pipeline" else "person"
    place = workplace.open(context, made_by=made_by)
    if not context.selected_asset_keys:
        # "Execute" on a check: the verdicts of the picked take are told again, nothing is made.
        yield from _told_again(context, place.session(session_id), name)
        return
    try:
        records = make(place)
    except Cancelled as error:
        raise dg.DagsterExecutionInterruptedError(str(error)) from error
    except AdPipelineError as error:
        # The reader of this line is a producer: one sentence, in their language, no retry.
        raise dg.Failure(description=error.message.said_in(user_language()), allow_retries=False) from error
    finally:
        settle_slots()
    if not records:
        return
    shown = _story_shown(facts_of(place, session_id), records[0]) if name == "storyboard" else {}
    yield dg.MaterializeResult(
        asset_key=name,
        data_version=dg.DataVersion(data_version_of(records)),
        metadata=shown | metadata_of(records, place.session(session_id), settings_from_environment()),
        check_results=check_results(records, CHECKS[name]),
    )


def _story_shown(facts: SessionFacts, record: TakeRecord) -> dict[str, Any]:
    page = page_line(facts)
    shown = {"scenes": storyboard_table(facts.storyboard), **writers_table(record)}
    return shown | ({"product_page": page} if page else {})


def _told_again(context: dg.AssetExecutionContext, session: Session, name: str) -> Iterator[dg.AssetCheckResult]:
    scene_id = context.partition_key.partition("|")[2]
    picked = [r for r in session.picked_records() if r.stage == name and (r.scene_id or "") == scene_id]
    asked = {key.name for key in context.selected_asset_check_keys}
    for result in check_results(picked, CHECKS[name]):
        if result.check_name in asked:
            yield result._replace(asset_key=dg.AssetKey(name))


ASSETS = [storyboard, key_image, motion_clip, voice, lipsync, sfx, final_mp4]
