"""Plain names that show the picked take: links, or copies where a file system has none."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from ad_pipeline.sessions.files import point


@pytest.fixture
def take(tmp_path: Path) -> Path:
    path = tmp_path / "scenes" / "take.v1.txt"
    path.parent.mkdir()
    path.write_text("one", encoding="utf-8")
    return path


def test_a_name_is_a_link_that_moves_with_its_folder(tmp_path: Path, take: Path) -> None:
    point(tmp_path / "named" / "take.txt", take, copied=False)

    assert (tmp_path / "named" / "take.txt").readlink() == Path("../scenes/take.v1.txt")
    assert (tmp_path / "named" / "take.txt").read_text(encoding="utf-8") == "one"


def test_a_name_that_people_edit_is_a_copy(tmp_path: Path, take: Path) -> None:
    point(tmp_path / "take.txt", take, copied=True)
    (tmp_path / "take.txt").write_text("edited", encoding="utf-8")

    assert take.read_text(encoding="utf-8") == "one"


@pytest.mark.parametrize("code", [errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS])
def test_where_there_are_no_links_the_name_is_a_copy(
    tmp_path: Path, take: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    # No such file system can be mounted in a test, so the system call answers as it does on one.
    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "symlink", refuse)

    for text in ("one", "two"):
        take.write_text(text, encoding="utf-8")
        point(tmp_path / "take.txt", take, copied=False)

        assert not (tmp_path / "take.txt").is_symlink()
        assert (tmp_path / "take.txt").read_text(encoding="utf-8") == text
    assert {path.name for path in tmp_path.iterdir()} == {"scenes", "take.txt"}


def test_a_name_that_cannot_be_made_leaves_no_draft(tmp_path: Path, take: Path) -> None:
    (tmp_path / "taken").mkdir()

    for name, target, copied in (("taken", take, False), ("taken", take, True), ("new", take.with_name("no"), True)):
        with pytest.raises(OSError):
            point(tmp_path / name, target, copied=copied)

    assert {path.name for path in tmp_path.iterdir()} == {"scenes", "taken"}
