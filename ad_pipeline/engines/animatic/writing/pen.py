"""Writing one ad's lines: sentences offered in order of liking, each phrase used once."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ad_pipeline.engines.animatic.writing.shelf import Category, Motif, category_of, frames, motifs_of
from ad_pipeline.engines.animatic.writing.wording import filled, is_clean, on_screen, sayable, short_name, shorter_parts
from ad_pipeline.story.brand_kit import BrandKit
from ad_pipeline.story.brief import Brief, StoryLanguage
from ad_pipeline.story.claims import flags_of
from ad_pipeline.story.personas import Persona, persona_of
from ad_pipeline.story.storyboard import Purpose
from ad_pipeline.story.tones import tones_of

_SLOT = re.compile(r"<[^>]*>")
_DEFAULT_CTA: dict[StoryLanguage, str] = {"ko": "지금 만나보세요", "en": "Meet it today"}


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A narration that may be said, and the phrases that it uses up."""

    text: str
    uses: tuple[str, ...] = ()


@dataclass(kw_only=True)
class Pen:
    """All that the lines of one ad are written from; `used` grows as drafts are taken."""

    language: StoryLanguage
    brand: str
    product: str
    cta: str
    tagline: str
    avoided: tuple[str, ...]
    category: Category
    motifs: tuple[Motif, ...]
    tones: tuple[str, ...]
    persona: Persona | None
    concept: tuple[str, ...]
    chance: random.Random
    written: StoryLanguage
    """Of what stands on the picture; another than `language` where an ad is made for both."""
    written_brand: str
    used: set[str] = field(default_factory=set[str])

    def offers(self, purpose: Purpose, *, first_story: bool = False) -> Iterator[Draft]:
        """Clean narrations for a scene, the best first, shorter ones later."""
        for draft in self._all(purpose, first_story=first_story):
            if not self.used.intersection((draft.text, *draft.uses)) and is_clean(draft.text, self.avoided):
                yield draft

    def take(self, draft: Draft) -> None:
        """Keep its phrases from being said again."""
        self.used.update((draft.text, *draft.uses))

    def screen(self, purpose: Purpose, narration: str) -> str:
        """Two short lines to read: of what is said when it has a phrase for it, else a phrase of its own."""
        words = self.category.words[self.written]
        named = "" if self.written_brand.lower() in self.product.lower() else f"{self.written_brand} "
        if purpose == "cta":
            name = f"{named}{self.product}"
            # An ad without a solution scene has not shown the name yet.
            wished: Sequence[str] = (self.tagline, name) if name in self.used else (name, self.product, self.tagline)
        elif purpose == "solution":
            wished = (f"{named}{self.product}", self.product, self.written_brand)
        else:
            # The caption shows what is said; a second phrase beside it says more than an echo.
            near = words.pains if purpose in ("hook", "problem") else (*words.feels, *words.moments)
            opens = [text for motif in self.motifs for text in motif.opens[self.written]]
            more = () if purpose == "problem" else (*words.reads, *opens)
            near = (*self._concept_to_read(purpose), *near, *more)
            wished = [p for p in near if p not in self.used and _bare(p) not in _bare(narration)]
        for text in wished:
            lines = on_screen(_capital(text, self.written), self.written)
            if lines and lines not in self.used and is_clean(lines, self.avoided):
                self.used.update((lines, text))
                return lines
        return ""

    def _concept_to_read(self, purpose: Purpose) -> list[str]:
        """Parts of the concept that nobody says; they open the ad only when none of it is said."""
        if self.written != self.language:
            return []
        unsaid = [part.strip() for s in self.concept if s not in self.used for part in (s, *s.split(","))]
        opens = purpose == "hook" and not self.used.intersection(self.concept)
        return unsaid if opens or purpose in ("story", "social_proof") else []

    def _all(self, purpose: Purpose, *, first_story: bool) -> Iterator[Draft]:
        if purpose == "hook":
            yield from self._opened_by_persona()
        if purpose == "solution":
            yield from self._solution_of_concept()
        if purpose == "story" or (purpose == "problem" and not self.motifs):
            yield from self._told_by_concept()
        if purpose == "story" and not first_story:
            yield from (Draft(text=self._sentence(text), uses=(text,)) for text in self._opens())
        yield from self._by_frames("texture" if purpose == "social_proof" else purpose)

    def _by_frames(self, shelf: str) -> Iterator[Draft]:
        words = self.category.words[self.language]
        for tone in self.tones:
            sentences = list(frames(self.language)[shelf][tone])
            longer, last = sentences[:-1], sentences[-1:]
            self.chance.shuffle(longer)
            if shelf == "hook" and self.motifs and self.chance.random() < 0.7:
                longer.sort(key=lambda frame: "<open>" not in frame)
            for frame in (*longer, *last):
                yield from self._fillings(frame, pains=words.pains, feels=words.feels, moments=words.moments)

    def _fillings(
        self, frame: str, *, pains: Sequence[str], feels: Sequence[str], moments: Sequence[str]
    ) -> Iterator[Draft]:
        slots = {"open": self._opens()[:3], "pain": pains, "feel": feels, "moment": moments}
        wanted = [name for name in slots if f"<{name}" in frame]
        if any(not slots[name] for name in wanted):
            return
        choices = [list(slots[name]) for name in wanted]
        for name, choice in zip(wanted, choices, strict=True):
            # The first motif is what the brief speaks of first; its two openings may change places.
            self.chance.shuffle(choice) if name != "open" else choice.sort(key=lambda _: self.chance.random() < 0.3)
        # What a frame adds of its own ("Basically a ceremony.") is a joke once.
        own_words = (frame,) if re.search(r"\w{2}", _SLOT.sub("", frame)) else ()
        for values in zip(*choices, strict=False) if wanted else [()]:
            named = dict(zip(wanted, values, strict=True))
            brand = "" if frame.startswith("<brand> <product") and not self._named_brand() else self.brand
            facts = {**named, "brand": brand, "product": self.product, "cta": self.cta}
            yield Draft(text=filled(frame, facts, self.language), uses=(*values, *own_words))

    def _opens(self) -> list[str]:
        return [text for motif in self.motifs for text in motif.opens[self.language]]

    def _opened_by_persona(self) -> Iterator[Draft]:
        if self.persona is None:
            return
        opener = self.chance.choice(self.persona.openers[self.language])
        if opener:
            for draft in self._by_frames("hook"):
                follows = draft.text[:1].lower() + draft.text[1:] if opener.endswith(",") else draft.text
                yield Draft(text=f"{opener} {follows}", uses=draft.uses)

    def _solution_of_concept(self) -> Iterator[Draft]:
        for sentence in self.concept[:1]:
            yield Draft(text=self._sentence(f"{self.product}. {sentence}"), uses=(sentence,))
            for part in shorter_parts(sentence, self.language):
                yield Draft(text=self._sentence(f"{self.product}. {part}"), uses=(sentence,))

    def _told_by_concept(self) -> Iterator[Draft]:
        for sentence in self.concept:
            yield Draft(text=self._sentence(sentence), uses=(sentence,))

    def _sentence(self, text: str) -> str:
        return filled("<text>" if text[-1:] in ".!?…" else "<text>.", {"text": text}, self.language)

    def _named_brand(self) -> str:
        """The brand before the product's name, unless the name has it already."""
        return "" if self.brand.lower() in self.product.lower() else f"{self.brand} "


