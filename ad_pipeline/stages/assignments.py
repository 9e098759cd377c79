"""What the writers' room is given: one session's brief, kit, page and speaker, as its roles see them."""

from __future__ import annotations

from collections.abc import Sequence

from ad_pipeline.engines.animatic.writing.shelf import category_of
from ad_pipeline.routing.prompt_styles import prompt_style
from ad_pipeline.routing.route import decide
from ad_pipeline.settings import settings_from_environment
from ad_pipeline.stages.kits import brands_here
from ad_pipeline.stages.session_facts import SessionFacts
from ad_pipeline.stages.workplace import Workplace
from ad_pipeline.story.arc import purposes_for
from ad_pipeline.story.brief import StoryLanguage
from ad_pipeline.story.casting import Choice, chosen_persona
from ad_pipeline.story.personas import Persona
from ad_pipeline.story.room.guards import other_brands
from ad_pipeline.story.room.questions import Assignment
from ad_pipeline.story.room.roles import Prompts
from ad_pipeline.story.storyboard import Scene

_ANY_SCENE = Scene(id="scene_001", duration_seconds=3.0)


def assignment_of(facts: SessionFacts) -> tuple[Assignment, Choice]:
    """The assignment, and who speaks with the reason."""
    brief, kit = facts.brief, facts.kit
    choice = chosen_persona(brief, kit)
    given = Assignment(
        brief=brief,
        kit=kit,
        page=facts.product_facts,
        persona=speaker_words(choice.persona, brief.story_language),
        speaker_look=choice.persona.look,
        vessel=category_of(brief.product, brief.concept).vessel,
        picture_style=picture_styles(facts, [_ANY_SCENE])[0],
        scene_count=len(purposes_for(brief)),
    )
    return given, choice


def picture_styles(facts: SessionFacts, scenes: Sequence[Scene]) -> list[str]:
    """How the image model that each scene is routed to wants its prompt."""
    routed = [decide("key_image", brief=facts.brief, scene=scene, kit=facts.kit) for scene in scenes]
    return [prompt_style(decision.wanted.model_id) for decision in routed]


def own_prompts() -> Prompts:
    """The prompts as the environment says."""
    return Prompts(settings_from_environment().prompts)


def known_brands(workplace: Workplace) -> tuple[str, ...]:
    """Names that an ad for somebody else must not say: of the kits here, and of brands that models know."""
    named = [name for names in brands_here(workplace.brands).values() for name in names]
    return (*dict.fromkeys(named), *other_brands())


def speaker_words(persona: Persona, language: StoryLanguage) -> str:
    """Who speaks and how, in the ad's language."""
    speech = persona.speech[language]
    parts = (persona.titles[language], speech.habits, speech.endings)
    return ". ".join(part.rstrip(".") for part in parts if part)
