"""A kill at any moment of a commit loses at most work that had not ended; a full disk leaves no half file."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import textwrap
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ad_pipeline.errors import MachineLacks
from ad_pipeline.sessions.files import saying_disk_errors, write_whole
from ad_pipeline.sessions.records import TakeRecord
from ad_pipeline.sessions.store import Session, SessionStore
from ad_pipeline_tests.sessions.writing import BOARD, PICTURE, commit

_DEAD_PID = 2**22 + 1  # above the kernel's largest


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return SessionStore(tmp_path).session("ad")


def _records(session: Session) -> Path:
    return session.folder / "records"


def _back_to_pending(session: Session, record: TakeRecord, *, pick: str) -> None:
    """As a process leaves it that is killed after the take was renamed and before its record was."""
    name = _records(session) / f"{record.key.slug}.v{record.take}.json"
    name.rename(name.with_name(name.name + ".pending"))
    (_records(session) / f"{record.key.slug}.picked.json").write_text(pick)


def test_a_take_whose_record_was_pending_is_finished(session: Session) -> None:
    commit(session, PICTURE, "one")
    pick = (_records(session) / f"{PICTURE.slug}.picked.json").read_text()
    second = commit(session, PICTURE, "two", sides={"note": "side"})
    _back_to_pending(session, second, pick=pick)
    assert [record.take for record in session.takes(PICTURE)] == [1]

    session.recover()

    picked = session.picked(PICTURE)
    assert picked == second
    assert session.plain_path(PICTURE).read_text() == "two"
    assert not list(_records(session).glob("*.pending"))
    manifest = json.loads((session.folder / "manifest.json").read_bytes())
    assert manifest["artifacts"][PICTURE.slug]["picked"] == 2


@pytest.mark.parametrize("kept", ["nothing", "side_only", "half"])
def test_a_pending_record_without_its_whole_take_is_dropped(session: Session, kept: str) -> None:
    first = commit(session, PICTURE, "one")
    pick = (_records(session) / f"{PICTURE.slug}.picked.json").read_text()
    second = commit(session, PICTURE, "two", sides={"note": "side"})
    _back_to_pending(session, second, pick=pick)
    path, side = session.path_of(second), session.side_path_of(second, "note")
    assert side
    if kept == "half":
        path.write_text("t")
    else:
        path.unlink()
    if kept == "nothing":
        side.unlink()

    session.recover()

    assert session.picked(PICTURE) == first
    assert not list(_records(session).glob("*.pending"))
    third = commit(session, PICTURE, "three", sides={"note": "new side"})
    assert session.is_intact(third) and session.is_intact(first)


def test_a_recovered_take_does_not_push_aside_a_later_pick(session: Session) -> None:
    commit(session, PICTURE, "one")
    pick = (_records(session) / f"{PICTURE.slug}.picked.json").read_text()
    second = commit(session, PICTURE, "two")
    _back_to_pending(session, second, pick=pick)
    third = commit(session, PICTURE, "three")
    assert third.take == 3

    session.recover()

    assert [record.take for record in session.takes(PICTURE)] == [1, 2, 3]
    assert session.picked(PICTURE) == third


def test_drafts_of_dead_processes_are_swept_and_those_of_living_ones_stay(session: Session) -> None:
    commit(session, PICTURE, "one")
    dead = session.folder / ".drafts" / f"{_DEAD_PID}-abc"
    dead.mkdir(parents=True)
    (dead / "draft.png").write_text("half")
    with session.drafting(PICTURE) as draft:
        session.recover()

        assert not dead.exists()
        assert draft.folder.is_dir()


def test_what_a_dead_process_was_drafting_goes_before_its_parent_took_note_of_its_end(session: Session) -> None:
    commit(session, PICTURE, "one")
    waits = [sys.executable, "-c", "input()"]
    with (
        subprocess.Popen([sys.executable, "-c", ""]) as ended,
        subprocess.Popen(waits, stdin=subprocess.PIPE) as lives,
    ):
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)  # a zombie now, until it is waited for
        drafts = [session.folder / ".drafts" / f"{process.pid}-0123456789ab" for process in (ended, lives)]
        for draft in drafts:
            draft.mkdir(parents=True)
        session.recover()
        assert [draft.exists() for draft in drafts] == [False, True]
        lives.communicate(b"\n")


def test_recovering_a_session_that_is_not_there_makes_nothing(tmp_path: Path) -> None:
    SessionStore(tmp_path).session("ad").recover()

    assert not list(tmp_path.iterdir())


# Ends the process at the Nth time that a file system call of the commit returns.
_KILLED = """
import os, sys
from pathlib import Path
from ad_pipeline.sessions.store import SessionStore
from ad_pipeline_tests.sessions.writing import BOARD, commit

