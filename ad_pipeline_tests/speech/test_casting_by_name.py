"""How somebody sounds of whom only the name is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from ad_pipeline.errors import InputRejected
from ad_pipeline.stages.cast import cast_of
from ad_pipeline.stages.session_facts import facts_of
from ad_pipeline_tests.speech.films import a_studio, an_ad

NAMES = {
    "female": ["Mother", "young woman", "saleswoman", "grandma", "엄마", "친구의 언니", "딸"],
    "male": ["the boy", "Grandfather", "salesman", "아빠", "남자친구"],
    "any": ["human", "Person", "Allison", "Jason", "Mandy", "German friend", "딸기", "Roman", "이모티콘"],
}


@pytest.mark.parametrize(("gender", "name"), [(gender, name) for gender, names in NAMES.items() for name in names])
def test_a_name_tells_its_gender_only_where_it_is_a_word_for_one(tmp_path: Path, gender: str, name: str) -> None:
    workplace = a_studio(tmp_path)
    an_ad(workplace, [{"speaker": name, "text": "Hi."}], "Bye.", quality="draft")
    facts = facts_of(workplace, "ad")
    assert cast_of(facts, [line.speaker for line in facts.storyboard.scenes[0].spoken])[name].gender == gender


def test_a_recording_that_is_not_there_is_named(tmp_path: Path) -> None:
    workplace = a_studio(tmp_path, kit="voice: {reference: own.wav}")
    with pytest.raises(InputRejected, match=r"'voice.reference': no file .*own.wav"):
        an_ad(workplace, "Hi.", "Bye.", quality="draft")
