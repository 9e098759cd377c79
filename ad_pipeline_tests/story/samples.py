"""Briefs and kits that many tests start from."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from ad_pipeline.story.brand_kit import BrandKit, kit_from_text
from ad_pipeline.story.brief import Brief, brief_from_values

BRANDS = ("etude", "hera", "laneige", "sulwhasoo")


def a_kit(brand_id: str = "laneige", **changes: Any) -> BrandKit:
    """A sample kit of the package, with changes."""
    text = (resources.files("ad_pipeline.story") / "brands" / f"{brand_id}.yaml").read_text(encoding="utf-8")
    return kit_from_text(text, folder=Path("brands")).model_copy(update=changes)


def a_brief(**changes: Any) -> Brief:
    """A small Korean brief, with changes."""
    values: dict[str, Any] = {
        "brand_id": "laneige",
        "product": "워터 글로우 세럼",
        "duration": 15,
        "concept": "건조한 사무실에서도 물을 머금은 듯 맑은 피부",
    }
    return brief_from_values(values | changes)
