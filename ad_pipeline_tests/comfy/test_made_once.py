"""Nothing is made or paid twice: what is finished of a work outlives the attempt, the run and the process."""

from __future__ import annotations

import dataclasses
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ad_pipeline.engines.comfy.place import Place
from ad_pipeline.engines.comfy.workshop import workshop
from ad_pipeline.engines.registry import Registry
from ad_pipeline.errors import Cancelled
from ad_pipeline.ledger.ledger import Ledger
from ad_pipeline.sessions.records import TakeRecord
from ad_pipeline.sessions.store import SessionStore
from ad_pipeline.stages.clip_wish import ClipWish, checked_wish
from ad_pipeline.stages.key_image import make_key_images
from ad_pipeline.stages.loose_clip import make_clip
from ad_pipeline.stages.session_facts import facts_of
from ad_pipeline.stages.workplace import RESUME, Workplace
from ad_pipeline.values import Size
from ad_pipeline_tests.comfy.jobs import until
from ad_pipeline_tests.comfy.server import ComfyServer
from ad_pipeline_tests.comfy.stocked import nodes_file, stocked
from ad_pipeline_tests.comfy.test_engines import _a_picture
from ad_pipeline_tests.stages.sessions import open_ad

pytestmark = pytest.mark.slow

_PRICE_USD = 4 * 0.2  # Veo's shortest clip


class House:
    """Nodes, a key for paid services, and what is made on them."""

    def __init__(self, folder: Path, servers: list[ComfyServer]) -> None:
        self.folder, self.servers = folder, servers
        nodes = nodes_file(folder / "nodes.toml", {f"gpu{n}": server for n, server in enumerate(servers)})
        self.place = Place(
            nodes=nodes, graphs=(), database_url=f"sqlite:///{folder / 'jobs.sqlite'}", service_key="comfy-secret"
        )
        self.ledger = Ledger(folder / "root" / "ledger.sqlite")
        self.workplace = Workplace(
            store=SessionStore(folder / "root"), ledger=self.ledger, engines=Registry(comfy=self.place),
            first_pause_s=0.05,
        )  # fmt: skip

    def clip(self, **changes: Any) -> TakeRecord:
        image = _a_picture(self.folder / "p.png", Size(width_px=1080, height_px=1920))
        wish = ClipWish(
            prompt="a bottle", image=image, duration_s=3.0, format="9:16", motion="slow zoom-in", engine="veo/veo-3",
            seed=1,
        )  # fmt: skip
        return make_clip(dataclasses.replace(self.workplace, **changes), checked_wish(wish)).film

    def ran(self, node_class: str) -> int:
        """How many of the jobs that ended well have a node of that class."""
        return sum(node_class in str(graph) for server in self.servers for graph in server.machine.made)

    def settled(self, session_id: str) -> list[float]:
        return [entry.settled_usd for entry in self.ledger.entries(session_id) if entry.state == "settled"]


@pytest.fixture
def houses(tmp_path: Path) -> Iterator[Callable[[int], House]]:
    with ExitStack() as stack:

        def build(nodes: int) -> House:
            house = House(tmp_path, [stack.enter_context(stocked()) for _ in range(nodes)])
            stack.callback(lambda: workshop(house.place).close())
            return house

        yield build


def _is_upscaling(graph: dict[str, Any]) -> bool:
    return "UpscaleModelLoader" in str(graph)


def test_a_download_that_breaks_buys_nothing_again(houses: Callable[[int], House]) -> None:
    house = houses(1)
    server = house.servers[0]
    server.faults.view_claims_bytes = 10_000_000

    def mend() -> None:
        until(lambda: "GET /view" in server.requests)
        server.faults.view_claims_bytes = None

    mending = threading.Thread(target=mend)
    mending.start()
    film = house.clip()
    mending.join()

    assert (film.engine, film.attempts, film.degraded, film.cost_settled_usd) == ("veo", 1, None, _PRICE_USD)
    assert house.ran("Veo3VideoGenerationNode") == 1
    assert house.settled(film.session_id) == [_PRICE_USD]


