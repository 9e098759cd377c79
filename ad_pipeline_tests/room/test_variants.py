"""Other versions of one ad: what they share, what differs, and that each appears whole or not at all."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ad_pipeline.errors import InputRejected
from ad_pipeline.sessions.fingerprint import sha256_of
from ad_pipeline.sessions.keys import ArtifactKey
from ad_pipeline.sessions.store import Session
from ad_pipeline.stages.key_image import make_key_images
from ad_pipeline.stages.lipsync import make_lipsyncs
from ad_pipeline.stages.motion_clip import make_motion_clips
from ad_pipeline.stages.opening import open_session
from ad_pipeline.stages.progress import finished
from ad_pipeline.stages.session_facts import facts_of
from ad_pipeline.stages.sfx import make_sfx
from ad_pipeline.stages.storyboard import make_storyboard
from ad_pipeline.stages.variants import make_variants
from ad_pipeline.stages.voice import make_voice
from ad_pipeline.stages.workplace import StepReport, Workplace
from ad_pipeline.story.storyboard import Scene
from ad_pipeline_tests.language.behaviour import BAD_JSON
from ad_pipeline_tests.language.dialects import Asked
from ad_pipeline_tests.room.conftest import Placed
from ad_pipeline_tests.room.writers import writing
from ad_pipeline_tests.stages.sessions import a_workplace, brief_text, open_ad

pytestmark = pytest.mark.slow


def _make(workplace: Workplace, session_id: str, scene_id: str) -> None:
    make_key_images(workplace, session_id, scene_id)
    make_voice(workplace, session_id, scene_id)
    make_motion_clips(workplace, session_id, scene_id)
    make_lipsyncs(workplace, session_id, scene_id)
    make_sfx(workplace, session_id, scene_id)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with the session `ad`, whose two scenes are made."""
    root = tmp_path_factory.mktemp("made")
    workplace = a_workplace(root)
    open_ad(workplace)
    for scene_id in ("scene_001", "scene_002"):
        _make(workplace, "ad", scene_id)
    return root


@pytest.fixture
def mumbling(placed: Placed) -> Iterator[Workplace]:
    """A workplace whose language model says nothing that can be read: our own writer varies."""
    with writing() as server:
        server.behave([BAD_JSON] * 500)
        yield placed(local=server)


@pytest.fixture
def ad(made: Path, mumbling: Workplace) -> Workplace:
    """The made ad in this test's own root."""
    shutil.copytree(made / "ad", mumbling.store.root / "ad", symlinks=True)
    return mumbling


def _files(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): sha256_of(p) for p in folder.rglob("*") if p.is_file() and p.name != ".lock"}


def _words(workplace: Workplace, name: str) -> list[tuple[str, str]]:
    return [(s.narration, s.onscreen_text) for s in facts_of(workplace, name).storyboard.scenes]


def _scene(workplace: Workplace, name: str, scene_id: str) -> Scene:
    return facts_of(workplace, name).storyboard.scene(scene_id)


def _takes_of(session: Session, scene_id: str) -> dict[str, Path]:
    return {r.key.slug: session.path_of(r) for r in session.picked_records() if r.scene_id == scene_id}


def _said_by(*narrations: str) -> Any:
    left = list(narrations)

    def rewrite(asked: Asked) -> Any:
        return {"scenes": [{"scene": 1, "narration": left.pop(0), "onscreen_text": "", "facts": []}]}

    return {"rewrite": rewrite}


def test_variants_say_something_else_in_their_scene_and_share_the_rest(
    ad: Workplace, placed: Placed, reports: list[StepReport]
) -> None:
    before = _files(ad.session("ad").folder)
    with writing(_said_by("톡 튀는 하루!", "입술에 젤리 한 입!")) as server:
        workplace = placed(local=server)
        made = make_variants(workplace, "ad", count=2, varied="hook")

    assert [variant.session_id for variant in made] == ["ad_hook_1", "ad_hook_2"]
    assert [_scene(workplace, v.session_id, "scene_001").narration for v in made] == [
        "톡 튀는 하루!",
        "입술에 젤리 한 입!",
    ]
    assert not any(variant.record.degraded for variant in made)
    for variant in made:
        assert _words(workplace, variant.session_id)[1:] == _words(workplace, "ad")[1:]
        _shares(workplace, variant.session_id, "scene_002")
    assert _files(ad.session("ad").folder) == before
    reports.clear()
    _make(workplace, "ad_hook_1", "scene_002")
    assert {report.state for report in reports} == {"reused"}


def _shares(workplace: Workplace, name: str, scene_id: str) -> None:
    """Every take of the scene is the original's own file, and stands."""
    ours, theirs = (_takes_of(workplace.session(one), scene_id) for one in (name, "ad"))
    assert set(ours) == set(theirs) and len(ours) == 5
    assert all(ours[slug].stat().st_ino == theirs[slug].stat().st_ino for slug in ours)
    assert finished(workplace, name).scene_is(scene_id)


