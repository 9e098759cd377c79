"""Which ComfyUI servers there are: `nodes.toml`, read again whenever it changes.

A node is one server, which is one GPU. Secrets are not in the file: it names the environment
variable that holds a node's Authorization header.
"""

from __future__ import annotations

import os
import threading
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ad_pipeline.engines.comfy.transport import Address
from ad_pipeline.errors import InputRejected
from ad_pipeline.story.border import checked

LARGEST_FILE_BYTES = 1_000_000
SETTLE_S = 1.0

GpuStage = Literal["key_image", "motion_clip", "lipsync", "sfx"]


@dataclass(frozen=True, kw_only=True)
class NodeConfig:
    """One server and what it is for.

    `stages` and `graphs` pin it to those; both empty: to none. `weight` is its speed beside the
    others (2: twice as fast). `vram_gb` 0: as the server itself says. `card` tells its GPU on the
    machine that reads the card's numbers: an index, a UUID, or -1 when it has to be found out. A
    node that is `draining` finishes what it has and gets nothing new.
    """

    name: str
    url: str
    stages: tuple[str, ...] = ()
    graphs: tuple[str, ...] = ()
    vram_gb: float = 0.0
    weight: float = 1.0
    authorization: str = field(default="", repr=False)
    authorization_env: str = ""
    exporter_url: str = ""
    card: int | str = -1
    draining: bool = False
    certificate: Path | None = None

    def address(self) -> Address:
        """Where the node is, for a `ComfyNode`."""
        return Address(
            name=self.name, url=self.url, auth=self.authorization, auth_variable=self.authorization_env,
            certificate=self.certificate,
        )  # fmt: skip

    def is_pinned_for(self, *, stage: str, graph: str) -> bool:
        """Whether work of this stage and graph may go there, as far as the file says."""
        return (not self.stages and not self.graphs) or stage in self.stages or graph in self.graphs


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Node(_Table):
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    url: str
    stages: list[GpuStage] = []
    graphs: list[Annotated[str, Field(min_length=1)]] = []
    vram_gb: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    weight: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    authorization_env: str = ""
    exporter_url: str = ""
    card: Any = -1
    draining: bool = False
    certificate: str = ""


class _File(_Table):
    node: list[_Node] = []


class NodesFile:
    """The list of nodes, read again when the file's time or size changes. Safe to share between threads.

    Calling it gives the nodes; none when there is no such file. When an edit broke the file, the
    last good list stays and `tell` hears once why; `fault` says it until the file is good again. A list
    that has lost nodes is believed after `settle_s`: an editor may just be writing it, and who waits
    for a node that is gone fails at once.
    """

    def __init__(
        self,
        path: Path,
        *,
        environment: Mapping[str, str] | None = None,
        tell: Callable[[InputRejected], None] = lambda _: None,
        settle_s: float = SETTLE_S,
    ) -> None:
        self.path = path
        self.fault: InputRejected | None = None
        self._environment = environment
        self._tell = tell
        self._settle_s = settle_s
        self._shorter: tuple[tuple[int, int] | None, float] | None = None
        """The mark of a list that has lost nodes, and when it was first seen, on time.monotonic."""
        self._lock = threading.Lock()
        self._mark: tuple[int, int] | None = None
        self._nodes: tuple[NodeConfig, ...] | None = None

    def __call__(self) -> tuple[NodeConfig, ...]:
        """The nodes of now.

        Raises:
            InputRejected: the file says what cannot be, and no good one was read before.
        """
        with self._lock:
            mark = _mark(self.path)
            if self._nodes is None or mark != self._mark:
                self._read(mark)
            return self._nodes or ()

    def _read(self, mark: tuple[int, int] | None) -> None:
        try:
            nodes = read_nodes(self.path, environment=self._environment) if mark else ()
            if self._may_still_grow(nodes, mark):
                return
            self._nodes = nodes
            self.fault = None
        except InputRejected as error:
            self.fault = error
            if self._nodes is None:
                raise
            self._tell(error)
        self._mark = mark

    def _may_still_grow(self, nodes: Sequence[NodeConfig], mark: tuple[int, int] | None) -> bool:
        if {node.name for node in self._nodes or ()} <= {node.name for node in nodes}:
            return False
        now_s = time.monotonic()
        if self._shorter is None or self._shorter[0] != mark:
            self._shorter = (mark, now_s)
        return now_s - self._shorter[1] < self._settle_s


