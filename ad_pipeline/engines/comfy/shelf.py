"""What a job's parts made, kept until the whole is there.

A clip of two pieces and an enlarging is three jobs on perhaps three nodes. An attempt that follows the
failure of the last one, or a run after a crash, takes what the others made from here: nothing is made,
or paid, twice.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ad_pipeline.engines.comfy.graphs import Graph
from ad_pipeline.engines.comfy.recipe import Value
from ad_pipeline.sessions.files import write_whole
from ad_pipeline.sessions.fingerprint import fingerprint, sha256_of

_VERSION = 1


class Shelf:
    """A folder with the finished parts of one piece of work; without a folder it keeps nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def key(self, part: str, graph: Graph, given: Mapping[str, Value | Path]) -> str:
        """What decides a part's files: where it belongs, the graph, and its values, a file's by its bytes."""
        values = {name: sha256_of(value) if isinstance(value, Path) else value for name, value in given.items()}
        return fingerprint(shelf=_VERSION, part=part, graph=graph.name, version=graph.version, values=values)[:32]

    def take(self, key: str, drafts: Mapping[str, Path]) -> dict[str, Any] | None:
        """Copy the part's files to `drafts`; what was noted with them, or None where they are not all here."""
        if self._folder is None:
            return None
        try:
            notes = json.loads((self._folder / f"{key}.json").read_bytes())
            for name, draft in drafts.items():
                shutil.copyfile(self._folder / f"{key}.{name}", draft)
                if draft.stat().st_size != notes["bytes"][name]:
                    raise ValueError(name)
        except (OSError, ValueError, KeyError, TypeError):
            for draft in drafts.values():
                draft.unlink(missing_ok=True)
            return None
        return notes

    def put(self, key: str, drafts: Mapping[str, Path], notes: Mapping[str, Any]) -> None:
        """Keep copies of the files; the notes are written last, so that a half part is none.

        Raises:
            OSError: the disk is full.
        """
        if self._folder is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        for name, draft in drafts.items():
            shutil.copyfile(draft, self._folder / f"{key}.{name}")
        sizes = {name: draft.stat().st_size for name, draft in drafts.items()}
        write_whole(self._folder / f"{key}.json", json.dumps({**notes, "bytes": sizes}))
