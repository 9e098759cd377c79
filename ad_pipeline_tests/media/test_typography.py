import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest

from ad_pipeline.errors import MediaError
from ad_pipeline.media.colours import contrast_ratio, luminance
from ad_pipeline.media.fonts import OWN_FONTS, font_that_draws, load_font, missing_glyphs
from ad_pipeline.media.legible import as_button, legible_block, worst_contrast
from ad_pipeline.media.titles import Overlay, layout_for
from ad_pipeline.media.typography import broken_lines, set_text
from ad_pipeline.values import Box, Size

WIDE_BOX = Box(left_px=40, top_px=60, right_px=840, bottom_px=360)
HEADLINE = "건조한 밤에도 피부가 먼저 알아보는 촉촉한 하루의 시작"


@pytest.mark.parametrize("name", OWN_FONTS)
def test_our_fonts_draw_all_hangul_and_ascii(name: str) -> None:
    text = "".join(map(chr, itertools.chain(range(0xAC00, 0xD7A4), range(0x20, 0x7F))))

    assert missing_glyphs(text, name) == ""


def test_emoji_and_unknown_scripts_are_named_before_drawing() -> None:
    assert missing_glyphs("좋아요 😀 오늘", "Pretendard-Bold") == "😀"
    with pytest.raises(MediaError, match="no font here can draw '😀'"):
        font_that_draws("좋아요 😀", "NanumMyeongjo-Bold")


def test_a_file_that_is_no_font_is_refused(tmp_path: Path) -> None:
    fake = tmp_path / "brand.ttf"
    fake.write_bytes(b"\x00\x01\x00\x00" + b"nothing" * 40)

    for ask in (lambda: load_font(str(fake), 40), lambda: missing_glyphs("a", str(fake))):
        with pytest.raises(MediaError, match="brand.ttf is no font file"):
            ask()
    with pytest.raises(MediaError, match="no font 'Arial'"):
        load_font("Arial", 40)


def test_lines_break_between_words_and_are_even() -> None:
    lines = broken_lines(HEADLINE, font_name="Pretendard-Bold", size_px=60, width_px=640, most_lines=4)

    assert lines is not None
    assert " ".join(lines) == HEADLINE
    widths = [load_font("Pretendard-Bold", 60).getlength(line) for line in lines]
    assert max(widths) <= 640
    assert min(widths) >= 0.6 * max(widths)


def test_a_last_word_is_not_left_alone() -> None:
    lines = broken_lines(
        "one two three four five six seven a", font_name="Pretendard-Regular", size_px=40, width_px=560, most_lines=3
    )

    assert lines is not None
    assert len(lines) == 2
    assert len(lines[-1]) > 8


def test_a_word_wider_than_the_box_does_not_fit() -> None:
    assert broken_lines("촉촉촉촉촉촉촉촉", font_name="Pretendard-Bold", size_px=80, width_px=300, most_lines=9) is None


def test_a_written_line_break_stays() -> None:
    lines = broken_lines("하나\n둘 셋", font_name="Pretendard-Bold", size_px=30, width_px=800, most_lines=2)

    assert lines == ("하나", "둘 셋")


def test_text_takes_the_largest_size_that_fits_and_stays_in_its_box() -> None:
    block = set_text(
        HEADLINE, font_name="NanumMyeongjo-Bold", box=WIDE_BOX, largest_px=120, smallest_px=30, most_lines=3
    )
    smaller = set_text(
        HEADLINE * 2, font_name="NanumMyeongjo-Bold", box=WIDE_BOX, largest_px=120, smallest_px=30, most_lines=3
    )

    assert WIDE_BOX.contains(block.box)
    assert block.rgba.shape[:2] == (block.box.height_px, block.box.width_px)
    assert 120 > block.size_px > smaller.size_px


@pytest.mark.parametrize("text", ["가" * 200, "말 " * 2500])
def test_text_that_cannot_fit_says_what_to_do(text: str) -> None:
    with pytest.raises(MediaError, match="does not fit 800x300 px in 3 lines at 40 px; shorten it"):
        set_text(text, font_name="Pretendard-Bold", box=WIDE_BOX, largest_px=90, smallest_px=40, most_lines=3)


@pytest.mark.parametrize("text", ["50% 할인: \"지금\" 'x' \\ %{}", "각난다 뷁 똠", "a\u200db \u202eabc\u202c"])
def test_odd_text_is_drawn(text: str) -> None:
    block = set_text(
        text, font_name="Pretendard-Bold", box=WIDE_BOX, largest_px=90, smallest_px=20, most_lines=3, tracking=0.03
    )

    assert block.rgba[..., 3].max() == 255


