"""Takes that are never overwritten, picks, and the names that people see."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import pytest

from ad_pipeline.errors import InputRejected
from ad_pipeline.sessions.keys import ArtifactKey, checked_session_id, checked_take
from ad_pipeline.sessions.store import Session, SessionStore
from ad_pipeline_tests.sessions.writing import BOARD, FINAL, PICTURE, VOICE, commit


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return SessionStore(tmp_path).session("ad")


def test_takes_are_numbered_and_never_overwritten(session: Session) -> None:
    made = [commit(session, PICTURE, text) for text in ("one", "two", "three")]

    assert [record.take for record in made] == [1, 2, 3]
    assert [session.path_of(record).read_text() for record in made] == ["one", "two", "three"]
    assert made[2].path == "scenes/scene_001/9x16/key_image.v3.png"
    assert session.picked(PICTURE) == made[2]


def test_a_take_without_its_record_is_not_overwritten(session: Session) -> None:
    commit(session, PICTURE, "one")
    (session.folder / "records" / f"{PICTURE.slug}.v1.json").unlink()

    again = commit(session, PICTURE, "two")

    assert again.take == 2
    assert (session.folder / PICTURE.take_path(1)).read_text() == "one"


def test_a_persons_copy_beside_a_take_stops_nobody(session: Session) -> None:
    commit(session, PICTURE, "one")
    (session.folder / PICTURE.folder / "key_image.v1 copy.png").write_text("mine")
    (session.folder / ".drafts").mkdir(exist_ok=True)
    (session.folder / ".drafts" / "old-things").mkdir()

    session.recover()

    assert commit(session, PICTURE, "two").take == 2


def _commits(root: str, name: str, start: object) -> None:
    start.wait()  # type: ignore[attr-defined]
    for count in range(5):
        commit(SessionStore(Path(root)).session("ad"), PICTURE, f"{name} {count}")


def test_processes_that_commit_at_once_each_keep_their_takes(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    start = context.Barrier(4)
    writers = [context.Process(target=_commits, args=(str(tmp_path), f"w{n}", start)) for n in range(4)]

    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(30)

    session = SessionStore(tmp_path).session("ad")
    assert [writer.exitcode for writer in writers] == [0, 0, 0, 0]
    assert [record.take for record in session.takes(PICTURE)] == list(range(1, 21))
    assert len({session.path_of(record).read_text() for record in session.takes(PICTURE)}) == 20
    assert all(session.is_intact(record) for record in session.takes(PICTURE))
    manifest = json.loads((session.folder / "manifest.json").read_bytes())
    assert [take["take"] for take in manifest["artifacts"][PICTURE.slug]["takes"]] == list(range(1, 21))
    assert manifest["artifacts"][PICTURE.slug]["picked"] == 20
    assert not list((session.folder / ".drafts").iterdir())


def test_the_plain_name_follows_the_pick(session: Session) -> None:
    commit(session, PICTURE, "one")
    commit(session, PICTURE, "two")
    assert session.plain_path(PICTURE).read_text() == "two"

    session.pick(PICTURE, 1, by="person")

    assert session.plain_path(PICTURE).read_text() == "one"
    assert session.plain_path(PICTURE).is_symlink()
    assert not Path(session.plain_path(PICTURE).readlink()).is_absolute()
    picked = session.picked(PICTURE)
    assert picked and picked.take == 1
    assert json.loads((session.folder / "manifest.json").read_bytes())["artifacts"][PICTURE.slug]["picked"] == 1


def test_the_short_plain_name_stands_for_the_main_format(session: Session) -> None:
    commit(session, BOARD, '{"format": "1:1"}')
    commit(session, FINAL, "tall")
    assert not (session.folder / "final.mp4").exists()

    commit(session, ArtifactKey(kind="final_mp4", format="1:1"), "square", sides={"captions.srt": "1"})

    assert (session.folder / "final.mp4").read_text() == "square"
    assert (session.folder / "captions.srt").read_text() == "1"
    assert (session.folder / "1x1" / "captions.srt").read_text() == "1"
    assert (session.folder / "9x16" / "final.mp4").read_text() == "tall"


def test_a_storyboard_is_a_file_that_may_be_edited_without_changing_its_take(session: Session) -> None:
    board = commit(session, BOARD, '{"format": "9:16"}')
    plain = session.folder / "storyboard.json"
    assert not plain.is_symlink()

    plain.write_text("edited", encoding="utf-8")

    assert session.path_of(board).read_text() == '{"format": "9:16"}'
    assert session.is_intact(board)


def test_only_a_take_that_is_there_and_unchanged_can_be_picked(session: Session) -> None:
    record = commit(session, PICTURE, "one")

    with pytest.raises(InputRejected, match=r"no take v7 of scene_001 key_image 9:16; there are: v1"):
        session.pick(PICTURE, 7, by="person")
    session.path_of(record).write_text("ONE")
    with pytest.raises(InputRejected, match="was changed on disk"):
        session.pick(PICTURE, 1, by="person")


@pytest.mark.parametrize("change", ["longer", "same_length", "gone", "side_changed", "side_gone"])
def test_a_changed_byte_is_noticed(session: Session, change: str) -> None:
    record = commit(session, PICTURE, "content", sides={"note": "side"})
    path, side = session.path_of(record), session.side_path_of(record, "note")
    assert session.is_intact(record) and side

    match change:
        case "longer":
            path.write_text("content+")
        case "same_length":
            path.write_text("c0ntent")
        case "gone":
            path.unlink()
        case "side_changed":
            side.write_text("Side")
        case _:
            side.unlink()

    assert not session.is_intact(record)


def test_a_folder_beside_a_take_counts_too(session: Session) -> None:
    with session.drafting(PICTURE) as draft:
        draft.path.write_text("picture")
        draft.side("layers").mkdir()
        (draft.side("layers") / "near.png").write_text("near")
        from ad_pipeline_tests.sessions.writing import facts

        record = session.commit(draft, made_by="pipeline", facts=facts())
    layers = session.side_path_of(record, "layers")
    assert layers and session.is_intact(record)

    (layers / "near.png").rename(layers / "far.png")

    assert not session.is_intact(record)


def test_what_was_not_committed_leaves_nothing(session: Session) -> None:
    with pytest.raises(RuntimeError), session.drafting(PICTURE) as draft:
        draft.path.write_text("half")
        raise RuntimeError("the engine broke")

    assert not list((session.folder / ".drafts").iterdir())
    assert not session.takes(PICTURE)


def test_a_record_that_cannot_be_read_is_named(session: Session) -> None:
    commit(session, PICTURE, "one")
    (session.folder / "records" / f"{PICTURE.slug}.v1.json").write_text("{")

    with pytest.raises(InputRejected, match=rf"records/{PICTURE.slug}.v1.json cannot be read"):
        session.takes(PICTURE)


@pytest.mark.parametrize(
    "session_id",
    ["", ".", "..", "../x", "a/b", "a|b", "a\\b", "/etc", "A", "a b", "a\n", "-a", "_a", "a.b", "é", "광고", "a" * 65],
)
def test_only_a_plain_name_is_a_session(tmp_path: Path, session_id: str) -> None:
    with pytest.raises(InputRejected, match="session id: got"):
        SessionStore(tmp_path).session(session_id)
    assert not list(tmp_path.iterdir())


def test_good_names_are_sessions_and_takes() -> None:
    assert checked_session_id("laneige_15s-2") == "laneige_15s-2"
    assert checked_take("v12") == 12
    for text in ("", "2", "v0", "v01", "v-1", "v1.5", "V1", "v1 ", "v9999999"):
        with pytest.raises(InputRejected, match="expected v1, v2"):
            checked_take(text)


def test_an_unknown_session_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    store = SessionStore(tmp_path)
    with pytest.raises(InputRejected, match=r"no session 'other' .*; there are: -"):
        store.existing("other")
    commit(store.session("ad"), VOICE, "voice")

    with pytest.raises(InputRejected, match=r"there are: ad$"):
        store.existing("other")
    assert store.session_ids() == ["ad"]
    assert SessionStore(tmp_path / "nowhere").session_ids() == []
