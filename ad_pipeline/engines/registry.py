"""The engines of this version by model id (`engine/model`), built when first needed."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ad_pipeline.engines.comfy.place import Place
from ad_pipeline.engines.contracts import Craft, Engine
from ad_pipeline.engines.language.catalogue import language_book
from ad_pipeline.engines.speech.catalogue import speech_book
from ad_pipeline.errors import EngineUnavailable
from ad_pipeline.messages import Message
from ad_pipeline.settings import settings_from_environment

_BUILT_IN: Mapping[str, str] = MappingProxyType(
    {
        "animatic/template-writer": "ad_pipeline.engines.animatic.story:TemplateWriter",
        "animatic/compositor": "ad_pipeline.engines.animatic.image:AnimaticImage",
        "animatic/ken-burns": "ad_pipeline.engines.animatic.motion:KenBurns",
        "animatic/guide-voice": "ad_pipeline.engines.animatic.voice:GuideVoice",
        "animatic/pass-through": "ad_pipeline.engines.animatic.lipsync:PassThroughLipsync",
        "animatic/procedural": "ad_pipeline.engines.animatic.sound:ProceduralSound",
        "library/own-tracks": "ad_pipeline.engines.library.engine:LibraryMusic",
        "room/writers": "ad_pipeline.engines.room:WritersRoom",
        "cut/planar": "ad_pipeline.engines.cut:PlanarCut",
    }
)

_COMFY: Mapping[str, tuple[Craft, Mapping[str, str]]] = MappingProxyType(
    {
        "comfyui/z_image_turbo": ("image", {"": "z_image_turbo"}),
        "comfyui/sdxl_brand": ("image", {"": "sdxl_brand"}),
        "comfyui/sdxl_controlnet": (
            "image", {"": "sdxl_canny", "canny": "sdxl_canny", "depth": "sdxl_depth", "lineart": "sdxl_lineart"}
        ),
        "comfyui/qwen_image_edit_2511": ("image", {"": "qwen_edit_2511"}),
        "comfyui/qwen_image_edit_2511_lightning": ("image", {"": "qwen_edit_2511_lightning"}),
        "comfyui/qwen_image_edit_2509": ("image", {"": "qwen_edit_2509"}),
        "comfyui/qwen_image_edit_2509_lightning": ("image", {"": "qwen_edit_2509_lightning"}),
        "openai/gpt-image-2": ("image", {"": "gpt_image"}),
        "openai/dall-e-3": ("image", {"": "dalle3"}),
        "comfyui/animatediff": ("motion", {"": "animatediff_sd15"}),
        "comfyui/animatediff_sdxl": ("motion", {"": "animatediff_sdxl"}),
        "comfyui/wan2.1_i2v_14b": ("motion", {"": "wan21_i2v_480p"}),
        "comfyui/wan2.1_i2v_14b_720p": ("motion", {"": "wan21_i2v_720p"}),
        "comfyui/svd": ("motion", {"": "svd"}),
        "veo/veo-3": ("motion", {"": "veo3"}),
        "sora/sora-2": ("motion", {"": "sora2"}),
        "comfyui/latentsync-1.6": ("lipsync", {"": "latentsync"}),
        "comfyui/mmaudio": ("sound", {"": "mmaudio_video"}),
        "comfyui/mmaudio_text": ("sound", {"": "mmaudio_text"}),
    }
)  # fmt: skip
"""Models that ComfyUI runs, and their graphs by mode; a graph of a person's own is `comfyui/<its name>`."""

_COMFY_ENGINES: Mapping[Craft, str] = MappingProxyType(
    {
        "image": "ad_pipeline.engines.comfy.image:ComfyImage",
        "motion": "ad_pipeline.engines.comfy.motion:ComfyMotion",
        "lipsync": "ad_pipeline.engines.comfy.lipsync:ComfyLipsync",
        "sound": "ad_pipeline.engines.comfy.sound:ComfySound",
    }
)


_VOICES: Mapping[str, str] = MappingProxyType(
    {
        "elevenlabs": "ad_pipeline.engines.elevenlabs.voice:ElevenLabsVoice",
        "openai": "ad_pipeline.engines.openai_speech.voice:SpeechServerVoice",
    }
)


