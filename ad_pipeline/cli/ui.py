"""`ui`: Dagster's webserver and daemon, and the media route, for this machine only."""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

import uvicorn

from ad_pipeline.cli.exits import DONE, FAILED
from ad_pipeline.defs.home import dagster_home, open_instance
from ad_pipeline.defs.sweep import end_orphan_runs
from ad_pipeline.errors import InputRejected
from ad_pipeline.messages import say
from ad_pipeline.settings import DEFAULT_MEDIA_PORT, settings_from_environment
from ad_pipeline.stages.warming import KEEPS_ITS_MEMORY
from ad_pipeline.stages.workplace import Workplace
from ad_pipeline.studio.media_route import media_app

_HOST = "127.0.0.1"
_MODULE = "ad_pipeline.definitions"
_PR_SET_PDEATHSIG = 1
_END_WITHIN_S = 15.0
_CODE_SERVER_START_S = 60
_WEBSERVER_START_S = 60


def ui(options: argparse.Namespace) -> int:
    """Run until Ctrl-C; ends with 1 when one of the servers dies."""
    port = _free(options.port, "--port")
    media_port = _free(options.media_port or DEFAULT_MEDIA_PORT, "--media-port")
    settings = settings_from_environment()
    settings.root.mkdir(parents=True, exist_ok=True)
    environment = {
        **KEEPS_ITS_MEMORY,
        **os.environ,
        "DAGSTER_HOME": str(dagster_home(settings)),
        "AD_PIPELINE_ROOT": str(settings.root),
        "AD_PIPELINE_MEDIA_URL": f"http://{_HOST}:{media_port}",
    }
    with open_instance(settings) as instance:
        for run_id in end_orphan_runs(instance):
            print(say("ended the orphaned run {run_id}", run_id=run_id))
    children: list[subprocess.Popen[bytes]] = []
    server: uvicorn.Server | None = None
    place = tempfile.TemporaryDirectory(prefix="ad-pipeline-")
    try:
        # Every event of every run is told there; the terminal keeps the one line a person needs.
        log_path = Path(environment["DAGSTER_HOME"]) / "ui.log"
        with log_path.open("wb") as log:
            _start(children, port, environment, place=Path(place.name), log=log)
        server = _media_server(media_port)
        _wait_for(port, children)
        url = f"http://{_HOST}:{port}"
        if options.json:
            print(json.dumps({"ui": url, "media": environment["AD_PIPELINE_MEDIA_URL"]}), flush=True)
        else:
            print(say("Dagster UI: {url}  (Ctrl-C ends it)", url=url), flush=True)
            print(say("log: {path}", path=str(log_path)), flush=True)
        return _watched(children)
    except KeyboardInterrupt:
        return DONE
    finally:
        if server:
            server.should_exit = True
        _ended(children)
        place.cleanup()


def _start(
    children: list[subprocess.Popen[bytes]], port: int, environment: Mapping[str, str], *, place: Path, log: IO[bytes]
) -> None:
    """Start the code server, then the webserver and the daemon that share it; each lands in `children` at once.

    One code server for both: with one of its own, the daemon starts a fresh process every 60 s.
    """
    socket_path, workspace = place / "code.sock", place / "workspace.yaml"
    served = {"socket": str(socket_path), "location_name": _MODULE}
    workspace.write_text(json.dumps({"load_from": [{"grpc_server": served}]}), encoding="utf-8")  # JSON is YAML
    quiet = ("--log-level", "warning")

    prepare = _before_program()

    def start(*command: str) -> None:
        # A group of its own each: Ctrl-C reaches us alone, and we end them with their children.
        children.append(
            subprocess.Popen(
                [sys.executable, "-m", *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                start_new_session=True,
                preexec_fn=prepare,
            )
        )

    server = ("dagster", "api", "grpc", "--socket", str(socket_path), "-m", _MODULE, "--location-name", _MODULE)
    start(*server, "--use-python-environment-entry-point", *quiet)
    until = time.monotonic() + _CODE_SERVER_START_S
    while not socket_path.exists() and children[0].poll() is None and time.monotonic() < until:
        time.sleep(0.1)
    start("dagster_webserver", "-h", _HOST, "-p", str(port), "-w", str(workspace), "--dagster-log-level", "warning")
    start("dagster._daemon", "run", "-w", str(workspace), *quiet)


def _before_program() -> Callable[[], None]:
    """What a child does before its program: it ends when `ui` is killed, and it can be ended at all."""
    prctl = (
        ctypes.CDLL(None).prctl if sys.platform == "linux" else None
    )  # not in the forked child: little is safe there

    def prepare() -> None:
        # A shell's `&` has SIGINT ignored; Dagster's code server would inherit that, for SIGTERM too, and never end.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if prctl:
            prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    return prepare


def _media_server(port: int) -> uvicorn.Server:
    app = media_app(Workplace.at(settings_from_environment()))
    server = uvicorn.Server(uvicorn.Config(app, host=_HOST, port=port, log_level="warning", access_log=False))
    threading.Thread(target=server.run, daemon=True).start()
    return server


def _wait_for(port: int, children: Sequence[subprocess.Popen[bytes]]) -> None:
    """Until the webserver answers, so that the address we print opens; a dead child is told by `_watched`."""
    until = time.monotonic() + _WEBSERVER_START_S
    while time.monotonic() < until and all(child.poll() is None for child in children):
        with contextlib.suppress(OSError), socket.create_connection((_HOST, port), timeout=1):
            return
        time.sleep(0.1)


def _watched(children: Sequence[subprocess.Popen[bytes]]) -> int:
    while True:
        for child in children:
            if child.poll() is not None:
                print(say("{name} ended with {code}", name=str(child.args), code=child.returncode), file=sys.stderr)
                return FAILED
        time.sleep(0.5)


def _ended(children: Sequence[subprocess.Popen[bytes]]) -> None:
    """Ask each group to end, then insist."""
    for ask in (signal.SIGINT, signal.SIGKILL):
        for child in children:
            if child.poll() is None:
                os.killpg(child.pid, ask)
        until = time.monotonic() + _END_WITHIN_S
        while time.monotonic() < until and any(child.poll() is None for child in children):
            time.sleep(0.1)


def _free(port: int, option: str) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except (OSError, OverflowError) as error:
            raise InputRejected(
                "port {port} is taken or not allowed; choose another by {option}",
                field=option,
                port=port,
                option=option,
            ) from error
    return port
