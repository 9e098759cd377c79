"""What lies beside a film: its captions as files, and what describes it to those who do not see it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ad_pipeline.media.captions import Cue
from ad_pipeline.media.join import mux
from ad_pipeline.media.subtitle_files import to_ass, to_srt, to_vtt
from ad_pipeline.media.time import FILM
from ad_pipeline.sessions.files import share
from ad_pipeline.sessions.store import Draft
from ad_pipeline.stages import description
from ad_pipeline.stages.description import Described, description_vtt
from ad_pipeline.stages.scene_titles import scaled_px
from ad_pipeline.stages.session_facts import SessionFacts
from ad_pipeline.story.formats import Format, size_of

SRT, VTT, ASS = "captions.srt", "captions.vtt", "captions.ass"

_CAPTION_PX = 50
"""Of a picture 1080 pixels wide: as large as the captions that the cut writes."""


def scene_times(facts: SessionFacts) -> list[tuple[float, float]]:
    """When each scene begins and ends, in seconds of the film."""
    return [(FILM.seconds(shot.start_frame), FILM.seconds(shot.end_frame)) for shot in facts.timeline.shots]


def write_captions(facts: SessionFacts, format_: Format, cues: Sequence[Cue], draft: Draft) -> None:
    size, box = size_of(format_), facts.layout(format_).caption
    ass = to_ass(
        cues,
        size=size,
        font=facts.kit.fonts.caption.replace("-", " "),
        font_px=scaled_px(format_, _CAPTION_PX),
        margin_px=size.height_px - box.bottom_px,
    )
    for name, text in ((SRT, to_srt(cues)), (VTT, to_vtt(cues)), (ASS, ass)):
        draft.side(name).write_text(text, encoding="utf-8")


def write_description(facts: SessionFacts, described: Described | None, silent: Path, draft: Draft) -> None:
    draft.side(description.VTT).write_text(description_vtt(facts), encoding="utf-8")
    if described:
        share(described.in_time.path, draft.side(description.SOUND))
        whole = described.whole
        mux(
            silent, whole.path, draft.side(description.FILM_FILE), holds=whole.holds,
            language=facts.storyboard.language, described=True,
        )  # fmt: skip
