"""The media route: plays what is there, shows nothing else, answers to its own name only."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette

from ad_pipeline.media.sound import write_wav
from ad_pipeline.sessions.keys import ArtifactKey
from ad_pipeline.stages.key_image import make_key_images
from ad_pipeline.stages.session_facts import BRIEF, STORYBOARD
from ad_pipeline.stages.workplace import Workplace
from ad_pipeline.studio.links import file_url, preview_url, session_url
from ad_pipeline.studio.media_route import media_app
from ad_pipeline_tests.media.films import write_film
from ad_pipeline_tests.sessions.writing import facts
from ad_pipeline_tests.stages.sessions import a_workplace, open_ad


class Browser:
    """Asks the application without a port; a crash is an answer of 500, as a server gives it."""

    def __init__(self, app: Starlette) -> None:
        self._app = app

    def request(self, method: str, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:3001") as client:
                return await client.request(method, path, headers=headers)

        return asyncio.run(ask())

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        return self.request("GET", path, headers)


_SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A session with one real key image and tiny films and sounds; its product tries to be a script."""
    outside = tmp_path_factory.mktemp("media")
    place = a_workplace(outside / "root")
    open_ad(place, product=_SCRIPT, language="en", concept="glass lips")
    make_key_images(place, "ad", "scene_001")
    session = place.session("ad")
    for key in (
        ArtifactKey(kind="motion_clip", scene_id="scene_001", format="9:16"),
        ArtifactKey(kind="lipsync", scene_id="scene_001", format="9:16"),
        ArtifactKey(kind="final_mp4", format="9:16"),
        ArtifactKey(kind="voice", scene_id="scene_001"),
        ArtifactKey(kind="sfx", scene_id="scene_001"),
        ArtifactKey(kind="music"),
    ):
        with session.drafting(key) as draft:
            if key.suffix == ".mp4":
                write_film(draft.path, lambda i: 60 + i, frames=12)
            else:
                write_wav(draft.path, np.sin(np.arange(4800) / 20).astype(np.float32)[:, None])
            session.commit(draft, made_by="pipeline", facts=facts())
    (outside / "secret.json").write_text("{}")
    (session.folder / "out.json").symlink_to(outside / "secret.json")
    (session.folder / ".drafts").mkdir(exist_ok=True)
    (session.folder / ".drafts" / "half.json").write_text("{}")
    (session.folder / "tool.py").write_text("")
    return place


@pytest.fixture(scope="module")
def client(workplace: Workplace) -> Browser:
    return Browser(media_app(workplace))