def pen_for(brief: Brief, kit: BrandKit, seed: int) -> Pen:
    """Everything that the brief, the kit and the shelf say about this ad's words."""
    language = brief.story_language
    persona = persona_of(brief.persona)
    category = category_of(brief.product, brief.concept)
    names = (brief.product, kit.name, kit.name_ko)
    concept = tuple(s for s in sayable(brief.concept, language, names=names) if is_clean(s, kit.words_to_avoid))
    leaning = persona.tones if persona else ()

    def is_sayable(text: str) -> bool:
        return is_clean(text, kit.words_to_avoid) and not flags_of(text, language, names=names)

    tones = tones_of(brief.tone, *leaning) if brief.tone else tones_of(*leaning, "" if leaning else kit.tone)
    given = kit.cta_ko if language == "ko" else kit.cta
    tagline = kit.tagline_ko if brief.written_language == "ko" else kit.tagline
    return Pen(
        language=language,
        brand=kit.named_in(language),
        product=short_name(brief.product, language, category.words[language].noun),
        cta=given.strip().rstrip(".!") if given and is_sayable(given) else _DEFAULT_CTA[language],
        tagline=tagline if is_sayable(tagline) else "",
        avoided=kit.words_to_avoid,
        category=category,
        motifs=motifs_of(brief.concept, brief.target_audience, brief.goal, brief.product),
        tones=tones,
        persona=persona,
        concept=concept,
        chance=random.Random(f"{seed} {brief.product}"),
        written=brief.written_language,
        written_brand=kit.named_in(brief.written_language),
    )


def _bare(text: str) -> str:
    return text.lower().rstrip(".!? ")


def _capital(text: str, language: StoryLanguage) -> str:
    return text[:1].upper() + text[1:] if language == "en" else text