def test_our_own_writers_variants_differ_from_the_original_and_each_other(ad: Workplace) -> None:
    made = make_variants(ad, "ad", count=3, varied="hook")

    hooks = [_scene(ad, name, "scene_001") for name in ("ad", *(v.session_id for v in made))]
    assert len({hook.narration for hook in hooks}) == 4
    assert len({(hook.image_prompt, hook.seed) for hook in hooks}) == 4
    assert all(v.record.degraded and v.record.details["variant_of"] == "ad" for v in made)
    assert not finished(ad, "ad_hook_1").scene_is("scene_001")


def test_variants_asked_for_later_are_new_ones_too(ad: Workplace) -> None:
    first = make_variants(ad, "ad", count=1, varied="hook")
    second = make_variants(ad, "ad", count=2, varied="hook")

    assert [v.session_id for v in (*first, *second)] == ["ad_hook_1", "ad_hook_2", "ad_hook_3"]
    assert len({_scene(ad, v.session_id, "scene_001").narration for v in (*first, *second)}) == 3


def test_a_call_to_action_varies_alone(ad: Workplace) -> None:
    (made,) = make_variants(ad, "ad", count=1, varied="cta")

    assert made.scene_ids == ("scene_002",)
    assert _words(ad, "ad_cta_1")[0] == _words(ad, "ad")[0]
    assert _words(ad, "ad_cta_1")[1] != _words(ad, "ad")[1]
    assert _scene(ad, "ad_cta_1", "scene_002").image_prompt == _scene(ad, "ad", "scene_002").image_prompt
    _shares(ad, "ad_cta_1", "scene_001")
    assert set(_takes_of(ad.session("ad_cta_1"), "scene_002")) == {
        "scene_002.9x16.key_image", "scene_002.9x16.motion_clip", "scene_002.sfx",
    }  # fmt: skip


def test_another_tone_words_all_scenes_but_no_claim(mumbling: Workplace) -> None:
    workplace = mumbling
    claim = {"text": "3일 사용 후 92%가 촉촉함에 만족", "source": "자사 조사 2026, 30명"}
    open_ad(
        workplace, brand_id="laneige", product="워터 글로우 세럼", duration=20, scene_count=5, claims=[claim],
        tone="professional", concept="물을 머금은 듯 맑은 피부",
    )  # fmt: skip

    made = make_variants(workplace, "ad", count=2, varied="tone")

    board = facts_of(workplace, "ad").storyboard
    claimed = next(s for s in board.scenes if (s.model_extra or {}).get("claim"))
    assert len({v.tone for v in made}) == 2 and "professional" not in {v.tone for v in made}
    for variant in made:
        other = facts_of(workplace, variant.session_id).storyboard
        assert other.tone == variant.tone
        assert other.scene(claimed.id) == claimed and claimed.id not in variant.scene_ids
        assert all(other.scene(name).narration != board.scene(name).narration for name in variant.scene_ids)


def test_new_words_of_several_scenes_do_not_repeat_each_other(placed: Placed) -> None:
    with writing() as server:
        workplace = placed(local=server)
        open_ad(
            workplace, brand_id="laneige", product="워터 글로우 세럼", duration=15, scene_count=5, quality="standard",
            concept="물을 머금은 듯 맑은 피부",
        )  # fmt: skip
        server.behave([BAD_JSON] * 500)
        made = make_variants(workplace, "ad", count=2, varied="tone")

    for variant in made:
        said = [text for pair in _words(workplace, variant.session_id) for text in pair if text]
        assert len(set(said)) == len(said)


@pytest.mark.parametrize(("count", "varied", "said"), [(0, "hook", "--n: got 0"), (13, "hook", "got 13, allowed 1 to"),
    (-1, "cta", "got -1"), (1, "music", "--vary: got 'music', allowed: hook, cta, tone")])  # fmt: skip
def test_what_cannot_be_varied_is_said(ad: Workplace, count: int, varied: str, said: str) -> None:
    with pytest.raises(InputRejected, match=said):
        make_variants(ad, "ad", count=count, varied=varied)
    assert ad.store.session_ids() == ["ad"]


def test_a_session_without_a_storyboard_has_no_variants(mumbling: Workplace) -> None:
    workplace = mumbling
    open_session(workplace, "ad", brief_text(), folder=workplace.store.root)

    with pytest.raises(InputRejected, match="has no storyboard yet"):
        make_variants(workplace, "ad", count=1, varied="hook")
    assert workplace.store.session_ids() == ["ad"]


def test_when_the_words_run_out_the_variants_that_are_there_stay_and_are_counted(mumbling: Workplace) -> None:
    open_ad(mumbling, scene_count=3)
    with pytest.raises(InputRejected, match="of 12 variants are there, and no words are left") as error:
        make_variants(mumbling, "ad", count=12, varied="cta")

    names = [name for name in mumbling.store.session_ids() if name != "ad"]
    assert str(error.value).startswith(f"{len(names)} of 12")
    assert len({_words(mumbling, name)[2] for name in [*names, "ad"]}) == len(names) + 1


