"""What the cards tell: exporters' texts, which card is a node's, and what is said where nothing is told."""

from __future__ import annotations

import http.server
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from ad_pipeline.engines.comfy.protocol import Device, NodeStats
from ad_pipeline.engines.comfy.rack.cards import Card, card_of, read_cards
from ad_pipeline.engines.comfy.rack.config import NodeConfig
from ad_pipeline.engines.comfy.rack.exporter import told_cards

_MIB = 1024 * 1024
_A, _B = 'gpu="0",UUID="GPU-aaaa",modelName="NVIDIA L40S"', 'gpu="1",UUID="GPU-bbbb",modelName="NVIDIA A10G"'
_DCGM = f"""\
# HELP DCGM_FI_DEV_GPU_UTIL GPU utilization (in %).
# TYPE DCGM_FI_DEV_GPU_UTIL gauge
DCGM_FI_DEV_GPU_UTIL{{{_B}}} 82
DCGM_FI_DEV_GPU_UTIL{{{_A}}} 75
DCGM_FI_DEV_GPU_TEMP{{{_A}}} 61
DCGM_FI_DEV_POWER_USAGE{{{_A}}} 231.4
DCGM_FI_DEV_POWER_USAGE{{{_B}}} 9223372036854775794
DCGM_FI_DEV_FB_USED{{{_A}}} 20000
DCGM_FI_DEV_FB_FREE{{{_A}}} 26000
DCGM_FI_DEV_FB_USED{{{_A},GPU_I_ID="3"}} 7
"""
_SMI = """\
# TYPE nvidia_smi_gpu_info gauge
nvidia_smi_gpu_info{name="NVIDIA GeForce RTX 4090",uuid="aaaa-bb",index="0"} 1
nvidia_smi_index{uuid="aaaa-bb"} 0
nvidia_smi_utilization_gpu_ratio{uuid="aaaa-bb"} 0.88
nvidia_smi_temperature_gpu{uuid="aaaa-bb"} 70
nvidia_smi_power_draw_watts{uuid="aaaa-bb"} 350.5
nvidia_smi_memory_used_bytes{uuid="aaaa-bb"} 7.06740224e+08
nvidia_smi_memory_total_bytes{uuid="aaaa-bb"} 2.5757220864e+10
go_threads 8
"""


@pytest.fixture
def exporter() -> Iterator[str]:
    """An exporter with two cards; `/broken` and `/empty` are others."""
    texts = {"/metrics": _DCGM, "/broken": _DCGM + "DCGM_FI_DEV_GPU_UTIL{gpu", "/empty": "<html></html>"}

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = texts.get(self.path, "").encode()
            self.send_response(200 if text else 404)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_dcgm_exporter_is_understood() -> None:
    first, second = told_cards(_DCGM)

    assert first == Card(
        index=0, uuid="GPU-aaaa", name="NVIDIA L40S", utilization_percent=75.0, temperature_c=61.0, power_w=231.4,
        memory_used_bytes=20000 * _MIB, memory_total_bytes=46000 * _MIB,
    )  # fmt: skip
    assert (second.name, second.utilization_percent, second.power_w) == ("NVIDIA A10G", 82.0, None)


def test_nvidia_gpu_exporter_is_understood() -> None:
    (card,) = told_cards(_SMI)

    assert card == Card(
        index=0, uuid="aaaa-bb", name="NVIDIA GeForce RTX 4090", utilization_percent=88.0, temperature_c=70.0,
        power_w=350.5, memory_used_bytes=706740224, memory_total_bytes=25757220864,
    )  # fmt: skip


@pytest.mark.parametrize("text", ["", "{}", "<html>", "a b c", 'DCGM_FI_DEV_GPU_UTIL{gpu="', "x{} 1", "\x00\x01"])
def test_another_text_tells_of_no_card(text: str) -> None:
    assert told_cards(text) == ()


# --- whose card ---------------------------------------------------------------------------------

_CARDS = (
    Card(index=0, uuid="GPU-AAAA", name="NVIDIA L40S"),
    Card(index=1, uuid="GPU-BBBB", name="NVIDIA A10G"),
    Card(index=2, uuid="GPU-CCCC", name="NVIDIA A10G"),
)


def _stats(name: str) -> NodeStats:
    device = Device(name=name, kind="cuda", vram_total_bytes=1, vram_free_bytes=1)
    return NodeStats(version="0.33.0", ram_total_bytes=1, ram_free_bytes=1, devices=(device,))


