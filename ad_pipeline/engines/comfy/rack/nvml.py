"""The cards of this machine, read from NVIDIA's driver."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ad_pipeline.engines.comfy.rack.cards import Card, CardProcess
from ad_pipeline.errors import MachineLacks

Value = TypeVar("Value")


def local_cards() -> tuple[Card, ...]:
    """Every card, in the driver's order.

    Raises:
        MachineLacks: the package or the driver is not there.
    """
    try:
        import pynvml
    except ImportError as error:
        raise MachineLacks(
            "the cards of this machine cannot be read without nvidia-ml-py: .venv/bin/pip install nvidia-ml-py"
        ) from error
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        raise MachineLacks("NVIDIA's driver does not answer here: {reason}", reason=str(error)) from error
    try:
        return tuple(_card(pynvml, number) for number in range(pynvml.nvmlDeviceGetCount()))
    except pynvml.NVMLError as error:
        raise MachineLacks("NVIDIA's driver does not answer here: {reason}", reason=str(error)) from error
    finally:
        pynvml.nvmlShutdown()


def _card(nvml: Any, number: int) -> Card:
    handle = nvml.nvmlDeviceGetHandleByIndex(number)

    def told(ask: Callable[[], Value]) -> Value | None:
        """What this kind of card does not tell is left out."""
        try:
            return ask()
        except nvml.NVMLError:
            return None

    memory = told(lambda: nvml.nvmlDeviceGetMemoryInfo(handle))
    utilization = told(lambda: nvml.nvmlDeviceGetUtilizationRates(handle))
    power_mw = told(lambda: nvml.nvmlDeviceGetPowerUsage(handle))
    processes = told(lambda: nvml.nvmlDeviceGetComputeRunningProcesses(handle)) or []
    return Card(
        index=number,
        uuid=told(lambda: nvml.nvmlDeviceGetUUID(handle)) or "",
        name=told(lambda: nvml.nvmlDeviceGetName(handle)) or "",
        utilization_percent=None if utilization is None else float(utilization.gpu),
        temperature_c=told(lambda: float(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))),
        power_w=None if power_mw is None else power_mw / 1000,
        memory_used_bytes=None if memory is None else int(memory.used),
        memory_total_bytes=None if memory is None else int(memory.total),
        processes=tuple(CardProcess(pid=int(one.pid), memory_bytes=one.usedGpuMemory) for one in processes),
    )
