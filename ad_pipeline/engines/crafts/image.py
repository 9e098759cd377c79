"""Who turns a prompt into one still picture."""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ad_pipeline.engines.contracts import Done, Engine, Estimate, Job
from ad_pipeline.story.brand_kit import BrandKit
from ad_pipeline.values import Box, Size


@dataclass(frozen=True, kw_only=True)
class Look:
    """The brand and product as every picture of one ad shares them."""

    kit: BrandKit
    product: str
    product_image: Path | None = None
    language: Literal["ko", "en"] = "ko"


@dataclass(frozen=True, kw_only=True)
class ImageRequest:
    """One picture. `calm_boxes` are where text will lie: keep the picture quiet there."""

    prompt: str
    negative_prompt: str = ""
    size: Size
    seed: int
    purpose: str = "story"
    camera: str = ""
    look: Look
    brand_elements: tuple[str, ...] = ()
    safe_box: Box
    calm_boxes: tuple[Box, ...] = ()
    edits: Path | None = None
    """A picture to change as `prompt` says, instead of making one."""
    mark_boxes: tuple[Box, ...] = ()
    """Corners where a small mark lies: a product keeps clear of them, a surface or a figure need not."""
    motion_style: str = "gentle drift"
    controlnet_mode: str | None = None
    claims: tuple[str, ...] = ()
    """Sourced claims that the picture may show; a badge or number needs one."""
    steps: int | None = None
    cfg: float | None = None


@dataclass(frozen=True, kw_only=True)
class ImageDone(Done):
    """`layers_dir` holds what the picture was composed of, for engines that keep layers."""

    layers_dir: Path | None = None


class ImageEngine(Engine):
    """Turns a prompt into one still picture."""

    @abstractmethod
    def render_image(self, request: ImageRequest, target: Path, layers_dir: Path, job: Job) -> ImageDone:
        """Write one PNG of exactly `request.size` (8-bit RGB, no text) to `target`.

        An engine that composes layers may write them into `layers_dir` (made by it).

        Raises:
            EngineUnavailable: a passing fault; nothing was written.
            EngineRefused: this request will never work; nothing was written.
        """

    def announce_image(self, request: ImageRequest, job: Job) -> AbstractContextManager[object]:
        """While this lasts, whoever gives out turns knows that this work will be asked for as `job`. Never raises."""
        return contextlib.nullcontext()

    def estimate_image(self, request: ImageRequest) -> Estimate:
        return Estimate()
