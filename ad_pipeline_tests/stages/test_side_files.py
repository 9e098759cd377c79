"""What lies beside a finished film: captions that agree with each other and, on wish, the described film."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import av
import pytest

from ad_pipeline.engines.animatic.voice import GuideVoice
from ad_pipeline.engines.contracts import Job
from ad_pipeline.engines.crafts.voice import VoiceDone, VoiceRequest
from ad_pipeline.engines.registry import Registry
from ad_pipeline.errors import EngineUnavailable
from ad_pipeline.media.sound import read_sound
from ad_pipeline.media.time import AUDIO_RATE_HZ
from ad_pipeline.sessions.records import TakeRecord
from ad_pipeline.stages.final_mp4 import make_finals
from ad_pipeline.stages.key_image import make_key_images
from ad_pipeline.stages.lipsync import make_lipsyncs
from ad_pipeline.stages.motion_clip import make_motion_clips
from ad_pipeline.stages.opening import open_session
from ad_pipeline.stages.sfx import make_sfx
from ad_pipeline.stages.storyboard import edit_scene
from ad_pipeline.stages.voice import make_voice
from ad_pipeline.stages.workplace import Wishes, Workplace
from ad_pipeline.studio.links import file_url
from ad_pipeline.studio.media_route import media_app
from ad_pipeline_tests.stages.sessions import a_workplace, brief_text, open_ad
from ad_pipeline_tests.studio.test_media_route import Browser

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workplace, tuple[TakeRecord, ...]]:
    """A film of six seconds in two formats, whose first scene two people speak; its description spoken."""
    workplace = a_workplace(tmp_path_factory.mktemp("made") / "root")
    open_ad(workplace, accessibility=True, formats=["1:1", "9:16"])
    lines = [{"speaker": "mina", "text": "립 봤어?"}, {"speaker": "jun", "text": "응, 봤어."}]
    edit_scene(workplace, "ad", "scene_001", {"lines": lines, "onscreen_text": "{\\b1}톡 <i>튀는"})
    for scene_id in ("scene_001", "scene_002"):
        make_key_images(workplace, "ad", scene_id)
        make_motion_clips(workplace, "ad", scene_id)
        make_voice(workplace, "ad", scene_id)
        make_lipsyncs(workplace, "ad", scene_id)
        make_sfx(workplace, "ad", scene_id)
    return workplace, make_finals(workplace, "ad")


def _text(workplace: Workplace, name: str) -> str:
    return (workplace.session("ad").folder / name).read_text(encoding="utf-8")


def test_the_three_caption_files_say_the_same_at_the_same_times(
    made: tuple[Workplace, tuple[TakeRecord, ...]],
) -> None:
    workplace, finals = made
    srt, vtt, ass = (_text(workplace, f"captions.{kind}") for kind in ("srt", "vtt", "ass"))

    clocks = re.findall(r"^(\S+) --> (\S+)$", srt, re.M)
    assert [(a.replace(",", "."), b.replace(",", ".")) for a, b in clocks] == re.findall(
        r"^(\S+) --> (\S+)$", vtt, re.M
    )
    assert ass.count("Dialogue: ") == len(clocks) >= 3
    for line in ("립 봤어?", "응, 봤어."):
        assert all(line in text for text in (srt, vtt, ass))
    assert "<v mina>" in vtt and "- 립 봤어?" in srt and "Speaker1" in ass and "Speaker2" in ass
    verdicts = {verdict.name: verdict for verdict in finals[0].verdicts}
    assert verdicts["caption_times"].passed and verdicts["caption_speed"].severity == "warning"


def test_the_described_film_lies_beside_the_main_one_only(made: tuple[Workplace, tuple[TakeRecord, ...]]) -> None:
    workplace, (main, other) = made
    session = workplace.session("ad")
    told = main.details["description"]

    assert {"described.m4a", "described.mp4", "description.vtt"} <= set(main.files)
    assert not [name for name in other.files if name.startswith("descri")] and "description" not in other.details
    names = [verdict.name for verdict in main.verdicts]
    assert {"described_loudness", "description_apart"} <= set(names)
    assert all(verdict.passed for verdict in main.verdicts if verdict.name.startswith("descri"))
    waits_s = sum(hold["for_s"] for hold in told["described.mp4"]["stands_still"])
    with (
        av.open(str(session.folder / "described.mp4")) as film,
        av.open(str(session.folder / "final.mp4")) as plain,
    ):
        pictures = [bytes(packet) for packet in film.demux(film.streams.video[0]) if packet.size]
        assert pictures == [bytes(packet) for packet in plain.demux(plain.streams.video[0]) if packet.size]
        assert float(film.duration or 0) / av.time_base == pytest.approx(6 + waits_s, abs=0.06)
    assert len(read_sound(session.folder / "described.m4a")) == pytest.approx(6 * AUDIO_RATE_HZ, abs=2048)
    assert "‹" not in _text(workplace, "description.vtt") and "&lt;i&gt;튀는" in _text(workplace, "description.vtt")


def test_the_sessions_page_plays_the_captions_and_leads_to_the_described_film(
    made: tuple[Workplace, tuple[TakeRecord, ...]],
) -> None:
    workplace, (main, _) = made
    browser = Browser(media_app(workplace))

    page = browser.get("/sessions/ad/").text

    for name in ("captions.vtt", "description.vtt", "described.mp4"):
        assert main.files[name].path in page
        assert browser.get(file_url("", "ad", main.files[name].path)).status_code == 200
    assert browser.get(file_url("", "ad", main.files["captions.ass"].path)).headers["content-type"].startswith("text/")


class _Mute(GuideVoice):
    """A guide voice that fails."""

    def speak(self, request: VoiceRequest, target: Path, job: Job) -> VoiceDone:
        raise EngineUnavailable("the guide voice did not start: {why}", engine="animatic", why="a test")


def test_the_film_is_made_though_nobody_can_describe_it_and_says_so(
    made: tuple[Workplace, tuple[TakeRecord, ...]],
) -> None:
    workplace, _ = made
    shutil.rmtree(workplace.session("ad").folder / ".segments" / "described")
    mute = a_workplace(workplace.store.root, engines=Registry({"animatic/guide-voice": _Mute()}))

    main = make_finals(mute, "ad", Wishes(reuse=False))[0]

    verdict = next(verdict for verdict in main.verdicts if verdict.name == "described_loudness")
    assert (verdict.passed, verdict.measured) == (False, "not made") and "a test" in verdict.note
    assert "described.mp4" not in main.files and "description.vtt" in main.files


def test_without_the_wish_only_the_text_is_made(made: tuple[Workplace, tuple[TakeRecord, ...]]) -> None:
    workplace, _ = made
    root = Path(workplace.store.root)
    open_session(workplace, "ad", brief_text(formats=["1:1", "9:16"]), folder=root)

    main = make_finals(workplace, "ad")[0]

    assert "description.vtt" in main.files and "described.mp4" not in main.files
    assert set(main.details["description"]) == {"language", "nothing_to_tell"}
