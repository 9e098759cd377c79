"""The cut as an engine like any other: who made the final, under what version."""

from __future__ import annotations

from ad_pipeline.engines.contracts import Engine, EngineFacts, Licence
from ad_pipeline.media.render import RENDERER_VERSION


class PlanarCut(Engine):
    """Cuts clips, titles and sound into the final; always this machine's own work."""

    facts = EngineFacts(
        name="cut",
        model="planar",
        version=str(RENDERER_VERSION),
        crafts=frozenset(),
        licence=Licence(name="ours", paid_ads="yes"),
        local=True,
        supports_seed=False,
    )
