"""What goes wrong between us and a speech service: each fault as its class and one sentence, the key in none."""

from __future__ import annotations

import base64
import email.utils
import time
from pathlib import Path

import numpy as np
import pytest

from ad_pipeline.engines.crafts.voice import Speaker
from ad_pipeline.engines.registry import Registry
from ad_pipeline.errors import EngineBusy, EngineError, EngineRefused, EngineUnavailable, StrangeAnswer
from ad_pipeline.media.sound import write_wav
from ad_pipeline_tests.speech import elevenlabs_server, fake_server, openai_server
from ad_pipeline_tests.speech.asking import FLASH, KOKORO, V2, V3, XTTS, Purse, said, write_voices
from ad_pipeline_tests.speech.elevenlabs_server import ElevenLabsServer
from ad_pipeline_tests.speech.fake_server import Behaviour
from ad_pipeline_tests.speech.openai_server import SpeechServer

TEXT = "Hello there, my dear old friends."

# case -> (what the server does, the class, what the sentence holds, whether it was paid)
ELEVEN: dict[str, tuple[Behaviour, type[EngineError], str, bool]] = {
    "too many": (elevenlabs_server.too_many("3"), EngineBusy, "too many requests", False),
    "500": (elevenlabs_server.broken(500), EngineBusy, "failed (500): sorry", False),
    "503": (elevenlabs_server.broken(503), EngineBusy, "failed (503)", False),
    "a page in place of an answer": (fake_server.HTML_PAGE, StrangeAnswer, "is there a proxy?", False),
    "a page that says 404": (fake_server.NOT_FOUND_PAGE, StrangeAnswer, "404, a web page", False),
    "a gateway's page": (fake_server.BAD_GATEWAY, EngineBusy, "failed (502)", False),
    "JSON of something else": (Behaviour(page='{"ok": true}'), StrangeAnswer, "does not answer like", False),
    "a redirect": (Behaviour(status=302, page="", headers={"location": "/in"}), StrangeAnswer, "302", False),
    "the connection breaks": (fake_server.BREAKS_OFF, EngineUnavailable, "cannot be reached", False),
    "base64 breaks off": (Behaviour(cuts_base64=True), EngineUnavailable, "is empty", True),
    "silence": (fake_server.SILENT, EngineUnavailable, "s of silence", True),
    "half of it": (fake_server.HALF, EngineUnavailable, "the sound is cut off", True),
    "half, and no times": (Behaviour(sound="none", alignment="null"), EngineUnavailable, "is empty", True),
    "half a sample": (Behaviour(sound="odd"), EngineUnavailable, "middle of a sample", True),
}
SPEECH: dict[str, tuple[Behaviour, type[EngineError], str]] = {
    "too many": (openai_server.too_many("3"), EngineBusy, "failed (429)"),
    "no credit": (openai_server.NO_CREDIT, EngineRefused, "does not cover it"),
    "loading": (openai_server.LOADING, EngineBusy, "the model is loading"),
    "a page in place of an answer": (fake_server.HTML_PAGE, StrangeAnswer, "is there a proxy?"),
    "a page that says 404": (fake_server.NOT_FOUND_PAGE, StrangeAnswer, "404 text/html"),
    "a gateway's page": (fake_server.BAD_GATEWAY, EngineBusy, "failed (502)"),
    "a redirect": (Behaviour(status=302, page="", headers={"location": "/in"}), StrangeAnswer, "302"),
    "the connection breaks": (fake_server.BREAKS_OFF, EngineUnavailable, "broke off"),
    "silence": (fake_server.SILENT, EngineUnavailable, "s of silence"),
    "an eighth of it": (fake_server.HALF, EngineUnavailable, "the sound is cut off"),
    "nothing": (Behaviour(sound="none"), EngineUnavailable, "is empty"),
    "bytes that are no sound": (Behaviour(page="x" * 900, content_type="audio/wav"), EngineUnavailable, "no sound"),
}


