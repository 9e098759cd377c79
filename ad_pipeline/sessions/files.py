"""Files that appear whole or not at all, and disk trouble as one clear message."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import uuid
from collections.abc import Generator
from pathlib import Path

from ad_pipeline.errors import MachineLacks

_NO_LINKS_HERE = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


def write_whole(path: Path, text: str, *, durable: bool = True) -> None:
    """Write a small file so that a reader sees the old one or the new one; if `durable`, also after a power cut."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{uuid.uuid4().hex[:8]}")
    try:
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def saying_disk_errors(folder: Path) -> Generator[None]:
    """A full or read-only disk as one clear message."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise MachineLacks(
                "the disk that holds {folder} is full; free some space and run again: finished work is kept",
                folder=str(folder),
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise MachineLacks(
                "cannot write to {folder}: {reason}", folder=str(folder), reason=error.strerror
            ) from error
        raise


def move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    source.rename(target)


def share(source: Path, target: Path) -> None:
    """The same file, or folder of files, under another name: one that nobody changes needs its room only once."""
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        for file in sorted(path for path in source.rglob("*") if path.is_file()):
            share(file, target / file.relative_to(source))
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.hardlink_to(source)
    except OSError as error:  # a file system without such links, or with another one beneath
        if error.errno not in (*_NO_LINKS_HERE, errno.EXDEV, errno.EMLINK):
            raise
        shutil.copyfile(source, target)


def point(name: Path, target: Path, *, copied: bool) -> None:
    """Make `name` show what `target` holds, in one step; a link where people only read."""
    name.parent.mkdir(parents=True, exist_ok=True)
    draft = name.with_name(f".{name.name}.{uuid.uuid4().hex[:8]}")
    try:
        if copied or not _linked(draft, Path(os.path.relpath(target, name.parent))):
            shutil.copyfile(target, draft)
        draft.replace(name)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _linked(link: Path, target: Path) -> bool:
    """Whether `link` was made; False on a file system without links (an exFAT stick, some network shares)."""
    try:
        link.symlink_to(target)
    except NotImplementedError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS_HERE:
            raise
        return False
    return True
