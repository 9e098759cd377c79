"""Where a session's artifacts lie: takes that are never overwritten, each with its record.

Many processes write one session. A take appears whole or not at all:

1. the work writes a draft in `.drafts/`;
2. under the session's lock its record is written as *pending*;
3. the draft is renamed to the take's name, the record is written under its own name, the take is
   picked, and the pending record goes.

A process killed between 2 and the end of 3 leaves a pending record; the next one to open the session
finishes it when the take is there with its sha256, and drops it otherwise. So a kill at any moment
loses at most work that had not ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import psutil
from filelock import FileLock, Timeout
from pydantic import ValidationError

from ad_pipeline.errors import InputRejected, MachineLacks
from ad_pipeline.sessions.files import move, point, saying_disk_errors, share, write_whole
from ad_pipeline.sessions.fingerprint import sha256_of
from ad_pipeline.sessions.keys import COPIED_KINDS, ArtifactKey, checked_session_id
from ad_pipeline.sessions.records import MadeBy, Pick, SideFile, TakeRecord
from ad_pipeline.story.formats import Format

_LOCK_WAIT_S = 60.0
_OWN_FIELDS = {"session_id", "stage", "scene_id", "format", "take", "path", "sha256", "size_bytes", "files", "made_by",
               "made_at"}  # fmt: skip
"""Fields of a record that the store fills in itself."""
_PENDING = ".pending"
_SHELVES, _SHELF_KEPT_S = ".parts", 7 * 24 * 3600.0


@dataclass(frozen=True, kw_only=True)
class Draft:
    """Room for one take in the making: `path` for the artifact, `side(role)` for what goes with it."""

    key: ArtifactKey
    folder: Path
    roles: set[str] = field(default_factory=set[str])

    @property
    def path(self) -> Path:
        return self.folder / f"draft{self.key.suffix}"

    def side(self, role: str) -> Path:
        """A file or folder that becomes part of the take if it exists at commit; e.g. `layers`."""
        self.roles.add(role)
        return self.folder / f"side.{role}"


class SessionStore:
    """All sessions under one root folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def session(self, session_id: str) -> Session:
        """The session of that id; its folder is made when the first artifact is committed.

        Raises:
            InputRejected: the id is no session's name.
        """
        return Session(self.root / checked_session_id(session_id))

    def existing(self, session_id: str) -> Session:
        """The same, for a session that must be there.

        Raises:
            InputRejected: there is none of that id; the known ones are named.
        """
        session = self.session(session_id)
        if not session.exists:
            known = ", ".join(self.session_ids()[:12]) or "-"
            raise InputRejected(
                "no session {session_id!r} under {root}; there are: {known}",
                field="session",
                session_id=session_id,
                root=str(self.root),
                known=known,
            )
        return session

    def session_ids(self) -> list[str]:
        """All sessions, sorted by name."""
        if not self.root.is_dir():
            return []
        return sorted(p.parent.name for p in self.root.glob("*/records") if p.parent.name[0] != ".")


