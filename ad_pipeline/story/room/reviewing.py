"""What can be measured of a storyboard's words, and a review held against it: no score is kinder than the measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from ad_pipeline.story.brief import Claim, StoryLanguage
from ad_pipeline.story.claims import Flag, flags_of_all
from ad_pipeline.story.room.answers import SCORES, Judged, Review
from ad_pipeline.story.speaking import needed_seconds, reading_seconds
from ad_pipeline.story.storyboard import Scene, Storyboard

GOOD_ENOUGH = 0.85
"""A tone match under it goes back to the writer."""

_LETTERS_IN_LINES = {"ko": 32, "en": 48}
_SLACK_S = 0.05


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What the words of a storyboard are, by rules; each limit is what a score may be at most."""

    flags: Mapping[str, tuple[Flag, ...]]
    """scene id -> what its words claim without proof, or may not claim at all."""
    late: tuple[str, ...]
    """Scenes whose narration needs more time than they last."""
    limits: Mapping[str, float] = field(default_factory=dict[str, float])
    lines: tuple[str, ...] = ()
    """The same in words, for a reviewer."""


def measured(board: Storyboard, *, supported: Sequence[Claim], names: Sequence[str], speed: float) -> Measured:
    """Claims, speaking time and reading time of every scene."""
    flags = {
        scene.id: found
        for scene in board.scenes
        if (found := flags_of_all(statements(scene, board), supported=supported, names=names))
    }
    open_flags = [flag for found in flags.values() for flag in found if flag.stands]
    forbidden = any(flag.severity == "forbidden" for found in flags.values() for flag in found)
    late: list[str] = []
    lines: list[str] = []
    slowest, widest = 1.0, 1.0
    for scene in board.scenes:
        voice_s = sum(needed_seconds(line.text, board.language, speed) for line in scene.spoken)
        read_s = reading_seconds(scene.onscreen_text, board.written_in)
        letters = len(scene.onscreen_text.replace("\n", ""))
        if voice_s > scene.duration_seconds + _SLACK_S:
            late.append(scene.id)
        slowest = min(slowest, scene.duration_seconds / max(voice_s, read_s, 0.01))
        widest = min(widest, _LETTERS_IN_LINES[board.written_in] / max(letters, 1))
        lines.append(
            f"scene {scene.number} lasts {scene.duration_seconds:.1f} s: its voice needs {voice_s:.1f} s, "
            f"its written words {read_s:.1f} s to read"
        )
    for scene_id, found in flags.items():
        for flag in (flag for flag in found if flag.stands):
            said = "forbidden" if flag.severity == "forbidden" else "a claim without a FACT"
            lines.append(f"{scene_id}: {', '.join(flag.words)!r} is {said}")
    limits = {
        "claim_safety": 0.0 if forbidden else 0.5 if open_flags else 1.0,
        "reading_speed": round(min(1.0, slowest), 2),
        "legibility": round(min(1.0, widest), 2),
    }
    return Measured(flags=MappingProxyType(flags), late=tuple(late), limits=limits, lines=tuple(lines))


def held_to(review: Review, found: Measured) -> Review:
    """The review with no score above what was measured."""
    capped = {
        name: Judged(
            score=limit,
            reason=f"measured: at most {limit:g}; the reviewer said {getattr(review, name).score:g}: "
            f"{getattr(review, name).reason}"[:300],
        )
        for name, limit in found.limits.items()
        if getattr(review, name).score > limit
    }
    return review.model_copy(update=capped)


def rank(review: Review) -> tuple[float, float]:
    """By which one version is better than another: its tone, then all its scores together."""
    return review.tone_match.score, sum(getattr(review, name).score for name in SCORES)


def reasons(review: Review) -> tuple[str, ...]:
    """What goes back to the writer: the reviewer's advice, and why each low score is low."""
    low = [
        f"{name.replace('_', ' ')} {getattr(review, name).score:.2f}: {getattr(review, name).reason}"
        for name in SCORES
        if getattr(review, name).score < GOOD_ENOUGH
    ]
    return (*low, *review.advice)


def statements(scene: Scene, board: Storyboard) -> list[tuple[str, StoryLanguage]]:
    """All that a scene says and writes, each with its language; a claim's source is no claim."""
    source = str((scene.model_extra or {}).get("claim_source", ""))
    written = scene.onscreen_text.replace(source, "") if source else scene.onscreen_text
    return [*((line.text, board.language) for line in scene.spoken), (written, board.written_in)]
