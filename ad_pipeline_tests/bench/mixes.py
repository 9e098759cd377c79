"""Forty mixes as ads have them, and worse: real guide-voice speech, music of every mood, effects."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np

from ad_pipeline.engines.animatic.moods import MOODS as MUSIC_MOODS
from ad_pipeline.engines.animatic.sound import ProceduralSound
from ad_pipeline.engines.animatic.voice_polish import joined, polished, trimmed
from ad_pipeline.engines.contracts import Job
from ad_pipeline.engines.crafts.sound import MusicRequest, SfxRequest
from ad_pipeline.media.sound import ACCESSIBLE, BALANCE, Mix, Placed, Samples, mix, read_sound
from ad_pipeline.media.time import AUDIO_RATE_HZ

MOODS = tuple(MUSIC_MOODS)

_JOB = Job(job_id="00000000-0000-4000-8000-000000000000")
_SAID = (
    ("ko+f3", "하루 종일 촉촉한 피부,", "워터 글로우 세럼을 만나 보세요."),
    ("ko+m3", "아침마다 거울 앞에서 망설였다면,", "이제는 다릅니다."),
    ("en-us+f3", "Wake up to skin that feels like spring,", "all day long."),
    ("en-us+m3", "Simple. Honest.", "Made for the way you live."),
)

Build = Callable[[], Mix]


@cache
def said(place: int) -> Samples:
    """A line by the guide voice: two clauses with a pause, polished as the engine does."""
    voice, *texts = _SAID[place % len(_SAID)]
    request = {
        "parent_pid": os.getpid(), "voice": voice, "rate": 190, "pitch": 48, "range": 46, "word_gap": 0, "texts": texts,
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "ad_pipeline.engines.animatic.espeak_child"],
        input=json.dumps(request).encode(), capture_output=True, timeout=30, check=True,
    )  # fmt: skip
    head, _, raw = done.stdout.partition(b"\n")
    told = json.loads(head)
    whole = np.frombuffer(raw, "<i2").astype(np.float32) / np.float32(32768)
    rate_hz, (first, _) = int(told["rate_hz"]), told["lengths"]
    dry, _ = joined([trimmed(part, rate_hz) for part in np.split(whole, [first])], [0.25, 0.0], rate_hz)
    return polished(dry, rate_hz)


@cache
def music(mood: str, seconds: float, seed: int = 7) -> Samples:
    request = MusicRequest(
        mood=mood, duration_s=seconds, scene_starts_s=(0.0, seconds / 3, seconds * 0.7), rise_at_s=seconds / 3,
        ending_at_s=seconds * 0.7, seed=seed,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        ProceduralSound().render_music(request, Path(folder, "music.wav"), _JOB)
        return read_sound(Path(folder, "music.wav"))


@cache
def effects(seconds: float, seed: int) -> Samples:
    request = SfxRequest(
        clip=Path("unused.mp4"), duration_s=seconds, transition_in="dissolve" if seed % 2 else "cut",
        opens=seed % 3 == 0, closes=seed % 3 == 2, seed=seed,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        ProceduralSound().render_sfx(request, Path(folder, "sfx.wav"), _JOB)
        return read_sound(Path(folder, "sfx.wav"))


def an_ad(seconds: float, *, mood: str = MOODS[0], lines: int = 3, raw: bool = False, accessible: bool = False) -> Mix:
    """Lines, effects and music spread over the film as a storyboard does."""
    scene_s = seconds / max(1, lines)
    voices = [Placed(samples=said(i), start_s=i * scene_s + 0.2, raw=raw) for i in range(lines)]
    sfx = [Placed(samples=effects(scene_s, i), start_s=i * scene_s) for i in range(max(1, lines))]
    balance = ACCESSIBLE if accessible else BALANCE
    return mix(_samples(seconds), voices=voices, sfx=sfx, music=music(mood, seconds), balance=balance)


def forty() -> Iterator[tuple[str, Build]]:
    """Name and recipe; each is made only when its turn comes."""
    for place, mood in enumerate(MOODS):
        yield f"{mood}, 15 s", lambda mood=mood: an_ad(15.0, mood=mood)
        yield f"{mood}, 6 s, no voice", lambda mood=mood: an_ad(6.0, mood=mood, lines=0)
        yield f"{mood}, 10 s, raw voices", lambda mood=mood: an_ad(10.0, mood=mood, lines=2, raw=True)
        yield f"{mood}, shaped", lambda place=place, mood=mood: _shaped(an_ad(12.0, mood=mood, lines=2), place)
    yield "30 s, three of them loud", lambda: _shaped(an_ad(30.0, lines=6), 8)
    yield "60 s", lambda: an_ad(60.0, lines=12)
    yield "accessible", lambda: an_ad(15.0, accessible=True)
    yield "voice alone", lambda: mix(_samples(8), voices=[Placed(samples=said(0), start_s=0.5)])
    yield "one word in 15 s", lambda: mix(_samples(15), voices=[Placed(samples=said(3)[:40_000], start_s=9.0)])
    yield "effects alone", lambda: mix(_samples(6), sfx=[Placed(samples=effects(6.0, 1), start_s=0)])
    yield "music of 2 s", lambda: mix(_samples(2), music=music(MOODS[3], 2.0))
    yield "clicks over a voice", _clicks


def _shaped(ad: Mix, place: int) -> Mix:
    """An ad whose level is far off, or jumps."""
    length = len(ad.voice)
    at = np.linspace(0, 1, length, dtype=np.float32)[:, None]
    shapes = (
        lambda: np.full_like(at, 0.01),
        lambda: np.full_like(at, 12.0),
        lambda: np.where(at > 0.7, 1.0, 0.35),
        lambda: np.where(at < 0.3, 1.0, 0.4),
        lambda: 10 ** (-1.4 + 1.4 * at),
        lambda: np.where((at > 0.4) & (at < 0.66), 1.0, 0.3),
        lambda: np.where(at % 0.25 < 0.03, 1.0, 0.1),
        lambda: 0.2 + 0.8 * np.sin(2 * np.pi * 3 * at) ** 8,
        lambda: np.where((at > 0.5) & (at < 0.61), 1.0, 0.36),
    )
    gain = shapes[place]().astype(np.float32)
    return Mix(
        voice=ad.voice * gain, music=ad.music * gain, sfx=ad.sfx * gain, duck_db=0, speech_over_music_lu=0,
        speech_over_sfx_lu=0,
    )  # fmt: skip


def _clicks() -> Mix:
    ad = an_ad(9.0, lines=2)
    ad.sfx[:: AUDIO_RATE_HZ // 2] = 0.95
    return ad


def _samples(seconds: float) -> int:
    return round(seconds * AUDIO_RATE_HZ)
