"""A running `ad-pipeline ui` for tests, and its GraphQL as a person's clicks use it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil
import yaml

BRIEF: Mapping[str, Any] = {
    "brand_id": "laneige",
    "product": "워터 글로우 세럼",
    "concept": "건조한 사무실에서도 물을 머금은 듯 맑은 피부",
    "target_audience": "20대 후반 직장인",
    "goal": "신제품 인지",
    "duration": 6,
    "tone": "professional_warm",
    "channels": ["instagram_reels"],
}

_Found = TypeVar("_Found")

_ENDED = ("SUCCESS", "FAILURE", "CANCELED")
_LAUNCH = """mutation($p: ExecutionParams!) { launchRun(executionParams: $p) { __typename
  ... on LaunchRunSuccess { run { runId } } } }"""
_RUNS = """query($f: RunsFilter) { runsOrError(filter: $f) { ... on Runs {
  results { runId status jobName startTime endTime tags { key value } } } } }"""
_FAULT = """query($id: ID!) { logsForRun(runId: $id) { ... on EventConnection { events {
  ... on ExecutionStepFailureEvent { failureMetadata { description } } } } } }"""
_STALE = """query($k: [AssetKeyInput!], $p: String!) { assetNodes(assetKeys: $k) {
  assetKey { path } staleStatus(partition: $p) } }"""
_ADD = """mutation($s: RepositorySelector!, $k: String!) { addDynamicPartition(
  repositorySelector: $s, partitionsDefName: "ad_sessions", partitionKey: $k) { __typename } }"""
_TERMINATE = "mutation($id: String!) { terminateRun(runId: $id) { __typename } }"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(found: Callable[[], _Found], *, within_s: float, what: str) -> _Found:
    """The first true answer of `found`."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if answer := found():
            return answer
        time.sleep(0.3)
    raise AssertionError(f"{what}: not within {within_s:g} s")


@dataclass(frozen=True, kw_only=True)
class Ui:
    """One running `ui`; `url` is Dagster's, `environment` what the command line needs to work beside it."""

    url: str
    root: Path
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes]

    def ask(self, query: str, **variables: Any) -> Any:
        """The one answer of a GraphQL query."""
        answer = httpx.post(f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=60).json()
        assert not answer.get("errors"), json.dumps(answer["errors"])[:1000]
        return next(iter(answer["data"].values()))

    @property
    def location(self) -> Mapping[str, str]:
        return {"repositoryName": "__repository__", "repositoryLocationName": "ad_pipeline.definitions"}

    def launch(
        self,
        job: str,
        config: Mapping[str, Any],
        *,
        partition: str = "",
        assets: Sequence[str] | None = None,
        checks: Sequence[tuple[str, str]] | None = None,
    ) -> str:
        """Start a run as the Launchpad does; returns its id."""
        selector: dict[str, Any] = {**self.location, "jobName": job}
        if assets is not None:
            selector["assetSelection"] = [{"path": [asset]} for asset in assets]
        if checks is not None:
            selector["assetCheckSelection"] = [{"assetKey": {"path": [asset]}, "name": name} for asset, name in checks]
        tags = {"dagster/partition": partition} if partition else {}
        if "|" in partition:
            session_id, _, scene_id = partition.partition("|")
            tags |= {"dagster/partition/ad_session": session_id, "dagster/partition/scene": scene_id}
        metadata = {"tags": [{"key": key, "value": value} for key, value in tags.items()]}
        params = {"selector": selector, "runConfigData": config, "executionMetadata": metadata}
        answer = self.ask(_LAUNCH, p=params)
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return answer["run"]["runId"]

    def runs(self, **tags: str) -> list[dict[str, Any]]:
        """Runs with these tags (`session`, `parent_run`), the newest first."""
        wanted = [{"key": f"ad_pipeline/{key}", "value": value} for key, value in tags.items()]
        return self.ask(_RUNS, f={"tags": wanted})["results"]

    def ended(self, run_id: str, *, within_s: float = 120) -> str:
        """How the run ended, once it has."""

        def state() -> str:
            run = self.ask(_RUNS, f={"runIds": [run_id]})["results"][0]
            return run["status"] if run["status"] in _ENDED else ""

        return until(state, within_s=within_s, what=f"end of run {run_id}")

    def fault(self, run_id: str) -> str:
        """The sentence that the run's page shows of its failed step."""
        events = self.ask(_FAULT, id=run_id)["events"]
        return next(e["failureMetadata"]["description"] for e in events if e.get("failureMetadata"))

    def cancel(self, run_id: str) -> None:
        assert self.ask(_TERMINATE, id=run_id)["__typename"] == "TerminateRunSuccess"

    def add_session(self, session_id: str) -> None:
        """A new partition key, as the dialog's "Add a partition" makes it."""
        answer = self.ask(_ADD, s=self.location, k=session_id)
        assert answer["__typename"] == "AddDynamicPartitionSuccess"

    def staleness(self, session_id: str, scene_id: str) -> dict[str, str]:
        """Each scene asset's FRESH, STALE or MISSING."""
        keys = [{"path": [name]} for name in ("key_image", "motion_clip", "voice", "lipsync", "sfx")]
        nodes = self.ask(_STALE, k=keys, p=f"{session_id}|{scene_id}")
        return {node["assetKey"]["path"][0]: node["staleStatus"] for node in nodes}

    def takes(self, session_id: str, pattern: str) -> list[str]:
        """Names of the session's files that match."""
        return sorted(path.name for path in (self.root / session_id).glob(pattern))

    def processes(self) -> list[psutil.Process]:
        """Every process below `ui`."""
        return psutil.Process(self.process.pid).children(recursive=True)


@contextmanager
def running_ui(root: Path) -> Iterator[Ui]:
    """`ad-pipeline ui` on free ports, with a DAGSTER_HOME under `root`; no process of it outlives the block."""
    port, media_port = free_port(), free_port()
    environment = {
        **os.environ,
        "AD_PIPELINE_ROOT": str(root),
        "AD_PIPELINE_MEDIA_URL": f"http://127.0.0.1:{media_port}",
        "AD_PIPELINE_LANGUAGE": "en",
        "DAGSTER_HOME": "",
    }
    command = [sys.executable, "-m", "ad_pipeline.cli.main", "ui", "--json"]
    ports = ["--port", str(port), "--media-port", str(media_port)]
    process = subprocess.Popen([*command, *ports], env=environment, stdout=subprocess.PIPE)
    try:
        assert process.stdout
        said = process.stdout.readline()
        assert said, "ui ended before it answered"
        yield Ui(url=json.loads(said)["ui"], root=root, environment=environment, process=process)
    finally:
        children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
        assert process.stdout
        process.stdout.close()
        _, alive = psutil.wait_procs(children, timeout=15)
        for child in alive:
            child.kill()
        assert not alive, f"ui left {alive}"


def make_by_command_line(ui: Ui, session_id: str, folder: Path) -> None:
    """A small finished ad, in the books of `ui`."""
    brief = folder / f"{session_id}.yaml"
    brief.write_text(yaml.safe_dump(dict(BRIEF), allow_unicode=True), encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "ad_pipeline.cli.main", "make", str(brief), "--session", session_id, "--json"],
        env=dict(ui.environment), check=True, timeout=180, stdout=subprocess.DEVNULL,
    )  # fmt: skip
