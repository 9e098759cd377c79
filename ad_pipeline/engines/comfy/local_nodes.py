"""One ComfyUI per GPU of this machine: found, started, watched, started again when it dies, ended with us."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from ad_pipeline.engines.comfy.client import ComfyNode
from ad_pipeline.engines.comfy.cuda import CudaDevice
from ad_pipeline.engines.comfy.protocol import shortened
from ad_pipeline.engines.comfy.rack.config import NodeConfig
from ad_pipeline.errors import EngineError, InputRejected, MachineLacks
from ad_pipeline.messages import say

HOST = "127.0.0.1"
START_S = 300.0
"""Packs of nodes may compile something when they are first loaded."""
END_S = 10.0
DEATHS_TO_GIVE_UP, DEATHS_WITHIN_S = 5, 600.0
_POLL_S, _LONGEST_PAUSE_S = 0.1, 30.0
_ALWAYS = ("--listen", "--port", "--output-directory", "--input-directory", "--temp-directory")
"""Flags that every ComfyUI of the last years has; the others are given where `--help` tells of them."""


@dataclass(frozen=True, kw_only=True)
class LocalPlan:
    """What to start: `comfy` is ComfyUI's own folder, `folder` gets a folder per node for its files and log."""

    comfy: Path
    python: str
    folder: Path
    first_port: int = 8188
    arguments: tuple[str, ...] = ()
    pause_s: float = 1.0
    """Before the first restart; each further one waits twice as long."""