def test_a_session_that_is_not_made_shares_nothing_but_its_brief(mumbling: Workplace) -> None:
    workplace = mumbling
    open_ad(workplace, formats=["9:16", "1:1"])

    (made,) = make_variants(workplace, "ad", count=1, varied="hook")

    assert made.shared == 0
    assert facts_of(workplace, "ad_hook_1").brief == facts_of(workplace, "ad").brief
    assert facts_of(workplace, "ad_hook_1").storyboard.all_formats == ("9:16", "1:1")


def test_a_variants_storyboard_stands_and_its_brief_may_come_again(ad: Workplace) -> None:
    (made,) = make_variants(ad, "ad", count=1, varied="hook")

    open_session(ad, "ad_hook_1", brief_text(), folder=ad.store.root)

    assert make_storyboard(ad, "ad_hook_1") == made.record


def test_a_variant_of_a_variant_and_of_a_long_name_gets_a_name(mumbling: Workplace) -> None:
    workplace = mumbling
    long = "a" * 64
    open_ad(workplace, session_id=long)

    (one,) = make_variants(workplace, long, count=1, varied="hook")
    (two,) = make_variants(workplace, one.session_id, count=1, varied="hook")

    assert all(len(name) <= 64 for name in (one.session_id, two.session_id))
    assert len({long, one.session_id, two.session_id}) == 3


def test_the_products_picture_goes_with_the_variant(mumbling: Workplace, tmp_path: Path) -> None:
    workplace = mumbling
    Image.new("RGBA", (80, 160), (200, 30, 60, 255)).save(tmp_path / "p.png")
    open_ad(workplace, product_image="p.png")

    make_variants(workplace, "ad", count=1, varied="cta")
    (tmp_path / "p.png").unlink()

    pictures = [facts_of(workplace, name).product_image for name in ("ad", "ad_cta_1")]
    assert pictures[0] and pictures[1] and pictures[0].sha256 == pictures[1].sha256
    assert (workplace.session("ad_cta_1").folder / "input_image.png").is_file()


def test_what_a_page_said_goes_with_the_variant_and_it_is_not_read_again(mumbling: Workplace) -> None:
    workplace = mumbling
    url = "https://shop.example/serum/1"
    open_ad(workplace, product_url=url, local_only=True)

    make_variants(workplace, "ad", count=1, varied="cta")

    ours, theirs = (facts_of(workplace, name).product_facts_record for name in ("ad_cta_1", "ad"))
    assert ours and theirs and (ours.sha256, ours.details["unread"]) == (theirs.sha256, theirs.details["unread"])


def test_a_lost_take_is_not_shared_and_no_fault(ad: Workplace) -> None:
    lost = ad.session("ad").picked(ArtifactKey(kind="key_image", scene_id="scene_002", format="9:16"))
    assert lost
    ad.session("ad").path_of(lost).unlink()

    make_variants(ad, "ad", count=1, varied="hook")

    assert "scene_002.9x16.key_image" not in _takes_of(ad.session("ad_hook_1"), "scene_002")
    assert "scene_002.voice" in _takes_of(ad.session("ad_hook_1"), "scene_002")


_KILLED = """
import os, signal, sys
from pathlib import Path
from ad_pipeline.sessions.store import Session
from ad_pipeline.stages.variants import make_variants
from ad_pipeline_tests.stages.sessions import a_workplace

left = int(sys.argv[2])

def dying(self, *arguments, **named):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return before(self, *arguments, **named)

before, Session.commit = Session.commit, dying
make_variants(a_workplace(Path(sys.argv[1])), "ad", count=1, varied="hook")
"""


@pytest.mark.slow
@pytest.mark.parametrize("commits", [0, 5])
def test_a_killed_process_leaves_no_half_session(ad: Workplace, commits: int) -> None:
    root = ad.store.root
    told = subprocess.run(
        [sys.executable, "-c", _KILLED, str(root), str(commits)], check=False, timeout=60, cwd=Path.cwd(),
        env={**os.environ}, capture_output=True,
    )  # fmt: skip

    assert told.returncode == -9, told.stderr
    assert ad.store.session_ids() == ["ad"]
    assert list(root.glob(".variant-*")), "it was killed before it began"
    made = make_variants(ad, "ad", count=1, varied="hook")
    assert [variant.session_id for variant in made] == ["ad_hook_1"]
    assert not list(root.glob(".variant-*"))


def test_a_folder_of_that_name_is_left_alone(ad: Workplace) -> None:
    own = ad.store.root / "ad_hook_1"
    own.mkdir()
    (own / "notes.txt").write_text("mine", encoding="utf-8")

    (made,) = make_variants(ad, "ad", count=1, varied="hook")

    assert made.session_id == "ad_hook_2"
    assert [path.name for path in own.iterdir()] == ["notes.txt"]
