"""The test server is held to the captures: same statuses, same keys, same types, same order of messages."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from ad_pipeline_tests.comfy.captured import body, captured
from ad_pipeline_tests.comfy.graphs import three_nodes, with_second
from ad_pipeline_tests.comfy.server import ComfyServer


@pytest.fixture
def http(server: ComfyServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        yield client


def _shape(value: Any) -> Any:
    """Keys and types; ids as keys and the members of lists count by what they look like."""
    match value:
        case dict():
            return {_key(key): _shape(inner) for key, inner in value.items()}
        case list():
            return [_shape(value[0])] if value else []
        case bool() | None:
            return value if value is None else "bool"
        case int() | float():
            return "number"
        case _:
            return type(value).__name__


def _key(key: str) -> str:
    return "<id>" if len(key) == 36 and key.count("-") == 4 else key


def _same(answer: httpx.Response, name: str) -> None:
    capture = captured(name)
    assert answer.status_code == capture["status"]
    assert _shape(answer.json()) == _shape(capture["body"])
    assert answer.headers["content-type"] == capture["headers"]["content-type"]


def _post(http: httpx.Client, graph: Any, **more: Any) -> httpx.Response:
    return http.post("/prompt", json={"prompt": graph, **more})


def _ended(http: httpx.Client, job_id: str) -> httpx.Response:
    for _ in range(500):
        answer = http.get(f"/api/jobs/{job_id}")
        if answer.status_code == 200 and answer.json()["status"] not in ("pending", "in_progress"):
            return answer
        time.sleep(0.005)
    raise AssertionError("the job never ended")


def _run(http: httpx.Client, graph: Any) -> str:
    job_id = _post(http, graph, client_id="nobody").json()["prompt_id"]
    _ended(http, job_id)
    return job_id


def test_a_graph_is_accepted_as_captured(http: httpx.Client) -> None:
    _same(_post(http, three_nodes()), "prompt_success")
    _same(_post(http, three_nodes(), prompt_id=None), "prompt_id_null")


def test_bad_graphs_are_refused_as_captured(http: httpx.Client) -> None:
    too_small = three_nodes()
    too_small["1"]["inputs"]["width"] = 0
    too_small["2"]["inputs"]["upscale_method"] = "nope"
    del too_small["2"]["inputs"]["crop"]
    no_output = {key: node for key, node in three_nodes().items() if key != "3"}
    no_class = three_nodes()
    del no_class["1"]["class_type"]
    unknown, dangling, bad_slot, ring, partly = (three_nodes() for _ in range(5))
    unknown["1"]["class_type"] = "NoSuchNode"
    dangling["2"]["inputs"]["image"] = ["99", 0]
    bad_slot["2"]["inputs"]["image"] = ["1", 7]
    ring["2"]["inputs"]["image"] = ["3", 0]
    partly["4"] = {"class_type": "SaveImage", "inputs": {"images": ["2", 0]}}

    _same(_post(http, unknown), "prompt_unknown_class")
    _same(_post(http, no_class), "prompt_missing_class_type")
    _same(_post(http, no_output), "prompt_no_outputs")
    _same(_post(http, ring), "prompt_cycle")
    _same(_post(http, partly), "prompt_partially_valid")
    _same(http.post("/prompt", json={}), "prompt_no_prompt")
    for graph, name in ((too_small, "prompt_validation_error"), (dangling, "prompt_dangling_link"),
                        (bad_slot, "prompt_bad_slot")):  # fmt: skip
        answer, capture = _post(http, graph), captured(name)
        assert answer.status_code == capture["status"]
        assert answer.json()["error"] == capture["body"]["error"]
        assert list(answer.json()["node_errors"]) == list(capture["body"]["node_errors"])
        for node, told in capture["body"]["node_errors"].items():
            mine = answer.json()["node_errors"][node]
            assert [(e["type"], e["message"]) for e in mine["errors"]] == [
                (e["type"], e["message"]) for e in told["errors"]
            ]
            assert mine["dependent_outputs"] == told["dependent_outputs"]


def test_no_json_and_a_bad_id_are_answered_as_captured(http: httpx.Client) -> None:
    broken = http.post("/prompt", content=b"{")
    capture = captured("prompt_not_json")
    assert (broken.status_code, broken.text) == (capture["status"], capture["body"])

    for bad in ("x", str(uuid.uuid4()).upper(), uuid.uuid4().hex, ""):
        answer = _post(http, three_nodes(), prompt_id=bad)
        assert (answer.status_code, answer.json()) == (400, captured("prompt_id_bad")[0]["body"])


def test_jobs_of_every_state_look_as_captured(server: ComfyServer, http: httpx.Client) -> None:
    done = _run(http, three_nodes())
    failed = _run(http, with_second("TestSyncError"))
    running = _post(http, with_second("TestSleep", seconds=5.0), client_id="a").json()["prompt_id"]
    waiting = _post(http, with_second("TestSleep", seconds=1.0), client_id="a").json()["prompt_id"]
    while http.get(f"/api/jobs/{running}").json()["status"] != "in_progress":
        time.sleep(0.005)

    _same(http.get(f"/api/jobs/{done}"), "jobs_one_success")
    _same(http.get(f"/history/{done}"), "history_success")
    _same(http.get(f"/api/jobs/{waiting}"), "jobs_one_pending")
    _same(http.get(f"/api/jobs/{running}"), "jobs_one_running")
    _same(http.get(f"/history/{running}"), "history_running")
    _same(http.get("/queue"), "queue_busy")
    _same(http.get(f"/api/jobs/{uuid.uuid4()}"), "jobs_get_unknown")
    error = http.get(f"/api/jobs/{failed}").json()
    assert error.keys() == body("jobs_one_error").keys()
    assert error["execution_error"].keys() == body("jobs_one_error")["execution_error"].keys()
    states = [job["status"] for job in http.get("/api/jobs?limit=4").json()["jobs"]]
    assert states == [job["status"] for job in body("jobs_list_busy")["jobs"]]

    assert http.post("/queue", json={"delete": [waiting]}).text == body("queue_delete")
    _same(http.get(f"/api/jobs/{waiting}"), "jobs_one_deleted")
    _same(http.post(f"/api/jobs/{running}/cancel"), "jobs_cancel_running")
    _same(_ended(http, running), "jobs_one_interrupted")
    _same(http.post(f"/api/jobs/{running}/cancel"), "jobs_cancel_again")
    interrupted = http.get(f"/history/{running}").json()[running]["status"]
    assert _shape(interrupted) == _shape(next(iter(body("history_interrupted").values()))["status"])


def test_the_small_questions_are_answered_as_captured(http: httpx.Client) -> None:
    _same(http.get("/queue"), "get_queue")
    _same(http.get("/system_stats"), "get_system_stats")
    _same(http.get("/features"), "get_features")
    _same(http.get("/prompt"), "prompt_get")
    for path in ("/free", "/interrupt"):
        answer = http.post(path, json={})
        assert (answer.status_code, answer.text) == (200, "")


def test_uploads_and_views_behave_as_captured(http: httpx.Client) -> None:
    def upload(data: bytes, name: str = "up.png", **form: str) -> httpx.Response:
        return http.post("/upload/image", files={"image": (name, data)}, data=form)

    expected = captured("upload_image")
    first = upload(b"one", subfolder="jobs/a")
    assert _shape(first.json()) == _shape(expected["first"]["body"])
    assert upload(b"one", subfolder="jobs/a").json() == first.json()
    assert upload(b"two", subfolder="jobs/a").json()["name"] == "up (1).png"
    assert upload(b"two", subfolder="jobs/a", overwrite="true").json()["name"] == "up.png"
    assert upload(b"x", subfolder="../..").status_code == expected["traversal_subfolder"]["status"]
    assert http.post("/upload/image", data={"type": "input"}).status_code == expected["no_image_field"]["status"]

    views = captured("view_variants")
    for name in ("missing", "nofile", "dotdot", "abs", "subfolder_up", "subfolder_up2", "badtype"):
        assert http.get("/view", params=views[name]["params"]).status_code == views[name]["status"], name
    part = http.get(
        "/view",
        params={"filename": "up.png", "subfolder": "jobs/a", "type": "input"},
        headers={"Range": "bytes=0-1"},
    )
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"tw", "bytes 0-1/3")


def _stream(server: ComfyServer, http: httpx.Client, graph: Any) -> list[Any]:
    with closing(connect(f"ws{server.url[4:]}/ws?clientId=me", legacy=True)) as socket:
        json.loads(socket.recv(timeout=5))  # the greeting, with our sid
        _post(http, graph, client_id="me")
        told: list[Any] = []
        while not told or told[-1]["type"] != "executing" or told[-1]["data"]["node"] is not None:
            told.append(json.loads(socket.recv(timeout=5)))
        return told


def _kinds(stream: list[Any]) -> list[str]:
    """The order of kinds; how often the queue's length is told may differ."""
    return [message["type"] for message in stream if message["type"] != "status"]