def run_local_nodes(
    plan: LocalPlan,
    devices: Sequence[CudaDevice],
    *,
    names: Sequence[str],
    tell: Callable[[str], None],
    changed: Callable[[Sequence[NodeConfig]], None],
    should_stop: Callable[[], bool] = lambda: False,
) -> None:
    """Keep one ComfyUI per device running, until told to stop; all are ended on every way out.

    `names` are the nodes' names. `changed` gets all nodes that answer whenever one is added or
    given up. They also end when this process is killed, if the machine has `setpriv`.

    Raises:
        InputRejected: there is no ComfyUI in the folder, or this Python cannot start it.
        MachineLacks: every node died again and again.
    """
    flags = _known_flags(plan)
    tied = _tied(tell)
    plan.folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(plan.folder / "gpu_up.lock", blocking=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise InputRejected(
            "another `gpu up` runs with {folder} already", field="--root", folder=str(plan.folder)
        ) from error
    with lock:
        children = [
            _Child(name=name, device=device, port=port, plan=plan, command=_command(plan, flags, tied, name, port))
            for name, device, port in zip(names, devices, _free_ports(plan.first_port, len(devices)), strict=True)
        ]
        try:
            _keep(children, plan, tell, changed, should_stop)
        finally:
            _end(children)


def _keep(
    children: Sequence[_Child],
    plan: LocalPlan,
    tell: Callable[[str], None],
    changed: Callable[[Sequence[NodeConfig]], None],
    should_stop: Callable[[], bool],
) -> None:
    listed: list[NodeConfig] = []
    for child in children:
        child.start()
    while not should_stop():
        for child in children:
            child.look(tell)
        ready = [child.config for child in children if child.was_ready and not child.is_given_up]
        if ready != listed:
            listed = ready
            changed(ready)
        if all(child.is_given_up for child in children):
            raise MachineLacks("no ComfyUI stays alive here; their logs are in {folder}", folder=str(plan.folder))
        time.sleep(_POLL_S)


@dataclass(kw_only=True)
class _Child:
    """One ComfyUI over its lives."""

    name: str
    device: CudaDevice
    port: int
    plan: LocalPlan
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0
    start_again_s: float | None = None
    deaths_s: list[float] = field(default_factory=list[float])
    is_ready: bool = False
    was_ready: bool = False
    is_given_up: bool = False

    @property
    def config(self) -> NodeConfig:
        """How it stands in the list of nodes."""
        return NodeConfig(
            name=self.name, url=f"http://{HOST}:{self.port}", vram_gb=round(self.device.memory_bytes / 2**30, 1),
            card=self.device.uuid or self.device.index,
        )  # fmt: skip

    @property
    def log(self) -> Path:
        return self.plan.folder / self.name / "comfyui.log"

    def start(self) -> None:
        """Begin a life; a process group of its own, so that what it starts ends with it."""
        for name in ("output", "input", "temp", "user"):
            (self.log.parent / name).mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, cwd=self.plan.comfy, env=_environment(self.device), stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        self.started_s, self.start_again_s, self.is_ready = time.monotonic(), None, False

    def look(self, tell: Callable[[str], None]) -> None:
        """See whether it lives and answers, and do what follows."""
        if self.is_given_up:
            return
        if self.start_again_s is not None:
            if time.monotonic() >= self.start_again_s:
                self.start()
            return
        assert self.process is not None
        if self.process.poll() is not None:
            self._died(tell)
        elif not self.is_ready:
            self.is_ready = self._answers()
            if self.is_ready:
                self.was_ready = True
                tell(say("{name} answers at {url}: {card}", name=self.name, url=self.config.url, card=self.device))
            elif time.monotonic() - self.started_s > START_S:
                _signal(self.process, signal.SIGKILL)  # seen as dead at the next look

    def _answers(self) -> bool:
        try:
            with ComfyNode(self.config.address(), answer_s=2.0) as node:
                node.system_stats()
        except EngineError:
            return False
        return True

    def _died(self, tell: Callable[[str], None]) -> None:
        assert self.process is not None
        _signal(self.process, signal.SIGKILL)  # what it started may outlive it, and holds the card's memory
        now_s = time.monotonic()
        self.deaths_s = [*(at_s for at_s in self.deaths_s if now_s - at_s < DEATHS_WITHIN_S), now_s]
        pause_s = min(_LONGEST_PAUSE_S, self.plan.pause_s * 2 ** (len(self.deaths_s) - 1))
        code, line, log = self.process.returncode, _last_line(self.log), str(self.log)
        if len(self.deaths_s) < DEATHS_TO_GIVE_UP:
            self.start_again_s = now_s + pause_s
            tell(
                say(
                    "{name} ended (exit code {code}): {line}; started again in {pause_s:.0f} s; its log: {log}",
                    name=self.name, code=code, line=line, pause_s=pause_s, log=log,
                )
            )  # fmt: skip
            return
        self.is_given_up = True
        tell(
            say(
                "{name} ended {count} times in {minutes:.0f} minutes and is given up (exit code {code}): {line}; its "
                "log: {log}", name=self.name, count=len(self.deaths_s), minutes=DEATHS_WITHIN_S / 60, code=code,
                line=line, log=log,
            )
        )  # fmt: skip


# --- what is run --------------------------------------------------------------------------------


def _known_flags(plan: LocalPlan) -> str:
    """What `main.py --help` says."""
    if not (plan.comfy / "main.py").is_file():
        raise InputRejected(
            "there is no ComfyUI in {folder} (no main.py); name its folder with --comfy",
            field="--comfy", folder=str(plan.comfy),
        )  # fmt: skip
    try:
        asked = subprocess.run(
            [plan.python, "main.py", "--help"], cwd=plan.comfy, capture_output=True, text=True, timeout=120, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _cannot_start(plan, str(error)) from error
    if asked.returncode or any(flag not in asked.stdout for flag in _ALWAYS):
        raise _cannot_start(plan, shortened((asked.stderr.strip() or asked.stdout.strip() or "?").splitlines()[-1]))
    return asked.stdout


def _cannot_start(plan: LocalPlan, reason: str) -> InputRejected:
    return InputRejected(
        "{python} cannot start the ComfyUI in {folder}: {reason}; name its own Python with --python",
        field="--python", python=plan.python, folder=str(plan.comfy), reason=reason,
    )  # fmt: skip


def _command(plan: LocalPlan, flags: str, tied: Sequence[str], name: str, port: int) -> list[str]:
    own = plan.folder / name
    wanted = {
        "--listen": HOST,
        "--port": str(port),
        "--output-directory": str(own / "output"),
        "--input-directory": str(own / "input"),
        "--temp-directory": str(own / "temp"),
        "--user-directory": str(own / "user"),
        # Servers that share the default database hold each other up.
        "--database-url": f"sqlite:///{own / 'user' / 'comfyui.db'}",
        "--preview-method": "auto",
        "--disable-auto-launch": "",
    }
    given = [part for flag, value in wanted.items() if flag in flags for part in (flag, value) if part]
    return [*tied, plan.python, "main.py", *given, *plan.arguments]


def _tied(tell: Callable[[str], None]) -> list[str]:
    """The start of a command line that ends with us, even when we are killed; empty where there is no setpriv.

    Linux ties a process to its parent by prctl. Calling that between fork and exec from Python is
    not safe beside threads, so a program does it.
    """
    found = shutil.which("setpriv")
    if found and "--pdeathsig" in subprocess.run([found, "--help"], capture_output=True, text=True, check=False).stdout:
        return [found, "--pdeathsig", "KILL", "--"]
    tell(say("setpriv (util-linux) is not here: when this program is killed with -9, its ComfyUIs go on"))
    return []


def _environment(device: CudaDevice) -> Mapping[str, str]:
    """Ours without our own settings, which may hold keys, and with this one device in sight."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AD_PIPELINE_")}
    return {**kept, "CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": device.visible_as}


def _free_ports(first: int, count: int) -> list[int]:
    found: list[int] = []
    for port in range(first, 65536):
        if len(found) == count:
            break
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((HOST, port))
                found.append(port)
    if len(found) < count:
        raise InputRejected("no {count} free ports from {first} up", field="--port", count=count, first=first)
    return found


# --- the end ------------------------------------------------------------------------------------


def _end(children: Sequence[_Child]) -> None:
    living = [child.process for child in children if child.process and child.process.poll() is None]
    for process in living:
        _signal(process, signal.SIGTERM)
    give_up_s = time.monotonic() + END_S
    for process in living:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, give_up_s - time.monotonic()))
        _signal(process, signal.SIGKILL)
        process.wait()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """To the whole group; its leader may be gone already."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _last_line(log: Path) -> str:
    with contextlib.suppress(OSError), log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 4096))
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
        return shortened(lines[-1]) if lines else "-"
    return "-"
