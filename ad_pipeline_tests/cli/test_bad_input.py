"""Bad input: one clear line that names the place, exit 2, no traceback, nothing written."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from ad_pipeline.cli.main import main

_BRIEF = {"brand_id": "etude", "product": "Cherry Tint", "duration": 6, "channels": ["tiktok"]}

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A root that is not there yet, named by the environment; nothing of ours outlives the test."""
    root = tmp_path / "root"
    for name, value in {"AD_PIPELINE_ROOT": str(root), "AD_PIPELINE_LANGUAGE": "en", "DAGSTER_HOME": ""}.items():
        monkeypatch.setenv(name, value)
    before = signal.getsignal(signal.SIGTERM)
    yield root
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def run(root: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run one command in this process: its exit code and its one line."""

    def run(*arguments: str) -> tuple[int, str]:
        try:
            code = main(arguments)
        except SystemExit as ended:
            code = int(ended.code or 0)
        said = capsys.readouterr()
        assert "Traceback" not in said.err + said.out
        return code, said.err or said.out

    return run


def _brief(tmp_path: Path, **changes: object) -> Path:
    path = tmp_path / "brief.yaml"
    values = {name: value for name, value in ({**_BRIEF, **changes}).items() if value is not None}
    path.write_text(json.dumps(values, ensure_ascii=True), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("product: [unclosed", "no valid YAML"),
        ("a: *b", "aliases"),
        ("just words", "must be a list of `field: value` lines"),
        ("", "must be a list"),
        ("- a\n- b", "must be a list"),
        ("\x00", "no valid YAML"),
        ("brand_id: etude\nproduct: x\nduration: 6\nproduct: a: b", "no valid YAML"),
    ],
)
def test_what_is_no_brief_is_refused(tmp_path: Path, root: Path, run: Run, text: str, said: str) -> None:
    path = tmp_path / "b.yaml"
    path.write_text(text, encoding="utf-8")

    code, told = run("make", str(path))

    assert code == 2
    assert said in told
    assert told.startswith("error: ")
    assert told.count("\n") == 1
    assert not root.exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"product": None}, "misses the field 'product'"),
        ({"brand_id": None}, "misses the field 'brand_id'"),
        ({"duration": None}, "misses the field 'duration'"),
        ({"duration": 0}, "field 'duration': got 0 s, allowed 6 to 60 s"),
        ({"duration": 3600}, "field 'duration': got 3600 s"),
        ({"duration": -1}, "field 'duration'"),
        ({"duration": "long"}, "field 'duration'"),
        ({"duration": 1e400}, "duration"),
        ({"brand_id": "etudee"}, "did you mean 'etude'"),
        ({"brand_id": "nike"}, "there are: etude, hera, laneige, sulwhasoo"),
        ({"brand_id": "../etude"}, "field 'brand_id'"),
        ({"produkt": "x"}, "did you mean 'product'"),
        ({"channels": ["tiktak"]}, "did you mean 'tiktok'"),
        ({"formats": ["9:17"]}, "formats"),
        ({"quality": "drafty"}, "did you mean 'draft'"),
        ({"seed": -3}, "seed"),
        ({"budget_usd": -1}, "budget_usd"),
        ({"claims": [{"text": "best"}]}, "claims[0].source"),
        ({"scene_count": 99}, "scene_count"),
        ({"product": ""}, "product"),
        ({"product": "x" * 5000}, "product"),
        ({"concept": "x" * 5000}, "concept"),
        ({"target_audience": "x" * 5000}, "target_audience"),
        ({"goal": "x" * 5000}, "goal"),
        ({"tone": "x" * 5000}, "tone"),
        ({"concept": "abc\u202egnp"}, "field 'concept' holds the control character U+202E"),
        ({"product": "\ufeffx"}, "product"),
        ({"product": "a\x00b"}, "product"),
        ({"product": "\ud83d"}, "product"),
        ({"product_image": "missing.png"}, "no file"),
        ({"product_image": "."}, "product_image"),
        ({"product_image": "brief.yaml"}, "is no picture"),
        ({"product_image": "a\x00.png"}, "product_image"),
        ({"product_image": "x" * 3000 + ".png"}, "product_image"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, root: Path, run: Run, changes: dict[str, object], said: str) -> None:
    code, told = run("make", str(_brief(tmp_path, **changes)))

    assert code == 2
    assert said in told
    assert told.startswith("error: ")
    assert len(told) < 700
    assert not root.exists()


def test_a_picture_that_ends_too_early_is_refused(tmp_path: Path, root: Path, run: Run) -> None:
    Image.effect_noise((400, 400), 50).save(tmp_path / "whole.png")
    Image.effect_noise((400, 400), 50).save(tmp_path / "whole.jpg")
    for suffix in ("png", "jpg"):
        whole = (tmp_path / f"whole.{suffix}").read_bytes()
        (tmp_path / f"half.{suffix}").write_bytes(whole[: len(whole) // 2])

        code, told = run("make", str(_brief(tmp_path, product_image=f"half.{suffix}")))

        assert code == 2
        assert f"half.{suffix} is a broken picture" in told
    assert not root.exists()


def test_a_brief_that_cannot_be_read_is_refused(tmp_path: Path, root: Path, run: Run) -> None:
    (tmp_path / "latin.yaml").write_bytes("product: caf\xe9".encode("latin-1"))
    (tmp_path / "large.yaml").write_bytes(b"#" * 1_000_001)
    for path, said in (
        (tmp_path / "nowhere.yaml", "cannot read the brief"),
        (tmp_path, "cannot read the brief"),
        (tmp_path / "latin.yaml", "is no UTF-8 text"),
        (tmp_path / "large.yaml", "larger than 1000000 bytes"),
        (Path("x" * 5000), "cannot read the brief"),
    ):
        code, told = run("make", str(path))
        assert (code, said in told) == (2, True), told
    assert not root.exists()


def test_a_file_without_an_end_is_refused(root: Path, run: Run) -> None:
    code, told = run("make", "/dev/zero")

    assert code == 2
    assert "larger than 1000000 bytes" in told


@pytest.mark.parametrize("session", ["../x", "a|b", "", "a/b", "광고", "A", "x" * 65, ".hidden"])
def test_only_a_plain_name_is_a_session(tmp_path: Path, root: Path, run: Run, session: str) -> None:
    commands = [
        ["make", str(_brief(tmp_path)), f"--session={session}"],
        ["show", session],
        ["takes", session],
        ["route", session],
        ["rerun", session, "--scene", "scene_001"],
        ["pick", session, "scene_001", "key_image", "v1"],
    ]

    for command in commands:
        code, told = run(*command)
        assert (code, "session id: got" in told) == (2, True), command
    assert not root.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["mak"],
        ["make", "b.yaml", "--quality", "best"],
        ["make", "b.yaml", "--engine", "gpu"],
        ["make", "b.yaml", "--colour"],
        ["rerun", "ad", "--stage", "final"],
        ["rerun", "ad", "--seed", "many"],
        ["pick", "ad"],
        ["ui", "--port", "http"],
    ],
)
def test_an_unknown_word_on_the_command_line_is_refused(root: Path, run: Run, arguments: list[str]) -> None:
    code, told = run(*arguments)

    assert code == 2
    assert "usage: ad-pipeline" in told
    assert not root.exists()


@pytest.mark.parametrize(
    "arguments",
    [["show", "nobody"], ["takes", "nobody"], ["route", "nobody"], ["rerun", "nobody", "--scene", "scene_001"],
     ["pick", "nobody", "scene_001", "voice", "v1"]],
)  # fmt: skip
def test_an_unknown_session_is_refused(root: Path, run: Run, arguments: list[str]) -> None:
    code, told = run(*arguments)

    assert code == 2
    assert "no session 'nobody'" in told
    assert not root.exists()


def test_a_refusal_in_json_is_json(tmp_path: Path, root: Path, run: Run) -> None:
    code, told = run("make", str(_brief(tmp_path, duration=0)), "--json")

    answer = json.loads(told)
    assert code == answer["exit"] == 2
    assert answer["field"] == "duration"
    assert "allowed 6 to 60 s" in answer["error"]


def test_a_refusal_is_said_in_korean_where_people_speak_it(
    tmp_path: Path, root: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AD_PIPELINE_LANGUAGE", "ko")

    code, told = run("make", str(_brief(tmp_path, duration=0)))

    assert code == 2
    assert told.startswith("오류: 'duration' 항목")


def test_ports_that_are_taken_or_none_are_refused(root: Path, run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for option, value in (("--port", port), ("--media-port", port), ("--port", 99999), ("--port", -1)):
            code, told = run("ui", option, str(value), *(["--port", "0"] if option != "--port" else []))
            assert (code, f"choose another by {option}" in told) == (2, True), told
    assert not root.exists()


def test_looking_at_nothing_writes_nothing(root: Path, run: Run) -> None:
    assert run("show") == (0, f"no sessions under {root} yet; begin with: ad-pipeline make BRIEF.yaml\n")
    assert run("show", "--json") == (0, "[]\n")
    assert not root.exists()


def test_the_doctor_says_whether_this_machine_is_ready(root: Path, run: Run) -> None:
    code, told = run("doctor", "--json")

    answer = json.loads(told)
    assert code == 0
    assert answer["ready"] is True
    by_name = {found["name"]: found for found in answer["findings"]}
    assert by_name["ffmpeg"]["good"]
    assert by_name["animatic/guide-voice"]["good"]
    assert by_name["veo/veo-3"]["good"] is False
    assert not by_name["veo/veo-3"]["needed"]
    assert not root.exists()


def test_a_machine_without_ffmpeg_or_a_root_is_not_ready(
    root: Path, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "not there"))

    code, told = run("doctor")

    assert code == 1
    assert "✗ DAGSTER_HOME" in told
    assert "cannot make ads yet" in told


def test_the_command_itself_ends_with_the_code_and_no_traceback(tmp_path: Path, root: Path) -> None:
    command = [sys.executable, "-m", "ad_pipeline.cli.main", "make", str(_brief(tmp_path, duration=0))]

    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr == "error: field 'duration': got 0 s, allowed 6 to 60 s\n"


@pytest.mark.parametrize("arguments", [[], ["--session", "ad", "--quality", "standard"], ["--engine", "local"]])
def test_make_wants_a_brief_or_only_a_session(root: Path, run: Run, arguments: list[str]) -> None:
    code, told = run("make", *arguments)

    assert code == 2
    assert told == "error: give a brief's file, or only --session NAME of a session that has one\n"
    assert not root.exists()


def test_make_of_a_session_that_is_not_there_names_those_that_are(root: Path, run: Run) -> None:
    code, told = run("make", "--session", "nope")

    assert code == 2
    assert "no session 'nope'" in told
    assert not root.exists()