def test_the_streams_of_messages_have_the_captured_order_and_shape(server: ComfyServer, http: httpx.Client) -> None:
    fresh = _stream(server, http, three_nodes())
    cached = _stream(server, http, three_nodes())
    failing = with_second("TestSyncError")
    failing["1"]["inputs"]["color"] = 1  # so that nothing of it is cached
    failed = _stream(server, http, failing)

    assert _kinds(fresh) == _kinds(captured("ws_success_stream"))
    assert {m["type"]: _shape(m["data"]) for m in fresh} == {
        m["type"]: _shape(m["data"]) for m in captured("ws_success_stream")
    }
    assert [kind for kind in _kinds(cached) if kind != "progress_state"] == [
        kind for kind in _kinds(captured("ws_cached_stream")) if kind != "progress_state"
    ]
    assert _kinds(failed) == _kinds(captured("ws_error_stream"))


def test_a_cached_job_lists_the_file_that_is_there_already(http: httpx.Client) -> None:
    first, second = (http.get(f"/api/jobs/{_run(http, three_nodes())}").json()["outputs"] for _ in range(2))

    assert first == second
    assert http.get("/view", params=first["3"]["images"][0]).headers["content-type"] == "image/png"


def test_a_killed_server_comes_back_empty(server: ComfyServer, http: httpx.Client) -> None:
    done = _run(http, three_nodes())

    server.die()
    with pytest.raises(httpx.TransportError):
        http.get("/queue")
    server.revive()

    killed = captured("server_killed_midrun")
    assert http.get(f"/api/jobs/{done}").status_code == killed["job_done_before_kill"]
    assert http.get("/queue").json() == killed["queue_after_restart"]
    assert _post(http, three_nodes()).json()["number"] == killed["number_after_restart"]


def test_front_goes_before_all_others(server: ComfyServer, http: httpx.Client) -> None:
    _run(http, three_nodes())  # the first number is 0, which has no other sign
    _post(http, with_second("TestSleep", seconds=0.2))
    later = _post(http, three_nodes(colour=1)).json()["prompt_id"]
    urgent = _post(http, three_nodes(colour=2), front=True).json()

    _ended(http, later)

    assert urgent["number"] < 0
    order = [job_id for job_id, _, _ in server.machine.runs]
    assert order.index(urgent["prompt_id"]) < order.index(later)


def test_the_same_id_runs_twice_as_the_real_server_does(server: ComfyServer, http: httpx.Client) -> None:
    job_id = str(uuid.uuid4())

    for colour in (1, 2):
        assert _post(http, three_nodes(colour=colour), prompt_id=job_id).status_code == 200
    while len(server.machine.runs) < 2:
        time.sleep(0.005)

    assert [job for job, _, _ in server.machine.runs] == [job_id, job_id]
    assert len(http.get("/history").json()) == 1
