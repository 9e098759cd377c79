"""The official clients against the servers of these tests: what the servers answer is what those clients read."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator

import av
import httpx
import numpy as np
import openai
import pytest
from elevenlabs import VoiceSettings
from elevenlabs.client import ElevenLabs
from elevenlabs.core.api_error import ApiError

from ad_pipeline.engines.speech.decoding import speech_from
from ad_pipeline_tests.speech.asking import SARAH
from ad_pipeline_tests.speech.elevenlabs_server import ElevenLabsServer, too_many
from ad_pipeline_tests.speech.openai_server import Manner, SpeechServer
from ad_pipeline_tests.speech.true_speech import true_speech

TEXT = "Hello there, friends."


@pytest.fixture
def client(eleven: ElevenLabsServer) -> Iterator[ElevenLabs]:
    with httpx.Client(timeout=10) as wire:
        yield ElevenLabs(base_url=eleven.url, api_key="sk-eleven", httpx_client=wire)


def test_the_elevenlabs_client_gets_speech_in_every_form(client: ElevenLabs) -> None:
    length_s = len(true_speech(TEXT).samples) / true_speech(TEXT).rate_hz
    for form in ("pcm_24000", "wav_24000", "mp3_44100_128"):
        sound = b"".join(client.text_to_speech.convert(SARAH, text=TEXT, model_id="eleven_v3", output_format=form))
        assert len(speech_from(sound, form=form)) / 48000 == pytest.approx(length_s, abs=0.06), form
    streamed = b"".join(client.text_to_speech.stream(SARAH, text=TEXT, model_id="eleven_v3", output_format="pcm_24000"))
    assert len(streamed) / 2 / 24000 == pytest.approx(length_s, abs=0.01)


def test_the_elevenlabs_client_gets_the_time_of_each_character(client: ElevenLabs) -> None:
    answer = client.text_to_speech.convert_with_timestamps(
        SARAH, text=TEXT, model_id="eleven_multilingual_v2", output_format="pcm_24000", previous_text="Hi."
    )
    (piece,) = client.text_to_speech.stream_with_timestamps(SARAH, text=TEXT, model_id="eleven_v3")

    assert answer.alignment is not None and piece.alignment is not None
    assert "".join(answer.alignment.characters) == TEXT
    start = answer.alignment.character_start_times_seconds[TEXT.index("there")]
    sound = np.frombuffer(base64.b64decode(answer.audio_base_64), "<i2")
    at = round(start * 24000)
    assert np.abs(sound[at - 480 : at - 48]).max() < 100 < np.abs(sound[at : at + 1200]).max(), "it is the true time"


def test_the_elevenlabs_client_reads_voices_models_and_the_account(client: ElevenLabs) -> None:
    assert client.voices.get_all().voices[0].name == "Sarah"
    assert {model.model_id for model in client.models.list()} > {"eleven_v3"}
    assert client.user.subscription.get().character_limit == 100_000


def test_the_elevenlabs_client_gets_effects(client: ElevenLabs) -> None:
    sound = b"".join(client.text_to_sound_effects.convert(text="drops", duration_seconds=1.0))
    with av.open(io.BytesIO(sound)) as file:
        assert file.streams.audio[0].codec_context.name.startswith("mp3")


REFUSED = {
    "unknown voice": ({"voice_id": "nobody"}, 404, "voice_not_found"),
    "too long": ({"text": "a" * 5001}, 400, "max_character_limit_exceeded"),
    "text before, to v3": ({"previous_text": "Hi."}, 400, "unsupported_model"),
    "samples of a larger plan": ({"output_format": "pcm_44100"}, 403, "output_format_not_allowed"),
    "a setting that v3 lacks": ({"voice_settings": VoiceSettings(stability=0.5, style=0.5)}, 400, "unsupported_model"),
    "a stability that v3 lacks": ({"voice_settings": VoiceSettings(stability=0.4)}, 400, "invalid_ttd_stability"),
    "a speed out of range": (
        {"model_id": "eleven_multilingual_v2", "voice_settings": VoiceSettings(speed=2)}, 400, "invalid_voice_settings"
    ),
    "no text": ({"text": ""}, 422, "Field required"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_elevenlabs_refuses_is_refused(client: ElevenLabs, case: str) -> None:
    change, status, word = REFUSED[case]
    asked = {"voice_id": SARAH, "text": TEXT, "model_id": "eleven_v3"} | change
    with pytest.raises(ApiError) as caught:
        client.text_to_speech.convert_with_timestamps(**asked)
    assert caught.value.status_code == status
    assert word in str(caught.value.body)


def test_keys_quotas_and_permissions_are_refused(eleven: ElevenLabsServer) -> None:
    def status(key: str) -> tuple[int | None, str]:
        with httpx.Client() as wire, pytest.raises(ApiError) as caught:
            service = ElevenLabs(base_url=eleven.url, api_key=key, httpx_client=wire)
            service.text_to_speech.convert_with_timestamps(SARAH, text=TEXT, model_id="eleven_v3")
        return caught.value.status_code, caught.value.body["detail"]["status"]

    assert status("sk-wrong") == (401, "invalid_api_key")
    eleven.left = 3
    assert status("sk-eleven") == (401, "quota_exceeded")
    eleven.may = frozenset()
    assert status("sk-eleven") == (401, "missing_permissions")


def test_the_client_hears_when_to_come_back(client: ElevenLabs, eleven: ElevenLabsServer) -> None:
    eleven.behave([too_many("1")])
    with pytest.raises(ApiError) as caught:
        client.text_to_speech.convert_with_timestamps(
            SARAH, text=TEXT, model_id="eleven_v3", request_options={"max_retries": 0}
        )
    assert caught.value.status_code == 429
    assert (caught.value.headers or {})["retry-after"] == "1"


@pytest.mark.parametrize("manner", ("kokoro", "openai"))
def test_the_openai_client_gets_speech_in_every_form(manner: Manner) -> None:
    length_s = len(true_speech(TEXT).samples) / true_speech(TEXT).rate_hz
    with (
        SpeechServer(manner=manner, key="sk-1") as server,
        openai.OpenAI(base_url=server.address, api_key="sk-1", max_retries=0) as client,
    ):
        for form in ("mp3", "opus", "aac", "flac", "wav", "pcm"):
            answer = client.audio.speech.create(model="kokoro", voice="af_heart", input=TEXT, response_format=form)
            sound = speech_from(answer.content, form="pcm_24000" if form == "pcm" else form)
            assert len(sound) / 48000 == pytest.approx(length_s, abs=0.06), form
        asked = {"model": "kokoro", "voice": "af_heart", "input": TEXT, "response_format": "wav", "speed": 1.5}
        with client.audio.speech.with_streaming_response.create(**asked) as answer:  # pyright: ignore[reportArgumentType, reportCallIssue]
            fast = speech_from(b"".join(answer.iter_bytes()), form="wav")
        assert len(fast) / 48000 < 0.85 * length_s
        assert [model.id for model in client.models.list()] == ["kokoro"]


def test_the_openai_client_reads_the_refusals() -> None:
    with SpeechServer(manner="openai", key="sk-1") as server:
        with (
            openai.OpenAI(base_url=server.address, api_key="sk-2", max_retries=0) as stranger,
            pytest.raises(openai.AuthenticationError),
        ):
            stranger.audio.speech.create(model="kokoro", voice="af_heart", input=TEXT)
        with (
            openai.OpenAI(base_url=server.address, api_key="sk-1", max_retries=0) as client,
            pytest.raises(openai.BadRequestError, match="Voice nobody not found"),
        ):
            client.audio.speech.create(model="kokoro", voice="nobody", input=TEXT)
