"""The example ads that the product ships: what they say is what we would let anybody say."""

from __future__ import annotations

from pathlib import Path

import pytest

from ad_pipeline.story.brief import brief_from_text
from ad_pipeline_tests.stories.written import Written, write
from ad_pipeline_tests.story.samples import a_kit

EXAMPLES = {path.stem: path for path in sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_says_nothing_that_needs_proof_and_fits_at_any_seed(name: str) -> None:
    brief = brief_from_text(EXAMPLES[name].read_text(encoding="utf-8"))
    kit = a_kit(brief.brand_id)

    for seed in (brief.seed, *range(8)):
        seeded = brief.model_copy(update={"seed": seed})
        ad = Written(brief=seeded, kit=kit, board=write(seeded, kit))

        assert [(flag.rule.name, flag.words) for flag in ad.flags] == []
        assert [scene.narration for scene in ad.late] == []


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 12
