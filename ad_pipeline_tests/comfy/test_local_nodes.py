"""One ComfyUI per device: pinned, listed, started again, given up, and always ended."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from ad_pipeline.engines.comfy.client import ComfyNode
from ad_pipeline.engines.comfy.cuda import CudaDevice, cuda_devices
from ad_pipeline.engines.comfy.local_nodes import LocalPlan, run_local_nodes
from ad_pipeline.engines.comfy.rack.config import NodeConfig, read_nodes
from ad_pipeline.engines.comfy.rack.own_block import write_block
from ad_pipeline.errors import InputRejected, MachineLacks
from ad_pipeline_tests.comfy.jobs import until
from ad_pipeline_tests.comfy.local_parts import comfy_folder, lives, torch_that_sees

_DEVICES = tuple(
    CudaDevice(index=n, uuid=f"GPU-{n}", name="Test card", memory_bytes=24 * 2**30, visible_as=f"GPU-{n}")
    for n in (0, 1)
)
_A, _B = (NodeConfig(name=f"gpu{n}", url=f"http://127.0.0.1:818{n}", vram_gb=24.0, card=f"GPU-{n}") for n in (0, 1))


class _Running:
    """What a running `run_local_nodes` told so far."""

    def __init__(self, plan: LocalPlan, devices: Sequence[CudaDevice]) -> None:
        self.said: list[str] = []
        self.listed: list[list[NodeConfig]] = []
        self.error: BaseException | None = None
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(plan, devices))

    def _run(self, plan: LocalPlan, devices: Sequence[CudaDevice]) -> None:
        try:
            run_local_nodes(
                plan, devices, names=[f"gpu{device.index}" for device in devices], tell=self.said.append,
                changed=lambda nodes: self.listed.append(list(nodes)), should_stop=self.stop.is_set,
            )  # fmt: skip
        except (InputRejected, MachineLacks) as error:
            self.error = error


@contextmanager
def _running(plan: LocalPlan, devices: Sequence[CudaDevice]) -> Iterator[_Running]:
    running = _Running(plan, devices)
    running.thread.start()
    try:
        yield running
    finally:
        running.stop.set()
        running.thread.join(30)


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalPlan:
    monkeypatch.setenv("AD_PIPELINE_LANGUAGE", "en")
    monkeypatch.setenv("AD_PIPELINE_SECRET", "Bearer x")
    port = 20000 + os.getpid() * 10 % 20000  # workers of one test run are neighbours
    return LocalPlan(
        comfy=comfy_folder(tmp_path / "ComfyUI"), python=sys.executable, folder=tmp_path / "nodes", first_port=port,
        arguments=("--lowvram",), pause_s=0.05,
    )  # fmt: skip


def _port(node: NodeConfig) -> int:
    return int(node.url.rpartition(":")[2])


def test_each_device_gets_a_server_of_its_own_that_ends_with_us(plan: LocalPlan) -> None:
    with _running(plan, _DEVICES) as running:
        until(lambda: bool(running.listed) and len(running.listed[-1]) == 2, longest_s=30)
        nodes = running.listed[-1]
        for node in nodes:
            with ComfyNode(node.address()) as client:
                assert client.system_stats().version

    began = [lives(plan.comfy, _port(node))[0] for node in nodes]
    assert [one["CUDA_VISIBLE_DEVICES"] for one in began] == ["GPU-0", "GPU-1"]
    assert [one["AD_PIPELINE_SECRET"] for one in began] == [None, None]
    assert began[1]["arguments"] | {"port": 0} == {
        "listen": "127.0.0.1", "port": 0, "lowvram": True, "disable_auto_launch": True,
        "output_directory": str(plan.folder / "gpu1" / "output"),
        "input_directory": str(plan.folder / "gpu1" / "input"),
        "temp_directory": str(plan.folder / "gpu1" / "temp"),
        "user_directory": str(plan.folder / "gpu1" / "user"),
        "database_url": f"sqlite:///{plan.folder / 'gpu1' / 'user' / 'comfyui.db'}",
    }  # fmt: skip
    assert [(node.name, node.card, node.vram_gb) for node in nodes] == [
        ("gpu0", "GPU-0", 24.0),
        ("gpu1", "GPU-1", 24.0),
    ]
    assert not any(psutil.pid_exists(one["pid"]) for one in began)


def test_a_server_that_dies_is_started_again(plan: LocalPlan) -> None:
    with _running(plan, _DEVICES[:1]) as running:
        until(lambda: bool(running.listed), longest_s=30)
        port = _port(running.listed[0][0])
        os.kill(lives(plan.comfy, port)[0]["pid"], signal.SIGKILL)
        until(lambda: sum("answers at" in line for line in running.said) == 2, longest_s=30)

    assert len(lives(plan.comfy, port)) == 2
    assert "gpu0 ended (exit code -9): -; started again in 0 s" in running.said[1]
    assert len(running.listed) == 1  # it stays listed meanwhile


def test_a_server_that_always_dies_is_given_up_and_said_with_its_last_words(plan: LocalPlan) -> None:
    (plan.comfy / "broken").touch()

    with _running(plan, _DEVICES[:1]) as running:
        running.thread.join(30)

    assert "is given up (exit code 3): no kernel image is available" in running.said[-1]
    assert len(running.said) == 5
    assert "no ComfyUI stays alive here" in str(running.error)
    assert running.listed == []


def test_a_port_that_is_taken_is_passed_over_and_a_second_start_refused(plan: LocalPlan) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", plan.first_port))
        taken.listen()
        with _running(plan, _DEVICES[:1]) as first:
            until(lambda: bool(first.listed), longest_s=30)
            with _running(plan, _DEVICES[:1]) as second:
                second.thread.join(10)

    assert _port(first.listed[0][0]) == plan.first_port + 1
    assert "another `gpu up` runs with" in str(second.error)


def test_what_cannot_be_started_is_said_before_anything_is(plan: LocalPlan, tmp_path: Path) -> None:
    other = LocalPlan(comfy=tmp_path, python=plan.python, folder=plan.folder)
    with _running(other, _DEVICES) as nowhere:
        nowhere.thread.join(10)
    (plan.comfy / "main.py").write_text("import no_such_module_of_comfy")
    with _running(plan, _DEVICES) as broken:
        broken.thread.join(10)

    assert "there is no ComfyUI in" in str(nowhere.error) and "--comfy" in str(nowhere.error)
    assert "ModuleNotFoundError: No module named 'no_such_module_of_comfy'" in str(broken.error)
    assert not plan.folder.exists()


# --- the devices --------------------------------------------------------------------------------


def test_torch_names_the_devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = torch_that_sees(tmp_path / "torch", [("aa-bb", "NVIDIA L40S", 48 * 2**30), ("", "Old card", 8_000)])
    monkeypatch.setenv("PYTHONPATH", str(seen))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    plain = cuda_devices(sys.executable)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-1, 3")
    chosen = cuda_devices(sys.executable)

    assert [(device.uuid, device.visible_as) for device in plain] == [("GPU-aa-bb", "GPU-aa-bb"), ("", "1")]
    assert [device.visible_as for device in chosen] == ["MIG-1", "3"]
    assert str(plain[0]) == "NVIDIA L40S, 48 GB"


@pytest.mark.parametrize(
    ("devices", "words"),
    [
        (None, "has no torch, which finds the CUDA devices; name ComfyUI's own Python"),
        ([], "torch 2.13.0 sees no CUDA device here"),
    ],
)
def test_no_torch_or_no_device_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, devices: list[tuple[str, str, int]] | None, words: str
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(torch_that_sees(tmp_path / "torch", devices)))

    with pytest.raises(MachineLacks, match=words):
        cuda_devices(sys.executable)


# --- the nodes file -----------------------------------------------------------------------------


def test_our_block_comes_and_goes_and_leaves_the_rest_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "nodes.toml"
    by_hand = '# mine\n[[node]]\nname = "far"\nurl = "http://10.0.0.5:8188"\n'
    file.write_text(by_hand)

    write_block(file, [_A, _B])
    both = [node.name for node in read_nodes(file)]
    write_block(file, [_B])
    one = read_nodes(file)
    write_block(file, [])

    assert both == ["far", "gpu0", "gpu1"]
    assert one[1] == _B
    assert file.read_text().rstrip() == by_hand.rstrip()
    assert [path.name for path in tmp_path.iterdir()] == ["nodes.toml"]


def test_a_block_makes_the_file_where_there_is_none(tmp_path: Path) -> None:
    file = tmp_path / "new" / "nodes.toml"

    write_block(file, [])
    assert not file.exists()
    write_block(file, [_A])

    assert read_nodes(file) == (_A,)
