"""The described sounds: over nobody's words, whole where the film may wait, kept, and told in the record."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ad_pipeline.engines.animatic.story import TemplateWriter
from ad_pipeline.engines.animatic.voice import GuideVoice
from ad_pipeline.engines.contracts import Job
from ad_pipeline.engines.crafts.story import StoryRequest
from ad_pipeline.engines.crafts.voice import Mark, VoiceDone, VoiceEngine, VoiceRequest
from ad_pipeline.engines.registry import Registry
from ad_pipeline.errors import EngineUnavailable
from ad_pipeline.media.loudness import measured
from ad_pipeline.media.sound import Samples, read_sound, write_wav
from ad_pipeline.media.time import AUDIO_RATE_HZ
from ad_pipeline.sessions.keys import ArtifactKey
from ad_pipeline.stages.describer import Describer, cut_by_marks
from ad_pipeline.stages.description import (
    Described,
    Description,
    check_description,
    description_vtt,
    tellings_of,
    told_of,
)
from ad_pipeline.stages.opening import open_session
from ad_pipeline.stages.session_facts import STORYBOARD, facts_of
from ad_pipeline.stages.sfx import sfx_key
from ad_pipeline.stages.soundtrack import MUSIC
from ad_pipeline.stages.voice import voice_key
from ad_pipeline.stages.workplace import Workplace
from ad_pipeline.story.channels import film_loudness
from ad_pipeline_tests.sessions.writing import facts as take_facts
from ad_pipeline_tests.stages.sessions import a_workplace, brief_text, open_ad

_TONE_HZ = 3000.0
_VOICE_S = (0.3, 2.0)
"""When each scene's voice begins in it, and how long it speaks."""


def _tone(seconds: float) -> Samples:
    at = np.arange(round(seconds * AUDIO_RATE_HZ)) / AUDIO_RATE_HZ
    return (0.2 * np.sin(2 * np.pi * _TONE_HZ * at)).astype(np.float32)


def _take(workplace: Workplace, key: ArtifactKey, samples: Samples, **details: float) -> None:
    session = workplace.session("ad")
    with session.drafting(key) as draft:
        write_wav(draft.path, samples)
        told = take_facts(fingerprint=f"{samples.sum()} {len(samples)}", details={"guide_voice": True, **details})
        session.commit(draft, made_by="pipeline", facts=told)


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    """An ad whose voices are tones, so that a description can be told from them; no music, no effects."""
    workplace = a_workplace(tmp_path / "root")
    open_ad(workplace, duration=8)
    _take(workplace, MUSIC, np.zeros((8 * AUDIO_RATE_HZ, 2), np.float32))
    for scene in facts_of(workplace, "ad").storyboard.scenes:
        _take(workplace, sfx_key(scene.id), np.zeros((AUDIO_RATE_HZ, 2), np.float32))
        _take(workplace, voice_key(scene.id), _tone(_VOICE_S[1]), start_s=_VOICE_S[0])
    return workplace


def _described(workplace: Workplace) -> Described:
    """As a cut of its own asks: with nothing remembered."""
    return Description(facts_of(workplace, "ad"), workplace.engines).described(Job(job_id="x"))


def _beside_tone_db(samples: Samples, start_s: float, end_s: float) -> float:
    """How loud all but the tone is in a stretch, against the tone."""
    piece = samples[round((start_s + 0.1) * AUDIO_RATE_HZ) : round((end_s - 0.1) * AUDIO_RATE_HZ), 0]
    power = np.abs(np.fft.rfft(piece * np.hanning(len(piece)))) ** 2
    hz = np.fft.rfftfreq(len(piece), 1 / AUDIO_RATE_HZ)
    tone = np.abs(hz - _TONE_HZ) < 100
    return float(10 * np.log10(power[~tone].sum() / power[tone].sum()))


