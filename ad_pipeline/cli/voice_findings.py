"""What `doctor` says of voices and of who makes effects: each server is asked once, and only for what costs nothing."""

from __future__ import annotations

from collections.abc import Mapping

from ad_pipeline.engines.elevenlabs.client import Client
from ad_pipeline.engines.openai_speech.client import listed_models
from ad_pipeline.engines.registry import Registry
from ad_pipeline.engines.speech.catalogue import SpeechBook, SpeechModel, SpeechServer
from ad_pipeline.errors import EngineError
from ad_pipeline.messages import say, user_language


def said_of_voices(book: SpeechBook, registry: Registry) -> Mapping[str, tuple[str, str]]:
    """(why it cannot work here, what else is worth knowing) for each model of the list; one of them or both empty."""
    told: dict[str, tuple[str, str]] = {}
    asked: dict[str, tuple[str, str]] = {}
    first: dict[str, str] = {}
    for model_id, model in {**book.voices, **book.effects}.items():
        missing = registry.why_not(model_id)
        why_not, notes = missing.said_in(user_language()) if missing else "", ""
        if not why_not and model.server.kind == "elevenlabs":
            if model.server.name not in asked:
                asked[model.server.name] = _account(model.server, model_id)
            why_not, notes = asked[model.server.name]
        if not why_not and isinstance(model, SpeechModel) and model.server.kind == "openai":
            notes = _speech_server(model)
        plain = why_not.removeprefix(model_id)
        told[model_id] = (say("as {model}", model=first[plain]) if plain in first else why_not, notes)
        if plain:
            first.setdefault(plain, model_id)
    return told


def _account(server: SpeechServer, model_id: str) -> tuple[str, str]:
    client = Client(server, model_id)
    try:
        there = client.voices()
    except EngineError as error:
        return error.message.said_in(user_language()), ""
    notes = [say("{count} voices", count=len(there))]
    try:
        left = client.characters_left()
    except EngineError:  # a key may be allowed to speak and not to look at its account
        left = None
    if left is not None:
        notes.append(say("{count} characters left", count=left))
    return "", "; ".join(notes)


def _speech_server(model: SpeechModel) -> str:
    names = listed_models(model.server)
    if names and model.name not in names:
        return say(
            "the server names its models {names}: write the right name under [models.{model!r}] in {file}",
            names=", ".join(names[:5]),
            model=model.model_id,
            file=model.book.name,
        )
    return say("{count} voices in the list", count=len(model.voices))
