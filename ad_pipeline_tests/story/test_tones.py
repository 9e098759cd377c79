from __future__ import annotations

import itertools

import pytest

from ad_pipeline.story.tones import tone_of, tones, tones_of


@pytest.mark.parametrize(
    ("wish", "parts", "unknown"),
    [
        ("professional", ("professional",), ()),
        ("professional_warm", ("professional", "warm"), ()),
        ("warm_professional", ("warm", "professional"), ()),
        ("casual-funny", ("casual", "funny"), ()),
        ("Warm and a bit playful", ("warm", "funny"), ()),
        ("따뜻한", ("warm",), ()),
        ("전문적인 톤으로", ("professional",), ()),
        ("따뜻하고 유머 있게", ("warm", "funny"), ()),
        ("활기찬 느낌", ("enthusiastic",), ()),
        ("melancholic_warm", ("warm",), ("melancholic",)),
        ("시크하게", ("warm", "professional"), ("시크하게",)),
        ("", ("warm", "professional"), ()),
    ],
)
def test_a_tone_is_read_in_any_order_and_either_language(
    wish: str, parts: tuple[str, ...], unknown: tuple[str, ...]
) -> None:
    tone = tone_of(wish)

    assert tone.parts == parts == tones_of(wish)
    assert tone.unknown == unknown


def test_an_unknown_tone_is_not_refused_but_said() -> None:
    tone = tone_of("시크하게")

    assert tone.note is not None
    assert "'시크하게'" in str(tone.note)
    assert "warm + professional" in str(tone.note)
    assert "모르는 말" in tone.note.said_in("ko")
    assert '"시크하게"' in tone.instructions_ko
    assert tone_of("professional_warm").note is None


@pytest.mark.parametrize(("one", "other"), list(itertools.permutations(tones(), 2)))
def test_each_compound_reads_differently_from_its_reverse(one: str, other: str) -> None:
    tone, reverse = tone_of(f"{one}_{other}"), tone_of(f"{other}_{one}")

    assert tone.parts == (one, other)
    assert tone.instructions_en != reverse.instructions_en
    assert tones()[one].leads_en in tone.instructions_en
    assert tones()[other].colours_en in tone.instructions_en
    assert tones()[one].leads_ko in tone.instructions_ko
    assert tones()[other].colours_ko in tone.instructions_ko


def test_every_word_of_a_tone_leads_to_that_tone_alone() -> None:
    for tone in tones().values():
        for word in tone.words:
            assert tones_of(word) == (tone.name,), word
