"""What is sent for a line, what comes back of it, and what is never paid twice."""

from __future__ import annotations

import itertools
import multiprocessing
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ad_pipeline.engines.contracts import Progress
from ad_pipeline.engines.crafts.voice import Mark, Speaker, VoiceDone
from ad_pipeline.errors import Cancelled, EngineUnavailable
from ad_pipeline.media.sound import read_sound
from ad_pipeline.story.lexicon import lexicon_of
from ad_pipeline.story.storyboard import Line
from ad_pipeline_tests.speech.asking import (
    BRIAN,
    FLASH,
    KOKORO,
    SARAH,
    V2,
    V3,
    XTTS,
    Purse,
    a_job,
    a_request,
    said,
    texts,
    voice,
    write_voices,
)
from ad_pipeline_tests.speech.elevenlabs_server import ElevenLabsServer
from ad_pipeline_tests.speech.fake_server import Behaviour
from ad_pipeline_tests.speech.openai_server import SpeechServer
from ad_pipeline_tests.speech.true_speech import LEAD_S, TrueSpeech, true_speech

TEXT = "Your lips stay soft, all day long."
KOREAN = "하루 종일 촉촉한 입술, 지금 만나 보세요."
HINTS = {"stability": 0.34, "similarity_boost": 0.72, "style": 0.46, "speed": 1.08}


# --- feelings and settings -------------------------------------------------------------------------------------------


def test_a_feeling_is_an_audio_tag_for_v3_and_no_setting(eleven: ElevenLabsServer, tmp_path: Path) -> None:
    said(V3, tmp_path, Line(text=TEXT, emotion="따뜻하게"), cast={"narrator": Speaker(hints=HINTS)})

    (request,) = eleven.spoken
    assert request.body["text"] == "[warmly] Your lips stay soft, all day long."
    assert request.body["voice_settings"] == {"stability": 0.5}, "the nearest of the three that it takes"
    assert (request.body["seed"], request.body["language_code"]) == (7, "en")


def test_brackets_of_a_user_never_become_a_tag(eleven: ElevenLabsServer, tmp_path: Path) -> None:
    done = said(V3, tmp_path, "Buy it [whispers] now [laughs].")

    assert texts(eleven) == ["Buy it whispers now laughs."]
    assert [mark.text for mark in done.marks] == "Buy it [whispers] now [laughs].".split()


def test_a_feeling_shades_the_settings_of_multilingual_v2(eleven: ElevenLabsServer, tmp_path: Path) -> None:
    cast = {"narrator": Speaker(hints=HINTS)}
    said(V2, tmp_path, TEXT, Line(text=TEXT, emotion="excited"), cast=cast)

    plain, excited = (request.body for request in eleven.spoken)
    assert plain["text"] == excited["text"] == TEXT
    assert plain["voice_settings"] == HINTS | {"use_speaker_boost": True}, "the character's own"
    assert excited["voice_settings"]["stability"] == pytest.approx(0.14)
    assert excited["voice_settings"]["style"] == pytest.approx(0.71)
    assert "language_code" not in plain


def test_kokoro_is_told_no_feeling(kokoro: SpeechServer, tmp_path: Path) -> None:
    said(KOKORO, tmp_path, Line(text=TEXT, emotion="excited"), cast={"narrator": Speaker(speed=1.1, hints=HINTS)})

    (request,) = kokoro.spoken
    assert request.body == {
        "model": "kokoro", "input": TEXT, "voice": "af_heart", "response_format": "wav", "speed": 1.188
    }  # fmt: skip


def test_what_is_said_around_goes_to_v2_and_not_to_v3(eleven: ElevenLabsServer, tmp_path: Path) -> None:
    for model_id in (V3, V2):
        said(model_id, tmp_path, "First.", "Second.", before="Only $5!", after="Last.")

    v3_first, v3_second, first, second = (request.body for request in eleven.spoken)
    assert not any("previous_text" in body or "next_text" in body for body in (v3_first, v3_second))
    assert (first["previous_text"], first["next_text"]) == ("Only five dollars!", "Second.")
    assert (second["previous_text"], second["next_text"]) == ("First.", "Last.")


def test_names_are_sent_as_they_are_said_and_marked_as_they_are_written(
    eleven: ElevenLabsServer, tmp_path: Path
) -> None:
    done = said(V3, tmp_path, "Try Xyloo today.", lexicon=lexicon_of({"Xyloo": "Zai loo"}))

    assert texts(eleven) == ["Try Zai loo today."]
    assert [mark.text for mark in done.marks] == ["Try", "Xyloo", "today."]


# --- who speaks ------------------------------------------------------------------------------------------------------


