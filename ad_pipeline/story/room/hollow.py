"""Copy that is no copy: the same again, the voice's words written out, or a script's marks among the words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ad_pipeline.messages import Message, worded
from ad_pipeline.story.room.answers import SceneCopy
from ad_pipeline.story.room.questions import Assignment

_EMPHASIS_WORDS = 3
"""A punch line of so many words may be heard and read at once."""
_MARKDOWN = re.compile(r"\*\*|__|`|^\s*#+\s|^\s*[-*]\s|\*[^\s*][^*]*\*|<[a-z/!][^>]*>", re.IGNORECASE)
_LABEL = re.compile(
    r"(?:^|[.?!…\n]\s*)(?:내레이션|나레이션|내레이터|성우|자막|화면|장면\s?\d*|효과음|음악|여자|남자|모델|"
    r"narrat(?:ion|or)|voice\s?-?over|v\.?o\.?|on\s?-?screen(?: text)?|scene\s?\d*|sfx|music|caption|man|woman)\s*:",
    re.IGNORECASE,
)
_SPEAKER = re.compile(r"(?:^|[.?!…]\s+)[A-Z]\s?:\s")
_DIRECTION = re.compile(
    r"\[[^\]]*\]|\{[^}]*\}|^\(|\(\s?(?:한숨|웃|미소|속삭|효과음|음악|정적|침묵|잠시|배경|sigh|laugh|smil|whisper|pause|music|beat|sfx|"
    r"soft|gentl|warm)[^)]*\)",
    re.IGNORECASE,
)


def marks_in(line: SceneCopy, given: Assignment) -> list[Message]:
    """What a script has and an ad's words have not."""
    texts = [text for text in (line.narration, line.onscreen_text) if text]
    said: list[Message] = []
    if any(_MARKDOWN.search(text) for text in texts):
        said.append(worded("it holds marks of a text format; write the bare words"))
    if any(_LABEL.search(text) for text in texts) or _SPEAKER.search(line.narration):
        said.append(worded("it says who speaks or what it is; write only the words themselves"))
    if _DIRECTION.search(line.narration) or re.search(r"\[[^\]]*\]", line.onscreen_text):
        said.append(worded("it holds stage directions in brackets; write only what is said"))
    long = len(line.narration.split()) > _EMPHASIS_WORDS and not line.facts  # a fact is stated word for word
    own = {_squeezed(name) for name in given.names}
    if long and echoes(line.narration, line.onscreen_text) and _squeezed(line.narration) not in own:
        said.append(worded("what is written is the narration again; write something else, or nothing"))
    return said


def echoes(narration: str, written: str) -> bool:
    """Whether the same words are heard and read."""
    return bool(_squeezed(narration)) and _squeezed(narration) == _squeezed(written)


def repeats(lines: Sequence[tuple[int, str]]) -> list[tuple[int, int]]:
    """(scene, the earlier scene that says the same) for each line that was said before."""
    first: dict[str, int] = {}
    found: list[tuple[int, int]] = []
    for scene, text in lines:
        said = _squeezed(text)
        if said and first.setdefault(said, scene) != scene:
            found.append((scene, first[said]))
    return found


def _squeezed(text: str) -> str:
    return re.sub(r"\W+", "", text).lower()
