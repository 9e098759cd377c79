"""Which engine a stage of a scene takes, why, and who stands behind it.

The table is data (`routes.toml`); the licence gate acts here, so that no stage can forget it.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import Any, Literal

from ad_pipeline.engines.contracts import Craft
from ad_pipeline.engines.language.catalogue import language_book
from ad_pipeline.engines.speech.catalogue import speech_book
from ad_pipeline.errors import StoryboardRejected
from ad_pipeline.messages import Message, worded
from ad_pipeline.routing.catalogue import ModelRow, models
from ad_pipeline.settings import settings_from_environment
from ad_pipeline.story.arc import purposes_for
from ad_pipeline.story.border import nearest
from ad_pipeline.story.brand_kit import BrandKit
from ad_pipeline.story.brief import Brief
from ad_pipeline.story.room.roles import WRITING_ROLES, Role, role_facts
from ad_pipeline.story.storyboard import Scene

ROOM = "room/writers"

RoutedStage = (
    Literal["storyboard", "key_image", "image_edit", "motion_clip", "voice", "lipsync", "sfx", "music", "final_mp4"]
    | Role
)
"""A stage of the film, or a role of the writers' room."""
ROUTED_STAGES: tuple[RoutedStage, ...] = ("storyboard", "key_image", "motion_clip", "voice", "lipsync", "sfx", "music")
_CRAFT: Mapping[RoutedStage, Craft] = MappingProxyType(
    {
        "storyboard": "story",
        "key_image": "image",
        "image_edit": "image",
        "motion_clip": "motion",
        "voice": "voice",
        "lipsync": "lipsync",
        "sfx": "sound",
        "music": "sound",
    }
)


@dataclass(frozen=True, kw_only=True)
class Passed:
    """A model that the route would have liked, and why it may not do the work."""

    model_id: str
    why: Message


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The route of one stage of one scene.

    `wanted` is what the route chose among what the brief and the licences allow; `chain` starts
    with it. `passed_over` never counts as a downgrade: the brief itself rules those out.
    """

    stage: RoutedStage
    scene_id: str | None
    chain: tuple[ModelRow, ...]
    reason: Message
    passed_over: tuple[Passed, ...] = ()
    cost_usd: float = 0.0

    @property
    def wanted(self) -> ModelRow:
        return self.chain[0]


@dataclass(frozen=True, kw_only=True)
class _Row:
    stage: str
    engines: tuple[str, ...]
    reason: str
    quality: tuple[str, ...] = ()
    engine_preference: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    shortest_s: float = 0.0
    longest_s: float = float("inf")

    def holds(self, *, stage: str, brief: Brief, needs: frozenset[str], length_s: float) -> bool:
        return (
            self.stage == stage
            and (not self.quality or brief.quality in self.quality)
            and (not self.engine_preference or brief.engine_preference in self.engine_preference)
            and needs.issuperset(self.needs)
            and self.shortest_s <= length_s <= self.longest_s
        )


def decide(stage: RoutedStage, *, brief: Brief, scene: Scene | None = None, kit: BrandKit | None = None) -> Decision:
    """The engine for `stage`, and the chain behind it. Of the kit only its LoRA counts.

    Raises:
        StoryboardRejected: the scene names an engine that does not exist or may not be used here.
    """
    length_s = scene.duration_seconds if scene else brief.duration
    row = next(
        r for r in _rows() if r.holds(stage=stage, brief=brief, needs=_needs(brief, scene, kit), length_s=length_s)
    )
    wish = {str(name): engine for name, engine in scene.engines.items()}.get(stage, "") if scene else ""
    names, reason = row.engines, Message(row.reason)
    if wish:
        names = (_named(wish, stage, scene), *row.engines)
        reason = StoryboardRejected("the storyboard names it").message
    allowed: list[ModelRow] = []
    passed: list[Passed] = []
    speechless: list[Passed] = []
    for name in dict.fromkeys(map(_meant, names)):
        why_not = _forbidden(models()[name], brief=brief, scene=scene)
        if why_not and wish and name == names[0]:
            raise StoryboardRejected(
                "{scene_id}: engine {wish!r} for {stage} may not be used: {why}",
                field="engines",
                scene_id=scene.id if scene else "",
                wish=wish,
                stage=stage,
                why=why_not,
            )
        if why_not:
            passed.append(Passed(model_id=name, why=why_not))
        elif why_mute := _speechless(models()[name], brief):
            speechless.append(Passed(model_id=name, why=why_mute))
        else:
            allowed.append(models()[name])
    if speechless and all(row.engine == "animatic" for row in allowed):
        # Nobody better speaks it: then the guide voice stands in for who was wanted, and the take says so.
        allowed = [*(models()[mute.model_id] for mute in speechless), *allowed]
    else:
        passed += speechless
    return Decision(
        stage=stage,
        scene_id=scene.id if scene else None,
        chain=tuple(allowed),
        reason=reason,
        passed_over=tuple(passed),
        cost_usd=round(_cost_usd(allowed[0], stage, brief=brief, scene=scene), 4),
    )


def role_decisions(brief: Brief) -> Mapping[Role, Decision]:
    """The routes of those who write a storyboard; empty where the template writer does it alone."""
    if decide("storyboard", brief=brief).wanted.model_id != ROOM:
        return {}
    return {role: decide(role, brief=brief) for role in WRITING_ROLES}


def _meant(name: str) -> str:
    """`@local` as the model that [use] in models.toml names, `@own_voice` as that in voices.toml."""
    if not name.startswith("@"):
        return name
    settings = settings_from_environment()
    return {**language_book(settings).use, **speech_book(settings).use}[name[1:]]


def _needs(brief: Brief, scene: Scene | None, kit: BrandKit | None) -> frozenset[str]:
    needs = {
        "not_commercial": not brief.commercial,
        "product_image": bool(brief.product_image) and bool(scene and "product_3d" in scene.brand_elements),
        "brand_lora": bool(scene and scene.brand_elements and kit and kit.lora),
        "controlnet": bool(scene and scene.controlnet_mode and brief.product_image),
        "speaker": bool(scene and scene.speaker_on_camera),
        "cta": bool(scene and scene.purpose == "cta"),
        "music_library": settings_from_environment().music is not None,
    }
    return frozenset(name for name, holds in needs.items() if holds)


def _forbidden(row: ModelRow, *, brief: Brief, scene: Scene | None) -> Message | None:
    """Why the brief rules this model out; None when it does not."""
    why: StoryboardRejected | None = None
    if brief.commercial and row.licence.paid_ads == "no":
        terms = f"{row.licence.name}: {row.licence.note}" if row.licence.note else row.licence.name
        why = StoryboardRejected("its licence forbids paid ads ({terms})", terms=terms)
    elif not row.local and brief.local_only:
        why = StoryboardRejected("the brief says local_only")
    elif not row.local and scene and scene.local_only:
        why = StoryboardRejected("{scene_id} says local_only", scene_id=scene.id)
    elif not row.local and brief.engine_preference == "local":
        why = StoryboardRejected("engine_preference is local")
    elif (row.cost_usd or row.usd_per_million_output) and brief.budget_usd == 0:
        why = StoryboardRejected("the budget is 0")
    return why.message if why else None


def _speechless(row: ModelRow, brief: Brief) -> Message | None:
    """Why a voice cannot say the ad's words; None where it can. No rule of the brief: another voice is wanted then."""
    if not row.languages or brief.story_language in row.languages:
        return None
    speaks = ", ".join(sorted(row.languages))
    return worded("it speaks {speaks}, the ad {language}", speaks=speaks, language=brief.story_language)


