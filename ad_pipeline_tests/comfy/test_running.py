"""From a bound graph to checked drafts, and how long a machine takes to load its models."""

from __future__ import annotations

import wave
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ad_pipeline.engines.comfy.client import ComfyNode
from ad_pipeline.engines.comfy.events import JobProgress, described, titles_of
from ad_pipeline.engines.comfy.graphs import BoundGraph, load_graph
from ad_pipeline.engines.comfy.running import run_graph, seen_in
from ad_pipeline.engines.contracts import Job, Progress
from ad_pipeline.errors import Cancelled, EngineUnavailable, MediaError
from ad_pipeline_tests.comfy.graphs import three_nodes
from ad_pipeline_tests.comfy.jobs import finished, new_id
from ad_pipeline_tests.comfy.products import film, picture, sound, subject
from ad_pipeline_tests.comfy.server import ComfyServer

_SHIPPED = Path(__file__).parents[2] / "comfy_graphs"


def _picture(prefix: str = "jobs/a/picture") -> BoundGraph:
    return BoundGraph(name="picture", version="1", nodes=three_nodes(prefix), outputs={"3": "picture"})


def test_a_bound_graph_becomes_a_checked_draft(node: ComfyNode, tmp_path: Path) -> None:
    heard: list[Progress] = []

    fetched = run_graph(
        node, _picture(), Job(job_id=new_id(), report=heard.append), {"picture": tmp_path / "draft.png"}
    )

    assert not fetched.taken_up
    assert (fetched.seen["picture"].width_px, fetched.seen["picture"].frames) == (128, 1)
    assert (tmp_path / "draft.png").read_bytes() == picture(128, 128, subject=subject(_picture().nodes))


def test_each_job_gets_the_picture_of_its_own_graph_though_both_have_one_name(node: ComfyNode, tmp_path: Path) -> None:
    graphs = [three_nodes("jobs/same", colour=colour) for colour in (1, 2)]

    for number, nodes in enumerate(graphs):
        bound = BoundGraph(name="picture", version="1", nodes=nodes, outputs={"3": "picture"})
        run_graph(node, bound, Job(job_id=new_id()), {"picture": tmp_path / f"{number}.png"})

    made = [(tmp_path / f"{number}.png").read_bytes() for number in (0, 1)]
    assert made == [picture(128, 128, subject=subject(nodes)) for nodes in graphs]
    assert made[0] != made[1]


def test_after_a_crash_the_same_job_is_fetched_and_not_run_again(
    server: ComfyServer, node: ComfyNode, tmp_path: Path
) -> None:
    job = Job(job_id=new_id())
    node.submit(job.job_id, _picture().nodes)  # and the process died here

    fetched = run_graph(node, _picture(), job, {"picture": tmp_path / "draft.png"})

    assert fetched.taken_up
    assert server.submitted() == 1


def test_the_model_free_graph_leaves_a_film_of_the_frames_it_was_asked_for(node: ComfyNode, tmp_path: Path) -> None:
    Image.new("RGB", (64, 36), "teal").save(tmp_path / "a.png")
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(2000))
    names = {"image": node.upload(tmp_path / "a.png"), "audio": node.upload(tmp_path / "a.wav")}
    bound = load_graph(_SHIPPED, "model_free").bound({**names, "frames": 12}, prefix="jobs/one")

    fetched = run_graph(node, bound, Job(job_id=new_id()), {"film": tmp_path / "film.mp4"})

    seen = fetched.seen["film"]
    assert (seen.width_px, seen.height_px, seen.frames) == (320, 180, 12)


def test_a_broken_file_is_made_again_by_the_next_try(server: ComfyServer, node: ComfyNode, tmp_path: Path) -> None:
    server.behaviour.corrupt_files = True
    job, drafts = Job(job_id=new_id()), {"picture": tmp_path / "draft.png"}

    with pytest.raises(EngineUnavailable, match=r"gpu0 made a broken file \(picture_00001_.png\): draft.png does not"):
        run_graph(node, _picture(), job, drafts)

    assert not drafts["picture"].exists()
    server.behaviour.corrupt_files = False
    assert run_graph(node, _picture(), job, drafts).seen["picture"].width_px == 128


