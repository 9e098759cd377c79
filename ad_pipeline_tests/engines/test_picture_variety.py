"""The worlds of an ad differ from scene to scene and follow its brief, over all example briefs."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import pytest

from ad_pipeline.engines.animatic.drawing.figures import FIGURES, WORDS
from ad_pipeline.engines.animatic.drawing.packs.catalogue import BUILDERS
from ad_pipeline.engines.animatic.drawing.packs.catalogue import WORDS as PACK_WORDS
from ad_pipeline.engines.animatic.plan import Plan, planned
from ad_pipeline.engines.animatic.story import TemplateWriter
from ad_pipeline.engines.animatic.writing.shelf import category_of, motifs_of
from ad_pipeline.engines.animatic.writing.worlds import worlds_of
from ad_pipeline.engines.contracts import Job
from ad_pipeline.engines.crafts.image import ImageRequest, Look
from ad_pipeline.engines.crafts.story import StoryRequest
from ad_pipeline.stages.kits import kit_of
from ad_pipeline.story.brief import Brief, brief_from_text
from ad_pipeline.story.storyboard import Purpose
from ad_pipeline.values import Box, Size
from ad_pipeline_tests.story.samples import a_brief, a_kit

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))
SIZE = Size(width_px=216, height_px=384)
SAFE = Box(left_px=14, top_px=54, right_px=202, bottom_px=256)
PRODUCTS = (
    "물빛 세럼", "고요 크림", "블랙 쿠션", "피치 치크", "아이 팔레트", "립 틴트", "립 마스크", "마스크팩", "토너",
    "선크림", "클렌저", "샴푸", "향수", "바디 로션", "커피 머신",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Planned:
    purpose: Purpose
    plan: Plan


def _planned_ad(brief: Brief, *, seed: int | None = None) -> list[Planned]:
    kit = kit_of(brief.brand_id, folders=())
    request = StoryRequest(brief=brief, kit=kit, seed=brief.seed if seed is None else seed)
    board, _ = TemplateWriter().write_storyboard(request, Job(job_id="x"))
    look = Look(kit=kit, product=brief.product, language=board.language)
    claims = tuple(claim.text for claim in brief.claims)
    return [
        Planned(
            purpose=scene.purpose,
            plan=planned(
                ImageRequest(
                    prompt=scene.image_prompt, size=SIZE, seed=board.seed * 1009 + scene.number, purpose=scene.purpose,
                    camera=scene.camera, look=look, brand_elements=scene.brand_elements, safe_box=SAFE, claims=claims,
                )
            ),
        )
        for scene in board.scenes
    ]  # fmt: skip


@functools.cache
def _examples() -> dict[str, list[Planned]]:
    return {path.stem: _planned_ad(brief_from_text(path.read_text(encoding="utf-8"))) for path in EXAMPLES}


def _plate_of(ad: list[Planned], purpose: Purpose) -> str:
    return next(scene.plan.plate.name for scene in ad if scene.purpose == purpose)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_no_two_scenes_of_an_example_share_a_plate(path: Path) -> None:
    plates = [scene.plan.plate.name for scene in _examples()[path.stem]]

    assert len(set(plates)) == len(plates)


@pytest.mark.parametrize("product", PRODUCTS)
def test_no_two_of_up_to_seven_scenes_share_a_plate_whatever_the_product_and_seed(product: str) -> None:
    for seed in range(3):
        for duration in (15, 30):
            ad = _planned_ad(a_brief(product=product, duration=duration, language="ko"), seed=seed)
            plates = [scene.plan.plate.name for scene in ad]

            assert len(set(plates)) == len(plates), (product, seed, duration, plates)


def test_solution_and_end_card_differ_in_plate_and_in_the_lights_side() -> None:
    for name, ad in _examples().items():
        assert _plate_of(ad, "solution") != _plate_of(ad, "cta"), name
        sides = {scene.purpose: scene.plan.light_x for scene in ad}
        assert sides["solution"] == -sides["cta"]


def test_at_most_one_example_in_three_has_dry_skin_as_its_problem() -> None:
    problems = [scene.plan.plate.name for ad in _examples().values() for scene in ad if scene.purpose == "problem"]

    assert problems.count("dry skin") <= len(problems) / 3
    assert len(set(problems)) >= 5


def test_end_cards_come_in_many_worlds() -> None:
    cards = [_plate_of(ad, "cta") for ad in _examples().values()]

    assert len(set(cards)) >= 5
    assert max(map(cards.count, cards)) <= len(cards) / 3


def test_every_solution_and_end_card_shows_the_product_and_no_example_needs_a_carton() -> None:
    for name, ad in _examples().items():
        for scene in ad:
            if scene.purpose in ("solution", "cta"):
                assert scene.plan.shows_product, name
            assert scene.plan.product != "carton", name


def test_a_problem_belongs_to_its_kind_of_product() -> None:
    assert _plate_of(_examples()["laneige_20s_sunscreen"], "problem") == "glare"
    assert _plate_of(_examples()["laneige_12s_en_lip_mask"], "problem") == "snow"
    assert _plate_of(_examples()["hera_15s_cushion"], "problem") == "desk"
    assert _plate_of(_planned_ad(a_brief(product="두피 샴푸", duration=15)), "problem") == "tangled hair"


def test_the_words_of_every_world_call_for_that_world() -> None:
    for category, role, prompt, place, product in _worlds():
        purpose = "social_proof" if role == "claim" else role
        elements = ("product_3d",) if product else ()
        request = ImageRequest(
            prompt=prompt, size=SIZE, seed=3, purpose=purpose, look=Look(kit=a_kit(), product="물건"), safe_box=SAFE,
            brand_elements=elements,
        )  # fmt: skip

        assert planned(request).plate.name == place, (category, role, prompt)


def _worlds() -> Iterator[tuple[str, str, str, str, bool]]:
    for product in PRODUCTS:
        category = category_of(product)
        for role, worlds in worlds_of(category.name).items():
            for world in worlds:
                seen = world.seen.replace("<part>", category.part).replace("<worn>", category.worn)
                hero = f"hero product shot, {category.vessel} of 물건, " if world.product else ""
                yield category.name, role, f"{hero}{seen}, {world.camera}", world.place, world.product


def test_the_scenes_of_every_motif_are_drawn_where_they_say() -> None:
    words = (
        "office ginseng heritage evening morning cherry city winter summer gift flower laboratory water sky stone silk"
    )
    motifs = motifs_of(*words.split(), "monday")

    assert len(motifs) == 17
    for motif in motifs:
        for role, world in motif.scenes.items():
            assert role in get_args(Purpose)
            seen = world.seen.replace("<part>", "closed eye").replace("<worn>", "weary face in profile")
            request = ImageRequest(
                prompt=f"{seen}, {world.camera}", size=SIZE, seed=3, purpose=role,
                look=Look(kit=a_kit(), product="물건"), safe_box=SAFE,
                brand_elements=("product_3d",) if world.product else (),
            )  # fmt: skip

            assert planned(request).plate.name == world.place, (motif.name, role)


def test_an_end_card_nobody_described_is_not_in_the_solutions_world() -> None:
    for seed in range(12):
        found = {
            purpose: planned(
                ImageRequest(prompt="", size=SIZE, seed=seed, purpose=purpose, look=Look(kit=a_kit(), product="세럼"),
                             safe_box=SAFE)
            ).plate.name
            for purpose in ("solution", "cta")
        }  # fmt: skip

        assert found["solution"] != found["cta"]


def test_every_figure_and_every_pack_has_words_in_both_languages() -> None:
    for table, names in ((WORDS, FIGURES), (PACK_WORDS, [name for name in BUILDERS if name != "carton"])):
        assert set(table) == set(names)
        for words in table.values():
            assert any(word.isascii() for word in words)
            assert any(not word.isascii() for word in words)
