"""A server and our client to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ad_pipeline.engines.comfy.client import ComfyNode
from ad_pipeline.engines.comfy.transport import Address
from ad_pipeline_tests.comfy.server import ComfyServer


@pytest.fixture
def server() -> Iterator[ComfyServer]:
    with ComfyServer() as running:
        yield running


@pytest.fixture
def node(server: ComfyServer) -> Iterator[ComfyNode]:
    with ComfyNode(Address(name="gpu0", url=server.url)) as client:
        yield client
