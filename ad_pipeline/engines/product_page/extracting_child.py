"""The process that takes a page apart, so that a page can end no more than this.

In: one JSON line with `url`, `charset` and `parent_pid`, then the page's bytes. Out: one JSON object, `facts` or
`nothing`. What takes too long or too much memory is ended: by the parent, and by the limits set here.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import signal
import sys

_MOST_MEMORY_BYTES = 1536 * 1024 * 1024
_MOST_CPU_S = 20
_PARENT_DEATH_SIGNAL = 1


def main() -> int:
    """Answer one request."""
    limit_this_process()
    # Loaded before the page is here: the network's time is used for it.
    for name in ("extruct.jsonld", "extruct.opengraph", "extruct.w3cmicrodata"):
        importlib.import_module(name)
    from ad_pipeline.engines.product_page.extracting import page_facts

    request = json.loads(sys.stdin.buffer.readline() or b"null")
    if request is None:  # no page came of it
        return 0
    found = page_facts(sys.stdin.buffer.read(), charset=str(request["charset"]), url=str(request["url"]))
    answer = {"nothing": found} if isinstance(found, str) else {"facts": found.model_dump(mode="json")}
    sys.stdout.write(json.dumps(answer))
    return 0


def limit_this_process() -> None:
    """Set the most memory and time that taking a page apart may cost; nothing of a crash is written to disk."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY_BYTES, _MOST_MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (_MOST_CPU_S, _MOST_CPU_S))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, AttributeError):  # only Linux tells a child that its parent died
        ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() == 1:
            sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
