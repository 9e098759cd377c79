"""What each role is given to work on: the brief, the facts, and what the others decided before."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from ad_pipeline.story.brand_kit import BrandKit
from ad_pipeline.story.brief import Brief, StoryLanguage
from ad_pipeline.story.product_facts import ProductFacts
from ad_pipeline.story.room.answers import Copy, ScenePlan, Strategy
from ad_pipeline.story.room.facts import Fact, facts_text, known_facts, named_facts, page_text, quoted
from ad_pipeline.story.speaking import AIR_S, spoken_seconds
from ad_pipeline.story.storyboard import Scene, Storyboard
from ad_pipeline.story.tones import Tone, tone_of

_LANGUAGES = {"ko": "Korean", "en": "English"}
_NAMED = {"ko": {"ko": "한국어", "en": "영어"}, "en": {"ko": "Korean", "en": "English"}}
_LINES = {
    "ko": {"ko": "16자씩 두 줄까지", "en": "영어로 24자씩 두 줄까지"},
    "en": {"ko": "at most 2 lines of 16 Korean letters", "en": "at most 2 lines of 24 characters"},
}
_SAMPLES = {
    "ko": "물빛 한 방울이 맑은 아침을 천천히 건네는 날",
    "en": "a quiet minute for yourself at the end of the day",
}
_SAMPLE_SYLLABLES = {"ko": 18, "en": 14}
"""How many syllables the samples have: what one of them takes follows from how long they last."""


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """One ad as its writers' room sees it; `vessel` is what the product's pack looks like, in English."""

    brief: Brief
    kit: BrandKit
    page: ProductFacts | None = None
    persona: str = ""
    """Who speaks, and how, in words for a writer."""
    vessel: str = "the product"
    speaker_look: str = ""
    """What the speaker looks like, in English, for scenes that show them."""
    picture_style: str = ""
    """How the image model of most scenes wants its prompts."""
    scene_count: int = 5

    @property
    def language(self) -> StoryLanguage:
        return self.brief.story_language

    @property
    def written(self) -> StoryLanguage:
        """The language of what stands on the picture."""
        return self.brief.written_language

    @property
    def facts(self) -> tuple[Fact, ...]:
        return known_facts(self.brief, self.page)

    @property
    def names(self) -> tuple[str, ...]:
        """The product's and the brand's own names: their words claim nothing."""
        return own_names(self.brief, self.kit)

    @property
    def tone(self) -> Tone:
        return tone_of(self.brief.tone or self.kit.tone)

    @property
    def speed(self) -> float:
        return self.kit.voice.speed

    @property
    def tone_words(self) -> str:
        """The tone's name and what it sounds like, in the ad's language."""
        how = self.tone.instructions_ko if self.language == "ko" else self.tone.instructions_en
        return f"{self.brief.tone or self.kit.tone}: {how}" if how else self.brief.tone or self.kit.tone

    @property
    def slots(self) -> dict[str, str]:
        """What fills the prompts."""
        return {
            "tone": self.tone_words,
            "persona": self.persona or ("브랜드 자신의 목소리" if self.language == "ko" else "the brand's own voice"),
            "avoid": ", ".join(self.kit.words_to_avoid) or "-",
            "scene_count": str(self.scene_count),
            "duration": f"{self.brief.duration:g}",
            "vessel": self.vessel,
            "style": self.picture_style,
            "written": _NAMED[self.language][self.written],
            "lines": _LINES[self.language][self.written],
        }


def own_names(brief: Brief, kit: BrandKit) -> tuple[str, ...]:
    """What the product and the brand are called, in any script."""
    return tuple(name for name in (brief.product, kit.name, kit.name_ko, kit.wordmark) if name)


def brief_text(given: Assignment) -> str:
    """The client's word. Its lines are quoted too: a brief may hold text that somebody pasted."""
    brief, kit = given.brief, given.kit
    rows = {
        "brand": f"{kit.name}" + (f" ({kit.name_ko})" if kit.name_ko else ""),
        "tagline": kit.tagline_ko if given.language == "ko" else kit.tagline,
        "call to action": kit.cta_ko if given.language == "ko" else kit.cta,
        "product": brief.product,
        "idea": brief.concept,
        "audience": brief.target_audience,
        "goal": brief.goal,
        "tone": brief.tone or kit.tone,
        "channels": ", ".join(brief.channels),
        "length": f"{brief.duration:g} s",
        "spoken language": _LANGUAGES[given.language],
        "written language": _LANGUAGES[given.written],
        "brand colours": ", ".join(kit.palette.colours),
    }
    return "\n".join(["BRIEF", *(f"{name}: {quoted(text, most=1000)}" for name, text in rows.items() if text)])


def strategy_text(given: Assignment) -> str:
    return _joined(brief_text(given), facts_text(given.facts), page_text(given.page))


def plan_text(given: Assignment, strategy: Strategy) -> str:
    return _joined(brief_text(given), _strategy(given, strategy), facts_text(given.facts))


def copy_text(given: Assignment, strategy: Strategy, plan: ScenePlan, seconds: Sequence[float]) -> str:
    return _joined(
        brief_text(given), _strategy(given, strategy), facts_text(given.facts), _planned(given, plan, seconds)
    )


