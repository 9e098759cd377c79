"""Effects by MMAudio: from the clip and from words, long enough whatever the scene's length."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ad_pipeline.engines.comfy.place import Place
from ad_pipeline.engines.comfy.workshop import workshop
from ad_pipeline.engines.contracts import Done, Job
from ad_pipeline.engines.crafts.sound import SfxRequest, SoundEngine
from ad_pipeline.engines.registry import Registry
from ad_pipeline.errors import EngineRefused
from ad_pipeline.media.sound import read_sound
from ad_pipeline_tests.comfy.faces import a_ground, film_of
from ad_pipeline_tests.comfy.jobs import new_id
from ad_pipeline_tests.comfy.server import ComfyServer
from ad_pipeline_tests.comfy.stocked import nodes_file, stocked


@pytest.fixture
def server() -> Iterator[ComfyServer]:
    with stocked() as running:
        yield running


@pytest.fixture
def place(server: ComfyServer, tmp_path: Path) -> Iterator[Place]:
    nodes = nodes_file(tmp_path / "nodes.toml", {"gpu0": server})
    place = Place(nodes=nodes, graphs=(), database_url=f"sqlite:///{tmp_path / 'jobs.sqlite'}")
    yield place
    workshop(place).close()


def _heard(place: Place, model_id: str, target: Path, **request: Any) -> Done:
    engine = Registry(comfy=place).engine(model_id)
    assert isinstance(engine, SoundEngine)
    return engine.render_sfx(SfxRequest(**request), target, Job(job_id=new_id(), work=new_id(), group="ad"))


def _sampling(server: ComfyServer) -> dict[str, Any]:
    nodes = [node for graph in server.machine.made for node in graph.values()]
    return next(dict(node["inputs"]) for node in nodes if node["class_type"] == "MMAudioSampler")


def test_words_make_a_sound_without_a_clip(place: Place, server: ComfyServer, tmp_path: Path) -> None:
    target, words = tmp_path / "sfx.wav", "a drop falls into still water"

    done = _heard(
        place, "comfyui/mmaudio_text", target, clip=tmp_path / "none.mp4", duration_s=3.0, prompt=words, says_sound=True
    )

    assert len(read_sound(target)) == 144_000
    assert (done.details["graph"], done.details["said"]) == ("mmaudio_text", words)
    assert (_sampling(server)["prompt"], "images" in _sampling(server)) == (words, False)
    assert not server.uploads


@pytest.mark.parametrize("model_id", ["comfyui/mmaudio", "comfyui/mmaudio_text"])
def test_a_scene_under_a_second_is_asked_a_second_and_cut(
    place: Place, server: ComfyServer, tmp_path: Path, model_id: str
) -> None:
    target = tmp_path / "sfx.wav"
    clip = film_of(tmp_path / "clip.mp4", [a_ground(64, 64)] * 12)

    done = _heard(place, model_id, target, clip=clip, duration_s=0.5)

    samples = read_sound(target)
    assert len(samples) == 24_000
    assert np.abs(samples[-2400:]).max() > 0.01
    assert _sampling(server)["duration"] == 1.0
    assert done.details["length_s"] == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("model_id", ["comfyui/mmaudio", "comfyui/mmaudio_text"])
def test_a_scene_longer_than_the_model_makes_is_refused_and_not_left_silent(
    place: Place, server: ComfyServer, tmp_path: Path, model_id: str
) -> None:
    with pytest.raises(EngineRefused, match=r"makes at most 30 s of sound, the scene lasts 31 s"):
        _heard(place, model_id, tmp_path / "sfx.wav", clip=tmp_path / "clip.mp4", duration_s=31.0)

    assert not server.machine.made
    assert not list(tmp_path.glob("sfx*"))
