"""The lipsync stage: which clips go to a model, which go on as they are, and what the record tells of each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ad_pipeline.engines.comfy.place import Place
from ad_pipeline.engines.comfy.workshop import workshop
from ad_pipeline.engines.registry import Registry
from ad_pipeline.media.encode import MEZZANINE, VideoWriter, planes_from_rgb
from ad_pipeline.media.sound import write_wav
from ad_pipeline.sessions.records import TakeRecord
from ad_pipeline.stages.lipsync import make_lipsyncs
from ad_pipeline.stages.motion_clip import motion_clip_key
from ad_pipeline.stages.session_facts import facts_of
from ad_pipeline.stages.storyboard import edit_scene
from ad_pipeline.stages.voice import voice_key
from ad_pipeline.stages.workplace import Workplace
from ad_pipeline.story.formats import size_of
from ad_pipeline_tests.comfy.faces import a_ground, with_face
from ad_pipeline_tests.comfy.server import ComfyServer
from ad_pipeline_tests.comfy.stocked import nodes_file, stocked
from ad_pipeline_tests.sessions.writing import facts as take_facts
from ad_pipeline_tests.stages.sessions import a_workplace, open_ad

pytestmark = pytest.mark.slow

SCENE = "scene_001"
LINES = [
    {"speaker": "mina", "text": "입술이 톡 튀어요"},
    {"speaker": "jun", "text": "정말요?"},
]


@pytest.fixture
def server() -> Iterator[ComfyServer]:
    with stocked(finds_faces=True) as running:
        yield running


@pytest.fixture
def workplace(server: ComfyServer, tmp_path: Path) -> Iterator[Workplace]:
    nodes = nodes_file(tmp_path / "nodes.toml", {"gpu0": server})
    place = Place(nodes=nodes, graphs=(), database_url=f"sqlite:///{tmp_path / 'jobs.sqlite'}")
    yield a_workplace(tmp_path / "root", engines=Registry(comfy=place), first_pause_s=0.05)
    workshop(place).close()


def _synced(workplace: Workplace, *, face: bool = True, changes: dict[str, object], **brief: Any) -> TakeRecord:
    """The first scene's lipsync in an ad that is no paid one, from a clip and a voice that a test made."""
    wanted: dict[str, Any] = {"quality": "standard", "commercial": False, "formats": ["1:1"], **brief}
    open_ad(workplace, **wanted)
    edit_scene(workplace, "ad", SCENE, changes)
    facts = facts_of(workplace, "ad")
    format_ = facts.storyboard.format
    session, size = workplace.session("ad"), size_of(format_)
    ground = a_ground(size.height_px, size.width_px)
    planes = planes_from_rgb(with_face(ground) if face else ground)
    with session.drafting(motion_clip_key(SCENE, format_)) as draft:
        with VideoWriter(draft.path, size=size, settings=MEZZANINE) as film:
            for _ in range(facts.shot(SCENE).clip_frames):
                film.write(planes)
        session.commit(draft, made_by="pipeline", facts=take_facts())
    with session.drafting(voice_key(SCENE)) as draft:
        write_wav(draft.path, _bursts())
        session.commit(draft, made_by="pipeline", facts=take_facts(details={"start_s": 0.31}))
    return make_lipsyncs(workplace, "ad", SCENE)[0]


def _bursts() -> np.ndarray[Any, np.dtype[np.float32]]:
    at = np.arange(48_000 * 3 // 2) / 48_000
    loud = np.abs(np.sin(2 * np.pi * 1.3 * at + 2 * at**2))
    return (0.4 * loud * np.sin(2 * np.pi * 190 * at)).astype(np.float32)


def test_a_speaker_on_camera_gets_moving_lips_and_the_record_measures_them(workplace: Workplace) -> None:
    record = _synced(workplace, changes={"speaker_on_camera": True, "narration": "입술이 톡 튀어요"})

    assert (record.engine, record.model, record.degraded) == ("comfyui", "latentsync-1.6", None)
    told = {verdict.name: verdict for verdict in record.verdicts}
    names = {"size", "frame_rate", "length", "changed_region", "outside_region", "mouth_moves", "lips_in_time"}
    assert names <= set(told)
    assert [(name, told[name].measured) for name in sorted(names) if not told[name].passed] == []
    assert record.details["face"] == "in 3 of 3 pictures"


def test_several_speakers_on_one_face_are_said(workplace: Workplace) -> None:
    record = _synced(workplace, changes={"speaker_on_camera": True, "lines": LINES})

    assert record.details["speakers"] == ["mina", "jun"]
    assert record.details["follows"] == "all lines"


def test_a_clip_without_a_face_goes_on_degraded_and_says_what_to_do(workplace: Workplace, server: ComfyServer) -> None:
    record = _synced(workplace, face=False, changes={"speaker_on_camera": True, "narration": "입술이 톡 튀어요"})

    assert (record.engine, record.details["passed_through"]) == ("animatic", True)
    assert record.degraded
    assert record.degraded.why.startswith("scene_001: no face was found in the clip at")
    assert "LatentSyncNode" not in str(server.machine.made)


@pytest.mark.parametrize(
    ("changes", "brief", "why"),
    [
        ({}, {}, "nobody speaks on camera in this scene"),
        ({"speaker_on_camera": True}, {"voice": "none"}, "the speaker is on camera, and the ad has no voice"),
        ({"speaker_on_camera": True, "narration": " "}, {}, "the speaker is on camera and says nothing"),
    ],
)
def test_where_no_lips_have_to_move_the_clips_own_file_goes_on(
    workplace: Workplace, server: ComfyServer, changes: dict[str, object], brief: dict[str, Any], why: str
) -> None:
    record = _synced(workplace, changes={"engines": {"lipsync": "comfyui/latentsync-1.6"}, **changes}, **brief)

    session = workplace.session("ad")
    clip = session.picked(motion_clip_key(SCENE, facts_of(workplace, "ad").storyboard.format))
    assert clip
    assert session.path_of(record).samefile(session.path_of(clip))
    assert record.sha256 == clip.sha256
    assert (record.details["passed_through"], record.details["why"], record.degraded) == (True, why, None)
    assert [(verdict.name, verdict.passed) for verdict in record.verdicts] == [("unchanged", True)]
    assert not server.machine.made
