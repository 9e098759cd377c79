"""The model files of graphs: which there are, and how they come to a node, whole or not at all.

Their publishers may change a file without changing its name. So the checksum of each file that was
fetched is written to a lock file, and holds from then on; one in the TOML holds before that.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx

from ad_pipeline.engines.comfy.graphs import Graph
from ad_pipeline.engines.comfy.protocol import ENGINE
from ad_pipeline.engines.comfy.recipe import ModelFile
from ad_pipeline.errors import EngineRefused, EngineUnavailable

LOCK_NAME = "models.lock.json"
_NODES_FOLDER = "custom_nodes"
_TRIES = 5

Seen = Callable[[int, int], None]
"""Told while a file comes: bytes so far, and all of them or 0."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A model file and the graphs that need it."""

    model: ModelFile
    graphs: tuple[str, ...]

    @property
    def name(self) -> str:
        """Folder and file; the key in the lock file."""
        return f"{self.model.folder}/{self.model.file}"

    @property
    def is_in_nodes(self) -> bool:
        """Whether it lies in a node pack's own folder, not under `models/`."""
        return self.model.folder.split("/")[0] == _NODES_FOLDER


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """Where a file lies now; `was` says how it got there, `is_first` that its checksum was seen for the first time."""

    path: Path
    sha256: str
    was: Literal["there", "fetched"]
    is_first: bool


def wanted_files(graphs: Iterable[Graph], *, choices: bool = False) -> list[Wanted]:
    """Each file once; with `choices` also those that only a choice other than the default needs."""
    users: dict[str, list[str]] = {}
    files: dict[str, ModelFile] = {}
    for graph in graphs:
        for model in graph.recipe.models:
            if choices or not model.optional:
                name = f"{model.folder}/{model.file}"
                files.setdefault(name, model)
                users.setdefault(name, []).append(graph.name)
    return [Wanted(model=model, graphs=tuple(users[name])) for name, model in files.items()]


