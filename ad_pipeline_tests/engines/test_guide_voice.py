from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ad_pipeline.engines.animatic import voice
from ad_pipeline.engines.animatic.voice import GuideVoice
from ad_pipeline.engines.contracts import Job
from ad_pipeline.engines.crafts.voice import VoiceDone, VoiceRequest
from ad_pipeline.errors import EngineRefused, EngineUnavailable
from ad_pipeline.story.speaking import spoken_seconds
from ad_pipeline.story.storyboard import Line

KOREAN = (
    "하루 종일 건조한 사무실, 피부가 먼저 지칩니다.",
    "물을 머금은 듯 맑은 피부를 위해 만들었어요.",
    "3일 사용 후 92%가 촉촉함에 만족했습니다.",
    "손끝에 닿는 순간 느껴지는 부드러운 질감.",
)
ENGLISH = (
    "The office air is dry, and your skin knows it first.",
    "Water Glow Serum melts in like a single drop of morning water.",
    "92% were happy with the moisture after 3 days.",
)


def _spoken(target: Path, *texts: str, language: str = "ko", **more: object) -> VoiceDone:
    lines = tuple(Line(text=text, speaker=f"speaker {at}") for at, text in enumerate(texts))
    request = VoiceRequest(lines=lines, language=language, cast={}, **more)  # type: ignore[arg-type]
    return GuideVoice().speak(request, target, Job(job_id="x"))


@pytest.mark.parametrize(("texts", "language"), [(KOREAN, "ko"), (ENGLISH, "en")])
def test_the_estimate_is_hardly_ever_shorter_than_the_speech(
    texts: tuple[str, ...], language: str, tmp_path: Path
) -> None:
    estimated = [spoken_seconds(text, language) for text in texts]  # type: ignore[arg-type]

    real = [_spoken(tmp_path / "v.wav", text, language=language).duration_s for text in texts]

    assert sum(estimated) >= sum(real)
    assert all(guess >= 0.92 * heard for guess, heard in zip(estimated, real, strict=True))
    assert sum(estimated) < 1.25 * sum(real)


def test_marks_keep_the_written_words_and_their_speakers(tmp_path: Path) -> None:
    done = _spoken(tmp_path / "v.wav", "단 3일, 2만9천원!", "SPF50+ 좋아요.")

    assert [mark.text for mark in done.marks] == ["단", "3일,", "2만9천원!", "SPF50+", "좋아요."]
    assert [mark.speaker[-1] for mark in done.marks] == list("00011")
    assert all(a.end_s <= b.start_s for a, b in itertools.pairwise(done.marks))
    assert "이만 구천" in done.details["said"]


def test_the_voice_is_level_and_begins_and_ends_in_silence(tmp_path: Path) -> None:
    _spoken(tmp_path / "v.wav", KOREAN[1])

    samples = np.frombuffer((tmp_path / "v.wav").read_bytes()[44:], "<i2") / 32768
    assert 10 ** (-3.2 / 20) <= np.abs(samples).max() <= 10 ** (-2.9 / 20)
    assert abs(samples[0]) < 0.001
    assert abs(samples[-1]) < 0.001
    assert np.abs(samples[: 48 * 40]).max() > 0.001, "no silence is left in front"


@pytest.mark.parametrize("text", ["   ", "😀✨", "…!?"])
def test_nothing_to_say_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(EngineRefused, match="nothing to say"):
        _spoken(tmp_path / "v.wav", text)


@pytest.mark.parametrize(
    "text", ["$(touch x) `ls` | ; & \" ' \\", "<speak>hi</speak> {x} %s", "سيروم الماء", "뷁 똠방각하"]
)
def test_odd_text_is_spoken_as_text(text: str, tmp_path: Path) -> None:
    assert _spoken(tmp_path / "v.wav", text + " 세럼").duration_s > 0.3


def test_a_child_that_fails_is_an_unavailable_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voice, "_VOICES", {"ko": "no-such-voice", "en": "en-us"})

    with pytest.raises(EngineUnavailable, match="no-such-voice"):
        _spoken(tmp_path / "v.wav", "안녕하세요")
    assert not (tmp_path / "v.wav").exists()


def test_a_long_data_path_is_shortened_by_a_copy() -> None:
    request = {
        "parent_pid": os.getpid(), "voice": "ko", "rate": 200, "pitch": 50, "range": 50, "word_gap": 0,
        "texts": ["안녕하세요"], "longest_data_path": 1,
    }  # fmt: skip

    done = subprocess.run(
        [sys.executable, "-m", "ad_pipeline.engines.animatic.espeak_child"],
        input=json.dumps(request).encode(),
        capture_output=True,
        check=True,
        timeout=30,
    )

    assert json.loads(done.stdout.split(b"\n")[0])["lengths"][0] > 5000


def test_a_child_without_its_parent_leaves() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ad_pipeline.engines.animatic.espeak_child"],
        input=json.dumps({"parent_pid": 1}).encode(),
        capture_output=True,
        check=False,
        timeout=30,
    )

    assert done.returncode == 1
    assert done.stdout == b""
