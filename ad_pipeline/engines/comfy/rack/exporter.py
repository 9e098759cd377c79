"""The cards of another machine, from a Prometheus exporter there: NVIDIA's dcgm-exporter or nvidia_gpu_exporter."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import httpx

from ad_pipeline.engines.comfy.protocol import ENGINE, shortened
from ad_pipeline.engines.comfy.rack.cards import Card
from ad_pipeline.engines.comfy.transport import Address
from ad_pipeline.errors import EngineUnavailable

TIMEOUT_S = 3.0
LARGEST_ANSWER_BYTES = 8_000_000
_BLANK = 1e15
"""DCGM writes numbers beyond this for what a card does not tell."""

_MIB = 1024.0 * 1024.0
_FACTS: Mapping[str, tuple[str, float]] = {
    "DCGM_FI_DEV_GPU_UTIL": ("utilization", 1.0),
    "DCGM_FI_DEV_GPU_TEMP": ("temperature", 1.0),
    "DCGM_FI_DEV_POWER_USAGE": ("power", 1.0),
    "DCGM_FI_DEV_FB_USED": ("used", _MIB),
    "DCGM_FI_DEV_FB_FREE": ("free", _MIB),
    "DCGM_FI_DEV_FB_RESERVED": ("reserved", _MIB),
    "DCGM_FI_DEV_FB_TOTAL": ("total", _MIB),
    "nvidia_smi_utilization_gpu_ratio": ("utilization", 100.0),
    "nvidia_smi_temperature_gpu": ("temperature", 1.0),
    "nvidia_smi_power_draw_watts": ("power", 1.0),
    "nvidia_smi_memory_used_bytes": ("used", 1.0),
    "nvidia_smi_memory_total_bytes": ("total", 1.0),
    "nvidia_smi_index": ("index", 1.0),
    "nvidia_smi_gpu_info": ("", 1.0),
}
"""Their names, what they tell, and how many of our units one of theirs is."""


def remote_cards(url: str) -> tuple[Card, ...]:
    """Ask the exporter.

    Raises:
        EngineUnavailable: it does not answer, or tells of no card.
    """
    own_machine = Address(name="exporter", url=url).is_loopback
    try:
        with (
            httpx.Client(timeout=TIMEOUT_S, trust_env=not own_machine) as client,
            client.stream("GET", url) as answer,
        ):
            answer.raise_for_status()
            text = bytearray()
            for chunk in answer.iter_bytes():
                text += chunk
                if len(text) > LARGEST_ANSWER_BYTES:
                    break
    except httpx.HTTPError as error:
        raise EngineUnavailable(
            "the exporter {url} does not answer: {reason}",
            engine=ENGINE, url=url, reason=shortened(str(error) or type(error).__name__),
        ) from error  # fmt: skip
    cards = told_cards(text.decode(errors="replace"))
    if not cards:
        raise EngineUnavailable(
            "the exporter {url} tells of no NVIDIA card; dcgm-exporter and nvidia_gpu_exporter are understood",
            engine=ENGINE, url=url,
        )  # fmt: skip
    return cards


def told_cards(text: str) -> tuple[Card, ...]:
    """The cards in an exporter's text, in the order of their index; none when it is no such text."""
    facts: dict[str, dict[str, float]] = {}
    names: dict[str, dict[str, str]] = {}
    for metric, labels, value in _samples(text):
        uuid = labels.get("UUID") or labels.get("uuid") or labels.get("gpu", "")
        if not uuid or "GPU_I_ID" in labels:  # a slice of a card (MIG) has numbers of its own
            continue
        fact, unit = _FACTS[metric]
        facts.setdefault(uuid, {})
        names.setdefault(uuid, {}).update(labels)
        if fact and math.isfinite(value) and abs(value) < _BLANK:
            facts[uuid][fact] = value * unit
    cards = (_card(uuid, told, names[uuid]) for uuid, told in facts.items())
    return tuple(sorted(cards, key=lambda card: (card.index is None, card.index, card.uuid)))


def _samples(text: str) -> Iterator[tuple[str, dict[str, str], float]]:
    # Here: it takes 80 ms to load, which only those who have an exporter need to pay.
    from prometheus_client.parser import text_string_to_metric_families

    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name in _FACTS:
                    yield sample.name, sample.labels, float(sample.value)
    except ValueError:  # no such text, or cut off in the middle: what was read before counts
        return


def _card(uuid: str, told: Mapping[str, float], labels: Mapping[str, str]) -> Card:
    number = labels.get("gpu") or labels.get("index") or ""
    total = told.get("total")
    if total is None and "used" in told and "free" in told:
        total = told["used"] + told["free"] + told.get("reserved", 0.0)
    index = int(number) if number.isdecimal() else int(told["index"]) if "index" in told else None
    return Card(
        index=index,
        uuid=uuid,
        name=labels.get("modelName") or labels.get("name") or "",
        utilization_percent=told.get("utilization"),
        temperature_c=told.get("temperature"),
        power_w=told.get("power"),
        memory_used_bytes=int(told["used"]) if "used" in told else None,
        memory_total_bytes=None if total is None else int(total),
    )