def graphs_of(model_id: str) -> tuple[str, ...]:
    """The ComfyUI graphs that run a model of ours, the usual one first; none for what runs elsewhere."""
    _, graphs = _COMFY.get(model_id, ("", {}))
    return tuple(graphs.values())


def import_built_in() -> None:
    """Load every engine's module now, for a process that others are forked from."""
    for place in _BUILT_IN.values():
        importlib.import_module(place.split(":")[0])


def _named(place: str) -> Any:
    """The class that `module:name` says."""
    module, name = place.split(":")
    return getattr(importlib.import_module(module), name)


def _listed(model_id: str) -> tuple[object, str] | None:
    """A model of the lists of language models, voices and effects, and the class that works by it."""
    settings = settings_from_environment()
    if model := language_book(settings).models.get(model_id):
        return model, "ad_pipeline.engines.language.engine:ListedModel"
    speech = speech_book(settings)
    if voice := speech.voices.get(model_id):
        return voice, _VOICES[voice.server.kind]
    if effects := speech.effects.get(model_id):
        return effects, "ad_pipeline.engines.elevenlabs.effects:ElevenLabsEffects"
    return None


class Registry:
    """Engines by model id; one instance each, so that an engine may keep a connection."""

    def __init__(self, more: Mapping[str, Engine] | None = None, *, comfy: Place | None = None) -> None:
        self._built: dict[str, Engine] = dict(more or {})
        self._listed: dict[str, tuple[object, Engine]] = {}
        self._comfy = comfy

    def engine(self, model_id: str) -> Engine:
        """The engine of that model.

        Raises:
            EngineUnavailable: this version has none, or it is not ready on this machine.
        """
        engine = self._built.get(model_id) or self._from_list(model_id)
        if engine is None:
            engine = self._built[model_id] = self._new(model_id)
        missing = engine.missing()
        if missing:
            raise EngineUnavailable("{engine} is not ready: {missing}", engine=model_id, missing=missing)
        return engine

    def _new(self, model_id: str) -> Engine:
        if model_id in _BUILT_IN:
            return _named(_BUILT_IN[model_id])()
        if self._comfy is not None:
            craft, graphs = _COMFY.get(model_id) or self._own_graph(model_id)
            part = importlib.import_module("ad_pipeline.engines.comfy.part")
            shop = importlib.import_module("ad_pipeline.engines.comfy.workshop").workshop(self._comfy)
            local = model_id.startswith("comfyui/")
            model = part.ModelGraphs(model_id=model_id, craft=craft, graphs=graphs, local=local)
            return _named(_COMFY_ENGINES[craft])(shop, model)
        raise EngineUnavailable("{engine} is not part of this version", engine=model_id)

    def _from_list(self, model_id: str) -> Engine | None:
        """The engine of a listed model, as the person's lists have it now; None for what stands in none."""
        if model_id in _BUILT_IN or model_id in _COMFY:
            return None
        listed = _listed(model_id)
        if listed is None:
            return None
        model, place = listed
        known = self._listed.get(model_id)
        if known is None or known[0] != model:
            known = model, _named(place)(model)
            self._listed[model_id] = known
        return known[1]

    def _own_graph(self, model_id: str) -> tuple[Craft, Mapping[str, str]]:
        """The craft of a person's own graph."""
        engine, _, name = model_id.partition("/")
        if self._comfy is None or engine != "comfyui":
            raise EngineUnavailable("{engine} is not part of this version", engine=model_id)
        own = importlib.import_module("ad_pipeline.engines.comfy.own_graphs").own_graphs(self._comfy.graphs)
        if name not in own:
            raise EngineUnavailable("{engine} is not part of this version", engine=model_id)
        return own[name].craft, {"": name}

    def why_not(self, model_id: str) -> Message | None:
        """Why the engine cannot work here, as one sentence; None when it can."""
        try:
            self.engine(model_id)
        except EngineUnavailable as error:
            return error.message
        return None
