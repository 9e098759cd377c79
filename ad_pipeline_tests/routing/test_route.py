"""Which engine each stage takes, as a table that can be read; the licence gate; what a storyboard may ask for."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from ad_pipeline.engines.comfy.graph_folders import built_in_graphs
from ad_pipeline.engines.comfy.graphs import load_graph
from ad_pipeline.engines.language.catalogue import language_book
from ad_pipeline.engines.registry import Registry, graphs_of
from ad_pipeline.engines.speech.catalogue import speech_book
from ad_pipeline.errors import StoryboardRejected
from ad_pipeline.routing.catalogue import models
from ad_pipeline.routing.route import ROUTED_STAGES, RoutedStage, decide, role_decisions
from ad_pipeline.routing.route import _rows as table_rows
from ad_pipeline.settings import settings_from_environment
from ad_pipeline.stages.kits import kit_of
from ad_pipeline.story.brand_kit import Lora
from ad_pipeline.story.room.roles import ROLES, WRITING_ROLES
from ad_pipeline.story.storyboard import Scene
from ad_pipeline_tests.story.samples import a_brief

_FORBIDDEN = (
    "openai_speech/xtts-v2",
    "comfyui/mmaudio",
    "comfyui/mmaudio_text",
    "comfyui/latentsync-1.6",
    "replicate/zeroscope-v2",
)


def a_scene(**changes: Any) -> Scene:
    """A scene of the middle of an ad, with changes."""
    values: dict[str, Any] = {"id": "scene_002", "purpose": "solution", "duration_seconds": 3.0, "image_prompt": "x"}
    return Scene.model_validate(values | changes)


# stage | brief | scene | the chain
_GOLDEN: list[tuple[RoutedStage, dict[str, Any], dict[str, Any] | None, str]] = [
    ("storyboard", {}, None, "animatic/template-writer"),
    ("storyboard", {"quality": "standard"}, None, "room/writers animatic/template-writer"),
    ("storyboard", {"quality": "premium"}, None, "room/writers animatic/template-writer"),
    ("strategy", {"quality": "standard"}, None, "ollama/qwen2.5-7b openai/gpt-6.1-sol animatic/template-writer"),
    ("strategy", {"quality": "standard", "engine_preference": "hybrid"}, None,
     "openai/gpt-6.1-sol anthropic/claude ollama/qwen2.5-7b animatic/template-writer"),
    ("strategy", {"quality": "premium"}, None,
     "openai/gpt-6.1-sol anthropic/claude ollama/qwen2.5-7b animatic/template-writer"),
    ("strategy", {"quality": "premium", "engine_preference": "local"}, None,
     "ollama/qwen2.5-7b animatic/template-writer"),
    ("strategy", {"quality": "premium", "budget_usd": 0}, None, "ollama/qwen2.5-7b animatic/template-writer"),
    ("scene_plan", {"quality": "premium"}, None, "ollama/qwen2.5-7b openai/gpt-6.1-sol animatic/template-writer"),
    ("copy", {"quality": "standard"}, None, "ollama/qwen2.5-7b anthropic/claude animatic/template-writer"),
    ("copy", {"quality": "standard", "engine_preference": "cloud"}, None,
     "anthropic/claude openai/gpt-6.1-sol ollama/qwen2.5-7b animatic/template-writer"),
    ("copy_polish", {"quality": "standard"}, None, "room/as-drafted"),
    ("copy_polish", {"quality": "standard", "engine_preference": "hybrid"}, None,
     "anthropic/claude openai/gpt-6.1-sol room/as-drafted"),
    ("copy_polish", {"quality": "premium", "local_only": True}, None, "room/as-drafted"),
    ("direction", {"quality": "standard"}, None, "ollama/qwen2.5-7b openai/gpt-6.1-sol animatic/template-writer"),
    ("review", {"quality": "standard"}, None, "ollama/qwen2.5-7b openai/gpt-6.1-terra room/not-reviewed"),
    ("review", {"quality": "premium"}, None,
     "openai/gpt-6.1-terra anthropic/claude ollama/qwen2.5-7b room/not-reviewed"),
    ("rewrite", {}, None, "ollama/qwen2.5-7b anthropic/claude animatic/template-writer"),
    ("brief", {}, None, "ollama/qwen2.5-7b animatic/template-writer"),
    ("key_image", {}, {}, "animatic/compositor"),
    ("key_image", {"engine_preference": "cloud"}, {"brand_elements": ["product_3d"]}, "animatic/compositor"),
    ("key_image", {"quality": "standard"}, {}, "comfyui/z_image_turbo comfyui/sdxl_brand animatic/compositor"),
    ("key_image", {"quality": "standard"}, {"brand_elements": ["logo"]},
     "comfyui/z_image_turbo comfyui/sdxl_brand animatic/compositor"),
    ("key_image", {"quality": "standard"}, {"controlnet_mode": "canny"},
     "comfyui/z_image_turbo comfyui/sdxl_brand animatic/compositor"),
    ("key_image", {"quality": "standard", "product_image": "p.png"}, {"controlnet_mode": "canny"},
     "comfyui/sdxl_controlnet comfyui/z_image_turbo comfyui/sdxl_brand animatic/compositor"),
    ("key_image", {"quality": "standard", "product_image": "p.png"}, {"brand_elements": ["product_3d"]},
     "comfyui/qwen_image_edit_2511 comfyui/z_image_turbo comfyui/sdxl_brand animatic/compositor"),
    ("key_image", {"quality": "premium"}, {"purpose": "cta"},
     "openai/gpt-image-2 openai/dall-e-3 comfyui/z_image_turbo comfyui/sdxl_brand animatic/compositor"),
    ("key_image", {"quality": "premium", "local_only": True}, {"purpose": "cta"},
     "comfyui/z_image_turbo comfyui/sdxl_brand animatic/compositor"),
    ("motion_clip", {}, {}, "animatic/ken-burns"),
    ("motion_clip", {"quality": "standard"}, {"duration_seconds": 4.0},
     "comfyui/animatediff comfyui/wan2.1_i2v_14b comfyui/svd animatic/ken-burns"),
    ("motion_clip", {"quality": "standard"}, {"duration_seconds": 4.5}, "comfyui/wan2.1_i2v_14b animatic/ken-burns"),
    ("motion_clip", {"quality": "standard"}, {"duration_seconds": 6.0}, "comfyui/wan2.1_i2v_14b animatic/ken-burns"),
    ("motion_clip", {"quality": "standard", "engine_preference": "cloud"}, {"duration_seconds": 5.0},
     "veo/veo-3 sora/sora-2 comfyui/wan2.1_i2v_14b animatic/ken-burns"),
    ("motion_clip", {"quality": "premium"}, {"duration_seconds": 3.0},
     "comfyui/animatediff comfyui/wan2.1_i2v_14b comfyui/svd animatic/ken-burns"),
    ("image_edit", {}, {},
     "comfyui/qwen_image_edit_2511 comfyui/qwen_image_edit_2511_lightning comfyui/qwen_image_edit_2509"
     " comfyui/qwen_image_edit_2509_lightning"),
    ("motion_clip", {"quality": "premium"}, {"duration_seconds": 5.0},
     "veo/veo-3 sora/sora-2 comfyui/wan2.1_i2v_14b animatic/ken-burns"),
    ("voice", {}, {}, "animatic/guide-voice"),
    ("voice", {"quality": "standard"}, {}, "elevenlabs/eleven_v3 animatic/guide-voice"),
    ("voice", {"quality": "standard", "language": "en"}, {},
     "openai_speech/kokoro elevenlabs/eleven_v3 animatic/guide-voice"),
    ("voice", {"quality": "standard", "engine_preference": "cloud", "language": "en"}, {},
     "elevenlabs/eleven_v3 openai_speech/kokoro animatic/guide-voice"),
    ("voice", {"quality": "premium", "budget_usd": 0}, {}, "openai_speech/kokoro animatic/guide-voice"),
    ("lipsync", {}, {"speaker_on_camera": True}, "animatic/pass-through"),
    ("lipsync", {"quality": "standard"}, {}, "animatic/pass-through"),
    ("lipsync", {"quality": "standard"}, {"speaker_on_camera": True}, "animatic/pass-through"),
    ("lipsync", {"quality": "standard", "commercial": False}, {"speaker_on_camera": True},
     "comfyui/latentsync-1.6 animatic/pass-through"),
    ("sfx", {}, {}, "animatic/procedural"),
    ("sfx", {"quality": "standard"}, {}, "animatic/procedural"),
    ("sfx", {"quality": "standard", "commercial": False}, {}, "comfyui/mmaudio animatic/procedural"),
    ("sfx", {"quality": "premium"}, {}, "elevenlabs/sound-effects animatic/procedural"),
    ("music", {"quality": "premium"}, None, "animatic/procedural"),
    ("final_mp4", {"quality": "premium"}, None, "cut/planar"),
]  # fmt: skip


@pytest.mark.parametrize(("stage", "brief", "scene", "chain"), _GOLDEN)
def test_the_route_is_as_the_table_says(
    stage: RoutedStage, brief: dict[str, Any], scene: dict[str, Any] | None, chain: str
) -> None:
    decision = decide(stage, brief=a_brief(**brief), scene=None if scene is None else a_scene(**scene))

    assert [row.model_id for row in decision.chain] == chain.split()
    assert decision.wanted.model_id == chain.split()[0]
    assert decision.reason


def test_brand_elements_take_the_kits_lora_where_it_has_one() -> None:
    brief, scene = a_brief(quality="standard"), a_scene(brand_elements=["logo"])
    plain = kit_of("laneige", folders=())
    kit = plain.model_copy(update={"lora": Lora(file="laneige.safetensors")})

    assert plain.lora is None
    assert decide("key_image", brief=brief, scene=scene, kit=plain).wanted.model_id == "comfyui/z_image_turbo"
    assert decide("key_image", brief=brief, scene=scene, kit=kit).wanted.model_id == "comfyui/sdxl_brand"
    assert decide("key_image", brief=brief, scene=a_scene(), kit=kit).wanted.model_id == "comfyui/z_image_turbo"


def test_what_the_table_says_a_paid_model_costs_is_what_its_graph_says() -> None:
    for model_id, row in models().items():
        recipes = [load_graph(built_in_graphs(), name).recipe for name in graphs_of(model_id)]
        services = [service for recipe in recipes for service in recipe.services]
        per = {"run": "image", "second": "clip_second"}
        assert {(per[service.per], service.usd) for service in services} <= {(row.cost_unit, row.cost_usd)}, model_id
        assert not services or row.cost_usd > 0


def test_every_model_of_the_routes_is_known_and_has_the_craft() -> None:
    craft = {"storyboard": "story", "key_image": "image", "image_edit": "image", "motion_clip": "motion",
             "voice": "voice", "lipsync": "lipsync", "sfx": "sound", "music": "sound"}  # fmt: skip
    settings = settings_from_environment()
    uses = {**language_book(settings).use, **speech_book(settings).use}
    houses_own = {"animatic/template-writer", "room/as-drafted", "room/not-reviewed"}
    for row in table_rows():
        for name in row.engines:
            model_id = uses[name[1:]] if name.startswith("@") else name
            assert model_id in models(), model_id
            if row.stage in ROLES:
                assert "language" in models()[model_id].crafts or model_id == row.engines[-1] in houses_own
            else:
                assert row.stage == "final_mp4" or craft[row.stage] in models()[model_id].crafts, (row.stage, model_id)


def test_music_comes_from_the_users_folder_only_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AD_PIPELINE_MUSIC", raising=False)
    without = decide("music", brief=a_brief())
    monkeypatch.setenv("AD_PIPELINE_MUSIC", str(tmp_path))
    with_folder = decide("music", brief=a_brief())

    assert [row.model_id for row in without.chain] == ["animatic/procedural"]
    assert [row.model_id for row in with_folder.chain] == ["library/own-tracks", "animatic/procedural"]


@pytest.mark.parametrize("quality", ["standard", "premium"])
def test_a_storyboards_cost_is_that_of_its_roles(quality: str) -> None:
    brief = a_brief(quality=quality, engine_preference="hybrid")
    roles = role_decisions(brief)

    assert list(roles) == list(WRITING_ROLES)
    assert decide("storyboard", brief=brief).cost_usd == pytest.approx(sum(d.cost_usd for d in roles.values()))
    assert roles["strategy"].cost_usd > 0 == roles["scene_plan"].cost_usd
    assert not role_decisions(a_brief())


def test_every_condition_of_the_routes_is_one_that_can_hold() -> None:
    needs = {"not_commercial", "product_image", "brand_lora", "controlnet", "speaker", "cta", "music_library"}
    for row in table_rows():
        assert set(row.needs) <= needs, row
        assert set(row.quality) <= {"draft", "standard", "premium"}
        assert set(row.engine_preference) <= {"auto", "local", "cloud", "hybrid"}


def _every_decision(**brief: Any) -> list[tuple[RoutedStage, Any]]:
    scenes = [
        a_scene(duration_seconds=seconds, speaker_on_camera=camera, brand_elements=elements, purpose=purpose,
                controlnet_mode=mode)
        for seconds, camera, elements, purpose, mode in itertools.product(
            (2.0, 4.5, 8.0), (False, True), ([], ["logo"], ["product_3d"]), ("hook", "cta"), (None, "canny")
        )
    ]  # fmt: skip
    found = []
    for quality, preference, image in itertools.product(
        ("draft", "standard", "premium"), ("auto", "local", "cloud", "hybrid"), ("", "p.png")
    ):
        if preference == "cloud" and brief.get("budget_usd") == 0:
            continue  # no such brief: refused at the border
        asked = a_brief(quality=quality, engine_preference=preference, product_image=image, **brief)
        for stage in (*ROUTED_STAGES, "final_mp4"):
            for scene in scenes if stage not in ("storyboard", "music", "final_mp4") else [None]:
                found.append((stage, decide(stage, brief=asked, scene=scene)))
    return found


def test_every_chain_ends_with_an_engine_of_this_version() -> None:
    registry = Registry()
    last = {decision.chain[-1].model_id for _, decision in _every_decision(budget_usd=0, local_only=True)}
    last -= {"room/as-drafted", "room/not-reviewed"}  # nobody works there
    roles = [decide(role, brief=a_brief(quality="premium", budget_usd=0, local_only=True)) for role in ROLES]
    assert {decision.chain[-1].engine for decision in roles} == {"animatic", "room"}

    assert {model_id: registry.why_not(model_id) for model_id in last} == dict.fromkeys(last)


def test_a_paid_ad_never_takes_a_model_whose_licence_forbids_it() -> None:
    for stage, decision in _every_decision(commercial=True):
        assert all(row.licence.paid_ads != "no" for row in decision.chain), stage


def test_a_model_that_is_not_for_paid_ads_is_allowed_elsewhere() -> None:
    taken = {row.model_id for _, decision in _every_decision(commercial=False) for row in decision.chain}

    assert "comfyui/mmaudio" in taken


@pytest.mark.parametrize("model_id", _FORBIDDEN)
def test_even_a_storyboard_cannot_put_a_forbidden_model_into_a_paid_ad(model_id: str) -> None:
    stage: RoutedStage = {
        "voice": "voice", "sound": "sfx", "motion": "motion_clip", "lipsync": "lipsync",
    }[next(iter(models()[model_id].crafts))]  # type: ignore[assignment]  # fmt: skip
    scene = a_scene(engines={stage: model_id})

    with pytest.raises(StoryboardRejected, match=r"may not be used: its licence forbids paid ads \("):
        decide(stage, brief=a_brief(), scene=scene)
    assert decide(stage, brief=a_brief(commercial=False), scene=scene).wanted.model_id == model_id


def test_one_line_of_config_makes_exaone_the_local_model_and_its_licence_keeps_it_from_paid_ads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "models.toml"
    own.write_text('[use]\nlocal = "ollama/exaone3.5-7.8b"\n', encoding="utf-8")
    monkeypatch.setenv("AD_PIPELINE_MODELS", str(own))
    wish = {"quality": "standard", "engine_preference": "local"}

    paid, other = (decide("copy", brief=a_brief(commercial=commercial, **wish)) for commercial in (True, False))

    assert other.wanted.model_id == "ollama/exaone3.5-7.8b"
    assert [row.model_id for row in paid.chain] == ["animatic/template-writer"]
    assert "EXAONE AI Model License" in str(paid.passed_over[0].why)


def test_local_only_lets_nothing_leave_the_machine() -> None:
    for stage, decision in _every_decision(local_only=True):
        assert all(row.local for row in decision.chain), stage
        assert all("local_only" in str(p.why) for p in decision.passed_over if not models()[p.model_id].local)


def test_one_scene_may_be_local_only() -> None:
    brief = a_brief(quality="premium")
    decision = decide("voice", brief=brief, scene=a_scene(local_only=True))

    assert decision.wanted.model_id == "openai_speech/kokoro"
    assert [(p.model_id, str(p.why)) for p in decision.passed_over] == [
        ("elevenlabs/eleven_v3", "scene_002 says local_only")
    ]


def test_a_budget_of_nothing_takes_no_paid_engine() -> None:
    for stage, decision in _every_decision(budget_usd=0):
        assert decision.cost_usd == 0, stage
        assert all(row.cost_usd == 0 for row in decision.chain), stage


@pytest.mark.parametrize("wish", ["veo", "veo/veo-3"])
def test_a_storyboard_may_name_an_engine_for_one_stage(wish: str) -> None:
    scene = a_scene(engines={"motion_clip": wish}, duration_seconds=4.0)

    decision = decide("motion_clip", brief=a_brief(), scene=scene)

    assert [row.model_id for row in decision.chain] == ["veo/veo-3", "animatic/ken-burns"]
    assert str(decision.reason) == "the storyboard names it"
    assert decision.cost_usd == pytest.approx(0.8)
    assert decide("voice", brief=a_brief(), scene=scene).wanted.model_id == "animatic/guide-voice"


def test_an_engine_that_does_not_exist_is_refused_with_the_nearest_one() -> None:
    scene = a_scene(engines={"motion_clip": "veo/veo3"})

    with pytest.raises(StoryboardRejected, match=r"unknown engine 'veo/veo3'; did you mean 'veo/veo-3'\?") as refused:
        decide("motion_clip", brief=a_brief(), scene=scene)
    assert refused.value.field == "engines"


def test_an_engine_that_cannot_do_the_stage_is_refused() -> None:
    scene = a_scene(engines={"voice": "comfyui/svd", "lipsync": "comfyui"})

    with pytest.raises(StoryboardRejected, match=r"unknown engine 'comfyui/svd'.*known: .*animatic/guide-voice"):
        decide("voice", brief=a_brief(), scene=scene)
    assert decide("lipsync", brief=a_brief(commercial=False), scene=scene).wanted.model_id == "comfyui/latentsync-1.6"


def test_what_a_scene_costs_follows_its_length_formats_and_words() -> None:
    brief = a_brief(quality="premium", formats=["9:16", "1:1"])

    assert decide("motion_clip", brief=brief, scene=a_scene(duration_seconds=5.0)).cost_usd == pytest.approx(2.0)
    assert decide("key_image", brief=brief, scene=a_scene(purpose="cta")).cost_usd == pytest.approx(0.4)
    spoken = a_scene(narration="가" * 100)
    assert decide("voice", brief=brief, scene=spoken).cost_usd == pytest.approx(0.01)
    assert decide("voice", brief=brief, scene=a_scene()).cost_usd == 0
