"""One short brief, from the command line to the film, through Dagster: made, resumed, changed, broken, killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from ad_pipeline.cli.main import main
from ad_pipeline.media.probe import probe
from ad_pipeline.stages.session_facts import STORYBOARD
from ad_pipeline.stages.soundtrack import MUSIC
from ad_pipeline_tests.cli.commands import Ended, Place, until

pytestmark = pytest.mark.slow

_EXAMPLE = Path(__file__).parents[2] / "examples" / "etude_6s.yaml"


@pytest.fixture(scope="module")
def brief(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The shortest example with the fewest scenes."""
    path = tmp_path_factory.mktemp("brief") / "etude.yaml"
    path.write_text(_EXAMPLE.read_text(encoding="utf-8") + "\nscene_count: 2\n", encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def first(brief: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, Ended]:
    """The ad made once; nobody changes it."""
    place = Place(tmp_path_factory.mktemp("first") / "root")
    return place, place.run("make", brief, "--session", "ad", "--json")


@pytest.fixture
def made(first: tuple[Place, Ended], tmp_path: Path) -> Place:
    """A copy of the finished ad, to do things to."""
    assert first[1].code == 0
    shutil.copytree(first[0].root, tmp_path / "root", symlinks=True)
    return Place(tmp_path / "root")


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Place]:
    """A root where nothing was made; what a failed test leaves running there is ended."""
    place = Place(tmp_path / "root")
    yield place
    for process in place.processes():
        process.kill()


def test_a_brief_becomes_a_film(first: tuple[Place, Ended]) -> None:
    place, ended = first

    assert ended.code == 0, ended.err + ended.out
    assert (ended.json["verdict"], ended.json["session"], ended.json["failures"]) == ("done", "ad", [])
    assert sum(scene["seconds"] for scene in ended.json["scenes"]) == pytest.approx(6)
    (final,) = ended.json["finals"]
    assert all(check["passed"] for check in final["checks"] if check["severity"] == "error")
    film = probe(Path(final["path"]))
    assert film.picture and film.sound
    assert (str(film.picture.size), film.picture.frames, film.picture.rate.per_second) == (
        "1080x1920", 144, Fraction(24),
    )  # fmt: skip
    assert (place.session.folder / "final.mp4").resolve() == Path(final["path"]).resolve()
    for name in ("captions.srt", "captions.vtt", "thumbnail.jpg", "manifest.json", "storyboard.json", "brief.yaml"):
        assert (place.session.folder / name).exists(), name
    assert set(map(tuple, place.takes().values())) == {(1,)}
    assert set(place.run_states()) == {"SUCCESS"}
    assert place.processes() == []


def test_making_it_again_does_nothing(made: Place, brief: str) -> None:
    before = made.files()

    ended = made.run("make", brief, "--session", "ad", "--json")

    assert (ended.code, ended.json["nothing_to_do"], ended.json["verdict"]) == (0, True, "done")
    assert made.files() == before


def test_a_new_narration_makes_only_its_voice_and_the_final(made: Place) -> None:
    before = made.takes()

    ended = made.run("rerun", "ad", "--scene", "scene_001", "--narration", "톡, 젤리팝", "--json")

    assert ended.code == 0, ended.out
    after = made.takes()
    assert {name for name in after if after[name] != before[name]} == {
        "storyboard", "scene_001.voice", "9x16.final_mp4",
    }  # fmt: skip
    assert after["scene_001.voice"] == [1, 2]
    assert ended.json["finals"][0]["take"] == 2
    assert (made.session.folder / "final.mp4").resolve().name == "final.v2.mp4"
    older = made.run("pick", "ad", "scene_001", "voice", "v1")
    assert (older.code, "was made from another story" in older.err) == (2, True)


def test_another_picture_is_taken_and_the_first_one_picked_back(made: Place) -> None:
    before = made.takes()

    again = made.run("rerun", "ad", "--scene", "scene_002", "--stage", "key_image", "--json")

    assert again.code == 0, again.out
    after = made.takes()
    changed = {name for name in after if after[name] != before[name]}
    assert {"scene_002.9x16.key_image", "scene_002.9x16.motion_clip", "9x16.final_mp4"} <= changed
    assert not any(name.startswith("scene_001") or name in ("storyboard", "brief", "music") for name in changed)
    assert "scene_002.voice" not in changed

    back = made.run("pick", "ad", "scene_002", "key_image", "v1", "--json")

    assert back.code == 0, back.out
    assert made.takes() == after  # every take was there already
    assert {record.take for record in made.session.picked_records()} == {1}
    assert back.json["finals"][0]["take"] == 1


def test_another_piece_of_music_changes_the_final_alone(made: Place) -> None:
    before = made.takes()

    again = made.run("rerun", "ad", "--stage", "music", "--json")

    assert again.code == 0, again.out
    after = made.takes()
    assert {name for name in after if after[name] != before[name]} == {"music", "9x16.final_mp4"}
    music = made.session.takes(MUSIC)
    assert len({take.sha256 for take in music}) == 2
    assert made.run("rerun", "ad", "--stage", "music", "--scene", "scene_001").code == 2


