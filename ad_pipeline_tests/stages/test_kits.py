"""A brand's kit: the user's folders first, then the samples; what is wrong with it is named."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest
from PIL import Image

from ad_pipeline.errors import BriefRejected, KitRejected
from ad_pipeline.stages.kits import kit_of


@pytest.fixture
def sample() -> str:
    return (resources.files("ad_pipeline.story") / "brands" / "etude.yaml").read_text(encoding="utf-8")


def test_a_users_kit_is_found_beside_the_samples(tmp_path: Path, sample: str) -> None:
    (tmp_path / "mine.yaml").write_text(sample.replace("brand_id: etude", "brand_id: mine"), encoding="utf-8-sig")

    assert kit_of("mine", folders=[str(tmp_path)]).brand_id == "mine"
    assert kit_of("etude", folders=[str(tmp_path), str(tmp_path / "nowhere")]).brand_id == "etude"


def test_an_unknown_brand_is_refused_with_the_nearest_or_all(tmp_path: Path) -> None:
    with pytest.raises(BriefRejected, match="did you mean 'laneige'"):
        kit_of("laneeige", folders=[])
    with pytest.raises(BriefRejected, match="there are: etude, hera, laneige, sulwhasoo"):
        kit_of("zzz", folders=[str(tmp_path)])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("brand_id: etude", "brand_id: other", "mine.yaml says brand_id 'other'"),
        ("brand_id: etude", "brand_id: mine\nlogo: nowhere.png", "field 'logo': no file"),
        ("brand_id: etude", "brand_id: mine\nelements: {box: nowhere.png}", "field 'elements.box': no file"),
        ("brand_id: etude", "brand_id: mine\nlogo: text.png", "field 'logo': .*text.png is no picture"),
        ("brand_id: etude", "brand_id: mine\nelements: {box: text.png}", "field 'elements.box': .* is no picture"),
        ("brand_id: etude", "brand_id: [", "no valid YAML"),
    ],
)
def test_a_wrong_kit_is_refused_by_its_field(tmp_path: Path, sample: str, old: str, new: str, said: str) -> None:
    assert old in sample
    (tmp_path / "text.png").write_text("no picture", encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(sample.replace(old, new), encoding="utf-8")

    with pytest.raises(KitRejected, match=said):
        kit_of("mine", folders=[str(tmp_path)])


@pytest.mark.parametrize("role", ["headline", "body", "caption"])
@pytest.mark.parametrize(
    ("font", "said"),
    [
        ("text.ttf", "text.ttf is no font file that can be read"),
        ("picture.otf", "picture.otf is no font file"),
        ("half.otf", "half.otf is no font file"),
        ("nowhere.otf", "nowhere.otf': it is no file, and our own fonts are Pretendard-Regular"),
        ("Arial", "no font 'Arial'"),
        (".", "it is no file"),
        ("5", "5"),
        ("[a]", "got \\['a'\\]"),
    ],
)
def test_a_font_that_is_none_is_refused_by_its_role(
    tmp_path: Path, sample: str, role: str, font: str, said: str
) -> None:
    own = (resources.files("ad_pipeline") / "fonts" / "Pretendard-Bold.otf").read_bytes()
    (tmp_path / "half.otf").write_bytes(own[: len(own) // 2])
    (tmp_path / "text.ttf").write_text("no font", encoding="utf-8")
    Image.new("RGB", (9, 9)).save(tmp_path / "picture.otf", format="PNG")
    text = sample.replace("brand_id: etude", "brand_id: mine") + f"\nfonts: {{{role}: {font}}}\n"
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")

    with pytest.raises(KitRejected, match=said) as refused:
        kit_of("mine", folders=[str(tmp_path)])

    assert refused.value.field == f"fonts.{role}"
    assert f"fonts.{role}" in str(refused.value)


def test_a_kit_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_bytes(b"\xff\xfe")

    with pytest.raises(KitRejected, match=r"mine.yaml is no UTF-8 text"):
        kit_of("mine", folders=[str(tmp_path)])
