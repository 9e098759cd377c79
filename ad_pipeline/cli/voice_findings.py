"""What `doctor` says of voices and of who makes effects: each server is asked once, and only for what costs nothing."""

from __future__ import annotations

from collections.abc import Mapping

from ad_pipeline.engines.elevenlabs.client import Client
from ad_pipeline.engines.openai_speech.client import listed_models
from ad_pipeline.engines.registry import Registry
from ad_pipeline.engines.speech.catalogue import SpeechBook, SpeechModel, SpeechServer
from ad_pipeline.errors import EngineError
from ad_pipeline.messages import Message, say, user_language


def said_of_voices(book: SpeechBook, registry: Registry) -> Mapping[str, tuple[str, str]]:
    """(why it cannot work here, what else is worth knowing) for each model of the list; one of them or both empty."""
    told: dict[str, tuple[str, str]] = {}
    asked: dict[str, tuple[str, str]] = {}
    first: dict[str, str] = {}
    for model_id, model in {**book.voices, **book.effects}.items():
        why_not, notes = _missing(registry, model_id), ""
        if not why_not and model.server.kind == "elevenlabs":
            if model.server.name not in asked:
                asked[model.server.name] = _account(model.server, model_id)
            why_not, notes = asked[model.server.name]
        if not why_not and isinstance(model, SpeechModel) and model.server.kind == "openai":
            notes = _speech_server(model)
        told[model_id] = (say("as {model}", model=first[why_not]) if why_not in first else why_not, notes)
        if why_not:
            first.setdefault(why_not, model_id)
    return told


def _missing(registry: Registry, model_id: str) -> str:
    """What keeps it from working here; its name stands before it anyway."""
    told = registry.why_not(model_id)
    inner = told.facts.get("missing") if told else None
    told = inner if isinstance(inner, Message) else told
    return told.said_in(user_language()) if told else ""


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
