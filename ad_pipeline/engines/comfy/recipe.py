"""What a graph's TOML says beside its JSON: its inputs and outputs by name, what it needs, what it may be used for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ad_pipeline.engines.contracts import PaidAds

SlotKind = Literal["text", "integer", "number", "flag", "choice", "model", "image", "audio", "video"]
"""`model` is the name of a model file that lies on the node already; a `choice` is one of a few values."""
FILE_KINDS: frozenset[SlotKind] = frozenset({"image", "audio", "video"})
_WORST_FIRST: tuple[PaidAds, ...] = ("no", "limited", "yes")
_LARGEST_SHARE = 1.05
Value = str | int | float | bool

_Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
_PART = r"[A-Za-z0-9_][A-Za-z0-9_.+ -]*"
_FileName = Annotated[str, Field(pattern=rf"^{_PART}$")]
_Folder = Annotated[str, Field(pattern=rf"^{_PART}(/{_PART})*$")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Target(_Table):
    """One input of one node, found by the node's title."""

    node: str
    input: str


class LeftOut(_Table):
    """A node that goes when its slot is not given.

    `passes` names, output by output, the node's own input that takes the output's place: a LoRA
    loader passes ["model", "clip"]. What hangs on an output that nothing takes the place of is cut off.
    """

    node: str
    passes: list[str] = []


class Slot(_Table):
    """A value that the caller gives by name; without `default` it must be given, unless it is `optional`.

    An optional slot that is not given takes its nodes out of the graph (`without`, or else the nodes
    that it is bound to). File kinds take the name that `ComfyNode.upload` gave. Whole numbers may be
    bound to a grid: `step` 4 and `offset` 1 allow 1, 5, 9...
    """

    kind: SlotKind
    to: list[Target] = Field(min_length=1)
    default: Value | None = None
    optional: bool = False
    without: list[LeftOut] = []
    at_least: float | None = None
    at_most: float | None = None
    step: int = Field(default=1, ge=1)
    offset: int = 0
    choices: list[str] = []

    @property
    def left_out(self) -> list[LeftOut]:
        """The nodes that go when the slot is not given."""
        return self.without or [LeftOut(node=node) for node in dict.fromkeys(target.node for target in self.to)]

    def fitted(self, wanted: int) -> int:
        """The nearest whole number not below `wanted` that the grid allows, within the limits."""
        value = wanted + (self.offset - wanted) % self.step
        if self.at_least is not None and value < self.at_least:
            return self.fitted(math.ceil(self.at_least))
        while self.at_most is not None and value > self.at_most:
            value -= self.step
        return value


class OutputSlot(_Table):
    """A file that the graph leaves, found by its node's title."""

    node: str
    media: Literal["image", "video", "audio"]


class ModelFile(_Table):
    """A file that has to lie in `models/{folder}` of the node, or in its ComfyUI's `custom_nodes/...`.

    `page` is where its terms are read, `url` the file itself, empty where it is fetched by hand.
    `size_bytes` is what its page or a public list says, 0 where none does. `optional`: only wanted
    by a choice that is not the default. `unlisted`: its node loads it by itself, so that no server
    tells whether it is there.
    """

    file: _FileName
    folder: _Folder
    page: str
    url: str = ""
    size_bytes: int = Field(ge=0)
    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    licence: str
    paid_ads: PaidAds
    optional: bool = False
    unlisted: bool = False
    note: str = ""


class Service(_Table):
    """Somebody else's machines that a node of the graph calls; it costs money, and its own terms hold."""

    name: str
    page: str
    licence: str
    paid_ads: PaidAds
    usd: float = Field(default=0.0, ge=0.0)
    """By its price list, for what the recipe's defaults ask of it; `per` run of the graph or second of film."""
    per: Literal["run", "second"] = "run"
    note: str = ""


class Pack(_Table):
    """A pack of node classes that is no part of ComfyUI itself."""

    name: str
    url: str
    classes: list[str]