def _check(error: EngineError, folder: Path) -> None:
    """One sentence in each language, the key in neither nor in any file, and nothing half written."""
    for language in ("en", "ko"):
        told = error.message.said_in(language)
        assert "sk-eleven" not in told and "\n" not in told and "{" not in told.replace("{'", "")
    assert error.message.said_in("ko") != str(error)
    assert not (folder / "voice.wav").exists()
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert not any(b"sk-eleven" in path.read_bytes() for path in files)
    assert {path.suffix for path in files} <= {".lock", ".turn", ".toml"}, "nothing is kept of it"


@pytest.mark.parametrize("case", ELEVEN)
def test_a_fault_of_elevenlabs_is_told(eleven: ElevenLabsServer, tmp_path: Path, case: str) -> None:
    behaviour, kind, words, is_paid = ELEVEN[case]
    eleven.behave([behaviour])
    purse = Purse()

    with pytest.raises(EngineError) as caught:
        said(V2, tmp_path, TEXT, purse=purse)

    assert type(caught.value) is kind
    assert words in str(caught.value)
    _check(caught.value, tmp_path)
    assert bool(purse.paid) == is_paid, "what the service took is booked"
    assert len(eleven.spoken) == 1, "the client repeats nothing by itself"
    assert said(V2, tmp_path, TEXT).marks, "and the next one is good"


@pytest.mark.parametrize("case", SPEECH)
def test_a_fault_of_a_speech_server_is_told(kokoro: SpeechServer, tmp_path: Path, case: str) -> None:
    behaviour, kind, words = SPEECH[case]
    kokoro.behave([behaviour])

    with pytest.raises(EngineError) as caught:
        said(KOKORO, tmp_path, TEXT)

    assert type(caught.value) is kind
    assert words in str(caught.value)
    _check(caught.value, tmp_path)


def test_speech_that_breaks_off_is_told_where_the_file_says_its_length(tmp_path: Path) -> None:
    with SpeechServer(manner="openai") as server:
        write_voices(kokoro=server)
        server.behave([Behaviour(sound="odd")])
        with pytest.raises(EngineUnavailable, match=r"cut off: \d+ of \d+ bytes came"):
            said(KOKORO, tmp_path, TEXT)


@pytest.mark.parametrize("said_after", ("7", "date"))
def test_the_time_to_come_back_is_told(eleven: ElevenLabsServer, tmp_path: Path, said_after: str) -> None:
    told = email.utils.formatdate(time.time() + 7.9, usegmt=True) if said_after == "date" else said_after
    eleven.behave([elevenlabs_server.too_many(told)])
    with pytest.raises(EngineBusy) as caught:
        said(V3, tmp_path, TEXT)
    assert 5.5 <= caught.value.retry_after_s <= 8


def test_refusals_of_the_account_name_what_to_do(eleven: ElevenLabsServer, tmp_path: Path) -> None:
    def told() -> str:
        with pytest.raises(EngineRefused) as caught:
            said(V3, tmp_path, TEXT)
        _check(caught.value, tmp_path)
        return str(caught.value)

    eleven.left = 3
    assert "buy credits" in told()
    eleven.may = frozenset()
    assert "give it the permission text to speech" in told()
    eleven.key = "sk-other"
    assert "refuses the key in ELEVENLABS_API_KEY (401)" in told()


@pytest.mark.parametrize("voice_id", ("nobody", "../../v1/voices", "a b?x=1", "목소리"))
def test_a_voice_that_is_not_there_is_named(eleven: ElevenLabsServer, tmp_path: Path, voice_id: str) -> None:
    with pytest.raises(EngineRefused, match="brand kit under voice.ids") as caught:
        said(V3, tmp_path, TEXT, cast={"narrator": Speaker(voice_id=voice_id)})
    assert voice_id in str(caught.value)
    assert all(request.path.startswith("/v1/text-to-speech/") for request in eleven.requests)


def test_a_voice_that_a_speech_server_lacks_is_named(kokoro: SpeechServer, tmp_path: Path) -> None:
    with pytest.raises(EngineRefused, match="has no voice 'af_nobody' .*brand kit under voice.ids"):
        said(KOKORO, tmp_path, TEXT, cast={"narrator": Speaker(voice_id="af_nobody")})


