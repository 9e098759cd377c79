from __future__ import annotations

import pytest

from ad_pipeline.story.channels import CHANNELS, film_loudness, safe_box, unmet_channels
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


def test_the_film_has_the_first_channels_loudness_and_says_whose_it_misses() -> None:
    social = film_loudness(["tiktok", "youtube"])
    mixed = ["tiktok", "tv_eu", "youtube", "tv_us"]

    assert social.target == CHANNELS["tiktok"].loudness
    assert (social.target.integrated_lufs, social.target.true_peak_dbtp, social.unmet) == (-14.0, -1.0, ())
    assert film_loudness(mixed).target.integrated_lufs == -14.0
    assert film_loudness(mixed).target.true_peak_dbtp == -2.0, "the strictest peak of all"
    assert film_loudness(mixed).target.max_short_term_lufs is None
    assert unmet_channels(mixed) == ("tv_eu", "tv_us")
    assert unmet_channels(["tv_eu", "tiktok"]) == ("tiktok",)


@pytest.mark.parametrize("channels", [("tv_us", "tv_eu"), ("tv_eu", "tv_kr", "tv_us")])
def test_one_loudness_serves_standards_whose_tolerances_meet(channels: tuple[str, ...]) -> None:
    shared = film_loudness(channels)

    assert shared.unmet == ()
    for name in channels:
        asked = CHANNELS[name].loudness
        for off in (-shared.target.tolerance_lu, shared.target.tolerance_lu):
            assert abs(shared.target.integrated_lufs + off - asked.integrated_lufs) <= asked.tolerance_lu + 1e-9
    assert (shared.target.tolerance_lu, shared.target.true_peak_dbtp, shared.target.max_short_term_lufs) == (
        0.5, -2.0, -18.0,
    )  # fmt: skip


def test_the_same_standard_keeps_its_own_loudness() -> None:
    assert film_loudness(["tv_us", "tv_kr"]).target.integrated_lufs == -24.0


@pytest.mark.parametrize("format_", FORMATS)
def test_a_format_has_a_folder_name_without_a_colon(format_: Format) -> None:
    assert ":" not in folder_of(format_)
    assert format_of(folder_of(format_)) == format_
