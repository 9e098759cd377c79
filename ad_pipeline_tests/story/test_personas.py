from __future__ import annotations

import pytest

from ad_pipeline.engines.animatic.writing.shelf import TONES
from ad_pipeline.story.personas import persona_of, personas


@pytest.mark.parametrize("name", personas())
def test_a_persona_speaks_both_languages_in_known_tones(name: str) -> None:
    persona = personas()[name]

    assert set(persona.tones) <= set(TONES)
    assert persona.openers["ko"]
    assert persona.openers["en"]
    assert persona_of(persona.titles["ko"]) == persona


@pytest.mark.parametrize(
    ("wish", "name"),
    [
        ("best friend", "best_friend"),
        ("단짝 친구", "best_friend"),
        ("comedien", "comedian"),
        ("auto", None),
        ("xyzzy", None),
    ],
)
def test_a_persona_is_found_by_name_title_or_nearly(wish: str, name: str | None) -> None:
    found = persona_of(wish)

    assert (found.name if found else None) == name
