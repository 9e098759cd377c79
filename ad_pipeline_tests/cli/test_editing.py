"""`edit`, `clip` and `--urgent` as people run them."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from ad_pipeline.cli.main import main
from ad_pipeline.defs.config import KeyImageConfig
from ad_pipeline.media.probe import probe
from ad_pipeline.sessions.records import TakeRecord
from ad_pipeline.stages.key_image import make_key_images
from ad_pipeline.stages.workplace import Wishes
from ad_pipeline_tests.cli.commands import Place
from ad_pipeline_tests.comfy.server import ComfyServer
from ad_pipeline_tests.comfy.stocked import nodes_file, stocked
from ad_pipeline_tests.stages.sessions import a_workplace, brief_text, open_ad

Run = Callable[..., tuple[int, str, str]]

PROMPT = "a bottle on wet stone"


@pytest.fixture
def run(own_root: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Run one command in this process: its exit code, what it said, and what it complained of."""
    before = signal.getsignal(signal.SIGTERM)

    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            code = main(arguments)
        except SystemExit as ended:
            code = int(ended.code or 0)
        said = capsys.readouterr()
        assert "Traceback" not in said.err + said.out
        return code, said.out, said.err

    yield run
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def server() -> Iterator[ComfyServer]:
    with stocked() as running:
        yield running


@pytest.fixture
def place(server: ComfyServer, tmp_path: Path) -> Place:
    """A root with a node."""
    nodes_file(tmp_path / "root" / "nodes.toml", {"gpu0": server})
    return Place(tmp_path / "root")


# --- edit ---------------------------------------------------------------------------------------


def _picked(place: Place) -> dict[str, TakeRecord]:
    return {record.key.slug: record for record in place.session.picked_records()}


def _takes_above_one(place: Place) -> set[str]:
    return {name for name, takes in place.takes().items() if takes != [1]}


@pytest.mark.slow
def test_an_edit_remakes_what_depends_on_the_picture_and_nothing_else(
    place: Place, server: ComfyServer, tmp_path: Path
) -> None:
    brief = tmp_path / "ad.json"
    brief.write_text(brief_text(), encoding="utf-8")
    assert place.run("make", str(brief), "--session", "ad").code == 0
    assert server.submitted() == 0  # a draft needs no GPU

    ended = place.run("edit", "ad", "turn her head to the left", "--scene", "scene_002", "--urgent", "--json")
    resumed = place.run("make", str(brief), "--session", "ad", "--json")

    picked = _picked(place)
    assert ended.code == 0, ended.err + ended.out
    assert _takes_above_one(place) == {
        "scene_002.9x16.key_image", "scene_002.9x16.motion_clip", "scene_002.9x16.lipsync", "scene_002.sfx",
        "9x16.final_mp4",
    }  # fmt: skip
    edited = picked["scene_002.9x16.key_image"]
    assert (edited.take, edited.graph, edited.node, edited.made_by) == (2, "qwen_edit_2511", "gpu0", "person")
    assert picked["scene_002.9x16.motion_clip"].inputs["key_image"] == edited.sha256
    assert [Path(final["path"]).name for final in ended.json["finals"]] == ["final.v2.mp4"]
    assert all(job.number <= 0 for job in server.machine.history.values())  # at the front of the node's queue
    assert resumed.json["nothing_to_do"] is True
    assert place.takes()["scene_002.9x16.key_image"] == [1, 2]