def test_an_output_without_a_file_is_a_passing_fault(node: ComfyNode, tmp_path: Path) -> None:
    graph = BoundGraph(name="picture", version="1", nodes=three_nodes(), outputs={"3": "picture", "2": "mask"})

    with pytest.raises(EngineUnavailable, match="left no file for the output 'mask'"):
        run_graph(node, graph, Job(job_id=new_id()), {"picture": tmp_path / "a.png", "mask": tmp_path / "b.png"})

    assert list(tmp_path.iterdir()) == []


def test_a_stopped_run_leaves_nothing_here_or_there(server: ComfyServer, node: ComfyNode, tmp_path: Path) -> None:
    server.behaviour.run_s = 30.0
    job = Job(job_id=new_id(), should_stop=lambda: bool(server.machine.running))

    with pytest.raises(Cancelled):
        run_graph(node, _picture(), job, {"picture": tmp_path / "draft.png"})

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("data", "media"),
    [(picture(64, 64), "image"), (film(64, 64, 24, 24.0), "video"), (sound(1.0), "audio")],
    ids=["picture", "film", "sound"],
)
def test_a_file_that_is_cut_off_is_found_out(tmp_path: Path, data: bytes, media: Any) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    whole.write_bytes(data)
    cut.write_bytes(data[: len(data) // 2])

    seen = seen_in(whole, media)

    assert seen.frames or seen.sound_s == pytest.approx(1.0)
    with pytest.raises(MediaError, match="cut does not decode"):
        seen_in(cut, media)


@pytest.mark.parametrize("name", ["film.mp4", "film.m3u8"])
def test_a_playlist_under_a_films_name_is_no_film(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.ts").write_bytes(film(64, 64, 2, 24.0))
    text = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.ts\n#EXT-X-ENDLIST\n"
    (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "list.mp4").write_text(f"ffconcat version 1.0\nfile '{name}'\n", encoding="utf-8")

    for file in (name, "list.mp4"):
        with pytest.raises(MediaError, match="does not decode"):
            seen_in(tmp_path / file, "video")


def test_a_drawing_program_under_a_pictures_name_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")

    with pytest.raises(MediaError, match="a.png does not decode"):
        seen_in(tmp_path / "a.png", "image")


def test_a_long_film_is_left_when_the_work_is_stopped(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(film(64, 64, 24, 24.0))

    with pytest.raises(Cancelled):
        seen_in(tmp_path / "a.mp4", "video", should_stop=lambda: True)


def test_progress_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AD_PIPELINE_LANGUAGE", "en")
    titles = titles_of(
        {"6": {"class_type": "KSampler", "_meta": {"title": "Sampler"}}, "7": {"class_type": "VAEDecode"}}
    )

    at_work = JobProgress(job_id="x", node_id="6", step=3, steps=8, eta_s=12.4)

    assert described(JobProgress(job_id="x", ahead=2), titles) == "waiting, 2 before it"
    assert described(at_work, titles) == "Sampler, step 3 of 8, 12 s left"
    assert described(replace(at_work, eta_s=290.0), titles) == "Sampler, step 3 of 8, 5 min left"
    assert described(JobProgress(job_id="x", node_id="7"), titles) == "VAEDecode"
    assert described(JobProgress(job_id="x"), titles) == ""


def _with_model(name: str, prefix: str) -> dict[str, Any]:
    """A graph that loads a model, and whose picture nobody made before."""
    graph = three_nodes(prefix, colour=sum(prefix.encode()))
    graph["9"] = {"class_type": "VAELoader", "inputs": {"vae_name": name}}
    return graph


def test_the_server_takes_its_time_to_load_other_models(server: ComfyServer, node: ComfyNode) -> None:
    names = server.classes["VAELoader"]["input"]["required"]["vae_name"][0]

    for name, prefix in ((names[0], "a"), (names[0], "b"), (names[1], "c"), (names[0], "d")):
        finished(node, _with_model(name, prefix))

    assert server.machine.model_loads == 3
