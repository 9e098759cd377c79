"""What the cut writes over one scene: its headline, the brand's marks, the button, a claim's source."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ad_pipeline.errors import MediaError, StoryboardRejected
from ad_pipeline.media.legible import as_button, legible_block, region_under
from ad_pipeline.media.marks import image_block
from ad_pipeline.media.titles import Layout
from ad_pipeline.media.typography import TextBlock, set_text
from ad_pipeline.stages.session_facts import SessionFacts
from ad_pipeline.story.formats import Format, size_of
from ad_pipeline.story.storyboard import Scene, Storyboard
from ad_pipeline.values import Box, Size

Picture = NDArray[np.uint8]

_HEADLINE_LINES = 4


@dataclass(frozen=True, kw_only=True)
class SceneTitles:
    """One scene's drawn texts, before they have a time."""

    headline: TextBlock | None = None
    marks: tuple[TextBlock, ...] = ()


def scene_titles(facts: SessionFacts, scene: Scene, format_: Format, picture: Picture) -> SceneTitles:
    """The headline and the brand's marks of one scene, legible on `picture` (H x W x 3 RGB)."""
    layout, kit = facts.layout(format_), facts.kit
    written, source = written_of(scene)
    headline = _legible(facts, picture, _headline(facts, scene, format_, written)) if written else None
    marks: list[TextBlock] = []
    wanted = set(scene.brand_elements)
    if wanted & {"logo", "logo_bottom_right"}:
        marks.append(_brand_mark(facts, format_, picture, large="logo" in wanted and scene.purpose == "cta"))
    if source:
        marks.append(_legible(facts, picture, _footnote(facts, scene, format_, source)))
    if "cta_button" in wanted:
        marks.append(_button(facts, format_, layout))
    for name, path in kit.elements.items():
        if name in wanted:
            marks.append(image_block(Path(path), layout.button))
    return SceneTitles(headline=headline, marks=tuple(marks))


def check_texts_fit(facts: SessionFacts, board: Storyboard) -> None:
    """Look whether every written text fits its place in every format, before anything is made.

    Raises:
        StoryboardRejected: naming the scene, the text and the room; or a character that nothing draws or says.
    """
    for scene in board.scenes:
        _check_scene(facts, board, scene)


def why_not_fitting(facts: SessionFacts, board: Storyboard) -> dict[str, StoryboardRejected]:
    """scene id -> why its texts do not fit; empty when all do."""
    found: dict[str, StoryboardRejected] = {}
    for scene in board.scenes:
        try:
            _check_scene(facts, board, scene)
        except StoryboardRejected as error:
            found[scene.id] = error
    return found


def _check_scene(facts: SessionFacts, board: Storyboard, scene: Scene) -> None:
    for field_, text in (("onscreen_text", scene.onscreen_text), ("narration", scene.narration)):
        _check_characters(text, f"{scene.id}.{field_}")
    written, source = written_of(scene)
    for format_ in board.all_formats:
        if written:
            _headline(facts, scene, format_, written)
        if source:
            _footnote(facts, scene, format_, source)


def _check_characters(text: str, field_: str) -> None:
    control = next((c for c in text if unicodedata.category(c) == "Cc" and not c.isspace()), "")
    if control:
        raise StoryboardRejected(
            "{field} holds the control character U+{code:04X}; remove it", field=field_, code=ord(control)
        )


def written_of(scene: Scene) -> tuple[str, str]:
    """(headline, footnote): where the last lines are a claim's source, they are written small."""
    lines = scene.onscreen_text.strip().splitlines()
    source = str((scene.model_extra or {}).get("claim_source", "")).strip()
    for count in range(1, len(lines)):
        if " ".join(" ".join(lines[count:]).split()) == source:
            return "\n".join(lines[:count]), source
    return "\n".join(lines), ""


def _headline(facts: SessionFacts, scene: Scene, format_: Format, written: str) -> TextBlock:
    return set_or_say(
        written,
        f"{scene.id}.onscreen_text",
        facts.kit.fonts.headline,
        _headline_box(scene, facts.layout(format_)),
        largest_px=scaled_px(format_, 104),
        smallest_px=scaled_px(format_, 44),
        most_lines=_HEADLINE_LINES,
        align="left" if facts.is_wide(format_) else "center",
    )