def test_without_a_node_an_edit_says_what_is_missing_and_changes_nothing(run: Run, own_root: Path) -> None:
    workplace = a_workplace(own_root)
    open_ad(workplace)
    make_key_images(workplace, "ad", "scene_001")
    before = {path: path.stat().st_mtime_ns for path in workplace.session("ad").folder.rglob("*") if path.is_file()}

    code, out, err = run("edit", "ad", "brighter", "--scene", "scene_001")
    told = run("edit", "ad", "brighter", "--scene", "scene_001", "--json")

    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert err.startswith("error: nobody here can edit pictures: comfyui/qwen_image_edit_2511 is not ready")
    assert "list one in nodes.toml" in err
    assert (told[0], json.loads(told[1])["exit"]) == (1, 1)
    after = {path: path.stat().st_mtime_ns for path in workplace.session("ad").folder.rglob("*") if path.is_file()}
    assert after == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ad", " ", "--scene", "scene_001"), "say what to change"),
        (("ad", "a\x07b", "--scene", "scene_001"), "edit holds the control character U+0007"),
        (("ad", "a\udcffb", "--scene", "scene_001"), "edit holds the control character U+DCFF"),
        (("ad", "x" * 5000, "--scene", "scene_001"), "edit has 5000 characters, at most 4000 are read"),
        (("ad", "brighter", "--scene", "scene_009"), "no scene 'scene_009'; this ad has scene_001, scene_002"),
        (("ad", "brighter", "--scene", "scene_001"), "scene_001 key_image 9:16 of session 'ad' was not made yet"),
        (("ad", "brighter", "--scene", "scene_001", "--seed", "-1"), "--seed: got -1"),
        (("none", "brighter", "--scene", "scene_001"), "no session 'none'"),
        (("../ad", "brighter", "--scene", "scene_001"), "session id: got '../ad'"),
    ],
)
def test_an_edit_of_nothing_is_bad_input(run: Run, own_root: Path, arguments: tuple[str, ...], said: str) -> None:
    open_ad(a_workplace(own_root))

    code, _, err = run("edit", *arguments)

    assert code == 2
    assert said in err
    assert err.count("\n") == 1


def test_the_launchpads_edit_is_the_same_wish(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AD_PIPELINE_LANGUAGE", "en")

    assert KeyImageConfig(edit="brighter").wishes() == Wishes(reuse=False, edit="brighter")
    with pytest.raises(ValueError, match="field 'edit'"):
        KeyImageConfig(edit="")


# --- clip ---------------------------------------------------------------------------------------


def _frames(path: Path) -> tuple[str, int]:
    picture = probe(path).picture
    assert picture
    return str(picture.size), picture.frames


@pytest.mark.slow
def test_a_clip_is_made_on_a_node_from_words(place: Place, server: ComfyServer, tmp_path: Path) -> None:
    out = tmp_path / "film.mp4"

    ended = place.run("clip", PROMPT, "--seconds", "1", "--motion", "slow zoom-in", "--out", str(out), "--json")
    submitted = server.submitted()
    again = place.run("clip", PROMPT, "--seconds", "1", "--motion", "slow zoom-in", "--out", str(out), "--force")

    assert ended.code == 0, ended.err
    told = ended.json
    assert _frames(out) == ("1080x1920", 24)
    assert (told["clip"], told["format"], told["seconds"], told["degraded"]) == (str(out), "9:16", 1.0, False)
    assert (told["picture"]["engine"], told["motion"]["engine"]) == ("comfyui/z_image_turbo", "comfyui/animatediff")
    assert told["motion"]["node"] == "gpu0"
    assert "slow zoom-in" in str([job.graph for job in server.machine.history.values()])
    assert again.code == 0
    assert server.submitted() == submitted  # asked again, nothing is made again
    assert place.run("show", "--json").json == []  # a clip is no session
    assert not list(tmp_path.glob(".*"))


@pytest.mark.slow
def test_a_picture_moves_by_the_engine_that_is_named(place: Place, server: ComfyServer, tmp_path: Path) -> None:
    image, out = tmp_path / "wide.jpg", tmp_path / "film.mp4"
    Image.linear_gradient("L").resize((640, 360)).convert("RGB").save(image)

    ended = place.run(
        "clip", PROMPT, "--image", str(image), "--engine", "comfyui/wan2.1_i2v_14b", "--seconds", "1", "--out", str(out)
    )

    assert ended.code == 0, ended.err
    assert ended.out.splitlines() == [
        "picture: your own",
        "motion: comfyui/wan2.1_i2v_14b, gpu0",
        f"clip: {out} (16:9, 1 s)",
    ]
    assert _frames(out) == ("1920x1080", 24)


@pytest.mark.slow
def test_a_clip_that_waits_for_a_node_says_so_and_can_be_stopped(place: Place, tmp_path: Path) -> None:
    (place.root / "nodes.toml").write_text('[[node]]\nname = "gone"\nurl = "http://127.0.0.1:9"\n', encoding="utf-8")
    running = place.start("clip", PROMPT, "--out", str(tmp_path / "film.mp4"))
    assert running.stderr

    first = running.stderr.readline()
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=30)

    assert first.startswith("key_image 9:16: no node can be used now; it waits up to 600 s: node gone")
    assert running.returncode == 130, err
    assert "stopped; what was finished is kept" in err
    assert not (tmp_path / "film.mp4").exists()


