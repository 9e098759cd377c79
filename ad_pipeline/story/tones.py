"""Tones: what a brief or a kit calls one, and how it reads in copy."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType

from ad_pipeline.messages import Message, worded

_DEFAULT = ("warm", "professional")

# Words that join tones or say that a tone is meant; none of them is a tone that we do not know.
_JOINING = {"and", "but", "tone", "voice", "style", "a", "the", "with", "very", "bit", "of", "little", "slightly"}
_JOINING_KO = re.compile(
    r"(?:그리고|하고|하면서|조금|살짝|아주|매우|약간|있(?:게|는|고)|(?:느낌|분위기|톤|말투|스타일)(?:으로|의|을)?|로|으로|의)"
)


@dataclass(frozen=True, kw_only=True)
class ToneFamily:
    """One tone: the words that call for it, and how it reads when it leads or only colours another."""

    name: str
    words: tuple[str, ...]
    leads_en: str
    leads_ko: str
    colours_en: str
    colours_ko: str


@dataclass(frozen=True, kw_only=True)
class Tone:
    """A wish for a tone, read: the first part leads, the others colour it.

    The instructions are for a language model's prompt. `unknown` are words of the wish that name no tone of ours;
    `note` says so, to a person.
    """

    wish: str
    parts: tuple[str, ...]
    unknown: tuple[str, ...]
    instructions_en: str
    instructions_ko: str
    note: Message | None


def tone_of(wish: str) -> Tone:
    """The tone that free text asks for, in either language; a warm professional one where it names none.

    Words of the wish that we do not know stay in the instructions, quoted: a model may know them.
    """
    parts, unknown = tones_of(wish), _unknown_words(wish)
    return Tone(
        wish=wish,
        parts=parts,
        unknown=unknown,
        instructions_en=_instructions(parts, unknown, korean=False),
        instructions_ko=_instructions(parts, unknown, korean=True),
        note=_note(wish, parts, unknown),
    )


def tones_of(*wishes: str) -> tuple[str, ...]:
    """The tone families that the wishes name, the first said first; warm and professional when none is."""
    found: list[str] = []
    for wish in wishes:
        low = wish.lower()
        hits = [(low.find(word), name) for name, tone in tones().items() for word in tone.words if word in low]
        found += [name for _, name in sorted(hits)]
    return tuple(dict.fromkeys(found)) or _DEFAULT


@functools.cache
def tones() -> Mapping[str, ToneFamily]:
    """All tones by name."""
    rows = tomllib.loads((resources.files("ad_pipeline.story") / "tones.toml").read_text(encoding="utf-8"))
    return MappingProxyType(
        {
            name: ToneFamily(name=name, words=tuple(row["words"]), **{k: row[k] for k in row if k != "words"})
            for name, row in rows.items()
        }
    )


def _unknown_words(wish: str) -> tuple[str, ...]:
    known = [word for tone in tones().values() for word in tone.words]
    return tuple(
        word
        for word in re.findall(r"[^\W_]+(?:'[a-z]+)?", wish.lower())
        if word not in _JOINING and not _JOINING_KO.fullmatch(word) and not any(tone in word for tone in known)
    )


def _instructions(parts: tuple[str, ...], unknown: tuple[str, ...], *, korean: bool) -> str:
    families = [tones()[name] for name in parts]
    lead = families[0].leads_ko if korean else families[0].leads_en
    told = [f"{families[0].name}: {lead}"]
    colours = [f"{tone.name}: {tone.colours_ko if korean else tone.colours_en}" for tone in families[1:]]
    if colours:
        told.append(f"{'여기에 더해' if korean else 'Coloured by'} {'; '.join(colours)}.")
    if unknown:
        quoted = ", ".join(f'"{word}"' for word in unknown)
        told.append(f"브리프의 표현: {quoted}." if korean else f"In the brief's own words: {quoted}.")
    return " ".join(told)


def _note(wish: str, parts: tuple[str, ...], unknown: tuple[str, ...]) -> Message | None:
    if not unknown:
        return None
    return worded(
        "the tone {wish!r} has words that name no tone of ours ({unknown}); it is read as {parts}. Known: {known}",
        wish=wish,
        unknown=", ".join(unknown),
        parts=" + ".join(parts),
        known=", ".join(tones()),
    )
