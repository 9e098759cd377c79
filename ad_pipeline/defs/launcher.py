"""The launcher that hands work to Dagster's queue: runs show in the UI, the daemon starts them.

It speaks the webserver's GraphQL, so that whoever starts work needs neither the code location
loaded nor to be on the daemon's machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from ad_pipeline.errors import EngineUnavailable, InputRejected
from ad_pipeline.stages.launcher import Launcher, Order, WorkState, WorkStatus
from ad_pipeline.stages.progress import work_status
from ad_pipeline.stages.workplace import Workplace

_TIMEOUT_S = 30.0

_WHERE = """query { repositoriesOrError { ... on RepositoryConnection {
  nodes { name location { name } jobs { name } } } ... on PythonError { message } } }"""
_START = """mutation($p: ExecutionParams!) { launchRun(executionParams: $p) { __typename
  ... on LaunchRunSuccess { run { runId } }
  ... on RunConfigValidationInvalid { errors { message } }
  ... on PythonError { message } } }"""
_STATUS = """query($id: ID!) { runOrError(runId: $id) { __typename
  ... on Run { status tags { key value } startTime
    eventConnection(limit: 1) { cursor } } } }"""
_CANCEL = """mutation($id: String!) { terminateRun(runId: $id) { __typename
  ... on TerminateRunFailure { message } ... on PythonError { message } } }"""
_FAULT = """query($id: ID!) { logsForRun(runId: $id) { ... on EventConnection { events { __typename
  ... on ExecutionStepFailureEvent { failureMetadata { description } error { message } } } } } }"""

_STATES: Mapping[str, WorkState] = {
    "QUEUED": "queued", "NOT_STARTED": "queued", "STARTING": "queued", "STARTED": "processing",
    "CANCELING": "processing", "SUCCESS": "completed", "FAILURE": "failed", "CANCELED": "cancelled",
}  # fmt: skip

_SESSION_TAG = "ad_pipeline/session"


class QueueLauncher(Launcher):
    """Work by the `make_ad` job of a running Dagster webserver at `url`."""

    def __init__(self, url: str, workplace: Workplace) -> None:
        self._url = f"{url.rstrip('/')}/graphql"
        self._workplace = workplace

    def start(self, order: Order) -> str:
        self._workplace.store.existing(order.session_id)
        if order.wishes or order.music:
            raise InputRejected("this launcher makes whole ads; single takes are materialized in the UI or by `rerun`")
        config = {"session": order.session_id, "upgrade": order.upgrade, "urgent": order.urgent}
        params = {
            "selector": {**self._where(), "jobName": "make_ad"},
            "runConfigData": {"ops": {"ad": {"config": config}}},
            "executionMetadata": {"tags": [{"key": _SESSION_TAG, "value": order.session_id}]},
        }
        answer = self._asked(_START, {"p": params})["launchRun"]
        if answer["__typename"] != "LaunchRunSuccess":
            reason = (
                answer.get("message")
                or "; ".join(e["message"] for e in answer.get("errors", []))
                or answer["__typename"]
            )
            raise EngineUnavailable("{engine} did not take the work: {reason}", engine="dagster", reason=reason)
        return answer["run"]["runId"]

    def status(self, work_id: str) -> WorkStatus:
        run = self._run(work_id)
        session_id = next((tag["value"] for tag in run["tags"] if tag["key"] == _SESSION_TAG), "")
        state = _STATES.get(run["status"], "processing")
        fault = self._fault(work_id) if state == "failed" else ""
        return work_status(self._workplace, work_id=work_id, session_id=session_id, state=state, fault=fault)

    def cancel(self, work_id: str) -> bool:
        if _STATES.get(self._run(work_id)["status"]) not in ("queued", "processing"):
            return False
        return self._asked(_CANCEL, {"id": work_id})["terminateRun"]["__typename"] == "TerminateRunSuccess"

    def _run(self, work_id: str) -> dict[str, Any]:
        run = self._asked(_STATUS, {"id": work_id})["runOrError"]
        if run["__typename"] != "Run":
            raise InputRejected("no work {work_id!r}", field="work_id", work_id=work_id)
        return run

    def _fault(self, work_id: str) -> str:
        events = self._asked(_FAULT, {"id": work_id})["logsForRun"].get("events", [])
        for event in events:
            if event["__typename"] == "ExecutionStepFailureEvent":
                told = (event.get("failureMetadata") or {}).get("description")
                return told or (event.get("error") or {}).get("message", "")
        return ""

    def _where(self) -> dict[str, str]:
        """The code location that has our jobs; a workspace may hold others too."""
        for node in self._asked(_WHERE, {})["repositoriesOrError"].get("nodes", []):
            if any(job["name"] == "make_ad" for job in node["jobs"]):
                return {"repositoryName": node["name"], "repositoryLocationName": node["location"]["name"]}
        raise EngineUnavailable("{engine} has not loaded our code location; look at its page", engine="dagster")

    def _asked(self, query: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        try:
            response = httpx.post(self._url, json={"query": query, "variables": dict(variables)}, timeout=_TIMEOUT_S)
            response.raise_for_status()
            answer = response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise EngineUnavailable(
                "{engine} does not answer at {url}: {reason}; start it with: ad-pipeline ui",
                engine="dagster", url=self._url, reason=str(error),
            ) from error  # fmt: skip
        if answer.get("errors"):
            raise EngineUnavailable(
                "{engine} refused: {reason}", engine="dagster", reason=answer["errors"][0]["message"]
            )
        return answer["data"]
