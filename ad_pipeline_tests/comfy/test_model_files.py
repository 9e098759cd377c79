"""Model files come whole or not at all, go on where they broke, and hold to the checksum that was seen first."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from ad_pipeline.engines.comfy.graph_folders import built_in_graphs
from ad_pipeline.engines.comfy.graphs import load_graph, load_graphs
from ad_pipeline.engines.comfy.model_files import LOCK_NAME, Shelf, Wanted, wanted_files
from ad_pipeline.engines.comfy.recipe import ModelFile
from ad_pipeline.errors import EngineRefused, EngineUnavailable

_BYTES = bytes(range(256)) * 40
_SHA256 = hashlib.sha256(_BYTES).hexdigest()


@dataclass(kw_only=True)
class _Publisher:
    """A web server with one file; `cuts` are how many bytes it gives before it hangs up, request by request."""

    url: str = ""
    body: bytes = _BYTES
    status: int = 200
    ranges: bool = True
    cuts: list[int] = field(default_factory=list[int])
    asked: list[str] = field(default_factory=list[str])

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        wanted = handler.headers.get("Range", "")
        self.asked.append(wanted)
        start = int(re.findall(r"\d+", wanted)[0]) if wanted and self.ranges else 0
        if self.status != 200 or start >= len(self.body):
            handler.send_response(self.status if self.status != 200 else 416)
            handler.send_header("Content-Range", f"bytes */{len(self.body)}")
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        handler.send_response(206 if start else 200)
        handler.send_header("Content-Length", str(len(self.body) - start))
        handler.end_headers()
        cut = self.cuts.pop(0) if self.cuts else len(self.body)
        handler.wfile.write(self.body[start:][:cut])
        handler.close_connection = True


@pytest.fixture
def publisher() -> Iterator[_Publisher]:
    shop = _Publisher()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shop.answer(self)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing on the screen."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        shop.url = f"http://127.0.0.1:{server.server_port}/vae.safetensors"
        yield shop
        server.shutdown()
        thread.join()


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=5, trust_env=False) as client:
        yield client


def _wanted(shop: _Publisher, **more: Any) -> Wanted:
    facts: dict[str, Any] = {"file": "vae.safetensors", "folder": "vae", "url": shop.url, "size_bytes": 0, **more}
    model = ModelFile(page="https://example.org/vae", licence="MIT", paid_ads="yes", **facts)
    return Wanted(model=model, graphs=("mine",))


def _files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_file_comes_whole_and_its_checksum_is_written_down(
    publisher: _Publisher, http: httpx.Client, tmp_path: Path
) -> None:
    told: list[tuple[int, int]] = []

    got = Shelf(tmp_path, pause_s=0.01).fetch(
        _wanted(publisher), http, seen=lambda count, total: told.append((count, total))
    )

    assert got.path.read_bytes() == _BYTES
    assert (got.sha256, got.was, got.is_first) == (_SHA256, "fetched", True)
    assert told[-1] == (len(_BYTES), len(_BYTES))
    assert _files(tmp_path) == [LOCK_NAME, "vae/vae.safetensors"]
    lock = json.loads((tmp_path / LOCK_NAME).read_text(encoding="utf-8"))
    assert lock["vae/vae.safetensors"] == {"sha256": _SHA256, "size_bytes": len(_BYTES), "url": publisher.url}


def test_what_is_there_is_not_fetched_again(publisher: _Publisher, http: httpx.Client, tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, pause_s=0.01)
    shelf.fetch(_wanted(publisher), http)

    got = shelf.fetch(_wanted(publisher), http)

    assert (got.was, got.is_first, len(publisher.asked)) == ("there", False, 1)


def test_a_file_put_there_by_hand_is_taken_up(publisher: _Publisher, http: httpx.Client, tmp_path: Path) -> None:
    (tmp_path / "vae").mkdir()
    (tmp_path / "vae" / "vae.safetensors").write_bytes(_BYTES)

    got = Shelf(tmp_path, pause_s=0.01).fetch(_wanted(publisher), http)

    assert (got.was, got.sha256, got.is_first, publisher.asked) == ("there", _SHA256, True, [])


def test_a_connection_that_breaks_is_taken_up_where_it_broke(
    publisher: _Publisher, http: httpx.Client, tmp_path: Path
) -> None:
    publisher.cuts = [1000, 3000]

    got = Shelf(tmp_path, pause_s=0.01).fetch(_wanted(publisher), http)

    assert got.path.read_bytes() == _BYTES
    assert publisher.asked == ["", "bytes=1000-", "bytes=4000-"]


def test_a_part_of_an_earlier_run_is_gone_on_with(publisher: _Publisher, http: httpx.Client, tmp_path: Path) -> None:
    (tmp_path / "vae").mkdir()
    (tmp_path / "vae" / "vae.safetensors.part").write_bytes(_BYTES[:5000])

    got = Shelf(tmp_path, pause_s=0.01).fetch(_wanted(publisher), http)

    assert (got.sha256, publisher.asked) == (_SHA256, ["bytes=5000-"])
    assert _files(tmp_path) == [LOCK_NAME, "vae/vae.safetensors"]


def test_a_part_that_is_all_needs_no_more(publisher: _Publisher, http: httpx.Client, tmp_path: Path) -> None:
    (tmp_path / "vae").mkdir()
    (tmp_path / "vae" / "vae.safetensors.part").write_bytes(_BYTES)

    assert Shelf(tmp_path, pause_s=0.01).fetch(_wanted(publisher), http).sha256 == _SHA256


def test_a_server_without_ranges_begins_again(publisher: _Publisher, http: httpx.Client, tmp_path: Path) -> None:
    publisher.ranges, publisher.cuts = False, [1000]

    got = Shelf(tmp_path, pause_s=0.01).fetch(_wanted(publisher), http)

    assert got.path.read_bytes() == _BYTES


def test_a_file_that_never_comes_whole_leaves_only_its_part(
    publisher: _Publisher, http: httpx.Client, tmp_path: Path
) -> None:
    publisher.cuts = [100] * 5

    with pytest.raises(EngineUnavailable, match="vae.safetensors could not be fetched.*what came of it is kept"):
        Shelf(tmp_path, pause_s=0.01).fetch(_wanted(publisher), http)

    assert _files(tmp_path) == ["vae/vae.safetensors.part"]


def test_another_file_of_the_same_name_is_refused(publisher: _Publisher, http: httpx.Client, tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, pause_s=0.01)
    shelf.fetch(_wanted(publisher), http).path.unlink()
    publisher.body = _BYTES[::-1]

    with pytest.raises(EngineRefused, match="checksum .* expected"):
        shelf.fetch(_wanted(publisher), http)

    assert _files(tmp_path) == [LOCK_NAME]


def test_a_checksum_of_the_recipe_holds_from_the_first_time(
    publisher: _Publisher, http: httpx.Client, tmp_path: Path
) -> None:
    assert not Shelf(tmp_path / "a").fetch(_wanted(publisher, sha256=_SHA256), http).is_first

    with pytest.raises(EngineRefused, match="checksum"):
        Shelf(tmp_path / "b").fetch(_wanted(publisher, sha256="0" * 64), http)


def test_a_file_that_was_changed_on_disk_is_found(publisher: _Publisher, http: httpx.Client, tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, pause_s=0.01)
    path = shelf.fetch(_wanted(publisher), http).path
    path.write_bytes(_BYTES[:-1])

    with pytest.raises(EngineRefused, match="changed or damaged"):
        shelf.fetch(_wanted(publisher), http)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_page_that_wants_an_account_is_said_so(
    publisher: _Publisher, http: httpx.Client, tmp_path: Path, status: int
) -> None:
    publisher.status = status

    with pytest.raises(EngineRefused, match=f"answers {status}; look at https://example.org/vae.*HF_TOKEN"):
        Shelf(tmp_path, pause_s=0.01).fetch(_wanted(publisher), http)

    assert len(publisher.asked) == 1


def test_a_file_of_a_node_pack_goes_to_its_folder_or_is_left_to_a_person(
    publisher: _Publisher, http: httpx.Client, tmp_path: Path
) -> None:
    wanted = _wanted(publisher, folder="custom_nodes/Pack/checkpoints")
    nodes = tmp_path / "ComfyUI" / "custom_nodes"

    with pytest.raises(EngineRefused, match="by hand from https://example.org/vae to custom_nodes/Pack/checkpoints"):
        Shelf(tmp_path / "models").fetch(wanted, http)
    Shelf(tmp_path / "models", custom_nodes=nodes).fetch(wanted, http)

    assert (nodes / "Pack" / "checkpoints" / "vae.safetensors").read_bytes() == _BYTES


def test_files_that_graphs_share_are_wanted_once() -> None:
    graphs = [load_graph(built_in_graphs(), name) for name in ("wan21_i2v_480p", "wan21_i2v_720p")]

    wanted = {one.name: one.graphs for one in wanted_files(graphs)}

    assert wanted["vae/wan_2.1_vae.safetensors"] == ("wan21_i2v_480p", "wan21_i2v_720p")
    assert wanted["diffusion_models/wan2.1_i2v_720p_14B_fp16.safetensors"] == ("wan21_i2v_720p",)
    assert not any("film_net" in name for name in wanted)
    assert any("film_net" in one.name for one in wanted_files(graphs, choices=True))


def test_one_name_is_one_file_in_all_graphs() -> None:
    seen: dict[str, ModelFile] = {}
    for graph in load_graphs([built_in_graphs()]).values():
        for model in graph.recipe.models:
            assert seen.setdefault(f"{model.folder}/{model.file}", model) == model


def test_the_script_lists_what_a_graph_needs() -> None:
    script = Path(__file__).parents[2] / "deploy" / "fetch_models.py"

    listed = subprocess.run(
        [sys.executable, script, "list", "z_image_turbo"], capture_output=True, text=True, check=True, timeout=60
    ).stdout

    assert "models/vae/ae.safetensors" in listed and "https://huggingface.co/Comfy-Org/z_image_turbo" in listed
    assert listed.splitlines()[-1] == "3 files, 20.69 GB"
