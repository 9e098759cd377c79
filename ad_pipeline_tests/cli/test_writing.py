"""The words' command line as a producer uses it: in terminals, through pipes, in both languages."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from ad_pipeline.stages.session_facts import STORYBOARD
from ad_pipeline_tests.cli.commands import Ended, Place, until
from ad_pipeline_tests.language.behaviour import BAD_JSON, GOOD, HANGS, OVERLOADED, slow
from ad_pipeline_tests.language.dialects import Asked
from ad_pipeline_tests.room.writers import listed, plan, writing
from ad_pipeline_tests.stages.sessions import a_workplace, brief_text, open_ad

pytestmark = pytest.mark.slow

_LANEIGE: dict[str, Any] = {
    "brand_id": "laneige", "product": "워터 글로우 세럼", "duration": 15, "scene_count": 4, "quality": "standard",
    "concept": "물을 머금은 듯 맑은 피부",
}  # fmt: skip
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class Desk(Place):
    """A place with a folder of its own to work in, and language models where a test has some."""

    variables: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def folder(self) -> Path:
        return self.root.parent

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | {"AD_PIPELINE_MODELS": str(self.folder / "models.toml")} | self.variables

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "ad_pipeline.cli.main", *arguments], cwd=self.folder, env=self._here,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip

    def said(self, lines: str, *arguments: str) -> Ended:
        """One command that is told these lines."""
        process = self.start(*arguments)
        out, err = process.communicate(lines, timeout=60)
        assert "Traceback" not in err, err
        return Ended(code=process.returncode, out=out, err=err)

    def seen(self, *arguments: str, columns: int) -> str:
        """What one command leaves on a terminal so wide."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        process = subprocess.Popen(
            [sys.executable, "-m", "ad_pipeline.cli.main", *arguments], cwd=self.folder, env=self._here,
            stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        raw = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            raw += piece
        os.close(ours)
        _, err = process.communicate(timeout=30)
        assert b"Traceback" not in err, err.decode()
        return _ESCAPES.sub("", raw.decode("utf-8")).replace("\r", "")

    def brief(self, **changes: Any) -> str:
        name = "ad.yaml"
        (self.folder / name).write_text(brief_text(**changes), encoding="utf-8")
        return name

    @property
    def _here(self) -> dict[str, str]:
        paths = [str(Path.cwd()), os.environ.get("PYTHONPATH", "")]
        kept = {
            name: value
            for name, value in self.environment.items()
            if name not in ("COLUMNS", "LINES", "PYTHONUNBUFFERED")
        }
        return kept | {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "TERM": "xterm-256color"}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk whose language model says nothing that can be read, until a test lists another."""
    root = tmp_path / "sessions"
    root.mkdir()
    with writing() as server:
        server.behave([BAD_JSON] * 500)
        listed(tmp_path / "models.toml", local=server.url)
        yield Desk(root)


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), ("--json",)])
def test_each_scene_is_on_the_pipe_before_the_next_ones_words_are_out(desk: Desk, more: tuple[str, ...]) -> None:
    with writing() as server:
        listed(desk.folder / "models.toml", local=server.url)
        server.behave([GOOD, slow(30)])
        process = desk.start("storyboard", desk.brief(**_LANEIGE | {"scene_count": 3}), "--stream", *more)
        assert process.stdout
        heard = [(time.monotonic(), line.rstrip()) for line in process.stdout]
        process.communicate(timeout=30)
        ends = _ends_of_ideas(list(server.sent))

    assert process.returncode == 0
    row = re.compile(r'(?:  \d  |.*"purpose": ")(hook|solution|cta)\b.* (?:s  |"idea": ")')
    planned = [(at, found[1]) for at, line in heard if (found := row.match(line)) and '"storyboard"' not in line]
    assert [purpose for _, purpose in planned] == ["hook", "solution", "cta"]
    for (at, _), decided in zip(planned, ends, strict=True):
        assert -0.05 < at - decided < 0.3
    assert all(at < later for (at, _), later in zip(planned, ends[1:], strict=False))


def _ends_of_ideas(sent: list[tuple[float, str]]) -> list[float]:
    """When the last letter of each planned scene's idea was sent: the first answer's pieces come before them."""
    text, ends = "", list[float]()
    for at, piece in sent:
        text += piece
        if len(re.findall(r'"idea": "[^"]*"', text)) > len(ends):
            ends.append(at)
    return ends


def test_a_streamed_storyboard_as_json_is_one_object_a_line(desk: Desk) -> None:
    with writing() as server:
        listed(desk.folder / "models.toml", local=server.url)
        ended = desk.run("storyboard", desk.brief(**_LANEIGE), "--stream", "--json")

    told = [json.loads(line) for line in ended.out.splitlines()]
    assert (ended.code, ended.err) == (0, "")
    assert [(one["role"], one["scene"]) for one in told[:-1]] == [
        (role, scene) for role in ("scene_plan", "copy", "direction") for scene in (1, 2, 3, 4)
    ]
    whole = told[-1]
    assert whole["event"] == "storyboard" and whole["session"] == "ad" and whole["degraded"] is None
    assert whole["review"]["tone_match"]["score"] == 0.92
    assert [scene["narration"] for scene in whole["storyboard"]["scenes"]] == [one["narration"] for one in told[4:8]]
    assert {route["stage"] for route in whole["routes"]} >= {"strategy", "copy", "review", "key_image", "final_mp4"}
    assert all(route["why"] for route in whole["routes"])


def test_ctrl_c_ends_a_hanging_model_in_one_sentence(desk: Desk) -> None:
    with writing() as server:
        listed(desk.folder / "models.toml", local=server.url)
        server.behave([HANGS])
        process = desk.start("storyboard", desk.brief(**_LANEIGE), "--stream")
        until(lambda: bool(server.asked), seconds=20)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=20)

    assert process.returncode == 130, err
    assert err.splitlines()[-1] == "stopped; what was finished is kept"
    assert "Traceback" not in err and out == ""
    assert not desk.session.plain_path(STORYBOARD).exists()


@pytest.mark.parametrize(("language", "columns"), [("ko", 80), ("en", 160)])
def test_a_storyboard_is_read_on_a_terminal(desk: Desk, language: str, columns: int) -> None:
    there = Desk(desk.root, {"AD_PIPELINE_LANGUAGE": language})
    claim = {"text": "3일 사용 후 92%가 촉촉함에 만족", "source": "자사 조사 2026, 30명"}
    changes: dict[str, Any] = {"quality": "draft", "duration": 20, "scene_count": 5, "claims": [claim]}
    brief = desk.brief(**_LANEIGE | changes)

    told = there.seen("storyboard", brief, columns=columns)

    board = json.loads((desk.session.folder / "storyboard.json").read_text(encoding="utf-8"))
    begins = re.search(r"(?m)^1 +0:00\.0", told)
    assert begins, told
    table = told[begins.start() : told.index("animatic/template-writer")].splitlines()
    assert all(cell_len(line.rstrip()) <= columns for line in table), told
    assert len(re.findall(r"(?m)^\d +\d:\d\d\.\d–\d:\d\d\.\d ", told)) == 5
    for scene in board["scenes"]:
        assert all(word in told for word in scene["narration"].split()), scene["narration"]
        assert all(word in told for word in scene["onscreen_text"].split())
    for reason in ("초안은 틀에서",) if language == "ko" else ("a draft is written from templates",):
        assert reason in told
    assert "animatic/template-writer" in told and "$0.00" in told
    assert ("hero product shot" in told) == (columns == 160)


@pytest.mark.parametrize("more", [(), ("--stream",)])
def test_words_of_others_give_the_terminal_no_orders(desk: Desk, more: tuple[str, ...]) -> None:
    reason = {"score": 0.9, "reason": "[bold red]fine[/] \x1b[31mred"}
    good = {name: reason for name in ("brand_fit", "claim_safety", "legibility", "reading_speed", "hook_strength")}
    review = {"tone_match": reason, **good, "advice": []}

    def planned(asked: Asked) -> Any:
        told = plan(asked)
        told["title"] = "물빛 \x1b]0;오후\x07"
        told["scenes"][0]["idea"] = "[red]a lake[/] \x1b[2J"
        return told

    with writing({"review": review, "scene_plan": planned}) as server:
        listed(desk.folder / "models.toml", local=server.url)
        ended = desk.run("storyboard", desk.brief(**_LANEIGE), *more)

    assert ended.code == 0
    assert "[bold red]fine[/]" in ended.out and "\x1b" not in ended.out and "\x07" not in ended.out
    assert ("[red]a lake[/]" in ended.out) == bool(more)


def test_waiting_is_progress_and_no_part_of_the_answer(desk: Desk) -> None:
    with writing() as server:
        listed(desk.folder / "models.toml", local=server.url)
        server.behave([OVERLOADED])
        ended = desk.run("storyboard", desk.brief(**_LANEIGE), "--stream")

    assert ended.code == 0
    assert ended.out.startswith("— scene plan\n  1  hook ")
    assert "tried again in" in ended.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["storyboard"], "give a brief's file, or --from chat"),
        (["storyboard", "no.yaml"], "cannot read the brief no.yaml"),
        (["rewrite", "nope", "--scene", "scene_001", "warmer"], "no session 'nope'"),
        (["variants", "../x", "--n", "2"], "session id: got '../x'"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence_and_exit_2(desk: Desk, arguments: list[str], said: str) -> None:
    ended = desk.run(*arguments)

    assert ended.code == 2
    assert ended.out == "" and said in ended.err and len(ended.err.splitlines()) == 1


def test_a_weaker_writer_where_the_brief_forbids_it_is_exit_3(desk: Desk) -> None:
    ended = desk.run("storyboard", desk.brief(**_LANEIGE, allow_degraded=False), "--json")

    assert ended.code == 3
    assert ended.json["degraded"]["used"] == "animatic/template-writer"


# --- the conversation -----------------------------------------------------------------------------


def test_a_conversation_becomes_a_brief_and_a_storyboard(desk: Desk) -> None:
    there = Desk(desk.root, {"AD_PIPELINE_LANGUAGE": "ko"})

    ended = there.said(
        "안녕\n라네즈\n워터 글로우 세럼\n100초\n12초\n물빛 아침\n아니, 15초\n\n\n\n",
        "storyboard",
        "--from",
        "chat",
        "--json",
    )

    assert ended.code == 0, ended.err
    assert ended.json["storyboard"]["duration_seconds"] == 15
    assert (desk.folder / "laneige_15s.yaml").read_text(encoding="utf-8") == (
        "brand_id: laneige\nproduct: 워터 글로우 세럼\nduration: 15.0\nconcept: 물빛 아침\n"
    )
    lines = ended.err.splitlines()
    assert "어느 브랜드인가요" in ended.err and "100초는 쓸 수 없습니다" in ended.err
    assert not re.search(r"[a-z]{4,} [a-z]{4,} [a-z]{4,}", "\n".join(line for line in lines if "ollama" not in line))


@pytest.mark.parametrize("lines", ["", "라네즈\nasdf?\n\n\x00\n"])
def test_a_conversation_that_ends_early_writes_nothing(desk: Desk, lines: str) -> None:
    ended = desk.said(lines, "storyboard", "--from", "chat")

    assert ended.code == 2
    assert "the conversation ended before the brief was whole; still missing: " in ended.err
    assert not list(desk.folder.glob("*.yaml")) and not list(desk.root.glob("*/brief*"))


@pytest.mark.slow
def test_a_conversation_begins_no_ad_that_there_is(desk: Desk) -> None:
    open_ad(a_workplace(desk.root))
    talk = 'Laneige "Water Glow" 15s reels\n'

    named = desk.said(talk, "storyboard", "--from", "chat", "--session", "ad")
    (desk.root / "laneige_15s" / "records").mkdir(parents=True)
    unnamed = desk.said(talk, "storyboard", "--from", "chat", "--json")

    assert named.code == 2 and "there is a session 'ad'" in named.err
    assert unnamed.code == 0 and unnamed.json["session"] == "laneige_15s_2"


# --- other words ----------------------------------------------------------------------------------


def test_new_words_are_shown_beside_the_old_ones(desk: Desk) -> None:
    open_ad(a_workplace(desk.root), **_LANEIGE | {"quality": "draft"})
    with writing() as server:
        listed(desk.folder / "models.toml", local=server.url)
        ended = desk.run("rewrite", "ad", "warmer", "--scene", "scene_001", "--words-only")
        server.behave([BAD_JSON] * 9)
        again = desk.run("rewrite", "ad", "warmer", "--scene", "scene_001", "--words-only", "--json")

    assert ended.code == 0
    assert ended.out.splitlines()[0].startswith("said: ") and "→ 세라마이드처럼 포근하게." in ended.out
    assert again.code == 0
    assert again.json["before"]["said"] == "세라마이드처럼 포근하게." != again.json["after"]["said"]
    assert again.json["degraded"]["used"] == "animatic/template-writer"


def test_a_line_of_our_own_writer_is_said_to_follow_no_wish(desk: Desk) -> None:
    open_ad(a_workplace(desk.root), allow_degraded=False)

    ended = desk.run("rewrite", "ad", "mention ceramide", "--scene", "scene_001", "--words-only")

    assert ended.code == 3
    assert "our own writer gave another line; it cannot follow a wish" in ended.out
    assert "degraded: animatic/template-writer made storyboard" in ended.out


@pytest.mark.slow
def test_variants_that_are_there_are_told_also_when_the_words_run_out(desk: Desk) -> None:
    open_ad(a_workplace(desk.root), scene_count=3)

    ended = desk.run("variants", "ad", "--n", "12", "--vary", "cta", "--words-only")

    made = [path.name for path in sorted(desk.root.glob("ad_cta_*"))]
    assert made and ended.code == 2
    assert all(f"{name}  (0 artifacts are the original's)" in ended.out for name in made)
    assert f"{len(made)} of 12 variants are there, and no words are left for another" in ended.err


@pytest.mark.slow
def test_variants_as_json_are_one_list(desk: Desk) -> None:
    open_ad(a_workplace(desk.root))

    ended = desk.run("variants", "ad", "--n", "2", "--vary", "hook", "--words-only", "--json")

    assert ended.code == 0
    assert [one["session"] for one in ended.json] == ["ad_hook_1", "ad_hook_2"]
    for one in ended.json:
        (scene,) = one["scenes"]
        assert scene["scene"] == "scene_001" and scene["before"]["said"] != scene["after"]["said"]


@pytest.mark.slow
def test_a_rewrite_makes_only_what_hangs_on_the_words_and_a_variants_film_stands_beside(desk: Desk) -> None:
    assert desk.run("make", desk.brief()).code == 0
    before = desk.files()

    rewritten = desk.run("rewrite", "ad", "warmer", "--scene", "scene_001")
    after = desk.files()
    varied = desk.run("variants", "ad", "--n", "1", "--vary", "cta", "--json")

    assert rewritten.code == 0 and {path: after[path] for path in before} == before
    new = {str(path.relative_to(desk.session.folder)) for path in set(after) - set(before)}
    assert {name for name in new if "scene_002" in name} == set()
    assert {Path(name).name.split(".")[0] for name in new} <= {"storyboard", "voice", "lipsync", "final", "music"}
    assert varied.code == 0
    (one,) = varied.json
    assert one["film"]["verdict"] == "degraded" and Path(one["film"]["finals"][0]["path"]).is_file()
    assert {path: desk.files()[path] for path in after} == after