def _mark(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def read_nodes(path: Path, *, environment: Mapping[str, str] | None = None) -> tuple[NodeConfig, ...]:
    """The nodes that the file lists.

    Raises:
        InputRejected: naming file and field.
    """
    told = checked(_File, _told(path), rejected=InputRejected, what=path.name)
    nodes = tuple(_node(entry, number, path, os.environ if environment is None else environment)
                  for number, entry in enumerate(told.node))  # fmt: skip
    for number, node in enumerate(nodes):
        for other in nodes[:number]:
            if node.name == other.name:
                raise InputRejected(
                    "{file}: two nodes have the name {name!r}",
                    field=f"node[{number}].name", file=path.name, name=node.name,
                )  # fmt: skip
            if node.url.rstrip("/") == other.url.rstrip("/"):
                raise InputRejected(
                    "{file}: the nodes {other!r} and {name!r} have the same url {url}; a server is one node",
                    field=f"node[{number}].url", file=path.name, other=other.name, name=node.name, url=node.url,
                )  # fmt: skip
    return nodes


def _told(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise InputRejected(
                "{file} is larger than {limit} bytes; expected a list of nodes", file=path.name,
                limit=LARGEST_FILE_BYTES,
            )  # fmt: skip
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise InputRejected("{file} is no TOML: {reason}", field=path.name, file=path.name, reason=error) from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputRejected(
            "{file} cannot be read: {reason}", field=path.name, file=path.name,
            reason=getattr(error, "strerror", None) or "no UTF-8",
        ) from error  # fmt: skip


def _node(entry: _Node, number: int, path: Path, environment: Mapping[str, str]) -> NodeConfig:
    is_number = isinstance(entry.card, int) and not isinstance(entry.card, bool) and entry.card >= -1
    if not (is_number or (isinstance(entry.card, str) and entry.card)):
        raise InputRejected(
            "{file}, node {name}: card is the number of its GPU (0, 1, ...) or its UUID; got {got!r}",
            field=f"node[{number}].card", file=path.name, name=entry.name, got=entry.card,
        )  # fmt: skip
    node = NodeConfig(
        name=entry.name, url=entry.url, stages=tuple(entry.stages), graphs=tuple(entry.graphs),
        vram_gb=entry.vram_gb, weight=entry.weight, authorization=_authorization(entry, number, path, environment),
        authorization_env=entry.authorization_env, exporter_url=entry.exporter_url, card=entry.card,
        draining=entry.draining,
        certificate=path.parent / Path(entry.certificate).expanduser() if entry.certificate else None,
    )  # fmt: skip
    where = "url"
    try:
        node.address().tls()
        where = "exporter_url"
        if entry.exporter_url:
            Address(name=entry.name, url=entry.exporter_url)
    except InputRejected as error:
        where = "certificate" if error.field.endswith("certificate") else where
        raise InputRejected(
            "{file}: {reason}", field=f"node[{number}].{where}", file=path.name, reason=error.message
        ) from error
    return node


def _authorization(entry: _Node, number: int, path: Path, environment: Mapping[str, str]) -> str:
    if not entry.authorization_env:
        return ""
    found = environment.get(entry.authorization_env, "")
    field = f"node[{number}].authorization_env"
    if not found:
        raise InputRejected(
            "{file}, node {name}: the environment variable {variable} is not set; it has to hold the Authorization "
            "header", field=field, file=path.name, name=entry.name, variable=entry.authorization_env,
        )  # fmt: skip
    if not (found.isascii() and found.isprintable()):
        raise InputRejected(
            "{file}, node {name}: what the environment variable {variable} holds is no Authorization header",
            field=field, file=path.name, name=entry.name, variable=entry.authorization_env,
        )  # fmt: skip
    return found
