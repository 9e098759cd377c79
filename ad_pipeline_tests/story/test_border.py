from __future__ import annotations

import pytest

from ad_pipeline.errors import BriefRejected
from ad_pipeline.story.border import mapping_from_yaml, nearest


def _read(text: str) -> dict[str, object]:
    return mapping_from_yaml(text, rejected=BriefRejected, what="brief")


def test_yaml_is_read_as_people_mean_it() -> None:
    assert _read("a: 9:16\nb: 15\nc: 7.5\nd: 2026-11-20\ne: yes\nf: 1e3\n") == {
        "a": "9:16",
        "b": 15,
        "c": 7.5,
        "d": "2026-11-20",
        "e": True,
        "f": "1e3",
    }


def test_json_is_yaml() -> None:
    assert _read('{"a": [1, "둘"]}') == {"a": [1, "둘"]}


def test_what_is_wrong_is_said_with_its_place() -> None:
    with pytest.raises(BriefRejected, match="line 3"):
        _read("a: 1\nb: [1,\n")


def test_a_small_file_cannot_unfold() -> None:
    with pytest.raises(BriefRejected, match="aliases"):
        _read("a: &x [1, 2]\nb: [*x, *x]\n")


def test_deep_nesting_is_rejected_without_a_crash() -> None:
    with pytest.raises(BriefRejected):
        _read("[" * 5000)


def test_the_nearest_word_is_found_or_none() -> None:
    assert nearest("Tiktak", ["tiktok", "youtube"]) == "tiktok"
    assert nearest("zzz", ["tiktok", "youtube"]) == ""