def test_a_colour_that_reads_is_chosen_without_a_plate() -> None:
    under = np.full((300, 800, 3), 240, np.uint8)
    block = set_text(HEADLINE, font_name="Pretendard-Bold", box=WIDE_BOX, largest_px=60, smallest_px=30, most_lines=3)

    read = legible_block(block, under=under, colours=["#FFFFFF", "#3B1F14"])

    assert (read.colour, read.has_plate) == ("#3B1F14", False)
    assert worst_contrast(read.colour, under) >= 4.5


@pytest.mark.parametrize("plate", [None, "#101418"])
@pytest.mark.parametrize("colours", [["#FFFFFF", "#3B1F14"], ["#808080"], ["#E03020", "#D04030"]])
def test_a_busy_picture_gets_a_ground_that_makes_the_text_readable(colours: list[str], plate: str | None) -> None:
    block = set_text(HEADLINE, font_name="Pretendard-Bold", box=WIDE_BOX, largest_px=60, smallest_px=30, most_lines=3)
    height, width = block.rgba.shape[:2]
    under = np.zeros((height, width, 3), np.uint8)
    under[:, ::20] = under[:, 1::20] = under[:, 2::20] = 255

    read = legible_block(block, under=under, colours=colours, plate_colour=plate)

    pad = (read.rgba.shape[0] - height) // 2
    laid = read.rgba[pad : pad + height, pad : pad + width].astype(float)
    ink_mask = (block.rgba[..., 3] > 0).astype(np.uint8)
    clear = (cv2.dilate(ink_mask, np.ones((9, 9), np.uint8)) > 0) & (ink_mask == 0)
    beneath = (under * (1 - laid[..., 3:] / 255) + laid[..., :3])[clear].round().astype(np.uint8)
    ink = float(luminance(np.array([int(read.colour[i : i + 2], 16) for i in (1, 3, 5)], np.uint8)))
    ratios = [(max(ink, e) + 0.05) / (min(ink, e) + 0.05) for e in np.percentile(luminance(beneath), (3, 97))]
    assert read.has_plate
    assert min(ratios) >= 4.5
    assert read.ink == block.box


def test_contrast_is_the_one_of_wcag() -> None:
    assert contrast_ratio("#FFFFFF", "#000000") == pytest.approx(21)
    assert contrast_ratio("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize(
    ("size", "safe"),
    [((1080, 1920), (65, 269, 1015, 1248)), ((1080, 1080), (54, 54, 1026, 1026)),
     ((1080, 1350), (54, 68, 1026, 1282)), ((1920, 1080), (96, 54, 1824, 1026))],
)  # fmt: skip
def test_no_place_of_a_layout_overlaps_another(size: tuple[int, int], safe: tuple[int, int, int, int]) -> None:
    box = Box(left_px=safe[0], top_px=safe[1], right_px=safe[2], bottom_px=safe[3])

    layout = layout_for(Size(width_px=size[0], height_px=size[1]), box)

    places = [layout.headline, layout.caption, layout.logo, layout.button, layout.footnote]
    assert all(box.contains(place) and place.width_px > 100 and place.height_px > 50 for place in places)
    for a, b in itertools.combinations(places, 2):
        met = a.meet(b)
        assert met.width_px <= 0 or met.height_px <= 0
    assert (layout.logo.right_px, layout.logo.bottom_px) == (box.right_px, box.bottom_px)


def test_an_overlay_enters_stays_and_leaves() -> None:
    block = set_text("안녕", font_name="Pretendard-Bold", box=WIDE_BOX, largest_px=60, smallest_px=30, most_lines=1)
    overlay = Overlay(start_frame=10, end_frame=40, block=block, fade_frames=6, rise_px=20)

    seen = [overlay.opacity_at(frame) for frame in range(50)]

    assert seen[9] == seen[40] == 0
    assert 0 < seen[10] < seen[13] < seen[16] == 1 == seen[33] > seen[39] > 0
    assert overlay.drop_px_at(10) > overlay.drop_px_at(15) > overlay.drop_px_at(30) == 0


def test_a_button_is_a_pill_around_its_letters() -> None:
    text = set_text("지금", font_name="Pretendard-Bold", box=WIDE_BOX, largest_px=60, smallest_px=30, most_lines=1)

    button = as_button(text, "#E03020")

    height, width = button.rgba.shape[:2]
    assert (button.box.width_px, button.box.height_px) == (width, height)
    assert button.box.contains(text.box)
    assert button.rgba[0, 0, 3] == 0
    assert tuple(button.rgba[4, width // 2]) == (0xE0, 0x30, 0x20, 255)