class Session:
    """One ad's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.session_id = folder.name

    @property
    def exists(self) -> bool:
        return self._records.is_dir()

    # --- reading -----------------------------------------------------------------------------

    def takes(self, key: ArtifactKey) -> tuple[TakeRecord, ...]:
        """All takes of an artifact, the oldest first."""
        found = [self._record(path) for path in self._records.glob(f"{key.slug}.v[0-9]*.json")]
        return tuple(sorted((r for r in found if r), key=lambda r: r.take))

    def picked(self, key: ArtifactKey) -> TakeRecord | None:
        """The take that the film uses."""
        pick = self._pick(key)
        return self._record(self._records / f"{key.slug}.v{pick.take}.json") if pick else None

    def records(self) -> tuple[TakeRecord, ...]:
        """Every take of every artifact."""
        found = [self._record(path) for path in sorted(self._records.glob("*.v[0-9]*.json"))]
        return tuple(r for r in found if r)

    def picked_records(self) -> tuple[TakeRecord, ...]:
        """The picked take of every artifact."""
        return tuple(r for r in self.records() if (pick := self._pick(r.key)) and pick.take == r.take)

    def path_of(self, record: TakeRecord) -> Path:
        return self.folder / record.path

    def text_of(self, record: TakeRecord) -> str:
        """What a take of text says.

        Raises:
            InputRejected: its file is gone or broken.
        """
        try:
            return self.path_of(record).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputRejected(
                "take v{take} of {key} is gone or was changed on disk: {path}",
                field="take", take=record.take, key=str(record.key), path=record.path,
            ) from error  # fmt: skip

    def side_path_of(self, record: TakeRecord, role: str) -> Path | None:
        """Where the take's `role` lies, or None when it has none."""
        side = record.files.get(role)
        return self.folder / side.path if side else None

    def is_intact(self, record: TakeRecord) -> bool:
        """Whether the take's files still have the bytes that were recorded."""
        path = self.path_of(record)
        with contextlib.suppress(OSError):
            return (
                path.stat().st_size == record.size_bytes
                and sha256_of(path) == record.sha256
                and all(sha256_of(self.folder / side.path) == side.sha256 for side in record.files.values())
            )
        return False

    def plain_path(self, key: ArtifactKey) -> Path:
        """The artifact's name without a take; it points at the picked one."""
        return self.folder / key.plain_paths(main=False)[0]

    @property
    def main_format(self) -> Format | None:
        """The format that plain names such as `final.mp4` stand for: the storyboard's first."""
        storyboard = self.picked(ArtifactKey(kind="storyboard"))
        with contextlib.suppress(OSError, ValueError):  # a lost storyboard is made anew; names follow then
            return json.loads(self.path_of(storyboard).read_bytes()).get("format") if storyboard else None
        return None

    # --- writing -----------------------------------------------------------------------------

    @contextlib.contextmanager
    def drafting(self, key: ArtifactKey) -> Generator[Draft]:
        """Room for one take in the making; whatever was not committed is gone afterwards.

        Raises:
            MachineLacks: the disk is full or not writable.
        """
        folder = self.folder / ".drafts" / f"{os.getpid()}-{uuid.uuid4().hex[:12]}"
        with saying_disk_errors(self.folder):
            folder.mkdir(parents=True)
            try:
                yield Draft(key=key, folder=folder)
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def shelf(self, work: str) -> Path:
        """A folder, made by whoever uses it, for what is finished of a piece of work before all of it is.

        It outlives the draft and the process; `recover` drops it after a week.
        """
        return self.folder / _SHELVES / work[:32]

    def commit(self, draft: Draft, *, made_by: MadeBy, facts: Mapping[str, Any]) -> TakeRecord:
        """Turn a finished draft into the next take, record it and pick it.

        `facts` are the fields of `TakeRecord` that the store does not know itself.
        """
        sha256, size = sha256_of(draft.path), draft.path.stat().st_size
        sides = {role: sha256_of(draft.side(role)) for role in sorted(draft.roles) if draft.side(role).exists()}
        with saying_disk_errors(self.folder), self.locked():
            take = self._next_take(draft.key)
            record = TakeRecord(
                **facts,
                session_id=self.session_id,
                stage=draft.key.kind,
                scene_id=draft.key.scene_id,
                format=draft.key.format,
                take=take,
                path=str(draft.key.take_path(take)),
                sha256=sha256,
                size_bytes=size,
                files={r: SideFile(path=str(draft.key.side_path(take, r)), sha256=s) for r, s in sides.items()},
                made_by=made_by,
                made_at=datetime.now(UTC),
            )
            name = self._records / f"{draft.key.slug}.v{take}.json"
            pending = name.with_name(name.name + _PENDING)
            text = record.model_dump_json(indent=2)
            write_whole(pending, text)
            for role, side in record.files.items():
                move(draft.side(role), self.folder / side.path)
            move(draft.path, self.folder / record.path)
            write_whole(name, text)
            self._point_at(record, by=made_by)
            self._write_manifest()
            pending.unlink()
        return record

    def take_over(self, record: TakeRecord, source: Session) -> TakeRecord:
        """A take of another session as a take of this one, picked: the same bytes, with where they come from.

        Takes never change, so the file is shared where the file system can. It cost nothing here.

        Raises:
            InputRejected: the take's file is gone or changed.
            MachineLacks: the disk is full or not writable.
        """
        source.take(record.key, record.take)
        with self.drafting(record.key) as draft:
            with saying_disk_errors(self.folder):
                share(source.path_of(record), draft.path)
                for role, side in record.files.items():
                    share(source.folder / side.path, draft.side(role))
            known = record.model_dump(exclude=_OWN_FIELDS | {"cost_reserved_usd", "cost_settled_usd"})
            details = {**record.details, "taken_over_from": f"{source.session_id} v{record.take}"}
            return self.commit(draft, made_by=record.made_by, facts={**known, "details": details})

    def take(self, key: ArtifactKey, take: int) -> TakeRecord:
        """That take of the artifact.

        Raises:
            InputRejected: there is no such take, or its file is gone or changed.
        """
        record = next((r for r in self.takes(key) if r.take == take), None)
        if not record:
            known = ", ".join(f"v{r.take}" for r in self.takes(key)) or "-"
            raise InputRejected(
                "no take v{take} of {key}; there are: {known}", field="take", take=take, key=str(key), known=known
            )
        if not self.is_intact(record):
            raise InputRejected(
                "take v{take} of {key} is gone or was changed on disk: {path}",
                field="take",
                take=take,
                key=str(key),
                path=record.path,
            )
        return record

    def pick(self, key: ArtifactKey, take: int, *, by: MadeBy) -> TakeRecord:
        """Make the film use this take; raises as `take` does."""
        record = self.take(key, take)
        with saying_disk_errors(self.folder), self.locked():
            self._point_at(record, by=by)
            self._write_manifest()
        return record

    @contextlib.contextmanager
    def locked(self) -> Generator[None]:
        """Be the only writer of this session; the system frees the lock when a process dies."""
        self._records.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._records / ".lock", timeout=_LOCK_WAIT_S)
        try:
            lock.acquire()
        except Timeout as error:
            raise MachineLacks(
                "another process has been writing session {session_id!r} for {seconds:g} s; wait for it, or end it",
                session_id=self.session_id,
                seconds=_LOCK_WAIT_S,
            ) from error
        try:
            yield
        finally:
            lock.release()

    def recover(self) -> None:
        """Finish or drop what killed processes left: pending records and drafts."""
        if not self.exists:
            return
        if list(self._records.glob(f"*{_PENDING}")):
            with saying_disk_errors(self.folder), self.locked():
                for pending in self._records.glob(f"*{_PENDING}"):
                    self._settle(pending)
                self._write_manifest()
        for shelf in (self.folder / _SHELVES).glob("*"):
            if time.time() - shelf.stat().st_mtime > _SHELF_KEPT_S:
                shutil.rmtree(shelf, ignore_errors=True)
        for folder in (self.folder / ".drafts").glob("[0-9]*-*"):
            pid = folder.name.split("-")[0]
            if pid.isdecimal() and not _lives(int(pid)):
                shutil.rmtree(folder, ignore_errors=True)

    # --- inside ------------------------------------------------------------------------------

    @property
    def _records(self) -> Path:
        return self.folder / "records"

    def _record(self, path: Path) -> TakeRecord | None:
        try:
            return TakeRecord.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError as error:
            raise _unreadable(path) from error

    def _pick(self, key: ArtifactKey) -> Pick | None:
        return self._pick_of(key.slug)

    def _pick_of(self, slug: str) -> Pick | None:
        path = self._records / f"{slug}.picked.json"
        try:
            return Pick.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError as error:
            raise _unreadable(path) from error

    def _next_take(self, key: ArtifactKey) -> int:
        # Files count too: a take whose record a person deleted must not be overwritten.
        files = (self.folder / key.folder).glob(f"{key.stem}.v[0-9]*{key.suffix}")
        numbers = [p.name[len(key.stem) + 2 : -len(key.suffix)] for p in files]
        from_files = [int(number) for number in numbers if number.isdecimal()]
        return 1 + max([*from_files, *(r.take for r in self.takes(key))], default=0)

    def _point_at(self, record: TakeRecord, *, by: MadeBy) -> None:
        target = self.folder / record.path
        for plain_name in record.key.plain_paths(main=record.format == self.main_format):
            point(self.folder / plain_name, target, copied=record.stage in COPIED_KINDS)
        if record.stage == "final_mp4":
            for role, side in record.files.items():
                for plain_name in _beside(record.key.plain_paths(main=record.format == self.main_format), role):
                    point(self.folder / plain_name, self.folder / side.path, copied=False)
        # Last: a storyboard.json that differs from the picked take counts as edited by hand, so the old
        # one must not stand beside the new pick, not for a moment.
        pick = Pick(take=record.take, by=by, at=datetime.now(UTC))
        write_whole(self._records / f"{record.key.slug}.picked.json", pick.model_dump_json())

    def _settle(self, pending: Path) -> None:
        name = pending.with_name(pending.name.removesuffix(_PENDING))
        record = self._record(pending)
        if record and self.is_intact(record):
            write_whole(name, record.model_dump_json(indent=2))
            pick = self._pick(record.key)
            if not pick or pick.at < record.made_at:  # a later choice stands
                self._point_at(record, by=record.made_by)
        pending.unlink(missing_ok=True)

    def _write_manifest(self) -> None:
        """`manifest.json`: every take, and which is picked; derived from the records, never the truth itself.

        The records' own texts are put together: parsing and writing them anew took 30 ms for each take made.
        """
        takes: dict[str, list[tuple[int, str]]] = {}
        for path in self._records.glob("*.v[0-9]*.json"):
            slug, _, take = path.name.removesuffix(".json").rpartition(".v")
            if take.isdecimal():
                takes.setdefault(slug, []).append((int(take), self._text_of_record(path)))
        artifacts: list[str] = []
        for slug, texts in sorted(takes.items()):
            pick = self._pick_of(slug)
            inside = ",\n".join(text for _, text in sorted(texts))
            picked = pick.take if pick else "null"
            artifacts.append(f'{json.dumps(slug)}: {{"picked": {picked}, "takes": [\n{inside}\n]}}')
        inside = ",\n".join(artifacts)
        head = f'{{"manifest_version": 1, "session_id": {json.dumps(self.session_id)}, "artifacts": {{\n'
        write_whole(self.folder / "manifest.json", f"{head}{inside}\n}}}}\n", durable=False)

    def _text_of_record(self, path: Path) -> str:
        text = path.read_text(encoding="utf-8")
        try:
            json.loads(text)
        except ValueError as error:
            raise _unreadable(path) from error
        return text


def _unreadable(path: Path) -> InputRejected:
    return InputRejected(
        "the record {path} cannot be read; restore it or delete it to make the artifact again", path=str(path)
    )


def _beside(plain_names: tuple[PurePosixPath, ...], role: str) -> tuple[PurePosixPath, ...]:
    """`captions.srt` stands beside `final.mp4` under its own name."""
    return tuple(name.with_name(role) for name in plain_names)


def _lives(pid: int) -> bool:
    """Whether a process runs; one that ended counts as gone before its parent took note of it."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
