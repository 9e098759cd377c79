"""Bad graphs and bad nodes as a person meets them on the command line: one clear sentence, in both languages."""

from __future__ import annotations

import copy
import json
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ad_pipeline.cli.main import main
from ad_pipeline.routing.catalogue import models
from ad_pipeline_tests.comfy.products import picture
from ad_pipeline_tests.comfy.server import ComfyServer
from ad_pipeline_tests.comfy.websites import Reply, page, self_signed, website

Told = dict[str, tuple[int, str]]
Run = Callable[..., Told]

_NODES: dict[str, Any] = {
    "1": {
        "class_type": "EmptyImage",
        "_meta": {"title": "Colour"},
        "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": None},
    },
    "2": {
        "class_type": "SaveImage",
        "_meta": {"title": "Save"},
        "inputs": {"images": ["1", 0], "filename_prefix": "x"},
    },
}
_RECIPE = """summary = "One colour"
makes = "image"
[inputs.colour]
kind = "integer"
to = [{ node = "Colour", input = "color" }]
[outputs.picture]
node = "Save"
media = "image"
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Run a command in both languages: by language, its exit code and all that it said."""
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.chdir(tmp_path)
    for name, value in {"AD_PIPELINE_ROOT": "root", "DAGSTER_HOME": "", "AD_PIPELINE_NODES": "nodes.toml"}.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "a.png").write_bytes(picture(90, 160))

    def run(*arguments: str) -> Told:
        found: Told = {}
        for language in ("en", "ko"):
            monkeypatch.setenv("AD_PIPELINE_LANGUAGE", language)
            code = main(arguments)
            said = capsys.readouterr()
            assert "Traceback" not in said.err + said.out
            found[language] = (code, said.out + said.err)
        return found

    yield run
    signal.signal(signal.SIGTERM, before)


# --- graphs -------------------------------------------------------------------------------------


def _changed(node: str, name: str, value: Any) -> str:
    nodes = copy.deepcopy(_NODES)
    nodes[node]["inputs"][name] = value
    return json.dumps(nodes)


_GOOD = json.dumps(_NODES)
_UI = json.dumps({"nodes": [{"id": 1, "type": "EmptyImage"}], "links": [[1, 1, 0, 2, 0, "IMAGE"]], "version": 0.4})


@pytest.mark.parametrize(
    ("graph", "recipe", "en", "ko"),
    [
        (_UI, _RECIPE, "colour.json is a graph as ComfyUI's editor saves it", "'Export (API)'로 내보내 주세요"),
        (
            _changed("2", "images", ["9", 0]), _RECIPE,
            "colour.json: node '2', input images: it is linked to ['9', 0]", "노드 '2'의 입력 images",
        ),
        (
            _changed("1", "height", None), _RECIPE,
            "colour.json: node '1', input height has no value", "노드 '1'의 입력 height에 값이 없고",
        ),
        (_changed("1", "width", ["2", 0]), _RECIPE, "the links run in a circle: 1 -> 2 -> 1", "연결이 순환합니다"),
        (
            _GOOD, _RECIPE.replace('"color"', '"colour"'),
            "colour.toml, inputs.colour.to: node 'Colour' has no input 'colour'; it has width, height, batch_size",
            "colour.toml, inputs.colour.to: 노드 'Colour'에 입력 'colour'",
        ),
        (_GOOD.replace("64", "NaN", 1), _RECIPE, "colour.json is no JSON: NaN is no number", "JSON 형식이 아닙니다"),
        (_GOOD.replace('"x"', '"\\ud800"'), _RECIPE, "colour.json is no JSON", "JSON 형식이 아닙니다"),
        (_GOOD, None, "colour.toml cannot be read", "colour.toml을(를) 읽을 수 없습니다"),
        (None, _RECIPE, "colour.json cannot be read", "colour.json을(를) 읽을 수 없습니다"),
        (
            _GOOD, _RECIPE.replace('"integer"', '"number"').replace("to =", "default = nan\nto ="),
            "inputs.colour.default nan is not allowed", "inputs.colour.default nan",
        ),
    ],
    ids=["ui", "missing_node", "unbound", "circle", "no_input", "nan", "half_letter", "no_toml", "no_json", "nan_toml"],
)  # fmt: skip
@pytest.mark.parametrize("command", [("clip", "a bottle", "--image", "a.png"), ("doctor", "--gpu")], ids=" ".join)
def test_a_bad_graph_is_told_with_file_and_field(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run, command: tuple[str, ...], graph: str | None,
    recipe: str | None, en: str, ko: str,
) -> None:  # fmt: skip
    folder = tmp_path / "graphs"
    folder.mkdir()
    monkeypatch.setenv("AD_PIPELINE_GRAPHS", str(folder))
    for name, text in (("colour.json", graph), ("colour.toml", recipe)):
        if text is not None:
            (folder / name).write_text(text, encoding="utf-8")

    told = run(*command)

    assert [code for code, _ in told.values()] == [2, 2]
    assert en in told["en"][1]
    assert ko in told["ko"][1]
    assert told["en"][1].count("\n") == 1
    assert not (tmp_path / "root").exists()