def _named(wish: str, stage: RoutedStage, scene: Scene | None) -> str:
    """`comfyui` or `comfyui/svd` as a model id; only what does the stage's craft counts."""
    known = [model_id for model_id, row in models().items() if _CRAFT.get(stage) in row.crafts]
    if wish in known:
        return wish
    of_engine = [model_id for model_id in known if model_id.split("/")[0] == wish]
    if len(of_engine) == 1:
        return of_engine[0]
    raise StoryboardRejected(
        "{scene_id}: unknown engine {wish!r}; did you mean {guess!r}? known: {known}",
        field="engines",
        scene_id=scene.id if scene else "",
        wish=wish,
        guess=nearest(wish, known) or next(iter(of_engine), known[0]),
        known=", ".join(known),
    )


def _cost_usd(row: ModelRow, stage: RoutedStage, *, brief: Brief, scene: Scene | None) -> float:
    if row.model_id == ROOM:
        return sum(decide(role, brief=brief).cost_usd for role in WRITING_ROLES)
    if "language" in row.crafts:
        return tokens_cost_usd(row, stage) * _scenes_share(brief)
    amount = {
        None: 0.0,
        "storyboard": 1.0,
        "effect": 1.0,
        "image": float(len(brief.formats)),
        "clip_second": (scene.duration_seconds if scene else brief.duration) * len(brief.formats),
        "spoken_1000_characters": sum(len(line.text) for line in scene.spoken) / 1000 if scene else 0.0,
    }[row.cost_unit]
    return row.cost_usd * amount


def _scenes_share(brief: Brief) -> float:
    """The table's tokens are those of an ad of five scenes; half of them are the same for any number."""
    return 0.5 + 0.1 * len(purposes_for(brief))


def tokens_cost_usd(row: ModelRow, stage: str) -> float:
    """What a role's work on five scenes usually costs there, in USD."""
    tokens = next((facts.tokens for role, facts in role_facts().items() if role == stage), {})
    prices = {"input": row.usd_per_million_input, "output": row.usd_per_million_output}
    return sum(count * prices[kind] for kind, count in tokens.items()) / 1e6


@functools.cache
def _rows() -> tuple[_Row, ...]:
    text = (resources.files("ad_pipeline.routing") / "routes.toml").read_text(encoding="utf-8")
    return tuple(_Row(**_tuples(row)) for row in tomllib.loads(text)["route"])


def _tuples(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