def test_a_part_of_the_final_can_be_asked_for(client: Browser, workplace: Workplace) -> None:
    url = file_url("", "ad", "final.mp4")
    whole = (workplace.session("ad").folder / "final.mp4").read_bytes()

    part = client.get(url, headers={"Range": "bytes=10-19"})
    all_of_it = client.get(url)

    assert (part.status_code, part.content) == (206, whole[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(whole)}"
    assert (all_of_it.status_code, all_of_it.content) == (200, whole)
    assert all_of_it.headers["content-type"] == "video/mp4"
    assert all_of_it.headers["x-content-type-options"] == "nosniff"
    assert client.get(url, headers={"Range": f"bytes={len(whole)}-"}).status_code == 416
    assert client.get(url, headers={"Range": "bytes=nonsense"}).status_code in (200, 400, 416)


@pytest.mark.parametrize(
    "path",
    [
        "../ledger.sqlite",
        "%2e%2e/%2e%2e/secret.json",
        "..%2f..%2fsecret.json",
        "%2e%2e%5csecret.json",
        "%2fetc%2fpasswd",
        "/etc/passwd",
        "out.json",
        ".drafts/half.json",
        "scenes/../.drafts/half.json",
        "records/.lock",
        "tool.py",
        "records",
        "",
        "nowhere.mp4",
        "a%00.json",
        "x" * 4000 + ".json",
        "final.mp4/x.json",
    ],
)
def test_nothing_but_the_sessions_media_is_served(client: Browser, path: str) -> None:
    answer = client.get(f"/sessions/ad/files/{path}")

    assert answer.status_code == 404, answer.text
    assert "root:" not in answer.text


@pytest.mark.parametrize("session_id", ["..", "%2e%2e", "other", "a|b", "%00", "AD", "ad%2f.."])
def test_only_a_known_session_is_served(client: Browser, session_id: str) -> None:
    for rest in ("", "files/manifest.json", "previews/brief.v1.jpg"):
        assert client.get(f"/sessions/{session_id}/{rest}").status_code == 404


def test_only_its_own_name_is_answered_to(client: Browser) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example", "evil.example:3001", ""):
        assert client.get("/sessions/ad/", headers={"Host": host}).status_code == 400, host
    for host in ("127.0.0.1:3001", "localhost:9", "localhost"):
        assert client.get("/sessions/ad/", headers={"Host": host}).status_code == 200, host


def test_nothing_can_be_written(client: Browser) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert client.request(method, "/sessions/ad/files/final.mp4").status_code == 405


def test_a_product_that_is_a_script_is_only_text(client: Browser) -> None:
    page = client.get(session_url("", "ad"))

    assert page.status_code == 200
    assert _SCRIPT not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "final.v1.mp4" in page.text
    board = client.get("/sessions/ad/files/storyboard.json")
    assert board.headers["content-type"].startswith("application/json")
    brief = client.get("/sessions/ad/files/brief.yaml")
    assert brief.headers["content-type"].startswith("text/plain")


def test_every_kind_with_a_picture_shows_one(client: Browser, workplace: Workplace) -> None:
    pictured = [r for r in workplace.session("ad").records() if r.key not in (BRIEF, STORYBOARD)]
    assert {r.stage for r in pictured} == {
        "key_image", "motion_clip", "lipsync", "final_mp4", "voice", "sfx", "music",
    }  # fmt: skip
    for record in pictured:
        answer = client.get(preview_url("", "ad", record))

        assert answer.status_code == 200, (record.key, answer.text)
        assert answer.headers["content-type"].startswith("image/")
        with Image.open(io.BytesIO(answer.content)) as picture:
            assert min(picture.size) >= 32, record.key
            assert np.asarray(picture.convert("L")).std() > 0 or record.stage in ("motion_clip", "lipsync", "final_mp4")
        assert client.get(preview_url("", "ad", record)).content == answer.content


@pytest.mark.parametrize("name", ["brief.v1.jpg", "storyboard.v1.jpg", "nothing.v1.jpg", "..%2fx.jpg", "music.v9.jpg"])
def test_what_has_no_picture_is_not_found(client: Browser, name: str) -> None:
    assert client.get(f"/sessions/ad/previews/{name}").status_code == 404


def test_two_who_ask_for_a_new_preview_at_once_both_get_it(client: Browser, workplace: Workplace) -> None:
    import shutil
    from concurrent.futures import ThreadPoolExecutor

    record = next(r for r in workplace.session("ad").records() if r.stage == "motion_clip")
    for _ in range(3):
        shutil.rmtree(workplace.session("ad").folder / ".previews", ignore_errors=True)
        with ThreadPoolExecutor(4) as people:
            answers = list(people.map(lambda _: client.get(preview_url("", "ad", record)).status_code, range(4)))
        assert answers == [200] * 4


def test_links_are_quoted() -> None:
    assert file_url("http://h", "ad", "scenes/a b?.mp4") == "http://h/sessions/ad/files/scenes/a%20b%3F.mp4"
    assert session_url("http://h", "ad") == "http://h/sessions/ad/"


def test_a_broken_film_is_an_error_not_a_crash(workplace: Workplace, client: Browser) -> None:
    session = workplace.session("ad")
    with session.drafting(ArtifactKey(kind="motion_clip", scene_id="scene_002", format="9:16")) as draft:
        Path(draft.path).write_bytes(b"no film")
        record = session.commit(draft, made_by="pipeline", facts=facts())

    answer = client.get(preview_url("", "ad", record))

    assert answer.status_code in (404, 500)
    assert "Traceback" not in answer.text
    assert answer.text != "Internal Server Error"
