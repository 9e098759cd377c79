"""Lipsync through the test server: a face looked for, the voice in its place, every frame back where it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from ad_pipeline.checks.film import check_clip
from ad_pipeline.checks.lips import check_lips, seen_lips
from ad_pipeline.engines.comfy.lipsync import ComfyLipsync
from ad_pipeline.engines.comfy.part import ModelGraphs
from ad_pipeline.engines.comfy.place import Place
from ad_pipeline.engines.comfy.workshop import Workshop, workshop
from ad_pipeline.engines.contracts import Done, Job
from ad_pipeline.engines.crafts.lipsync import LipsyncRequest
from ad_pipeline.errors import EngineRefused
from ad_pipeline.media.sound import write_wav
from ad_pipeline.values import Size
from ad_pipeline_tests.comfy.captured import FACE_MESH
from ad_pipeline_tests.comfy.faces import Rgb, a_ground, film_of, with_face
from ad_pipeline_tests.comfy.jobs import new_id
from ad_pipeline_tests.comfy.server import ComfyServer
from ad_pipeline_tests.comfy.stocked import nodes_file, stocked

pytestmark = pytest.mark.slow

ROWS, COLUMNS = 320, 180
SIZE = Size(width_px=COLUMNS, height_px=ROWS)
MODEL = ModelGraphs(model_id="comfyui/latentsync-1.6", craft="lipsync", graphs={"": "latentsync"})


@pytest.fixture
def server() -> Iterator[ComfyServer]:
    with stocked(finds_faces=True) as running:
        yield running


@pytest.fixture
def shop(server: ComfyServer, tmp_path: Path) -> Iterator[Workshop]:
    nodes = nodes_file(tmp_path / "nodes.toml", {"gpu0": server})
    place = Place(nodes=nodes, graphs=(), database_url=f"sqlite:///{tmp_path / 'jobs.sqlite'}")
    yield workshop(place)
    workshop(place).close()


def _numbered(frames: int, *, face: bool = True) -> list[Rgb]:
    """Pictures of one ground, each with its number in squares of black and white along the foot."""
    ground = a_ground(ROWS, COLUMNS)
    ground = with_face(ground) if face else ground
    pictures: list[Rgb] = []
    for number in range(frames):
        picture = ground.copy()
        for bit in range(8):
            picture[-20:-4, 8 + bit * 20 : 24 + bit * 20] = 255 if number >> bit & 1 else 0
        pictures.append(picture)
    return pictures


def _numbers(path: Path) -> list[int]:
    with av.open(str(path)) as film:
        return [_number(frame.to_ndarray(format="gray")) for frame in film.decode(video=0)]


def _number(gray: NDArray[Any]) -> int:
    return sum(int(gray[-14:-8, 12 + bit * 20 : 20 + bit * 20].mean() > 128) << bit for bit in range(8))


def _syllables(path: Path, seconds: float, *, seed: int = 4) -> Path:
    """A voice of bursts and pauses of uneven length, so that only one lag fits it."""
    rng, rate = np.random.default_rng(seed), 48_000
    samples = np.zeros(round(seconds * rate), np.float32)
    at = 0.0
    while at < seconds:
        length = float(rng.uniform(0.08, 0.22))
        time = np.arange(round(length * rate)) / rate
        burst = np.sin(2 * np.pi * 180 * time) * np.sin(np.pi * time / length) * rng.uniform(0.2, 0.5)
        part = samples[round(at * rate) :][: len(burst)]
        part += burst[: len(part)].astype(np.float32)
        at += length + float(rng.uniform(0.04, 0.2))
    write_wav(path, samples)
    return path


def _request(folder: Path, frames: int, *, face: bool = True, voice_s: float = 1.6, start_s: float = 0.5) -> Any:
    return LipsyncRequest(
        clip=film_of(folder / "clip.mp4", _numbered(frames, face=face)),
        voice=_syllables(folder / "voice.wav", voice_s), voice_start_s=start_s, frames=frames, seed=1,
    )  # fmt: skip


def _synced(shop: Workshop, request: LipsyncRequest, target: Path) -> Done:
    return ComfyLipsync(shop, MODEL).sync_lips(request, target, Job(job_id=new_id(), work=new_id(), group="ad"))


@pytest.mark.parametrize("frames", [61, 120])
def test_each_frame_shows_the_moment_it_showed_before(shop: Workshop, tmp_path: Path, frames: int) -> None:
    request, target = _request(tmp_path, frames), tmp_path / "lips.mp4"

    _synced(shop, request, target)

    assert _numbers(target) == list(range(frames))


def test_lips_follow_the_voice_within_40_ms_and_leave_the_rest_alone(shop: Workshop, tmp_path: Path) -> None:
    request, target = _request(tmp_path, 96, voice_s=2.5, start_s=0.73), tmp_path / "lips.mp4"

    _synced(shop, request, target)

    seen = seen_lips(target, source=request.clip, voice=request.voice, voice_start_s=request.voice_start_s)
    assert seen.lag_s is not None
    assert abs(seen.lag_s) <= 0.040, seen
    assert seen.likeness > 0.8
    verdicts = check_lips(target, source=request.clip, voice=request.voice, voice_start_s=request.voice_start_s)
    assert [(one.name, one.measured) for one in verdicts if not one.passed] == []
    assert all(one.passed for one in check_clip(target, size=SIZE, frames=96) if one.name != "frozen")
    left, top, right, bottom = seen.box
    assert (left > 40, right < 140, top > 100, bottom < 200) == (True,) * 4, seen.box


def test_a_face_is_looked_for_in_three_pictures_of_the_spoken_stretch(
    shop: Workshop, server: ComfyServer, tmp_path: Path
) -> None:
    done = _synced(shop, _request(tmp_path, 72, voice_s=1.5, start_s=1.0), tmp_path / "lips.mp4")

    assert done.details["face"] == "in 3 of 3 pictures"
    first, _, last = done.details["face_looked_at_s"]
    assert (first, last) == (pytest.approx(1.0, abs=0.08), pytest.approx(2.5, abs=0.2))
    assert done.details["face_share"] > 0.05
    assert [run["graph"] for run in done.details["runs"]] == ["latentsync", "face_mesh"]
    assert len([name for _, _, name in server.uploads if name.endswith(".png")]) == 3
    assert sorted(tmp_path.glob("lips.mp4*")) == [tmp_path / "lips.mp4"]


def test_a_clip_without_a_face_is_refused_before_the_long_job(
    shop: Workshop, server: ComfyServer, tmp_path: Path
) -> None:
    with pytest.raises(EngineRefused, match=r"no face was found .* at 0\.\d\d, .* speaker_on_camera .* node gpu0"):
        _synced(shop, _request(tmp_path, 61, face=False), tmp_path / "lips.mp4")

    assert not [job for job in server.machine.made if "LatentSyncNode" in json.dumps(job)]
    assert sorted(tmp_path.glob("lips.mp4*")) == []


def test_where_no_node_can_look_the_record_says_that_nobody_did(
    shop: Workshop, server: ComfyServer, tmp_path: Path
) -> None:
    server.classes = {name: told for name, told in server.classes.items() if name != FACE_MESH}

    done = _synced(shop, _request(tmp_path, 61), tmp_path / "lips.mp4")

    assert done.details["face"] == "not checked"
    assert "face_mesh" in done.details["face_not_checked"]


def test_silence_is_given_to_no_model(shop: Workshop, server: ComfyServer, tmp_path: Path) -> None:
    request = _request(tmp_path, 48)
    write_wav(request.voice, np.zeros(24_000, np.float32))

    with pytest.raises(EngineRefused, match="nothing for lips to follow"):
        _synced(shop, request, tmp_path / "lips.mp4")

    assert not server.machine.made


@pytest.mark.parametrize("start_s", [0.0, 1.4])
def test_a_voice_longer_than_its_clip_ends_with_it(shop: Workshop, tmp_path: Path, start_s: float) -> None:
    request, target = _request(tmp_path, 48, voice_s=4.0, start_s=start_s), tmp_path / "lips.mp4"

    done = _synced(shop, request, target)

    assert _numbers(target) == list(range(48))
    assert done.details["spoken_s"][1] <= 2.0
