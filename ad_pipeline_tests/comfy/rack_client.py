"""A worker process for tests: takes turns on a rack and runs jobs, telling each step as a line of JSON.

`python -m ad_pipeline_tests.comfy.rack_client '{"nodes": {"gpu0": "http://..."}, "folder": "...", "jobs": [...]}'`
"""

from __future__ import annotations

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ad_pipeline.engines.comfy.rack.config import NodeConfig
from ad_pipeline.engines.comfy.rack.rack import Rack
from ad_pipeline_tests.comfy.rack_parts import Listed, ask, racked, run_on

_printing = threading.Lock()


def main() -> None:
    """Run the jobs, all at once."""
    told = json.loads(sys.argv[1])
    folder = Path(told["folder"])
    nodes = Listed(*(NodeConfig(name=name, url=url) for name, url in told["nodes"].items()))
    jobs: list[dict[str, Any]] = told["jobs"]
    with racked(nodes, folder) as rack, ThreadPoolExecutor(len(jobs)) as threads:
        for running in [threads.submit(_run, rack, folder, **job) for job in jobs]:
            running.result()


def _run(rack: Rack, folder: Path, *, job_id: str, seconds: float, stage: str = "key_image") -> None:
    asked = ask(stage, job_id=job_id, estimate_s=seconds)
    with rack.turn(asked) as turn:
        _tell("given", job_id, turn.name)
        run_on(turn, asked, folder, seconds=seconds)
    _tell("done", job_id, turn.name)


def _tell(what: str, job_id: str, node: str) -> None:
    with _printing:
        print(json.dumps({"what": what, "job_id": job_id, "node": node}), flush=True)


if __name__ == "__main__":
    main()
