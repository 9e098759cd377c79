"""The part of the nodes file that a program of ours writes; what a person wrote around it stays as it is."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from ad_pipeline.engines.comfy.rack.config import NodeConfig

_BEGIN = "# >>> ad-pipeline gpu up: these nodes are written and taken out by it"
_END = "# <<< ad-pipeline gpu up"


def block(nodes: Sequence[NodeConfig]) -> str:
    """The nodes as TOML, between our two comments; empty for none."""
    if not nodes:
        return ""
    entries = [
        f"[[node]]\nname = {_quoted(node.name)}\nurl = {_quoted(node.url)}\nvram_gb = {node.vram_gb}\n"
        f"card = {node.card if isinstance(node.card, int) else _quoted(node.card)}\n"
        for node in nodes
    ]
    return "\n".join([_BEGIN, *entries, _END]) + "\n"


def write_block(path: Path, nodes: Sequence[NodeConfig]) -> None:
    """Put the nodes in the file in place of those that we wrote there before; whole or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    others, own = _parted(before)[0], block(nodes)
    text = f"{others.rstrip()}\n\n{own}" if own and others.strip() else own or others
    if text == before:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=".nodes-", suffix=".draft", delete=False
    ) as draft:
        draft.write(text)
    if path.exists():
        Path(draft.name).chmod(path.stat().st_mode & 0o777)
    Path(draft.name).replace(path)


def own_block(text: str) -> str:
    """What is ours in a nodes file."""
    return _parted(text)[1]


def _parted(text: str) -> tuple[str, str]:
    """The others' lines, and ours."""
    parts: tuple[list[str], list[str]] = [], []
    is_ours = False
    for line in text.splitlines(keepends=True):
        is_ours = is_ours or line.strip() == _BEGIN
        parts[is_ours].append(line)
        is_ours = is_ours and line.strip() != _END
    return "".join(parts[0]), "".join(parts[1])


def _quoted(text: str) -> str:
    """A TOML string; a name, URL or UUID holds nothing to escape but these two."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