def _node(card: int | str = -1) -> NodeConfig:
    return NodeConfig(name="gpu0", url="http://127.0.0.1:8188", card=card)


@pytest.mark.parametrize(
    ("card", "device", "count", "index"),
    [
        (1, "", 3, 1),
        ("gpu-cccc", "", 3, 2),
        ("CCCC", "", 3, 2),
        (-1, "cuda:0 NVIDIA L40S : cudaMallocAsync", 3, 0),
        (-1, "whatever", 1, 0),
        (-1, "cuda:0 NVIDIA A10G : cudaMallocAsync", 3, None),
        (-1, "", 3, None),
        (7, "", 3, None),
        ("dddd", "", 1, None),
    ],
)
def test_a_nodes_card_is_named_or_the_only_one_that_fits(card: int | str, device: str, count: int, index: int) -> None:
    found = card_of(_node(card), _stats(device) if device else None, _CARDS[:count])

    assert (found.card.index if found.card else None) == index
    assert (found.why_not is None) == (found.card is not None)


def test_an_unclear_card_is_said_with_what_there_is() -> None:
    assert "set card in its entry to one of: 0 (NVIDIA L40S, GPU-AAAA), 1" in str(
        card_of(_node(), None, _CARDS).why_not
    )
    assert "has no card 7; it has: 0 (NVIDIA L40S" in str(card_of(_node(7), None, _CARDS).why_not)


# --- reading ------------------------------------------------------------------------------------


def test_each_node_gets_its_card_from_its_exporter(exporter: str) -> None:
    url = "http://10.0.0.5:8188"
    nodes = [
        NodeConfig(name="a", url=url, exporter_url=f"{exporter}/metrics", card=0),
        NodeConfig(name="b", url=url, exporter_url=f"{exporter}/broken", card="GPU-bbbb"),
        NodeConfig(name="c", url=url, exporter_url=f"{exporter}/empty"),
        NodeConfig(name="d", url=url, exporter_url=f"{exporter}/gone"),
        NodeConfig(name="e", url=url, exporter_url="http://127.0.0.1:9/metrics"),
        NodeConfig(name="f", url=url),
    ]

    found = read_cards(nodes, {})

    assert found["a"].card is not None and found["a"].card.temperature_c == 61.0
    assert found["b"].card is not None and found["b"].card.utilization_percent == 82.0
    assert "tells of no NVIDIA card" in str(found["c"].why_not)
    assert "does not answer: Client error '404" in str(found["d"].why_not)
    assert "does not answer" in str(found["e"].why_not)
    assert "is on another machine and has no exporter_url" in str(found["f"].why_not)


def _said_in_a_process_of_its_own(before: str) -> str:
    program = (
        f"import sys; {before}\n"
        "from ad_pipeline.engines.comfy.rack.cards import read_cards\n"
        "from ad_pipeline.engines.comfy.rack.config import NodeConfig\n"
        "print(read_cards([NodeConfig(name='gpu0', url='http://127.0.0.1:1')], {})['gpu0'].why_not)"
    )
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    ).stdout  # fmt: skip


def test_a_missing_package_is_said_in_one_sentence() -> None:
    said = _said_in_a_process_of_its_own("sys.modules['pynvml'] = None")

    assert said == (
        "the cards of this machine cannot be read without nvidia-ml-py: .venv/bin/pip install nvidia-ml-py\n"
    )


@pytest.mark.skipif(shutil.which("nvidia-smi") is not None, reason="there is a driver here")
def test_a_missing_driver_is_said_in_one_sentence() -> None:
    pytest.importorskip("pynvml")

    assert "NVIDIA's driver does not answer here: NVML Shared Library Not Found" in _said_in_a_process_of_its_own("")


@pytest.mark.gpu
@pytest.mark.skipif(shutil.which("nvidia-smi") is None, reason="there is no driver here")
def test_a_real_card_tells_its_numbers() -> None:
    from ad_pipeline.engines.comfy.rack.nvml import local_cards

    card = local_cards()[0]

    assert card.name and card.uuid.startswith("GPU-")
    assert card.memory_total_bytes and card.memory_used_bytes is not None
    assert card.temperature_c is not None and 0 < card.temperature_c < 120
    assert card.power_w is not None and card.power_w > 0
    assert card.utilization_percent is not None and 0 <= card.utilization_percent <= 100