@pytest.mark.parametrize("model_id", (V3, V2, KOKORO))
def test_text_over_the_limit_is_refused_before_anything_is_sent(
    eleven: ElevenLabsServer, tmp_path: Path, model_id: str
) -> None:
    with SpeechServer() as server:
        write_voices(eleven=eleven, kokoro=server)
        with pytest.raises(EngineRefused, match="takes .* at once; shorten it"):
            said(model_id, tmp_path, "This one is short.", "So much to say. " * 700)
        assert eleven.spoken == server.spoken == [], "also the short line before it is not paid"


@pytest.mark.parametrize(
    ("key", "words"),
    (("", "no key; put it into"), ("sk 1", "is no key"), ("sk-열쇠", "is no key"), ("sk\r\nx: y", "is no key")),
)
def test_a_key_that_is_none_is_told_before_anything_is_sent(
    eleven: ElevenLabsServer, monkeypatch: pytest.MonkeyPatch, key: str, words: str
) -> None:
    monkeypatch.setenv("ELEVENLABS_API_KEY", key)
    with pytest.raises(EngineUnavailable) as caught:
        Registry().engine(FLASH)
    assert words in str(caught.value) and "ELEVENLABS_API_KEY" in str(caught.value)
    assert not key or key not in str(caught.value)
    assert eleven.requests == []


def test_a_server_that_is_not_there_is_told_with_its_address() -> None:
    write_voices()
    with pytest.raises(EngineUnavailable, match=r"no speech server answers at http://127.0.0.1:9/v1 .*start it"):
        Registry().engine(KOKORO)


def test_a_wrong_key_is_not_shown_where_a_server_repeats_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEECH_KEY", "sk-secret")
    with SpeechServer(manner="openai", key="sk-right") as server:
        write_voices(kokoro=server)
        with pytest.raises(EngineRefused, match="refuses the key in SPEECH_KEY") as caught:
            said(KOKORO, tmp_path, TEXT)
    assert "Bearer ***" in str(caught.value) and "sk-secret" not in repr(caught.value.message.facts)


# --- a recording of a voice ------------------------------------------------------------------------------------------


def _recording(path: Path, seconds: float) -> Path:
    at = np.arange(round(seconds * 48000)) / 48000
    write_wav(path, (0.2 * np.sin(2 * np.pi * 200 * at)).astype(np.float32))
    return path


@pytest.mark.parametrize("seconds", (0.2, 61))
def test_a_recording_too_short_or_too_long_is_refused_before_anything_is_sent(tmp_path: Path, seconds: float) -> None:
    with SpeechServer(manner="xtts", model="xtts-v2") as server:
        write_voices(xtts=server)
        who = Speaker(reference=_recording(tmp_path / "own.wav", seconds), reference_sha256="x")
        with pytest.raises(EngineRefused, match=r"narrator: own.wav lasts .* 3 to 60 s of clean speech"):
            said(XTTS, tmp_path, TEXT, cast={"narrator": who})
        assert server.spoken == []


def test_a_recording_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own.wav").write_bytes(b"not a sound")
    with SpeechServer(manner="xtts", model="xtts-v2") as server:
        write_voices(xtts=server)
        with pytest.raises(EngineRefused, match=r"narrator: own.wav is no recording"):
            said(XTTS, tmp_path, TEXT, cast={"narrator": Speaker(reference=tmp_path / "own.wav", reference_sha256="x")})


def test_a_recording_goes_along_in_the_field_that_the_list_names(tmp_path: Path) -> None:
    with SpeechServer(manner="xtts", model="xtts-v2") as server:
        write_voices(xtts=server)
        path = _recording(tmp_path / "own.wav", 6)
        assert said(XTTS, tmp_path, TEXT, cast={"narrator": Speaker(reference=path, reference_sha256="x")}).marks
        (request,) = server.spoken
    assert base64.b64decode(request.body["reference_audio"]) == path.read_bytes()
    assert request.body["language"] == "en"
