"""What dead processes left on the nodes: asked of the nodes in the background, a few seconds apart."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence

from ad_pipeline.engines.comfy.client import ComfyNode
from ad_pipeline.engines.comfy.protocol import CancelledThere, Failed, Finished, Unknown
from ad_pipeline.engines.comfy.rack.config import NodeConfig
from ad_pipeline.engines.comfy.rack.entries import Orphan
from ad_pipeline.errors import EngineError

_EVERY_S = 2.0


class OrphanCheck:
    """Finds out which of them ended; `tell` hears of each whether it is done there, or not there any more."""

    def __init__(self, comfy: Callable[[NodeConfig], ComfyNode], *, tell: Callable[[dict[str, bool]], None]) -> None:
        self._comfy, self._tell = comfy, tell
        self._asked_s = 0.0
        self._is_asking = threading.Lock()

    def is_due(self) -> bool:
        return time.monotonic() - self._asked_s >= _EVERY_S and not self._is_asking.locked()

    def ask(self, orphans: Sequence[Orphan], configs: Mapping[str, NodeConfig]) -> None:
        """Ask the nodes that are named in `configs`; comes back at once."""
        self._asked_s = time.monotonic()
        asked = [(one.job_id, configs[one.node]) for one in orphans if one.node in configs]
        if asked and self._is_asking.acquire(blocking=False):
            threading.Thread(target=self._ask, args=(asked,), name="comfy-orphans", daemon=True).start()

    def _ask(self, asked: Sequence[tuple[str, NodeConfig]]) -> None:
        settled: dict[str, bool] = {}
        try:
            for job_id, config in asked:
                try:
                    state = self._comfy(config).state(job_id)
                except EngineError:
                    continue
                if isinstance(state, Finished | Failed | CancelledThere | Unknown):
                    settled[job_id] = isinstance(state, Finished)
        finally:
            self._is_asking.release()
            self._tell(settled)