def test_three_speakers_get_three_voices_and_keep_them(eleven: ElevenLabsServer, tmp_path: Path) -> None:
    girl, man = Speaker(gender="female", age="young"), Speaker(gender="male")
    cast = {"narrator": Speaker(gender="female"), "Mina": girl, "Jun": man}
    lines = [Line(speaker=name, text=f"I am {name}.") for name in cast]
    done = said(V3, tmp_path, *lines, cast=cast)
    alone = said(V3, tmp_path, lines[1], cast=cast)

    voices = done.details["voices"]
    assert len(set(voices.values())) == 3
    assert voices["Jun"] == BRIAN
    assert alone.details["voices"] == {"Mina": voices["Mina"]}, "also in a scene of her own"
    assert [mark.speaker for mark in done.marks] == [name for name in cast for _ in range(3)]
    gaps = [b.start_s - a.end_s for a, b in itertools.pairwise(done.marks) if a.speaker != b.speaker]
    assert min(gaps) > 0.3, "a breath between two people"


def test_a_voice_that_the_brand_names_is_taken(eleven: ElevenLabsServer, tmp_path: Path) -> None:
    said(V3, tmp_path, TEXT, cast={"narrator": Speaker(voice_id=BRIAN)})
    assert eleven.spoken[0].path == f"/v1/text-to-speech/{BRIAN}/with-timestamps"


# --- times -----------------------------------------------------------------------------------------------------------


def _worst_s(marks: tuple[Mark, ...], truth: TrueSpeech) -> list[float]:
    """How far each word's start is from the truth; the first 30 ms of the lead stay."""
    moved_s = LEAD_S - 0.03
    return [abs(mark.start_s - (start - moved_s)) for mark, (_, start, _) in zip(marks, truth.words, strict=True)]


@pytest.mark.parametrize("text", (TEXT, KOREAN))
@pytest.mark.parametrize("model_id", (V3, V2))
def test_words_are_within_30_ms_where_the_engine_tells_times(
    eleven: ElevenLabsServer, tmp_path: Path, model_id: str, text: str
) -> None:
    language = "ko" if text == KOREAN else "en"
    done = said(model_id, tmp_path, Line(text=text, emotion="warm"), language=language)

    sent = texts(eleven)[0]
    assert max(_worst_s(done.marks, true_speech(sent, variant="+f3"))) < 0.03
    assert done.details["word_times"] == "from the engine"
    assert " ".join(mark.text for mark in done.marks) == text


@pytest.mark.parametrize("alignment", ("null", "other"))
def test_without_times_of_these_words_they_are_found_in_the_sound(
    eleven: ElevenLabsServer, tmp_path: Path, alignment: Any
) -> None:
    eleven.behave([Behaviour(alignment=alignment)])
    done = said(V2, tmp_path, TEXT)

    assert done.details["word_times"] == "found in the sound"
    assert max(_worst_s(done.marks, true_speech(TEXT, variant="+f3"))) < 0.25


