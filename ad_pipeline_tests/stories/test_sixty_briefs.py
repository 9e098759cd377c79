"""Sixty briefs of all kinds, told without a language model."""

from __future__ import annotations

import itertools
import re
import time
from pathlib import Path
from typing import Any, get_args

import pytest

from ad_pipeline.media.time import FILM
from ad_pipeline.story.channels import CHANNELS
from ad_pipeline.story.formats import Format
from ad_pipeline.story.personas import persona_of
from ad_pipeline.story.speaking import reading_seconds
from ad_pipeline.story.storyboard import Scene, storyboard_from_text
from ad_pipeline.story.tones import tone_of, tones
from ad_pipeline_tests.stages.sessions import a_workplace
from ad_pipeline_tests.stories.written import BRIEFS, brief_of, laid_out, plain_picture, write, written
from ad_pipeline_tests.story.samples import BRANDS

pytestmark = pytest.mark.slow

MOST_MS = 20.0
MOST_SHARED = 0.34
_WITH_CLAIMS = [name for name in BRIEFS if brief_of(name).claims]


def test_the_briefs_cover_what_people_ask_for() -> None:
    briefs = [brief_of(name) for name in BRIEFS]
    compounds = {tone_of(b.tone).parts for b in briefs if b.tone}

    assert len(briefs) == 60
    assert {b.brand_id for b in briefs} == set(BRANDS)
    assert {b.story_language for b in briefs} == {"ko", "en"}
    assert {f for b in briefs for f in b.formats} == set(get_args(Format))
    assert {c for b in briefs for c in b.channels} == set(CHANNELS)
    assert {(tone,) for tone in tones()} <= compounds
    assert len(compounds) >= 18
    assert {b.scene_count for b in briefs} >= {None, 2, 3, 4, 5, 6, 8, 10, 12}
    assert min(b.duration for b in briefs) == 6
    assert max(b.duration for b in briefs) == 60
    assert len({persona.name for b in briefs if (persona := persona_of(b.persona))}) >= 20
    assert any(not b.concept for b in briefs)
    assert any(len(b.formats) == 4 for b in briefs)
    assert len(_WITH_CLAIMS) >= 8


def _own(scene: Scene) -> dict[str, Any]:
    """What the writer adds to the published fields."""
    return scene.model_extra or {}


@pytest.mark.parametrize("name", BRIEFS)
def test_a_brief_becomes_a_valid_storyboard_of_its_length(name: str) -> None:
    ad = written(name)
    purposes = [scene.purpose for scene in ad.board.scenes]

    assert storyboard_from_text(ad.board.to_json()) == ad.board
    assert sum(ad.board.scene_frames) == FILM.frames(ad.brief.duration)
    assert ad.board.formats == ad.brief.formats
    assert ad.board.language == ad.brief.story_language
    assert len(purposes) == (ad.brief.scene_count or len(purposes))
    assert purposes[0] == "hook"
    assert purposes[-1] == "cta"


@pytest.mark.parametrize("name", BRIEFS)
def test_every_narration_fits_its_scene_and_long_scenes_speak(name: str) -> None:
    ad = written(name)

    assert [scene.narration for scene in ad.late] == []
    assert [
        s.id for s in ad.board.scenes if not s.narration and s.duration_seconds >= 2 and "claim" not in _own(s)
    ] == []


@pytest.mark.parametrize("name", BRIEFS)
def test_nothing_is_said_that_may_not_be_said(name: str) -> None:
    assert [(flag.rule.name, flag.words) for flag in written(name).flags] == []


@pytest.mark.parametrize("name", BRIEFS)
def test_an_ad_names_its_product_and_speaks_its_language(name: str) -> None:
    ad = written(name)
    first_word = ad.brief.product.split()[0]

    assert first_word in ad.said
    if ad.board.language == "en":
        assert not re.search(r"[가-힣]", ad.said)
    else:
        assert len(re.findall(r"[가-힣]", ad.said)) > len(re.findall(r"[a-zA-Z]", ad.said)) / 2


@pytest.mark.parametrize("name", BRIEFS)
def test_no_ad_says_a_thing_twice(name: str) -> None:
    scenes = written(name).board.scenes
    product = brief_of(name).product.lower()
    sentences = [s.strip().lower() for scene in scenes for s in re.split(r"(?<=[.!?…])\s", scene.narration) if s]
    sentences = [s for s in sentences if s.rstrip(".!") not in product]  # its name may come again
    texts = [scene.onscreen_text for scene in scenes if scene.onscreen_text]

    assert len(set(sentences)) == len(sentences)
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("name", _WITH_CLAIMS)
def test_a_claim_stands_word_for_word_with_its_source(name: str) -> None:
    ad = written(name)
    proofs = [scene for scene in ad.board.scenes if scene.purpose == "social_proof"]

    shown = " ".join(proofs[0].onscreen_text.split())

    assert any(claim.text in shown and claim.source in shown for claim in ad.brief.claims)
    assert proofs[0].duration_seconds >= reading_seconds(proofs[0].onscreen_text, ad.board.language)


@pytest.mark.parametrize(
    ("name", "never"),
    [
        ("ko_15s_trap_claims", ("치료", "재생", "주름", "1위", "부작용", "일주일")),
        ("en_15s_trap_claims", ("cure", "acne", "clinically", "3 days", "better than")),
        ("ko_15s_film_notes", ("광고", "장면")),
    ],
)
def test_what_a_concept_may_not_say_stays_in_the_brief(name: str, never: tuple[str, ...]) -> None:
    said = written(name).said.lower()

    assert [word for word in never if word in said] == []
    assert any(kept in said for kept in ("달이 차오르는", "the city hums", "쉬는 시간"))


def test_no_two_ads_tell_the_same() -> None:
    told = {
        name: {s.strip().lower() for scene in written(name).board.scenes for s in re.split(r"[.!?…]", scene.narration)}
        - {""}
        for name in BRIEFS
    }

    alike = [
        (one, other)
        for one, other in itertools.combinations(BRIEFS, 2)
        if len(told[one] | told[other]) and len(told[one] & told[other]) / len(told[one] | told[other]) > MOST_SHARED
    ]

    assert alike == []


@pytest.mark.parametrize("name", BRIEFS)
def test_a_storyboard_is_written_in_milliseconds(name: str) -> None:
    ad = written(name)
    spent_ms: list[float] = []

    for _ in range(3):
        began = time.thread_time()
        write(ad.brief, ad.kit)
        spent_ms.append((time.thread_time() - began) * 1000)

    assert min(spent_ms) < MOST_MS


@pytest.mark.parametrize("name", BRIEFS)
def test_all_letters_lie_inside_the_safe_zone_in_every_format(name: str, tmp_path: Path) -> None:
    plain = plain_picture(tmp_path / "plain.png")

    verdicts = laid_out(a_workplace(tmp_path / "sessions"), name, plain)

    assert set(verdicts) == set(brief_of(name).formats)
    assert {format_: v.measured for format_, v in verdicts.items() if not v.passed} == {}
