"""Briefs and storyboards as a session keeps them; what a person edits stands; progress as the records tell it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from ad_pipeline.engines.animatic.story import TemplateWriter
from ad_pipeline.engines.registry import Registry
from ad_pipeline.errors import AdPipelineError, InputRejected, StoryboardRejected
from ad_pipeline.sessions.fingerprint import fingerprint, job_id
from ad_pipeline.sessions.keys import ArtifactKey
from ad_pipeline.stages.opening import open_session
from ad_pipeline.stages.progress import finished
from ad_pipeline.stages.session_facts import BRIEF, STORYBOARD, facts_of
from ad_pipeline.stages.sfx import make_sfx
from ad_pipeline.stages.storyboard import edit_scene, hand_edited, make_storyboard
from ad_pipeline.stages.voice import make_voice, voice_key
from ad_pipeline.stages.workplace import RESUME, Wishes, Workplace
from ad_pipeline_tests.sessions.writing import commit
from ad_pipeline_tests.stages.sessions import a_workplace, brief_text, open_ad


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    return a_workplace(tmp_path / "root")


def test_the_same_brief_again_changes_nothing(workplace: Workplace) -> None:
    open_ad(workplace)
    session = workplace.session("ad")
    before = session.records()

    open_ad(workplace)

    assert session.records() == before
    assert [(r.stage, r.take) for r in before] == [("brief", 1), ("storyboard", 1)]


def test_a_changed_brief_is_a_new_take_and_writes_a_new_storyboard(workplace: Workplace) -> None:
    open_ad(workplace)

    open_ad(workplace, concept="햇살 아래 반짝이는 입술")

    session = workplace.session("ad")
    assert [len(session.takes(key)) for key in (BRIEF, STORYBOARD)] == [2, 2]
    open_ad(workplace)
    assert [len(session.takes(key)) for key in (BRIEF, STORYBOARD)] == [2, 2]
    picked = session.picked(BRIEF), session.picked(STORYBOARD)
    assert [record.take for record in picked if record] == [1, 1]


def test_another_products_ad_needs_another_session(workplace: Workplace) -> None:
    open_ad(workplace)

    with pytest.raises(InputRejected, match="session 'ad' is the ad of 'etude: 체리 립 틴트'; give another --session"):
        open_ad(workplace, product="다른 틴트")


def test_a_refused_brief_leaves_no_folder(workplace: Workplace) -> None:
    with pytest.raises(InputRejected):
        open_session(workplace, "ad", brief_text(duration=0), folder=workplace.store.root)

    assert not workplace.store.root.exists()


_HOSTILE = {
    "quotes": '"o\'clock" `x` “y”',
    "colons": "now: 50% #1, a\\b\\n c:\\d",
    "filters": "%{pts} $(reboot) ; [v]drawtext=text=x,crop",
    "braces": "{field} {0} {{x}}",
    "markup": "<script>alert(1)</script> &amp;",
    "paths": "../../etc/passwd /root",
    "emoji": "체리 🍒 👩‍👩‍👧 ❤️",
    "rtl": "שלום مرحبا",
    "lines": "one\ntwo\r\n three",
}


@pytest.mark.parametrize("text", _HOSTILE.values(), ids=_HOSTILE)
@pytest.mark.parametrize("field", ["product", "concept", "target_audience", "goal", "tone", "voice"])
def test_a_text_is_taken_as_it_is_or_refused_by_its_field(workplace: Workplace, field: str, text: str) -> None:
    try:
        open_ad(workplace, **{field: text})
    except AdPipelineError as error:
        assert isinstance(error, InputRejected)
        assert field in str(error)
        assert not workplace.store.root.exists()
        return

    facts = facts_of(workplace, "ad")
    assert getattr(facts.brief, field) == text.strip()
    assert finished(workplace, "ad").storyboard
    assert facts.storyboard.duration_seconds == 6


@pytest.mark.parametrize("wishes", [RESUME, Wishes(reuse=False)], ids=["resume", "a_person_asks_anew"])
def test_an_edited_storyboard_becomes_a_take_that_stands(workplace: Workplace, wishes: Wishes) -> None:
    open_ad(workplace)
    session = workplace.session("ad")
    plain = session.plain_path(STORYBOARD)
    board = json.loads(plain.read_text(encoding="utf-8"))
    board["scenes"][0]["onscreen_text"] = "손으로 고침"
    plain.write_text(json.dumps(board, ensure_ascii=False), encoding="utf-8")
    assert hand_edited(session)
    assert not finished(workplace, "ad").storyboard

    edited = make_storyboard(workplace, "ad", wishes)

    assert (edited.take, edited.made_by, edited.engine) == (2, "person", "person")
    assert not hand_edited(session)
    assert make_storyboard(workplace, "ad") == edited
    assert facts_of(workplace, "ad").storyboard.scenes[0].onscreen_text == "손으로 고침"


@pytest.mark.parametrize("text", ["{", "[]", '{"title": "x"}', "\x00", "{}" * 3])
def test_a_wrong_edit_is_refused_and_the_film_keeps_its_take(workplace: Workplace, text: str) -> None:
    open_ad(workplace)
    session = workplace.session("ad")
    session.plain_path(STORYBOARD).write_text(text, encoding="utf-8")

    with pytest.raises(StoryboardRejected):
        make_storyboard(workplace, "ad")

    assert len(session.takes(STORYBOARD)) == 1
    assert facts_of(workplace, "ad").storyboard.scene_ids


def test_an_edit_that_is_no_text_is_refused(workplace: Workplace) -> None:
    open_ad(workplace)
    workplace.session("ad").plain_path(STORYBOARD).write_bytes(b"\xff\xfe{}")

    with pytest.raises(StoryboardRejected):
        make_storyboard(workplace, "ad")


def test_an_edit_that_changes_the_ads_length_is_refused(workplace: Workplace) -> None:
    open_ad(workplace)
    plain = workplace.session("ad").plain_path(STORYBOARD)
    board = json.loads(plain.read_text(encoding="utf-8"))
    board["scenes"][0]["duration_seconds"] += 2
    board["duration_seconds"] += 2
    plain.write_text(json.dumps(board), encoding="utf-8")

    with pytest.raises(StoryboardRejected, match="the storyboard lasts 8 s, the brief says 6 s"):
        make_storyboard(workplace, "ad")


def test_a_new_narration_of_one_scene_makes_only_its_voice_anew(workplace: Workplace) -> None:
    open_ad(workplace)
    first = [make_voice(workplace, "ad", scene_id) for scene_id in ("scene_001", "scene_002")]

    edit_scene(workplace, "ad", "scene_001", {"narration": "짧게"})

    again = [make_voice(workplace, "ad", scene_id) for scene_id in ("scene_001", "scene_002")]
    assert [record.take for record in again] == [2, 1]
    assert again[1] == first[1]
    with pytest.raises(StoryboardRejected, match="scene_009"):
        edit_scene(workplace, "ad", "scene_009", {"narration": "x"})


@pytest.mark.parametrize("key", [BRIEF, STORYBOARD], ids=str)
def test_a_lost_file_is_said_and_made_again_from_the_brief(workplace: Workplace, key: ArtifactKey) -> None:
    open_ad(workplace)
    session = workplace.session("ad")
    record = session.picked(key)
    assert record
    session.path_of(record).unlink()
    with pytest.raises(InputRejected, match=f"take v1 of {key} is gone or was changed on disk"):
        _ = facts_of(workplace, "ad").storyboard

    open_ad(workplace)

    again = session.picked(key)
    assert again and again.take == 2
    assert session.is_intact(again)
    assert facts_of(workplace, "ad").storyboard.scene_ids == ("scene_001", "scene_002")


def test_a_pick_that_cannot_be_read_is_named(workplace: Workplace) -> None:
    open_ad(workplace)
    (workplace.session("ad").folder / "records" / "storyboard.picked.json").write_text("{")

    with pytest.raises(InputRejected, match=r"records/storyboard.picked.json cannot be read"):
        finished(workplace, "ad")


def test_a_storyboard_of_a_weaker_engine_is_kept_until_it_is_upgraded(workplace: Workplace) -> None:
    open_ad(workplace, quality="standard")
    weaker = workplace.session("ad").picked(STORYBOARD)
    assert weaker and weaker.degraded
    assert (weaker.degraded.wanted, weaker.degraded.used) == ("room/writers", "animatic/template-writer")
    better = dataclasses.replace(workplace, engines=Registry(more={"room/writers": TemplateWriter()}))

    assert make_storyboard(better, "ad") == weaker
    upgraded = make_storyboard(better, "ad", Wishes(upgrade=True))

    assert (upgraded.take, upgraded.engine, upgraded.degraded) == (2, "room", None)


def test_progress_is_read_from_the_records_alone(workplace: Workplace) -> None:
    open_ad(workplace)
    done = finished(workplace, "ad")
    assert (done.storyboard, done.scene_ids, done.scenes_are, done.whole) == (
        True, ("scene_001", "scene_002"), False, False,
    )  # fmt: skip
    record = make_voice(workplace, "ad", "scene_001")

    assert finished(workplace, "ad").scenes["scene_001"] == {"voice": (record,)}

    workplace.session("ad").path_of(record).write_bytes(b"broken")
    assert finished(workplace, "ad").scenes["scene_001"] == {}


def test_scenes_and_formats_that_the_film_lost_count_no_more(workplace: Workplace) -> None:
    open_ad(workplace, scene_count=3, formats=["1:1", "9:16"])
    session = workplace.session("ad")
    for scene_id in ("scene_001", "scene_003"):
        make_voice(workplace, "ad", scene_id)
    for format_ in ("1:1", "9:16"):
        commit(session, ArtifactKey(kind="final_mp4", format=format_), "film")
    assert len(facts_of(workplace, "ad").film_records) == 6

    open_ad(workplace, scene_count=2, formats=["9:16"])

    assert {str(record.key) for record in facts_of(workplace, "ad").film_records} == {
        "brief", "storyboard", "scene_001 voice", "final_mp4 9:16",
    }  # fmt: skip


def test_what_a_stage_is_made_from_must_be_there(workplace: Workplace) -> None:
    open_ad(workplace)

    with pytest.raises(InputRejected, match="motion_clip"):
        make_sfx(workplace, "ad", "scene_001")
    with pytest.raises(InputRejected, match="no session 'other'"):
        facts_of(workplace, "other")


def test_a_silent_ad_has_voices_of_silence(workplace: Workplace) -> None:
    open_ad(workplace, voice="none")

    record = make_voice(workplace, "ad", "scene_001")

    assert record.model == "silence"
    assert not record.failed_checks
    assert workplace.session("ad").picked(voice_key("scene_001")) == record


def test_fingerprints_know_equal_values_and_forget_places() -> None:
    assert fingerprint(a=1, b=(1.0, "x")) == fingerprint(b=[1.0, "x"], a=1)
    assert fingerprint(a=Path("/x"), b=1) != fingerprint(b=2)
    assert fingerprint(a={"p": Path("/x")}) == fingerprint(a={"p": Path("/y")})
    assert fingerprint(a=None) != fingerprint(a="")
    assert job_id("f", 1) == job_id("f", 1) != job_id("f", 2)
    with pytest.raises(ValueError):
        fingerprint(a=float("nan"))
