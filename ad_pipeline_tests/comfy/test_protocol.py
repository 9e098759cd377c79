"""The protocol's values are held to what a real server answered."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest

from ad_pipeline.engines.comfy.events import (
    AtNode,
    Board,
    Cached,
    Event,
    JobProgress,
    Left,
    Preview,
    Steps,
    after,
    event,
    weights_of,
)
from ad_pipeline.engines.comfy.outputs import OutputFile, output_files
from ad_pipeline.engines.comfy.protocol import (
    Accepted,
    CancelledThere,
    Failed,
    Finished,
    Pending,
    Refusal,
    Running,
    Unknown,
    history_state,
    job_state,
    last_extra,
    node_stats,
    prompt_answer,
    queue,
)
from ad_pipeline.errors import EngineRefused
from ad_pipeline_tests.comfy.captured import body, captured, status

_SUCCEEDED = "016bec39-a09d-43a0-bb87-2922ef2258ea"
_FAILED = "be6f2750-7289-4915-8d02-42ad7886b01f"
_INTERRUPTED = "c297552b-6401-4025-a05d-e2b68dd79252"
_WAITING = "946a41d2-4c0d-4e4e-a6a9-923b75bd1bf3"


def _prompt_answer(name: str) -> Accepted | Refusal | None:
    return prompt_answer(status(name), body(name))


# --- POST /prompt -------------------------------------------------------------------------------


def test_a_valid_graph_is_accepted_with_its_id_and_number() -> None:
    assert _prompt_answer("prompt_success") == Accepted(job_id=_SUCCEEDED, number=0)
    assert isinstance(_prompt_answer("prompt_unknown_extra_input"), Accepted)


def test_a_partly_valid_graph_is_refused_and_names_the_job_that_runs_anyway() -> None:
    answer = _prompt_answer("prompt_partially_valid")

    assert isinstance(answer, Refusal)
    assert answer.queued_job_id == "7e0b6a72-a636-4711-9e07-574f77c98181"
    assert str(answer) == "node 4 (SaveImage), input filename_prefix: Required input is missing: filename_prefix"


def test_an_invalid_graph_names_every_node_input_and_reason() -> None:
    answer = _prompt_answer("prompt_validation_error")

    assert isinstance(answer, Refusal)
    assert [(fault.node_id, fault.input_name, fault.kind) for fault in answer.faults] == [
        ("1", "width", "value_smaller_than_min"),
        ("2", "upscale_method", "value_not_in_list"),
        ("2", "crop", "required_input_missing"),
    ]
    assert "input width: Value 0 smaller than min of 1" in str(answer)


@pytest.mark.parametrize(
    ("name", "kind", "told"),
    [
        ("prompt_unknown_class", "missing_node_type", "'NoSuchNode' not found"),
        ("prompt_missing_class_type", "missing_node_type", "has no class_type"),
        ("prompt_no_outputs", "prompt_no_outputs", "no outputs"),
        ("prompt_no_prompt", "no_prompt", "No prompt provided"),
        ("prompt_cycle", "prompt_outputs_failed_validation", "Dependency cycle detected"),
        ("prompt_dangling_link", "prompt_outputs_failed_validation", "'99'"),
        ("prompt_bad_slot", "prompt_outputs_failed_validation", "tuple index out of range"),
    ],
)
def test_a_refusal_says_its_kind_and_why(name: str, kind: str, told: str) -> None:
    answer = _prompt_answer(name)

    assert isinstance(answer, Refusal)
    assert (answer.kind, answer.queued_job_id) == (kind, "")
    assert told in str(answer)


def test_a_job_id_that_is_no_uuid_is_refused() -> None:
    for bad in captured("prompt_id_bad"):
        answer = prompt_answer(bad["status"], bad["body"])
        assert isinstance(answer, Refusal)
        assert answer.kind == "invalid_prompt_id"


def test_a_fault_of_the_server_is_no_answer() -> None:
    twice = captured("prompt_same_number_same_id")

    assert _prompt_answer("prompt_not_json") is None
    assert prompt_answer(twice[1]["status"], twice[1]["body"]) is None
    assert prompt_answer(200, "<html>a login page</html>") is None
    assert prompt_answer(404, None) is None


def test_a_long_list_of_allowed_values_is_cut() -> None:
    answer = body("prompt_validation_error")
    answer["node_errors"]["2"]["errors"][0]["details"] = "model not in " + "x" * 5000

    refusal = prompt_answer(400, answer)

    assert isinstance(refusal, Refusal)
    assert max(len(fault.reason) for fault in refusal.faults) == 300


# --- states -------------------------------------------------------------------------------------


def _job_state(name: str) -> Any:
    return job_state(status(name), body(name))


def test_each_state_of_a_job_is_told_apart() -> None:
    assert _job_state("jobs_one_pending") == Pending()
    assert _job_state("jobs_one_running") == Running()
    assert _job_state("jobs_one_interrupted") == CancelledThere()
    assert _job_state("jobs_get_unknown") == Unknown()
    assert _job_state("jobs_one_deleted") == Unknown()


def test_a_server_without_the_jobs_route_is_not_taken_for_one_that_lost_the_job() -> None:
    assert job_state(404, "404: Not Found") is None
    assert job_state(502, "Bad Gateway") is None
    assert job_state(200, {"status": "something new"}) is None


def test_a_finished_job_tells_its_files_and_times() -> None:
    state = _job_state("jobs_one_success")

    file = OutputFile(node_id="3", filename="probe_00001_.png", subfolder="", place="output", media="image")
    assert state == Finished(outputs=(file,), waited_s=0.002, run_s=0.059)
    assert state == history_state(body("history_success"), _SUCCEEDED)


def test_a_cached_job_names_the_nodes_that_did_not_run() -> None:
    state = history_state(body("history_cached"), "a36d9b37-9bde-4dc9-a323-3a5caf9b0fdc")

    assert isinstance(state, Finished)
    assert state.cached == {"1", "2", "3"}


def test_a_failed_job_names_node_and_reason() -> None:
    state = _job_state("jobs_one_error")

    assert state == Failed(
        node_id="2",
        class_type="TestSyncError",
        fault="graph",
        message="RuntimeError: Intentional sync execution error for testing",
    )
    assert history_state(body("history_error"), _FAILED) == state


def test_an_interrupted_job_is_cancelled_though_its_history_says_error() -> None:
    assert history_state(body("history_interrupted"), _INTERRUPTED) == CancelledThere()


def test_history_knows_ended_jobs_only() -> None:
    for name in ("history_running", "history_unknown", "history_deleted_pending"):
        assert history_state(body(name), _INTERRUPTED) == Unknown()


@pytest.mark.parametrize(
    ("kind", "message", "fault"),
    [
        ("torch.OutOfMemoryError", "Allocation on device 0 would exceed allowed memory.", "out_of_memory"),
        ("torch.cuda.OutOfMemoryError", "CUDA out of memory. Tried to allocate 2.00 GiB.", "out_of_memory"),
        ("RuntimeError", "MPS backend out of memory", "out_of_memory"),
        ("comfy_api_nodes.util.common_exceptions.LocalNetworkError", "Unable to connect to the API server", "service"),
        ("comfy_api_nodes.util.common_exceptions.ApiServerError", "The API server is unreachable", "service"),
        ("Exception", "Rate Limit Exceeded: The server returned 429 after all retry attempts.", "service"),
        ("Exception", "Payment Required: Please add credits to your account to use this node.", "graph"),
        ("RuntimeError", "[enforce fail] DefaultCPUAllocator: can't allocate memory", "out_of_memory"),
        ("RuntimeError", "CUDA error: an illegal memory access was encountered", "device"),
        ("ValueError", "mat1 and mat2 shapes cannot be multiplied", "graph"),
    ],
)
def test_out_of_memory_and_a_broken_card_are_told_from_a_wrong_graph(kind: str, message: str, fault: str) -> None:
    answer = body("jobs_one_error")
    answer["execution_error"] |= {"exception_type": kind, "exception_message": message}

    state = job_state(200, answer)

    assert isinstance(state, Failed)
    assert state.fault == fault


def test_the_queue_tells_who_runs_and_who_waits() -> None:
    busy = queue(body("queue_busy"))

    assert busy is not None
    assert busy.state(_INTERRUPTED) == Running()
    assert busy.state(_WAITING) == Pending(ahead=1)
    assert busy.state(_SUCCEEDED) == Unknown()
    assert busy.running[0].extra["client_id"] == "20851c54e0ed4c228d5a1c9e7e940731"
    assert queue(body("get_queue")) is not None
    assert queue("<html>") is None


def test_the_pending_list_is_put_in_order_of_priority() -> None:
    heap = captured("prompt_front_number")["pending"]

    waiting = queue({"queue_running": [], "queue_pending": heap})

    assert waiting is not None
    assert [job.number for job in waiting.pending] == [-100, -28, 27]


def test_the_last_ended_jobs_own_notes_are_found_in_history() -> None:
    history = body("get_history")
    last = history["aad29808-f74c-4b67-bb9c-63b9fc134498"]
    last["prompt"][3]["ad_pipeline"] = {"graph": "z_image_turbo"}

    assert last_extra(history)["ad_pipeline"] == {"graph": "z_image_turbo"}
    assert last_extra({}) == {}


# --- outputs ------------------------------------------------------------------------------------


def test_pictures_films_and_sound_are_found_under_every_key() -> None:
    core = output_files(captured("modelfree_outputs")["codec_key"]["raw_outputs"])
    vhs = output_files(captured("vhs_outputs")["vhs_outputs"])
    wan = output_files(captured("sampler_progress")["outputs"])

    assert [(file.node_id, file.media) for file in core] == [("8", "audio"), ("7", "image"), ("6", "video")]
    assert core[2].subfolder == "jobs/codec_key"
    assert [(file.filename, file.media) for file in vhs] == [("x_00003-audio.mp4", "video")]
    assert [file.media for file in wan] == ["video"]


@pytest.mark.parametrize(
    ("filename", "subfolder", "place"),
    [
        ("../main.py", "", "output"),
        ("..", "", "output"),
        ("/etc/passwd", "", "output"),
        ("a/b.png", "", "output"),
        ("..\\..\\b.png", "", "output"),
        ("C:\\b.png", "", "output"),
        ("b.png", "../..", "output"),
        ("b.png", "jobs/../../x", "output"),
        ("b.png", "/etc", "output"),
        ("b.png", "C:/x", "output"),
        ("b\n.png", "", "output"),
        ("b.png", "", "models"),
        ("b.png", 7, "output"),
    ],
)
def test_a_name_that_leads_out_is_refused(filename: str, subfolder: Any, place: str) -> None:
    entry = {"filename": filename, "subfolder": subfolder, "type": place}

    with pytest.raises(EngineRefused, match="leads out"):
        output_files({"3": {"images": [entry]}})


def test_outputs_that_are_no_files_are_passed_over() -> None:
    text = {"5": {"text": ["hello"], "images": [{"filename": ""}, None], "animated": [True]}, "6": None}

    assert output_files(text) == ()


def test_numbers_that_are_none_count_as_zero() -> None:
    stats = node_stats(json.loads('{"system": {"comfyui_version": "1", "ram_total": Infinity, "ram_free": NaN}}'))

    assert stats is not None
    assert (stats.ram_total_bytes, stats.ram_free_bytes) == (0, 0)


def test_a_server_cannot_write_on_a_persons_terminal() -> None:
    state = job_state(
        200,
        {
            "status": "failed",
            "execution_error": {"exception_type": "E", "exception_message": "\x1b]0;owned\x07 \u202eno"},
        },
    )

    assert isinstance(state, Failed)
    assert state.message == "E: ?]0;owned? ?no"


# --- events -------------------------------------------------------------------------------------


def _events(messages: list[Any]) -> list[Event]:
    read = (event(json.dumps(message)) for message in messages)
    return [seen for seen in read if seen]


def _followed(job_id: str, events: list[Event], graph: dict[str, Any]) -> list[JobProgress]:
    seen = [JobProgress(job_id=job_id, weights=weights_of(graph))]
    for one in events:
        seen.append(after(seen[-1], one))
    return seen


_THREE_NODES: dict[str, Any] = {"1": {"inputs": {}}, "2": {"inputs": {}}, "3": {"inputs": {}}}


def test_a_stream_that_succeeds_goes_from_nothing_to_all_and_never_back() -> None:
    seen = _followed(_SUCCEEDED, _events(captured("ws_success_stream")), _THREE_NODES)

    fractions = [progress.fraction for progress in seen]
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert fractions == sorted(fractions)
    assert seen[-1].settled


def test_a_job_is_settled_only_by_the_message_after_which_its_history_can_be_read() -> None:
    events = _events(captured("ws_success_stream"))

    assert events[-2:] == [Left(job_id=_SUCCEEDED, is_settled=False), Left(job_id=_SUCCEEDED, is_settled=True)]


def test_cached_nodes_count_as_done() -> None:
    job_id = "a36d9b37-9bde-4dc9-a323-3a5caf9b0fdc"

    seen = _followed(job_id, _events(captured("ws_cached_stream")), _THREE_NODES)

    assert seen[2].fraction == 1.0
    assert seen[-1].settled


@pytest.mark.parametrize(("name", "job_id"), [("ws_error_stream", _FAILED), ("ws_interrupt_stream", _INTERRUPTED)])
def test_a_stream_that_ends_badly_says_only_that_it_left(name: str, job_id: str) -> None:
    stream = captured(name)

    seen = _followed(job_id, _events(stream["messages"] if isinstance(stream, dict) else stream), _THREE_NODES)

    assert seen[-1].left
    assert seen[-1].settled
    assert seen[-1].fraction < 1.0


def test_a_sampler_tells_its_steps() -> None:
    first, second = _events(captured("sampler_progress")["progress_msgs"])
    job_id = first.job_id

    half = after(JobProgress(job_id=job_id, weights={"11": 1.0}), first)
    whole = after(half, second)

    assert first == Steps(job_id=job_id, node_id="11", done=1, of=2)
    assert (half.node_id, half.step, half.steps, half.fraction) == ("11", 1, 2, 0.5)
    assert whole.fraction == 1.0


def test_a_doubled_message_changes_nothing() -> None:
    events = _events(captured("ws_success_stream"))
    once = _followed(_SUCCEEDED, events, _THREE_NODES)[-1]

    assert _followed(_SUCCEEDED, [one for one in events for _ in range(2)], _THREE_NODES)[-1] == once
    assert after(once, events[-1]) == once


def test_another_jobs_messages_change_nothing() -> None:
    mine = JobProgress(job_id=_WAITING)

    assert _followed(_WAITING, _events(captured("ws_success_stream")), {})[-1] == mine


def test_the_node_told_after_a_reconnect_is_taken_for_ours() -> None:
    messages = captured("ws_reconnect_and_races")["A_drop_abort_then_reconnect_first_msgs"]

    events = _events(messages)

    assert events[0] == AtNode(job_id="", node_id="2")
    seen = _followed("08002f40-e37e-456c-9f27-60aa98fdae5e", events, {})
    assert (seen[1].node_id, seen[-1].step, seen[-1].steps) == ("2", 1, 4)
    assert seen[-1].fraction == pytest.approx(0.333, abs=0.001)


def test_previews_are_read_with_and_without_their_jobs_id() -> None:
    facts = json.dumps(captured("sampler_progress")["meta_json"]).encode()
    jpeg = b"\xff\xd8\xff\xe0picture"

    bare = event(struct.pack(">II", 1, 1) + jpeg)
    named = event(struct.pack(">II", 4, len(facts)) + facts + jpeg)

    assert bare == Preview(job_id="", media_type="image/jpeg", image=jpeg)
    assert named == Preview(job_id="a6b429ff-b7e0-4a5d-8668-c551813dfdce", media_type="image/jpeg", image=jpeg)
    for frame in captured("sampler_progress")["binary"]:
        assert struct.unpack_from(">II", bytes.fromhex(frame["head"])) == (frame["event"], frame["u32_2"])


@pytest.mark.parametrize(
    "message",
    [
        "", "{", "[]", "7", '{"type": "executing"}', '{"type": "progress", "data": {"value": "x", "max": null}}',
        '{"type": "progress_state", "data": {"nodes": [1]}}', '{"type": "new", "data": {}}', b"", b"\0\0\0\1",
        '{"type": "execution_cached", "data": {"nodes": 5}}', "[" * 100_000, b"\0\0\0\4\0\1\x86\xa0" + b"[" * 100_000,
        '{"type": "progress", "data": {"value": NaN, "max": 1}}',
        '{"type": "progress", "data": {"value": 1, "max": 1e999}}',
        b"\0\0\0\4\0\0\0\xff{}", b"\0\0\0\4\0\0\0\2{]", b"\0\0\0\x09\0\0\0\1x",
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_passed_over(message: str | bytes) -> None:
    assert event(message) in (None, Board(job_id="", nodes={}), Cached(job_id="", nodes=frozenset()))


def test_the_status_that_every_client_gets_tells_nothing_of_a_job() -> None:
    assert _events(captured("ws_reconnect_and_races")["G_late_ws"]) == []
