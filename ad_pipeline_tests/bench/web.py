"""The same ad by the Dagster UI: the job `make_ad`, and the chain of sensors."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import yaml

from ad_pipeline.defs.launcher import QueueLauncher
from ad_pipeline.ledger.ledger import Ledger
from ad_pipeline.sessions.store import SessionStore
from ad_pipeline.stages.launcher import Order
from ad_pipeline.stages.opening import open_session
from ad_pipeline.stages.workplace import Workplace
from ad_pipeline_tests.bench.command import Place, started
from ad_pipeline_tests.bench.rows import Row

MORE_BY_JOB_S = 10.0
MORE_BY_SENSORS_S = 40.0

_LONGEST_S = 300.0
_QUIET_S = 45.0
_READY = """query { repositoriesOrError { ... on RepositoryConnection {
  nodes { name location { name } jobs { name } } } }
  instance { daemonHealth { allDaemonStatuses { daemonType healthy } } } }"""
_ADD = """mutation($repository: RepositorySelector!, $name: String!, $key: String!) {
  addDynamicPartition(repositorySelector: $repository, partitionsDefName: $name, partitionKey: $key) { __typename } }"""
_LAUNCH = """mutation($p: ExecutionParams!) { launchRun(executionParams: $p) { __typename
  ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
  ... on RunConfigValidationInvalid { errors { message } } } }"""
_FAILED = "query { runsOrError(filter: {statuses: [FAILURE]}) { ... on Runs { results { jobName } } } }"
_BUSY = "query { runsOrError(filter: {statuses: [QUEUED, STARTING, STARTED]}) { ... on Runs { results { runId } } } }"


def ui_rows(folder: Path, brief: Path, *, command_s: float, tell: Callable[[str], None]) -> list[Row]:
    """Both ways of the UI; `command_s` is what the command line took for the same ad in this run."""
    place = Place(root=folder / "ui_sessions", home=folder / "ui_home")
    port, media_port = _free_port(), _free_port()
    with started(place, "ui", "--port", str(port), "--media-port", str(media_port)):
        page = _Page(f"http://127.0.0.1:{port}")
        tell("waiting for the UI and its daemon")
        page.wait_until_ready()
        tell("the job make_ad")
        by_job = _by_job(page, place, brief)
        page.wait_until_quiet()
        tell("the storyboard alone, the sensors do the rest")
        by_sensors = _by_sensors(page, place, brief)
        page.wait_until_quiet()
    return [
        Row(name="UI: job make_ad, launch to final", value=by_job, unit="s", limit=round(command_s + MORE_BY_JOB_S, 1)),
        Row(
            name="UI: storyboard launched, sensors to final",
            value=by_sensors,
            unit="s",
            limit=round(command_s + MORE_BY_SENSORS_S, 1),
        ),
    ]


def _by_job(page: _Page, place: Place, brief: Path) -> float:
    workplace = Workplace(store=SessionStore(place.root), ledger=Ledger(place.root / "ledger.sqlite"))
    open_session(workplace, "by_job", brief.read_text(encoding="utf-8"), folder=brief.parent)
    launcher = QueueLauncher(page.url, workplace)
    began = time.monotonic()
    launcher.start(Order(session_id="by_job"))
    _wait_for(place.root / "by_job" / "final.mp4", page)
    return time.monotonic() - began


def _by_sensors(page: _Page, place: Place, brief: Path) -> float:
    repository = page.repository()
    page.ask(_ADD, repository=repository, name="ad_sessions", key="by_sensors")
    values = yaml.safe_load(brief.read_text(encoding="utf-8"))
    params = {
        "selector": {**repository, "jobName": "make_storyboard"},
        "runConfigData": {"ops": {"storyboard": {"config": {"brief": values}}}},
        "executionMetadata": {"tags": [{"key": "dagster/partition", "value": "by_sensors"}]},
    }
    began = time.monotonic()
    answer = page.ask(_LAUNCH, p=params)["launchRun"]
    if answer["__typename"] != "LaunchRunSuccess":
        raise RuntimeError(f"the storyboard was not launched: {answer}")
    _wait_for(place.root / "by_sensors" / "final.mp4", page)
    return time.monotonic() - began


def _wait_for(path: Path, page: _Page) -> None:
    """Wait for the file; when nothing has run for long (sensors look every 2 s), the ad failed."""
    busy_at = 0.0
    for waited in _moments():
        if path.exists():
            return
        if int(waited) % 5 == 0 and not page.is_quiet():
            busy_at = waited
        if waited - busy_at > _QUIET_S:
            raise RuntimeError(f"nothing runs and {path.name} is not there; failed runs: {page.failed()}")
    raise RuntimeError(f"{path.name} did not come within {_LONGEST_S:.0f} s")


class _Page:
    """The webserver's GraphQL."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        answer = httpx.post(f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=30).json()
        if answer.get("errors"):
            raise RuntimeError(answer["errors"][0]["message"])
        return answer["data"]

    def repository(self) -> dict[str, str]:
        for node in self.ask(_READY)["repositoriesOrError"]["nodes"]:
            if any(job["name"] == "make_ad" for job in node["jobs"]):
                return {"repositoryName": node["name"], "repositoryLocationName": node["location"]["name"]}
        raise RuntimeError("the code location is not loaded")

    def wait_until_ready(self) -> None:
        for _ in _moments():
            try:
                health = self.ask(_READY)["instance"]["daemonHealth"]["allDaemonStatuses"]
                self.repository()
            except (httpx.HTTPError, RuntimeError, KeyError):
                continue
            alive = {status["daemonType"] for status in health if status["healthy"]}
            if {"SENSOR", "QUEUED_RUN_COORDINATOR"} <= alive:
                return
        raise RuntimeError("the UI did not come up")

    def is_quiet(self) -> bool:
        return not self.ask(_BUSY)["runsOrError"]["results"]

    def failed(self) -> list[str]:
        return [run["jobName"] for run in self.ask(_FAILED)["runsOrError"]["results"]]

    def wait_until_quiet(self) -> None:
        for _ in _moments():
            if self.is_quiet():
                return
        raise RuntimeError("runs did not end")


def _moments() -> Iterator[float]:
    """Seconds waited so far, four looks a second."""
    began = time.monotonic()
    while (waited := time.monotonic() - began) < _LONGEST_S:
        yield waited
        time.sleep(0.25)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
