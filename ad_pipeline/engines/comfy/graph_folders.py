"""Where graphs lie: a person's own folders first, then those that come with the program."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ad_pipeline.errors import InputRejected

_PACKAGE = Path(__file__).parents[2]


def built_in_graphs() -> Path:
    """The folder of the graphs that come with the program: inside the package when installed, else beside it."""
    installed = _PACKAGE / "comfy_graphs"
    return installed if installed.is_dir() else _PACKAGE.parent / "comfy_graphs"


def graph_folders(own: Sequence[Path]) -> tuple[Path, ...]:
    """Where to look for graphs, in order; `own` are the folders of AD_PIPELINE_GRAPHS.

    Raises:
        InputRejected: one of them is no folder.
    """
    for folder in own:
        if not folder.is_dir():
            raise InputRejected(
                "AD_PIPELINE_GRAPHS names {folder}, which is no folder", field="AD_PIPELINE_GRAPHS", folder=folder
            )
    return (*own, built_in_graphs())