def test_other_tomls_beside_graphs_are_nobodys_business(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    monkeypatch.setenv("AD_PIPELINE_GRAPHS", str(tmp_path))
    (tmp_path / "nodes.toml").write_text("# none yet\n", encoding="utf-8")
    (tmp_path / "notes.toml").write_text("= no toml at all", encoding="utf-8")

    assert run("gpu")["en"][0] == 0
    assert "compositor" in run("doctor")["en"][1]


# --- nodes --------------------------------------------------------------------------------------


def _listed(folder: Path, url: str, more: str = "") -> None:
    (folder / "nodes.toml").write_text(f'[[node]]\nname = "gpu0"\nurl = "{url}"\n{more}', encoding="utf-8")


def _looked_at(run: Run, en: str, ko: str) -> None:
    for command in (("gpu",), ("doctor", "--gpu")):
        told = run(*command)
        assert [code for code, _ in told.values()] == [1, 1]
        assert en in told["en"][1]
        assert ko in told["ko"][1]


def test_a_doctor_asked_for_gpus_says_that_none_is_listed_and_where(tmp_path: Path, run: Run) -> None:
    asked, unasked = run("doctor", "--gpu"), run("doctor")

    assert [code for code, _ in asked.values()] == [1, 1]
    assert f"none listed in {tmp_path / 'nodes.toml'}; ad-pipeline gpu says how" in asked["en"][1]
    assert asked["en"][1].endswith("\nno GPU node is listed, so none made a film\n")
    assert asked["ko"][1].endswith("\n목록에 GPU 노드가 없어 시험 영상을 만들지 못했습니다\n")
    assert [code for code, _ in unasked.values()] == [0, 0]  # drafts need no GPU
    assert unasked["en"][1].endswith("\nthis machine can make drafts\n")


def test_a_doctor_asked_for_gpus_says_that_their_list_is_broken(tmp_path: Path, run: Run) -> None:
    (tmp_path / "nodes.toml").write_text("oh dear", encoding="utf-8")

    told = run("doctor", "--gpu")

    assert [code for code, _ in told.values()] == [1, 1]
    assert "nodes.toml is no TOML" in told["en"][1]
    assert told["en"][1].endswith("\nthe list of GPU nodes cannot be used, so none made a film\n")


def test_a_graph_that_there_is_not_in_a_nodes_pins_is_told_with_the_nearest(tmp_path: Path, run: Run) -> None:
    node = '[[node]]\nname = "gpu0"\nurl = "http://127.0.0.1:9"\ngraphs = ["z_imag_turbo"]\n'
    (tmp_path / "nodes.toml").write_text(node, encoding="utf-8")

    told = run("doctor")

    assert "it is pinned to z_imag_turbo, which there is not; did you mean z_image_turbo?" in told["en"][1]
    assert "z_imag_turbo 그래프만 맡도록 적혀 있는데 그런 그래프가 없습니다. z_image_turbo인가요?" in told["ko"][1]


def test_the_doctor_tells_a_korean_of_licences_in_korean(run: Run) -> None:
    lines = {line.split()[1]: line for line in run("doctor")["ko"][1].splitlines() if "유료 광고: " in line}

    assert len(lines) == len([row for row in models().values() if row.crafts or row.engine == "cut"])
    assert lines["animatic/compositor"].endswith(" 자체 제작; 유료 광고: 가능")
    assert lines["comfyui/mmaudio"].endswith("(CC BY-NC 4.0; 유료 광고: 불가)")
    assert lines["comfyui/svd"].endswith("유료 광고: 조건부)")
    assert [line for line in lines.values() if re.search(r"\b(ours|yes|limited|only|program)\b", line)] == []


@pytest.mark.parametrize(
    ("reply", "en", "ko"),
    [
        (page(), "does not answer like a ComfyUI (GET /system_stats: 200)", "응답이 ComfyUI 같지 않습니다"),
        (page(404, b"none"), "does not answer like a ComfyUI (GET /system_stats: 404)", "주소를 확인해 주세요"),
        (page(200, b"{}", "application/json"), "does not answer like a ComfyUI", "응답이 ComfyUI 같지 않습니다"),
        (page(200, b"[" * 100_000, "application/json"), "does not answer like a ComfyUI (broken JSON)", "ComfyUI 같지"),
        (page(401), "into nodes.toml as authorization_env", "nodes.toml의 authorization_env에"),
        (page(403), "wants a login (403)", "로그인이 필요합니다(403)"),
    ],
    ids=["html", "404", "other_json", "deep_json", "401", "403"],
)
def test_a_url_that_is_no_comfyui_is_said_so(tmp_path: Path, run: Run, reply: Reply, en: str, ko: str) -> None:
    with website(reply) as url:
        _listed(tmp_path, url)
        _looked_at(run, f"node gpu0: {url} {en}" if en.startswith(("does", "wants")) else en, ko)


def test_a_wrong_login_names_its_variable_and_not_its_value(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_RACK", "Bearer s3cret")
    with website(page(401)) as url:
        _listed(tmp_path, url, 'authorization_env = "MY_RACK"\n')
        _looked_at(run, "refuses the login (401) that MY_RACK holds", "MY_RACK에 든 로그인을 거부했습니다(401)")
        assert "s3cret" not in str(run("gpu", "--json"))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="a certificate is made with openssl")
def test_a_certificate_that_nobody_trusts_is_said_so_with_what_to_do(tmp_path: Path, run: Run) -> None:
    with website(page(), tls=self_signed(tmp_path)) as url:
        _listed(tmp_path, url)
        _looked_at(
            run, f"certificate of {url} is not trusted (self-signed certificate); give", "인증서를 믿을 수 없습니다"
        )


def test_https_to_a_server_that_speaks_none_is_said_so(tmp_path: Path, run: Run) -> None:
    with website(page()) as url:
        _listed(tmp_path, url.replace("http:", "https:"))
        _looked_at(run, f"speaks no https; is it {url}?", "https를 쓰지 않습니다")


# --- files of a node ----------------------------------------------------------------------------


def _films(server: ComfyServer, tmp_path: Path, run: Run) -> dict[str, str]:
    """What `doctor --gpu` says of the film that it has the node make, by language."""
    _listed(tmp_path, server.url)
    before = {path for path in tmp_path.rglob("*") if "root" not in path.parts}
    told = run("doctor", "--gpu", "--json")
    assert [code for code, _ in told.values()] == [1, 1]
    assert {path for path in tmp_path.rglob("*") if "root" not in path.parts} == before
    findings = {language: json.loads(text)["findings"] for language, (_, text) in told.items()}
    return {
        language: next(one["said"] for one in found if one["name"] == "node gpu0 film")
        for language, found in findings.items()
    }


def test_a_film_of_two_gigabytes_is_refused_with_the_limit(tmp_path: Path, run: Run) -> None:
    with ComfyServer() as server:
        server.faults.view_claims_bytes = 2_000_000_000
        said = _films(server, tmp_path, run)

    assert "node gpu0 made a file of 2.0 GB (film_00001_.mp4); at most 1.0 GB" in said["en"]
    assert "1.0 GB까지만 받습니다" in said["ko"]


@pytest.mark.parametrize("name", ["../../x.png", "/etc/x.png", "..\\x.png", "C:x.png", "a\0.png", ".."])
def test_a_file_that_leads_out_names_the_node_and_the_field(tmp_path: Path, run: Run, name: str) -> None:
    with ComfyServer() as server:
        server.faults.evil_filename = name
        said = _films(server, tmp_path, run)

    assert f"node gpu0: the server answers for node 6 of the graph with the filename {name!r}" in said["en"]
    assert f"filename 값 {name!r}" in said["ko"]