def polish_text(given: Assignment, strategy: Strategy, plan: ScenePlan, seconds: Sequence[float], copy: Copy) -> str:
    return _joined(copy_text(given, strategy, plan, seconds), _drafted(copy))


def again_text(before: str, copy: Copy, reasons: Sequence[str]) -> str:
    """The same work once more, after a review."""
    asked = "\n".join(["REVIEW, what the brand's reviewer wants changed:", *(f"- {quoted(r)}" for r in reasons)])
    return _joined(before, _drafted(copy), asked, "Write the copy anew. Keep what was not criticized.")


def direction_text(
    given: Assignment, strategy: Strategy, plan: ScenePlan, copy: Copy, styles: Sequence[str] = ()
) -> str:
    """`styles`: how the image model of each scene wants its prompt; told where it is not the one of most."""
    words = {line.scene: line for line in copy.scenes}
    rows: list[str] = []
    for at, scene in enumerate(plan.scenes, 1):
        told = [f"{at}. {scene.purpose}: {quoted(scene.idea)}"]
        if at in words and words[at].narration:
            told.append(f"voice: {quoted(words[at].narration)}")
        told += ["shows the product"] if scene.shows_product else []
        told += ["the speaker speaks into the camera"] if scene.speaker_on_camera else []
        if styles and styles[at - 1] != given.picture_style:
            told.append(f"write this shot otherwise: {styles[at - 1]}")
        rows.append("; ".join(told))
    speaks = any(scene.speaker_on_camera for scene in plan.scenes)
    return _joined(
        brief_text(given),
        f"MESSAGE: {quoted(strategy.message)}",
        f"THE PERSON, as the speaker looks: {quoted(given.speaker_look)}" if speaks and given.speaker_look else "",
        "\n".join(["SCENES", *rows]),
    )


def review_text(given: Assignment, board: Storyboard, measured: Sequence[str]) -> str:
    rows = [
        f"{scene.number}. {scene.purpose}, {scene.duration_seconds:.2f} s, voice: {quoted(_spoken(scene))}, "
        f"written: {quoted(scene.onscreen_text)}, picture: {quoted(scene.image_prompt, most=160)}"
        for scene in board.scenes
    ]
    return _joined(
        brief_text(given),
        facts_text(given.facts),
        "\n".join(["STORYBOARD, quoted", *rows]),
        "\n".join(["MEASURED", *(f"- {line}" for line in measured)]),
    )


def rewrite_text(given: Assignment, board: Storyboard, scene: Scene, wish: str, seconds: float) -> str:
    rows = [
        f"{other.number}. {other.purpose}{' <- this one' if other.id == scene.id else ''}: "
        f"voice: {quoted(_spoken(other))}, written: {quoted(other.onscreen_text)}"
        for other in board.scenes
    ]
    room = f"{scene.number}. room for {_room(given, seconds)}"
    return _joined(
        brief_text(given), facts_text(given.facts), "\n".join(["STORYBOARD", *rows]), f"SCENES\n{room}",
        f"WISH of the client: {quoted(wish, most=600)}",
    )  # fmt: skip


def syllables_in(seconds: float, language: StoryLanguage, speed: float) -> int:
    """About how many syllables can be said in a scene of that length, its air left free."""
    once_s = spoken_seconds(_SAMPLES[language], language, speed)
    twice_s = spoken_seconds(f"{_SAMPLES[language]} {_SAMPLES[language]}", language, speed)
    per_syllable_s = (twice_s - once_s) / _SAMPLE_SYLLABLES[language]
    before_s = once_s - (twice_s - once_s)  # a line has a beginning and an end, however short it is
    return max(0, int((seconds - 2 * AIR_S - before_s) / per_syllable_s))


def _spoken(scene: Scene) -> str:
    """What is said, with who says it where it is not the narrator alone."""
    lines = scene.spoken
    if all(line.speaker == "narrator" for line in lines):
        return " ".join(line.text for line in lines)
    return " / ".join(f"{line.speaker}: {line.text}" for line in lines)


def _planned(given: Assignment, plan: ScenePlan, seconds: Sequence[float]) -> str:
    rows = [
        f"{at}. {scene.purpose}, {length_s:.1f} s, room for {_room(given, length_s)}: {quoted(scene.idea)}"
        for at, (scene, length_s) in enumerate(zip(plan.scenes, seconds, strict=True), 1)
    ]
    return "\n".join(["SCENES", *rows])


def _room(given: Assignment, length_s: float) -> str:
    return f"{syllables_in(length_s, given.language, given.speed)} syllables"


def _strategy(given: Assignment, strategy: Strategy) -> str:
    rows = {
        "audience": strategy.audience, "insight": strategy.insight, "usp": strategy.usp, "message": strategy.message,
        "facts to tell": ", ".join(fact.fact_id for fact in named_facts(strategy.facts, given.facts)),
    }  # fmt: skip
    return "\n".join(["STRATEGY", *(f"{name}: {quoted(text)}" for name, text in rows.items() if text)])


def _drafted(copy: Copy) -> str:
    rows = [json.dumps(line.model_dump(mode="json"), ensure_ascii=False) for line in copy.scenes]
    return "\n".join(["DRAFT", *rows])


def _joined(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)