def _tones(described_s: list[float]) -> list[tuple[float, float]]:
    return [(start_s, start_s + _VOICE_S[1]) for start_s in described_s]


def test_the_description_is_heard_between_the_words_and_never_over_them(workplace: Workplace) -> None:
    facts, found = facts_of(workplace, "ad"), _described(workplace)
    starts = [shot.start_frame / 24 + _VOICE_S[0] for shot in facts.timeline.shots]

    in_time = read_sound(found.in_time.path)
    assert len(in_time) == pytest.approx(8 * AUDIO_RATE_HZ, abs=2048)
    assert all(_beside_tone_db(in_time, *span) < -25 for span in _tones(starts))
    said = [told for told in found.in_time.told if told["said"]]
    assert said, "nothing was described"
    assert all(_beside_tone_db(in_time, told["start_s"], told["end_s"]) > 10 for told in said)

    whole, waited_s = read_sound(found.whole.path), 0.0
    for start_s, told, hold in zip(starts, found.whole.told, found.whole.holds, strict=True):
        assert _beside_tone_db(whole, start_s + waited_s, start_s + waited_s + _VOICE_S[1]) < -25
        assert _beside_tone_db(whole, told["start_s"], told["end_s"]) > 10
        waited_s += hold.length_s
    assert len(whole) == pytest.approx((8 + waited_s) * AUDIO_RATE_HZ, abs=2048)
    assert all(verdict.passed for verdict in check_description(found, film_loudness(facts.brief.channels).target))


def test_in_the_film_that_waits_everything_is_told_and_as_loud_as_the_ad(workplace: Workplace) -> None:
    facts, found = facts_of(workplace, "ad"), _described(workplace)

    assert [told["said"] for told in found.whole.told] == [telling.whole for telling in tellings_of(facts)]
    for track in (found.in_time, found.whole):
        assert measured(track.path).integrated_lufs == pytest.approx(-14, abs=1)
        assert measured(track.path) == track.loudness
    told = told_of(facts, found)
    assert told["language"] == "ko" and told["spoken_by"]["guide_voice"]
    assert all(told["described.mp4"]["stands_still"])
    json.dumps(told)
    assert any("why" in scene for scene in told["described.m4a"]["scenes"])


@pytest.mark.slow
def test_it_is_kept_until_the_story_or_a_voice_changes(workplace: Workplace) -> None:
    first = _described(workplace)
    inode = first.whole.path.stat().st_ino

    assert _described(workplace) == first
    assert first.whole.path.stat().st_ino == inode

    _edit(workplace, "젤리, 체리 립.")
    changed = _described(workplace)
    assert changed.whole.path != first.whole.path
    assert changed.whole.told[0]["said"].startswith("젤리, 체리 립.")


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["sound", "told"])
def test_a_damaged_one_is_made_anew(workplace: Workplace, damage: str) -> None:
    first = _described(workplace)
    told = first.in_time.path.with_suffix(".json")
    (first.whole.path if damage == "sound" else told).write_bytes(b"{}")

    again = _described(workplace)

    assert again == first
    assert len(read_sound(again.whole.path)) > 8 * AUDIO_RATE_HZ


def test_screen_readers_get_all_of_it_though_nobody_speaks_it(workplace: Workplace) -> None:
    facts = facts_of(workplace, "ad")

    text = description_vtt(facts)

    assert text.startswith("WEBVTT\nKind: descriptions\nLanguage: ko\n\n00:00:00.000 --> ")
    assert all(telling.whole in text for telling in tellings_of(facts))
    assert set(told_of(facts, None)) == {"language", "nothing_to_tell"}


