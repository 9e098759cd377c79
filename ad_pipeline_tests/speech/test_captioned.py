"""A speech server that tells words' times beside its sound, as Kokoro-FastAPI does, and one that does not."""

from __future__ import annotations

import base64
import io
import json
import threading
import wave
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ad_pipeline.engines.contracts import Job
from ad_pipeline.engines.crafts.voice import VoiceDone, VoiceRequest
from ad_pipeline.engines.openai_speech.voice import SpeechServerVoice
from ad_pipeline.engines.speech.catalogue import speech_book
from ad_pipeline.errors import StrangeAnswer
from ad_pipeline.settings import settings_from_environment
from ad_pipeline.story.storyboard import Line

TEXT = "Glow for 3 days."
SAID = (("Glow", 0.20, 0.55), ("for", 0.60, 0.80), ("three", 0.85, 1.30), ("days", 1.40, 1.90), (".", 1.90, 1.95))


class _Server(ThreadingHTTPServer):
    def __init__(self, *, captions: str) -> None:
        self.captions, self.asked = captions, list[tuple[str, dict[str, Any]]]()
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        self.server.asked.append((self.path, json.loads(self.rfile.read(int(self.headers["content-length"])))))
        status, kind, body = 200, "audio/wav", _sound()
        if self.path == "/dev/captioned_speech":
            status, kind, body = {
                "told": (200, "application/json", _captioned(SAID)),
                "null": (200, "application/json", _captioned(None)),
                "strange": (200, "application/json", b'{"audio": 7}'),
                "absent": (404, "application/json", b'{"detail":"Not Found"}'),
            }[self.server.captions]
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        return


def _sound() -> bytes:
    samples = np.zeros(24000 * 2, np.float32)
    for _, start, end in SAID[:4]:
        at = np.arange(round(start * 24000), round(end * 24000))
        samples[at] = 0.3 * np.sin(2 * np.pi * 180 * at / 24000)
    raw = io.BytesIO()
    with wave.open(raw, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(24000)
        out.writeframes((samples * 32767).astype("<i2").tobytes())
    return raw.getvalue()


def _captioned(words: tuple[tuple[str, float, float], ...] | None) -> bytes:
    told = None if words is None else [{"word": w, "start_time": a, "end_time": b} for w, a, b in words]
    sound = base64.b64encode(_sound()).decode()
    return json.dumps({"audio": sound, "audio_format": "audio/wav", "timestamps": told}).encode()


@pytest.fixture
def spoken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Generator[tuple[_Server, SpeechServerVoice]]:
    server = _Server(captions=request.param)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    voices = tmp_path / "voices.toml"
    voices.write_text(f'[servers.kokoro]\nurl = "http://127.0.0.1:{server.server_port}/v1"\n', encoding="utf-8")
    monkeypatch.setenv("AD_PIPELINE_VOICES", str(voices))
    yield server, SpeechServerVoice(speech_book(settings_from_environment()).voices["openai_speech/kokoro"])
    server.shutdown()
    server.server_close()
    thread.join()


def _speak(engine: SpeechServerVoice, target: Path) -> VoiceDone:
    request = VoiceRequest(lines=(Line(text=TEXT),), language="en", cast={})
    return engine.speak(request, target, Job(job_id="x"))


@pytest.mark.parametrize("spoken", ["told"], indirect=True)
def test_words_are_placed_where_the_server_heard_them(
    spoken: tuple[_Server, SpeechServerVoice], tmp_path: Path
) -> None:
    server, engine = spoken

    done = _speak(engine, tmp_path / "v.wav")

    assert [path for path, _ in server.asked] == ["/dev/captioned_speech"]
    assert (server.asked[0][1]["input"], server.asked[0][1]["stream"]) == ("Glow for three days.", False)
    assert [mark.text for mark in done.marks] == ["Glow", "for", "3", "days."]
    begins_s = done.marks[0].start_s  # the silence in front is cut
    told = [start - SAID[0][1] for _, start, _ in SAID[:4]]
    assert [mark.start_s - begins_s for mark in done.marks] == pytest.approx(told, abs=0.002)
    assert done.details["word_times"] == "from the engine"


@pytest.mark.parametrize("spoken", ["absent", "null"], indirect=True)
def test_a_server_that_tells_no_times_is_listened_to(spoken: tuple[_Server, SpeechServerVoice], tmp_path: Path) -> None:
    server, engine = spoken

    done = _speak(engine, tmp_path / "v.wav")

    plain = [] if server.captions == "null" else ["/v1/audio/speech"]
    assert [path for path, _ in server.asked] == ["/dev/captioned_speech", *plain]
    assert [mark.text for mark in done.marks] == ["Glow", "for", "3", "days."]
    assert done.details["word_times"] == "found in the sound"


@pytest.mark.parametrize("spoken", ["strange"], indirect=True)
def test_an_answer_that_is_none_is_said_to_be_none(spoken: tuple[_Server, SpeechServerVoice], tmp_path: Path) -> None:
    with pytest.raises(StrangeAnswer, match="does not answer like a speech server"):
        _speak(spoken[1], tmp_path / "v.wav")
    assert not (tmp_path / "v.wav").exists()
