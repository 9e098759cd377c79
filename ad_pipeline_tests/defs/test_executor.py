"""Steps side by side in threads: what waits for what, what a failure leaves, retries, pools, and a stop."""

import threading
import time
from collections.abc import Iterator

import dagster as dg
import pytest

from ad_pipeline.defs import executor
from ad_pipeline.defs.executor import pinned_gpu_executor, should_stop

_together = threading.Barrier(2, timeout=20)
_tries: list[int] = []
_busy: list[int] = []
_most_busy: list[int] = []
_running = threading.Event()


@dg.op
def left() -> int:
    """Ends only while the other runs too."""
    _together.wait()
    return 1


@dg.op
def right() -> int:
    """Ends only while the other runs too."""
    _together.wait()
    return 2


@dg.op
def joined(a: int, b: int) -> int:
    """Needs both."""
    return a + b


@dg.op
def broken() -> int:
    """Fails at once."""
    raise dg.Failure("broken on purpose", allow_retries=False)


@dg.op
def after(value: int) -> int:
    """Never runs when what it needs failed."""
    return value


@dg.op(retry_policy=dg.RetryPolicy(max_retries=2))
def third_time() -> int:
    """Passes at the third try."""
    _tries.append(1)
    if len(_tries) < 3:
        raise RuntimeError("not yet")
    return 3


@dg.op(pool="one_at_a_time")
def pooled() -> None:
    """Notes how many of its kind run at once."""
    _busy.append(1)
    _most_busy.append(len(_busy))
    time.sleep(0.05)
    _busy.pop()


@dg.op
def long(context: dg.OpExecutionContext) -> None:
    """Works until it is stopped."""
    _running.set()
    end = time.monotonic() + 20
    while not should_stop(context.run.run_id):
        assert time.monotonic() < end
        time.sleep(0.02)
    raise dg.DagsterExecutionInterruptedError("stopped")


@dg.job(executor_def=pinned_gpu_executor)
def side_by_side() -> None:
    joined(left(), right())


@dg.job(executor_def=pinned_gpu_executor)
def one_breaks() -> None:
    after(broken())
    third_time()


@dg.job(executor_def=pinned_gpu_executor)
def crowded() -> None:
    for number in range(3):
        pooled.alias(f"pooled_{number}")()


@dg.job(executor_def=pinned_gpu_executor)
def stopped() -> None:
    long()


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    home = tmp_path_factory.mktemp("home")
    overrides = {"concurrency": {"pools": {"granularity": "op", "default_limit": 1}}}
    with dg.instance_for_test(temp_dir=str(home), overrides=overrides) as instance:
        yield instance


def _run(job: dg.JobDefinition, instance: dg.DagsterInstance) -> dg.JobExecutionResult:
    return dg.execute_job(dg.reconstructable(job), instance=instance, raise_on_error=False)


def test_steps_that_need_nothing_of_each_other_run_side_by_side(instance: dg.DagsterInstance) -> None:
    with _run(side_by_side, instance) as result:
        assert result.success
        assert result.output_for_node("joined") == 3


def test_a_step_that_fails_leaves_the_others_and_skips_what_needs_it(instance: dg.DagsterInstance) -> None:
    _tries.clear()

    result = _run(one_breaks, instance)

    assert not result.success
    assert len(_tries) == 3
    kinds = {(e.step_key, e.event_type_value) for e in result.all_events if e.step_key}
    assert ("broken", "STEP_FAILURE") in kinds
    assert ("third_time", "STEP_SUCCESS") in kinds
    assert ("third_time", "STEP_RESTARTED") in kinds
    assert ("after", "STEP_START") not in kinds
    run = instance.get_run_by_id(result.run_id)
    assert run
    assert executor.PROCESS_TAG in run.tags


def test_a_pool_of_one_is_kept_within_one_run(instance: dg.DagsterInstance) -> None:
    _most_busy.clear()
    instance.event_log_storage.set_concurrency_slots("one_at_a_time", 1)

    result = _run(crowded, instance)

    assert result.success
    assert _most_busy == [1, 1, 1]
    assert instance.event_log_storage.get_concurrency_info("one_at_a_time").active_slot_count == 0


def test_a_stopped_run_is_canceled_not_failed(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    _running.clear()
    monkeypatch.setattr(executor, "_stop_all", threading.Event())

    def stop() -> None:
        assert _running.wait(20)
        executor.stop_everything()

    stopper = threading.Thread(target=stop)
    stopper.start()
    result = _run(stopped, instance)
    stopper.join(20)

    run = instance.get_run_by_id(result.run_id)
    assert run
    assert run.status == dg.DagsterRunStatus.CANCELED
