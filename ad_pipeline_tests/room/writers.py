"""Writers for tests: a language server whose model plays every role of the room, well or as told otherwise.

The words are read off the question like a model would: how many scenes, how much room each has, which facts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ad_pipeline.story.brief import StoryLanguage
from ad_pipeline_tests.language.dialects import Asked
from ad_pipeline_tests.language.server import LanguageServer

_MODELS = ("qwen2.5:7b", "exaone3.5:7.8b", "gpt-6.1-sol", "gpt-6.1-terra", "claude-sonnet-5-5")

Part = Callable[[Asked], Any]

# A word of each role's instructions, in both languages.
_SIGNS: Mapping[str, tuple[str, str]] = {
    "strategy": ("You are the strategist", "광고팀의 전략가"),
    "scene_plan": ("You are the scene planner", "장면 구성 작가"),
    "rewrite": ("asks you to change the words of one scene", "한 장면의 말만 고쳐"),
    "copy_polish": ("You are the copy chief", "카피 책임자"),
    "copy": ("You write what the voice says", "목소리가 하는 말과"),
    "direction": ("You are the video director", "광고팀의 영상 감독"),
    "review": ("You are the reviewer", "광고팀의 검토자"),
    "brief": ("You take down a client's brief", "의뢰인과의 대화를 듣고"),
}

_KO = (
    "오후 세 시, 마음도 마르죠.", "괜찮아요, 잠깐 숨을 골라요.", "{product}, 물처럼 맑게.", "손끝에 닿는 가벼운 물결.",
    "하루가 다시 촉촉해져요.", "천천히, 나답게.", "지금 만나 보세요.",
)  # fmt: skip
_EN = (
    "Three o'clock again.", "Take one slow breath.", "{product}, light as water.", "Feel it glide.",
    "The day feels new.", "Slowly, your way.", "Meet it today.",
)  # fmt: skip
_SHOWN = {
    "ko": ("마른 오후", "숨 고르기", "맑은 한 방울", "가벼운 물결", "다시 오늘", "나답게", "지금"),
    "en": ("A dry hour", "Breathe", "One clear drop", "A light wave", "Again today", "Your way", "Now"),
}


def writing(server_answers: Mapping[str, Any] | None = None, *, language: StoryLanguage = "ko") -> LanguageServer:
    """A server whose model plays all roles; `server_answers` replaces roles by name with a value or a function."""
    parts: dict[str, Any] = {
        "strategy": strategy, "scene_plan": plan, "copy": copy_in(language), "copy_polish": copy_in(language),
        "direction": direction, "review": review(0.92), "rewrite": rewrite_in(language), "brief": {},
    }  # fmt: skip
    parts |= server_answers or {}
    roles = {sign: parts[role] for role, signs in _SIGNS.items() for sign in signs}
    return LanguageServer(roles=roles, models=_MODELS)


def role_of(asked: Asked) -> str:
    """Which role a request was for."""
    return next(role for role, signs in _SIGNS.items() if any(sign in asked.system for sign in signs))


def listed(path: Path, *, local: str = "", cloud: str = "", local_url: str = "http://127.0.0.1:9") -> None:
    """A person's models.toml: Ollama at `local` (nobody there when empty), both clouds at `cloud`."""
    path.write_text(
        f'[servers.ollama]\nurl = "{local or local_url}"\n'
        + (f'[servers.openai]\nurl = "{cloud}/v1"\n[servers.anthropic]\nurl = "{cloud}"\n' if cloud else ""),
        encoding="utf-8",
    )


# --- the roles ------------------------------------------------------------------------------------


def strategy(asked: Asked) -> dict[str, Any]:
    return {
        "audience": "에어컨 아래에서 일하는 20대 후반 직장인", "insight": "오후가 되면 마음까지 마른다",
        "usp": "물처럼 가벼운 한 방울", "message": "오후에도 맑게", "facts": _fact_ids(asked)[:1],
    }  # fmt: skip


def plan(asked: Asked) -> dict[str, Any]:
    count = int(re.search(r"(?:exactly|정확히) (\d+)", asked.system)[1])  # type: ignore[index]
    purposes = {2: ["hook", "cta"], 3: ["hook", "solution", "cta"], 4: ["hook", "problem", "solution", "cta"]}.get(
        count, ["hook", "problem", "solution", *["story"] * (count - 4), "cta"]
    )
    scenes = [
        {"purpose": purpose, "seconds": 3.0, "idea": f"{purpose}: 창가의 물방울", "motion_style": "slow zoom-in",
         "shows_product": purpose in ("solution", "cta"), "speaker_on_camera": False}
        for purpose in purposes
    ]  # fmt: skip
    return {"title": "오후의 한 방울", "scenes": scenes}


def copy_in(language: StoryLanguage) -> Part:
    """A copywriter of that language, whose lines fit."""

    def copy(asked: Asked) -> dict[str, Any]:
        said = _KO if language == "ko" else _EN
        product = quoted_field(asked, "product")
        count = len(_numbers(asked))
        lines = [
            {"scene": at, "narration": said[min(at - 1, 5) if at < count else 6].format(product=product),
             "onscreen_text": _SHOWN[language][min(at - 1, 5) if at < count else 6], "facts": []}
            for at in range(1, count + 1)
        ]  # fmt: skip
        return {"scenes": lines}

    return copy


def rewrite_in(language: StoryLanguage) -> Part:
    def rewrite(asked: Asked) -> dict[str, Any]:
        found = re.search(r"for scene (\d+)|(\d+)번 장면 하나만", asked.system)
        assert found
        number = int(found[1] or found[2])
        narration = "세라마이드처럼 포근하게." if language == "ko" else "Warm as a blanket."
        return {"scenes": [{"scene": number, "narration": narration, "onscreen_text": "포근하게", "facts": []}]}

    return rewrite


def direction(asked: Asked) -> dict[str, Any]:
    shots = [
        {"scene": at, "shot": f"water drops on a window, morning light, shot {at}", "camera": "close-up",
         "motion_prompt": "drops run down slowly", "negative_prompt": "", "transition": "dissolve"}
        for at in _numbers(asked)
    ]  # fmt: skip
    return {
        "look": "soft morning light, pale blue palette, clean glass",
        "person": "a woman in her late twenties, short hair",
        "music_mood": "calm_inspiring",
        "scenes": shots,
    }


def review(*tones: float) -> Part:
    """A reviewer who gives these tone matches one after the other, the last for ever."""
    left = list(tones)

    def judge(asked: Asked) -> dict[str, Any]:
        tone = left.pop(0) if len(left) > 1 else left[0]
        scores = {
            name: {"score": 0.9, "reason": f"scene 1 is {name}"}
            for name in ("brand_fit", "claim_safety", "legibility", "reading_speed", "hook_strength")
        }
        return {
            "tone_match": {"score": tone, "reason": "scene 2 sounds like them"}, **scores,
            "advice": [] if tone >= 0.85 else ["scene 2: warmer"],
        }  # fmt: skip

    return judge


def quoted_field(asked: Asked, name: str) -> str:
    """What the brief says in that line."""
    return re.search(rf"(?m)^{name}: «(.*)»$", asked.first_text)[1]  # type: ignore[index]


def _numbers(asked: Asked) -> list[int]:
    scenes = asked.first_text.split("SCENES", 1)[1]
    return [int(number) for number in re.findall(r"(?m)^(\d+)\. ", scenes)]


def _fact_ids(asked: Asked) -> list[str]:
    return re.findall(r"(?m)^(F\d+): ", asked.first_text)
