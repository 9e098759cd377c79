"""What decides a result, as one hash.

If a record has the same fingerprint and its file still has its sha256, the work is done already.
That one rule gives resume after a crash and "change one scene, redo one scene".
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import time
import uuid
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BaseModel

_NAMESPACE = uuid.UUID("6f6c9f2e-5a0f-5d0e-9a52-0d6a3c1b7f11")
_CHUNK_BYTES = 1 << 20
_SETTLED_NS = 2_000_000_000
"""A file changed twice within one tick of the file system's clock looks the same: a young one is read anew."""


def fingerprint(**decides: Any) -> str:
    """sha256 (hex) over everything that decides a result; the order of keys does not matter."""
    return hashlib.sha256(canonical_json(decides).encode()).hexdigest()


def canonical_json(value: Any) -> str:
    """JSON in which equal values have equal text."""
    return json.dumps(plain(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def plain(value: Any) -> Any:
    """`value` as JSON types; paths are left out, because a file counts by its bytes, not by its place."""
    match value:
        case BaseModel():
            return plain(value.model_dump(mode="json"))
        case Mapping():
            return {str(k): plain(v) for k, v in value.items() if not isinstance(v, Path)}
        case set() | frozenset():
            return sorted(plain(v) for v in value)
        case list() | tuple():
            return [plain(v) for v in value if not isinstance(v, Path)]
        case Enum():
            return value.value
        case float():
            return round(value, 9)
        case None | str() | int():
            return value
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return plain({field.name: getattr(value, field.name) for field in dataclasses.fields(value)})
        case _:
            raise TypeError(f"cannot fingerprint {type(value).__name__}")


def job_id(fingerprint_: str, attempt: int) -> str:
    """The same work asks under the same id after a crash; each attempt has its own."""
    return str(uuid.uuid5(_NAMESPACE, f"{fingerprint_}/{attempt}"))


def sha256_of(path: Path) -> str:
    """sha256 (hex) of a file, or of a folder's files with their names."""
    if path.is_dir():
        digest = hashlib.sha256()
        for child in sorted(p for p in path.rglob("*") if p.is_file()):
            digest.update(f"{child.relative_to(path).as_posix()}\0{sha256_of(child)}\n".encode())
        return digest.hexdigest()
    stat = path.stat()
    if time.time_ns() - stat.st_mtime_ns < _SETTLED_NS:
        return _read_sha256(path)
    return _settled_sha256(path, stat.st_size, stat.st_mtime_ns, stat.st_ino)


@functools.lru_cache(maxsize=4096)
def _settled_sha256(path: Path, size_bytes: int, mtime_ns: int, inode: int) -> str:
    """Read once per process for as long as the file looks the same: a driver asks several times."""
    return _read_sha256(path)


def _read_sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
