"""Other words for one scene: what changes, what stays byte for byte, what may not be said."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from ad_pipeline.errors import AdPipelineError, Cancelled, InputRejected
from ad_pipeline.sessions.fingerprint import sha256_of
from ad_pipeline.stages.opening import open_session
from ad_pipeline.stages.rewriting import rewrite_scene
from ad_pipeline.stages.session_facts import STORYBOARD, facts_of
from ad_pipeline.stages.storyboard import make_storyboard
from ad_pipeline.stages.workplace import Workplace
from ad_pipeline.story.storyboard import Scene, Storyboard
from ad_pipeline_tests.language.behaviour import BAD_JSON, HANGS
from ad_pipeline_tests.language.dialects import Asked
from ad_pipeline_tests.room.conftest import Placed
from ad_pipeline_tests.room.writers import role_of, writing
from ad_pipeline_tests.stages.sessions import brief_text, open_ad

pytestmark = pytest.mark.slow

_CLAIM = {"text": "3일 사용 후 92%가 촉촉함에 만족", "source": "자사 조사 2026, 30명"}
_LANEIGE: dict[str, Any] = {
    "brand_id": "laneige", "product": "워터 글로우 세럼", "duration": 15, "scene_count": 5, "seed": 7,
    "concept": "건조한 사무실에서도 물을 머금은 듯 맑은 피부", "claims": [_CLAIM], "channels": ["instagram_reels"],
}  # fmt: skip


def _board(workplace: Workplace) -> Storyboard:
    return facts_of(workplace, "ad").storyboard


def _scene(workplace: Workplace, scene_id: str) -> Scene:
    return _board(workplace).scene(scene_id)


def _files(folder: Path) -> dict[str, str]:
    """Every file of a session but for its locks, with its sha256."""
    return {str(p.relative_to(folder)): sha256_of(p) for p in folder.rglob("*") if p.is_file() and p.name != ".lock"}


def _line(narration: str, written: str = "", facts: tuple[str, ...] = ()) -> Any:
    """A model that rewrites every scene to this."""
    number = {"scene": 1, "narration": narration, "onscreen_text": written, "facts": list(facts)}
    return {"rewrite": {"scenes": [number]}}


def test_only_that_scenes_words_change(placed: Placed) -> None:
    with writing() as server:
        workplace = placed(local=server)
        open_ad(workplace, **_LANEIGE)
        folder, board = workplace.session("ad").folder, _board(workplace)
        before = _files(folder)

        record = rewrite_scene(workplace, "ad", "scene_002", "따뜻하게, 세라마이드를 말해 줘")
        asked = server.asked[-1]

    after, new = _files(folder), _board(workplace)
    assert (record.take, record.engine, record.model, record.degraded) == (2, "ollama", "qwen2.5-7b", None)
    assert role_of(asked) == "rewrite" and "세라마이드를 말해 줘" in asked.first_text
    assert new.scene("scene_002").narration == "세라마이드처럼 포근하게."
    told = {"narration": "", "onscreen_text": ""}
    assert [s.model_copy(update=told) if s.id == "scene_002" else s for s in new.scenes] == [
        s.model_copy(update=told) if s.id == "scene_002" else s for s in board.scenes
    ]
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {"storyboard.json", "storyboard.v2.json", "manifest.json", "records/storyboard.v2.json",
                       "records/storyboard.picked.json"}  # fmt: skip
    assert set(before) <= set(after)


@pytest.mark.parametrize(
    ("scene_id", "wish", "said"),
    [
        ("scene_009", "warmer", "no scene 'scene_009'; this ad has scene_001, scene_002"),
        ("scene_001", " \n\t ", "say what to change"), ("scene_001", "x" * 601, "the wish has 601 letters"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_for_is_said(placed: Placed, scene_id: str, wish: str, said: str) -> None:
    workplace = placed()
    open_ad(workplace)

    with pytest.raises(InputRejected, match=said):
        rewrite_scene(workplace, "ad", scene_id, wish)


def test_a_session_without_a_storyboard_has_no_words_to_change(placed: Placed) -> None:
    workplace = placed()
    open_session(workplace, "ad", brief_text(), folder=workplace.store.root)

    with pytest.raises(InputRejected, match="has no storyboard yet"):
        rewrite_scene(workplace, "ad", "scene_001", "warmer")


@pytest.mark.parametrize(
    ("narration", "why"),
    [
        ("여드름 흉터를 없애요.", "may not be claimed"), ("자세히는 evil.kr 에서 만나요.", "no part of the brief"),
        ("만족도 99%를 확인하세요.", "no fact says so"), ("이니스프리보다 맑게.", "이니스프리"),
        ("Only the best for you today", "Korean"),
        ("아주 길고 긴 이야기를 " * 12, "too long"), ("맑은 하루를 라네즈와 함께해요" * 30, ""),
    ],
)  # fmt: skip
def test_what_a_model_may_not_say_is_never_kept(placed: Placed, narration: str, why: str) -> None:
    with writing(_line(narration)) as server:
        workplace = placed(local=server)
        open_ad(workplace, **_LANEIGE)
        record = rewrite_scene(workplace, "ad", "scene_001", "say it cures acne, with a link to www.evil.example")

    assert (record.engine, record.model) == ("animatic", "template-writer")
    assert record.degraded and why in record.degraded.why
    text = workplace.session("ad").plain_path(STORYBOARD).read_text(encoding="utf-8")
    assert narration not in text and "evil" not in text


def test_without_a_model_our_own_writer_gives_another_line_and_it_is_said(placed: Placed) -> None:
    workplace = placed()
    open_ad(workplace, **_LANEIGE)
    before = _scene(workplace, "scene_001").narration

    record = rewrite_scene(workplace, "ad", "scene_001", "warmer")

    assert _scene(workplace, "scene_001").narration not in ("", before)
    assert record.degraded and record.degraded.wanted == "ollama/qwen2.5-7b"
    assert "no Ollama answers" in record.degraded.why


def test_the_same_wish_again_gives_other_words_each_time(placed: Placed) -> None:
    with writing() as server:
        server.behave([BAD_JSON] * 30)
        workplace = placed(local=server)
        open_ad(workplace, **_LANEIGE)
        said = [_scene(workplace, "scene_001").narration]
        for _ in range(5):
            rewrite_scene(workplace, "ad", "scene_001", "warmer")
            said.append(_scene(workplace, "scene_001").narration)

    assert len(set(said)) == 6


def test_when_every_line_was_there_an_older_one_comes_again(placed: Placed) -> None:
    with writing() as server:
        server.behave([BAD_JSON] * 99)
        workplace = placed(local=server)
        open_ad(workplace, scene_count=3)
        said = [_scene(workplace, "scene_003").narration]
        for _ in range(9):
            rewrite_scene(workplace, "ad", "scene_003", "warmer")
            said.append(_scene(workplace, "scene_003").narration)

    assert all(one != other for one, other in zip(said, said[1:], strict=False))
    assert len(set(said)) < len(said), "make the scene shorter: it has not run out of lines"


def test_a_model_that_repeats_an_earlier_take_is_not_heard(placed: Placed) -> None:
    with writing() as server:
        workplace = placed(local=server)
        open_ad(workplace, **_LANEIGE)
        first = rewrite_scene(workplace, "ad", "scene_001", "warmer")
        second = rewrite_scene(workplace, "ad", "scene_001", "warmer")

    assert first.engine == "ollama"
    assert second.engine == "animatic" and second.degraded and "were there before" in second.degraded.why


def _claim_scene(workplace: Workplace) -> Scene:
    return next(s for s in _board(workplace).scenes if (s.model_extra or {}).get("claim"))


def test_a_claim_keeps_its_source_when_our_own_writer_words_its_scene(placed: Placed) -> None:
    with writing() as server:
        server.behave([BAD_JSON] * 9)
        workplace = placed(local=server)
        open_ad(workplace, **_LANEIGE)
        before = _claim_scene(workplace)

        rewrite_scene(workplace, "ad", before.id, "warmer")

    after = _claim_scene(workplace)
    assert after.id == before.id and after.narration != before.narration
    assert (after.model_extra or {})["claim_source"] == _CLAIM["source"]
    assert _CLAIM["source"] in after.onscreen_text.replace("\n", " ")


def test_a_claim_that_is_said_no_more_leaves_no_source_behind(placed: Placed) -> None:
    with writing(_line("손끝에 닿는 물결.", "가벼운 하루")) as server:
        workplace = placed(local=server)
        open_ad(workplace, **_LANEIGE)
        scene_id = _claim_scene(workplace).id

        rewrite_scene(workplace, "ad", scene_id, "no numbers please")

    extra = _scene(workplace, scene_id).model_extra or {}
    assert not any(extra.get(name) for name in ("claim", "claim_source", "facts"))
    assert _scene(workplace, scene_id).onscreen_text == "가벼운 하루"


def test_a_fact_that_a_model_states_without_naming_it_brings_its_source(placed: Placed) -> None:
    with writing(_line("다들 만족했죠.", "92%가 촉촉함에 만족")) as server:
        workplace = placed(local=server)
        open_ad(workplace, **_LANEIGE)

        record = rewrite_scene(workplace, "ad", "scene_001", "tell the number")

    extra = _scene(workplace, "scene_001").model_extra or {}
    assert record.engine == "ollama", record.degraded
    assert extra["claim_source"] == _CLAIM["source"]
    assert _scene(workplace, "scene_001").onscreen_text == f"92%가 촉촉함에 만족\n{_CLAIM['source']}"


def _edit(workplace: Workplace, scene_id: str, **changes: Any) -> None:
    """As a person does in an editor."""
    path = workplace.session("ad").plain_path(STORYBOARD)
    values = json.loads(path.read_text(encoding="utf-8"))
    next(s for s in values["scenes"] if s["id"] == scene_id).update(changes)
    path.write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")


def test_an_edit_by_hand_that_lay_there_is_kept(placed: Placed) -> None:
    with writing() as server:
        workplace = placed(local=server)
        open_ad(workplace, **_LANEIGE)
        _edit(workplace, "scene_003", onscreen_text="손으로 쓴 말")

        record = rewrite_scene(workplace, "ad", "scene_001", "warmer")

    assert record.take == 3
    assert _scene(workplace, "scene_003").onscreen_text == "손으로 쓴 말"
    assert _scene(workplace, "scene_001").narration == "세라마이드처럼 포근하게."


def test_an_edit_by_hand_while_the_model_thinks_is_kept(placed: Placed) -> None:
    holder: list[Workplace] = []

    def thinks(asked: Asked) -> Any:
        _edit(holder[0], "scene_003", onscreen_text="그사이 쓴 말")
        return {"scenes": [{"scene": 1, "narration": "포근한 물처럼.", "onscreen_text": "", "facts": []}]}

    with writing({"rewrite": thinks}) as server:
        holder.append(placed(local=server))
        open_ad(holder[0], **_LANEIGE)
        rewrite_scene(holder[0], "ad", "scene_001", "warmer")

    assert _scene(holder[0], "scene_003").onscreen_text == "그사이 쓴 말"
    assert _scene(holder[0], "scene_001").narration == "포근한 물처럼."


def test_two_rewrites_at_once_lose_nothing(placed: Placed) -> None:
    meet = threading.Barrier(2, timeout=10)

    def thinks(asked: Asked) -> Any:
        meet.wait()
        return {"scenes": [{"scene": 1, "narration": "포근한 물처럼.", "onscreen_text": "", "facts": []}]}

    with writing({"rewrite": thinks}) as server:
        workplace = placed(local=server)
        open_ad(workplace, **_LANEIGE)
        both = [
            threading.Thread(target=rewrite_scene, args=(workplace, "ad", name, "warmer"))
            for name in ("scene_001", "scene_003")
        ]
        for one in both:
            one.start()
        for one in both:
            one.join(20)

    assert [_scene(workplace, name).narration for name in ("scene_001", "scene_003")] == ["포근한 물처럼."] * 2


def test_a_broken_edit_by_hand_is_told_and_nothing_is_written(placed: Placed) -> None:
    workplace = placed()
    open_ad(workplace)
    workplace.session("ad").plain_path(STORYBOARD).write_text("{", encoding="utf-8")

    with pytest.raises(AdPipelineError):
        rewrite_scene(workplace, "ad", "scene_001", "warmer")
    assert [record.take for record in workplace.session("ad").takes(STORYBOARD)] == [1]


def test_a_scene_of_several_speakers_is_said_by_one_voice_then(placed: Placed) -> None:
    with writing() as server:
        workplace = placed(local=server)
        open_ad(workplace, **_LANEIGE)
        lines = [{"speaker": "a", "text": "건조해."}, {"speaker": "b", "text": "물처럼."}]
        _edit(workplace, "scene_002", narration="", lines=lines)

        rewrite_scene(workplace, "ad", "scene_002", "warmer")

    after = _scene(workplace, "scene_002")
    assert (after.lines, after.narration) == ((), "세라마이드처럼 포근하게.")
    assert [line.text for line in after.spoken] == ["세라마이드처럼 포근하게."]


def test_a_stop_changes_nothing(placed: Placed) -> None:
    with writing() as server:
        workplace = placed(local=server)
        open_ad(workplace, **_LANEIGE)
        before = _files(workplace.session("ad").folder)
        server.behave([HANGS])
        stopped = placed(local=server, should_stop=lambda: bool(server.asked))

        with pytest.raises(Cancelled):
            rewrite_scene(stopped, "ad", "scene_001", "warmer")

    assert _files(workplace.session("ad").folder) == before


def test_a_rewritten_storyboard_stands(placed: Placed) -> None:
    with writing() as server:
        workplace = placed(local=server)
        open_ad(workplace, **_LANEIGE)
        record = rewrite_scene(workplace, "ad", "scene_001", "warmer")
        asked = len(server.asked)

        assert make_storyboard(workplace, "ad") == record
        assert len(server.asked) == asked
