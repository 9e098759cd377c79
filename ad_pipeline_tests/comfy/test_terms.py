"""What a graph's licences forbid is not taken by a back door: not to enlarge a picture, not when memory runs out."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ad_pipeline.engines.comfy.graph_folders import built_in_graphs
from ad_pipeline.engines.comfy.place import Place
from ad_pipeline.engines.comfy.workshop import Want, Workshop
from ad_pipeline.engines.contracts import Job
from ad_pipeline.errors import EngineRefused
from ad_pipeline_tests.comfy.jobs import new_id
from ad_pipeline_tests.comfy.rack_parts import database_in, listed, racked
from ad_pipeline_tests.comfy.server import ComfyServer
from ad_pipeline_tests.comfy.stocked import nodes_file, stocked

_STAGE = "key_image"


@pytest.fixture
def server() -> Iterator[ComfyServer]:
    with stocked() as running:
        yield running


def _put(folder: Path, name: str, source: str, change: Callable[[str], str]) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_bytes((built_in_graphs() / f"{source}.json").read_bytes())
    text = (built_in_graphs() / f"{source}.toml").read_text(encoding="utf-8")
    (folder / f"{name}.toml").write_text(change(text), encoding="utf-8")


@contextmanager
def _shop(tmp_path: Path, server: ComfyServer) -> Generator[Workshop, None, None]:
    """No trial jobs: they would run out of memory in a test's place."""
    place = Place(
        nodes=nodes_file(tmp_path / "nodes.toml", {"gpu0": server}), graphs=(tmp_path / "graphs",),
        database_url=database_in(tmp_path),
    )  # fmt: skip
    with racked(listed(server), tmp_path) as rack:
        yield Workshop(place, rack=rack)


def _forbidden(text: str) -> str:
    return text.replace('paid_ads = "yes"', 'paid_ads = "no"')


@pytest.mark.parametrize(("change", "can"), [(str, True), (_forbidden, False)], ids=["allowed", "forbidden"])
def test_an_upscaler_whose_licence_forbids_paid_ads_enlarges_nothing(
    tmp_path: Path, server: ComfyServer, change: Callable[[str], str], can: bool
) -> None:
    _put(tmp_path / "graphs", "upscale", "upscale", change)

    with _shop(tmp_path, server) as shop:
        assert shop.can("upscale", stage=_STAGE) is can


@pytest.mark.parametrize(
    ("larger", "smaller", "runs"),
    [(str, str, True), (str, _forbidden, False), (_forbidden, _forbidden, True)],
    ids=["both allowed", "the smaller one forbidden", "both forbidden"],
)
def test_when_memory_runs_out_no_graph_is_taken_that_forbids_what_the_larger_one_allows(
    tmp_path: Path, server: ComfyServer, larger: Callable[[str], str], smaller: Callable[[str], str], runs: bool
) -> None:
    _put(tmp_path / "graphs", "large", "z_image_turbo", lambda text: f'smaller = "small"\n{larger(text)}')
    _put(tmp_path / "graphs", "small", "z_image_turbo", smaller)
    server.behaviour.out_of_memory = 2  # as it is, and once more on the emptied card
    want = Want(
        stage=_STAGE, part="picture", graph="large", fill=lambda _: {"prompt": "tea", "seed": 1},
        drafts={"picture": tmp_path / "draft.png"},
    )  # fmt: skip

    with _shop(tmp_path, server) as shop:
        if runs:
            assert shop.run(Job(job_id=new_id()), want).graph.name == "small"
        else:
            with pytest.raises(EngineRefused, match="no card has memory enough for the graph large"):
                shop.run(Job(job_id=new_id()), want)
