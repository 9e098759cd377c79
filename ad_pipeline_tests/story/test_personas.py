from __future__ import annotations

import itertools
import re
from collections.abc import Callable

import pytest

from ad_pipeline.story.personas import Persona, persona_of, personas
from ad_pipeline.story.tones import tones

MOST_SHARED = 0.3
_TEXTS: dict[str, Callable[[Persona], str]] = {
    "look": lambda p: p.look,
    "temperament": lambda p: p.temperament,
    "habits in Korean": lambda p: p.speech["ko"].habits,
    "habits in English": lambda p: p.speech["en"].habits,
    "Korean endings and turns": lambda p: f"{p.speech['ko'].endings} {' '.join(p.speech['ko'].turns)}",
    "voice in words": lambda p: f"{p.voice.pitch} {p.voice.pace} {p.voice.warmth}",
    "voice to look for": lambda p: p.elevenlabs.voice,
    "reference recording": lambda p: p.xtts.reference,
}


def _shared(one: str, other: str) -> float:
    """Share of words that two texts have in common, of all that either has."""
    words, others = (set(re.findall(r"\w+", text.lower())) for text in (one, other))
    return len(words & others) / len(words | others)


def test_there_are_39_characters() -> None:
    assert len(personas()) == 39


@pytest.mark.parametrize("name", personas())
def test_a_persona_speaks_both_languages_in_known_tones(name: str) -> None:
    persona = personas()[name]

    assert persona.tones
    assert set(persona.tones) <= set(tones())
    assert persona.openers["ko"]
    assert persona.openers["en"]
    assert persona_of(persona.titles["ko"]) == persona
    assert persona_of(persona.titles["en"]) == persona


@pytest.mark.parametrize("name", personas())
def test_every_field_of_a_persona_says_something(name: str) -> None:
    persona = personas()[name]

    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", name)
    assert all(told(persona).strip() for told in _TEXTS.values())
    assert len(persona.look.split()) >= 18
    assert all(len(persona.speech[language].turns) >= 2 for language in ("ko", "en"))
    assert re.search(r"[가-힣]", persona.speech["ko"].endings)
    assert persona.audience
    assert persona.products


@pytest.mark.parametrize("name", personas())
def test_a_personas_numbers_are_in_the_vendors_ranges(name: str) -> None:
    persona = personas()[name]
    hint = persona.elevenlabs

    assert all(0 <= number <= 1 for number in (hint.stability, hint.similarity_boost, hint.style))
    assert 0.7 <= hint.speed <= 1.2
    assert 0.7 <= persona.xtts.speed <= 1.3
    assert 19 <= persona.age[0] <= persona.age[1] <= 80


@pytest.mark.parametrize("text", _TEXTS)
def test_no_two_personas_are_described_alike(text: str) -> None:
    pairs = itertools.combinations(personas().values(), 2)

    alike = [(a.name, b.name) for a, b in pairs if _shared(_TEXTS[text](a), _TEXTS[text](b)) > MOST_SHARED]

    assert alike == []


def test_no_two_personas_share_a_title_a_turn_or_an_opener() -> None:
    told = [
        text
        for p in personas().values()
        for language in ("ko", "en")
        for text in (p.titles[language], *p.speech[language].turns, *filter(None, p.openers[language]))
    ]

    assert sorted({text for text in told if told.count(text) > 1}) == []


def test_no_two_personas_want_the_same_settings() -> None:
    settings = [
        (p.elevenlabs.stability, p.elevenlabs.similarity_boost, p.elevenlabs.style, p.elevenlabs.speed)
        for p in personas().values()
    ]

    assert len(set(settings)) == len(settings)


def test_every_tone_leads_somebody_and_all_kinds_of_voices_are_there() -> None:
    everybody = personas().values()

    assert {p.tones[0] for p in everybody} == set(tones())
    assert {p.gender for p in everybody} == {"female", "male", "androgynous"}
    assert min(p.age[0] for p in everybody) < 22
    assert max(p.age[1] for p in everybody) > 70


@pytest.mark.parametrize(
    ("wish", "name"),
    [
        ("best friend", "best_friend"),
        ("단짝 친구", "best_friend"),
        ("comedien", "comedian"),
        ("auto", None),
        ("xyzzy", None),
    ],
)
def test_a_persona_is_found_by_name_title_or_nearly(wish: str, name: str | None) -> None:
    found = persona_of(wish)

    assert (found.name if found else None) == name
