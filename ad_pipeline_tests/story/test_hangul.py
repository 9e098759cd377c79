from __future__ import annotations

import pytest

from ad_pipeline.story.hangul import final_of, from_latin, particle, to_latin, with_particle


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("세럼", "세럼은"),
        ("팩트", "팩트는"),
        ("Serum", "Serum은"),
        ("Glow", "Glow는"),
        ("Bottle", "Bottle은"),
        ("SPF50", "SPF50은"),
        ("SPF50+", "SPF50+는"),
        ("넘버 7", "넘버 7은"),
        ("넘버 2", "넘버 2는"),
        ("L", "L은"),
        ("ABC", "ABC는"),
        ('"세럼"', '"세럼"은'),
        ("크림 (대용량)", "크림 (대용량)은"),
        ("😀", "😀는"),
        ("", "는"),
    ],
)
def test_the_topic_particle_follows_the_last_sound(word: str, said: str) -> None:
    assert with_particle(word, "은") == said


@pytest.mark.parametrize(
    ("word", "forms"),
    [
        ("크림", ("이", "을", "과", "으로", "이에요")),
        ("오일", ("이", "을", "과", "로", "이에요")),
        ("토너", ("가", "를", "와", "로", "예요")),
    ],
)
def test_every_particle_has_its_two_forms(word: str, forms: tuple[str, ...]) -> None:
    assert tuple(particle(word, kind) for kind in ("이", "을", "와", "으로", "이에요")) == forms  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("word", "said"),
    [("water", "워터"), ("Velvet", "벨벳"), ("SPF", "에스피에프"), ("glow", "글로우"), ("bottle", "보틀")],
)
def test_latin_words_are_said_in_korean_sounds(word: str, said: str) -> None:
    assert from_latin(word) == said


def test_hangul_is_spelled_for_an_english_voice() -> None:
    assert to_latin("고요 cream") == "goyo cream"


def test_a_word_without_a_sound_has_no_final() -> None:
    assert final_of("!!") == ""
