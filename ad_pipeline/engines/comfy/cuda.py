"""The CUDA devices of this machine, as torch sees them.

torch is asked in a process of its own: it takes seconds to load, and whoever asks it keeps some
hundred megabytes of each card. It may as well be the torch of ComfyUI's own Python.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass

from ad_pipeline.engines.comfy.protocol import shortened
from ad_pipeline.errors import MachineLacks

_ASK_S = 180.0
_QUESTION = """
import json
try:
    import torch
except ImportError as error:
    print(json.dumps({"missing": str(error)}))
    raise SystemExit
found = []
if torch.cuda.is_available():
    for number in range(torch.cuda.device_count()):
        card = torch.cuda.get_device_properties(number)
        found.append([str(getattr(card, "uuid", "")), card.name, card.total_memory])
print(json.dumps({"version": torch.__version__, "devices": found}))
"""


@dataclass(frozen=True, kw_only=True)
class CudaDevice:
    """One device. `visible_as` is what CUDA_VISIBLE_DEVICES has to say for a process to see only it."""

    index: int
    uuid: str
    name: str
    memory_bytes: int
    visible_as: str

    def __str__(self) -> str:
        return f"{self.name}, {self.memory_bytes / 2**30:.0f} GB"


def cuda_devices(python: str) -> tuple[CudaDevice, ...]:
    """Every device that torch of this Python sees; at least one.

    Raises:
        MachineLacks: there is no torch, or it sees no device.
    """
    environment = {**os.environ, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    try:
        asked = subprocess.run(
            [python, "-c", _QUESTION], env=environment, capture_output=True, text=True, timeout=_ASK_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MachineLacks(
            "{python} cannot be asked for CUDA devices: {reason}", python=python, reason=error
        ) from error
    try:
        told = json.loads(asked.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError) as error:
        reason = shortened((asked.stderr.strip() or "?").splitlines()[-1])
        raise MachineLacks(
            "{python} cannot be asked for CUDA devices: {reason}", python=python, reason=reason
        ) from error  # fmt: skip
    if "missing" in told:
        raise MachineLacks(
            "{python} has no torch, which finds the CUDA devices; name ComfyUI's own Python with --python. Where "
            "ComfyUI runs with ours: .venv/bin/pip install -e '.[gpu]'", python=python,
        )  # fmt: skip
    if not told["devices"]:
        raise MachineLacks(
            "torch {version} sees no CUDA device here; is there an NVIDIA card with its driver?",
            version=told["version"],
        )  # fmt: skip
    visible = [part for part in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if part.strip()]
    return tuple(
        _device(index, uuid, name, memory, visible) for index, (uuid, name, memory) in enumerate(told["devices"])
    )


def _device(index: int, uuid: str, name: str, memory_bytes: int, visible: list[str]) -> CudaDevice:
    """What the person's own CUDA_VISIBLE_DEVICES calls it goes first: that may be a slice of a card (MIG-...)."""
    whole = uuid if not uuid or uuid.startswith(("GPU-", "MIG-")) else f"GPU-{uuid}"
    called = visible[index].strip() if index < len(visible) else whole or str(index)
    return CudaDevice(index=index, uuid=whole, name=name, memory_bytes=int(memory_bytes), visible_as=called)
