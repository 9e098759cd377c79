"""Is there a face? Asked before a lipsync job, of three pictures of the stretch that is spoken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ad_pipeline.engines.comfy.filling import Wish, filled
from ad_pipeline.engines.comfy.graphs import Graph
from ad_pipeline.engines.comfy.part import spared
from ad_pipeline.engines.comfy.recipe import Value
from ad_pipeline.engines.comfy.workshop import Ran, Want, Workshop
from ad_pipeline.engines.contracts import Job
from ad_pipeline.errors import EngineError
from ad_pipeline.media.conform import pictures_at
from ad_pipeline.media.time import FILM

GRAPH = "face_mesh"
NOT_CHECKED = "not checked"
_IMAGES, _DRAWN = ("image", "image_2", "image_3"), ("picture", "picture_2", "picture_3")
_BRIGHT, _FEWEST_BRIGHT = 40, 30
_ESTIMATE_S = 2.0


@dataclass(frozen=True, kw_only=True)
class FaceLook:
    """In which frames a face was looked for, and in which there is one; why not, where nobody could look."""

    frames: tuple[int, ...] = ()
    found: tuple[bool, ...] = ()
    share: float = 0.0
    """How much of the picture the largest face's box takes."""
    ran: Ran | None = None
    why_not: str = ""

    @property
    def told(self) -> dict[str, object]:
        """For the record."""
        if self.ran is None:
            return {"face": NOT_CHECKED, "face_not_checked": self.why_not}
        at_s = [round(FILM.seconds(frame), 2) for frame in self.frames]
        found = f"in {sum(self.found)} of {len(self.found)} pictures"
        return {"face": found, "face_looked_at_s": at_s, "face_share": round(self.share, 4)}


def look_for_face(
    shop: Workshop,
    clip: Path,
    frames: Sequence[int],
    job: Job,
    *,
    scratch: Path,
    stage: str,
    share: tuple[float, float],
) -> FaceLook:
    """Look for a face in three frames of the clip; `scratch` is a path that the pictures' names begin with.

    Raises:
        EngineUnavailable: a passing fault, while attempts are left.
        MediaError: the clip or an answer cannot be read.
    """
    if not shop.can(GRAPH, stage=stage):
        return FaceLook(why_not=f"no node can run the graph {GRAPH}")
    given = {name: scratch.with_name(f"{scratch.name}.{name}.png") for name in _IMAGES}
    drawn = {name: scratch.with_name(f"{scratch.name}.{name}.png") for name in _DRAWN}

    def fill(graph: Graph) -> dict[str, Value | Path]:
        return filled(graph, Wish(files=given))

    want = Want(stage=stage, part="face", graph=GRAPH, fill=fill, drafts=drawn, share=share, estimate_s=_ESTIMATE_S)
    try:
        for picture, target in zip(pictures_at(clip, frames), given.values(), strict=True):
            Image.fromarray(picture).save(target, format="PNG", compress_level=1)
        ran = spared(lambda: shop.run(job, want), job)
        if isinstance(ran, EngineError):
            return FaceLook(why_not=str(ran.message))
        shares = [_face_share(path) for path in drawn.values()]
    finally:
        for file in (*given.values(), *drawn.values()):
            file.unlink(missing_ok=True)
    found = tuple(one > 0 for one in shares)
    return FaceLook(frames=tuple(frames), found=found, share=max(shares), ran=ran)


def _face_share(path: Path) -> float:
    """The share of the picture that the drawn lines' box takes; 0 where all is black."""
    with Image.open(path) as image:
        bright = np.asarray(image.convert("RGB"), np.uint8).max(axis=2) > _BRIGHT
    if bright.sum() < _FEWEST_BRIGHT:
        return 0.0
    rows, columns = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
    return float((rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1) / bright.size)
