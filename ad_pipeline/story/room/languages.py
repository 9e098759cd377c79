"""Whether words are in the language that the ad has."""

from __future__ import annotations

import re
import unicodedata

from ad_pipeline.messages import Message, worded
from ad_pipeline.story.brief import StoryLanguage
from ad_pipeline.story.hangul import is_hangul
from ad_pipeline.story.room.answers import SceneCopy
from ad_pipeline.story.room.contacts import plain
from ad_pipeline.story.room.everyday import LATIN
from ad_pipeline.story.room.questions import Assignment

_WORD = re.compile(r"[^\W\d_]+")
_SHOWN_LETTERS = 40
# How Unicode names the letters of each language; Greek ones stand in the names of substances, Han ones in Korean names.
_SCRIPTS: dict[StoryLanguage, tuple[str, ...]] = {
    "ko": ("HANGUL", "LATIN", "CJK", "GREEK"), "en": ("LATIN", "GREEK"),
}  # fmt: skip


def wrong_languages(line: SceneCopy, given: Assignment) -> list[Message]:
    """An English headline over a Korean voice is Korean advertising; only an ad for both has to write English."""
    said = _wrong_language(line.narration, given.language, given)
    if given.written != "ko":
        return [*said, *_wrong_language(line.onscreen_text, given.written, given)]
    return [*said, *_strange_letters(_words(line.onscreen_text, given), line.onscreen_text, "ko")]


def _wrong_language(text: str, language: StoryLanguage, given: Assignment) -> list[Message]:
    words = _words(text, given)
    shown = text.strip()[:_SHOWN_LETTERS]
    if language == "en" and any(unicodedata.name(letter, "").startswith("HANGUL") for letter in "".join(words)):
        return [worded("{text!r} holds Korean; write it in English", text=shown)]
    counted = [word for word in words if word.lower() not in LATIN]
    if language == "ko" and sum(is_hangul(word[0]) for word in counted) < len(counted) / 2:
        return [worded("{text!r} is not in Korean; write it in Korean", text=shown)]
    if language == "ko" and len(words) > _BORROWED and not any(is_hangul(letter) for letter in text):
        return [worded("{text!r} is not in Korean; write it in Korean", text=shown)]
    return _strange_letters(words, text, language)


_BORROWED = 3
"""So many known Latin words may stand alone in Korean speech."""


def _words(text: str, given: Assignment) -> list[str]:
    """Without the words of the product's and the brand's names, which are theirs in any script."""
    names = {word for name in given.names for word in _WORD.findall(plain(name).lower())}
    return [word for word in _WORD.findall(plain(text)) if word.lower() not in names]


def _strange_letters(words: list[str], text: str, language: StoryLanguage) -> list[Message]:
    if all(unicodedata.name(letter, "").startswith(_SCRIPTS[language]) for letter in "".join(words)):
        return []
    shown = text.strip()[:_SHOWN_LETTERS]
    return [worded("{text!r} holds letters of another language; leave them out", text=shown)]
