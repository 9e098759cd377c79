"""The test server's own worker ends when it is told to, whatever else happens in that moment."""

from __future__ import annotations

import asyncio

from ad_pipeline_tests.comfy.graphs import three_nodes
from ad_pipeline_tests.comfy.jobs import new_id
from ad_pipeline_tests.comfy.machine import Behaviour, Machine


def test_a_worker_cancelled_in_the_moment_its_job_is_stopped_ends() -> None:
    async def cancelled_with_its_job() -> bool:
        machine = Machine(Behaviour(run_s=30.0), lambda *_: None)
        worker = asyncio.ensure_future(machine.work())
        graph = three_nodes()
        machine.queue(graph, tuple(graph), {"prompt_id": new_id()})
        while machine.running is None or not machine.running.node:
            await asyncio.sleep(0)

        machine.cancel(machine.running.job_id)
        await asyncio.sleep(0)  # the job's wait has ended; its waiter has not run yet
        worker.cancel()
        await asyncio.wait([worker], timeout=1.0)

        return worker.done()

    assert asyncio.run(cancelled_with_its_job())
