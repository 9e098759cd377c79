"""The plan of a session in the list that all processes share, with real engines on a stocked server."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ad_pipeline.engines.comfy.place import Place
from ad_pipeline.engines.comfy.workshop import workshop
from ad_pipeline.engines.contracts import Job
from ad_pipeline.engines.crafts.image import ImageEngine
from ad_pipeline.engines.crafts.motion import MotionEngine, MotionRequest
from ad_pipeline.engines.registry import Registry
from ad_pipeline.ledger.ledger import Ledger
from ad_pipeline.sessions.store import SessionStore
from ad_pipeline.stages.coming import ScenesAnnounced
from ad_pipeline.stages.key_image import make_key_images
from ad_pipeline.stages.workplace import RESUME, Workplace
from ad_pipeline.values import Size
from ad_pipeline_tests.comfy.jobs import new_id, until
from ad_pipeline_tests.comfy.server import ComfyServer
from ad_pipeline_tests.comfy.stocked import nodes_file, stocked
from ad_pipeline_tests.comfy.test_engines import SMALL, _a_picture, _image_request
from ad_pipeline_tests.stages.sessions import open_ad

pytestmark = pytest.mark.slow

PORTRAIT = Size(width_px=1080, height_px=1920)


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


def _planned(folder: Path) -> dict[str, str]:
    """job id -> stage of what is announced, as any process reads it."""
    with contextlib.closing(sqlite3.connect(folder / "jobs.sqlite")) as database:
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'rack_jobs'").fetchone():
            return {}
        return dict(database.execute("SELECT job_id, stage FROM rack_jobs WHERE state = 'planned'").fetchall())


def _ran(server: ComfyServer) -> set[str]:
    """The ids of our jobs on the node; its trial jobs are of the rack's own."""
    jobs = server.machine.history
    return {job_id for job_id, job in jobs.items() if job.extra.get("ad_pipeline", {}).get("graph")}


def test_a_picture_and_its_enlarging_are_announced_as_they_are_asked_for(
    place: Place, server: ComfyServer, tmp_path: Path
) -> None:
    engine = Registry(comfy=place).engine("comfyui/z_image_turbo")
    assert isinstance(engine, ImageEngine)
    request, job = dataclasses.replace(_image_request(tmp_path), size=PORTRAIT), Job(job_id=new_id(), group="ad")

    with engine.announce_image(request, job):
        until(lambda: len(_planned(tmp_path)) == 2)
        planned = _planned(tmp_path)
        engine.render_image(request, tmp_path / "p.png", tmp_path / "layers", job)
        assert not _planned(tmp_path)

    assert set(planned) == _ran(server)


@pytest.mark.parametrize(
    ("model_id", "frames", "size"),
    [
        ("comfyui/wan2.1_i2v_14b", 130, SMALL),
        ("comfyui/svd", 60, Size(width_px=640, height_px=1136)),
        ("comfyui/animatediff", 61, SMALL),
    ],
)
def test_the_pieces_of_a_clip_are_announced_as_they_are_asked_for(
    place: Place, server: ComfyServer, tmp_path: Path, model_id: str, frames: int, size: Size
) -> None:
    engine = Registry(comfy=place).engine(model_id)
    assert isinstance(engine, MotionEngine)
    request = MotionRequest(
        image=_a_picture(tmp_path / "key.png"), size=size, frames=frames, motion_style="slow zoom-in", seed=3
    )
    job = Job(job_id=new_id(), group="ad")

    with engine.announce_motion(request, job):
        until(lambda: bool(_planned(tmp_path)))
        planned = _planned(tmp_path)
        engine.render_motion(request, tmp_path / "clip.mp4", job)

    assert set(planned) == _ran(server)


def _workplace(root: Path, place: Place, **more: Any) -> Workplace:
    return Workplace(
        store=SessionStore(root), ledger=Ledger(root / "ledger.sqlite"), engines=Registry(comfy=place), **more
    )


def test_while_the_first_format_is_made_the_others_are_planned_and_afterwards_nothing_is(
    place: Place, server: ComfyServer, tmp_path: Path
) -> None:
    seen: list[int] = []
    workplace = _workplace(tmp_path / "root", place, report=lambda _: seen.append(len(_planned(tmp_path))))
    open_ad(workplace, quality="standard", formats=["9:16", "1:1"])
    server.behaviour.run_s = 0.3

    records = make_key_images(workplace, "ad", "scene_001")

    assert [record.degraded for record in records] == [None, None]
    assert max(seen) >= 2, "both parts of the second picture"
    until(lambda: not _planned(tmp_path))


def test_whoever_knows_all_scenes_announces_the_first_work_of_each_and_that_more_will_follow(
    place: Place, tmp_path: Path
) -> None:
    workplace = _workplace(tmp_path / "root", place)
    open_ad(workplace, quality="standard", scene_count=3, duration=9)
    make_key_images(workplace, "ad", "scene_002")

    announced = ScenesAnnounced(lambda: workplace, "ad", ["scene_001", "scene_002", "scene_003"], lambda *_: RESUME)
    try:
        until(lambda: len(_planned(tmp_path)) >= 8)
        at_first = _planned(tmp_path)
        announced.scene_ended("scene_001")
        until(lambda: len(_planned(tmp_path)) < len(at_first))
        left = _planned(tmp_path)
        record = make_key_images(workplace, "ad", "scene_003")[0]
        afterwards = _planned(tmp_path)
    finally:
        announced.close()

    # Two scenes' pictures with their enlarging and the clip that will follow; of the third its clip's two parts.
    assert sorted(at_first.values()) == ["key_image"] * 4 + ["motion_clip"] * 4
    assert sorted(left.values()) == ["key_image"] * 2 + ["motion_clip"] * 3
    assert record.degraded is None
    assert sorted(afterwards.values()) == ["motion_clip"] * 3
    until(lambda: not _planned(tmp_path))


def test_a_node_that_does_not_answer_keeps_no_driver_waiting(server: ComfyServer, place: Place, tmp_path: Path) -> None:
    workplace = _workplace(tmp_path / "root", place)
    open_ad(workplace, quality="standard")
    server.die()
    began_s = time.monotonic()

    announced = ScenesAnnounced(lambda: workplace, "ad", ["scene_001"], lambda *_: RESUME)
    announced.close()

    assert time.monotonic() - began_s < 3.0


def test_a_node_that_hangs_holds_up_neither_the_plan_nor_the_picture(server: ComfyServer, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        nodes = nodes_file(tmp_path / "nodes.toml", {"gpu0": server})
        hung = f'[[node]]\nname = "hung"\nurl = "http://127.0.0.1:{silent.getsockname()[1]}"\n'
        nodes.write_text(f"{nodes.read_text()}\n{hung}")
        place = Place(nodes=nodes, graphs=(), database_url=f"sqlite:///{tmp_path / 'jobs.sqlite'}")
        workplace = _workplace(tmp_path / "root", place)
        open_ad(workplace, quality="standard")
        began_s = time.monotonic()

        (record,) = make_key_images(workplace, "ad", "scene_001")
        took_s = time.monotonic() - began_s
        workshop(place).close()

    assert (record.node, record.degraded) == ("gpu0", None)
    assert took_s < 6.0
