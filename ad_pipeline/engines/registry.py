"""The engines of this version by model id (`engine/model`), built when first needed."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import MappingProxyType

from ad_pipeline.engines.contracts import Engine
from ad_pipeline.errors import EngineUnavailable

_BUILT_IN: Mapping[str, str] = MappingProxyType(
    {
        "animatic/template-writer": "ad_pipeline.engines.animatic.story:TemplateWriter",
        "animatic/compositor": "ad_pipeline.engines.animatic.image:AnimaticImage",
        "animatic/ken-burns": "ad_pipeline.engines.animatic.motion:KenBurns",
        "animatic/guide-voice": "ad_pipeline.engines.animatic.voice:GuideVoice",
        "animatic/pass-through": "ad_pipeline.engines.animatic.lipsync:PassThroughLipsync",
        "animatic/procedural": "ad_pipeline.engines.animatic.sound:ProceduralSound",
        "cut/planar": "ad_pipeline.engines.cut:PlanarCut",
    }
)


def import_built_in() -> None:
    """Load every engine's module now, for a process that others are forked from."""
    for place in _BUILT_IN.values():
        importlib.import_module(place.split(":")[0])


class Registry:
    """Engines by model id; one instance each, so that an engine may keep a connection."""

    def __init__(self, more: Mapping[str, Engine] | None = None) -> None:
        self._built: dict[str, Engine] = dict(more or {})

    def engine(self, model_id: str) -> Engine:
        """The engine of that model.

        Raises:
            EngineUnavailable: this version has none, or it is not ready on this machine.
        """
        if model_id not in self._built:
            if model_id not in _BUILT_IN:
                raise EngineUnavailable("{engine} is not part of this version", engine=model_id)
            module, name = _BUILT_IN[model_id].split(":")
            self._built[model_id] = getattr(importlib.import_module(module), name)()
        engine = self._built[model_id]
        missing = engine.missing()
        if missing:
            raise EngineUnavailable("{engine} is not ready: {missing}", engine=model_id, missing=missing)
        return engine

    def why_not(self, model_id: str) -> str:
        """Why the engine cannot work here, as one sentence; empty when it can."""
        try:
            self.engine(model_id)
        except EngineUnavailable as error:
            return str(error)
        return ""
