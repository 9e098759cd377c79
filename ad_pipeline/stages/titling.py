"""What the cut writes over the film, and when: scenes' own texts, and captions.

Text is drawn here and never in a clip, so that text never dissolves into text: a headline comes
after its scene's transition and leaves before the next one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ad_pipeline.media.captions import Cue, SpokenMark, cues_from_marks
from ad_pipeline.media.legible import legible_block, region_under
from ad_pipeline.media.time import FILM
from ad_pipeline.media.timeline import Shot
from ad_pipeline.media.titles import Overlay
from ad_pipeline.media.typography import TextBlock
from ad_pipeline.stages.scene_titles import Picture, SceneTitles, read_picture, scaled_px, scene_titles, set_or_say
from ad_pipeline.stages.session_facts import SessionFacts
from ad_pipeline.stages.voice import start_told
from ad_pipeline.story.formats import Format, size_of
from ad_pipeline.story.storyboard import Scene
from ad_pipeline.values import Box

_CAPTION_LINES = 2
_FADE_FRAMES = 6


@dataclass(frozen=True, kw_only=True)
class Titles:
    """Everything that is written over one film."""

    overlays: tuple[Overlay, ...]
    cues: tuple[Cue, ...]
    places: Mapping[str, Box] = field(default_factory=dict[str, Box])
    """What is written where, for the safe-zone check; letters only, not their plates."""


def film_titles(
    facts: SessionFacts,
    format_: Format,
    *,
    pictures: Mapping[str, Path],
    voices: Mapping[str, Mapping[str, Any]],
) -> Titles:
    """Titles for the whole film; `pictures` are the key images, `voices` what each voice's take tells.

    Raises:
        StoryboardRejected: a text does not fit its place at the smallest size, or no font draws it.
    """
    overlays: list[Overlay] = []
    cues: list[Cue] = []
    places: dict[str, Box] = {}
    for place, (scene, shot) in enumerate(zip(facts.storyboard.scenes, facts.timeline.shots, strict=True)):
        picture = read_picture(pictures[scene.id], size_of(format_))
        drawn = scene_titles(facts, scene, format_, picture)
        start, end = _clear_of_joints(facts, place, shot)
        for name, block in _named(scene, drawn):
            overlays.append(
                Overlay(start_frame=start, end_frame=end, block=block, fade_frames=_FADE_FRAMES, rise_px=_rise(block))
            )
            places[f"{scene.id} {name}"] = block.ink
        for cue in _cues(facts, scene, shot, voices.get(scene.id, {})):
            if _is_written(cue, drawn):
                cues.append(cue)
                continue
            block = _caption_block(facts, format_, cue, picture)
            cues.append(cue)
            overlays.append(
                Overlay(
                    start_frame=FILM.frames(cue.start_s), end_frame=FILM.frames(cue.end_s), block=block, fade_frames=2
                )
            )
            places[f"caption {len(cues)}"] = block.ink
    return Titles(overlays=tuple(overlays), cues=tuple(cues), places=places)


def _caption_block(facts: SessionFacts, format_: Format, cue: Cue, picture: Picture) -> TextBlock:
    layout = facts.layout(format_)
    under_headline = layout.caption.top_px < layout.button.top_px
    block = set_or_say(
        "\n".join(cue.lines),
        "narration",
        facts.kit.fonts.caption,
        layout.caption,
        largest_px=scaled_px(format_, 50),
        smallest_px=scaled_px(format_, 30),
        most_lines=_CAPTION_LINES,
        align="left" if facts.is_wide(format_) else "center",
        anchor="top" if under_headline else "bottom",
    )
    under = region_under(picture, block.box)
    return legible_block(block, under=under, colours=("#FFFFFF", facts.kit.palette.text, "#111111"))


def _cues(facts: SessionFacts, scene: Scene, shot: Shot, voice: Mapping[str, Any]) -> tuple[Cue, ...]:
    start_s, end_s = FILM.seconds(shot.start_frame), FILM.seconds(shot.end_frame)
    return cues_from_marks(
        [
            SpokenMark(
                text=str(mark["text"]),
                start_s=float(mark["start_s"]),
                end_s=float(mark["end_s"]),
                speaker=str(mark.get("speaker", "")),
            )
            for mark in voice.get("marks", ())
        ],
        language=facts.storyboard.language,
        scene_start_s=start_s,
        scene_end_s=end_s,
        voice_start_s=start_s + start_told(voice),
    )


def _is_written(cue: Cue, drawn: SceneTitles) -> bool:
    """Whether the headline or button says the same as the voice: twice on one picture is once too often."""
    said = _letters(" ".join(cue.lines))
    blocks = [*drawn.marks, *([drawn.headline] if drawn.headline else [])]
    return any(said in _letters(" ".join(block.lines)) for block in blocks)


def _letters(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())


def _named(scene: Scene, drawn: SceneTitles) -> list[tuple[str, TextBlock]]:
    named = [("headline", drawn.headline)] if drawn.headline else []
    return named + [(f"mark {n}", block) for n, block in enumerate(drawn.marks, 1)]


def _rise(block: TextBlock) -> float:
    return min(28.0, block.size_px * 0.3)


def _clear_of_joints(facts: SessionFacts, place: int, shot: Shot) -> tuple[int, int]:
    """The scene's frames that belong to it alone."""
    joints = facts.timeline.joints
    into = joints[place - 1].frames if place else 0
    out = joints[place].frames if place < len(joints) else 0
    return shot.start_frame + into - into // 2, shot.end_frame - out // 2
