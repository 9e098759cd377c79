"""What every engine promises, whoever does the work; a new engine is one more `pytest.param`."""

from __future__ import annotations

import hashlib
import wave
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from ad_pipeline.engines.animatic.image import AnimaticImage
from ad_pipeline.engines.animatic.lipsync import PassThroughLipsync
from ad_pipeline.engines.animatic.motion import KenBurns
from ad_pipeline.engines.animatic.sound import ProceduralSound
from ad_pipeline.engines.animatic.story import TemplateWriter
from ad_pipeline.engines.animatic.voice import GuideVoice
from ad_pipeline.engines.contracts import Done, Engine, Job, Progress
from ad_pipeline.engines.crafts.image import ImageRequest, Look
from ad_pipeline.engines.crafts.lipsync import LipsyncRequest
from ad_pipeline.engines.crafts.motion import MotionRequest
from ad_pipeline.engines.crafts.sound import MusicRequest, SfxRequest
from ad_pipeline.engines.crafts.story import StoryRequest
from ad_pipeline.engines.crafts.voice import VoiceDone, VoiceRequest
from ad_pipeline.errors import Cancelled, EngineRefused
from ad_pipeline.story.storyboard import Line, storyboard_from_text
from ad_pipeline.values import Box, Size
from ad_pipeline_tests.story.samples import a_brief, a_kit


@dataclass(frozen=True, kw_only=True)
class Promise:
    """One craft of one engine: how to ask for work, what the file must be, how to be refused."""

    engine: Engine
    act: Callable[[Path, Path, Job], Done]
    """(folder with inputs, target, job)"""
    look: Callable[[Path, Done], None]
    refused: Callable[[Path, Path, Job], Done] | None = None


def _write_story(_: Path, target: Path, job: Job) -> Done:
    request = StoryRequest(brief=a_brief(duration=15), kit=a_kit(), seed=3)
    storyboard, done = TemplateWriter().write_storyboard(request, job)
    target.write_text(storyboard.to_json(), encoding="utf-8")
    return done


def _look_at_story(target: Path, _: Done) -> None:
    storyboard = storyboard_from_text(target.read_text(encoding="utf-8"))

    assert sum(storyboard.scene_frames) == 360


def _voice(text: str) -> Callable[[Path, Path, Job], Done]:
    request = VoiceRequest(lines=(Line(text=text),), language="ko", cast={})
    return lambda _, target, job: GuideVoice().speak(request, target, job)


def _look_at_voice(target: Path, done: Done) -> None:
    assert isinstance(done, VoiceDone)
    with wave.open(str(target)) as found:
        assert (found.getframerate(), found.getnchannels(), found.getsampwidth()) == (48_000, 1, 2)
        assert found.getnframes() / 48_000 == pytest.approx(done.duration_s)
    assert all(mark.start_s < mark.end_s <= done.duration_s for mark in done.marks)
    assert list(done.marks) == sorted(done.marks, key=lambda mark: mark.start_s)


def _sync_lips(inputs: Path, target: Path, job: Job) -> Done:
    clip = inputs / "clip.mp4"
    if not clip.exists():
        _tiny_clip(clip)
    request = LipsyncRequest(clip=clip, voice=inputs / "voice.wav", voice_start_s=0.25, frames=6, seed=1)
    return PassThroughLipsync().sync_lips(request, target, job)


def _sync_lips_of_nothing(inputs: Path, target: Path, job: Job) -> Done:
    request = LipsyncRequest(clip=inputs / "no.mp4", voice=inputs / "v.wav", voice_start_s=0, frames=6, seed=1)
    return PassThroughLipsync().sync_lips(request, target, job)


def _look_at_clip(target: Path, _: Done) -> None:
    with av.open(str(target)) as film:
        assert sum(1 for _ in film.decode(video=0)) == 6


def _sfx(duration_s: float) -> Callable[[Path, Path, Job], Done]:
    def act(inputs: Path, target: Path, job: Job) -> Done:
        request = SfxRequest(
            clip=inputs / "clip.mp4", duration_s=duration_s, prompt="water", purpose="cta", transition_in="slide"
        )
        return ProceduralSound().render_sfx(request, target, job)

    return act


def _music(duration_s: float) -> Callable[[Path, Path, Job], Done]:
    request = MusicRequest(
        mood="calm_inspiring",
        duration_s=duration_s,
        scene_starts_s=(0.0, 2.0, 4.0),
        rise_at_s=2.0,
        ending_at_s=4.0,
        seed=5,
    )
    return lambda _, target, job: ProceduralSound().render_music(request, target, job)


def _look_at_sound(target: Path, _: Done) -> None:
    with av.open(str(target)) as film:
        stream = film.streams.audio[0]
        assert (stream.rate, stream.channels, stream.codec_context.name) == (48_000, 2, "pcm_f32le")
        samples = np.concatenate([frame.to_ndarray().reshape(-1, 2) for frame in film.decode(stream)])
    assert len(samples) == 6 * 48_000
    assert np.isfinite(samples).all()
    assert float(np.abs(samples).max()) <= 10 ** (-3 / 20)


def _tiny_clip(path: Path) -> None:
    with av.open(str(path), "w") as film:
        stream = film.add_stream("libx264", rate=24, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for shade in range(6):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 30 * shade, np.uint8), format="rgb24")
            film.mux(stream.encode(frame))
        film.mux(stream.encode())


