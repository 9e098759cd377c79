from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ad_pipeline.errors import BriefRejected
from ad_pipeline.messages import Message
from ad_pipeline.story.brief import brief_from_text
from ad_pipeline_tests.story.samples import a_brief

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_example_is_a_brief(path: Path) -> None:
    assert brief_from_text(path.read_text(encoding="utf-8")).product


def test_formats_are_text_and_one_may_stand_alone() -> None:
    brief = brief_from_text("brand_id: laneige\nproduct: 세럼\nduration: 15\nformat: 9:16\nchannels: tiktok\n")

    assert brief.formats == ("9:16",)
    assert brief.main_format == "9:16"
    assert brief.channels == ("tiktok",)


def test_the_language_follows_the_words() -> None:
    assert a_brief().story_language == "ko"
    assert a_brief(product="Serum", concept="").story_language == "en"
    assert a_brief(language="en").story_language == "en"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"duration": 0}, "duration"),
        ({"duration": 3600}, "duration"),
        ({"duration": float("nan")}, "duration"),
        ({"duration": "long"}, "duration"),
        ({"brand_id": "../x"}, "brand_id"),
        ({"channels": ["tiktak"]}, "channels"),
        ({"channels": []}, "channels"),
        ({"formats": ["3:2"]}, "formats"),
        ({"scene_count": 1}, "scene_count"),
        ({"scene_count": 13}, "scene_count"),
        ({"product": ""}, "product"),
        ({"product": "a" * 201}, "product"),
        ({"concept": "a" * 1001}, "concept"),
        ({"product": "a\u202eb"}, "product"),
        ({"claims": [{"text": "좋다"}]}, "source"),
        ({"seed": -1}, "seed"),
        ({"budget_usd": -1}, "budget_usd"),
        ({"quality": "premiun"}, "premium"),
        ({"targetaudience": "x"}, "target_audience"),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(BriefRejected) as rejected:
        a_brief(**changes)

    assert field in f"{rejected.value.field} {rejected.value}"


@pytest.mark.parametrize(
    "text",
    ["", "- a\n- b\n", "just words", "a: [1", "a: &x 1\nb: *x\n", "a" * 1_000_001, "!!python/object:os.system {}"],
)
def test_a_text_that_is_no_brief_is_rejected(text: str) -> None:
    with pytest.raises(BriefRejected):
        brief_from_text(text)


def test_a_missing_field_is_named() -> None:
    with pytest.raises(BriefRejected, match="'product'"):
        brief_from_text("brand_id: laneige\nduration: 15\n")


def test_quotes_colons_braces_and_emoji_are_only_text() -> None:
    product = "\"따옴표\" 'x': \\ %{} {0} 😀"

    assert a_brief(product=product).product == product


def test_a_refusal_can_be_said_in_either_language() -> None:
    with pytest.raises(BriefRejected) as rejected:
        a_brief(duration=3600)

    message = rejected.value.message
    assert isinstance(message, Message)
    assert "6 to 60" in message.said_in("en")
    assert message.said_in("ko")
