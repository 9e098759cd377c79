"""Draws the README's picture of the flow from a finished session of the example ad.

python docs/images/draw.py sessions/laneige_15s
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from ad_pipeline.media.fonts import load_font
from ad_pipeline.media.previews import frame_at

_HERE = Path(__file__).parent
_GROUND, _CARD, _INK, _SOFT, _LINE, _ACCENT = "#F6F8FA", "#FFFFFF", "#16324F", "#5B7083", "#C5D2DC", "#1F5FA8"
_WIDTH, _HEIGHT = 1600, 620

Box = tuple[int, int, int, int]


def draw_flow(session: Path, target: Path) -> None:
    """Brief to final, with the artifacts of `scene_003` as they are."""
    picture = Image.new("RGB", (_WIDTH, _HEIGHT), _GROUND)
    pen = ImageDraw.Draw(picture)
    scene = session / "scenes" / "scene_003"
    _frame(pen, (480, 40, 1270, 580), "one run per scene")
    brief = _card(pen, (40, 230, 210, 390), "brief", "brand, product,\nidea, length,\nchannels")
    board = _card(pen, (260, 230, 440, 390), "storyboard", "scene by scene:\nseen, said,\nwritten")
    key = _card(pen, (520, 100, 730, 400), "key_image", "")
    clip = _card(pen, (780, 100, 990, 400), "motion_clip", "")
    lips = _card(pen, (1040, 190, 1240, 310), "lipsync", "mouth to voice,\nor passed through")
    voice = _card(pen, (520, 440, 730, 550), "voice", "narration")
    sfx = _card(pen, (1040, 340, 1240, 450), "sfx", "follows the clip")
    final = _card(pen, (1320, 140, 1560, 480), "final_mp4", "")
    last = Image.fromarray(frame_at(session / "final.mp4", 190))
    _paste(picture, Image.open(scene / "key_image.png"), (559, 148), 132)
    _paste(picture, Image.fromarray(frame_at(scene / "motion_clip.mp4", 60)), (819, 148), 132)
    _paste(picture, last, (1362, 186), 156)
    _arrows(pen, brief, board, key, clip, lips, voice, sfx, final)
    pen.text(
        (1320, 494), "music, captions, cut:\nmp4, SRT, VTT, thumbnail,\none film per format", font=_font(20), fill=_SOFT
    )
    pen.text(
        (40, 470),
        "after the brief, every box\nis a Dagster asset;\nevery file is a take with\na record, never overwritten",
        font=_font(20), fill=_SOFT,
    )  # fmt: skip
    _save(picture, target)


def _arrows(
    pen: ImageDraw.ImageDraw, brief: Box, board: Box, key: Box, clip: Box, lips: Box, voice: Box, sfx: Box, final: Box
) -> None:
    _arrow(pen, (brief[2], 310), (board[0], 310))
    _arrow(pen, (board[2], 280), (key[0], 280))
    _arrow(pen, (board[2], 340), (460, 340), (460, 495), (voice[0], 495))
    _arrow(pen, (key[2], 250), (clip[0], 250))
    _arrow(pen, (clip[2], 250), (lips[0], 250))
    _arrow(pen, (clip[2], 375), (sfx[0], 375))
    _arrow(pen, (voice[2], 480), (1015, 480), (1015, 285), (lips[0], 285))
    _arrow(pen, (voice[2], 520), (1295, 520), (1295, 440), (final[0], 440))
    _arrow(pen, (lips[2], 250), (final[0], 250))
    _arrow(pen, (sfx[2], 395), (final[0], 395))


def _card(pen: ImageDraw.ImageDraw, box: Box, title: str, text: str) -> Box:
    pen.rounded_rectangle(box, radius=14, fill=_CARD, outline=_LINE, width=2)
    pen.text((box[0] + 18, box[1] + 12), title, font=_font(25, "SemiBold"), fill=_ACCENT)
    pen.multiline_text((box[0] + 18, box[1] + 52), text, font=_font(20), fill=_SOFT, spacing=8)
    return box


def _frame(pen: ImageDraw.ImageDraw, box: Box, title: str) -> None:
    pen.rounded_rectangle(box, radius=20, fill="#EAF1F7", outline=_LINE, width=2)
    pen.text((box[0] + 40, box[1] + 16), title, font=_font(22, "SemiBold"), fill=_INK)


def _arrow(pen: ImageDraw.ImageDraw, *points: tuple[int, int]) -> None:
    """Along `points`; the last piece runs to the right, where the head is."""
    x, y = points[-1]
    pen.line([*points[:-1], (x - 8, y)], fill=_INK, width=3, joint="curve")
    pen.polygon([(x - 2, y), (x - 15, y - 7), (x - 15, y + 7)], fill=_INK)


def _paste(picture: Image.Image, part: Image.Image, at: tuple[int, int], width_px: int) -> None:
    height = round(width_px * part.height / part.width)
    picture.paste(part.convert("RGB").resize((width_px, height), Image.Resampling.LANCZOS), at)


def _font(size_px: int, weight: str = "Regular") -> ImageFont.FreeTypeFont:
    return load_font(f"Pretendard-{weight}", size_px)


def _save(picture: Image.Image, target: Path) -> None:
    # A palette keeps the files small; at this size nobody sees it.
    picture.quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(target, optimize=True)


def main() -> None:
    """Write the picture beside this script."""
    draw_flow(Path(sys.argv[1]), _HERE / "flow.png")


if __name__ == "__main__":
    main()
