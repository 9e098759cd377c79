from __future__ import annotations

from pathlib import Path

import pytest

from ad_pipeline.engines.animatic.moods import MOODS
from ad_pipeline.errors import KitRejected
from ad_pipeline.story.brand_kit import kit_from_text
from ad_pipeline_tests.story.samples import BRANDS, a_kit

KIT = """
brand_id: x
name: X
palette: {background: "#FFFFFF", surface: "#ffffff", primary: "#112233", accent: "#445566", text: "#000000"}
"""


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, two: str) -> float:
    dark, light = sorted((_luminance(one), _luminance(two)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("brand_id", BRANDS)
def test_a_sample_kit_is_readable_and_says_that_it_is_a_sample(brand_id: str) -> None:
    kit = a_kit(brand_id)

    assert kit.sample
    assert kit.brand_id == brand_id
    assert _contrast(kit.palette.text, kit.palette.background) >= 4.5
    assert _contrast(kit.palette.text, kit.palette.surface) >= 4.5
    assert _contrast(kit.palette.text_on_primary, kit.palette.primary) >= 4.5
    assert kit.bgm_mood in MOODS
    assert kit.tagline
    assert kit.tagline_ko
    assert kit.cta
    assert kit.cta_ko
    assert kit.words_to_avoid


def test_sample_kits_differ() -> None:
    assert len({a_kit(brand).palette.primary for brand in BRANDS}) == len(BRANDS)


def test_a_kit_has_defaults_for_all_but_name_and_colours() -> None:
    kit = kit_from_text(KIT, folder=Path("kits"))

    assert kit.mark == "X"
    assert kit.named_in("ko") == "X"
    assert kit.palette.colours == ("#FFFFFF", "#112233", "#445566", "#000000")


def test_paths_of_a_kit_start_at_its_folder() -> None:
    kit = kit_from_text(
        KIT + "logo: logo.png\nelements: {seal: art/seal.png}\nfonts: {headline: own.otf}\n", folder=Path("kits")
    )

    assert kit.logo == str(Path("kits/logo.png"))
    assert kit.elements["seal"] == str(Path("kits/art/seal.png"))
    assert kit.fonts.headline == str(Path("kits/own.otf"))
    assert kit.fonts.body == "Pretendard-Regular"


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("#112233", "blue", "primary"),
        ("#112233", "#12345", "primary"),
        ("name: X", "nmae: X", "name"),
        ("name: X", "name: ''", "name"),
        ("brand_id: x", "brand_id: x\nvoice: {speed: 9}", "speed"),
        ("brand_id: x", "brand_id: x\nlora: {strength: 1}", "file"),
    ],
)
def test_a_wrong_field_of_a_kit_is_named(old: str, new: str, named: str) -> None:
    with pytest.raises(KitRejected) as rejected:
        kit_from_text(KIT.replace(old, new), folder=Path("kits"))

    assert named in f"{rejected.value.field} {rejected.value}"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("blue", "got 'blue', expected a colour like #7C4D3A"),
        ('"#12345"', "got '#12345', expected a colour"),
        ('"#GG0011"', "got '#GG0011', expected a colour"),
        ('"#abc"', "got '#abc', expected a colour"),
        ('"rgb(1,2,3)"', "expected a colour"),
        ('""', "got '', expected a colour"),
        ("112233", "got '112233', expected a colour"),
        ("[1, 2, 3]", "expected a colour"),
        ("#112233", 'is empty; write the colour in quotes: "#7C4D3A"'),
    ],
)
@pytest.mark.parametrize("role", ["background", "primary", "text_on_primary"])
def test_a_colour_that_is_none_is_refused_by_its_role(role: str, written: str, said: str) -> None:
    colours = {name: '"#112233"' for name in ("background", "surface", "primary", "accent", "text")} | {role: written}
    palette = "".join(f"  {name}: {colour}\n" for name, colour in colours.items())

    with pytest.raises(KitRejected) as rejected:
        kit_from_text(f"brand_id: x\nname: X\npalette:\n{palette}", folder=Path("kits"))

    assert rejected.value.field == f"palette.{role}"
    assert f"'palette.{role}'" in str(rejected.value) and said in str(rejected.value)


def test_spaces_around_a_colour_are_no_part_of_it() -> None:
    kit = kit_from_text(KIT.replace('"#112233"', '" #aabbcc "'), folder=Path("kits"))

    assert kit.palette.primary == "#AABBCC"
