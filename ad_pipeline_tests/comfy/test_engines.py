"""The engines on a stocked server: each model's work to exact files, each fault through the stages' own retries."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ad_pipeline.checks.film import check_clip
from ad_pipeline.engines.comfy.graph_folders import built_in_graphs
from ad_pipeline.engines.comfy.graphs import load_graph
from ad_pipeline.engines.comfy.image import ComfyImage
from ad_pipeline.engines.comfy.part import ModelGraphs
from ad_pipeline.engines.comfy.place import Place
from ad_pipeline.engines.comfy.rack.config import NodesFile
from ad_pipeline.engines.comfy.rack.health import HealthWatch
from ad_pipeline.engines.comfy.rack.rack import Rack
from ad_pipeline.engines.comfy.workshop import Workshop, workshop
from ad_pipeline.engines.contracts import Job, Progress
from ad_pipeline.engines.crafts.image import ImageEngine, ImageRequest, Look
from ad_pipeline.engines.crafts.lipsync import LipsyncEngine, LipsyncRequest
from ad_pipeline.engines.crafts.motion import MotionEngine, MotionRequest
from ad_pipeline.engines.crafts.sound import SfxRequest, SoundEngine
from ad_pipeline.engines.registry import Registry
from ad_pipeline.errors import Cancelled, EngineRefused, EngineUnavailable
from ad_pipeline.ledger.ledger import Ledger
from ad_pipeline.media.encode import MEZZANINE, VideoWriter, planes_from_rgb
from ad_pipeline.media.sound import read_sound, write_wav
from ad_pipeline.sessions.records import LicenceNote, TakeRecord
from ad_pipeline.sessions.store import SessionStore
from ad_pipeline.stages.key_image import make_key_images
from ad_pipeline.stages.kits import kit_of
from ad_pipeline.stages.session_facts import facts_of
from ad_pipeline.stages.workplace import StepReport, Workplace
from ad_pipeline.story.brand_kit import Lora
from ad_pipeline.values import Box, Size
from ad_pipeline_tests.comfy.jobs import new_id, until
from ad_pipeline_tests.comfy.machine import Behaviour
from ad_pipeline_tests.comfy.server import ComfyServer
from ad_pipeline_tests.comfy.stocked import nodes_file, stocked
from ad_pipeline_tests.stages.sessions import open_ad

pytestmark = pytest.mark.slow

SMALL = Size(width_px=270, height_px=480)
MODEL = ModelGraphs(model_id="comfyui/z_image_turbo", craft="image", graphs={"": "z_image_turbo"})
EDIT = ModelGraphs(model_id="comfyui/qwen_image_edit_2511", craft="image", graphs={"": "qwen_edit_2511"})


@pytest.fixture
def server() -> Iterator[ComfyServer]:
    with stocked() as running:
        yield running


@pytest.fixture
def second() -> Iterator[ComfyServer]:
    with stocked() as running:
        yield running


@pytest.fixture
def place(server: ComfyServer, tmp_path: Path) -> Iterator[Place]:
    yield from _place(tmp_path, gpu0=server)


def _place(folder: Path, **servers: ComfyServer) -> Iterator[Place]:
    nodes = nodes_file(folder / "nodes.toml", servers)
    place = Place(nodes=nodes, graphs=(), database_url=f"sqlite:///{folder / 'jobs.sqlite'}")
    yield place
    workshop(place).close()


@contextmanager
def _shop(
    folder: Path, *, rack: Mapping[str, Any] | None = None, stall_s: float = 300.0, **servers: ComfyServer
) -> Generator[Workshop, None, None]:
    """A workshop that sends no trial jobs: what a test breaks hits the job that it is about."""
    nodes = NodesFile(nodes_file(folder / "nodes.toml", servers))
    place = Place(nodes=nodes.path, graphs=(), database_url=f"sqlite:///{folder / 'jobs.sqlite'}")
    health = HealthWatch(nodes, may_probe=False)
    shop = Workshop(
        place, rack=Rack(nodes=nodes, database_url=place.database_url, health=health, **(rack or {})), stall_s=stall_s
    )
    try:
        yield shop
    finally:
        shop.close()
        health.close()


def _job(**more: Any) -> Job:
    return Job(job_id=new_id(), work=new_id(), group="ad", **more)


def _a_picture(path: Path, size: Size = SMALL) -> Path:
    rng = np.random.default_rng(1)
    small = rng.integers(0, 255, (8, 6, 3), np.uint8)
    Image.fromarray(small).resize((size.width_px, size.height_px)).save(path)
    return path


def _a_clip(path: Path, frames: int) -> Path:
    rng = np.random.default_rng(2)
    picture = rng.integers(0, 255, (SMALL.height_px, SMALL.width_px, 3), np.uint8)
    with VideoWriter(path, size=SMALL, settings=MEZZANINE) as film:
        for number in range(frames):
            film.write(planes_from_rgb(np.roll(picture, number * 2, axis=1)))
    return path


def _image_request(folder: Path, **more: Any) -> ImageRequest:
    return ImageRequest(
        prompt="a bottle on wet stone", size=SMALL, seed=7,
        look=Look(kit=kit_of("laneige", folders=()), product="serum", product_image=_a_picture(folder / "product.png")),
        safe_box=Box(left_px=0, top_px=0, right_px=270, bottom_px=480), **more,
    )  # fmt: skip


def _motion_request(folder: Path, frames: int, **more: Any) -> MotionRequest:
    return MotionRequest(
        image=_a_picture(folder / "key.png"), size=SMALL, frames=frames, motion_style="slow zoom-in",
        motion_prompt="she turns", prompt="a woman by a window", seed=3, **more,
    )  # fmt: skip


# --- each model's work --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model_id", "more", "graph"),
    [
        ("comfyui/z_image_turbo", {}, "z_image_turbo"),
        ("comfyui/sdxl_brand", {}, "sdxl_brand"),
        ("comfyui/sdxl_controlnet", {"controlnet_mode": "depth"}, "sdxl_depth"),
        ("comfyui/sdxl_controlnet", {"controlnet_mode": "lineart"}, "sdxl_lineart"),
        ("comfyui/qwen_image_edit_2511", {}, "qwen_edit_2511"),
        ("comfyui/qwen_image_edit_2509_lightning", {}, "qwen_edit_2509_lightning"),
    ],
)
def test_a_picture_has_exactly_the_ads_size(
    place: Place, server: ComfyServer, tmp_path: Path, model_id: str, more: dict[str, Any], graph: str
) -> None:
    engine = Registry(comfy=place).engine(model_id)
    assert isinstance(engine, ImageEngine)
    target = tmp_path / "picture.png"

    done = engine.render_image(_image_request(tmp_path, **more), target, tmp_path / "layers", _job())

    with Image.open(target) as picture:
        assert (picture.size, picture.mode, picture.format) == ((270, 480), "RGB", "PNG")
    assert (done.details["graph"], done.node) == (graph, "gpu0")
    assert done.seed == 7
    assert sorted(tmp_path.glob("picture.png*")) == [target]


def test_a_picture_larger_than_the_model_makes_is_enlarged_by_a_model(
    place: Place, server: ComfyServer, tmp_path: Path
) -> None:
    engine = Registry(comfy=place).engine("comfyui/z_image_turbo")
    assert isinstance(engine, ImageEngine)
    request = dataclasses.replace(_image_request(tmp_path), size=Size(width_px=1080, height_px=1920))

    done = engine.render_image(request, tmp_path / "p.png", tmp_path / "layers", _job())

    assert [run["graph"] for run in done.details["runs"]] == ["z_image_turbo", "upscale"]
    with Image.open(tmp_path / "p.png") as picture:
        assert picture.size == (1080, 1920)
    width, height = map(int, done.details["made_at"].split("x"))
    assert 0.8e6 < width * height < 1.3e6


def test_a_brands_lora_and_its_word_reach_the_picture(place: Place, server: ComfyServer, tmp_path: Path) -> None:
    engine = Registry(comfy=place).engine("comfyui/sdxl_brand")
    assert isinstance(engine, ImageEngine)
    request = _image_request(tmp_path)
    # Any file that lies there: the test server offers each in every list.
    lora = load_graph(built_in_graphs(), "z_image_turbo").recipe.models[0].file
    kit = request.look.kit.model_copy(update={"lora": Lora(file=lora, trigger="dewy look")})
    with_lora = dataclasses.replace(request, look=dataclasses.replace(request.look, kit=kit))

    for asked in (request, with_lora):
        engine.render_image(asked, tmp_path / "p.png", tmp_path / "layers", _job())

    sent = [job.graph.values() for job in server.machine.history.values() if "KSampler" in str(job.graph)]
    words = [[node["inputs"]["text"] for node in nodes if node["class_type"] == "CLIPTextEncode"] for nodes in sent]
    loras = [[node["inputs"] for node in nodes if node["class_type"] == "LoraLoader"] for nodes in sent]
    assert ["dewy look" in " ".join(texts) for texts in words] == [False, True]
    assert [[(one["lora_name"], one["strength_model"]) for one in found] for found in loras] == [[], [(lora, 0.8)]]


@pytest.mark.parametrize(
    ("model_id", "frames", "pieces"),
    [
        ("comfyui/animatediff", 61, 1),
        ("comfyui/wan2.1_i2v_14b", 61, 1),
        ("comfyui/wan2.1_i2v_14b", 150, 2),
        ("comfyui/svd", 100, 2),
    ],
)
def test_a_clip_has_exactly_its_frames_and_goes_on_where_a_model_ends(
    place: Place, tmp_path: Path, model_id: str, frames: int, pieces: int
) -> None:
    engine = Registry(comfy=place).engine(model_id)
    assert isinstance(engine, MotionEngine)
    target = tmp_path / "clip.mp4"

    done = engine.render_motion(_motion_request(tmp_path, frames), target, _job())

    assert all(verdict.passed for verdict in check_clip(target, size=SMALL, frames=frames))
    assert done.details["pieces"] == pieces
    assert sorted(tmp_path.glob("clip.mp4*")) == [target]


def test_a_longer_clip_starts_each_piece_from_the_last_ones_end(
    place: Place, server: ComfyServer, tmp_path: Path
) -> None:
    engine = Registry(comfy=place).engine("comfyui/wan2.1_i2v_14b")
    assert isinstance(engine, MotionEngine)

    engine.render_motion(_motion_request(tmp_path, 150), tmp_path / "clip.mp4", _job())

    firsts = [
        node["inputs"]["image"]
        for job in server.machine.history.values()
        for node in job.graph.values()
        if node["class_type"] == "LoadImage"
    ]
    assert len(set(firsts)) == 2


def test_a_paid_service_is_told_the_key_and_nobody_else_is(server: ComfyServer, tmp_path: Path) -> None:
    nodes = nodes_file(tmp_path / "nodes.toml", {"gpu0": server})
    place = Place(
        nodes=nodes, graphs=(), database_url=f"sqlite:///{tmp_path / 'jobs.sqlite'}", service_key="comfy-secret"
    )
    engine = Registry(comfy=place).engine("veo/veo-3")
    assert isinstance(engine, MotionEngine)

    request = _motion_request(tmp_path, 61)
    done = engine.render_motion(request, tmp_path / "clip.mp4", _job())
    workshop(place).close()

    assert done.cost_usd == engine.estimate_motion(request).cost_usd == pytest.approx(4 * 0.2)
    # Eight seconds at a time: 8, and 6 for the four and their first frame, which is the last one's end.
    assert engine.estimate_motion(_motion_request(tmp_path, 12 * 24)).cost_usd == pytest.approx(14 * 0.2)
    told = {
        "Veo3VideoGenerationNode" in str(job.graph): job.extra.get("api_key_comfy_org")
        for job in server.machine.history.values()
    }
    assert told == {True: "comfy-secret", False: None}
    assert "comfy-secret" not in repr(done)
    assert "comfy-secret" not in repr(place)


def test_a_budget_keeps_a_paid_service_from_being_called(server: ComfyServer, tmp_path: Path) -> None:
    nodes = nodes_file(tmp_path / "nodes.toml", {"gpu0": server})
    place = Place(nodes=nodes, graphs=(), database_url=f"sqlite:///{tmp_path / 'jobs.sqlite'}", service_key="k")
    desk = Desk(tmp_path / "root", Registry(comfy=place), quality="premium", budget_usd=0.25, formats=["9:16", "1:1"])
    scenes = facts_of(desk.workplace, "ad").storyboard.scenes
    end_card = next(scene.id for scene in scenes if scene.purpose == "cta")

    upright, square = make_key_images(desk.workplace, "ad", end_card)
    workshop(place).close()

    assert (upright.model, upright.cost_settled_usd, upright.degraded) == ("gpt-image-2", 0.2, None)
    assert square.degraded
    assert (square.model, square.cost_settled_usd) == ("z_image_turbo", 0.0)
    assert "budget" in square.degraded.why
    assert desk.workplace.ledger.spent("ad").settled_usd == pytest.approx(0.2)
    assert sum("OpenAIGPTImage1" in str(job.graph) for job in server.machine.history.values()) == 1


def test_without_a_key_a_paid_service_is_passed_over(place: Place) -> None:
    with pytest.raises(EngineUnavailable, match="AD_PIPELINE_COMFY_KEY"):
        Registry(comfy=place).engine("veo/veo-3")


def test_lips_come_back_with_the_clips_frames(place: Place, server: ComfyServer, tmp_path: Path) -> None:
    engine = Registry(comfy=place).engine("comfyui/latentsync-1.6")
    assert isinstance(engine, LipsyncEngine)
    clip, voice, target = _a_clip(tmp_path / "clip.mp4", 61), tmp_path / "voice.wav", tmp_path / "lips.mp4"
    write_wav(voice, np.sin(np.arange(48_000) * 0.05).astype(np.float32) * 0.2)

    engine.sync_lips(LipsyncRequest(clip=clip, voice=voice, voice_start_s=0.5, frames=61, seed=1), target, _job())

    assert all(verdict.passed for verdict in check_clip(target, size=SMALL, frames=61))
    sent = next(data for (_, _, name), data in server.uploads.items() if name.endswith(".wav"))
    (tmp_path / "sent.wav").write_bytes(sent)
    heard = read_sound(tmp_path / "sent.wav", channels=1)
    assert len(heard) == pytest.approx(61 / 24 * 48_000, abs=2)
    assert abs(int(np.argmax(np.abs(heard) > 0.01)) / 48_000 - 0.5) < 0.01


def test_a_sound_is_as_long_as_its_scene(place: Place, tmp_path: Path) -> None:
    engine = Registry(comfy=place).engine("comfyui/mmaudio")
    assert isinstance(engine, SoundEngine)
    target = tmp_path / "sfx.wav"

    engine.render_sfx(SfxRequest(clip=_a_clip(tmp_path / "clip.mp4", 49), duration_s=2.0), target, _job())

    assert len(read_sound(target)) == 96_000


def test_a_graph_of_a_persons_own_is_a_model(server: ComfyServer, tmp_path: Path) -> None:
    own = tmp_path / "graphs"
    own.mkdir()
    ours = Path(__file__).parents[2] / "comfy_graphs"
    for suffix in ("json", "toml"):
        (own / f"my_look.{suffix}").write_bytes((ours / f"z_image_turbo.{suffix}").read_bytes())
    nodes = nodes_file(tmp_path / "nodes.toml", {"gpu0": server})
    place = Place(nodes=nodes, graphs=(own,), database_url=f"sqlite:///{tmp_path / 'jobs.sqlite'}")
    engine = Registry(comfy=place).engine("comfyui/my_look")
    assert isinstance(engine, ImageEngine)

    done = engine.render_image(_image_request(tmp_path), tmp_path / "p.png", tmp_path / "layers", _job())
    workshop(place).close()

    assert done.details["graph"] == "my_look"


def test_a_stopped_job_leaves_no_file_and_nothing_on_the_node(server: ComfyServer, tmp_path: Path) -> None:
    server.behaviour.run_s = 30.0
    job = _job(should_stop=lambda: server.machine.running is not None)

    with _shop(tmp_path, gpu0=server) as shop, pytest.raises(Cancelled):
        ComfyImage(shop, MODEL).render_image(_image_request(tmp_path), tmp_path / "p.png", tmp_path / "layers", job)

    assert not list(tmp_path.glob("p.png*"))
    until(lambda: server.machine.running is None)


# --- memory -------------------------------------------------------------------------------------


def test_out_of_memory_once_empties_the_card_and_runs_again(server: ComfyServer, tmp_path: Path) -> None:
    server.behaviour.out_of_memory = 1

    with _shop(tmp_path, gpu0=server) as shop:
        done = ComfyImage(shop, EDIT).render_image(
            _image_request(tmp_path), tmp_path / "p.png", tmp_path / "layers", _job()
        )

    assert done.details["graph"] == "qwen_edit_2511"
    assert done.lesser is None
    assert len(done.details["lessened"]) == 1
    assert "POST /free" in server.requests


def test_out_of_memory_twice_takes_the_smaller_graph_and_says_so(server: ComfyServer, tmp_path: Path) -> None:
    server.behaviour.out_of_memory = 2

    with _shop(tmp_path, gpu0=server) as shop:
        done = ComfyImage(shop, EDIT).render_image(
            _image_request(tmp_path), tmp_path / "p.png", tmp_path / "layers", _job()
        )

    assert done.details["graph"] == "qwen_edit_2511_lightning"
    assert len(done.details["lessened"]) == 2


def test_memory_that_never_suffices_is_a_refusal_and_not_three_attempts(server: ComfyServer, tmp_path: Path) -> None:
    server.behaviour.out_of_memory = 100

    with _shop(tmp_path, gpu0=server) as shop, pytest.raises(EngineRefused, match="memory enough"):
        ComfyImage(shop, EDIT).render_image(_image_request(tmp_path), tmp_path / "p.png", tmp_path / "layers", _job())

    assert server.submitted() == 4


# --- through the stages -------------------------------------------------------------------------


class Desk:
    """A session of standard quality whose key image comes from ComfyUI."""

    def __init__(self, root: Path, registry: Registry, **changes: Any) -> None:
        self.reports: list[StepReport] = []
        self.workplace = Workplace(
            store=SessionStore(root), ledger=Ledger(root / "ledger.sqlite"), engines=registry,
            report=self.reports.append, first_pause_s=0.05,
        )  # fmt: skip
        open_ad(self.workplace, **{"quality": "standard", **changes})

    def key_image(self) -> TakeRecord:
        return make_key_images(self.workplace, "ad", "scene_001")[0]


def test_a_job_that_ends_well_is_recorded_with_its_node_and_graph(
    place: Place, server: ComfyServer, tmp_path: Path
) -> None:
    record = Desk(tmp_path / "root", Registry(comfy=place)).key_image()

    assert (record.engine, record.node, record.degraded) == ("comfyui", "gpu0", None)
    assert record.graph == record.details["graph"]
    assert record.graph_version
    assert record.attempts == 1


@pytest.mark.parametrize(
    "fault", ["errors", "queued, then 500", "queued, then cut", "corrupt", "missing", "out of memory", "socket silent"]
)
def test_a_fault_that_passes_ends_on_the_wanted_engine(
    place: Place, server: ComfyServer, tmp_path: Path, fault: str
) -> None:
    desk = Desk(tmp_path / "root", Registry(comfy=place))
    desk.workplace.engines.engine("comfyui/z_image_turbo")
    timer = threading.Timer(0.6, lambda: _mend(server))
    match fault:
        case "errors":
            server.faults.errors_500 = 3
        case "queued, then 500":
            server.faults.queue_then_500 = 1
        case "queued, then cut":
            server.faults.queue_then_cut = 1
        case "corrupt":
            server.behaviour.corrupt_files = True
        case "missing":
            server.behaviour.missing_files = True
        case "out of memory":
            server.behaviour.out_of_memory = 1
        case _:
            server.faults.socket = "silent"
    timer.start()

    record = desk.key_image()
    timer.join()

    assert record.engine == "comfyui", desk.reports
    assert record.degraded is None


def test_what_a_smaller_model_made_for_want_of_memory_is_degraded_and_under_its_own_terms(
    place: Place, server: ComfyServer, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    _a_picture(root / "pack.png")
    desk = Desk(root, Registry(comfy=place), product_image="pack.png")
    assert desk.key_image().degraded is None  # the node has shown by now that it works
    scenes = facts_of(desk.workplace, "ad").storyboard.scenes
    with_product = next(scene.id for scene in scenes if "product_3d" in scene.brand_elements)
    server.behaviour.out_of_memory = 2

    record = make_key_images(desk.workplace, "ad", with_product)[0]

    assert record.degraded
    wanted, used = "comfyui/qwen_image_edit_2511", "comfyui/qwen_edit_2511_lightning"
    assert (record.degraded.wanted, record.degraded.used) == (wanted, used)
    assert "memory" in record.degraded.why
    assert (record.engine, record.model) == ("comfyui", "qwen_edit_2511_lightning")
    lightning = load_graph(built_in_graphs(), "qwen_edit_2511_lightning").recipe
    assert record.licence == LicenceNote(name=lightning.licences, paid_ads=lightning.paid_ads)


def _mend(server: ComfyServer) -> None:
    server.behaviour.corrupt_files = server.behaviour.missing_files = False


def test_a_node_that_dies_in_the_job_gives_it_to_another(
    server: ComfyServer, second: ComfyServer, tmp_path: Path
) -> None:
    server.behaviour.run_s = second.behaviour.run_s = 1.0
    with _shop(tmp_path, gpu0=server, gpu1=second) as shop:
        desk = Desk(tmp_path / "root", Registry({MODEL.model_id: ComfyImage(shop, MODEL)}))
        killer = threading.Thread(target=_kill_the_first_that_runs, args=(server, second))
        killer.start()

        record = desk.key_image()
        killer.join()

    assert (record.engine, record.degraded) == ("comfyui", None)
    assert record.attempts == 2


def _kill_the_first_that_runs(*servers: ComfyServer) -> None:
    until(lambda: any(server.machine.running for server in servers), longest_s=20)
    next(server for server in servers if server.machine.running).die()


def test_a_node_that_comes_back_empty_gets_the_job_again(place: Place, server: ComfyServer, tmp_path: Path) -> None:
    server.behaviour.run_s = 1.0
    desk = Desk(tmp_path / "root", Registry(comfy=place))

    def restart() -> None:
        until(lambda: server.machine.running is not None, longest_s=20)
        server.die()
        server.behaviour.run_s = 0.0
        server.revive()

    restarter = threading.Thread(target=restart)
    restarter.start()

    record = desk.key_image()
    restarter.join()

    assert (record.engine, record.degraded) == ("comfyui", None)


def test_a_job_that_stalls_is_cancelled_and_runs_elsewhere(
    server: ComfyServer, second: ComfyServer, tmp_path: Path
) -> None:
    server.behaviour.stall = True
    with _shop(tmp_path, stall_s=0.8, gpu0=server, gpu1=second) as shop:
        desk = Desk(tmp_path / "root", Registry({MODEL.model_id: ComfyImage(shop, MODEL)}))

        record = desk.key_image()

    assert (record.engine, record.degraded) == ("comfyui", None)
    assert record.node == "gpu1"
    assert server.machine.running is None


def test_nobody_up_ends_degraded_and_says_why(server: ComfyServer, tmp_path: Path) -> None:
    own = Registry().engine("animatic/compositor")
    with _shop(tmp_path, rack={"patience_s": 0.5}, gpu0=server) as shop:
        server.die()
        desk = Desk(tmp_path / "root", Registry({MODEL.model_id: ComfyImage(shop, MODEL), "animatic/compositor": own}))

        record = desk.key_image()
    server.revive()

    assert record.engine == "animatic"
    assert record.degraded
    assert "gpu0" in record.degraded.why


def test_after_a_crash_the_finished_job_is_fetched_and_not_run_again(
    place: Place, server: ComfyServer, tmp_path: Path
) -> None:
    """The process ends between the node's last step and the record."""
    desk = Desk(tmp_path / "root", Registry(comfy=place))
    desk.workplace = dataclasses.replace(desk.workplace, report=_crash_at_the_end)
    with pytest.raises(KeyboardInterrupt):
        desk.key_image()
    ran = len(server.machine.runs)

    record = _again(tmp_path / "root", place)

    assert record.engine == "comfyui"
    assert len(server.machine.runs) - ran <= 1
    assert record.details["taken_up"]


def _crash_at_the_end(report: StepReport) -> None:
    if report.state == "working" and report.fraction >= 0.84:
        raise KeyboardInterrupt


def _again(root: Path, place: Place) -> TakeRecord:
    workplace = Workplace(
        store=SessionStore(root), ledger=Ledger(root / "ledger.sqlite"), engines=Registry(comfy=place)
    )
    return make_key_images(workplace, "ad", "scene_001")[0]


def test_progress_names_the_step(place: Place, server: ComfyServer, tmp_path: Path) -> None:
    server.behaviour = Behaviour(run_s=2.5, steps=20)
    server.machine.behaviour = server.behaviour
    engine = Registry(comfy=place).engine("comfyui/z_image_turbo")
    assert isinstance(engine, ImageEngine)
    heard: list[Progress] = []

    engine.render_image(_image_request(tmp_path), tmp_path / "p.png", tmp_path / "layers", _job(report=heard.append))

    assert any("step" in progress.note or "단계" in progress.note for progress in heard)
    assert [progress.fraction for progress in heard] == sorted(progress.fraction for progress in heard)
    assert 1 <= len(heard) <= 8