def _image_request(width_px: int = 270, height_px: int = 480) -> ImageRequest:
    whole = Box(left_px=0, top_px=0, right_px=width_px, bottom_px=height_px)
    return ImageRequest(
        prompt="podium studio with a glass dropper bottle of serum, soft light",
        size=Size(width_px=width_px, height_px=height_px),
        seed=3,
        look=Look(kit=a_kit(), product="수분 세럼"),
        safe_box=whole,
    )


def _draw(request: ImageRequest) -> Callable[[Path, Path, Job], Done]:
    return lambda folder, target, job: AnimaticImage().render_image(request, target, folder / "layers", job)


def _draw_from_broken_photo(folder: Path, target: Path, job: Job) -> Done:
    photo = folder / "photo.png"
    photo.write_bytes(b"no picture")
    request = replace(_image_request(), look=replace(_image_request().look, product_image=photo))
    return AnimaticImage().render_image(request, target, folder / "layers", job)


def _look_at_image(target: Path, _: Done) -> None:
    with Image.open(target) as picture:
        assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", (270, 480))


def _move(frames: int) -> Callable[[Path, Path, Job], Done]:
    def act(folder: Path, target: Path, job: Job) -> Done:
        image = folder / "still.png"
        if not image.exists():
            Image.linear_gradient("L").convert("RGB").resize((270, 480)).save(image)
        request = MotionRequest(
            image=image, size=Size(width_px=270, height_px=480), frames=frames, motion_style="slow zoom-in", seed=3
        )
        return KenBurns().render_motion(request, target, job)

    return act


def _look_at_motion(target: Path, _: Done) -> None:
    with av.open(str(target), format="mp4") as film:
        assert sum(1 for _ in film.decode(video=0)) == 20


PROMISES = [
    pytest.param(
        Promise(
            engine=AnimaticImage(), act=_draw(_image_request()), look=_look_at_image, refused=_draw_from_broken_photo
        ),
        id="animatic-image",
    ),
    pytest.param(
        Promise(engine=KenBurns(), act=_move(20), look=_look_at_motion, refused=_move(0)), id="animatic-motion"
    ),
    pytest.param(Promise(engine=TemplateWriter(), act=_write_story, look=_look_at_story), id="animatic-story"),
    pytest.param(
        Promise(
            engine=GuideVoice(),
            act=_voice("한 방울이면 충분해요. 지금 만나보세요!"),
            look=_look_at_voice,
            refused=_voice("✨ ..."),
        ),
        id="animatic-voice",
    ),
    pytest.param(
        Promise(engine=PassThroughLipsync(), act=_sync_lips, look=_look_at_clip, refused=_sync_lips_of_nothing),
        id="animatic-lipsync",
    ),
    pytest.param(
        Promise(engine=ProceduralSound(), act=_sfx(6.0), look=_look_at_sound, refused=_sfx(-1.0)), id="animatic-sfx"
    ),
    pytest.param(
        Promise(engine=ProceduralSound(), act=_music(6.0), look=_look_at_sound, refused=_music(9000.0)),
        id="animatic-music",
    ),
]


@pytest.mark.parametrize("promise", PROMISES)
def test_an_engine_writes_exactly_what_it_promises(promise: Promise, tmp_path: Path) -> None:
    target = tmp_path / "out" / "artifact"
    target.parent.mkdir()
    heard: list[Progress] = []

    done = promise.act(tmp_path, target, Job(job_id="one", report=heard.append))

    promise.look(target, done)
    assert [path.name for path in target.parent.iterdir()] == ["artifact"]
    assert done.model == promise.engine.facts.model
    assert heard
    assert all(0 <= progress.fraction <= 1 for progress in heard)


@pytest.mark.parametrize("promise", PROMISES)
def test_the_same_request_gives_the_same_bytes(promise: Promise, tmp_path: Path) -> None:
    sums: list[str] = []

    for name in ("first", "second"):
        promise.act(tmp_path, tmp_path / name, Job(job_id=name))
        sums.append(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())

    assert sums[0] == sums[1]


@pytest.mark.parametrize("promise", [p for p in PROMISES if p.values[0].refused])
def test_a_refusal_names_the_engine_and_writes_nothing(promise: Promise, tmp_path: Path) -> None:
    assert promise.refused
    target = tmp_path / "artifact"

    with pytest.raises(EngineRefused) as refusal:
        promise.refused(tmp_path, target, Job(job_id="one"))

    assert refusal.value.engine == promise.engine.facts.name
    assert not target.exists()


@pytest.mark.parametrize("promise", PROMISES)
def test_stopped_work_writes_nothing(promise: Promise, tmp_path: Path) -> None:
    target = tmp_path / "artifact"

    with pytest.raises(Cancelled):
        promise.act(tmp_path, target, Job(job_id="one", should_stop=lambda: True))

    assert not target.exists()


@pytest.mark.parametrize("promise", PROMISES)
def test_the_facts_of_an_engine_are_complete(promise: Promise) -> None:
    facts = promise.engine.facts

    assert facts.name
    assert facts.model
    assert facts.version
    assert facts.crafts
    assert facts.licence.name
    assert promise.engine.missing() is None