def test_without_a_node_a_camera_moves_over_a_drawn_picture_and_it_says_so(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "film.mp4"

    code, said, _ = run("clip", PROMPT, "--seconds", "0.5", "--format", "1:1", "--out", str(out))

    assert code == 0
    assert _frames(out) == ("1080x1080", 12)
    lines = said.splitlines()
    assert lines[0] == "picture: animatic/compositor"
    assert lines[2] == "motion: animatic/ken-burns"
    for line, wanted in ((lines[1], "comfyui/z_image_turbo"), (lines[3], "comfyui/animatediff")):
        assert f", {wanted} was wanted: {wanted} is not ready: there is no GPU node" in line
        assert line.startswith("degraded: animatic/")


def test_what_is_asked_of_the_animatic_itself_is_not_degraded(run: Run, tmp_path: Path) -> None:
    image, out = tmp_path / "cut_out.png", tmp_path / "film.mp4"
    picture = Image.new("RGBA", (300, 300), (200, 40, 40, 255))
    picture.paste((0, 0, 0, 0), (0, 0, 300, 100))
    picture.save(image)

    code, said, _ = run(
        "clip", PROMPT, "--image", str(image), "--engine", "animatic/ken-burns", "--seconds", "0.5", "--out", str(out)
    )

    assert code == 0
    assert "degraded" not in said
    assert said.splitlines()[-1] == f"clip: {out} (1:1, 0.5 s)"


def test_a_clip_never_lands_on_a_file_that_is_there(run: Run, own_root: Path, tmp_path: Path) -> None:
    out = tmp_path / "film.mp4"
    out.write_text("mine")

    code, _, err = run("clip", PROMPT, "--seconds", "0.5", "--out", str(out))

    assert code == 2
    assert err == f"error: --out: {out} is there already; --force overwrites it\n"
    assert out.read_text() == "mine"
    assert not own_root.exists()
    assert run("clip", PROMPT, "--seconds", "0.5", "--out", str(out), "--force")[0] == 0
    assert _frames(out) == ("1080x1920", 12)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((" ",), "say what is seen"),
        (("a\x07b",), "PROMPT holds the control character U+0007; remove it"),
        (("x" * 5000,), "PROMPT has 5000 characters, at most 4000 are read"),
        ((PROMPT, "--motion", "a\x1bb"), "--motion holds the control character U+001B"),
        ((PROMPT, "--seconds", "0"), "--seconds: got 0, allowed 0.5 to 30"),
        ((PROMPT, "--seconds", "nan"), "--seconds: got nan"),
        ((PROMPT, "--seconds", "1e9"), "--seconds: got 1e+09"),
        ((PROMPT, "--image", "none.png"), "--image: no file none.png; expected a PNG"),
        ((PROMPT, "--image", "text.png"), "--image: text.png is no picture"),
        ((PROMPT, "--image", "."), "--image: no file ."),
        ((PROMPT, "--engine", "comfyui/wan"), "--engine: unknown 'comfyui/wan'; did you mean 'comfyui/"),
        ((PROMPT, "--engine", "comfyui/z_image_turbo"), "--engine: unknown 'comfyui/z_image_turbo'"),
        (
            (PROMPT, "--engine", "replicate/zeroscope-v2"),
            "--engine: replicate/zeroscope-v2 may not be used: its licence",
        ),
        ((PROMPT, "--seed", "-1"), "--seed: got -1"),
        ((PROMPT, "--out", "film.mov"), "--out: got 'film.mov', expected a name that ends in .mp4"),
        ((PROMPT, "--out", "none/film.mp4"), "--out: there is no folder "),
        ((PROMPT, "--out", "x" * 300 + ".mp4"), "--out: File name too long"),
    ],
)
def test_bad_input_of_a_clip_is_one_sentence_and_nothing_is_made(
    run: Run, own_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.png").write_text("no picture")

    code, out, err = run("clip", *arguments)

    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert said in err
    assert err.count("\n") == 1
    assert not own_root.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [((), "required: PROMPT"), ((PROMPT, "--seconds", "long"), "--seconds"), ((PROMPT, "--format", "2:1"), "--format")],
)
def test_a_clip_without_words_or_with_no_number_is_bad_input(run: Run, arguments: tuple[str, ...], said: str) -> None:
    code, _, err = run("clip", *arguments)

    assert code == 2
    assert said in err