class _OwnVoice(VoiceEngine):
    """Says a tone of a quarter of a second for each word, in one breath."""

    facts = replace(GuideVoice.facts, name="openai_speech", model="own")

    def __init__(self, *, fails_at: int = 99) -> None:
        self.asked = 0
        self._fails_at = fails_at

    def speak(self, request: VoiceRequest, target: Path, job: Job) -> VoiceDone:
        self.asked += 1
        if self.asked >= self._fails_at:
            raise EngineUnavailable("{engine} is not ready: {missing}", engine="own", missing="its server")
        words = [word for line in request.lines for word in line.text.split()]
        write_wav(target, _tone(len(words) / 4))
        marks = [Mark(text=word, start_s=at / 4, end_s=at / 4 + 0.2) for at, word in enumerate(words)]
        return VoiceDone(model="own", marks=tuple(marks), duration_s=len(words) / 4)


@pytest.mark.parametrize(("quality", "fails_at", "who"), [
    ("draft", 99, "animatic"), ("standard", 99, "openai_speech"), ("standard", 2, "animatic"),
])  # fmt: skip
def test_the_ads_own_free_voice_speaks_it_or_the_guide_voice_all_of_it(
    tmp_path: Path, quality: str, fails_at: int, who: str
) -> None:
    own = _OwnVoice(fails_at=fails_at)
    workplace = a_workplace(tmp_path / "root", engines=Registry({"openai_speech/kokoro": own}))
    wishes = {"quality": quality, "engine_preference": "local", "language": "en"}
    open_session(workplace, "ad", brief_text(product="Cherry tint", concept="", **wishes), folder=tmp_path)
    board = TemplateWriter().write_storyboard(
        StoryRequest(brief=(facts := facts_of(workplace, "ad")).brief, kit=facts.kit, seed=1), Job(job_id="x")
    )[0]
    session = workplace.session("ad")
    with session.drafting(STORYBOARD) as draft:
        draft.path.write_text(board.to_json(), encoding="utf-8")
        session.commit(draft, made_by="pipeline", facts=take_facts())
    describer = Describer(facts_of(workplace, "ad"), workplace.engines)

    describer.speak(["A drop."], tmp_path, Job(job_id="x"))
    describer.speak(["Still water, a hand."], tmp_path, Job(job_id="x"))

    assert describer.named["engine"] == who
    assert set(describer.known) == {"A drop.", "Still water, a hand."}
    assert own.asked == {"draft": 0, "standard": 2}[quality]
    is_tone = float(np.abs(np.diff(np.sign(describer.known["A drop."]))).sum()) / len(describer.known["A drop."]) > 0.2
    assert is_tone == (who == "openai_speech")


def test_a_request_is_cut_into_its_texts_by_counting_words() -> None:
    tones = [_tone(0.5) * level for level in (0.5, 1.0, 1.5)]
    pause = np.zeros(AUDIO_RATE_HZ // 4, np.float32)
    samples = np.concatenate([tones[0], pause, tones[1], tones[1], pause, tones[2]])
    marks = [
        Mark(text="하나", start_s=0, end_s=0.5),
        Mark(text="둘 셋", start_s=0.75, end_s=1.25),
        Mark(text="넷", start_s=1.25, end_s=1.75),
        Mark(text="끝", start_s=2.0, end_s=2.5),
    ]

    pieces = cut_by_marks(samples, marks, ["하나", "둘 셋 넷", "끝"])

    assert [round(len(piece) / AUDIO_RATE_HZ, 1) for piece in pieces] == pytest.approx([0.5, 1.0, 0.5], abs=0.11)
    assert [round(float(piece.max()), 1) for piece in pieces] == [0.1, 0.2, 0.3]


def _edit(workplace: Workplace, description: str) -> None:
    session = workplace.session("ad")
    record = session.picked(STORYBOARD)
    assert record
    board = facts_of(workplace, "ad").storyboard
    scene = board.scenes[0].model_copy(update={"description": description})
    with session.drafting(STORYBOARD) as draft:
        draft.path.write_text(board.with_scene(scene).to_json(), encoding="utf-8")
        session.commit(draft, made_by="person", facts=take_facts(fingerprint=os.urandom(4).hex()))