def test_show_takes_and_route_tell_of_it(
    made: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AD_PIPELINE_ROOT", str(made.root))
    monkeypatch.setenv("AD_PIPELINE_LANGUAGE", "en")
    before = signal.getsignal(signal.SIGTERM)

    def told(*arguments: str) -> tuple[int, str]:
        code, said = main(arguments), capsys.readouterr()
        return code, said.out + said.err

    shown, taken, routed = (
        json.loads(told(*command, "--json")[1])
        for command in (("show", "ad"), ("takes", "ad", "--scene", "scene_001"), ("route", "ad"))
    )

    assert (shown["finished"], shown["brand"]) == (True, "etude")
    assert {(record["stage"], record["picked"]) for record in taken} == {
        (kind, True) for kind in ("key_image", "motion_clip", "voice", "lipsync", "sfx")
    }
    assert all(decision["ready"] for decision in routed)
    assert told("show")[1].startswith("ad ")
    for command in ("show", "takes", "route"):
        code, said = told(command, "ad")
        assert (code, "scene_001" in said) == (0, True)
    assert "did you mean 'key_image'" in told("pick", "ad", "scene_001", "key_imag", "v1")[1]
    for wrong in (
        ["pick", "ad", "scene_009", "key_image", "v1"],
        ["pick", "ad", "scene_001", "key_image", "v9"],
        ["pick", "ad", "scene_001", "key_image", "2"],
        ["pick", "ad", "scene_001", "key_image", "v1", "--format", "1:1"],
        ["pick", "ad", "scene_001", "key_image", "v1", "--format", "9/16"],
        ["pick", "ad", "-", "key_image", "v1"],
        ["rerun", "ad", "--scene", "scene_009"],
        ["rerun", "ad", "--scene", "scene_001", "--seed", "-1"],
        ["rerun", "ad", "--scene", "scene_001", "--narration", "x" * 5000],
        ["rerun", "ad"],
        ["takes", "ad", "--scene", "scene_009"],
    ):
        assert told(*wrong)[0] == 2, wrong
    assert made.takes() == {name: [1] for name in made.takes()}
    signal.signal(signal.SIGTERM, before)


def test_a_scene_that_fails_leaves_the_others_recorded(first: tuple[Place, Ended], made: Place, brief: str) -> None:
    plain = made.session.plain_path(STORYBOARD)
    board = json.loads(plain.read_text(encoding="utf-8"))
    board["scenes"][0]["narration"] = "아주 길어서 이 장면에는 절대로 들어갈 수 없는 말입니다. " * 12
    board["scenes"][0].pop("lines", None)
    board["scenes"][1]["narration"] = "톡"
    board["scenes"][1].pop("lines", None)
    plain.write_text(json.dumps(board, ensure_ascii=False), encoding="utf-8")

    ended = made.run("make", brief, "--session", "ad", "--json")

    assert (ended.code, ended.json["verdict"]) == (1, "failed")
    assert [failure["place"] for failure in ended.json["failures"]] == ["scene_001"]
    assert ended.json["failures"][0]["fault"]
    assert "Traceback" not in ended.out
    assert made.takes()["scene_002.voice"] == [1, 2]
    assert made.takes()["scene_001.voice"] == [1]
    assert made.takes()["9x16.final_mp4"] == [1]
    assert made.processes() == []
    assert "STARTED" not in made.run_states()


def _made_something(place: Place) -> bool:
    return place.session.exists and any(record.scene_id for record in place.session.records())


def test_a_killed_driver_leaves_nothing_running_and_its_work_is_kept(brief: str, fresh: Place) -> None:
    place = fresh
    process = place.start("make", brief, "--session", "ad")
    until(lambda: _made_something(place))

    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)

    until(lambda: not place.processes(), seconds=20)
    place.session.recover()
    before = place.files()
    ended = place.run("make", brief, "--session", "ad", "--json")
    assert (ended.code, ended.json["verdict"]) == (0, "done"), ended.out
    assert {path: when for path, when in place.files().items() if path in before} == before
    assert set(map(tuple, place.takes().values())) == {(1,)}
    states = place.run_states()
    assert set(states) <= {"SUCCESS", "FAILURE"}
    assert place.processes() == []
    assert not list((place.session.folder / ".drafts").iterdir())


def test_a_killed_worker_is_said_and_leaves_nothing_started(brief: str, fresh: Place) -> None:
    place = fresh
    process = place.start("make", brief, "--session", "ad", "--json")
    until(lambda: _made_something(place))
    workers = [p for p in place.processes() if p.pid != process.pid and not p.children() and p.num_threads() > 1]

    for worker in workers:
        worker.kill()
    out, err = process.communicate(timeout=120)

    assert workers
    assert process.returncode == 1, (process.returncode, out, err)
    assert "Traceback" not in err
    until(lambda: not place.processes(), seconds=20)
    assert "STARTED" not in place.run_states()
    assert all(place.session.is_intact(record) for record in place.session.records())


@pytest.mark.parametrize("send", [os.kill, os.killpg], ids=["process", "group"])
@pytest.mark.parametrize("ask", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_cancels_in_order(
    brief: str, fresh: Place, ask: signal.Signals, send: Callable[[int, int], None]
) -> None:
    place = fresh
    process = place.start("make", brief, "--session", "ad")
    until(lambda: _made_something(place))

    send(process.pid, ask)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 130, err
    assert "what was finished is kept" in err
    assert "Traceback" not in err
    until(lambda: not place.processes(), seconds=10)
    assert set(place.run_states()) <= {"CANCELED", "SUCCESS"}
    assert "9x16.final_mp4" not in place.takes()
    assert all(place.session.is_intact(record) for record in place.session.records())
