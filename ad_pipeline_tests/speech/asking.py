"""Asking a voice for lines, without a session."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ad_pipeline.engines.contracts import Job
from ad_pipeline.engines.crafts.voice import Speaker, VoiceDone, VoiceEngine, VoiceRequest
from ad_pipeline.engines.registry import Registry
from ad_pipeline.story.lexicon import GENERAL, Lexicon
from ad_pipeline.story.storyboard import Line
from ad_pipeline_tests.speech.elevenlabs_server import ElevenLabsServer
from ad_pipeline_tests.speech.openai_server import SpeechServer

SARAH, MATILDA, BRIAN = "EXAVITQu4vr4xnSDxMaL", "XrExE9yKIg1WjnnlVkGX", "nPczCjzI2devNBz1zQrb"
V3, V2, FLASH = "elevenlabs/eleven_v3", "elevenlabs/eleven_multilingual_v2", "elevenlabs/eleven_flash_v2_5"
KOKORO, XTTS = "openai_speech/kokoro", "openai_speech/xtts-v2"


@dataclass
class Purse:
    """What a service took, as the engine told it."""

    paid: list[float] = field(default_factory=list[float])


def write_voices(
    *, eleven: ElevenLabsServer | None = None, kokoro: SpeechServer | None = None, xtts: SpeechServer | None = None,
    at_once: int = 2, more: str = "",
) -> None:  # fmt: skip
    """A person's voices.toml (AD_PIPELINE_VOICES) that leads to these servers; the others are not there."""
    nobody = "http://127.0.0.1:9"
    rows = [
        f'[servers.elevenlabs]\nurl = "{eleven.url if eleven else nobody}"\nat_once = {at_once}',
        f'[servers.kokoro]\nurl = "{kokoro.address if kokoro else nobody}"\nat_once = {at_once}',
        f'[servers.xtts]\nurl = "{xtts.address if xtts else nobody}"',
    ]
    if kokoro and kokoro.key:
        rows[1] += '\nkey_env = "SPEECH_KEY"'
    Path(os.environ["AD_PIPELINE_VOICES"]).write_text("\n".join([*rows, more]), encoding="utf-8")


def voice(model_id: str) -> VoiceEngine:
    engine = Registry().engine(model_id)
    assert isinstance(engine, VoiceEngine)
    return engine


def a_request(
    *lines: str | Line, cast: Mapping[str, Speaker] | None = None, language: Literal["ko", "en"] = "en", seed: int = 7,
    before: str = "", after: str = "", lexicon: Lexicon = GENERAL, tone: str = "",
) -> VoiceRequest:  # fmt: skip
    said = tuple(Line(text=line) if isinstance(line, str) else line for line in lines)
    return VoiceRequest(
        lines=said,
        language=language,
        cast=cast or {},
        seed=seed,
        before=before,
        after=after,
        lexicon=lexicon,
        tone=tone,
    )


def a_job(folder: Path, purse: Purse | None = None, **more: Any) -> Job:
    purse = purse or Purse()
    return Job(job_id=str(uuid.uuid4()), kept=folder / ".bought", paid=purse.paid.append, **more)


def said(model_id: str, folder: Path, *lines: str | Line, purse: Purse | None = None, **request: Any) -> VoiceDone:
    """The lines spoken into `folder/voice.wav`."""
    return voice(model_id).speak(a_request(*lines, **request), folder / "voice.wav", a_job(folder, purse))


def texts(server: ElevenLabsServer | SpeechServer) -> Sequence[str]:
    return [request.body.get("text") or request.body["input"] for request in server.spoken]