class Shelf:
    """A node's `models/` with its lock file; `custom_nodes` is its ComfyUI's folder of that name, where it is given."""

    def __init__(self, models: Path, *, custom_nodes: Path | None = None, pause_s: float = 2.0) -> None:
        self._models = models
        self._pause_s = pause_s
        self._custom_nodes = custom_nodes
        self._lock_file = models / LOCK_NAME

    def place(self, wanted: Wanted) -> Path | None:
        """Where the file belongs; None when that is in a node pack whose folder was not given."""
        if not wanted.is_in_nodes:
            return self._models / wanted.name
        return self._custom_nodes.parent / wanted.name if self._custom_nodes else None

    def fetch(self, wanted: Wanted, http: httpx.Client, *, seen: Seen = lambda count, total: None) -> Fetched:
        """Bring the file to its place unless it is there; a part that an earlier try left is gone on with.

        Raises:
            EngineRefused: it has no url, its place is not known, or its checksum is another one.
            EngineUnavailable: it could not be fetched; what came of it is kept.
        """
        target, known = self.place(wanted), self._known(wanted)
        if target is None or not wanted.model.url:
            raise EngineRefused(
                "{file} is fetched by hand from {page} to {folder}",
                engine=ENGINE, file=wanted.model.file, page=wanted.model.page, folder=wanted.model.folder,
            )  # fmt: skip
        if target.is_file():
            return self._kept(wanted, target, known)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.part")
        _download(wanted, part, http, seen, pause_s=self._pause_s)
        sha256 = _sha256(part)
        if known and sha256 != known:
            part.unlink()
            raise _another(wanted, sha256, known)
        part.replace(target)
        self._lock(wanted, target, sha256)
        return Fetched(path=target, sha256=sha256, was="fetched", is_first=not known)

    def _kept(self, wanted: Wanted, target: Path, known: str) -> Fetched:
        entry = self._locked().get(wanted.name, {})
        if known and entry.get("size_bytes") == target.stat().st_size:
            return Fetched(path=target, sha256=known, was="there", is_first=False)
        sha256 = _sha256(target)
        if known and sha256 != known:
            raise _another(wanted, sha256, known)
        self._lock(wanted, target, sha256)
        return Fetched(path=target, sha256=sha256, was="there", is_first=not known)

    # --- the lock file --------------------------------------------------------------------------

    def _known(self, wanted: Wanted) -> str:
        return wanted.model.sha256 or str(self._locked().get(wanted.name, {}).get("sha256", ""))

    def _locked(self) -> dict[str, Mapping[str, Any]]:
        if not self._lock_file.is_file():
            return {}
        try:
            told = json.loads(self._lock_file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise EngineRefused(
                "{file} is no JSON: {reason}", engine=ENGINE, file=self._lock_file.name, reason=error
            ) from error
        return {name: entry for name, entry in told.items() if isinstance(entry, dict)}

    def _lock(self, wanted: Wanted, target: Path, sha256: str) -> None:
        entry = {"sha256": sha256, "size_bytes": target.stat().st_size, "url": wanted.model.url}
        self._models.mkdir(parents=True, exist_ok=True)
        text = json.dumps({**self._locked(), wanted.name: entry}, indent=2, sort_keys=True)
        draft = self._lock_file.with_name(f"{LOCK_NAME}.draft")
        draft.write_text(f"{text}\n", encoding="utf-8")
        draft.replace(self._lock_file)


def _another(wanted: Wanted, sha256: str, known: str) -> EngineRefused:
    return EngineRefused(
        "{file} has the checksum {got}, expected {known}; it was changed or damaged. Look at {page}, and take its "
        "line out of the lock file if the new one is wanted",
        engine=ENGINE, file=wanted.name, got=sha256, known=known, page=wanted.model.page,
    )  # fmt: skip


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- over the network ---------------------------------------------------------------------------


def _download(wanted: Wanted, part: Path, http: httpx.Client, seen: Seen, *, pause_s: float) -> None:
    """All bytes to `part`; a connection that breaks is taken up where it broke."""
    for tries_left in reversed(range(_TRIES)):
        had = part.stat().st_size if part.is_file() else 0
        try:
            if _took_all(wanted, part, had, http, seen):
                return
            why = "the connection ended too early"
        except httpx.HTTPError as error:
            why = str(error) or type(error).__name__
        if not tries_left:
            raise EngineUnavailable(
                "{file} could not be fetched from {url}: {reason}; what came of it is kept",
                engine=ENGINE, file=wanted.model.file, url=wanted.model.url, reason=why,
            )  # fmt: skip
        came = part.is_file() and part.stat().st_size > had
        time.sleep(0 if came else pause_s)


def _took_all(wanted: Wanted, part: Path, had: int, http: httpx.Client, seen: Seen) -> bool:
    asked = {"Range": f"bytes={had}-"} if had else {}
    with http.stream("GET", wanted.model.url, headers=asked, follow_redirects=True) as answer:
        if answer.status_code == 416:
            return _is_whole(answer, part, had)
        if answer.status_code >= 500 or answer.status_code == 429:
            answer.raise_for_status()
        if answer.status_code not in (200, 206):
            raise EngineRefused(
                "{url} answers {status}; look at {page}: the file may have moved, or its terms may want an account "
                "(HF_TOKEN)",
                engine=ENGINE, url=wanted.model.url, status=answer.status_code, page=wanted.model.page,
            )  # fmt: skip
        count = had if answer.status_code == 206 else 0  # a server without ranges begins again
        length = int(answer.headers.get("content-length", 0))
        total = count + length if length else 0
        with part.open("ab" if count else "wb") as file:
            for chunk in answer.iter_raw():  # as it comes: what arrived before a break is kept
                count += file.write(chunk)
                seen(count, total)
    return count == total if total else True


def _is_whole(answer: httpx.Response, part: Path, had: int) -> bool:
    """After "range not satisfiable": whether all was there already; a part that is too long begins again."""
    if answer.headers.get("content-range", "").rpartition("/")[2] == str(had):
        return True
    part.unlink()
    return False
