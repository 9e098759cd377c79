from __future__ import annotations

import pytest

from ad_pipeline.story.channels import CHANNELS, loudness_target, safe_box
from ad_pipeline.story.formats import FORMATS, Format, folder_of, format_of, size_of
from ad_pipeline.values import Box


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("channel", CHANNELS)
def test_the_safe_box_lies_inside_the_picture_and_leaves_room(format_: Format, channel: str) -> None:
    size, box = size_of(format_), safe_box(format_, [channel])

    whole = Box(left_px=0, top_px=0, right_px=size.width_px, bottom_px=size.height_px)
    assert whole.contains(box)
    assert box.width_px > 0.5 * size.width_px
    assert box.height_px > 0.4 * size.height_px


def test_many_channels_share_what_none_of_them_covers() -> None:
    both = safe_box("9:16", ["tiktok", "instagram_reels"])

    assert safe_box("9:16", ["tiktok"]).contains(both)
    assert safe_box("9:16", ["instagram_reels"]).contains(both)
    assert both.bottom_px == 1248


def test_loudness_is_the_first_channels() -> None:
    assert loudness_target(["tiktok", "youtube"]) == (-14.0, -1.0)


@pytest.mark.parametrize("format_", FORMATS)
def test_a_format_has_a_folder_name_without_a_colon(format_: Format) -> None:
    assert ":" not in folder_of(format_)
    assert format_of(folder_of(format_)) == format_
