"""A take of one session as a take of another: the same bytes, shared where the disk can, and never half."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ad_pipeline.errors import InputRejected, MachineLacks
from ad_pipeline.sessions.store import Session, SessionStore
from ad_pipeline_tests.sessions.writing import BOARD, PICTURE, VOICE, commit, facts


@pytest.fixture
def store(tmp_path: Path) -> SessionStore:
    return SessionStore(tmp_path)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A folder on another file system than the tests' own."""
    folder = Path("/dev/shm") / f"ad-pipeline-{os.getpid()}"
    if not folder.parent.is_dir() or folder.parent.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("this machine has no second file system")
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


def _is_empty_of_drafts(session: Session) -> bool:
    return not list((session.folder / ".drafts").glob("*"))


def test_a_take_is_taken_over_as_the_same_file(store: SessionStore) -> None:
    source, target = store.session("one"), store.session("two")
    record = commit(source, PICTURE, "a picture", sides={"mask.png": "a mask"}, cost_settled_usd=0.04, degraded=None)

    taken = target.take_over(record, source)

    assert taken.details == {"taken_over_from": "one v1"}
    assert (taken.session_id, taken.sha256, taken.basis, taken.cost_settled_usd) == ("two", record.sha256, "b", 0.0)
    assert target.path_of(taken).samefile(source.path_of(record))
    assert (target.folder / taken.files["mask.png"].path).samefile(source.folder / record.files["mask.png"].path)
    assert target.picked(PICTURE) == taken and target.is_intact(taken)
    assert source.picked(PICTURE) == record and _is_empty_of_drafts(target)


def test_a_folder_beside_a_take_goes_with_it(store: SessionStore) -> None:
    source, target = store.session("one"), store.session("two")
    with source.drafting(PICTURE) as draft:
        draft.path.write_text("a picture", encoding="utf-8")
        (draft.side("layers") / "deep").mkdir(parents=True)
        (draft.side("layers") / "deep" / "0.png").write_text("layer", encoding="utf-8")
        (draft.side("empty")).mkdir()
        record = source.commit(draft, made_by="pipeline", facts=facts())

    taken = target.take_over(record, source)

    layers = target.side_path_of(taken, "layers")
    assert layers and (layers / "deep" / "0.png").read_text(encoding="utf-8") == "layer"
    assert set(taken.files) == {"layers", "empty"} and target.is_intact(taken)
    assert taken.files["layers"].sha256 == record.files["layers"].sha256


def test_a_file_that_people_edit_is_no_shared_one(store: SessionStore) -> None:
    source, target = store.session("one"), store.session("two")
    record = commit(source, BOARD, '{"format": "9:16"}')

    target.take_over(record, source)
    target.plain_path(BOARD).write_text("edited", encoding="utf-8")

    assert source.plain_path(BOARD).read_text(encoding="utf-8") == '{"format": "9:16"}'
    assert source.is_intact(record)


@pytest.mark.parametrize("spoils", ["gone", "changed"])
def test_a_take_that_is_lost_is_not_taken_over(store: SessionStore, spoils: str) -> None:
    source, target = store.session("one"), store.session("two")
    record = commit(source, VOICE, "words")
    path = source.path_of(record)
    path.unlink() if spoils == "gone" else path.write_text("other", encoding="utf-8")

    with pytest.raises(InputRejected, match="is gone or was changed on disk"):
        target.take_over(record, source)
    assert target.picked(VOICE) is None


def test_a_take_from_another_disk_is_copied(store: SessionStore, elsewhere: Path) -> None:
    source, target = SessionStore(elsewhere).session("one"), store.session("two")
    record = commit(source, VOICE, "words", sides={"notes.txt": "n"})

    taken = target.take_over(record, source)

    assert target.is_intact(taken) and target.path_of(taken).stat().st_nlink == 1


@pytest.mark.parametrize("code", [errno.EXDEV, errno.EMLINK, errno.EPERM, errno.ENOTSUP])
def test_where_files_cannot_be_shared_they_are_copied(
    store: SessionStore, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    # No such file system can be mounted in a test, so the system call answers as it does on one.
    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    source, target = store.session("one"), store.session("two")
    record = commit(source, VOICE, "words")
    monkeypatch.setattr(os, "link", refuse)

    taken = target.take_over(record, source)

    assert target.is_intact(taken) and not target.path_of(taken).samefile(source.path_of(record))


@pytest.mark.parametrize(
    ("code", "said"), [(errno.ENOSPC, "is full; free some space"), (errno.EROFS, "cannot write to"),
                       (errno.EACCES, "cannot write to")],
)  # fmt: skip
def test_a_disk_that_takes_nothing_is_one_sentence_and_leaves_nothing(
    store: SessionStore, monkeypatch: pytest.MonkeyPatch, code: int, said: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    source, target = store.session("one"), store.session("two")
    record = commit(source, VOICE, "words")
    monkeypatch.setattr(os, "link", refuse)

    with pytest.raises(MachineLacks, match=said):
        target.take_over(record, source)
    assert target.picked(VOICE) is None and _is_empty_of_drafts(target)