def _footnote(facts: SessionFacts, scene: Scene, format_: Format, source: str) -> TextBlock:
    return set_or_say(
        source,
        f"{scene.id}.claim_source",
        facts.kit.fonts.body,
        facts.layout(format_).footnote,
        largest_px=scaled_px(format_, 30),
        smallest_px=scaled_px(format_, 20),
        most_lines=3,
        align="left",
        anchor="bottom",
    )


def _headline_box(scene: Scene, layout: Layout) -> Box:
    if scene.purpose != "cta" or "logo" not in scene.brand_elements:
        return layout.headline
    # The end card's mark stands above its headline.
    box = layout.headline
    return Box(
        left_px=box.left_px, top_px=box.top_px + box.height_px // 3, right_px=box.right_px, bottom_px=box.bottom_px
    )


def _brand_mark(facts: SessionFacts, format_: Format, picture: Picture, *, large: bool) -> TextBlock:
    """The logo file, or the kit's wordmark as type: in the safe box's corner, or above the end card's headline."""
    layout, kit = facts.layout(format_), facts.kit
    box = layout.logo
    if large:
        top = layout.headline
        box = Box(
            left_px=top.left_px, top_px=top.top_px, right_px=top.right_px, bottom_px=top.top_px + top.height_px // 3
        )
    if kit.logo:
        return image_block(Path(kit.logo), box, corner=not large)
    block = set_text(
        kit.mark,
        font_name=kit.fonts.body if large else kit.fonts.caption,
        box=box,
        largest_px=scaled_px(format_, 60 if large else 40),
        smallest_px=scaled_px(format_, 18),
        most_lines=1,
        align=("left" if facts.is_wide(format_) else "center") if large else "right",
        anchor="middle" if large else "bottom",
        tracking=0.18,
    )
    return _legible(facts, picture, block)


def _button(facts: SessionFacts, format_: Format, layout: Layout) -> TextBlock:
    kit = facts.kit
    korean = facts.storyboard.written_in == "ko"
    said = (kit.cta_ko or kit.cta or "지금 만나보세요") if korean else (kit.cta or "Discover more")
    letters = set_text(
        said,
        font_name=kit.fonts.caption,
        box=layout.button,
        largest_px=scaled_px(format_, 46),
        smallest_px=scaled_px(format_, 26),
        most_lines=1,
        colour=kit.palette.text_on_primary,
    )
    return _moved_into(facts.safe_box(format_), as_button(letters, kit.palette.primary))


def _moved_into(safe: Box, block: TextBlock) -> TextBlock:
    """`block` shifted sideways into `safe`: a button's round ends reach out of the box that its letters fill."""
    out_px = max(0, safe.left_px - block.ink.left_px) - max(0, block.ink.right_px - safe.right_px)
    by_px = out_px + out_px % 2  # blocks stay on the chroma grid

    def shifted(box: Box) -> Box:
        return replace(box, left_px=box.left_px + by_px, right_px=box.right_px + by_px)

    return replace(block, box=shifted(block.box), ink=shifted(block.ink))


def _legible(facts: SessionFacts, picture: Picture, block: TextBlock) -> TextBlock:
    palette = facts.kit.palette
    # What moves beneath the text comes from around it.
    box, reach = block.box, 24
    around = Box(
        left_px=max(0, box.left_px - reach), top_px=max(0, box.top_px - reach),
        right_px=box.right_px + reach, bottom_px=box.bottom_px + reach,
    )  # fmt: skip
    return legible_block(
        block, under=region_under(picture, around), colours=(palette.text, palette.surface, "#FFFFFF", "#111111")
    )


def set_or_say(text: str, field_: str, font_name: str, box: Box, **how: Any) -> TextBlock:
    """The text in its box, as `set_text` sets it.

    Raises:
        StoryboardRejected: it does not fit at the smallest size, or no font draws it; `field_` names it.
    """
    try:
        return set_text(text, font_name=font_name, box=box, **how)
    except MediaError as error:
        raise StoryboardRejected("{field}: {problem}", field=field_, problem=error.message) from error


def scaled_px(format_: Format, px_at_1080: int) -> int:
    """A length at 1080 px, in a format's own pixels."""
    size = size_of(format_)
    return round(px_at_1080 * min(size.width_px, size.height_px) / 1080)


def read_picture(path: Path, size: Size) -> Picture:
    """A key image as RGB, at the film's size."""
    found = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if found is None:
        raise MediaError("{path} is no readable picture", path=path.name)
    if found.shape[:2] != (size.height_px, size.width_px):
        found = cv2.resize(found, (size.width_px, size.height_px), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(found, cv2.COLOR_BGR2RGB), np.uint8)
