"""A brand's kit: the user's folders first, then the samples; what is wrong with it is named."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

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
        ("brand_id: etude", "brand_id: [", "no valid YAML"),
    ],
)
def test_a_wrong_kit_is_refused_by_its_field(tmp_path: Path, sample: str, old: str, new: str, said: str) -> None:
    assert old in sample
    (tmp_path / "mine.yaml").write_text(sample.replace(old, new), encoding="utf-8")

    with pytest.raises(KitRejected, match=said):
        kit_of("mine", folders=[str(tmp_path)])


def test_a_kit_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_bytes(b"\xff\xfe")

    with pytest.raises(KitRejected, match=r"mine.yaml is no UTF-8 text"):
        kit_of("mine", folders=[str(tmp_path)])