left = int(sys.argv[2])
commit(SessionStore(Path(sys.argv[1])).session("ad"), BOARD, '{"format": "9:16", "n": 1}')

def die(event, arguments):
    global left
    if event in ("os.rename", "os.replace", "os.symlink", "shutil.copyfile", "os.remove"):
        left -= 1
        if left == 0:
            os._exit(9)

sys.addaudithook(die)
commit(SessionStore(Path(sys.argv[1])).session("ad"), BOARD, '{"format": "9:16", "n": 2}', sides={"note": "side"})
"""


@pytest.mark.slow
def test_a_commit_killed_before_any_of_its_steps_keeps_all_that_had_ended(tmp_path: Path) -> None:
    steps = 0
    for step in range(1, 20):
        root = tmp_path / str(step)
        command = [sys.executable, "-c", textwrap.dedent(_KILLED), str(root), str(step)]
        ended = subprocess.run(command, check=False, timeout=30).returncode
        session = SessionStore(root).session("ad")

        session.recover()

        picked = session.picked(BOARD)
        assert picked and session.is_intact(picked), step
        assert all(session.is_intact(record) for record in session.takes(BOARD)), step
        assert not list(_records(session).glob("*.pending")), step
        # An old storyboard under the plain name would be taken for a person's edit and undo the new one.
        plain = json.loads(session.plain_path(BOARD).read_text())["n"]
        assert plain == json.loads(session.path_of(picked).read_text())["n"], step
        after = commit(session, BOARD, '{"format": "9:16", "n": 3}')
        assert session.plain_path(BOARD).read_text() == session.path_of(after).read_text()
        if ended == 0:
            steps = step - 1
            break
        assert ended == 9
    assert steps >= 5


def _in_child(work: Callable[[], None]) -> int:
    """Run `work` in a forked child; its exit code."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except MachineLacks:
            code = 3
        except OSError:
            code = 4
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_no_room_for_a_record_leaves_the_session_as_it_was(session: Session) -> None:
    first = commit(session, PICTURE, "one")
    before = {path: path.read_bytes() for path in session.folder.rglob("*") if path.is_file()}

    def work() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        commit(session, PICTURE, "two")

    assert _in_child(work) in (3, 4)

    assert {path: path.read_bytes() for path in session.folder.rglob("*") if path.is_file()} == before
    assert session.picked(PICTURE) == first
    assert commit(session, PICTURE, "two").take == 2


def test_a_small_file_is_the_old_one_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "note.json"
    path.write_text("old")

    def work() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2, 2))
        write_whole(path, "much longer")

    assert _in_child(work) == 4
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_and_a_closed_one_are_each_one_sentence(tmp_path: Path) -> None:
    import errno

    for number in (errno.ENOSPC, errno.EDQUOT):
        with pytest.raises(MachineLacks, match="is full; free some space"), saying_disk_errors(tmp_path):
            raise OSError(number, os.strerror(number))
    with pytest.raises(MachineLacks, match="cannot write to .*: Read-only"), saying_disk_errors(tmp_path):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))
    with pytest.raises(IsADirectoryError), saying_disk_errors(tmp_path):
        raise IsADirectoryError


def test_the_clock_of_a_pick_is_kept(session: Session) -> None:
    commit(session, PICTURE, "one")
    picked = session.picked(PICTURE)

    assert picked and datetime.now(UTC) - picked.made_at < timedelta(seconds=30)
