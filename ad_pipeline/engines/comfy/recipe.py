"""What a graph's TOML says beside its JSON: its inputs and outputs by name, what it needs, what it may be used for."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ad_pipeline.engines.contracts import PaidAds

SlotKind = Literal["text", "integer", "number", "flag", "choice", "image", "audio", "video"]
FILE_KINDS: frozenset[SlotKind] = frozenset({"image", "audio", "video"})
Value = str | int | float | bool

_Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Target(_Table):
    """One input of one node, found by the node's title."""

    node: str
    input: str


class Slot(_Table):
    """A value that the caller gives by name; without `default` it must be given.

    File kinds take the name that `ComfyNode.upload` gave. Whole numbers may be bound to a grid:
    `step` 4 and `offset` 1 allow 1, 5, 9...
    """

    kind: SlotKind
    to: list[Target] = Field(min_length=1)
    default: Value | None = None
    at_least: float | None = None
    at_most: float | None = None
    step: int = Field(default=1, ge=1)
    offset: int = 0
    choices: list[str] = []

    def fitted(self, wanted: int) -> int:
        """The nearest whole number not below `wanted` that the grid allows, within the limits."""
        value = wanted + (self.offset - wanted) % self.step
        if self.at_least is not None and value < self.at_least:
            return self.fitted(int(self.at_least))
        while self.at_most is not None and value > self.at_most:
            value -= self.step
        return value


class OutputSlot(_Table):
    """A file that the graph leaves, found by its node's title."""

    node: str
    media: Literal["image", "video", "audio"]


class ModelFile(_Table):
    """A file that has to lie in `models/{folder}` of the node."""

    file: str
    folder: str
    page: str
    size_bytes: int = Field(ge=0)
    sha256: str = ""
    licence: str
    paid_ads: PaidAds
    note: str = ""


class Pack(_Table):
    """A pack of node classes that is no part of ComfyUI itself."""

    name: str
    url: str
    classes: list[str]


class Recipe(_Table):
    """The whole TOML. `smaller` names the graph to take when memory runs out; sizes and rates are the model's own."""

    summary: str
    makes: Literal["image", "video", "audio"]
    vram_gb: float = Field(default=0, ge=0)
    smaller: str = ""
    native_width_px: int | None = None
    native_height_px: int | None = None
    rate_fps: float | None = None
    longest_frames: int | None = None
    inputs: dict[_Name, Slot] = {}
    outputs: dict[_Name, OutputSlot] = Field(min_length=1)
    models: list[ModelFile] = []
    packs: list[Pack] = []

    def model_post_init(self, context: Any, /) -> None:
        for name, slot in self.inputs.items():
            if slot.default is not None and not fits(slot, slot.default):
                raise ValueError(f"inputs.{name}.default {slot.default!r} is not allowed by its own limits")


def fits(slot: Slot, value: object) -> bool:
    """Whether the slot allows `value`."""
    match slot.kind:
        case "integer":
            if not isinstance(value, int) or isinstance(value, bool) or (value - slot.offset) % slot.step:
                return False
        case "number":
            if not isinstance(value, int | float) or isinstance(value, bool):
                return False
        case "flag":
            return isinstance(value, bool)
        case "choice":
            return value in slot.choices
        case _:
            return isinstance(value, str)
    return not (
        (slot.at_least is not None and value < slot.at_least) or (slot.at_most is not None and value > slot.at_most)
    )


def allowed(slot: Slot) -> str:
    """What the slot allows, for an error message."""
    if slot.kind == "choice":
        return ", ".join(slot.choices)
    limits = [f">= {slot.at_least:g}"] if slot.at_least is not None else []
    limits += [f"<= {slot.at_most:g}"] if slot.at_most is not None else []
    limits += [f"{slot.step}n + {slot.offset}"] if slot.step > 1 else []
    return ", ".join([slot.kind, *limits])
