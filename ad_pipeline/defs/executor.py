"""`pinned_gpu_executor`: a run's independent steps side by side, in threads of the run's process.

The voice is spoken while the key image is drawn. Starting a process costs seconds and a step in a
live process 0.1 s; the heavy work lies in native code (OpenCV, x264), on ComfyUI nodes or behind an
API, none of which hold Python's lock. `execute_in_process` would ignore the executor of the code
location and run one step after the other.
"""

from __future__ import annotations

import os
import queue
import socket
import threading
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import dagster as dg
from dagster._core.events import DagsterEvent, EngineEventData
from dagster._core.execution.api import ExecuteRunWithPlanIterable
from dagster._core.execution.context.system import PlanExecutionContext, PlanOrchestrationContext, StepExecutionContext
from dagster._core.execution.context_creation_job import PlanExecutionContextManager
from dagster._core.execution.plan.active import ActiveExecution
from dagster._core.execution.plan.execute_plan import dagster_event_sequence_for_step
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode
from dagster._core.execution.step_dependency_config import StepDependencyConfig
from dagster._core.executor.base import Executor
from dagster._utils.interrupts import capture_interrupts

from ad_pipeline.engines.comfy.rack.processes import start_of

PROCESS_TAG = ".dagster/ad_pipeline_process"
"""`host/pid/start`: whether the process that holds a run is still alive (see `sweep.py`)."""

_MOST_STEPS = 8
_LOOK_EVERY_S = 0.2

_stops: dict[str, threading.Event] = {}
_stop_all = threading.Event()


def should_stop(run_id: str) -> bool:
    """Whether the run was cancelled; long work asks this between its parts."""
    flag = _stops.get(run_id)
    return _stop_all.is_set() or bool(flag and flag.is_set())


def stop_everything() -> None:
    """Cancel every run of this process, running and to come: its driver was stopped."""
    _stop_all.set()


def process_mark() -> str:
    """Names this process so that a reused pid is not taken for it."""
    return f"{socket.gethostname()}/{os.getpid()}/{start_of(os.getpid())}"


class PinnedGpuExecutor(Executor):
    """Runs a run's steps in threads; a GPU step holds its node for as long as it runs."""

    def __init__(self, most_steps: int = _MOST_STEPS) -> None:
        self._most_steps = most_steps

    @property
    def retries(self) -> RetryMode:
        # Stages retry by themselves, in one place (stages/making.py); a person may still use Dagster's.
        return RetryMode.ENABLED

    @property
    def step_dependency_config(self) -> StepDependencyConfig:
        return StepDependencyConfig.default()

    def execute(self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan) -> Iterator[DagsterEvent]:
        run = plan_context.dagster_run
        if PROCESS_TAG not in run.tags:
            plan_context.instance.add_run_tags(run.run_id, {PROCESS_TAG: process_mark()})
        yield DagsterEvent.engine_event(
            plan_context,
            f"Steps run in threads of process {os.getpid()}",
            event_specific_data=EngineEventData.in_process(os.getpid(), execution_plan.step_keys_to_execute),
        )
        yield from iter(
            ExecuteRunWithPlanIterable(
                execution_plan=plan_context.execution_plan,
                iterator=self._events,
                execution_context_manager=PlanExecutionContextManager(
                    job=plan_context.job,
                    retry_mode=plan_context.retry_mode,
                    execution_plan=plan_context.execution_plan,
                    run_config=plan_context.run_config,
                    dagster_run=run,
                    instance=plan_context.instance,
                    raise_on_error=plan_context.raise_on_error,
                    output_capture=plan_context.output_capture,
                    step_dependency_config=self.step_dependency_config,
                ),
            )
        )

    def _events(self, job_context: PlanExecutionContext, execution_plan: ExecutionPlan) -> Generator[DagsterEvent]:
        run_id = job_context.dagster_run.run_id
        stop = _stops[run_id] = threading.Event()
        try:
            with (
                capture_interrupts(),
                InstanceConcurrencyContext(job_context.instance, job_context.dagster_run) as slots,
                ThreadPoolExecutor(self._most_steps, thread_name_prefix="step") as threads,
                execution_plan.start(
                    retry_mode=job_context.retry_mode,
                    max_concurrent=self._most_steps,
                    instance_concurrency_context=slots,
                    step_dependency_config=self.step_dependency_config,
                ) as active,
            ):
                yield from _Steps(job_context, active, threads, stop, self._most_steps).events()
        finally:
            _stops.pop(run_id, None)


class _Steps:
    """One run's steps: started when ready, their events handed on in the order they come."""

    def __init__(
        self,
        job_context: PlanExecutionContext,
        active: ActiveExecution,
        threads: ThreadPoolExecutor,
        stop: threading.Event,
        most_steps: int,
    ) -> None:
        self._context = job_context
        self._active = active
        self._threads = threads
        self._stop = stop
        self._most_steps = most_steps
        self._events: queue.SimpleQueue[tuple[str, DagsterEvent | None]] = queue.SimpleQueue()
        self._running: set[str] = set()
        # A retry makes its step startable at once; its thread must have ended before.
        self._retries: dict[str, DagsterEvent] = {}

    def events(self) -> Generator[DagsterEvent]:
        while self._running or not (self._active.is_complete or self._stop.is_set()):
            if not self._stop.is_set():
                self._look_for_stop()
            if not self._stop.is_set():
                self._start_ready()
                yield from self._active.concurrency_event_iterator(self._context)
            yield from self._next_event()

    def _look_for_stop(self) -> None:
        if not (self._active.check_for_interrupts() or _stop_all.is_set()):
            return
        self._stop.set()
        self._active.mark_interrupted()
        run = self._context.instance.get_run_by_id(self._context.run_id)
        if run and not run.is_finished and run.status != dg.DagsterRunStatus.CANCELING:
            # Without it Dagster would call the end of this run a failure, not a cancellation.
            self._context.instance.report_run_canceling(run)

    def _start_ready(self) -> None:
        for step in self._active.get_steps_to_execute(limit=self._most_steps - len(self._running)):
            step_context = self._context.for_step(step, self._active.get_known_state())
            self._running.add(step.key)
            self._threads.submit(self._run, step.key, step_context)

    def _run(self, step_key: str, step_context: StepExecutionContext) -> None:
        try:
            for event in dagster_event_sequence_for_step(step_context):
                self._events.put((step_key, event))
        finally:
            self._events.put((step_key, None))

    def _next_event(self) -> Generator[DagsterEvent]:
        try:
            # The queue also wakes for nothing, to look for a cancellation and for steps that wait for a pool slot.
            step_key, event = self._events.get(timeout=_LOOK_EVERY_S)
        except queue.Empty:
            if not self._stop.is_set():
                yield from self._active.plan_events_iterator(self._context)
            return
        if event is None:
            self._running.discard(step_key)
            if step_key in self._retries:
                self._active.handle_event(self._retries.pop(step_key))
            self._active.verify_complete(self._context, step_key)
            if not self._stop.is_set():
                yield from self._active.plan_events_iterator(self._context)
            return
        yield event
        if event.is_step_up_for_retry:
            self._retries[step_key] = event
        else:
            self._active.handle_event(event)


@dg.executor(
    name="pinned_gpu",
    config_schema={
        "max_concurrent": dg.Field(int, default_value=_MOST_STEPS, description="steps of one run at a time")
    },
)
def pinned_gpu_executor(init_context: dg.InitExecutorContext) -> PinnedGpuExecutor:
    """Independent steps of a run side by side, each GPU step pinned to its node."""
    config: Any = init_context.executor_config
    return PinnedGpuExecutor(most_steps=config["max_concurrent"])
