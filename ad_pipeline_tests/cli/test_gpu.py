"""`gpu` and `gpu up` as people run them."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ad_pipeline_tests.cli.commands import Ended, Place, until
from ad_pipeline_tests.comfy.local_parts import comfy_folder, lives, torch_that_sees
from ad_pipeline_tests.comfy.server import ComfyServer


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "root").mkdir()
    return Place(tmp_path / "root")


def _listed(place: Place, text: str) -> None:
    (place.root / "nodes.toml").write_text(text, encoding="utf-8")


def test_without_nodes_it_says_how_to_add_one(place: Place) -> None:
    ended = place.run("gpu")

    assert ended.code == 0
    assert "ad-pipeline gpu up" in ended.out
    assert str(place.root / "nodes.toml") in ended.out
    assert "[[node]]" in ended.out
    assert place.run("gpu", "--json").json == []


def test_the_table_has_a_line_per_node_and_says_what_is_wrong(place: Place) -> None:
    with ComfyServer() as server:
        _listed(
            place,
            f'[[node]]\nname = "here"\nurl = "{server.url}"\n[[node]]\nname = "gone"\nurl = "http://127.0.0.1:9"\n',
        )
        ended = place.run("gpu")
        told = place.run("gpu", "--json").json

    lines = ended.out.splitlines()
    assert ended.code == 0
    assert [line.split()[1:3] for line in lines[1:3]] == [["here", "available"], ["gone", "unavailable"]]
    assert "0/0" in lines[1]
    assert any(line.startswith("- node gone: http://127.0.0.1:9 cannot be reached") for line in lines)
    assert [(one["name"], one["state"], one["version"]) for one in told] == [
        ("here", "available", "0.33.0"),
        ("gone", "unavailable", ""),
    ]
    assert server.submitted() == 0  # looking costs no one their loaded models


def test_a_broken_list_is_bad_input(place: Place) -> None:
    _listed(place, '[[node]]\nname = "a"\nurl = "http://127.0.0.1:1"\nstages = ["keyimage"]\n')

    ended = place.run("gpu")

    assert ended.code == 2
    assert "field 'node[0].stages[0]': got 'keyimage'" in ended.err


# --- doctor -------------------------------------------------------------------------------------


def _said_of_nodes(ended: Ended) -> dict[str, tuple[bool, str]]:
    findings = ended.json["findings"]
    return {f["name"]: (f["good"], f["said"]) for f in findings if f["name"].startswith(("node", "gpu", "graph "))}


def test_doctor_tells_of_each_node_what_it_can_run_and_makes_a_film_there(place: Place) -> None:
    with ComfyServer() as server:
        _listed(place, f'[[node]]\nname = "here"\nurl = "{server.url}"\n')
        ended = place.run("doctor", "--gpu", "--json")

    said = _said_of_nodes(ended)
    good, text = said["node here"]
    assert (ended.code, good) == (0, True)
    assert text.startswith("ComfyUI 0.33.0, cpu;") and "model_free" in text
    assert said["node here film"][0]
    assert said["node here film"][1].startswith("320x180, 24 frames")
    lacking = {name: text for name, (_, text) in said.items() if name.startswith("graph ")}
    assert lacking.pop("graph face_mesh").count("which is in comfyui_controlnet_aux (https://") == 1
    assert all("is not there; get it from https://" in text for text in lacking.values())


@pytest.mark.slow
def test_doctor_waits_for_no_node_that_hangs(place: Place) -> None:
    with ComfyServer() as server:
        server.faults.answer_delay_s = 60.0
        _listed(
            place,
            f'[[node]]\nname = "hangs"\nurl = "{server.url}"\n[[node]]\nname = "gone"\nurl = "http://127.0.0.1:9"\n',
        )
        ended = place.run("doctor", "--json")

    said = _said_of_nodes(ended)
    assert ended.code == 0  # drafts need no GPU
    assert said["node hangs"] == (False, "node hangs has not answered yet")
    assert "cannot be reached" in said["node gone"][1]


def test_doctor_says_when_there_are_no_nodes_or_their_list_is_broken(place: Place) -> None:
    assert "none listed" in _said_of_nodes(place.run("doctor", "--json"))["gpu nodes"][1]

    _listed(place, "oh dear")
    assert "nodes.toml is no TOML" in _said_of_nodes(place.run("doctor", "--json"))["gpu nodes"][1]


# --- gpu up -------------------------------------------------------------------------------------


@pytest.fixture
def comfy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ComfyUI, on a machine with two devices."""
    devices = [("aa", "Card A", 24 * 2**30), ("bb", "Card B", 48 * 2**30)]
    monkeypatch.setenv("PYTHONPATH", str(torch_that_sees(tmp_path / "torch", devices)))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return comfy_folder(tmp_path / "ComfyUI")


@pytest.fixture
def up(place: Place, comfy: Path) -> Iterator[subprocess.Popen[str]]:
    """A running `gpu up` with both nodes listed, beside one that a person wrote."""
    _listed(place, '[[node]]\nname = "gpu0"\nurl = "http://127.0.0.1:9"\n')
    port = 20000 + os.getpid() * 10 % 20000  # workers of one test run are neighbours
    running = place.start("gpu", "up", "--comfy", str(comfy), "--port", str(port), "--comfy-args=--lowvram")
    try:
        until(lambda: (place.root / "nodes.toml").read_text().count("[[node]]") == 3, seconds=30)
        yield running
    finally:
        running.kill()
        running.communicate()


def _children(up: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(up.pid).children(recursive=True)


def test_up_lists_its_nodes_and_takes_them_back(place: Place, comfy: Path, up: subprocess.Popen[str]) -> None:
    told = place.run("gpu", "--json").json
    children = _children(up)
    up.send_signal(signal.SIGTERM)
    out, err = up.communicate(timeout=30)

    assert [(one["name"], one["state"]) for one in told] == [
        ("gpu0", "unavailable"),
        ("gpu1", "available"),
        ("gpu2", "available"),
    ]
    assert "gpu1 answers at http://127.0.0.1" in out and "Card A, 24 GB" in out
    assert (up.returncode, err) == (0, "")
    assert (place.root / "nodes.toml").read_text().count("[[node]]") == 1
    assert len(children) == 2
    assert not any(child.is_running() for child in children)
    (began,) = lives(comfy, int(told[1]["url"].rpartition(":")[2]))
    assert (began["CUDA_VISIBLE_DEVICES"], began["arguments"]["lowvram"]) == ("GPU-aa", True)


def test_up_leaves_no_orphan_when_it_is_killed(up: subprocess.Popen[str]) -> None:
    children = _children(up)

    up.kill()
    up.wait()

    assert len(children) == 2
    until(lambda: not any(child.is_running() for child in children), seconds=10)


@pytest.mark.parametrize(
    ("devices", "words"), [(None, "has no torch, which finds the CUDA devices"), ([], "sees no CUDA device here")]
)
def test_up_without_torch_or_device_fails_in_one_sentence(
    place: Place,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    devices: list[tuple[str, str, int]] | None,
    words: str,
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(torch_that_sees(tmp_path / "torch", devices)))

    ended = place.run("gpu", "up")

    assert ended.code == 1
    assert words in ended.err
    assert ended.err.count("\n") == 1
