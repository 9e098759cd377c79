"""The sixty briefs as the template writer tells them, and where their letters lie on the picture."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ad_pipeline.checks.text import check_text_inside
from ad_pipeline.checks.verdict import Verdict
from ad_pipeline.engines.animatic.story import TemplateWriter
from ad_pipeline.engines.contracts import Job
from ad_pipeline.engines.crafts.story import StoryRequest
from ad_pipeline.stages.opening import open_session
from ad_pipeline.stages.session_facts import facts_of
from ad_pipeline.stages.storyboard import make_storyboard
from ad_pipeline.stages.titling import film_titles
from ad_pipeline.stages.workplace import Workplace
from ad_pipeline.story.brand_kit import BrandKit
from ad_pipeline.story.brief import Brief, brief_from_text
from ad_pipeline.story.claims import Flag, flags_of
from ad_pipeline.story.formats import Format
from ad_pipeline.story.speaking import fits, spoken_seconds
from ad_pipeline.story.spoken_form import clauses_of
from ad_pipeline.story.storyboard import Scene, Storyboard
from ad_pipeline_tests.story.samples import a_kit

BRIEFS = {path.stem: path for path in sorted((Path(__file__).parents[1] / "briefs").glob("*.yaml"))}
_ALMOST_S = 1e-6


@dataclass(frozen=True, kw_only=True)
class Written:
    """One brief, and its storyboard."""

    brief: Brief
    kit: BrandKit
    board: Storyboard

    @property
    def said(self) -> str:
        """All its words, spoken and written, as one line."""
        return " ".join(" ".join(f"{s.narration} {s.onscreen_text}" for s in self.board.scenes).split())

    @property
    def late(self) -> list[Scene]:
        """Scenes whose narration does not fit."""
        speed = self.kit.voice.speed
        return [
            scene
            for scene in self.board.scenes
            if scene.narration
            and not fits(scene.narration, scene.duration_seconds + _ALMOST_S, self.board.language, speed)
        ]

    @property
    def flags(self) -> list[Flag]:
        """What may not be said and nothing carries."""
        names = (self.brief.product, self.kit.name, self.kit.name_ko)
        return [
            flag
            for scene in self.board.scenes
            for text in (scene.narration, scene.onscreen_text)
            for flag in flags_of(text, self.board.language, supported=self.brief.claims, names=names)
            if flag.stands
        ]


@functools.cache
def brief_of(name: str) -> Brief:
    return brief_from_text(BRIEFS[name].read_text(encoding="utf-8"))


@functools.cache
def written(name: str) -> Written:
    """That brief, written."""
    brief = brief_of(name)
    kit = a_kit(brief.brand_id)
    return Written(brief=brief, kit=kit, board=write(brief, kit))


def write(brief: Brief, kit: BrandKit) -> Storyboard:
    request = StoryRequest(brief=brief, kit=kit, seed=brief.seed)
    return TemplateWriter().write_storyboard(request, Job(job_id="x"))[0]


def laid_out(workplace: Workplace, name: str, plain: Path) -> Mapping[Format, Verdict]:
    """Where all letters of the ad lie, captions too, by the stages themselves; `plain` is any one-coloured picture."""
    session_id = name.replace("_", "-")
    open_session(workplace, session_id, BRIEFS[name].read_text(encoding="utf-8"), folder=BRIEFS[name].parent)
    make_storyboard(workplace, session_id)
    facts = facts_of(workplace, session_id)
    pictures = dict.fromkeys(facts.storyboard.scene_ids, plain)
    voices = {scene.id: {"marks": _marks(scene, facts.storyboard)} for scene in facts.storyboard.scenes}
    return {
        format_: check_text_inside(
            film_titles(facts, format_, pictures=pictures, voices=voices).places, facts.safe_box(format_)
        )
        for format_ in facts.storyboard.all_formats
    }


def plain_picture(target: Path) -> Path:
    """A tiny near-black PNG: light letters read on it as they are, so that no time goes into shades beneath them."""
    cv2.imwrite(str(target), np.full((16, 16, 3), 8, np.uint8))
    return target


def _marks(scene: Scene, board: Storyboard) -> list[dict[str, object]]:
    """When each clause would be heard."""
    marks: list[dict[str, object]] = []
    at_s = 0.0
    for clause in clauses_of(scene.narration):
        end_s = at_s + spoken_seconds(clause, board.language)
        marks.append({"text": clause, "start_s": at_s, "end_s": end_s})
        at_s = end_s
    return marks