def test_an_enlarging_that_cannot_be_takes_nothing_away(houses: Callable[[int], House]) -> None:
    house = houses(1)
    house.servers[0].behaviour.never_fits = _is_upscaling

    film = house.clip()

    assert (film.engine, film.degraded, film.cost_settled_usd) == ("veo", None, _PRICE_USD)
    assert film.details["enlarged_by"].startswith("Lanczos, here: ")
    assert "memory" in film.details["enlarged_by"]


def test_who_is_stopped_between_two_parts_goes_on_with_what_the_first_made(houses: Callable[[int], House]) -> None:
    house = houses(2)
    for server in house.servers:
        server.behaviour.run_s = lambda graph: 20.0 if _is_upscaling(graph) else 0.0

    def enlarging() -> bool:
        return any(
            server.machine.running is not None and _is_upscaling(server.machine.running.graph)
            for server in house.servers
        )

    with pytest.raises(Cancelled):
        house.clip(should_stop=enlarging)
    assert house.ran("Veo3VideoGenerationNode") == 1
    for server in house.servers:
        server.behaviour.run_s = 0.0

    film = house.clip()

    assert house.ran("Veo3VideoGenerationNode") == 1
    assert film.details["taken_up"] == ["veo3"]
    assert film.details["enlarged_by"] == "upscale_video"
    assert house.settled(film.session_id) == [_PRICE_USD]
    parts = house.folder / "root" / ".clips" / film.session_id / ".parts"
    assert not list(parts.glob("*"))


def test_what_was_bought_and_then_lost_is_in_the_books(houses: Callable[[int], House]) -> None:
    house = houses(1)
    house.servers[0].behaviour.corrupt_files = True

    film = house.clip()

    assert film.degraded
    assert film.engine == "animatic"
    bought = house.ran("Veo3VideoGenerationNode")
    assert bought >= 1
    assert sum(house.settled(film.session_id)) == pytest.approx(bought * _PRICE_USD)


def test_what_was_bought_and_lost_counts_against_the_budget(houses: Callable[[int], House]) -> None:
    house = houses(1)
    open_ad(house.workplace, "ad", quality="premium", budget_usd=0.25)
    scenes = facts_of(house.workplace, "ad").storyboard.scenes
    end_card = next(scene.id for scene in scenes if scene.purpose == "cta")
    server = house.servers[0]

    def lose_paid_pictures() -> None:
        until(lambda: server.machine.running is not None and "OpenAIGPTImage1" in str(server.machine.running.graph))
        server.behaviour.corrupt_files = True

    server.behaviour.run_s = 0.3
    losing = threading.Thread(target=lose_paid_pictures)
    losing.start()
    (take,) = make_key_images(house.workplace, "ad", end_card, RESUME)
    losing.join()

    assert take.degraded
    assert "budget" in take.degraded.why
    assert house.ran("OpenAIGPTImage1") == 1
    assert house.settled("ad") == [0.2]


def test_a_clip_whose_folder_was_deleted_is_bought_and_booked_anew(houses: Callable[[int], House]) -> None:
    house = houses(1)
    first = house.clip()
    shutil.rmtree(house.folder / "root" / ".clips")
    house.servers[0].machine.history.clear()

    second = house.clip()

    assert (first.job_id != second.job_id, first.session_id == second.session_id) == (True, True)
    assert house.settled(first.session_id) == [_PRICE_USD, _PRICE_USD]


def test_two_ads_of_one_brief_have_accounts_of_their_own(houses: Callable[[int], House]) -> None:
    house = houses(1)
    takes: list[TakeRecord] = []
    for session_id in ("one", "two"):
        open_ad(house.workplace, session_id, quality="standard")
        takes += make_key_images(house.workplace, session_id, "scene_001", RESUME)

    assert takes[0].fingerprint == takes[1].fingerprint
    assert takes[0].job_id != takes[1].job_id
    assert len(house.ledger.entries("one")) == len(house.ledger.entries("two")) == 1
