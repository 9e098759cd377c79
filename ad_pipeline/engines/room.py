"""The writers' room as an engine like any other: who wrote the storyboard, under what version.

The roles' own models do the work, each on its own route; `stages.writers_room` leads them.
"""

from __future__ import annotations

from ad_pipeline.engines.contracts import Engine, EngineFacts, Licence

ROOM_VERSION = 1


class WritersRoom(Engine):
    """A team of language models that answers to one another."""

    facts = EngineFacts(
        name="room",
        model="writers",
        version=str(ROOM_VERSION),
        crafts=frozenset({"story"}),
        licence=Licence(name="ours", paid_ads="yes", note="the narrowest of the models that wrote counts"),
        local=True,
        languages=frozenset({"ko", "en"}),
    )
