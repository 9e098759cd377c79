"""Dagster's books for the driver, who need not load Dagster: that takes a second, and his workers have it.

Asked of a worker while there are any, else of an instance that is opened here when it is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ad_pipeline.defs.home import dagster_home, open_instance
from ad_pipeline.settings import Settings

if TYPE_CHECKING:
    import dagster as dg

    from ad_pipeline.defs.instance_books import InstanceBooks
    from ad_pipeline.defs.workers import WarmWorkers


class Books:
    """The books in one home; close them, or use them as a context.

    `instance` is one that is open already and stays so. Without it `settings` say where the home is.
    """

    def __init__(self, home: Path, *, settings: Settings | None = None, instance: dg.DagsterInstance | None = None):
        self.home = home
        self.workers: WarmWorkers | None = None
        self._settings = settings
        self._opened = ExitStack()
        self._here = _books_of(instance) if instance else None

    @classmethod
    def at(cls, settings: Settings) -> Self:
        """The books of an installation.

        New ones are laid out here and now: five processes that met a fresh SQLite file at once raced and failed.
        """
        home = dagster_home(settings)
        books = cls(home, settings=settings)
        if not (home / "history" / "runs.db").is_file():
            books.here()
        return books

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the instance, if one was opened here."""
        self._here = None
        self._opened.close()

    def here(self) -> InstanceBooks:
        """By an instance of this process."""
        if self._here is None:
            assert self._settings is not None
            self._here = _books_of(self._opened.enter_context(open_instance(self._settings)))
        return self._here

    def open_session(self, session_id: str) -> None:
        """Make the session known, and end what dead processes left of any."""
        self._ask("open_session", session_id)

    def register_scenes(self, session_id: str, scene_ids: Sequence[str]) -> None:
        """Make the session's scenes known."""
        self._ask("register_scenes", session_id, scene_ids)

    def end_orphan_runs(self) -> None:
        """End the runs whose process is gone."""
        self._ask("end_orphan_runs")

    def versions(self, session_id: str, scene_ids: Sequence[str]) -> Mapping[tuple[str, str], str]:
        """(asset, scene or "") -> the data version that Dagster last recorded; what it never saw is not in it."""
        return self._ask("versions", session_id, scene_ids)

    def _ask(self, name: str, *arguments: object) -> Any:
        if self._here is None and self.workers is not None:
            try:
                return self.workers.ask(name, *arguments)
            except BrokenProcessPool:
                self.workers = None
        return getattr(self.here(), name)(*arguments)


def _books_of(instance: dg.DagsterInstance) -> InstanceBooks:
    from ad_pipeline.defs.instance_books import InstanceBooks

    return InstanceBooks(instance)
