"""`ui`: Dagster's webserver and daemon, and the media route, for this machine only."""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence

import uvicorn

from ad_pipeline.cli.exits import DONE, FAILED
from ad_pipeline.defs.home import dagster_home, open_instance
from ad_pipeline.defs.sweep import end_orphan_runs
from ad_pipeline.errors import InputRejected
from ad_pipeline.messages import say
from ad_pipeline.settings import DEFAULT_MEDIA_PORT, settings_from_environment
from ad_pipeline.stages.workplace import Workplace
from ad_pipeline.studio.media_route import media_app

_HOST = "127.0.0.1"
_END_WITHIN_S = 15.0
_CODE_SERVER_START_S = 60


def ui(options: argparse.Namespace) -> int:
    """Run until Ctrl-C; ends with 1 when one of the servers dies."""
    port = _free(options.port, "--port")
    media_port = _free(options.media_port or DEFAULT_MEDIA_PORT, "--media-port")
    settings = settings_from_environment()
    settings.root.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(dagster_home(settings)),
        "AD_PIPELINE_ROOT": str(settings.root),
        "AD_PIPELINE_MEDIA_URL": f"http://{_HOST}:{media_port}",
    }
    with open_instance(settings) as instance:
        for run_id in end_orphan_runs(instance):
            print(say("ended the orphaned run {run_id}", run_id=run_id))
    server = _media_server(media_port)
    children: list[subprocess.Popen[bytes]] = []
    try:
        children += _started(port, environment)
        url = f"http://{_HOST}:{port}"
        if options.json:
            print(json.dumps({"ui": url, "media": environment["AD_PIPELINE_MEDIA_URL"]}), flush=True)
        else:
            print(say("Dagster UI: {url}  (Ctrl-C ends it)", url=url), flush=True)
        return _watched(children)
    except KeyboardInterrupt:
        return DONE
    finally:
        server.should_exit = True
        _ended(children)


def _started(port: int, environment: Mapping[str, str]) -> list[subprocess.Popen[bytes]]:
    code = ["-m", "ad_pipeline.definitions"]
    commands: Sequence[Sequence[str]] = (
        [sys.executable, "-m", "dagster_webserver", "-h", _HOST, "-p", str(port), *code],
        [sys.executable, "-m", "dagster._daemon", "run", *code],
    )
    # A group of its own each: Ctrl-C reaches us alone, and we end them with their children.
    return [subprocess.Popen(command, env=dict(environment), start_new_session=True) for command in commands]


def _media_server(port: int) -> uvicorn.Server:
    app = media_app(Workplace.at(settings_from_environment()))
    server = uvicorn.Server(uvicorn.Config(app, host=_HOST, port=port, log_level="warning", access_log=False))
    threading.Thread(target=server.run, daemon=True).start()
    return server


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
