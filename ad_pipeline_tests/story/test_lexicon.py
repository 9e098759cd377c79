from __future__ import annotations

from typing import Any

import pytest

from ad_pipeline.errors import KitRejected
from ad_pipeline.story.lexicon import GENERAL, Lexicon, Pronunciation, general_entries, lexicon_of
from ad_pipeline.story.spoken_form import spoken_form


def test_general_entries_are_words_of_their_language() -> None:
    entries = general_entries()
    again = {"ko": [e.ko for e in entries if e.ko], "en": [e.en for e in entries if e.en]}

    assert len(entries) > 500
    assert all(lexicon_of({"x": {"ko": said}}).own for said in again["ko"])
    assert all(lexicon_of({"x": {"en": said.replace("+", "").replace("é", "e")}}).own for said in again["en"]
               if said.isascii())  # fmt: skip


def test_a_brands_own_entries_win_and_the_longest_match_is_said() -> None:
    own = lexicon_of({"Laneige": "라네쥬", "Water Bank": "물은행", "Water": {"ko": "물", "en": "wadder"}})

    assert spoken_form("Laneige의 Water Bank, Water!", "ko", own) == "라네쥬의 물은행, 물!"
    assert spoken_form("LANEIGE water", "en", own) == "Lah-nezh wadder"


def test_a_latin_entry_is_a_whole_word_and_particles_may_follow() -> None:
    own = lexicon_of({"Glo": "글로"})

    assert spoken_form("Glo는 Glow와 Glo50", "ko", own) == "글로는 글로우와 글로 오십"


def test_a_korean_entry_ends_before_a_particle() -> None:
    own = lexicon_of({"헤라": {"ko": "헤에라", "en": "Hair-ah"}})

    assert spoken_form("헤라의 밤, 헤라클레스의 밤", "ko", own) == "헤에라의 밤, 헤라클레스의 밤"


def test_the_general_lexicon_knows_both_ways() -> None:
    assert (GENERAL.said("laneige", "ko"), GENERAL.said("라네즈", "en")) == ("라네즈", "Lah-nezh")
    assert GENERAL.said("no such word", "ko") == ""


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"": "말"}, "is no word"),
        ({"!!": "말"}, "is no word"),
        ({"SPF": ""}, "expected how it is said"),
        ({"SPF": 3}, "expected how it is said"),
        ({"SPF": {"jp": "x"}}, "expected how it is said"),
        ({"SPF": {}}, "expected how it is said"),
        ({"SPF": {"ko": ["가"]}}, "expected how it is said"),
        ({"SPF": "가" * 61}, "at most 60"),
        ({"S" * 61: "가"}, "at most 60"),
        ({"SPF": "<break time='1s'/>"}, "U+003C"),
        ({"SPF": "가\u0007나"}, "U+0007"),
        ({"SPF": "가\u202e나"}, "U+202E"),
        ({"S[x]": "가"}, "U+005B"),
        ({"SPF": {"ko": "spf"}}, "write Hangul"),
        ({"SPF": {"en": "에스"}}, "write Latin letters"),
        ({"SPF": "에스 pf"}, "write Hangul"),
        ({"SPF": "SPF 50"}, "write Latin letters"),
        ({"SPF": "..."}, "write Latin letters"),
        ({str(n): "가" for n in range(201)}, "at most 200"),
    ],
)
def test_a_bad_entry_is_refused_and_named(given: dict[str, Any], words: str) -> None:
    with pytest.raises(KitRejected) as caught:
        lexicon_of(given)

    assert words in str(caught.value)
    assert caught.value.field.startswith("pronunciation")


def test_a_plain_word_goes_to_the_language_of_its_script() -> None:
    assert lexicon_of({"COSRX": "코스알엑스", "라네즈": "lanezh"}) == Lexicon(
        own=(Pronunciation(written="COSRX", ko="코스알엑스"), Pronunciation(written="라네즈", en="lanezh"))
    )
