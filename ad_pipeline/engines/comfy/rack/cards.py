"""How busy and warm the cards are, which ComfyUI does not tell: from the driver here, from exporters elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ad_pipeline.engines.comfy.protocol import ENGINE, Device, NodeStats
from ad_pipeline.engines.comfy.rack.config import NodeConfig
from ad_pipeline.errors import AdPipelineError, EngineUnavailable
from ad_pipeline.messages import Message


@dataclass(frozen=True, kw_only=True)
class CardProcess:
    """A program that uses a card; `memory_bytes` is None where the driver does not tell it."""

    pid: int
    memory_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Card:
    """One GPU as its driver sees it; None is what was not told."""

    index: int | None = None
    uuid: str = ""
    name: str = ""
    utilization_percent: float | None = None
    temperature_c: float | None = None
    power_w: float | None = None
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    processes: tuple[CardProcess, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A node's card, or why it is not known."""

    card: Card | None = None
    why_not: Message | None = None


def read_cards(nodes: Sequence[NodeConfig], stats: Mapping[str, NodeStats]) -> dict[str, Reading]:
    """The card of each node by the node's name: exporters are asked at once, the driver here only for nodes here.

    `stats` is what the nodes said of themselves, as far as they did; a card may be found by it.
    """
    exporters = list(dict.fromkeys(node.exporter_url for node in nodes if node.exporter_url))
    with_driver = any(not node.exporter_url and node.address().is_loopback for node in nodes)
    with ThreadPoolExecutor(max_workers=max(1, min(16, len(exporters)))) as pool:
        asked = {url: pool.submit(_exporter, url) for url in exporters}
        local = _driver() if with_driver else ()
        told = {url: answer.result() for url, answer in asked.items()}
    found: dict[str, Reading] = {}
    for node in nodes:
        cards = told[node.exporter_url] if node.exporter_url else local
        if not node.exporter_url and not node.address().is_loopback:
            far = EngineUnavailable(
                "node {name} is on another machine and has no exporter_url", engine=ENGINE, name=node.name
            )
            found[node.name] = Reading(why_not=far.message)
        elif isinstance(cards, Message):
            found[node.name] = Reading(why_not=cards)
        else:
            found[node.name] = card_of(node, stats.get(node.name), cards)
    return found


def card_of(node: NodeConfig, stats: NodeStats | None, cards: Sequence[Card]) -> Reading:
    """Which of the machine's cards is the node's: the one that the config names, or the only one that fits."""
    if isinstance(node.card, str):
        fitting = [card for card in cards if _plain(card.uuid) == _plain(node.card)]
    elif node.card >= 0:
        fitting = [card for card in cards if card.index == node.card]
    elif len(cards) > 1 and stats and len(stats.devices) == 1:
        fitting = [card for card in cards if _is_like(card, stats.devices[0])]
    else:
        fitting = list(cards)
    if len(fitting) == 1:
        return Reading(card=fitting[0])
    known = ", ".join(f"{card.index} ({card.name}, {card.uuid})" for card in cards) or "-"
    unclear = EngineUnavailable(
        "which card is that of node {name} is not clear; set card in its entry to one of: {known}",
        engine=ENGINE, name=node.name, known=known,
    )  # fmt: skip
    if node.card != -1:
        unclear = EngineUnavailable(
            "the machine of node {name} has no card {card}; it has: {known}",
            engine=ENGINE, name=node.name, card=node.card, known=known,
        )  # fmt: skip
    return Reading(why_not=unclear.message)


def _plain(uuid: str) -> str:
    """NVIDIA's tools write the same UUID with and without `GPU-`."""
    return uuid.strip().lower().removeprefix("gpu-")


def _is_like(card: Card, device: Device) -> bool:
    # As "cuda:0 NVIDIA GeForce RTX 4090 : cudaMallocAsync"; its number counts only those that the server sees.
    return bool(card.name) and card.name in device.name


def _driver() -> tuple[Card, ...] | Message:
    from ad_pipeline.engines.comfy.rack.nvml import local_cards

    try:
        return local_cards()
    except AdPipelineError as error:
        return error.message


def _exporter(url: str) -> tuple[Card, ...] | Message:
    from ad_pipeline.engines.comfy.rack.exporter import remote_cards

    try:
        return remote_cards(url)
    except AdPipelineError as error:
        return error.message
