"""What unfinished work looks like: from the node to an address that anybody can open, and gone with the draft."""

from __future__ import annotations

import dataclasses
import io
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from ad_pipeline.defs.resources import Reporter
from ad_pipeline.engines.comfy.client import ComfyNode
from ad_pipeline.engines.comfy.events import Preview
from ad_pipeline.engines.comfy.glimpsing import Glimpses
from ad_pipeline.engines.comfy.graphs import BoundGraph
from ad_pipeline.engines.comfy.place import Place
from ad_pipeline.engines.comfy.running import run_graph
from ad_pipeline.engines.comfy.workshop import workshop
from ad_pipeline.engines.contracts import Job, Progress
from ad_pipeline.engines.registry import Registry
from ad_pipeline.ledger.ledger import Ledger
from ad_pipeline.sessions.glimpses import shown
from ad_pipeline.sessions.keys import ArtifactKey
from ad_pipeline.sessions.store import SessionStore
from ad_pipeline.stages.key_image import make_key_images
from ad_pipeline.stages.workplace import StepReport, Workplace
from ad_pipeline.studio.links import glimpse_url, preview_url
from ad_pipeline.studio.media_route import media_app
from ad_pipeline_tests.comfy.graphs import three_nodes
from ad_pipeline_tests.comfy.jobs import new_id
from ad_pipeline_tests.comfy.server import ComfyServer
from ad_pipeline_tests.comfy.stocked import nodes_file, stocked
from ad_pipeline_tests.stages.sessions import open_ad
from ad_pipeline_tests.studio.test_media_route import Browser

_KEY = ArtifactKey(kind="key_image", scene_id="scene_001", format="9:16")


def _image(colour: str, *, side_px: int = 16, kind: str = "JPEG") -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (side_px, side_px), colour).save(data, kind)
    return data.getvalue()


def _preview(data: bytes) -> Preview:
    return Preview(job_id="x", media_type="image/jpeg", image=data)


def test_a_node_is_asked_for_previews_and_each_is_passed_on_once(
    server: ComfyServer, node: ComfyNode, tmp_path: Path
) -> None:
    server.behaviour.run_s, server.behaviour.steps = 2.6, 20
    server.behaviour.previews = (_image("red"),)
    heard: list[Progress] = []
    graph = BoundGraph(name="picture", version="1", nodes=three_nodes(), outputs={"3": "picture"})

    run_graph(node, graph, Job(job_id=new_id(), report=heard.append), {"picture": tmp_path / "draft.png"})

    glimpses = [progress.glimpse for progress in heard if progress.glimpse]
    assert 1 <= len(glimpses) <= 3
    assert all((seen.suffix, seen.picture) == (".jpg", _image("red")) for seen in glimpses)
    assert heard[-1].note.startswith("gpu0: ")


def test_the_same_preview_is_news_once_and_a_png_keeps_its_name() -> None:
    glimpses, preview = Glimpses(), _preview(_image("blue", kind="PNG"))

    first, again = glimpses.news(preview), glimpses.news(preview)

    assert first is not None
    assert (first.suffix, first.picture, again) == (".png", preview.image, None)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<script>alert(1)</script>",
        _image("red", kind="GIF"),
        _image("red", side_px=400, kind="PNG")[:-60],
        _image("red", side_px=2100),
        _image("red") + bytes(5 * 1024 * 1024),
    ],
    ids=["nothing", "a page", "another kind", "cut off", "too wide", "too large"],
)
def test_what_is_no_small_picture_is_passed_on_to_nobody(data: bytes) -> None:
    assert Glimpses().news(_preview(data)) is None


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with stocked() as server:
        server.behaviour.run_s, server.behaviour.steps = 1.5, 10
        server.behaviour.previews = (_image("red"), _image("green"))
        nodes = nodes_file(tmp_path / "nodes.toml", {"gpu0": server})
        place = Place(nodes=nodes, graphs=(), database_url=f"sqlite:///{tmp_path / 'jobs.sqlite'}")
        yield place
        workshop(place).close()


@pytest.mark.slow
def test_the_picture_so_far_has_an_address_that_shows_the_take_once_it_is_made(place: Place, tmp_path: Path) -> None:
    root = tmp_path / "root"
    desk = Workplace(store=SessionStore(root), ledger=Ledger(root / "ledger.sqlite"), engines=Registry(comfy=place))
    open_ad(desk, quality="standard")
    browser, url, session = Browser(media_app(desk)), glimpse_url("", "ad", _KEY), desk.session("ad")
    seen: list[bytes] = []

    def look(report: StepReport) -> None:
        if report.glimpsed:
            answer = browser.get(url)
            assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
            seen.append(answer.content)

    assert browser.get(url).status_code == 404
    record = make_key_images(dataclasses.replace(desk, report=look), "ad", "scene_001")[0]

    assert seen
    assert set(seen) <= {_image("red"), _image("green")}
    assert shown(session, _KEY.slug) is None
    assert not list((session.folder / ".drafts").glob("*"))
    after = browser.get(url)
    assert (after.status_code, after.headers["location"]) == (307, preview_url("", "ad", record))


def test_only_an_artifacts_own_picture_is_shown(tmp_path: Path) -> None:
    desk = Workplace(store=SessionStore(tmp_path), ledger=Ledger(tmp_path / "ledger.sqlite"))
    open_ad(desk)
    browser = Browser(media_app(desk))
    drafts = desk.session("ad").folder / ".drafts" / "1-a"
    drafts.mkdir(parents=True)
    (drafts / "draft.png").write_bytes(_image("red"))
    (drafts / "glimpse.scene_001.9x16.key_image.jpg").write_bytes(_image("red"))

    asked = ("*", "draft", "%2e%2e%2fledger.sqlite", "scene_001.9x16.key_imag?", "%00", "x" * 3000)

    assert [browser.get(f"/sessions/ad/now/{slug}").status_code for slug in asked] == [404] * len(asked)
    assert browser.get(glimpse_url("", "ad", _KEY)).content == _image("red")


def test_the_runs_log_has_the_address_once_and_a_line_a_second_at_most(caplog: pytest.LogCaptureFixture) -> None:
    reporter = Reporter(logging.getLogger("a run"), media_url="http://127.0.0.1:3001")
    at_work = StepReport(
        session_id="ad", kind="key_image", scene_id="scene_001", format="9:16", state="working", fraction=0.25,
        note="gpu0: KSampler, step 2 of 8", glimpsed=True,
    )  # fmt: skip
    where = "scene_001 key_image 9:16: 25% (gpu0: KSampler, step 2 of 8)"

    with caplog.at_level(logging.INFO):
        for _ in range(5):
            reporter(at_work)
        reporter(dataclasses.replace(at_work, fraction=0.0, note="gpu0 is gone"))
        reporter(dataclasses.replace(at_work, state="made", note="v1"))

    assert [record.message for record in caplog.records] == [
        f"{where} http://127.0.0.1:3001/sessions/ad/now/scene_001.9x16.key_image",
        "scene_001 key_image 9:16: 0% (gpu0 is gone)",
        "scene_001 key_image 9:16: made (v1)",
    ]