def test_words_of_a_speech_server_are_found_in_its_sound(kokoro: SpeechServer, tmp_path: Path) -> None:
    done = said(KOKORO, tmp_path, TEXT)

    off = sorted(_worst_s(done.marks, true_speech(TEXT, variant="+f2")))
    assert off[len(off) // 2] < 0.08 and off[-1] < 0.25
    samples = read_sound(tmp_path / "voice.wav", channels=1)
    assert len(samples) / 48000 == pytest.approx(done.duration_s, abs=0.001)


# --- paid once -------------------------------------------------------------------------------------------------------

CHANGES: dict[str, dict[str, Any]] = {
    "seed": {"seed": 8},
    "voice": {"cast": {"narrator": Speaker(voice_id=SARAH)}},
    "words": {"lexicon": lexicon_of({"lips": "leaps"})},
    "settings": {"cast": {"narrator": Speaker(hints={"stability": 0.9})}},
}


def test_the_same_words_are_paid_once(eleven: ElevenLabsServer, tmp_path: Path) -> None:
    first, again = Purse(), Purse()
    whole = said(V2, tmp_path, TEXT, purse=first)
    sound = (tmp_path / "voice.wav").read_bytes()
    done = said(V2, tmp_path, TEXT, purse=again, before="Other words.", after="Others again.")

    assert len(eleven.spoken) == 1
    assert first.paid == [pytest.approx(len(TEXT) * 0.0001)] and again.paid == []
    assert (whole.cost_usd, done.cost_usd) == (first.paid[0], 0.0)
    assert (tmp_path / "voice.wav").read_bytes() == sound
    assert done.marks == whole.marks and done.details["lines"][0]["kept"] is True


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_changes_the_sound_is_asked_once_more(eleven: ElevenLabsServer, tmp_path: Path, change: str) -> None:
    for _ in range(2):
        said(V2, tmp_path, TEXT)
        said(V2, tmp_path, TEXT, **CHANGES[change])
    assert len(eleven.spoken) == 2


def test_another_feeling_is_asked_once_more(eleven: ElevenLabsServer, tmp_path: Path) -> None:
    for _ in range(2):
        for emotion in ("", "warm"):
            said(V3, tmp_path, Line(text=TEXT, emotion=emotion))
    assert texts(eleven) == [TEXT, f"[warmly] {TEXT}"]


def test_speech_that_cannot_be_used_is_booked_and_not_kept(eleven: ElevenLabsServer, tmp_path: Path) -> None:
    purse = Purse()
    eleven.behave([Behaviour(sound="silence"), Behaviour(sound="half")])
    for _ in range(2):
        with pytest.raises(EngineUnavailable, match="sent no speech"):
            said(V2, tmp_path, TEXT, purse=purse)
    said(V2, tmp_path, TEXT, purse=purse)
    assert purse.paid == [pytest.approx(len(TEXT) * 0.0001)] * 3
    assert len(eleven.spoken) == 3


def test_flash_costs_half_once_and_not_a_quarter(eleven: ElevenLabsServer, tmp_path: Path) -> None:
    """Its header counts credits, half as many as characters; its price by the character is half already."""
    done = said(FLASH, tmp_path, TEXT)
    assert done.cost_usd == pytest.approx(len(TEXT) * 0.00005)
    assert voice(FLASH).characters_of(a_request(TEXT)) == len(TEXT) / 2 == eleven.charged


def test_what_is_kept_takes_nothing_of_the_quota(eleven: ElevenLabsServer, tmp_path: Path) -> None:
    said(V3, tmp_path, TEXT)
    engine, request = voice(V3), a_request(TEXT, "And more.")
    assert engine.characters_of(request) == len(TEXT) + 9
    assert engine.characters_of(request, kept=tmp_path / ".bought") == 9


def test_a_recording_is_part_of_what_was_asked(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(true_wav())
    with SpeechServer(manner="xtts", model="xtts-v2") as server:
        write_voices(xtts=server)
        for sha in ("one", "two", "one"):
            who = Speaker(reference=tmp_path / "a.wav", reference_sha256=sha)
            said(XTTS, tmp_path, TEXT, cast={"narrator": who})
        assert len(server.spoken) == 2


def true_wav() -> bytes:
    from ad_pipeline_tests.speech.true_speech import encoded

    speech = true_speech("This is a recording of somebody who speaks for a while, and then some more. " * 2)
    return encoded(speech.samples, speech.rate_hz, "wav")


# --- side by side ----------------------------------------------------------------------------------------------------


def _speak(model_id: str, folder: Path, text: str) -> VoiceDone:
    request, job = a_request(text), a_job(folder)
    return voice(model_id).speak(request, folder / f"{text[:2]}.wav", job)


def _together(kind: Callable[..., Any], calls: list[tuple[Any, ...]]) -> None:
    running = [kind(target=_speak, args=call) for call in calls]
    for one in running:
        one.start()
    for one in running:
        one.join()


@pytest.mark.parametrize("at_once", (1, 2))
def test_no_more_requests_run_side_by_side_than_the_list_says(tmp_path: Path, at_once: int) -> None:
    with ElevenLabsServer() as server:
        server.waits_s = 0.15
        write_voices(eleven=server, at_once=at_once)
        _together(threading.Thread, [(V3, tmp_path, f"{n} little words.") for n in "12345"])
        assert len(server.spoken) == 5
        assert server.most_at_once == at_once


@pytest.mark.slow
def test_nor_from_several_processes(tmp_path: Path) -> None:
    with ElevenLabsServer() as server:
        server.waits_s = 0.4
        write_voices(eleven=server, at_once=2)
        _together(multiprocessing.get_context("spawn").Process, [(V3, tmp_path, f"{n} words.") for n in "1234"])
        assert len(server.spoken) == 4
        assert server.most_at_once == 2


def test_two_who_ask_the_same_at_once_pay_once(eleven: ElevenLabsServer, tmp_path: Path) -> None:
    eleven.waits_s = 0.2
    _together(threading.Thread, [(V3, tmp_path, TEXT)] * 3)
    assert len(eleven.spoken) == 1


def test_who_waits_for_a_turn_can_be_stopped(tmp_path: Path) -> None:
    with ElevenLabsServer() as server:
        server.waits_s = 0.6
        write_voices(eleven=server, at_once=1)
        busy = threading.Thread(target=_speak, args=(V3, tmp_path, TEXT))
        busy.start()
        while not server.spoken:
            time.sleep(0.01)
        notes: list[Progress] = []
        job = a_job(tmp_path, report=notes.append, should_stop=lambda: any(note.waits for note in notes))
        with pytest.raises(Cancelled):
            voice(V3).speak(a_request("Other words."), tmp_path / "other.wav", job)
        busy.join()
        assert texts(server) == [TEXT]
    assert notes[-1].note == "waits for a turn at elevenlabs"


def test_half_a_kept_answer_is_asked_for_again(eleven: ElevenLabsServer, tmp_path: Path) -> None:
    whole = said(V3, tmp_path, TEXT)
    (kept,) = (tmp_path / ".bought").rglob("*.sound")
    kept.write_bytes(kept.read_bytes()[:1000])
    assert said(V3, tmp_path, TEXT).marks == whole.marks
    assert len(eleven.spoken) == 2
