"""Where an ad is shown: safe zones and loudness per channel, kept as dated data."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import Any

from ad_pipeline.media.loudness_target import LoudnessTarget
from ad_pipeline.story.formats import Format, size_of
from ad_pipeline.story.loudness_standards import STANDARDS, SharedLoudness, shared_loudness
from ad_pipeline.values import Box


@dataclass(frozen=True, kw_only=True)
class Margins:
    """What a channel's own interface covers, as fractions of width and height."""

    top: float
    bottom: float
    left: float
    right: float


@dataclass(frozen=True, kw_only=True)
class Channel:
    """One place where the ad is shown."""

    name: str
    title: str
    loudness: LoudnessTarget
    vertical: Margins
    other: Margins
    source: str


def _channel(name: str, row: dict[str, Any]) -> Channel:
    return Channel(
        name=name,
        title=row["title"],
        source=row["source"],
        loudness=STANDARDS[row["loudness"]],
        vertical=Margins(**row["vertical"]),
        other=Margins(**row["other"]),
    )


_ROWS = tomllib.loads((resources.files("ad_pipeline.story") / "channels.toml").read_text(encoding="utf-8"))
CHANNELS = MappingProxyType({name: _channel(name, row) for name, row in _ROWS.items()})


def safe_box(format_: Format, channels: Iterable[str]) -> Box:
    """The part of the picture that no channel's interface covers."""
    size = size_of(format_)
    margins = [CHANNELS[name].vertical if format_ == "9:16" else CHANNELS[name].other for name in channels]
    return Box(
        left_px=_up(max(m.left for m in margins) * size.width_px),
        top_px=_up(max(m.top for m in margins) * size.height_px),
        right_px=size.width_px - _up(max(m.right for m in margins) * size.width_px),
        bottom_px=size.height_px - _up(max(m.bottom for m in margins) * size.height_px),
    )


def film_loudness(channels: Iterable[str]) -> SharedLoudness:
    """The loudness of a film for these channels; the first one's comes first."""
    return shared_loudness([CHANNELS[name].loudness for name in channels])


def unmet_channels(channels: Iterable[str]) -> tuple[str, ...]:
    """Those of `channels` whose loudness the one sound of the film does not have."""
    names = tuple(channels)
    unmet = film_loudness(names).unmet
    return tuple(name for name in names if CHANNELS[name].loudness in unmet)


def _up(value: float) -> int:
    return int(-(-value // 1))
