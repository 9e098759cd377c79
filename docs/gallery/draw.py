"""Draws the gallery's contact sheet, and the README's three frames, from finished sessions of the example briefs.

for brief in examples/*.yaml; do ad-pipeline make $brief --root films; done
python docs/gallery/draw.py films
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml
from PIL import Image, ImageDraw

from ad_pipeline.media.fonts import load_font
from ad_pipeline.media.previews import frame_at
from ad_pipeline.media.time import FILM
from ad_pipeline.story.storyboard import Storyboard, storyboard_from_text

_HERE = Path(__file__).parent
_TOP = _HERE.parents[1]
_WIDTH, _GAP, _LABEL = 1600, 8, 44
_ROW_HEIGHTS = {"9:16": 330, "4:5": 300, "1:1": 260, "16:9": 176}
_INK, _SOFT = "#1B2733", "#67788A"
_THREE = ("laneige_15s", "hera_15s_cushion", "sulwhasoo_15s_en_16x9")


def draw_sheet(root: Path, target: Path) -> None:
    """A row per brief: what it is, and its scenes at their fullest."""
    rows = [_row(brief, root / brief.stem) for brief in sorted((_TOP / "examples").glob("*.yaml"))]
    sheet = Image.new("RGB", (_WIDTH, sum(row.height + 2 * _GAP for row in rows)), "white")
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height + 2 * _GAP
    sheet.save(target, quality=84, optimize=True)


def draw_three(root: Path, target: Path, *, height_px: int = 520) -> None:
    """One frame of three ads side by side."""
    frames = [_scene_frames(root / name)[1][_solution(root / name)] for name in _THREE]
    fitted = [frame.resize((round(frame.width * height_px / frame.height), height_px)) for frame in frames]
    strip = Image.new("RGB", (sum(f.width + _GAP for f in fitted) - _GAP, height_px), "white")
    left = 0
    for frame in fitted:
        strip.paste(frame, (left, 0))
        left += frame.width + _GAP
    strip.save(target, quality=88, optimize=True)


def _row(brief: Path, session: Path) -> Image.Image:
    told: dict[str, Any] = yaml.safe_load(brief.read_text(encoding="utf-8"))
    board, frames = _scene_frames(session)
    height = _ROW_HEIGHTS[board.format]
    row = Image.new("RGB", (_WIDTH, _LABEL + height), "white")
    pen = ImageDraw.Draw(row)
    photo = ", product photo" if told.get("product_image") else ""
    facts = f"{told['brand_id']}, {told['duration']:g} s, {board.format}, {board.language}{photo}"
    pen.text((2, 8), brief.name, font=load_font("Pretendard-SemiBold", 22), fill=_INK)
    pen.text((420, 10), f"{told['product']}  ({facts})", font=load_font("Pretendard-Regular", 20), fill=_SOFT)
    left = 0
    for frame in frames:
        fitted = frame.resize((round(frame.width * height / frame.height), height), Image.Resampling.LANCZOS)
        row.paste(fitted, (left, _LABEL))
        left += fitted.width + _GAP
    return row


def _scene_frames(session: Path) -> tuple[Storyboard, list[Image.Image]]:
    board = storyboard_from_text((session / "storyboard.json").read_text(encoding="utf-8"))
    frames: list[Image.Image] = []
    begins_s = 0.0
    for scene in board.scenes:
        at = FILM.frames(begins_s + 0.55 * scene.duration_seconds)
        frames.append(Image.fromarray(frame_at(session / "final.mp4", at)))
        begins_s += scene.duration_seconds
    return board, frames


def _solution(session: Path) -> int:
    board = storyboard_from_text((session / "storyboard.json").read_text(encoding="utf-8"))
    return next((i for i, scene in enumerate(board.scenes) if scene.purpose == "solution"), 0)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python docs/gallery/draw.py FOLDER_OF_SESSIONS")
    draw_sheet(Path(sys.argv[1]), _HERE / "sheet.jpg")
    draw_three(Path(sys.argv[1]), _HERE.parent / "images" / "three.jpg")