class Recipe(_Table):
    """The whole TOML; sizes, rates and lengths are the model's own.

    `smaller` names the graph to take when memory runs out, with `smaller_values` in place of the
    same values asked before. `film_rate_fps` is the rate of the film that the graph leaves, where
    frames are interpolated in it.
    """

    summary: str
    makes: Literal["image", "video", "audio"]
    vram_gb: float = Field(default=0, ge=0)
    smaller: str = ""
    smaller_values: dict[_Name, Value] = {}
    native_width_px: int | None = Field(default=None, gt=0)
    native_height_px: int | None = Field(default=None, gt=0)
    rate_fps: float | None = Field(default=None, gt=0)
    film_rate_fps: float | None = Field(default=None, gt=0)
    longest_frames: int | None = Field(default=None, gt=0)
    inputs: dict[_Name, Slot] = {}
    outputs: dict[_Name, OutputSlot] = Field(min_length=1)
    models: list[ModelFile] = []
    services: list[Service] = []
    packs: list[Pack] = []

    def model_post_init(self, context: Any, /) -> None:
        for name, slot in self.inputs.items():
            if slot.default is not None and not fits(slot, slot.default):
                raise ValueError(f"inputs.{name}.default {slot.default!r} is not allowed by its own limits")
            if slot.optional and slot.default is not None:
                raise ValueError(f"inputs.{name} is optional and has a default; it can only be one of both")

    @property
    def paid_ads(self) -> PaidAds:
        """The narrowest of all terms that the graph stands under; files that only a choice wants left aside."""
        told: list[PaidAds] = [model.paid_ads for model in self.models if not model.optional]
        told.extend(service.paid_ads for service in self.services)
        return narrowest(told)

    def price_usd(self, given: Mapping[str, object]) -> float:
        """What one run with these values costs by the services' price lists; nothing on the own cards."""
        lasting = given.get("duration_s", self.inputs["duration_s"].default if "duration_s" in self.inputs else None)
        seconds = float(lasting) if isinstance(lasting, int | float) else 1.0
        return sum(service.usd * (seconds if service.per == "second" else 1.0) for service in self.services)

    @property
    def licences(self) -> str:
        """All terms by name."""
        names = [model.licence for model in self.models if not model.optional]
        return ", ".join(dict.fromkeys([*names, *(service.licence for service in self.services)])) or "none told"

    def size_for(self, width_px: int, height_px: int) -> tuple[int, int]:
        """Width and height to ask for: the shape of the wanted picture, as many pixels as the model is made for.

        The picture is brought to the wanted size afterwards. A graph without a native size takes it as it is.
        """
        if not (self.native_width_px and self.native_height_px):
            return width_px, height_px
        budget, shape = self.native_width_px * self.native_height_px, width_px / height_px
        sizes = [
            (width, height)
            for width in self._steps("width", math.sqrt(budget * shape))
            for height in self._steps("height", width / shape)
            if width * height <= budget * _LARGEST_SHARE
        ]

        def misses(size: tuple[int, int]) -> float:
            return 4 * abs(math.log(size[0] / size[1] / shape)) + abs(math.log(size[0] * size[1] / budget))

        return min(sizes, key=misses, default=(self.native_width_px, self.native_height_px))

    def _steps(self, name: str, wanted: float) -> Iterator[int]:
        """Allowed values of a size's slot around `wanted`."""
        slot = self.inputs.get(name)
        if slot is None:
            yield round(wanted)
            return
        nearest = slot.fitted(int(wanted))
        for value in range(nearest - 2 * slot.step, nearest + 2 * slot.step + 1, slot.step):
            if fits(slot, value):
                yield value

    def film_frames(self, frames: int) -> int:
        """How many frames the film has when the model is asked for `frames`."""
        return (frames - 1) * self._stretch.numerator // self._stretch.denominator + 1

    def frames_for(self, film_frames: int) -> int:
        """How many frames to ask of the model for a film of at least `film_frames`, or the most that it can."""
        wanted = math.ceil((film_frames - 1) / self._stretch) + 1
        if self.longest_frames:
            wanted = min(wanted, self.longest_frames)
        return self.inputs["frames"].fitted(wanted) if "frames" in self.inputs else wanted

    @property
    def _stretch(self) -> Fraction:
        if not (self.rate_fps and self.film_rate_fps):
            return Fraction(1)
        return Fraction(str(self.film_rate_fps)) / Fraction(str(self.rate_fps))


def narrowest(terms: Iterable[PaidAds]) -> PaidAds:
    """What is allowed under all of them together."""
    found = set(terms)
    for worst in _WORST_FIRST:
        if worst in found:
            return worst
    return "yes"


def fits(slot: Slot, value: object) -> bool:
    """Whether the slot allows `value`."""
    match slot.kind:
        case "integer":
            if not isinstance(value, int) or isinstance(value, bool) or (value - slot.offset) % slot.step:
                return False
        case "number":
            if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
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
