"""What a plate is: a world that a scene happens in, with the words that call for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ad_pipeline.engines.animatic.drawing.canvas import Linear
from ad_pipeline.engines.animatic.drawing.stage import Stage

Ground = Literal["floor", "flat", "mirror", "float"]
"""How the subject is held: it stands, it lies and is seen from above, it is reflected, it hovers."""


@dataclass(frozen=True, kw_only=True)
class Plate:
    """A world; `draw` paints it on a stage in linear light, without any text.

    English words match at the start of a word, Korean ones anywhere.
    """

    name: str
    words: tuple[str, ...]
    draw: Callable[[Stage], Linear]
    ground: Ground
    night: bool = False
    macro: bool = False
    """A texture that fills the picture and carries a scene without any product."""
    particles: Literal["", "dust", "snow", "bokeh", "petals", "bubbles"] = ""
