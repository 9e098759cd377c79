"""One line as an engine is asked to say it, and as it came."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ad_pipeline.engines.crafts.voice import Speaker, VoiceRequest
from ad_pipeline.media.alignment import Piece
from ad_pipeline.media.sound import Samples
from ad_pipeline.story.emotions import Feeling, feeling_of
from ad_pipeline.story.pacing import clause_pieces
from ad_pipeline.story.said import SaidWord, said_words

WordTimes = tuple[tuple[str, float, float], ...]
"""(as it is written, start, end) of each word, in seconds from the start of the samples."""


@dataclass(frozen=True, kw_only=True)
class ToSay:
    """One line: its words, who says it and how; `before` and `after` are what is said around it."""

    words: tuple[SaidWord, ...]
    pieces: tuple[Piece, ...]
    """The same with how long each is expected to last, to find them in a sound without times."""
    name: str
    speaker: Speaker
    feeling: Feeling | None
    """How this line is felt."""
    mood: Feeling | None
    """How the whole ad is told; half of it shades a line that says nothing of its own."""
    language: Literal["ko", "en"]
    before: str = ""
    after: str = ""
    seed: int = 0

    @property
    def text(self) -> str:
        """What is sent: numbers and names as they are said."""
        return _text(self.words)

    @property
    def pace(self) -> float:
        """The brand's speed, and the character's on top of it."""
        return self.speaker.speed * self.speaker.hints.get("speed", 1.0)

    @property
    def written(self) -> str:
        return " ".join(word.written for word in self.words)


@dataclass(frozen=True, kw_only=True)
class Utterance:
    """A spoken line (mono, 48 kHz, -1..1); `times` is None where the engine does not tell them."""

    samples: Samples
    times: WordTimes | None = None
    cost_usd: float = 0.0
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])


def lines_to_say(request: VoiceRequest) -> tuple[ToSay, ...]:
    """The request's lines, without those of which nothing is spoken."""
    said = [said_words(line.text, request.language, request.lexicon) for line in request.lines]
    heard = [(line, words) for line, words in zip(request.lines, said, strict=True) if any(w.said for w in words)]
    texts = [_text(words) for _, words in heard]
    before, after = (
        _text(said_words(text, request.language, request.lexicon)) for text in (request.before, request.after)
    )
    return tuple(
        ToSay(
            words=words,
            pieces=tuple(itertools.chain(*clause_pieces(line.text, request.language, request.lexicon))),
            name=line.speaker,
            speaker=request.speaker(line.speaker),
            feeling=feeling_of(line.emotion),
            mood=feeling_of(request.tone),
            language=request.language,
            before=texts[at - 1] if at else before,
            after=texts[at + 1] if at + 1 < len(texts) else after,
            seed=request.seed,
        )
        for at, (line, words) in enumerate(heard)
    )


def _text(words: Sequence[SaidWord]) -> str:
    return " ".join(word.said for word in words if word.said)
