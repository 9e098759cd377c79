"""Which character speaks in an ad: the one that the brief asks for, else the one that suits it best, and why."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from ad_pipeline.messages import Message, worded
from ad_pipeline.story.brand_kit import BrandKit
from ad_pipeline.story.brief import Brief
from ad_pipeline.story.personas import Persona, persona_of, personas
from ad_pipeline.story.tones import tones_of

# What a likeness is worth. The kit's own voice outweighs all: a character that the ad's voice cannot play is none.
_VOICE, _TONE, _AUDIENCE, _AGE, _PRODUCT = 6.0, 3.0, 2.5, 2.0, 1.5

_KIT_AGES = {"young": (18, 31), "adult": (26, 46), "mature": (44, 80)}
_DECADES_EN = {"teens": 10, "twenties": 20, "thirties": 30, "forties": 40, "fifties": 50, "sixties": 60}


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Who speaks, and why, as one sentence for a person."""

    persona: Persona
    why: Message


@dataclass(frozen=True, kw_only=True)
class _Likeness:
    """What speaks for one character: its worth, and what can be said of it."""

    worth: float
    reasons: tuple[Message, ...]


def chosen_persona(brief: Brief, kit: BrandKit) -> Choice:
    """The character that the brief asks for; for `auto`, or a name that nobody has, the one that suits the ad best.

    The same brief and kit always give the same character.
    """
    asked = persona_of(brief.persona)
    if asked:
        return Choice(persona=asked, why=worded("the brief asks for {persona}", persona=asked.name))
    likeness = {persona.name: _likeness(persona, brief, kit) for persona in personas().values()}
    # Among equals a stable draw, so that not all quiet briefs get the catalogue's first character.
    best = max(likeness, key=lambda name: (likeness[name].worth, _drawn(brief, name)))
    why = worded("{persona} suits it: {reasons}", persona=best, reasons=_joined(likeness[best].reasons))
    if brief.persona.strip().lower() not in ("", "auto", "none"):
        why = worded("nobody in the catalogue is called {asked!r}; {why}", asked=brief.persona, why=why)
    return Choice(persona=personas()[best], why=why)


def _likeness(persona: Persona, brief: Brief, kit: BrandKit) -> _Likeness:
    reasons: list[Message] = []
    worth = _voice_worth(persona, kit)
    shared = [tone for tone in tones_of(brief.tone or kit.tone) if tone in persona.tones]
    if shared:
        worth += _tone_worth(persona, tones_of(brief.tone or kit.tone))
        reasons.append(worded("they speak {tones}", tones=" + ".join(shared)))
    people = f"{brief.target_audience} {brief.goal} {brief.concept}".lower()
    heard = _named(persona.audience, people)
    if heard:
        worth += _AUDIENCE * min(2, len(heard))
        reasons.append(worded("they are heard by such an audience ({words})", words=", ".join(heard)))
    decades = _decades(people)
    if any(decade <= age < decade + 10 for decade in decades for age in persona.age):
        worth += _AGE
        youngest, oldest = persona.age
        reasons.append(
            worded("they are of the audience's age ({youngest} to {oldest})", youngest=youngest, oldest=oldest)
        )
    goods = _named(persona.products, brief.product.lower())
    if goods:
        worth += _PRODUCT
        reasons.append(worded("they are at home with such a product ({words})", words=", ".join(goods)))
    if _voice_worth(persona, kit) >= _VOICE:
        reasons.append(worded("the brand's voice can play them"))
    return _Likeness(worth=worth, reasons=tuple(reasons))


def _voice_worth(persona: Persona, kit: BrandKit) -> float:
    fits = kit.voice.gender == "any" or persona.gender in (kit.voice.gender, "androgynous")
    youngest, oldest = _KIT_AGES[kit.voice.age]
    return _VOICE * fits + 1.0 * (youngest <= persona.age[1] and persona.age[0] <= oldest)


def _tone_worth(persona: Persona, wished: tuple[str, ...]) -> float:
    """The tone that the wish leads with counts most, and most where it leads the character too."""
    lead = 1.0 if wished[0] in persona.tones else 0.0
    same_lead = 0.5 if persona.tones[0] == wished[0] else 0.0
    coloured = 0.4 if any(tone in persona.tones for tone in wished[1:]) else 0.0
    return _TONE * (lead + same_lead + coloured)


def _named(words: Iterable[str], text: str) -> list[str]:
    """Which words stand in `text`, a Latin one only whole; of a word and a longer one around it, the longer."""
    found = [
        word
        for word in words
        if (re.search(rf"(?<![a-z]){re.escape(word)}(?:s|es)?(?![a-z])", text) if word.isascii() else word in text)
    ]
    return [word for word in found if not any(word != other and word in other for other in found)]


def _decades(text: str) -> set[int]:
    named = {years for word, years in _DECADES_EN.items() if re.search(rf"\b{word}\b", text)}
    return named | {int(years) for years in re.findall(r"(?<!\d)([1-7]0)(?:대|s\b|-somethings?)", text)}


def _joined(reasons: tuple[Message, ...]) -> Message:
    if not reasons:
        return worded("nothing in the brief speaks for or against anybody")
    told = reasons[0]
    for reason in reasons[1:]:
        told = worded("{one}; {other}", one=told, other=reason)
    return told


def _drawn(brief: Brief, name: str) -> int:
    return zlib.crc32(f"{brief.brand_id} {brief.product} {name}".encode())
